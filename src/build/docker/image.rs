//! The image that a release is put into.

use std::fs::File;

use super::{Docker, docker};
use crate::build::StepError;
use crate::host::LockOwner;
use crate::settings::{ImageSettings, ReleaseTool};
use crate::transport::Stdin;

/// Under what names an image is kept (PARITY.md section 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// `VERSION-latest`, by which it is made.
    pub latest: String,
    /// `VERSION-REVISION` and `VERSION-BRANCH`.
    pub others: [String; 2],
}

impl Tags {
    /// Those of this version. What no tag can have is left out of the version; a `-` separates it from
    /// what follows, so a branch has none.
    pub fn of(version: &str, revision: &str, branch: &str) -> Self {
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let version: String = version.chars().filter(|c| is_tag(*c)).collect();
        let branch: String = branch.chars().map(|c| if is_tag(c) && c != '-' { c } else { '_' }).collect();
        let tag = |name: &str| format!("{version}-{name}").chars().take(128).collect();
        Self { latest: tag("latest"), others: [tag(revision), tag(&branch)] }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.latest).chain(&self.others).map(String::as_str)
    }
}

/// A release on its way into an image.
pub struct ReleaseImage<'a> {
    docker: Docker<'a>,
    settings: &'a ImageSettings,
    tags: Tags,
}

impl<'a> ReleaseImage<'a> {
    /// The image of these settings, to be kept under these tags.
    pub fn new(docker: Docker<'a>, settings: &'a ImageSettings, tags: Tags) -> Self {
        Self { docker, settings, tags }
    }

    /// The name with a tag.
    pub fn reference(&self, tag: &str) -> String {
        format!("{}:{tag}", self.settings.name)
    }

    /// Makes it: the base image with the release of `tar` in `/APP`, under all of its tags.
    ///
    /// # Errors
    /// When a call fails. The container that it is made from is gone in any case.
    pub fn make(&mut self, app: &str, tool: ReleaseTool, tar: &mut File) -> Result<(), StepError> {
        let workdir = self.workdir(app)?;
        let container = format!("edeliver-release-{}", LockOwner::this_process().nonce);
        let made = self.commit(&container, &workdir, tool, tar);
        self.docker.discard(&container);
        made?;
        let latest = self.reference(&self.tags.latest);
        for tag in self.tags.others.clone() {
            let reference = self.reference(&tag);
            self.docker.report.info(&format!("Tagging also as {tag}"));
            self.docker.host.run("Tagging the image", &docker(["tag", &latest, &reference]))?;
        }
        Ok(())
    }

    /// Pushes it, under all of its tags.
    ///
    /// # Errors
    /// When a push fails; what was pushed before stays there.
    pub fn push(&mut self) -> Result<(), StepError> {
        for tag in self.tags.clone().all() {
            let reference = self.reference(tag);
            self.docker.report.info(&format!("Pushing {reference}"));
            self.docker.host.run("Pushing the image", &docker(["push", &reference]))?;
        }
        Ok(())
    }

    /// The directory that containers of it start in, where the base image is there afterwards.
    fn workdir(&mut self, app: &str) -> Result<String, StepError> {
        let (base, step) = (self.settings.base.as_str(), "Looking for the base image");
        let host = &mut self.docker.host;
        if host.ask(step, &docker(["images", "--quiet", base]))?.trim().is_empty() {
            host.run("Pulling the base image", &docker(["pull", base]))?;
        }
        if let Some(workdir) = &self.settings.workdir {
            return Ok(workdir.clone());
        }
        let inspect = docker(["image", "inspect", "--format", "{{.Config.WorkingDir}}", base]);
        let workdir = host.ask(step, &inspect)?.trim().to_owned();
        Ok(if workdir.is_empty() { format!("/{app}") } else { workdir })
    }

    fn commit(
        &mut self,
        container: &str,
        workdir: &str,
        tool: ReleaseTool,
        tar: &mut File,
    ) -> Result<(), StepError> {
        let (base, latest) = (self.settings.base.as_str(), self.reference(&self.tags.latest));
        let host = &mut self.docker.host;
        host.run("Creating the release container", &docker(["create", "--name", container, base]))?;
        let root = format!("{container}:/");
        let copy = docker(["cp", "-", &root]);
        host.feed("Copying the release into its container", &copy, Stdin::Reader(tar))?;
        // The start script needs it: releases of different tools take their port differently.
        let label = format!("LABEL edeliver.release.command={}", command(tool));
        let workdir = format!("WORKDIR {workdir}");
        let commit = docker(["commit", "--change", &label, "--change", &workdir, container, &latest]);
        host.run("Committing the image", &commit)
    }
}

/// The tool, by the word that the start script knows it by.
pub fn command(tool: ReleaseTool) -> &'static str {
    match tool {
        ReleaseTool::MixRelease => "mix",
        ReleaseTool::Distillery => "distillery",
        ReleaseTool::Rebar3 => "rebar3",
        ReleaseTool::Rebar => "rebar",
        ReleaseTool::Relx => "relx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_what_tags_can_have() {
        let tags = Tags::of("1.0.0+build", "82a5834", "feature/my-branch");
        assert_eq!(
            tags.all().collect::<Vec<_>>(),
            ["1.0.0build-latest", "1.0.0build-82a5834", "1.0.0build-feature_my_branch"]
        );
    }
}
