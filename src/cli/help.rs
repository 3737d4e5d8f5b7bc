//! Help and manual page, both from the one clap tree.

use std::io::{self, Write as _};

use clap::{Arg, ArgAction, CommandFactory};
use clap_mangen::Man;

use super::command::Cli;
use crate::exit::Exit;

/// How the general help groups the commands.
const GROUPS: &[(&str, &[&str])] = &[
    ("Build", &["build release", "build upgrade", "build appups"]),
    ("Deploy", &["deploy release", "deploy upgrade", "update", "upgrade", "rollback"]),
    ("Hosts", &["doctor", "status", "history", "recover", "drill"]),
    (
        "Nodes",
        &["start", "stop", "restart", "ping", "version", "migrate", "migrations", "remote_console", "logs"],
    ),
    (
        "Store and project",
        &[
            "init",
            "show releases",
            "show appups",
            "show relup",
            "edit relup",
            "edit appups",
            "upload",
            "download",
            "pack",
            "unpack",
            "increase",
            "check config",
            "check release",
            "completions",
        ],
    ),
];

const EXAMPLES: &str = "\
Examples:
  edeliver build release --branch=main
  edeliver deploy release to production --start-deploy
  edeliver version production
  edeliver help deploy release

  Every setting of .deliver/config may be given in the environment:
  BUILD_HOST=build-2.acme.com edeliver build release

  Options may be written --branch=main or --branch main.
  A command of your own: .deliver/strategies/erlang-NAME makes 'edeliver NAME'.";

const TEMPLATE: &str =
    "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Common options:\n{options}{after-help}";

/// How wide help is at most.
const WIDTH: usize = 100;

/// The clap tree of all commands.
pub(super) fn tree() -> clap::Command {
    // One help for both spellings, where clap would make a short and a long one.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpLong).global(true);
    let help = help.help("Show the help of the command").help_heading("Common options");
    let root = Cli::command().args_override_self(true).max_term_width(WIDTH).help_template(TEMPLATE);
    let root = root.disable_help_flag(true).arg(help).mut_subcommands(inherit_examples);
    let groups = groups(&root);
    root.before_long_help(groups).after_long_help(format!("{}\n{EXAMPLES}", exit_statuses()))
}

/// `pack release` has the examples of `pack`, unless it has its own.
fn inherit_examples(command: clap::Command) -> clap::Command {
    let Some(examples) = command.get_after_long_help().cloned() else { return command };
    command.mut_subcommands(|what| match what.get_after_long_help() {
        Some(_) => what,
        None => what.after_long_help(examples.clone()),
    })
}

fn groups(root: &clap::Command) -> String {
    let mut text = String::new();
    for (heading, names) in GROUPS {
        write_line(&mut text, format_args!("{heading}:"));
        for name in *names {
            let path: Vec<String> = name.split(' ').map(str::to_owned).collect();
            let about = at(root, &path).get_about().map(ToString::to_string).unwrap_or_default();
            write_line(&mut text, format_args!("  {name:<16} {about}"));
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn exit_statuses() -> String {
    let mut text = String::from("Exit status:\n");
    for (exit, meaning) in Exit::TABLE {
        let lines = fill(meaning, WIDTH - 8).join("\n       ");
        write_line(&mut text, format_args!("  {:>3}  {lines}", exit.code()));
    }
    text
}

/// Breaks `text` into lines of at most `width` characters.
fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}

/// The command at `path`, or the last one on the way there.
pub(super) fn at<'a>(root: &'a clap::Command, path: &[String]) -> &'a clap::Command {
    path.iter().fold(root, |command, name| command.find_subcommand(name).unwrap_or(command))
}

/// The names of the commands that `words` lead to, as far as they lead.
pub(super) fn path(root: &clap::Command, words: &[String]) -> Vec<String> {
    let mut command = root;
    words
        .iter()
        .map_while(|word| {
            command = command.find_subcommand(word)?;
            Some(command.get_name().to_owned())
        })
        .collect()
}

fn built(root: &mut clap::Command, path: &[String]) -> clap::Command {
    root.build();
    at(root, path).clone()
}

/// The usage line of the command at `path`.
pub(super) fn usage(root: &mut clap::Command, path: &[String]) -> String {
    built(root, path).render_usage().to_string()
}

/// The help of the command at `path`; with ANSI styles unless `plain`.
pub(super) fn page(root: &mut clap::Command, path: &[String], plain: bool) -> String {
    let help = built(root, path).render_long_help();
    let text = if plain { help.to_string() } else { help.ansi().to_string() };
    text.trim_end().lines().fold(String::new(), |page, line| page + line.trim_end() + "\n")
}

/// The manual page, in roff: one section for each command.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn manual() -> io::Result<Vec<u8>> {
    let mut root = tree();
    root.build();
    let man = Man::new(root.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for command in root.get_subcommands() {
        manual_of(command, &mut page)?;
        for what in command.get_subcommands() {
            manual_of(what, &mut page)?;
        }
    }
    writeln!(page, ".SH NOTES")?;
    without_heading(&man, &mut page)?;
    Ok(page)
}

/// The part of the manual about `command`, below COMMANDS.
fn manual_of(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    if command.is_hide_set() {
        return Ok(());
    }
    let mut own = command.clone();
    // The common options stand at the top of the page.
    let common: Vec<_> =
        own.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().clone()).collect();
    for id in common {
        own = own.mut_arg(id, |argument| argument.hide(true));
    }
    let name = own.get_bin_name().unwrap_or(own.get_name()).to_owned();
    let man = Man::new(own);
    let mut section = Vec::new();
    man.render_synopsis_section(&mut section)?;
    man.render_description_section(&mut section)?;
    man.render_options_section(&mut section)?;
    without_heading(&man, &mut section)?;
    writeln!(page, ".SS {name}")?;
    let section = String::from_utf8_lossy(&section);
    for line in section.lines() {
        match line.strip_prefix(".SH ") {
            Some(heading) => writeln!(page, ".PP\n\\fI{}\\fR\n.br", heading.trim_matches('"'))?,
            None => writeln!(page, "{line}")?,
        }
    }
    Ok(())
}

/// The examples, without the heading EXTRA that clap_mangen gives them.
fn without_heading(man: &Man, page: &mut Vec<u8>) -> io::Result<()> {
    let mut extra = Vec::new();
    man.render_extra_section(&mut extra)?;
    let extra = String::from_utf8_lossy(&extra);
    writeln!(page, ".PP\n{}", extra.strip_prefix(".SH EXTRA\n").unwrap_or(&extra).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }

    #[test]
    fn the_general_help_leaves_no_command_out() {
        let root = tree();
        let listed = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
        for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
            for what in command.get_subcommands().filter(|what| !what.is_hide_set()) {
                let name = format!("{} {}", command.get_name(), what.get_name());
                assert!(listed(&name) || listed(command.get_name()), "{name}");
            }
            assert!(command.has_subcommands() || listed(command.get_name()), "{}", command.get_name());
        }
    }
}
