//! `edeliver deploy release`: a release from the store to all hosts of a stage, or to none.

use super::Context;
use crate::deploy::{Deploy, Failed, Job, Target};
use crate::exit::Failure;
use crate::host::agent::Place;
use crate::settings::DeploySettings;
use crate::store::{Store, StoredArchive};

/// The recipe (PARITY.md section 4, "deploy release").
///
/// # Errors
/// When anything failed: then every host is as it was before, unless the failure says otherwise.
pub fn run(context: &Context) -> Result<(), Failure> {
    let settings = context.settings.deploy(context.settings.stage()?)?;
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    context.report.banner(&format!("DEPLOYING RELEASE OF {app} APP TO {stage} HOSTS"));
    context.report.status("Authorizing hosts");
    let store = Store::open(&context.settings.store()?, &context.project)?;
    let archive = super::select::archive(context, &store, &settings)?;
    deploy(context, &settings, archive)?;
    context.report.banner(&format!("DEPLOYED RELEASE TO {stage}!"));
    Ok(())
}

/// The transaction. Every step is taken on all hosts before the next one begins.
fn deploy(context: &Context, settings: &DeploySettings, archive: StoredArchive) -> Result<(), Failure> {
    let report = &context.report;
    let file = format!("{}_{}.tar.gz", settings.app, archive.name.version);
    let version = archive.name.version.clone();
    let job = job(context, settings, archive);
    Deploy::open(job, targets(context, settings)?)
        .and_then(|deploy| {
            report.status(&format!("Uploading archive of release {version} from local release store"));
            deploy.stage()
        })
        .and_then(|deploy| {
            if settings.clean {
                report.status("Cleaning release directory");
            }
            report.status(&format!("Extracting archive {file} into {}", settings.deliver_to));
            deploy.switch()
        })
        .and_then(|deploy| {
            if !settings.start {
                return Ok(deploy.leave_running());
            }
            report.status("Starting deployed release");
            deploy.restart()
        })
        .map_err(Failed::roll_back)?
        .commit()
}

fn job(context: &Context, settings: &DeploySettings, archive: StoredArchive) -> Job {
    let mut job = Job::new(
        &settings.app,
        archive.name.version,
        archive.path,
        archive.manifest,
        context.report.clone(),
        context.interrupt.clone(),
    );
    job.clean = settings.clean;
    job.start = settings.start;
    job
}

fn targets(context: &Context, settings: &DeploySettings) -> Result<Vec<Target>, Failure> {
    let options = context.connect_options(false)?;
    let place = Place {
        deliver_to: settings.deliver_to.clone(),
        app: settings.app.clone(),
        profile: settings.profile.clone(),
        start_timeout: settings.start_timeout,
        stable_for: settings.stable_for,
    };
    Ok(settings.hosts.iter().map(|host| Target::new(host.clone(), place.clone(), options.clone())).collect())
}
