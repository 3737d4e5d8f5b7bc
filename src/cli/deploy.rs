//! `deploy release|upgrade`, `update` and `upgrade`: words, options and help.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};

use super::examples;
use super::options::{
    BuildOptions, CommitOptions, MigrateOptions, Precautions, RelupOptions, RollingOptions,
};
use super::values;
use crate::release::Version;
use crate::settings::Stage;
use crate::transport::HostAddr;

/// What to deploy.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Deploy {
    /// Deploys a release from the store to every host of a stage.
    ///
    /// Each host gets the archive and unpacks it aside; only when all have it is anything changed.
    /// If a host fails, all are put back as they were. A node uses the release after its next
    /// start, or at once with --start-deploy.
    #[command(override_usage = "edeliver deploy release [[to] staging|production|local] [OPTIONS]")]
    #[command(after_long_help = examples::DEPLOY_RELEASE)]
    Release(DeployRelease),
    /// Upgrades the running nodes of a stage without a restart.
    ///
    /// The upgrade must have been built (by 'build upgrade') from the version that the nodes run. Each
    /// node takes it and must prove itself as the new version; only when all nodes have is it
    /// permanent. If one fails, all go back: without a restart where the relup allows it.
    #[command(override_usage = "edeliver deploy upgrade [[to] staging|production] [OPTIONS]")]
    #[command(after_long_help = examples::DEPLOY_UPGRADE)]
    Upgrade(DeployUpgrade),
}

/// Options of `deploy release`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DeployRelease {
    /// The hosts to deploy to [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// The version to deploy [default: the only one in the store; several are asked about].
    #[arg(id = "VERSION", long = "version", value_name = "VERSION", require_equals = true)]
    pub version: Option<Version>,
    /// Restart the nodes with the new release and see that it runs.
    #[arg(id = "START_DEPLOY", long = "start-deploy")]
    pub start: bool,
    /// Remove all older releases (releases/, lib/, erts-*/); a failed deploy brings them back.
    #[arg(id = "CLEAN_DEPLOY", long = "clean-deploy")]
    pub clean: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub rolling: RollingOptions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub migrations: MigrateOptions,
    /// Deploy to this host ([user@]host) only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    /// Push the docker image to the hosts, where the release store is a registry.
    #[arg(id = "DOCKER_PUSH", long = "push")]
    pub push: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub precautions: Precautions,
}

/// Options of `rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Rollback {
    /// The hosts to roll back [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// The version to go back to [default: the one that the last deploy has replaced].
    ///
    /// One that the hosts do not keep is deployed from the store again.
    #[arg(id = "VERSION", long = "version", value_name = "VERSION", require_equals = true)]
    pub version: Option<Version>,
    /// Also start the nodes that do not run; those that run are restarted anyway.
    #[arg(id = "START_DEPLOY", long = "start-deploy")]
    pub start: bool,
    /// Roll back this host ([user@]host) only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub precautions: Precautions,
}

/// Options of `deploy upgrade`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DeployUpgrade {
    /// The hosts to deploy to [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// The version to upgrade to [default: the only one in the store; several are asked about].
    #[arg(id = "VERSION", long = "version", value_name = "VERSION", require_equals = true)]
    pub version: Option<Version>,
    /// Upgrade this many nodes at a time; each must have proven itself before the next ones.
    ///
    /// When one fails, all go back, as many at a time.
    #[arg(id = "DEPLOY_BATCH", long = "batch", value_name = "N", require_equals = true)]
    pub batch: Option<NonZeroUsize>,
    /// Upgrade this host ([user@]host) only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub precautions: Precautions,
}

/// Options of `update`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Update {
    /// The hosts to deploy to [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub commit: CommitOptions,
    /// Restart the nodes with the new release and see that it runs.
    #[arg(id = "START_DEPLOY", long = "start-deploy")]
    pub start: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub rolling: RollingOptions,
    /// Remove all older releases (releases/, lib/, erts-*/); a failed deploy brings them back.
    #[arg(id = "CLEAN_DEPLOY", long = "clean-deploy")]
    pub clean: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub migrations: MigrateOptions,
    /// Build on and deploy to this host ([user@]host) only.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    /// Push the docker image, where the release store is a registry.
    #[arg(id = "DOCKER_PUSH", long = "push")]
    pub push: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub precautions: Precautions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub build: BuildOptions,
}

/// Options of `upgrade`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Upgrade {
    /// The hosts to upgrade [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub commit: CommitOptions,
    /// Start the new release on hosts whose node is down.
    #[arg(id = "START_DEPLOY", long = "start-deploy")]
    pub start: bool,
    /// Upgrade this many nodes at a time; each must have proven itself before the next ones.
    ///
    /// When one fails, all go back, as many at a time.
    #[arg(id = "DEPLOY_BATCH", long = "batch", value_name = "N", require_equals = true)]
    pub batch: Option<NonZeroUsize>,
    /// Build on and upgrade this host ([user@]host) only.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub precautions: Precautions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub relup: RelupOptions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub build: BuildOptions,
}
