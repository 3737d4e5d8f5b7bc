//! What the command line gives to the settings, by the original's variable names.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Archive, Build, Check, Command, Copy, Deploy, Edit, Invocation, Mode, Show};

/// The settings that words and options give, each under the id of its argument.
const NAMES: &[&str] = &[
    "DEPLOY_ENVIRONMENT",
    "NODE_ENVIRONMENT",
    "FROM",
    "WITH",
    "TO",
    "REVISION",
    "TAG",
    "BRANCH",
    "VERSION",
    "RELEASE_FILE",
    "DESTINATION_FILE",
    "RELEASE_STORE",
    "INCREASE_VERSION_TYPE",
    "HOST",
    "TARGET_MIX_ENV",
    "RELUP_MODIFICATION_MODULE",
    "AUTO_RELEASE_VERSION",
    "INCREMENT_RELEASE_VERSION",
    "SET_RELEASE_VERSION",
    "SKIP_GIT_CLEAN",
    "SKIP_MIX_CLEAN",
    "SKIP_RELUP_MODIFICATIONS",
    "SKIP_COPYING_EXISTING_FILES",
    "PARALLEL",
    "FORCE",
    "CLEAN_DEPLOY",
    "START_DEPLOY",
    "DOCKER_PUSH",
    "MIGRATE",
    "ROLLBACK_MIGRATIONS",
    "DEPLOY_BATCH",
    "RUNS_AS_MIX_TASK",
    "PLAIN",
];

/// Settings by name, with their values.
pub(super) type Given = Vec<(&'static str, String)>;

/// The settings that `matches` gives: those that stand on the command line, not the defaults.
pub(super) fn given(matches: &ArgMatches) -> Given {
    NAMES.iter().filter_map(|name| Some((*name, value(name, matches)?))).collect()
}

fn value(name: &str, matches: &ArgMatches) -> Option<String> {
    let Ok(Some(mut values)) = matches.try_get_raw(name) else {
        return None; // no argument of this command
    };
    if matches.value_source(name) != Some(ValueSource::CommandLine) {
        return None;
    }
    let value = values.next_back()?.to_string_lossy().into_owned();
    Some(match name {
        // The words of `mix release.version`.
        "SET_RELEASE_VERSION" => format!("set {value}"),
        "SKIP_COPYING_EXISTING_FILES" => "skip".to_owned(),
        _ => value,
    })
}

impl Invocation {
    /// What the command line gives to the settings: the command itself, and exactly the words and
    /// options that were given. A stage or environment left out is not among them; nor is REVISION
    /// for a TAG.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let command = &self.command;
        let mut settings = vec![("COMMAND", command.word().to_owned())];
        settings.extend(command.what().map(|what| ("COMMAND_INFO", what.to_owned())));
        settings.extend(command.strategy().map(|strategy| ("STRATEGY", strategy)));
        match command {
            Command::Node(node) => settings.push(("NODE_ACTION", node.action().to_owned())),
            Command::Check(check) => settings.push(("CHECK_CMD", check.word().to_owned())),
            Command::Increase(increase) if !self.gives("INCREASE_VERSION_TYPE") => {
                settings.push(("INCREASE_VERSION_TYPE", increase.part.as_str().to_owned()));
            }
            _ => {}
        }
        if let Some(mode) = self.common.mode() {
            settings.push(("MODE", mode.as_str().to_owned()));
            if mode != Mode::Compact {
                settings.push(("VERBOSE", "true".to_owned()));
            }
        }
        settings.extend(self.given.iter().cloned());
        settings
    }

    fn gives(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }
}

impl Command {
    /// The word that names it (`COMMAND`).
    pub fn word(&self) -> &str {
        match self {
            Command::Build(_) => "build",
            Command::Deploy(_) => "deploy",
            Command::Update(_) => "update",
            Command::Upgrade(_) => "upgrade",
            Command::Rollback(_) => "rollback",
            Command::Status(_) => "status",
            Command::History(_) => "history",
            Command::Recover(_) => "recover",
            Command::Drill(_) => "drill",
            Command::Doctor(_) => "doctor",
            Command::Init(_) => "init",
            Command::Node(node) => node.action(),
            Command::Show(_) => "show",
            Command::Edit(_) => "edit",
            Command::Upload(_) => "upload",
            Command::Download(_) => "download",
            Command::Increase(_) => "increase",
            Command::Pack(_) => "pack",
            Command::Unpack(_) => "unpack",
            Command::Check(_) => "check",
            Command::Completions { .. } => "completions",
            Command::Manual => "man",
            Command::Custom(custom) => custom.words.first().map_or("", String::as_str),
        }
    }

    /// The word behind it (`COMMAND_INFO`), in the original's spelling.
    pub fn what(&self) -> Option<&str> {
        match self {
            Command::Build(Build::Appups(_)) => Some("appup"),
            Command::Build(Build::Release(_))
            | Command::Deploy(Deploy::Release(_))
            | Command::Upload(Copy::Release(_))
            | Command::Download(Copy::Release(_))
            | Command::Pack(Archive::Release(_))
            | Command::Unpack(Archive::Release(_)) => Some("release"),
            Command::Build(Build::Upgrade(_))
            | Command::Deploy(Deploy::Upgrade(_))
            | Command::Upload(Copy::Upgrade(_))
            | Command::Download(Copy::Upgrade(_))
            | Command::Pack(Archive::Upgrade(_))
            | Command::Unpack(Archive::Upgrade(_)) => Some("upgrade"),
            Command::Show(Show::Releases(_)) => Some("releases"),
            Command::Show(Show::Appups) | Command::Edit(Edit::Appups(_)) => Some("appups"),
            Command::Show(Show::Relup { .. }) | Command::Edit(Edit::Relup(_)) => Some("relup"),
            Command::Increase(_) => Some("versions"),
            Command::Custom(custom) => custom.words.get(1).map(String::as_str),
            Command::Update(_)
            | Command::Upgrade(_)
            | Command::Rollback(_)
            | Command::Status(_)
            | Command::History(_)
            | Command::Recover(_)
            | Command::Drill(_)
            | Command::Doctor(_)
            | Command::Init(_)
            | Command::Node(_)
            | Command::Upload(Copy::File { .. })
            | Command::Download(Copy::File { .. })
            | Command::Check(_)
            | Command::Completions { .. }
            | Command::Manual => None,
        }
    }

    /// The words that name it, as messages show it.
    pub fn name(&self) -> String {
        let what = match self {
            Command::Check(check) => Some(check.word()),
            command => command.what(),
        };
        [Some(self.word()), what].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The original's name for the recipe (`STRATEGY`); none for what it does not have.
    pub fn strategy(&self) -> Option<String> {
        Some(match self {
            Command::Node(_) => "erlang-node-execute".to_owned(),
            Command::Upload(_) | Command::Download(_) => "erlang-release-store-copy".to_owned(),
            Command::Pack(_) | Command::Unpack(_) => "erlang-unpack-pack".to_owned(),
            Command::Increase(_) => "erlang-increase-versions".to_owned(),
            Command::Custom(custom) => format!("erlang-{}", custom.words.join("-")),
            Command::Rollback(_)
            | Command::Status(_)
            | Command::History(_)
            | Command::Recover(_)
            | Command::Drill(_)
            | Command::Doctor(_)
            | Command::Init(_)
            | Command::Completions { .. }
            | Command::Manual => return None,
            _ => match self.what() {
                Some(what) => format!("erlang-{}-{what}", self.word()),
                None => format!("erlang-{}", self.word()),
            },
        })
    }
}

impl Check {
    /// The word behind `check` (`CHECK_CMD`).
    pub fn word(&self) -> &'static str {
        match self {
            Check::Release(_) => "release",
            Check::Config { .. } => "config",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use crate::cli::help;

    /// Every argument that looks like a setting is one, else it would be dropped in silence.
    #[test]
    fn every_id_in_capitals_is_known() {
        let mut commands = vec![help::tree()];
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                assert!(id.to_uppercase() != id || NAMES.contains(&id), "{id} of {}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
