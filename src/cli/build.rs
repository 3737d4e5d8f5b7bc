//! `build release|upgrade|appups`: words, options and help.

use clap::{Args, Subcommand};

use super::examples;
use super::options::{BuildOptions, CommitOptions, RelupOptions};
use super::values::{self, GitRef};
use crate::release::Version;
use crate::settings::Stage;
use crate::transport::HostAddr;

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Build {
    /// Builds a release on the build host and puts it into the release store.
    ///
    /// Pushes the commit to the build host, builds there from a clean checkout, reads the archive
    /// through once, and stores it. 'deploy release' takes it from there; a node uses it after a
    /// restart.
    #[command(override_usage = "edeliver build release [OPTIONS]", after_long_help = examples::BUILD_RELEASE)]
    Release(BuildRelease),
    /// Builds an upgrade: what takes a running node to a new version without a restart.
    ///
    /// Say which version the hosts run now, either as a release in the store (--with) or as the
    /// commit it was built from (--from). 'deploy upgrade' takes it from the store.
    #[command(override_usage = "edeliver build upgrade --with=VERSION|--from=COMMIT [OPTIONS]")]
    #[command(after_long_help = examples::BUILD_UPGRADE)]
    Upgrade(BuildUpgrade),
    /// Builds the appups between two versions, for you to edit (rebar projects).
    ///
    /// Say which version to start from, either as a release in the store (--with) or as the commit
    /// it was built from (--from).
    #[command(
        alias = "appup",
        override_usage = "edeliver build appups --with=VERSION|--from=COMMIT [OPTIONS]"
    )]
    #[command(after_long_help = examples::BUILD_APPUPS)]
    Appups(BuildUpgrade),
}

/// Options of `build release`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct BuildRelease {
    /// What $DEPLOY_ENVIRONMENT is in .deliver/config, where that asks for it [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// Build this branch [default: BRANCH in .deliver/config, else master, else main].
    ///
    /// It need not be pushed anywhere before.
    #[arg(id = "BRANCH", long = "branch", value_name = "BRANCH", require_equals = true)]
    pub branch: Option<GitRef>,
    /// Build this commit of the branch [default: its newest].
    #[arg(id = "REVISION", long = "revision", value_name = "COMMIT", require_equals = true)]
    pub revision: Option<GitRef>,
    /// Build the commit that this tag stands for.
    #[arg(id = "TAG", long = "tag", value_name = "TAG", require_equals = true)]
    pub tag: Option<GitRef>,
    /// Build on this host ([user@]host) instead of BUILD_HOST.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    /// Push the docker image, where the release store is a registry.
    #[arg(id = "DOCKER_PUSH", long = "push")]
    pub push: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub build: BuildOptions,
}

/// Options of `build upgrade` and `build appups`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct BuildUpgrade {
    /// What $DEPLOY_ENVIRONMENT is in .deliver/config, where that asks for it [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub base: Base,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub commit: CommitOptions,
    /// Build on this host ([user@]host) instead of BUILD_HOST.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub relup: RelupOptions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub build: BuildOptions,
}

/// The version that an upgrade starts from; where both are given, `with` counts.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(required = true, multiple = true)]
pub struct Base {
    /// The version that the hosts run now; its release must be in the store.
    #[arg(id = "WITH", long = "with", value_name = "VERSION", require_equals = true)]
    pub with: Option<Version>,
    /// The commit that the hosts' version was built from, where the store has it no more.
    #[arg(id = "FROM", long = "from", value_name = "COMMIT", require_equals = true)]
    pub from: Option<GitRef>,
}
