//! The archive's way from the build container into an image.

use std::io::{self, Seek};

use anyhow::{Context as _, anyhow};

use super::Build;
use crate::build;
use crate::build::docker::{BuildContainer, ReleaseImage, Tags};
use crate::exit::Failure;
use crate::release::{ArchiveName, image_layer};
use crate::settings::ImageSettings;
use crate::store::{Received, StoredArchive};
use crate::transport::RemoteCommand;

impl<'a> Build<'a> {
    /// Puts the release of an archive that was read through into an image, and pushes it with `--push`.
    pub(super) fn make_image(
        &mut self,
        settings: &ImageSettings,
        name: &ArchiveName,
        received: Received,
    ) -> Result<StoredArchive, Failure> {
        let report = self.report();
        report.status("Generating docker image with release");
        report.info(&format!("Creating image {}", settings.name));
        report.info(&format!("Using base image {}", settings.base));
        let tags = Tags::of(name.version.as_str(), &self.short_revision()?, &self.source.refspec);
        let layout = received.manifest().layout.clone();
        let app = self.settings().app.clone();
        let mut tar = tempfile::tempfile().context("a file for the image's layer")?;
        image_layer(received.into_file().reader(), &layout, &app, io::BufWriter::new(&tar))
            .and_then(|()| tar.rewind())
            .context("the image's layer")?;
        let docker = self.container()?.docker();
        let mut image = ReleaseImage::new(docker, settings, tags.clone());
        report.info(&format!("Committing as {}", tags.latest));
        image.make(&app, self.settings().release_tool, &mut tar).map_err(build::StepError::into_failure)?;
        if self.context.push {
            report.status("Pushing release image to registry");
            image.push().map_err(build::StepError::into_failure)?;
        }
        let file = image.reference(&tags.latest);
        report.info(&format!("Made image {file}"));
        Ok(StoredArchive { name: name.clone(), file, size: None, stored_at: None })
    }

    /// The commit that was built, as the original has it in tags.
    fn short_revision(&mut self) -> Result<String, Failure> {
        let revision = self.source.revision.clone();
        let container = self.container()?;
        let checkout = container.checkout().as_str().parse().context("the checkout")?;
        let command = RemoteCommand::new("git").args(["rev-parse", "--short", &revision]).cwd(&checkout);
        let answer =
            container.here().ask("Finding the revision", &command).map_err(build::StepError::into_failure)?;
        Ok(answer.trim().to_owned())
    }

    fn container(&mut self) -> Result<&mut BuildContainer<'a>, Failure> {
        self.container
            .as_mut()
            .ok_or_else(|| Failure::failed(anyhow!("an image is made from a build in a container")))
    }
}
