//! `edeliver deploy upgrade`: the running nodes of a stage become the new version without a restart, or
//! none of them does.

use anyhow::{Context as _, anyhow};

use super::stage_hooks::StageHooks;
use super::{Context, deploy_release, plan, select};
use crate::cli::DeployUpgrade;
use crate::deploy::{Deploy, Failed, Job, Offline, Start};
use crate::exit::{Failure, OrUsage};
use crate::release::relup::relup_path;
use crate::release::{ArchiveKind, Relup, read_member};
use crate::settings::DeploySettings;

/// The recipe (PARITY.md section 4, "deploy upgrade").
///
/// # Errors
/// When anything failed: then every host is as it was before, unless the failure says otherwise.
pub fn run(context: &Context, upgrade: &DeployUpgrade) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    if !upgrade.precautions.plan {
        deploy_release::announce(context, "UPGRADE", &app, settings.stage);
        context.report.status("Authorizing hosts");
    }
    let mut job = job(context, &settings, settings.version.as_deref())?;
    job.claim.force_unlock = upgrade.precautions.force_unlock;
    if upgrade.precautions.plan {
        return plan::run(context, &job);
    }
    deploy(context, &settings, job)?;
    context.report.banner(&format!("DEPLOYED UPGRADE TO {stage}!"));
    Ok(())
}

/// An upgrade to that version from the store; without one to the only one there is.
///
/// # Errors
/// When there is none, or releases become images, which are no upgrades.
pub fn job(context: &Context, settings: &DeploySettings, version: Option<&str>) -> Result<Job, Failure> {
    if context.settings.release_image().or_usage()?.is_some() {
        let error = anyhow!("an image holds a whole release, and is no upgrade of what runs");
        return Err(Failure::usage(error).hint("Deploy it: edeliver deploy release --version=TAG"));
    }
    let store = context.store()?;
    let archive = select::archive(context, &store, &settings.app, version, &[ArchiveKind::Upgrade])?;
    let opened = store.open(&archive)?;
    let version =
        opened.manifest.upgrade_version(&archive.name.version).with_context(|| opened.place.clone())?;
    let file = opened.source.file()?;
    let relup = read_member(file.reader(), &opened.manifest.layout, &relup_path(&version))?;
    let relup = Relup::parse(&String::from_utf8_lossy(&relup.unwrap_or_default()))
        .with_context(|| format!("the relup in {}", opened.place))?;
    let (report, interrupt) = (context.report.clone(), context.interrupt.clone());
    let mut job = Job::new(settings, version, opened.source, opened.manifest, report, interrupt);
    (job.revision, job.store) = (opened.revision, store.kind());
    job.start = Start::Hot(Offline::Refused);
    (job.upgrades_from, job.restarts_from) = (relup.up_from, relup.restarts_from);
    Ok(job)
}

/// The transaction. From the switch on every step is taken on all hosts before the next one begins.
pub fn deploy(context: &Context, settings: &DeploySettings, job: Job) -> Result<(), Failure> {
    let report = &context.report;
    let (version, store) = (job.version.clone(), job.store);
    let hooks = StageHooks::new(context, settings, Some(&version))?;
    hooks.must_be_ours("upgrade_release")?;
    let uploading = format!("Uploading archive of release {version} from {store} release store");
    Deploy::open_and_stage(job, hooks.targets(settings)?, || report.status(&uploading))
        .and_then(Deploy::switch)
        .and_then(|deploy| deploy.between(|sessions| hooks.run("pre_upgrade_release", sessions)))
        .and_then(|deploy| {
            report.status(&format!("Upgrading release to {version}"));
            deploy.upgrade()
        })
        .and_then(|deploy| deploy.between(|sessions| hooks.run("post_upgrade_release", sessions)))
        .and_then(|deploy| {
            report.status("Making the upgrade permanent");
            deploy.make_permanent()
        })
        .map_err(Failed::settle)?
        .commit()
}
