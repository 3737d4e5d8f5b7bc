//! The settings of a store in a container registry: `docker://[registry/]repository[:tag]`.

use super::Settings;
use super::error::SettingsError;
use super::store::Secret;

/// The registry of images whose names have none, as docker has it.
const DOCKER_HUB: &str = "docker.io";

/// A repository of a registry, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// `host[:port]`; none for Docker Hub.
    pub registry: Option<String>,
    /// `account/image`, or longer.
    pub repository: String,
    /// The one tag to use in place of one for each version.
    pub tag: Option<String>,
    /// `DOCKER_REGISTRY_TOKEN`: a bearer token.
    pub token: Option<Secret>,
    /// `DOCKER_HUB_ACCESS_TOKEN`: the password of the account in `repository`, on Docker Hub.
    pub hub_token: Option<Secret>,
    /// `DOCKER_CONFIG`, else `~/.docker`: where `docker login` keeps what it was told.
    pub login: Option<String>,
}

impl RegistrySettings {
    /// The image's name without a tag, as the docker CLI takes it.
    pub fn image(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository),
            None => self.repository.clone(),
        }
    }
}

impl Settings {
    /// Reads what stands behind `docker://`.
    pub(super) fn registry(&self, reference: &str) -> Result<RegistrySettings, SettingsError> {
        let invalid = |reason: &str| self.invalid("RELEASE_STORE", reason);
        if reference.is_empty() {
            return Err(invalid("it names no image: docker://account/image"));
        }
        let (registry, rest) = match reference.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
            _ => (None, reference),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if repository.split('/').any(|part| part.is_empty() || !part.chars().all(is_name)) {
            return Err(invalid("an image's name has small letters, digits, '.', '_', '-' and '/' only"));
        }
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128 || !tag.chars().all(is_tag)) {
            return Err(invalid("a tag has letters, digits, '.', '_' and '-' only"));
        }
        // The environment's, as for docker itself.
        let variable = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        let login = variable("DOCKER_CONFIG").map(str::to_owned);
        Ok(RegistrySettings {
            registry: registry.filter(|registry| *registry != DOCKER_HUB).map(str::to_owned),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            token: self.get("DOCKER_REGISTRY_TOKEN").map(Secret::new),
            hub_token: self.get("DOCKER_HUB_ACCESS_TOKEN").map(Secret::new),
            login: login.or_else(|| variable("HOME").map(|home| format!("{home}/.docker"))),
        })
    }
}
