//! The settings of deploys, and of the nodes that run afterwards.

use std::num::NonZeroUsize;

use super::error::SettingsError;
use super::{DeploySettings, NodeSettings, OnFailure, Settings, Stage};
use crate::transport::{HostAddr, RemotePath};

/// The names of a stage's hosts, user and path.
struct Names {
    hosts: String,
    user: &'static str,
    path: &'static str,
}

impl Names {
    fn of(stage: Stage) -> Self {
        let (hosts, user, path) = match stage {
            Stage::Staging => ("STAGING_HOSTS", "STAGING_USER", "TEST_AT"),
            Stage::Production => ("PRODUCTION_HOSTS", "PRODUCTION_USER", "DELIVER_TO"),
            Stage::Local => ("", "", "TEST_LOCALLY_AT"),
        };
        Self { hosts: hosts.to_owned(), user, path }
    }
}

impl Settings {
    /// The stage that is deployed to.
    ///
    /// # Errors
    /// When DEPLOY_ENVIRONMENT is none.
    pub fn stage(&self) -> Result<Stage, SettingsError> {
        let stages = [Stage::Staging, Stage::Production, Stage::Local].map(|stage| (stage.as_str(), stage));
        Ok(self.one_of("DEPLOY_ENVIRONMENT", &stages)?.unwrap_or(Stage::Staging))
    }

    /// What a deploy to that stage needs.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] with all that is missing, or the first value that is invalid.
    pub fn deploy(&self, stage: Stage) -> Result<DeploySettings, SettingsError> {
        let purpose = purpose(stage);
        let missing = self.missing_for_deploy(stage)?;
        if !missing.is_empty() {
            return Err(self.missing(purpose, missing));
        }
        Ok(DeploySettings {
            app: self.app()?.to_owned(),
            stage,
            hosts: self.stage_hosts(stage)?,
            deliver_to: self.required_path(Names::of(stage).path, purpose)?,
            profile: self.required_path("PROFILE", purpose)?,
            release_tool: self.release_tool()?,
            version: self.optional("VERSION"),
            clean: self.is_true("CLEAN_DEPLOY"),
            start: self.is_true("START_DEPLOY"),
            skip_existing: self.get("SKIP_COPYING_EXISTING_FILES") == Some("skip"),
            start_timeout: self.seconds("START_TIMEOUT")?,
            stable_for: self.seconds("STABLE_FOR")?,
            health_check: self.optional("HEALTH_CHECK"),
            keep_releases: self.keep_releases()?,
            on_failure: self.on_failure()?,
            migrations: self.deploy_migrations()?,
            batch: self.batch()?,
            canary_for: self.optional("CANARY_FOR").map(|_| self.seconds("CANARY_FOR")).transpose()?,
        })
    }

    fn keep_releases(&self) -> Result<usize, SettingsError> {
        let count = self.parsed("KEEP_RELEASES", |value| match value.parse() {
            Ok(count @ 1..) => Ok(count),
            _ => Err("it must be a number of releases, at least 1"),
        })?;
        Ok(count.unwrap_or(usize::MAX))
    }

    /// How many nodes are restarted at a time (`DEPLOY_BATCH`); without it all of them.
    ///
    /// # Errors
    /// When it is no number.
    pub fn batch(&self) -> Result<Option<NonZeroUsize>, SettingsError> {
        self.parsed("DEPLOY_BATCH", |value| match value.parse() {
            _ if value == "all" => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(_) => Err("it must be a number of hosts, at least 1"),
        })
        .map(Option::flatten)
    }

    /// How many hosts are worked on at a time (`PARALLEL`), if the user says so.
    ///
    /// # Errors
    /// When it is no number.
    pub fn parallel(&self) -> Result<Option<NonZeroUsize>, SettingsError> {
        let problem = "it must be a number of hosts, at least 1";
        self.parsed("PARALLEL", |value| value.parse().map_err(|_| problem))
    }

    fn on_failure(&self) -> Result<OnFailure, SettingsError> {
        let choices = [
            ("rollback", OnFailure::RollBack),
            ("stop", OnFailure::Stop),
            ("keep-good", OnFailure::KeepGood),
        ];
        Ok(self.one_of("ON_FAILURE", &choices)?.unwrap_or(OnFailure::RollBack))
    }

    /// The names that a deploy to that stage needs and that are not set.
    pub(super) fn missing_for_deploy(&self, stage: Stage) -> Result<Vec<String>, SettingsError> {
        let names = Names::of(stage);
        let mut needed = vec!["APP"];
        if stage != Stage::Local {
            needed.push(&names.hosts);
            let hosts = self.stage_hosts(stage)?;
            if hosts.is_empty() || hosts.iter().any(|host| !host.is_local() && host.user().is_none()) {
                needed.push(names.user);
            }
        }
        needed.push(names.path);
        Ok(self.unset(&needed))
    }

    fn stage_hosts(&self, stage: Stage) -> Result<Vec<HostAddr>, SettingsError> {
        let names = Names::of(stage);
        match stage {
            Stage::Local => Ok(vec![HostAddr::local()]),
            _ => self.hosts(&names.hosts, self.get(names.user)),
        }
    }

    /// The nodes of an environment: `<ENVIRONMENT>_NODES`, else one for each of its hosts. Where
    /// `HOST` is given, only those on that host.
    ///
    /// # Errors
    /// When there are none, or the first that cannot be read.
    pub fn nodes(&self, environment: &str) -> Result<Vec<NodeSettings>, SettingsError> {
        let name = format!("{}_NODES", environment.to_ascii_uppercase());
        let mut nodes = Vec::new();
        if let Some(setting) = self.setting(&name) {
            for item in setting.items() {
                let node = node(item).map_err(|reason| SettingsError::invalid(setting, reason))?;
                if !nodes.contains(&node) {
                    nodes.push(node);
                }
            }
            return self.only_on_host(nodes);
        }
        let (hosts, path) = self.hosts_of_environment(environment)?;
        Ok(hosts.into_iter().map(|host| NodeSettings { host, path: path.clone(), config: None }).collect())
    }

    /// Where the nodes of an environment run that has no list of nodes.
    fn hosts_of_environment(&self, environment: &str) -> Result<(Vec<HostAddr>, RemotePath), SettingsError> {
        let purpose = "controlling nodes";
        let upper = environment.to_ascii_uppercase();
        let stage = match environment {
            "production" => Stage::Production,
            "local" | "localhost" => Stage::Local,
            _ => Stage::Staging,
        };
        let mut names = Names::of(stage);
        if stage == Stage::Local {
            return Ok((vec![HostAddr::local()], self.required_path(names.path, purpose)?));
        }
        names.hosts = format!("{upper}_HOSTS");
        let hosts = self.hosts(&names.hosts, self.get(names.user))?;
        let mut missing = Vec::new();
        if hosts.is_empty() {
            missing.push(format!("{upper}_NODES (or {})", names.hosts));
        }
        if hosts.iter().any(|host| !host.is_local() && host.user().is_none()) {
            missing.push(names.user.to_owned());
        }
        if !missing.is_empty() {
            return Err(self.missing(purpose, missing));
        }
        Ok((hosts, self.required_path(names.path, purpose)?))
    }

    /// `--host=` on a list of nodes that stands in the config: never more nodes than asked for.
    fn only_on_host(&self, nodes: Vec<NodeSettings>) -> Result<Vec<NodeSettings>, SettingsError> {
        let Some(wanted) = self.hosts("HOST", None)?.into_iter().next() else { return Ok(nodes) };
        let same_user = |host: &HostAddr| wanted.user().is_none() || wanted.user() == host.user();
        let wanted = |node: &NodeSettings| node.host.host() == wanted.host() && same_user(&node.host);
        let nodes: Vec<NodeSettings> = nodes.into_iter().filter(wanted).collect();
        if nodes.is_empty() {
            return Err(self.invalid("HOST", "none of the configured nodes runs on that host"));
        }
        Ok(nodes)
    }

    /// The file on the host whose variables the tools and the node get (`PROFILE`).
    ///
    /// # Errors
    /// When it is no path.
    pub fn profile(&self) -> Result<RemotePath, SettingsError> {
        self.required_path("PROFILE", "every command on a host")
    }
}

fn purpose(stage: Stage) -> &'static str {
    match stage {
        Stage::Staging => "a deploy to staging",
        Stage::Production => "a deploy to production",
        Stage::Local => "a deploy to this machine",
    }
}

/// `[user@]host:/path[|config]`
fn node(item: &str) -> Result<NodeSettings, String> {
    const SHAPE: &str = "a node is written user@host:/path";
    let (place, config) = match item.split_once('|') {
        Some((place, config)) => (place, Some(config.to_owned()).filter(|config| !config.is_empty())),
        None => (item, None),
    };
    let Some((host, path)) = split_host(place) else {
        return Err(format!("'{item}' has no path; {SHAPE}"));
    };
    let host: HostAddr = host.parse().map_err(|error| format!("{error}"))?;
    let path: RemotePath = path.parse().map_err(|error| format!("'{item}': {error}; {SHAPE}"))?;
    Ok(NodeSettings { host, path, config })
}

/// The two sides of `host:/path`. The host may carry a port, so that the path begins at the first `:`
/// with a path behind it.
pub(super) fn split_host(text: &str) -> Option<(&str, &str)> {
    let separator = [":/", ":~", ":$"].iter().filter_map(|start| text.find(start)).min();
    separator.or_else(|| text.find(':')).map(|at| (&text[..at], &text[at + 1..]))
}
