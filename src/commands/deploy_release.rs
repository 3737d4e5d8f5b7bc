//! `edeliver deploy release`: a release from the store to all hosts of a stage, or to none.

use anyhow::Context as _;

use super::stage_hooks::StageHooks;
use super::{Context, select};
use crate::deploy::{Deploy, Failed, Job, Switched, Verified};
use crate::exit::{Failure, OrUsage};
use crate::release::{ExpectedErts, Version};
use crate::settings::DeploySettings;
use crate::store::{OpenArchive, Store};

/// The recipe (PARITY.md section 4, "deploy release").
///
/// # Errors
/// When anything failed: then every host is as it was before, unless the failure says otherwise.
pub fn run(context: &Context) -> Result<(), Failure> {
    let settings = context.settings.deploy(context.settings.stage().or_usage()?).or_usage()?;
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    context.report.banner(&format!("DEPLOYING RELEASE OF {app} APP TO {stage} HOSTS"));
    context.report.status("Authorizing hosts");
    let store = Store::new(&context.settings.store().or_usage()?, context.settings.project(), &settings.app)
        .or_usage()?;
    let wanted = settings.version.as_deref();
    let archive = select::archive(context, &store, &settings.app, wanted, settings.release_tool)?;
    let opened = store.open(&archive)?;
    // The archive's name may carry a revision that the release itself does not know.
    let boots = opened
        .manifest
        .boots(&settings.app, ExpectedErts::Optional)
        .with_context(|| opened.path.to_string())?;
    deploy(context, &settings, boots.version, opened)?;
    context.report.banner(&format!("DEPLOYED RELEASE TO {stage}!"));
    Ok(())
}

/// The transaction. Every step is taken on all hosts before the next one begins.
fn deploy(
    context: &Context,
    settings: &DeploySettings,
    version: Version,
    archive: OpenArchive,
) -> Result<(), Failure> {
    let report = &context.report;
    let file = format!("{}_{version}.tar.gz", settings.app);
    let hooks = StageHooks::new(context, settings, &version)?;
    let job = job(context, settings, version.clone(), archive);
    Deploy::open(job, context.targets(settings)?)
        .and_then(|deploy| {
            report.status(&format!("Uploading archive of release {version} from local release store"));
            deploy.stage()
        })
        .and_then(|deploy| {
            if settings.clean {
                report.status("Cleaning release directory");
            }
            deploy.between(|| hooks.run("pre_extract_release_archive"))
        })
        .and_then(|deploy| {
            report.status(&format!("Extracting archive {file} into {}", settings.deliver_to));
            deploy.switch()
        })
        .and_then(|deploy| deploy.between(|| hooks.run("post_extract_release_archive")))
        .and_then(
            |deploy| {
                if settings.start { restart(deploy, context, &hooks) } else { Ok(deploy.leave_running()) }
            },
        )
        .map_err(Failed::roll_back)?
        .commit()
}

/// Stops what runs and starts the new release, as we do it or as the config has it.
fn restart(
    deploy: Deploy<Switched>,
    context: &Context,
    hooks: &StageHooks<'_>,
) -> Result<Deploy<Verified>, Failed> {
    if hooks.defines("force_start_release") {
        return deploy.between(|| hooks.run("force_start_release")).map(Deploy::leave_running);
    }
    deploy
        .between(|| hooks.run("pre_start_deployed_release"))
        .and_then(|deploy| {
            context.report.status("Starting deployed release");
            deploy.restart()
        })?
        .between(|| hooks.run("post_start_deployed_release"))
}

fn job(context: &Context, settings: &DeploySettings, version: Version, archive: OpenArchive) -> Job {
    let mut job = Job::new(
        &settings.app,
        version,
        archive.path,
        archive.manifest,
        context.report.clone(),
        context.interrupt.clone(),
    );
    job.clean = settings.clean;
    job.start = settings.start;
    job
}
