//! The values that options and words carry, each with its own type and its own refusal.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::settings::Stage;

/// What `--auto-version` appends to the version, in order (PARITY.md section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoVersion(Vec<AutoVersionTerm>);

/// One `+`-joined term of `--auto-version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoVersionTerm {
    /// The short sha1 of the commit that is built.
    Revision,
    /// The number of commits, on all branches or on the one that is built.
    CommitCount(Commits),
    /// The branch that is built.
    Branch,
    /// The same, unless it is master.
    BranchUnlessMaster,
    /// The build's date, `YYYYMMDD`.
    Date,
    /// The build's time, `HHMMSS`.
    Time,
    /// The mix environment that is built with.
    MixEnv,
}

/// Which commits `commit-count` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// Those of every branch (the default).
    AllBranches,
    /// Those of the branch that is built.
    Branch,
}

/// Why a text is no value of `--auto-version`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{0}' is not among revision, commit-count[-all[-branches]|-branch], branch[-unless-master], date, time, mix-env (join several with '+')"
)]
pub struct InvalidAutoVersion(String);

impl AutoVersion {
    /// The terms, in the order in which they are appended.
    pub fn terms(&self) -> &[AutoVersionTerm] {
        &self.0
    }
}

impl FromStr for AutoVersion {
    type Err = InvalidAutoVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split('+').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for AutoVersionTerm {
    type Err = InvalidAutoVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The prefixes say nothing; each may stand once, in this order, as with the original.
        let term = ["append-", "git-", "build-"]
            .into_iter()
            .fold(text, |term, prefix| term.strip_prefix(prefix).unwrap_or(term));
        Ok(match term {
            "revision" => Self::Revision,
            "commit-count" | "commit-count-all" | "commit-count-all-branches" => {
                Self::CommitCount(Commits::AllBranches)
            }
            "commit-count-branch" => Self::CommitCount(Commits::Branch),
            "branch" => Self::Branch,
            "branch-unless-master" => Self::BranchUnlessMaster,
            "date" => Self::Date,
            "time" => Self::Time,
            "mix-env" => Self::MixEnv,
            _ => return Err(InvalidAutoVersion(text.to_owned())),
        })
    }
}

/// Which part of the version `--increment-version` raises for this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IncrementVersion {
    /// 1.2.3 becomes 2.0.0.
    Major,
    /// 1.2.3 becomes 1.3.0.
    Minor,
    /// 1.2.3 becomes 1.2.4.
    Patch,
}

/// Which part of the versions `increase` raises in the project's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Increase {
    /// The last of three parts; a third part is added where there are two. In mix.exs the second one.
    Minor,
    /// The second part. In mix.exs the first one.
    Major,
    /// The last of three parts; a third part is added where there are two.
    Patch,
    /// The first part: 1.2.3 becomes 2.0.
    Version,
}

impl Increase {
    /// As it stands in `INCREASE_VERSION_TYPE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Increase::Minor => "minor",
            Increase::Major => "major",
            Increase::Patch => "patch",
            Increase::Version => "version",
        }
    }
}

/// Which way `migrate` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// Runs pending migrations (the default).
    Up,
    /// Undoes migrations.
    Down,
}

impl Direction {
    /// The directions by their words.
    pub fn of(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }
}

/// A commit, tag or branch by any name that git understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRef(String);

/// Why a text names nothing in git.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a name that git allows: no blanks, not empty, no '-' in front")]
pub struct InvalidGitRef(String);

impl GitRef {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GitRef {
    type Err = InvalidGitRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A leading '-' would be read as an option by git.
        if text.is_empty()
            || text.starts_with('-')
            || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(InvalidGitRef(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The environment of a node command: any NAME for which the settings have `<NAME>_NODES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEnvironment(String);

/// Why a text cannot name an environment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{0}' cannot be the name of an environment: letters, digits and '_' only, since its nodes are the setting <NAME>_NODES"
)]
pub struct InvalidNodeEnvironment(String);

impl NodeEnvironment {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeEnvironment {
    type Err = InvalidNodeEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let variable = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if variable { Ok(Self(text.to_owned())) } else { Err(InvalidNodeEnvironment(text.to_owned())) }
    }
}

/// The number of a migration, as its file's name begins.
pub(super) fn migration(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "a migration is named by the number its file begins with, as 20240131120000".to_owned())
}

/// Every stage, as the help and the completions list them.
pub(super) const STAGES: [Stage; 3] = [Stage::Staging, Stage::Production, Stage::Local];

/// The stage that a word names; `locally` and `localhost` are `local` (PARITY.md section 3).
pub(super) fn stage_of(word: &str) -> Option<Stage> {
    let word = if matches!(word, "locally" | "localhost") { "local" } else { word };
    STAGES.into_iter().find(|stage| stage.as_str() == word)
}

/// clap's parser for a [`Stage`].
pub(super) fn stage() -> impl TypedValueParser<Value = Stage> {
    PossibleValuesParser::new(STAGES.map(Stage::as_str))
        .try_map(|word| stage_of(&word).ok_or_else(|| format!("'{word}' is not a stage")))
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NodeEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_version_takes_every_spelling() {
        use AutoVersionTerm::*;
        for (text, terms) in [
            ("revision", vec![Revision]),
            ("append-git-revision+git-branch", vec![Revision, Branch]),
            ("git-commit-count-all", vec![CommitCount(Commits::AllBranches)]),
            (
                "commit-count-all-branches+commit-count-branch",
                vec![CommitCount(Commits::AllBranches), CommitCount(Commits::Branch)],
            ),
            ("branch-unless-master+build-date+time+mix-env", vec![BranchUnlessMaster, Date, Time, MixEnv]),
        ] {
            assert_eq!(text.parse::<AutoVersion>().unwrap().terms(), terms, "{text}");
        }
    }

    #[test]
    fn auto_version_names_the_term_it_refuses() {
        for (text, term) in
            [("revison", "revison"), ("date+", ""), ("date+git-append-time", "git-append-time")]
        {
            assert_eq!(text.parse::<AutoVersion>(), Err(InvalidAutoVersion(term.to_owned())), "{text}");
        }
    }

    #[test]
    fn names_that_would_be_options_or_no_variables_are_refused() {
        for text in ["", "--upload-pack=x", "a b", "a\nb"] {
            assert!(text.parse::<GitRef>().is_err(), "{text:?}");
        }
        for text in ["", "eu-west", "1st", "a;b"] {
            assert!(text.parse::<NodeEnvironment>().is_err(), "{text:?}");
        }
    }
}
