//! The command line: edeliver's words and options become an [`Invocation`] (PARITY.md section 3).
//!
//! `scan` tells options from words, `words` finds the command and puts everything into the one
//! order that clap reads, clap checks the values and fills the types of [`command`]. The same clap
//! tree writes the help, the manual page and the completions.

mod build;
mod command;
mod complete;
mod deploy;
mod error;
mod examples;
mod help;
mod hosts;
mod init;
mod node;
mod options;
mod scan;
mod settings;
mod shell;
mod suggest;
mod values;
mod words;

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, FromArgMatches};

pub use self::build::{Base, Build, BuildRelease, BuildUpgrade};
pub use self::command::{
    Archive, Check, Command, Copy, CopyVersion, Custom, Edit, IncreaseVersions, OtherStore, Selection, Show,
    ShowReleases,
};
pub use self::complete::{Candidate, Completion, FromProject, complete};
pub use self::deploy::{Deploy, DeployRelease, DeployUpgrade, Rollback, Update, Upgrade};
pub use self::error::UsageError;
pub use self::help::manual;
pub use self::hosts::{Doctor, DoctorScope, Drill, Look, Recover};
pub use self::init::Init;
pub use self::node::{Logs, Migrate, Node, NodeOptions, Restart};
pub use self::options::{BuildOptions, Common, Mode, RelupOptions, VersionOptions};
pub use self::shell::Shell;
pub use self::values::{
    AutoVersion, AutoVersionTerm, Commits, Direction, GitRef, Increase, IncrementVersion, InvalidAutoVersion,
    InvalidGitRef, InvalidNodeEnvironment, NodeEnvironment,
};

use self::command::Cli;
use self::scan::{GivenOption, Scan};
use self::settings::Given;
use self::words::Named;

/// The answer to `--version`: ours, and the version of the original that it replaces.
pub const VERSION: &str =
    concat!("edeliver ", env!("CARGO_PKG_VERSION"), "\ncompatible with edeliver 1.9.2 (bash)\n");

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command with its words and options.
    pub command: Command,
    /// The options that every command takes.
    pub common: Common,
    /// Words and options that mean nothing to us, as they were written, without repetitions. The
    /// config's `accepts_custom_command_argument` may know them; what it does not know is hinted
    /// at ([`ignored_hint`]).
    pub ignored: Vec<String>,
    /// What else the user may want to know about the command line.
    pub hints: Vec<String>,
    given: Given,
}

/// What becomes of a command line.
#[derive(Debug)]
pub enum Parsed {
    /// A command is to be run.
    Run(Box<Invocation>),
    /// Only this text is to be printed (help, version); it may hold ANSI styles. Exit status 0.
    Print(String),
    /// The same for the overview of all commands, to which a project may add its own.
    Overview(String),
    /// A shell asks what may stand in place of the last of these words.
    Complete(Vec<String>),
}

/// What the user is told about a word or option that nobody knows.
pub fn ignored_hint(argument: &str) -> String {
    format!("Unknown argument {argument} ignored")
}

/// Reads the command line `args` (without the program's name) of a command run in `project`.
///
/// # Errors
/// When it means nothing, or probably something else than it says.
pub fn parse(args: impl IntoIterator<Item = OsString>, project: &Path) -> Result<Parsed, UsageError> {
    let args: Vec<String> = args.into_iter().map(utf8).collect::<Result<_, _>>()?;
    match args.first().map(String::as_str) {
        // Answered before clap's tree is built: scripts ask for it often.
        Some("-v" | "--version") => return Ok(Parsed::Print(VERSION.to_owned())),
        Some(complete::WORD) => return Ok(Parsed::Complete(args[1..].to_vec())),
        None => return Err(no_command(&mut help::tree())),
        Some(_) => {}
    }
    let mut root = help::tree();
    read(&args, &mut root, project).map_err(|error| {
        let words: Vec<String> = args.iter().filter(|arg| !arg.starts_with('-')).take(2).cloned().collect();
        let path = help::path(&root, &words);
        let more = ["edeliver help"].into_iter().chain(path.iter().map(String::as_str));
        let more = more.collect::<Vec<_>>().join(" ");
        error.usage(help::usage(&mut root, &path)).hint(format!("'{more}' says more"))
    })
}

fn read(args: &[String], root: &mut clap::Command, project: &Path) -> Result<Parsed, UsageError> {
    let scan = scan::scan(args, root)?;
    match words::command(&scan, root, project)? {
        Named::Custom { words, rest } => custom(words, &rest, scan, root),
        Named::Ours { path, .. } if scan.help => {
            let plain = scan.options.iter().any(|option| option.name == "plain");
            let page = help::page(root, &path, plain);
            Ok(if path.is_empty() { Parsed::Overview(page) } else { Parsed::Print(page) })
        }
        Named::Ours { path, .. } if path.is_empty() => Err(no_command(root)),
        Named::Ours { path, rest } => ours(&path, &rest, scan, root),
    }
}

fn utf8(arg: OsString) -> Result<String, UsageError> {
    arg.into_string().map_err(|arg| UsageError::new(format!("argument {arg:?} is not valid UTF-8")))
}

fn no_command(root: &mut clap::Command) -> UsageError {
    UsageError::new("no command given").usage(help::page(root, &[], true))
}

/// A command of ours, at `path` in the tree.
fn ours(
    path: &[String],
    rest: &[String],
    scan: Scan,
    root: &mut clap::Command,
) -> Result<Parsed, UsageError> {
    let name = path.join(" ");
    let leaf = help::at(root, path);
    let placed = words::place(rest, leaf)?;
    let (own, foreign) = words::options_of(leaf, root, scan.options);

    let mut hints = hints_about_empty(&scan.empty);
    hints.extend(foreign.iter().map(|option| format!("--{} has no effect on '{name}'", option.name)));
    hints.extend(placed.stage.map(|stage| format!("'{}' has no effect on '{name}'", stage.as_str())));

    // What a command does not use reaches the settings all the same: a config may ask for it.
    let (_, mut given) = every_option(root, &foreign, &name)?;
    given.extend(placed.stage.map(|stage| ("DEPLOY_ENVIRONMENT", stage.as_str().to_owned())));

    let argv = ["edeliver".to_owned()].into_iter().chain(path.iter().cloned());
    let argv = argv.chain(placed.arguments).chain(own.iter().map(GivenOption::canonical));
    let matches =
        root.try_get_matches_from_mut(argv).map_err(|error| UsageError::from_clap(&error, &name))?;
    given.extend(settings::given(leaf_of(&matches)));

    let Cli { command, common } =
        Cli::from_arg_matches(&matches).map_err(|error| UsageError::from_clap(&error, &name))?;
    let ignored = distinct(placed.ignored, scan.unknown);
    Ok(Parsed::Run(Box::new(Invocation { command, common, ignored, hints, given })))
}

/// A strategy of the project: it may use every option there is.
fn custom(
    words: Vec<String>,
    rest: &[String],
    scan: Scan,
    root: &clap::Command,
) -> Result<Parsed, UsageError> {
    let name = words.join(" ");
    let (custom, placed) = words::custom(words, rest, scan.help)?;
    let (common, mut given) = every_option(root, &scan.options, &name)?;
    given.extend(custom.stage.map(|stage| ("DEPLOY_ENVIRONMENT", stage.as_str().to_owned())));
    Ok(Parsed::Run(Box::new(Invocation {
        command: Command::Custom(custom),
        common,
        ignored: distinct(placed.ignored, scan.unknown),
        hints: hints_about_empty(&scan.empty),
        given,
    })))
}

/// Checks `options` as one command that takes every option would, and gives their settings.
fn every_option(
    root: &clap::Command,
    options: &[GivenOption],
    name: &str,
) -> Result<(Common, Given), UsageError> {
    let command =
        clap::Command::new("edeliver").no_binary_name(true).args_override_self(true).disable_help_flag(true);
    let command = command.args(scan::every_option(root).into_iter().cloned());
    // A strategy of the project may have its own idea of a version.
    let command = command.mut_arg("VERSION", |version| version.value_parser(clap::value_parser!(String)));
    let matches = command
        .try_get_matches_from(options.iter().map(GivenOption::canonical))
        .map_err(|error| UsageError::from_clap(&error, name))?;
    let common = Common::from_arg_matches(&matches).map_err(|error| UsageError::from_clap(&error, name))?;
    Ok((common, settings::given(&matches)))
}

fn leaf_of(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| leaf_of(matches))
}

fn hints_about_empty(empty: &[String]) -> Vec<String> {
    empty.iter().map(|option| format!("{option} is empty: as if it were not given")).collect()
}

fn distinct(words: Vec<String>, options: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for argument in words.into_iter().chain(options) {
        if !all.contains(&argument) {
            all.push(argument);
        }
    }
    all
}
