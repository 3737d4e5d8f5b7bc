//! A command of a build tool, and what its failure means.

use super::Project;
use crate::transport::{Arg, RemoteCommand, RemotePath};

/// A command of a build tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The command.
    pub command: RemoteCommand,
    /// What its failure means.
    pub on_failure: OnFailure,
}

/// What the failure of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The build has failed.
    Stop,
    /// A later task decides; the user gets this hint.
    GoOn(&'static str),
}

impl Task {
    /// A task that must work.
    pub(super) fn must(command: RemoteCommand) -> Self {
        Self { command, on_failure: OnFailure::Stop }
    }
}

/// The command of a tool whose name is `words` as MIX_CMD and its kin have them: leading `NAME=value` words
/// set its environment, and a `~` is the build user's home, as when a shell reads them.
pub(super) fn tool(project: &Project<'_>, words: &[String]) -> RemoteCommand {
    let (environment, program) = split(words);
    let mut program = program.iter().map(|text| word(text));
    let first = program.next().unwrap_or_else(|| Arg::Text(String::new()));
    prepared(project, RemoteCommand::new(first).args(program)).envs(environment)
}

/// A script that gets the words of a tool as its first arguments.
pub(super) fn script_for_tool(project: &Project<'_>, script: &str, words: &[String]) -> RemoteCommand {
    let (environment, program) = split(words);
    prepared(project, RemoteCommand::script(script).args(program.iter().map(|text| word(text))))
        .envs(environment)
}

/// Everything of a build runs in the checkout, after the profile.
pub(super) fn prepared(project: &Project<'_>, command: RemoteCommand) -> RemoteCommand {
    command.cwd(project.at).profile(&project.settings.profile)
}

fn split(words: &[String]) -> (Vec<(&str, &str)>, &[String]) {
    let assignments: Vec<(&str, &str)> = words.iter().map_while(|word| assignment(word)).collect();
    let program = &words[assignments.len()..];
    (assignments, program)
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && name.starts_with(|c: char| !c.is_ascii_digit())).then_some((name, value))
}

fn word(word: &str) -> Arg {
    let home = word.starts_with('~') || word.starts_with("$HOME/") || word.starts_with("${HOME}/");
    match word.parse::<RemotePath>() {
        Ok(path) if home => Arg::Path(path),
        _ => Arg::Text(word.to_owned()),
    }
}
