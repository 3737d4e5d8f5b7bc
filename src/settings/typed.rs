//! What the rest of the program reads: settings of one kind of command, validated.

use std::num::NonZeroUsize;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::ContainerSettings;
use crate::transport::{HostAddr, RemotePath};

/// The stage that a deploy command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The staging hosts (the default).
    Staging,
    /// The production hosts.
    Production,
    /// This machine (`deploy release to local`), below TEST_LOCALLY_AT.
    Local,
}

impl Stage {
    /// As it stands on the command line and in `DEPLOY_ENVIRONMENT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Staging => "staging",
            Stage::Production => "production",
            Stage::Local => "local",
        }
    }
}

/// The tool that fetches dependencies and compiles (`BUILD_CMD`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildTool {
    /// Elixir's mix.
    Mix,
    /// rebar3.
    Rebar3,
    /// rebar 2.
    Rebar,
}

/// The tool that makes the release (`RELEASE_CMD`, `USING_DISTILLERY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseTool {
    /// The `mix release` that comes with Elixir.
    MixRelease,
    /// Distillery, a mix task.
    Distillery,
    /// rebar3's `release`, which is relx inside.
    Rebar3,
    /// rebar 2's `generate` (reltool).
    Rebar,
    /// relx by itself.
    Relx,
}

/// What the ssh connections need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSettings {
    /// `SSH_CONFIG`: the file to use instead of the user's ssh configuration.
    pub config: Option<Utf8PathBuf>,
    /// `SSH_TIMEOUT`, default 3 s.
    pub timeout: Duration,
}

/// What a build needs (PARITY.md sections 2 and 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSettings {
    /// `APP`.
    pub app: String,
    /// `BUILD_HOST`, logged in to as `BUILD_USER`.
    pub host: HostAddr,
    /// The container that takes the host's place, with `BUILD_HOST=docker`.
    pub container: Option<ContainerSettings>,
    /// `BUILD_AT`; in a container an absolute path.
    pub at: RemotePath,
    /// `BUILD_CMD`.
    pub build_tool: BuildTool,
    /// `RELEASE_CMD` and `USING_DISTILLERY`.
    pub release_tool: ReleaseTool,
    /// `MIX_CMD`, `REBAR_CMD`, `REBAR3_CMD`, `RELX_CMD`: words, split as a shell splits them.
    pub mix: Vec<String>,
    /// See `mix`.
    pub rebar: Vec<String>,
    /// See `mix`.
    pub rebar3: Vec<String>,
    /// See `mix`.
    pub relx: Vec<String>,
    /// `RELEASE_CMD_OPTIONS`, split.
    pub release_options: Vec<String>,
    /// `REBAR_PROFILE`.
    pub rebar_profile: String,
    /// `PROFILE`, default `~/.profile` of the build user.
    pub profile: RemotePath,
    /// `TARGET_MIX_ENV`, default prod.
    pub mix_env: String,
    /// `BRANCH` / `REFSPEC` when set by the user; without one: master, else main.
    pub branch: Option<String>,
    /// `REVISION`, or the commit of `TAG`; without one: the head of the branch.
    pub revision: Option<String>,
    /// `TAG`, resolved where the repository is known.
    pub tag: Option<String>,
    /// `GIT_PUSH`, split: options of `git push`, default `-f`.
    pub git_push: Vec<String>,
    /// `GIT_CLEAN_PATHS`, split, default `.`.
    pub clean_paths: Vec<String>,
    /// `SKIP_GIT_CLEAN`.
    pub skip_git_clean: bool,
    /// `SKIP_MIX_CLEAN`.
    pub skip_mix_clean: bool,
    /// The arguments of `mix release.version` (PARITY.md section 3), empty when the version stays.
    pub version_arguments: Vec<String>,
    /// Those of them that append something to the version (`--auto-version=`): the release that an
    /// upgrade starts from is built with these only.
    pub appended_arguments: Vec<String>,
    /// `AUTO_VERSION` of the config.
    pub auto_version: String,
    /// Passed to the tools' environment as they are: SKIP_RELUP_MODIFICATIONS,
    /// RELUP_MODIFICATION_MODULE, LINK_SYS_CONFIG, LINK_VM_ARGS, USING_DISTILLERY.
    pub passed_on: Vec<(String, String)>,
    /// `RELEASE_DIR`, when the search for the release must not decide.
    pub release_dir: Option<RemotePath>,
    /// `RELEASE_VERSION`, when several versions lie in the release directory.
    pub release_version: Option<String>,
    /// `REQUIRED_FILES`, split: globs that must match in the archive.
    pub required_files: Vec<String>,
}

/// What becomes of a deploy that fails on some of its hosts (`ON_FAILURE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// All hosts are put back as they were.
    RollBack,
    /// All hosts are left as they are, with their locks, for somebody to look at.
    Stop,
    /// Hosts that have verified the new release keep it, the others are put back.
    KeepGood,
}

/// The nodes that migrations run on (`MIGRATE_ON`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrateOn {
    /// The first one, since they share a database.
    First,
    /// All of them, one after the other.
    All,
}

/// When a deploy migrates (`MIGRATE_WHEN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrateWhen {
    /// The new files have been sent, and nothing is in place.
    Before,
    /// The new release has been verified.
    After,
}

/// The migrations of a deploy (`--migrate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployMigrations {
    /// When they run.
    pub when: MigrateWhen,
    /// Where they run.
    pub on: MigrateOn,
    /// A deploy that fails also undoes those that it ran (`--rollback-migrations`).
    pub undo: bool,
}

/// What a deploy needs (PARITY.md section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploySettings {
    /// `APP`.
    pub app: String,
    /// The stage.
    pub stage: Stage,
    /// The stage's hosts with its user; never empty, no duplicates.
    pub hosts: Vec<HostAddr>,
    /// `DELIVER_TO`, `TEST_AT` or `TEST_LOCALLY_AT`.
    pub deliver_to: RemotePath,
    /// `PROFILE`.
    pub profile: RemotePath,
    /// Which tool made the releases: decides the archive's layout and which archives are candidates.
    pub release_tool: ReleaseTool,
    /// `VERSION` / `--version=`.
    pub version: Option<String>,
    /// `CLEAN_DEPLOY`.
    pub clean: bool,
    /// `START_DEPLOY`.
    pub start: bool,
    /// `SKIP_COPYING_EXISTING_FILES`.
    pub skip_existing: bool,
    /// `START_TIMEOUT`: how long a node may take to start, default 60 s.
    pub start_timeout: Duration,
    /// `STABLE_FOR`: how long it must stay up then, default 3 s.
    pub stable_for: Duration,
    /// `HEALTH_CHECK`: a URL or a command that must succeed on a host after a start.
    pub health_check: Option<String>,
    /// `KEEP_RELEASES`: how many releases stay on a host at least, default 5; never 0.
    pub keep_releases: usize,
    /// `ON_FAILURE`, default rollback.
    pub on_failure: OnFailure,
    /// `MIGRATE`: none when nothing is to be migrated.
    pub migrations: Option<DeployMigrations>,
    /// `DEPLOY_BATCH`: how many nodes are restarted at a time; without it all of them.
    pub batch: Option<NonZeroUsize>,
    /// `CANARY_FOR`: how long the first host is watched, with `--canary`.
    pub canary_for: Option<Duration>,
}

/// A node of an environment: `user@host:/path[|config]` (PARITY.md section 2, `<ENV>_NODES`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// Where the node runs.
    pub host: HostAddr,
    /// The directory that holds `APP/`.
    pub path: RemotePath,
    /// Passed to `start` as `--config=`.
    pub config: Option<String>,
}
