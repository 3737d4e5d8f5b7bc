//! edeliver's word grammar: `deploy release to production`, `show migrations on staging`.
//!
//! Turns the sorted command line into the one order that clap reads (PARITY.md section 3).

use std::path::Path;

use super::command::Custom;
use super::error::UsageError;
use super::scan::{GivenOption, Scan};
use super::suggest::{misspelt_stage, nearest};
use super::values::{Direction, stage_of};
use crate::settings::Stage;

/// Words that only make a command read well. (The original knows `check` and does nothing with it.)
pub(super) const NOISE: [&str; 3] = ["to", "on", "check"];

/// Which command the words name, with the words that follow it.
#[derive(Debug)]
pub(super) enum Named {
    /// One of ours: its names in the clap tree (empty: none at all), the words behind it.
    Ours { path: Vec<String>, rest: Vec<String> },
    /// A strategy of the project.
    Custom { words: Vec<String>, rest: Vec<String> },
}

/// The words of a command, placed.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Arguments for clap, those without a name first.
    pub arguments: Vec<String>,
    /// The stage, for a command that has no place for one.
    pub stage: Option<Stage>,
    /// Words that mean nothing here.
    pub ignored: Vec<String>,
}

/// Finds the command. With `help`, words that lead nowhere end the search instead of failing.
pub(super) fn command(scan: &Scan, root: &clap::Command, project: &Path) -> Result<Named, UsageError> {
    let Some(first) = scan.words.first() else {
        return Ok(Named::Ours { path: Vec::new(), rest: Vec::new() });
    };
    let second = scan.words.get(1).map(String::as_str);
    let rest = |used: usize| scan.words[used..].to_vec();
    let Some(command) = root.find_subcommand(first) else {
        let used = usize::from(second.is_some_and(|word| has_strategy(project, &[first, word]))) + 1;
        if used == 2 || has_strategy(project, &[first]) {
            return Ok(Named::Custom { words: scan.words[..used].to_vec(), rest: rest(used) });
        }
        let meant = meant_command(first, root);
        if scan.help && meant.is_none() {
            return Ok(Named::Ours { path: Vec::new(), rest: Vec::new() });
        }
        return Err(UsageError::new(format!("unknown command '{first}'")).suggest(meant));
    };
    let ours = |names: &[&str], used| {
        Ok(Named::Ours { path: names.iter().map(|name| (*name).to_owned()).collect(), rest: rest(used) })
    };
    let name = command.get_name();
    if !command.has_subcommands() {
        // 'rollback release' says no more than 'rollback'.
        let release = name == "rollback" && second == Some("release");
        return ours(&[name], if release { 2 } else { 1 });
    }
    // 'show migrations' is a node command under another name.
    if name == "show" && second == Some("migrations") {
        return ours(&["migrations"], 2);
    }
    let what = second.and_then(|word| command.find_subcommand(word)).filter(|what| !what.is_hide_set());
    match (what, command.find_subcommand("FILE"), second) {
        (Some(what), _, _) => ours(&[name, what.get_name()], 2),
        _ if scan.help => ours(&[name], 1),
        (None, Some(file), Some(_)) => ours(&[name, file.get_name()], 1),
        (None, _, word) => Err(missing_what(command, word)),
    }
}

fn missing_what(command: &clap::Command, word: Option<&str>) -> UsageError {
    let name = command.get_name();
    let visible =
        || command.get_subcommands().filter(|what| !what.is_hide_set()).map(clap::Command::get_name);
    let mut known: Vec<&str> = visible().collect();
    known.extend(["FILE"].into_iter().filter(|file| command.find_subcommand(file).is_some()));
    known.extend(["migrations"].into_iter().filter(|_| name == "show"));
    let known = known.join(", ");
    match word {
        Some(word) => UsageError::new(format!("unknown word '{word}' after '{name}'; known are {known}"))
            .suggest(nearest(word, visible()).map(|what| format!("{name} {what}"))),
        None => UsageError::new(format!("'{name}' needs a word that says what; known are {known}")),
    }
}

/// Whether the project has the strategy that `words` name (`.deliver/strategies/erlang-X[-Y]`).
fn has_strategy(project: &Path, words: &[&str]) -> bool {
    let plain = |word: &&str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    words.iter().all(plain)
        && project.join(".deliver/strategies").join(format!("erlang-{}", words.join("-"))).is_file()
}

/// A command within edit distance 2 of `word`, also of two words written as one (`build-release`).
fn meant_command(word: &str, root: &clap::Command) -> Option<String> {
    let mut commands: Vec<String> = Vec::new();
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        commands.push(command.get_name().to_owned());
        let whats = command.get_subcommands().filter(|what| !what.is_hide_set());
        commands.extend(whats.map(|what| format!("{} {}", command.get_name(), what.get_name())));
    }
    nearest(word, commands.iter().map(String::as_str).chain(["help"])).map(str::to_owned)
}

/// Places the words behind `leaf`, our command.
pub(super) fn place(rest: &[String], leaf: &clap::Command) -> Result<Placed, UsageError> {
    let ids: Vec<&str> = leaf.get_positionals().map(|argument| argument.get_id().as_str()).collect();
    if ids.contains(&"NODE_ENVIRONMENT") {
        return place_nodes(rest, leaf.get_name() == "migrate");
    }
    if ids.contains(&"INCREASE_VERSION_TYPE") {
        return place_increase(rest);
    }
    if ids.contains(&"scope") {
        let words = rest.iter().filter(|word| !NOISE.contains(&word.as_str()));
        return Ok(Placed { arguments: words.cloned().collect(), ..Placed::default() });
    }
    // File names and versions are taken as they are, whatever they look like.
    let verbatim = ids.iter().filter(|id| **id != "DEPLOY_ENVIRONMENT").count().min(rest.len());
    let mut placed = place_stage(&rest[verbatim..])?;
    if ids.contains(&"DEPLOY_ENVIRONMENT") {
        placed.arguments.extend(placed.stage.take().map(|stage| stage.as_str().to_owned()));
    }
    placed.arguments.splice(0..0, rest[..verbatim].iter().cloned());
    Ok(placed)
}

/// Finds the one stage among `words`.
pub(super) fn place_stage(words: &[String]) -> Result<Placed, UsageError> {
    let mut placed = Placed::default();
    let mut after: Option<&str> = None;
    for word in words.iter().map(String::as_str) {
        match (stage_of(word), misspelt_stage(word)) {
            _ if NOISE.contains(&word) => {
                after = Some(word).filter(|word| *word != "check");
                continue;
            }
            (Some(stage), _) => match placed.stage.replace(stage) {
                Some(other) if other != stage => return Err(two_stages(other.as_str(), stage.as_str())),
                _ => {}
            },
            (None, Some(meant)) => return Err(no_stage(word).suggest(Some(meant.as_str()))),
            (None, None) if after.is_some() => return Err(no_stage(word)),
            (None, None) => placed.ignored.push(word.to_owned()),
        }
        after = None;
    }
    dangling(after, "a stage").map_or(Ok(placed), Err)
}

/// `deploy release to $STAGE` with an empty variable must not go to the default stage.
fn dangling(after: Option<&str>, what: &str) -> Option<UsageError> {
    after.map(|word| UsageError::new(format!("{what} is missing behind '{word}'")))
}

fn no_stage(word: &str) -> UsageError {
    UsageError::new(format!("'{word}' is not a stage; stages are staging, production and local"))
}

fn two_stages(one: &str, other: &str) -> UsageError {
    UsageError::new(format!("both '{one}' and '{other}' are named; run the command once for each"))
}

/// Finds the environment, which may have any name, and for `migrate` the direction.
fn place_nodes(words: &[String], migrate: bool) -> Result<Placed, UsageError> {
    let mut placed = Placed::default();
    let mut environment: Option<&str> = None;
    let mut direction: Option<&str> = None;
    let last = words.last().map(String::as_str).filter(|last| ["to", "on"].contains(last));
    if let Some(error) = dangling(last, "an environment") {
        return Err(error);
    }
    for word in words.iter().map(String::as_str).filter(|word| !NOISE.contains(word)) {
        if migrate && Direction::of(word).is_some() {
            if direction.is_some_and(|other| other != word) {
                return Err(two_stages("up", "down"));
            }
            direction = Some(word);
        } else if let Some(one) = environment {
            match (stage_of(word), misspelt_stage(word)) {
                (Some(_), _) if word == one => {}
                (Some(_), _) => return Err(two_stages(one, word)),
                (None, Some(meant)) => return Err(no_stage(word).suggest(Some(meant.as_str()))),
                (None, None) => placed.ignored.push(word.to_owned()),
            }
        } else {
            // `staging2` may well have its own nodes, and case does not matter; `prodcution` has none.
            let lower = word.to_lowercase();
            let meant = misspelt_stage(word)
                .filter(|stage| !lower.starts_with(stage.as_str()) && !stage.as_str().starts_with(&lower));
            if let Some(meant) = meant {
                let error = UsageError::new(format!("'{word}' looks like a misspelt environment"));
                return Err(error.suggest(Some(meant.as_str())));
            }
            environment = Some(word);
        }
    }
    placed.arguments.extend(environment.map(str::to_owned));
    placed.arguments.extend(direction.map(|direction| format!("--direction={direction}")));
    Ok(placed)
}

/// `increase [major|minor|patch] version(s)`: alone, `versions` raises the first part.
fn place_increase(words: &[String]) -> Result<Placed, UsageError> {
    let mut words = words.iter().map(String::as_str).peekable();
    let part = match words.next() {
        None => return Ok(Placed::default()),
        Some("version" | "versions") => "version",
        Some(part @ ("major" | "minor" | "patch")) => part,
        Some(word) => {
            let error = UsageError::new(format!(
                "unknown word '{word}' after 'increase'; known are major, minor, patch, versions"
            ));
            return Err(error.suggest(nearest(word, ["major", "minor", "patch", "versions"].into_iter())));
        }
    };
    words.next_if(|word| part != "version" && matches!(*word, "version" | "versions"));
    let rest: Vec<String> = words.map(str::to_owned).collect();
    let mut placed = place_stage(&rest)?;
    placed.arguments.insert(0, part.to_owned());
    Ok(placed)
}

/// Splits the options into those that `leaf` (or every command) takes, and the others.
pub(super) fn options_of(
    leaf: &clap::Command,
    root: &clap::Command,
    options: Vec<GivenOption>,
) -> (Vec<GivenOption>, Vec<GivenOption>) {
    let takes = |option: &GivenOption| {
        let mut arguments = leaf.get_arguments().chain(root.get_arguments());
        arguments.any(|argument| argument.get_long() == Some(&option.name))
    };
    options.into_iter().partition(takes)
}

/// A strategy of the project, with the stage among the words behind it.
pub(super) fn custom(
    words: Vec<String>,
    rest: &[String],
    help: bool,
) -> Result<(Custom, Placed), UsageError> {
    let placed = place_stage(rest)?;
    Ok((Custom { words, stage: placed.stage, help }, placed))
}
