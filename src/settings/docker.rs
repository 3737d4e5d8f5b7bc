//! The settings of builds in containers and of release images (PARITY.md section 8).

use super::error::SettingsError;
use super::{Settings, StoreLocation};
use crate::transport::RemotePath;

/// Where a container's root user is at home, as the original has it.
const HOME: &str = "/root";

/// A build in a container instead of on a host (`BUILD_HOST=docker`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSettings {
    /// `DOCKER_BUILD_IMAGE`.
    pub image: String,
}

/// The image that a release is put into (`RELEASE_STORE=docker://IMAGE` with `BUILD_HOST=docker`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSettings {
    /// The image without a tag: `account/image`, with a registry before it or not.
    pub name: String,
    /// `DOCKER_RELEASE_BASE_IMAGE`: what the release is put on top of.
    pub base: String,
    /// `DOCKER_RELEASE_IMAGE_WORKDIR`; without it the base image's own, else `/APP`.
    pub workdir: Option<String>,
}

/// An image to be deployed, and how its containers are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployImage {
    /// The image without a tag.
    pub name: String,
    /// The tag, which `--version=` names.
    pub tag: String,
    /// `CONTAINER_START_SCRIPT`: where the image has a script that controls its container.
    pub script: String,
    /// `DOCKER_OPTS`, with what mounts `LINK_VM_ARGS`.
    pub options: String,
}

impl DeployImage {
    /// The name with the tag.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

impl Settings {
    /// Whether builds take place in a container: the exact word, so that a host called so can still
    /// be named with its user.
    pub(super) fn container(&self) -> Option<ContainerSettings> {
        (self.get("BUILD_HOST") == Some("docker"))
            .then(|| ContainerSettings { image: self.text("DOCKER_BUILD_IMAGE") })
    }

    /// Where the container has the checkout: CONTAINER_BUILD_DIR, else BUILD_AT. A mount needs an
    /// absolute path, and there is nobody to ask for one before the container runs.
    pub(super) fn container_directory(&self) -> Result<RemotePath, SettingsError> {
        let name = ["CONTAINER_BUILD_DIR", "BUILD_AT"].into_iter().find(|name| self.get(name).is_some());
        let absolute = |path: &str| {
            let below_home = path.strip_prefix("~/").or_else(|| path.strip_prefix("$HOME/"));
            let path = match below_home {
                Some(rest) => format!("{HOME}/{rest}"),
                None if path.starts_with(['~', '$']) => {
                    return Err("in a container it must be an absolute path, or begin with ~/".to_owned());
                }
                None if path.starts_with('/') => path.to_owned(),
                None => format!("{HOME}/{path}"),
            };
            path.parse::<RemotePath>().map_err(|error| error.to_string())
        };
        let parsed = name.map_or(Ok(None), |name| self.parsed(name, absolute))?;
        parsed.ok_or_else(|| self.missing("a build", vec!["BUILD_AT".to_owned()]))
    }

    /// The image that releases are put into; none where archives are stored.
    ///
    /// # Errors
    /// When RELEASE_STORE cannot be read, or names a tag, which the version is.
    pub fn release_image(&self) -> Result<Option<ImageSettings>, SettingsError> {
        if self.container().is_none() {
            return Ok(None);
        }
        let StoreLocation::Docker(reference) = self.store()?.location else { return Ok(None) };
        if reference.tag.is_some() {
            return Err(self.invalid("RELEASE_STORE", "the tags of an image are the versions: name none"));
        }
        Ok(Some(ImageSettings {
            name: reference.image(),
            base: self.text("DOCKER_RELEASE_BASE_IMAGE"),
            workdir: self.optional("DOCKER_RELEASE_IMAGE_WORKDIR"),
        }))
    }

    /// The image of this tag, as the settings have it.
    ///
    /// # Errors
    /// When APP is missing.
    pub fn deploy_image(&self, image: &ImageSettings, tag: &str) -> Result<DeployImage, SettingsError> {
        let app = self.app()?;
        let script = self.optional("CONTAINER_START_SCRIPT");
        let mut options = self.text("DOCKER_OPTS");
        if let Some(file) = self.get("LINK_VM_ARGS") {
            // What follows the version in a tag begins with the last dash.
            let version = tag.rsplit_once('-').map_or(tag, |(version, _)| version);
            let target = format!("/{app}/releases/{version}/vm.args");
            options =
                format!("{options} --mount type=bind,source={file},target={target}").trim_start().to_owned();
        }
        Ok(DeployImage {
            name: image.name.clone(),
            tag: tag.to_owned(),
            script: script.unwrap_or_else(|| format!("/{app}/bin/start_container")),
            options,
        })
    }
}
