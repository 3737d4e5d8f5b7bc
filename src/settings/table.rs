//! Every setting there is: one source for `check config`, `.deliver/config.example` and the docs.

use crate::report::Redactor;

/// A setting that the program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name in the config and the environment.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// Its default, as a person would write it; empty without one.
    pub default: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
}

/// What a setting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The application.
    Application,
    /// Where and how releases are built.
    Build,
    /// Which sources are built.
    Source,
    /// The version of the release.
    Version,
    /// Where and how releases are deployed.
    Deploy,
    /// Controlling nodes.
    Nodes,
    /// Where archives are kept.
    Store,
    /// Building and running in docker.
    Docker,
    /// Connections.
    Ssh,
    /// What is shown and written down.
    Output,
    /// Set by the words and options of the command line; a config can read them.
    Command,
    /// Accepted from old configs; nothing reads it.
    Unused,
}

impl Known {
    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        Redactor::is_secret_name(self.name)
    }

    /// Whether nothing reads it: left over from `deliver`, or made unnecessary.
    pub fn is_unused(&self) -> bool {
        self.group == Group::Unused
    }
}

/// The setting of that name. Names of environments stand for themselves: `DEMO_NODES`, `DEMO_HOSTS`.
pub fn known(name: &str) -> Option<&'static Known> {
    SETTINGS.iter().find(|known| known.name == name).or_else(|| {
        let generic =
            ["_NODES", "_HOSTS"].into_iter().find(|suffix| name.len() > 6 && name.ends_with(suffix))?;
        SETTINGS.iter().find(|known| known.name == format!("STAGING{generic}"))
    })
}

const fn known_as(group: Group, name: &'static str, default: &'static str, about: &'static str) -> Known {
    Known { name, group, default, about }
}

use Group::{
    Application, Build, Command, Deploy, Docker, Nodes, Output, Source, Ssh, Store, Unused, Version,
};

/// All settings (PARITY.md section 7, and our own), in the order that people read them.
pub const SETTINGS: &[Known] = &[
    known_as(
        Application,
        "APP",
        "the name of the project's directory",
        "name of the application and its release",
    ),
    known_as(Application, "APP_USER", "$APP", "system user that the default of DELIVER_TO belongs to"),
    known_as(Application, "APP_CONFIG", ".deliver/config", "the config file; from the environment only"),
    known_as(Build, "BUILD_HOST", "", "host to build on; 'local' is this machine, without ssh"),
    known_as(Build, "BUILD_USER", "", "user to log in as on BUILD_HOST"),
    known_as(Build, "BUILD_AT", "", "directory on BUILD_HOST to build in"),
    known_as(Build, "BUILD_CMD", "from the project's files", "compiles: mix, rebar3 or rebar"),
    known_as(
        Build,
        "RELEASE_CMD",
        "from the project's files",
        "makes the release: mix, rebar3, rebar or relx",
    ),
    known_as(
        Build,
        "USING_DISTILLERY",
        "true where rel/config.exs exists",
        "'false' builds with Elixir's own `mix release`, not with distillery",
    ),
    known_as(Build, "TARGET_MIX_ENV", "prod", "MIX_ENV of the build (--mix-env=)"),
    known_as(Build, "MIX_CMD", "mix", "command that runs mix"),
    known_as(Build, "REBAR_CMD", "./rebar", "command that runs rebar"),
    known_as(Build, "REBAR3_CMD", "./rebar3", "command that runs rebar3"),
    known_as(Build, "RELX_CMD", "./relx", "command that runs relx"),
    known_as(Build, "REBAR_CONFIG", "", "config file for rebar and rebar3 (-C)"),
    known_as(
        Build,
        "REBAR_OPTIONS",
        "-C $REBAR_CONFIG",
        "options in the default of REBAR_CMD and REBAR3_CMD",
    ),
    known_as(Build, "REBAR_PROFILE", "", "profile of rebar3"),
    known_as(Build, "RELEASE_CMD_OPTIONS", "", "options for rebar or rebar3 when it makes the release"),
    known_as(Build, "PROFILE", "~/.profile", "file on the hosts that is sourced before commands run there"),
    known_as(Build, "SKIP_GIT_CLEAN", "", "'true' keeps what earlier builds left (--skip-git-clean)"),
    known_as(Build, "SKIP_MIX_CLEAN", "", "'true' compiles without `mix clean` (--skip-mix-clean)"),
    known_as(Build, "GIT_CLEAN_PATHS", ".", "paths in BUILD_AT to clean before a build"),
    known_as(Build, "RELEASE_DIR", "found in BUILD_AT", "directory of the finished release on BUILD_HOST"),
    known_as(
        Build,
        "RELEASE_VERSION",
        "found in RELEASE_DIR",
        "version to take when RELEASE_DIR holds several",
    ),
    known_as(Build, "REQUIRED_FILES", "", "globs that must match in the archive, else the build fails"),
    known_as(Build, "LINK_SYS_CONFIG", "", "sys.config on the hosts that the release is linked to"),
    known_as(Build, "LINK_VM_ARGS", "", "vm.args on the hosts that the release is linked to"),
    known_as(Build, "SKIP_RELUP_MODIFICATIONS", "", "'true' leaves relups as they are (--skip-relup-mod)"),
    known_as(Build, "RELUP_MODIFICATION_MODULE", "", "module that modifies relups (--relup-mod=)"),
    known_as(Source, "BRANCH", "master, else main", "branch to build (--branch=)"),
    known_as(Source, "REFSPEC", "$BRANCH", "older name of BRANCH"),
    known_as(Source, "REVISION", "the head of the branch", "revision to build (--revision=)"),
    known_as(Source, "TAG", "", "tag to build (--tag=)"),
    known_as(Source, "GIT_PUSH", "-f", "options of `git push` to the build host"),
    known_as(Version, "AUTO_VERSION", "", "what is appended to every version, e.g. git-revision+branch"),
    known_as(Version, "AUTO_RELEASE_VERSION", "", "the same for this build only (--auto-version=)"),
    known_as(Version, "INCREMENT_RELEASE_VERSION", "", "major, minor or patch (--increment-version=)"),
    known_as(Version, "SET_RELEASE_VERSION", "", "the version of this build (--set-version=)"),
    known_as(Deploy, "STAGING_HOSTS", "", "staging hosts, separated by spaces or commas"),
    known_as(Deploy, "STAGING_USER", "", "user to log in as on the staging hosts"),
    known_as(Deploy, "TEST_AT", "$DELIVER_TO", "directory on the staging hosts to deploy to"),
    known_as(Deploy, "PRODUCTION_HOSTS", "", "production hosts, separated by spaces or commas"),
    known_as(Deploy, "PRODUCTION_USER", "", "user to log in as on the production hosts"),
    known_as(Deploy, "DELIVER_TO", "~$APP_USER/app", "directory on the production hosts to deploy to"),
    known_as(Deploy, "TEST_LOCALLY_AT", "./.local-release", "directory for `deploy release to local`"),
    known_as(Deploy, "START_DEPLOY", "", "'true' starts or restarts after a deploy (--start-deploy)"),
    known_as(Deploy, "CLEAN_DEPLOY", "", "'true' removes older releases on deploy (--clean-deploy)"),
    known_as(Deploy, "SKIP_COPYING_EXISTING_FILES", "", "'skip' leaves out archives a host has (-S)"),
    known_as(Deploy, "START_TIMEOUT", "60", "seconds that a node may take to start and answer"),
    known_as(Deploy, "STABLE_FOR", "3", "seconds that it must stay up then"),
    known_as(Deploy, "HEALTH_CHECK", "", "URL or command that must succeed on the host after a start"),
    known_as(Deploy, "DEPLOY_BATCH", "all", "how many nodes are restarted at a time (--batch=)"),
    known_as(
        Deploy,
        "DRAIN_COMMAND",
        "",
        "run on a host before its node stops: takes it out of the balancing",
    ),
    known_as(Deploy, "UNDRAIN_COMMAND", "", "run on a host once its node is verified: puts it back"),
    known_as(Deploy, "CANARY_FOR", "", "seconds that the first host must stay healthy (--canary)"),
    known_as(
        Deploy,
        "ON_FAILURE",
        "rollback",
        "what becomes of a failed deploy: rollback, stop (left as it is) or keep-good (hosts that verified)",
    ),
    known_as(Deploy, "LEASE", "15", "seconds after which a host that has lost us undoes the deploy"),
    known_as(
        Deploy,
        "KEEP_RELEASES",
        "5",
        "how many releases stay on a host; older ones of ours go after a deploy",
    ),
    known_as(Deploy, "HOOK_ERREXIT", "true", "'false' lets hooks fail without consequence, as once"),
    known_as(Command, "BASH_CMD", "bash", "the bash that runs functions of the config (environment only)"),
    known_as(Nodes, "STAGING_NODES", "from hosts, user and path", "staging nodes: user@host:/path[|config]"),
    known_as(
        Nodes,
        "PRODUCTION_NODES",
        "from hosts, user and path",
        "production nodes: user@host:/path[|config]",
    ),
    known_as(Nodes, "START_COMMAND", "", "starts the node on the host, where a service manager owns it"),
    known_as(Nodes, "STOP_COMMAND", "", "stops the node on the host, where a service manager owns it"),
    known_as(Nodes, "STATUS_COMMAND", "", "succeeds on the host exactly when the node runs"),
    known_as(Nodes, "NODE_LOGS", "found below $APP", "log files on the hosts, as patterns (`logs`)"),
    known_as(Nodes, "MIGRATE", "", "'true' migrates the database in each deploy (--migrate)"),
    known_as(
        Nodes,
        "MIGRATE_WHEN",
        "after",
        "when a deploy migrates: after the new release is verified, or before its files are in place",
    ),
    known_as(Nodes, "MIGRATE_ON", "first", "nodes to migrate on: first, or all where each has its database"),
    known_as(
        Nodes,
        "MIGRATE_EVAL",
        "App.Release.migrate()",
        "Elixir that migrates, for `bin/APP eval`; for releases without it Erlang, for the node",
    ),
    known_as(
        Nodes,
        "ROLLBACK_EVAL",
        "App.Release.rollback(repo, version)",
        "Elixir that undoes migrations down to `version`, that one included",
    ),
    known_as(Nodes, "MIGRATE_TIMEOUT", "3600", "seconds that migrations may take"),
    known_as(
        Nodes,
        "ROLLBACK_MIGRATIONS",
        "",
        "'true': a deploy that fails undoes the migrations that it ran (--rollback-migrations)",
    ),
    known_as(Nodes, "ECTO_REPOSITORY", "", "repository that migrations run on"),
    known_as(
        Store,
        "RELEASE_STORE",
        "$LOCAL_RELEASE_STORE",
        "where archives are kept: directory, host:path, s3://, docker://",
    ),
    known_as(Store, "LOCAL_RELEASE_STORE", ".deliver", "directory on this machine that holds releases/"),
    known_as(Store, "AWS_ACCESS_KEY_ID", "", "credentials for s3://"),
    known_as(Store, "AWS_SECRET_ACCESS_KEY", "", "credentials for s3://"),
    known_as(Store, "AWS_SESSION_TOKEN", "", "the token of temporary credentials for s3://"),
    known_as(Store, "AWS_REGION", "$AWS_DEFAULT_REGION, else us-east-1", "region of the bucket"),
    known_as(Store, "AWS_DEFAULT_REGION", "", "older name of AWS_REGION"),
    known_as(
        Store,
        "AWS_ENDPOINT_URL_S3",
        "$AWS_ENDPOINT_URL",
        "server that speaks S3, in place of Amazon's",
    ),
    known_as(Store, "AWS_ENDPOINT_URL", "", "the same for all of Amazon's services"),
    known_as(Store, "AWS_BUCKET_NAME", "", "bucket[/prefix] for s3:// without one"),
    known_as(Docker, "DOCKER_BUILD_IMAGE", "elixir:1.13.3", "image to build in, with BUILD_HOST=docker"),
    known_as(
        Docker,
        "DOCKER_RELEASE_BASE_IMAGE",
        "edeliver/release-base:1.0",
        "image that releases are put on",
    ),
    known_as(Docker, "DOCKER_RELEASE_IMAGE_WORKDIR", "", "working directory of the release's image"),
    known_as(Docker, "DOCKER_PUSH", "", "'true' pushes the image (--push)"),
    known_as(Docker, "DOCKER_OPTS", "", "options of `docker run` on the hosts"),
    known_as(Docker, "DOCKER_REGISTRY_TOKEN", "", "token for the registry"),
    known_as(Docker, "DOCKER_HUB_ACCESS_TOKEN", "", "token for Docker Hub"),
    known_as(Docker, "CONTAINER_BUILD_DIR", "$BUILD_AT", "directory in the container to build in"),
    known_as(Docker, "CONTAINER_START_SCRIPT", "", "script in the image that controls the container"),
    known_as(Ssh, "SSH_CONFIG", "the user's", "ssh configuration file to use"),
    known_as(Ssh, "PARALLEL", "32", "how many hosts are worked on at a time (--parallel=)"),
    known_as(Ssh, "SSH_TIMEOUT", "3", "seconds that a connection may take"),
    known_as(
        Output,
        "LOG_FILE",
        "~/.local/state/edeliver/$APP.log",
        "where everything is written down, without secrets",
    ),
    known_as(
        Output,
        "NOTIFY_COMMAND",
        "",
        "run on this machine when a command has changed something; gets the result as JSON",
    ),
    known_as(Output, "MODE", "compact", "compact, verbose or debug (-C, -V, -D)"),
    known_as(Output, "EDELIVER_EDITOR", "$GIT_EDITOR, else vi", "editor for relups and appups"),
    known_as(Command, "DEPLOY_ENVIRONMENT", "staging", "stage that is deployed to"),
    known_as(Command, "NODE_ENVIRONMENT", "staging", "environment whose nodes are controlled"),
    known_as(Command, "COMMAND", "", "first word of the command"),
    known_as(Command, "COMMAND_INFO", "", "second word of the command"),
    known_as(Command, "NODE_ACTION", "", "what nodes are told to do"),
    known_as(Command, "CHECK_CMD", "", "what is checked"),
    known_as(Command, "INCREASE_VERSION_TYPE", "", "which part of the versions is increased"),
    known_as(Command, "HOST", "", "the only host to use, [user@]host (--host=)"),
    known_as(Command, "HOSTS", "", "hosts of custom strategies"),
    known_as(Command, "SERVER", "", "older name of HOSTS"),
    known_as(Command, "SERVERS", "", "older name of HOSTS"),
    known_as(Command, "NODES", "", "nodes that are controlled"),
    known_as(Command, "STRATEGY", "", "the recipe that is run"),
    known_as(Command, "FROM", "", "revision that an upgrade starts from (--from=)"),
    known_as(Command, "TO", "", "revision that an upgrade leads to (--to=)"),
    known_as(Command, "WITH", "", "version in the store that an upgrade starts from (--with=)"),
    known_as(Command, "VERSION", "", "version to deploy (--version=)"),
    known_as(Command, "RELEASE_FILE", "", "file to copy or show"),
    known_as(Command, "DESTINATION_FILE", "", "where to copy it to"),
    known_as(Command, "FORCE", "", "'true' does not ask (-F)"),
    known_as(Command, "VERBOSE", "", "'true' with -V and -D"),
    known_as(Command, "SILENCE", "&> /dev/null", "redirection for quiet commands; empty with -V and -D"),
    known_as(Command, "RUNS_AS_MIX_TASK", "", "'true' below `mix edeliver`"),
    known_as(Command, "PLAIN", "", "'true' without colours (-P)"),
    known_as(Unused, "ENV", "", "left over from deliver"),
    known_as(Unused, "FOREMAN_EXTRAS", "", "left over from deliver"),
    known_as(Unused, "GENERATE_CMD", "", "left over from deliver"),
    known_as(Unused, "GENERATED_BRANCH", "", "left over from deliver"),
    known_as(Unused, "GENERATED_DIR", "", "left over from deliver"),
    known_as(Unused, "GROUP", "", "left over from deliver"),
    known_as(Unused, "OWNER", "", "left over from deliver"),
    known_as(Unused, "PERMISSIONS", "", "left over from deliver"),
    known_as(Unused, "PORT", "", "left over from deliver; a host's port is written host:2222"),
    known_as(Unused, "PUSH", "", "left over from deliver"),
    known_as(Unused, "RACK_ENV", "", "left over from deliver"),
    known_as(Unused, "RAILS_ENV", "", "left over from deliver"),
    known_as(Unused, "LOCAL_MD5_COMMAND", "", "not needed any more: checksums are our own"),
    known_as(Unused, "REMOTE_MD5_COMMAND", "", "not needed any more: checksums are our own"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_stands_once() {
        let names: BTreeSet<&str> = SETTINGS.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
    }

    #[test]
    fn environments_of_any_name_are_known() {
        assert_eq!(known("DEMO_NODES").map(|known| known.group), Some(Group::Nodes));
        assert_eq!(known("_NODES"), None);
    }
}
