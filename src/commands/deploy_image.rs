//! A deploy of an image: the hosts fetch it, and the script that controls its container is deployed like any
//! other file, on all hosts or on none (PARITY.md section 8).

use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use super::Context;
use super::staging::own_steps;
use crate::build::StepError;
use crate::build::docker::{Docker, command};
use crate::deploy::Job;
use crate::deploy::image::fetch;
use crate::exit::{Failure, OrUsage};
use crate::release::ArchiveFile;
use crate::settings::{DeploySettings, ImageSettings};

/// A deploy of the image with this tag. The hosts have the image afterwards.
///
/// # Errors
/// When no tag is given, or a host cannot have the image.
pub(super) fn job(
    context: &Context,
    settings: &DeploySettings,
    image: &ImageSettings,
    tag: Option<&str>,
) -> Result<Job, Failure> {
    if settings.migrations.is_some() {
        let error = anyhow!("a deploy of an image does not migrate: its release is in the container");
        let script = format!("{}/{}/bin/{}", settings.deliver_to, settings.app, settings.app);
        return Err(Failure::usage(error)
            .hint(format!("Deploy without --migrate, and have the release migrate: {script} rpc ...")));
    }
    let Some(tag) = tag else {
        let error =
            anyhow!("which image of {}? --version=TAG names it, e.g. --version=1.0.0-latest", image.name);
        return Err(Failure::usage(error));
    };
    let version = tag.parse().map_err(Failure::usage)?;
    let report = &context.report;
    let image = context.settings.deploy_image(image, tag).or_usage()?;
    let saved = match context.settings.is_true("DOCKER_PUSH") {
        true => Some(saved(context, &image.reference())?),
        false => None,
    };
    let how = if saved.is_some() { "Giving hosts" } else { "Having hosts pull" };
    report.status(&format!("{how} image {}", image.reference()));
    let fetched = {
        let _spinner = report.step("Waiting for the image");
        fetch(settings, &context.connect_options(false)?, &image, saved.as_ref())?
    };
    if !fetched.has_script() {
        report.hint(&format!("The image has no {}: edeliver's own script is used.", image.script));
    }
    let (archive, manifest) =
        fetched.archive(&settings.app, &image, command(settings.release_tool)).map_err(Failure::failed)?;
    let (report, interrupt) = (report.clone(), context.interrupt.clone());
    let mut job = Job::new(settings, version, Arc::new(archive), manifest, report, interrupt);
    (job.store, job.own_steps) = ("docker", own_steps(context));
    Ok(job)
}

/// The image of this machine, as a file.
fn saved(context: &Context, reference: &str) -> Result<ArchiveFile, Failure> {
    context.report.status(&format!("Saving image {reference}"));
    let file = tempfile::NamedTempFile::new().context("a file for the image")?;
    let path =
        file.path().to_str().ok_or_else(|| anyhow!("the name of the temporary directory is no UTF-8"))?;
    Docker::new(&context.interrupt, &context.report)
        .map_err(StepError::from)
        .and_then(|mut docker| docker.save(reference, path))
        .map_err(StepError::into_failure)?;
    // What docker has put there, which need not be the file that was made for it.
    Ok(ArchiveFile::open(camino::Utf8Path::new(path)).context("the saved image")?)
}
