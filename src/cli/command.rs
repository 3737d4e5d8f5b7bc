//! Every command with its typed words and options; the doc comments are the help.
//!
//! An argument's id in capitals is the name of the setting that it gives (`Invocation::settings`).

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

use super::build::Build;
use super::deploy::{Deploy, Rollback, Update, Upgrade};
use super::examples;
use super::hosts::{Doctor, Drill, Look, Recover};
use super::init::Init;
use super::node::Node;
use super::options::Common;
use super::shell::Shell;
use super::values::{self, GitRef, Increase};
use crate::release::Version;
use crate::settings::Stage;

/// Builds Erlang and Elixir releases and deploys them over ssh: every host verified on the new
/// release, or every host back as it was.
#[derive(Debug, Parser)]
#[command(name = "edeliver", disable_help_subcommand = true)]
#[command(override_usage = "edeliver COMMAND [WORDS] [OPTIONS]\n       edeliver help [COMMAND [WORD]]")]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What the user wants done.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Builds a release, an upgrade or appups on the build host and puts it into the release store.
    #[command(subcommand)]
    #[command(override_usage = "edeliver build release|upgrade|appups [OPTIONS]", after_long_help = examples::BUILD)]
    Build(Build),
    /// Deploys what was built to the hosts of a stage: all of them, or none.
    #[command(subcommand)]
    #[command(override_usage = "edeliver deploy release|upgrade [[to] staging|production|local] [OPTIONS]")]
    #[command(after_long_help = examples::DEPLOY)]
    Deploy(Deploy),
    /// Builds a release and deploys it to a stage's hosts.
    ///
    /// The same as 'build release' and 'deploy release' of that version. With --start-deploy the
    /// nodes run the new version afterwards, and each is asked whether it really does.
    #[command(override_usage = "edeliver update [[to] staging|production] [OPTIONS]", after_long_help = examples::UPDATE)]
    Update(Update),
    /// Builds an upgrade from the version that runs and deploys it without a restart.
    ///
    /// Asks every node for its version (all must run the same), builds the upgrade from it,
    /// deploys it hot, and gives hosts whose node is down the full release instead.
    #[command(override_usage = "edeliver upgrade [[to] staging|production] [OPTIONS]", after_long_help = examples::UPGRADE)]
    Upgrade(Upgrade),
    /// Takes a stage's hosts back to the release before the last deploy: all of them, or none.
    ///
    /// What the last deploy has replaced is kept on the hosts, so nothing is sent. Nodes that run are
    /// restarted and verified; if a host fails, all are put back as they were. A rollback can be
    /// rolled back, too.
    #[command(override_usage = "edeliver rollback [release] [[to] staging|production|local] [OPTIONS]")]
    #[command(after_long_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Shows what a stage's hosts have and run, and what is unfinished or locked there.
    ///
    /// For each host: the version on the disk and the one that runs, a deploy that was left
    /// unfinished, who holds the lock and whether that process is alive, and what a rollback would
    /// go back to; then the last deploys. Changes nothing, and takes no lock.
    #[command(override_usage = "edeliver status [[on] staging|production|local] [OPTIONS]", after_long_help = examples::STATUS)]
    Status(Look),
    /// Shows who deployed what to a stage when, and how it ended.
    ///
    /// Each host keeps its own history; the newest deploys come first.
    #[command(override_usage = "edeliver history [[on] staging|production|local] [OPTIONS]", after_long_help = examples::HISTORY)]
    History(Look),
    /// Undoes what dead deployers have left on a stage's hosts, and frees their locks.
    ///
    /// A deploy does the same before anything else. Hosts on which somebody still deploys are left
    /// alone.
    #[command(override_usage = "edeliver recover [[on] staging|production|local] [OPTIONS]", after_long_help = examples::RECOVER)]
    Recover(Recover),
    /// Rehearses a failed deploy on a stage's hosts, and proves that they are restored.
    ///
    /// Deploys the release that is there once more, all of its files anew, starts it, and takes that
    /// for a failure. Then every host must be as it was: each file, mode and link, and the node. The
    /// nodes are restarted twice. Shows how long each step took.
    #[command(override_usage = "edeliver drill [[on] staging|production|local] [OPTIONS]", after_long_help = examples::DRILL)]
    Drill(Drill),
    /// Looks at every host that is configured, and says what would fail and how to mend it.
    ///
    /// Connects to the build host and the hosts of both stages at once: can they be reached, is their key
    /// the known one, which tools and how much space do they have, is their clock right, is anything
    /// unfinished or locked, and does what is built on the build host run on the others? Changes nothing.
    /// Exit status 1 when something would fail.
    #[command(override_usage = "edeliver doctor [build|staging|production] [OPTIONS]", after_long_help = examples::DOCTOR)]
    Doctor(Doctor),
    /// Writes the first config of a project, .deliver/config.
    ///
    /// Takes what it finds in mix.exs, rebar.config or reltool.config and git, asks at a terminal for the
    /// hosts that no option names, and then sees whether each can be reached by ssh. A config that is there
    /// is left as it is.
    #[command(override_usage = "edeliver init [OPTIONS]", after_long_help = examples::INIT)]
    Init(Init),
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would be taken for a command's help")]
    Node(Node),
    /// Shows what the release store holds.
    ///
    /// 'edeliver show migrations [on] ENV' is the same as 'edeliver migrations ENV'.
    #[command(subcommand)]
    #[command(
        override_usage = "edeliver show releases|appups [OPTIONS]\n       edeliver show relup FILE [OPTIONS]\n       edeliver show migrations [[on] ENV] [OPTIONS]"
    )]
    #[command(after_long_help = examples::SHOW)]
    Show(Show),
    /// Changes the relup or the appups of an upgrade in the store with your editor.
    #[command(subcommand)]
    #[command(override_usage = "edeliver edit relup|appups [OPTIONS]", after_long_help = examples::EDIT)]
    Edit(Edit),
    /// Copies an archive from this machine to the release store.
    ///
    /// Either a release or upgrade by its version, from this directory or else from the local store
    /// (.deliver/releases), or any FILE. DEST is its name in the store, where it is to be another; it
    /// must be that of an archive, as APP_VERSION.release.tar.gz. The archive is read through before
    /// anything is stored.
    #[command(subcommand)]
    #[command(
        override_usage = "edeliver upload release|upgrade VERSION [DEST] [OPTIONS]\n       edeliver upload FILE [DEST] [OPTIONS]"
    )]
    #[command(after_long_help = examples::UPLOAD)]
    Upload(Copy),
    /// Copies an archive from the release store to this machine.
    ///
    /// Either a release or upgrade by its version, or the FILE of the store. DEST is the file or the
    /// directory to write, by default the archive's name here. It appears whole or not at all.
    #[command(subcommand)]
    #[command(
        override_usage = "edeliver download release|upgrade VERSION [DEST] [OPTIONS]\n       edeliver download FILE [DEST] [OPTIONS]"
    )]
    #[command(after_long_help = examples::DOWNLOAD)]
    Download(Copy),
    /// Raises the versions in this project's source files.
    ///
    /// Raises the version in the .app.src file of every application that has changed between two
    /// commits, and the release's version in reltool.config, relx.config or rebar.config. There, 'major'
    /// makes 1.2.3 to 1.3, 'minor' and 'patch' make it 1.2.4, and 'versions' alone makes it 2.0. In
    /// mix.exs they make it 2.0.0, 1.3.0, 1.2.4, and 2.0.0. Nothing is committed.
    #[command(override_usage = "edeliver increase [major|minor|patch] versions [OPTIONS]", after_long_help = examples::INCREASE)]
    Increase(IncreaseVersions),
    /// Packs what 'unpack' unpacked, changed by you, into the store again.
    ///
    /// The archive is read through before it is stored: it must still boot. One of that version in the
    /// store is replaced if you say so, or with --force.
    #[command(subcommand)]
    #[command(override_usage = "edeliver pack release|upgrade [OPTIONS]", after_long_help = examples::PACK)]
    Pack(Archive),
    /// Unpacks an archive of the store, for you to look at or change.
    ///
    /// It comes to .tmp/APP_VERSION.release in the local store (.deliver), where 'pack' takes it from.
    #[command(subcommand)]
    #[command(override_usage = "edeliver unpack release|upgrade [OPTIONS]", after_long_help = examples::UNPACK)]
    Unpack(Archive),
    /// Checks the configuration or a release before it is used.
    #[command(subcommand)]
    #[command(override_usage = "edeliver check config|release [OPTIONS]", after_long_help = examples::CHECK)]
    Check(Check),
    /// Prints the completions for a shell: commands, options, environments, hosts and stored versions.
    ///
    /// They ask edeliver for the words. It reads of .deliver/config only what stands there outright, runs
    /// nothing of it, and asks no host.
    #[command(override_usage = "edeliver completions SHELL", after_long_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Prints the manual page.
    #[command(name = "man", hide = true, after_long_help = examples::MAN)]
    Manual,
    /// A strategy of the project: `.deliver/strategies/erlang-X[-Y]`.
    #[command(skip)]
    Custom(Custom),
}

/// What to show of the release store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Show {
    /// Lists the releases and upgrades in the store.
    ///
    /// Only the store is asked; what is known beside the names needs another question for each archive,
    /// so it is shown with --long or --json.
    #[command(alias = "release", after_long_help = examples::SHOW_RELEASES)]
    Releases(ShowReleases),
    /// Lists the appups in the store.
    #[command(alias = "appup", after_long_help = examples::SHOW_APPUPS)]
    Appups,
    /// Prints the relup of an upgrade archive.
    #[command(alias = "relups", override_usage = "edeliver show relup FILE [OPTIONS]", after_long_help = examples::SHOW_RELUP)]
    Relup {
        /// The archive's name in the store: APP_VERSION.upgrade.tar.gz.
        #[arg(id = "RELEASE_FILE", value_name = "FILE")]
        file: Utf8PathBuf,
    },
}

/// Options of `show releases`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ShowReleases {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub store: OtherStore,
    /// Also show the size, date, commit and sha256 of each.
    #[arg(id = "long", long)]
    pub long: bool,
    /// Ask the hosts of both stages which of them have it.
    #[arg(id = "deployed", long)]
    pub deployed: bool,
}

/// A store other than the one of the config.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct OtherStore {
    /// Another store, written as in RELEASE_STORE [default: RELEASE_STORE].
    #[arg(id = "RELEASE_STORE", long = "store", value_name = "STORE", require_equals = true)]
    pub location: Option<String>,
}

/// What to edit.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Edit {
    /// Opens the relup of an upgrade in your editor and stores the upgrade again.
    ///
    /// The editor is EDELIVER_EDITOR, else GIT_EDITOR, else vi.
    #[command(alias = "relups", after_long_help = examples::EDIT_RELUP)]
    Relup(Selection),
    /// Opens the appups of an upgrade in your editor.
    ///
    /// The editor is EDELIVER_EDITOR, else GIT_EDITOR, else vi.
    #[command(alias = "appup", after_long_help = examples::EDIT_APPUPS)]
    Appups(Selection),
}

/// Which archive of the store a command means.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Selection {
    /// The version [default: the only one there; several are asked about].
    #[arg(id = "VERSION", long = "version", value_name = "VERSION", require_equals = true)]
    pub version: Option<Version>,
}

/// What to copy to or from the store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Copy {
    /// The release of a version.
    Release(CopyVersion),
    /// The upgrade to a version.
    Upgrade(CopyVersion),
    /// A file by its name. The word stands for the grammar's FILE and is never typed.
    #[command(name = "FILE", hide = true)]
    File {
        /// The file.
        #[arg(id = "RELEASE_FILE", value_name = "FILE")]
        file: Utf8PathBuf,
        /// Its name where it is copied to [default: the same].
        #[arg(id = "DESTINATION_FILE", value_name = "DEST")]
        destination: Option<Utf8PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
        store: OtherStore,
    },
}

/// An archive by its version.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CopyVersion {
    /// The version of the release or upgrade.
    #[arg(id = "VERSION", value_name = "VERSION")]
    pub version: Version,
    /// Its name where it is copied to [default: the archive's name].
    #[arg(id = "DESTINATION_FILE", value_name = "DEST")]
    pub destination: Option<Utf8PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub store: OtherStore,
}

/// Options of `increase`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct IncreaseVersions {
    /// Which part: 'major', 'minor', 'patch', or 'versions' alone for the first.
    #[arg(id = "INCREASE_VERSION_TYPE", value_name = "PART", default_value = "minor")]
    pub part: Increase,
    /// Look at what changed since this commit [default: the newest tag].
    #[arg(id = "FROM", long = "from", value_name = "COMMIT", require_equals = true)]
    pub from: Option<GitRef>,
    /// Look at what changed up to this commit [default: HEAD].
    #[arg(id = "TO", long = "to", value_name = "COMMIT", require_equals = true)]
    pub to: Option<GitRef>,
}

/// What to pack or unpack.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Archive {
    /// A release.
    Release(Selection),
    /// An upgrade.
    Upgrade(Selection),
}

/// What to check.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Check {
    /// Reads a release of the store through and says what is in it and what it lacks.
    ///
    /// It must be whole, boot, and have what REQUIRED_FILES asks for.
    #[command(after_long_help = examples::CHECK_RELEASE)]
    Release(Selection),
    /// Prints every setting, its value and where it came from. Secrets are masked.
    #[command(after_long_help = examples::CHECK_CONFIG)]
    Config {
        /// What $DEPLOY_ENVIRONMENT is in .deliver/config, where that asks for it [default: staging].
        #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
        stage: Option<Stage>,
        /// What is not as with the shell tool instead, by the ids of compat/DIFFERENCES.md.
        #[arg(id = "differences", long)]
        differences: bool,
    },
}

/// A command that is the project's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// The words that name it: one or two.
    pub words: Vec<String>,
    /// The stage, where one is named.
    pub stage: Option<Stage>,
    /// Whether its help is asked for (`edeliver help X`) instead of it being run.
    pub help: bool,
}
