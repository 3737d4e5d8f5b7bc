//! What may stand at the cursor of a command line that is being written (`edeliver __complete WORDS..`).
//!
//! The clap tree and the word grammar say what kind of word is wanted; the project says which there are.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use super::{help, scan, words};

/// The hidden word that the scripts of `edeliver completions` call us with.
pub const WORD: &str = "__complete";

/// A word that may stand there, with what it means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The word as a whole.
    pub word: String,
    /// What it means; empty where it speaks for itself.
    pub about: String,
}

/// Words that only the project knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromProject {
    /// Its strategies.
    Strategies,
    /// Environments that have nodes.
    Environments,
    /// The hosts of all stages.
    Hosts,
    /// The versions of releases in the store.
    Releases,
    /// The versions of upgrades in the store.
    Upgrades,
}

/// What may stand at the cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The words that are known here.
    pub known: Vec<Candidate>,
    /// What the project adds.
    pub from_project: Option<FromProject>,
    /// What stands before each word of the project: `--version=`.
    pub prefix: String,
}

/// What may stand in place of the last of `words`, whatever it begins with so far.
pub fn complete(words: &[String]) -> Completion {
    let root = help::tree();
    let (current, before) = words.split_last().map_or(("", words), |(last, rest)| (last.as_str(), rest));
    let options = scan::every_option(&root);
    let taking =
        |name: &str| options.iter().find(|option| takes_value(option) && option.get_long() == Some(name));
    let (plain, waiting) = without_options(before, |name| taking(name).is_some());
    let plain: Vec<&str> = plain.into_iter().skip_while(|word| *word == "help").collect();
    let path: Vec<String> = plain.iter().take(2).map(|word| (*word).to_owned()).collect();
    let path = help::path(&root, &path);
    let leaf = help::at(&root, &path);
    if let Some((name, _)) = current.strip_prefix("--").and_then(|option| option.split_once('=')) {
        return taking(name)
            .map_or_else(Completion::default, |option| values(option, &path, format!("--{name}=")));
    }
    if let Some(option) = waiting.and_then(taking) {
        return values(option, &path, String::new());
    }
    if current.starts_with('-') {
        return Completion { known: options_of(leaf, &root), ..Completion::default() };
    }
    let rest = plain.get(path.len()..).unwrap_or_default();
    if leaf.has_subcommands() {
        return if rest.is_empty() { subcommands(leaf, path.is_empty()) } else { Completion::default() };
    }
    positional(leaf, &path, rest)
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set)
}

/// The words that are no options, and the option that waits for its value.
fn without_options(before: &[String], takes: impl Fn(&str) -> bool) -> (Vec<&str>, Option<&str>) {
    let (mut plain, mut waiting) = (Vec::new(), None);
    for word in before {
        match (word.strip_prefix("--"), waiting) {
            (Some(name), _) => waiting = Some(name).filter(|name| takes(name)),
            (None, Some(_)) => waiting = None,
            (None, None) if word.starts_with('-') => {}
            (None, None) => plain.push(word.as_str()),
        }
    }
    (plain, waiting)
}

fn subcommands(command: &Command, is_root: bool) -> Completion {
    let visible = command.get_subcommands().filter(|what| !what.is_hide_set());
    let mut known: Vec<Candidate> =
        visible.map(|what| candidate(what.get_name(), what.get_about().map(ToString::to_string))).collect();
    if is_root {
        known.push(candidate("help", Some("Shows the help of a command".to_owned())));
    } else if command.get_name() == "show" {
        known.push(candidate("migrations", None));
    }
    Completion { known, from_project: is_root.then_some(FromProject::Strategies), prefix: String::new() }
}

fn options_of(leaf: &Command, root: &Command) -> Vec<Candidate> {
    let visible = leaf.get_arguments().chain(root.get_arguments()).filter(|option| !option.is_hide_set());
    let mut all: Vec<Candidate> = visible
        .filter_map(|option| {
            let ending = if takes_value(option) { "=" } else { "" };
            let about = option.get_help().map(ToString::to_string);
            Some(candidate(&format!("--{}{ending}", option.get_long()?), about))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The words behind a command; of those that are there, `rest`, each fills one place.
fn positional(leaf: &Command, path: &[String], rest: &[&str]) -> Completion {
    let filled = rest.iter().filter(|word| !words::NOISE.contains(word)).count();
    let places: Vec<&Arg> = leaf.get_positionals().collect();
    let direction = leaf.get_name() == "migrate" && filled > 0;
    match places.get(filled) {
        Some(place) => values(place, path, String::new()),
        None if direction => Completion {
            known: ["up", "down"].map(|word| candidate(word, None)).to_vec(),
            ..Completion::default()
        },
        None => Completion::default(),
    }
}

/// The values of an option or a place.
fn values(argument: &Arg, path: &[String], prefix: String) -> Completion {
    let is_upgrade = path.last().is_some_and(|word| word == "upgrade") && path.len() == 2;
    let from_project = match argument.get_id().as_str() {
        "NODE_ENVIRONMENT" => Some(FromProject::Environments),
        "HOST" => Some(FromProject::Hosts),
        "WITH" => Some(FromProject::Releases),
        "VERSION" if path.first().is_some_and(|word| word == "migrate") => None,
        "VERSION" if is_upgrade => Some(FromProject::Upgrades),
        "VERSION" => Some(FromProject::Releases),
        _ => None,
    };
    let known = match argument.get_id().as_str() {
        "INCREASE_VERSION_TYPE" => {
            ["major", "minor", "patch", "versions"].map(|word| candidate(word, None)).to_vec()
        }
        _ => possible(argument, &prefix),
    };
    Completion { known, from_project, prefix }
}

fn possible(argument: &Arg, prefix: &str) -> Vec<Candidate> {
    if !argument.get_action().takes_values() {
        return Vec::new();
    }
    let visible = argument.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    let named = |value: PossibleValue| {
        candidate(&format!("{prefix}{}", value.get_name()), value.get_help().map(ToString::to_string))
    };
    visible.map(named).collect()
}

fn candidate(word: &str, about: Option<String>) -> Candidate {
    Candidate { word: word.to_owned(), about: about.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: &str) -> Completion {
        complete(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn known(line: &str) -> Vec<String> {
        at(line).known.into_iter().map(|candidate| candidate.word).collect()
    }

    #[test]
    fn commands_and_their_words() {
        assert!(known("").contains(&"deploy".to_owned()) && !known("").contains(&"man".to_owned()));
        assert_eq!(known("deploy "), ["release", "upgrade"]);
        assert_eq!(known("help deploy "), ["release", "upgrade"]);
        assert_eq!(known("deploy release "), ["staging", "production", "local"]);
        assert_eq!(known("-V deploy release --branch main to "), ["staging", "production", "local"]);
        assert_eq!(known("deploy release production "), [""; 0]);
        assert_eq!(known("migrate staging "), ["up", "down"]);
        assert_eq!(known("increase "), ["major", "minor", "patch", "versions"]);
        assert_eq!(known("doctor "), ["build", "staging", "production"]);
        assert_eq!(known("nonsense "), [""; 0]);
    }

    #[test]
    fn options_and_their_values() {
        let options = known("deploy release --");
        assert!(options.contains(&"--version=".to_owned()) && options.contains(&"--json".to_owned()));
        assert!(!options.contains(&"--follow".to_owned()));
        for (line, from_project, prefix) in [
            ("deploy release --version=", FromProject::Releases, "--version="),
            ("deploy upgrade production --version ", FromProject::Upgrades, ""),
            ("build upgrade --with=1", FromProject::Releases, "--with="),
            ("status production --host=", FromProject::Hosts, "--host="),
            ("ping on ", FromProject::Environments, ""),
            ("upload release ", FromProject::Releases, ""),
        ] {
            let completion = at(line);
            assert_eq!(
                (completion.from_project, completion.prefix.as_str()),
                (Some(from_project), prefix),
                "{line}"
            );
        }
        assert_eq!(
            at("migrate production --version="),
            Completion { prefix: "--version=".to_owned(), ..Completion::default() }
        );
        assert_eq!(
            known("build release --increment-version="),
            ["major", "minor", "patch"].map(|part| format!("--increment-version={part}"))
        );
    }
}
