//! The options that several commands share.
//!
//! An argument's id in capitals is the name of the setting that it gives (`Invocation::settings`).

use std::num::NonZeroUsize;

use clap::Args;

use super::values::{AutoVersion, GitRef, IncrementVersion};

/// The options that every command takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Show each step, not its output (the default).
    #[arg(id = "compact", short = 'C', long, global = true, overrides_with_all = ["verbose", "debug"])]
    pub compact: bool,
    /// Show each step and its output.
    #[arg(id = "verbose", short = 'V', long, global = true, overrides_with_all = ["compact", "debug"])]
    pub verbose: bool,
    /// Show everything, also the commands that run on the hosts.
    #[arg(id = "debug", short = 'D', long, global = true, overrides_with_all = ["compact", "verbose"])]
    pub debug: bool,
    /// No colours and no progress display, as CI logs want it.
    #[arg(id = "PLAIN", short = 'P', long = "plain", global = true)]
    pub plain: bool,
    /// Tell programs what happens: one JSON object a line, the last one is the result.
    #[arg(id = "json", long = "json", global = true)]
    pub json: bool,
    /// Do not copy an archive to a host that has the same one already.
    #[arg(id = "SKIP_COPYING_EXISTING_FILES", short = 'S', long = "skip-existing", global = true)]
    pub skip_existing: bool,
    /// Do not ask: overwrite and delete where a question would come.
    #[arg(id = "FORCE", short = 'F', long = "force", global = true)]
    pub force: bool,
    /// Work on this many hosts at a time [default: 32].
    #[arg(id = "PARALLEL", long = "parallel", value_name = "N", require_equals = true, global = true)]
    pub parallel: Option<NonZeroUsize>,
    /// Set by `mix edeliver`: standard output belongs to the mix task.
    #[arg(id = "RUNS_AS_MIX_TASK", long = "runs-as-mix-task", global = true, hide = true)]
    pub runs_as_mix_task: bool,
}

/// How much is shown (`MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each step (`-C`).
    Compact,
    /// Each step and its output (`-V`).
    Verbose,
    /// Everything (`-D`).
    Debug,
}

impl Mode {
    /// As it stands in `MODE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Compact => "compact",
            Mode::Verbose => "verbose",
            Mode::Debug => "debug",
        }
    }
}

impl Common {
    /// The mode that the command line asks for; of several the last one.
    pub fn mode(&self) -> Option<Mode> {
        match (self.compact, self.verbose, self.debug) {
            (_, _, true) => Some(Mode::Debug),
            (_, true, _) => Some(Mode::Verbose),
            (true, _, _) => Some(Mode::Compact),
            _ => None,
        }
    }
}

/// How the version of this build comes about.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Version of this build")]
pub struct VersionOptions {
    /// Append facts about the build to the version.
    ///
    /// Terms, joined with '+': revision, commit-count[-all[-branches]|-branch],
    /// branch[-unless-master], date, time, mix-env. Each may be written with 'append-', 'git-' or
    /// 'build-' in front: git-revision+branch makes 1.2.3 to 1.2.3+82a5834-main. AUTO_VERSION in
    /// .deliver/config does the same for every build.
    #[arg(id = "AUTO_RELEASE_VERSION", long = "auto-version", value_name = "TERMS", require_equals = true)]
    #[arg(conflicts_with = "SKIP_MIX_CLEAN")]
    pub auto: Option<AutoVersion>,
    /// Raise this part of the version, for this build only.
    #[arg(
        id = "INCREMENT_RELEASE_VERSION",
        long = "increment-version",
        value_name = "PART",
        require_equals = true
    )]
    #[arg(conflicts_with_all = ["SET_RELEASE_VERSION", "SKIP_MIX_CLEAN"])]
    pub increment: Option<IncrementVersion>,
    /// Give this build exactly this version.
    #[arg(id = "SET_RELEASE_VERSION", long = "set-version", value_name = "VERSION", require_equals = true)]
    #[arg(conflicts_with = "SKIP_MIX_CLEAN")]
    pub set: Option<crate::release::Version>,
}

/// How the build runs.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct BuildOptions {
    /// Build with this MIX_ENV [default: prod].
    #[arg(id = "TARGET_MIX_ENV", long = "mix-env", value_name = "ENV", require_equals = true)]
    pub mix_env: Option<String>,
    /// Do not remove earlier build products (`git clean`) before the build.
    ///
    /// Quicker, but old files may get into the release. GIT_CLEAN_PATHS in .deliver/config removes
    /// only some.
    #[arg(id = "SKIP_GIT_CLEAN", long = "skip-git-clean")]
    pub skip_git_clean: bool,
    /// Do not run `mix clean` before the build.
    ///
    /// Useful only with --skip-git-clean. The version stays what the last build made it, so the
    /// three version options are refused beside it.
    #[arg(id = "SKIP_MIX_CLEAN", long = "skip-mix-clean")]
    pub skip_mix_clean: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub version: VersionOptions,
}

/// How the relup of an upgrade is changed after it was made.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RelupOptions {
    /// Leave the relup as the release tool made it.
    #[arg(id = "SKIP_RELUP_MODIFICATIONS", long = "skip-relup-mod", alias = "skip-relup-modification")]
    pub skip: bool,
    /// The module that changes the relup, where the project has several.
    #[arg(
        id = "RELUP_MODIFICATION_MODULE",
        long = "relup-mod",
        value_name = "MODULE",
        require_equals = true
    )]
    pub module: Option<String>,
}

/// Which commit an upgrade or update is built from.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CommitOptions {
    /// The commit to build [default: the newest of the branch].
    #[arg(id = "TO", long = "to", value_name = "COMMIT", require_equals = true)]
    pub to: Option<GitRef>,
    /// Build this branch [default: BRANCH in .deliver/config, else master, else main].
    #[arg(id = "BRANCH", long = "branch", value_name = "BRANCH", require_equals = true)]
    pub branch: Option<GitRef>,
}

/// How nodes are restarted with a new release.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RollingOptions {
    /// Restart this many nodes at a time; each must have proven itself before the next ones.
    ///
    /// DRAIN_COMMAND and UNDRAIN_COMMAND take each host out of the balancing and back. When one fails,
    /// all go back, as many at a time.
    #[arg(id = "DEPLOY_BATCH", long = "batch", value_name = "N", require_equals = true)]
    pub batch: Option<NonZeroUsize>,
    /// Restart the first host's node alone, and ask before the others.
    ///
    /// With CANARY_FOR it is watched for so many seconds instead, and nobody is asked.
    #[arg(id = "canary", long = "canary")]
    pub canary: bool,
}

/// Migrations as a part of a deploy.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct MigrateOptions {
    /// Migrate the database; when that fails, the release is rolled back.
    ///
    /// On one host, after the new release has been verified on all of them, or before its files are
    /// put into place on any (MIGRATE_WHEN=before).
    #[arg(id = "MIGRATE", long = "migrate")]
    pub migrate: bool,
    /// If the deploy fails, also undo the migrations that it ran, and only those.
    ///
    /// Without it they stay: undoing them may lose data.
    #[arg(id = "ROLLBACK_MIGRATIONS", long = "rollback-migrations")]
    pub rollback_migrations: bool,
}

/// What is asked for before hosts are changed.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Precautions {
    /// Also take the lock of a deployer on another machine, where you know that it is gone.
    #[arg(id = "force_unlock", long = "force-unlock")]
    pub force_unlock: bool,
    /// Only show what would be done; nothing is changed, and no lock is taken.
    #[arg(id = "plan", long = "plan")]
    pub plan: bool,
}
