//! `edeliver deploy release`: a release from the store to all hosts of a stage, or to none.

use anyhow::anyhow;

use super::rolling::{ask_to_go_on, rolling};
use super::stage_hooks::StageHooks;
use super::staging::{Staging, own_steps};
use super::{Context, deploy_image, plan, select};
use crate::cli::DeployRelease;
use crate::deploy::{Deploy, Failed, Job, Start, Switched, Verified};
use crate::exit::{Failure, OrUsage as _};
use crate::release::ExpectedErts;
use crate::report::Tone;
use crate::settings::{DeployMigrations, DeploySettings, MigrateWhen, OnFailure, Stage};
use crate::store::release_kinds;

/// The recipe (PARITY.md section 4, "deploy release").
///
/// # Errors
/// When anything failed: then every host is as it was before, unless the failure says otherwise.
pub fn run(context: &Context, release: &DeployRelease) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    if release.precautions.plan && context.settings.release_image().or_usage()?.is_some() {
        return Err(Failure::usage(anyhow!(
            "--plan cannot look at images, which the hosts would have to fetch"
        )));
    }
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    if !release.precautions.plan {
        announce(context, "RELEASE", &app, settings.stage);
        context.report.status("Authorizing hosts");
    }
    let mut job = job(context, &settings, settings.version.as_deref())?;
    job.clean = settings.clean;
    job.start = if settings.start { Start::Yes } else { Start::No };
    job.claim.force_unlock = release.precautions.force_unlock;
    job.migrations = migrations(context, &settings, &job)?;
    job.rolling = rolling(&settings, release.rolling.canary)?;
    if release.precautions.plan {
        return plan::run(context, &job);
    }
    deploy(context, &settings, job, &[])?;
    context.report.banner(&format!("DEPLOYED RELEASE TO {stage}!"));
    Ok(())
}

/// The line that a deploy begins with. Production stands out.
pub(super) fn announce(context: &Context, what: &str, app: &str, stage: Stage) {
    let tone = if stage == Stage::Production { Tone::Alarm } else { Tone::Notice };
    let (app, hosts) = (format!(" OF {app} APP TO "), format!("{} HOSTS", stage.as_str().to_uppercase()));
    context.report.banner_of(&[
        (Tone::Good, "DEPLOYING "),
        (Tone::Notice, what),
        (Tone::Good, &app),
        (tone, &hosts),
    ]);
}

/// The migrations of this deploy, when it can run them.
pub(super) fn migrations(
    context: &Context,
    settings: &DeploySettings,
    job: &Job,
) -> Result<Option<DeployMigrations>, Failure> {
    let Some(migrations) = settings.migrations else { return Ok(None) };
    if migrations.undo && settings.on_failure == OnFailure::KeepGood {
        let error = anyhow!(
            "ON_FAILURE=keep-good keeps the new release on some hosts, which then lack its migrations"
        );
        return Err(Failure::usage(error).hint("Leave out --rollback-migrations, or ON_FAILURE."));
    }
    let (told, runs) = (
        context.settings.get("MIGRATE_EVAL").is_some(),
        settings.start && migrations.when == MigrateWhen::After,
    );
    // What functions of the config will unpack is not known yet.
    let erlang = !job.has_elixir() && !job.own_steps.extract;
    let needs = "--migrate needs --start-deploy and MIGRATE_WHEN=after then";
    if erlang && !told {
        let error = anyhow!("this release has no Elixir, and nothing says how it migrates");
        return Err(Failure::usage(error)
            .hint("Set MIGRATE_EVAL to what its node evaluates: module:function, or an Erlang expression."));
    }
    if erlang && !runs {
        let error = anyhow!("this release has no Elixir, so that it migrates in the running new node");
        return Err(Failure::usage(error).hint(format!("{needs}.")));
    }
    if !told && job.has_edeliver_module() && !runs {
        let error = anyhow!("edeliver's own module in this release migrates in the running new node");
        return Err(Failure::usage(error).hint(format!("{needs}; or set MIGRATE_EVAL, which needs no node.")));
    }
    Ok(Some(migrations))
}

/// A deploy of that version from the store; without one of the only one there is. Where releases are
/// images, the version is the image's tag.
pub fn job(context: &Context, settings: &DeploySettings, version: Option<&str>) -> Result<Job, Failure> {
    if let Some(image) = context.settings.release_image().or_usage()? {
        return deploy_image::job(context, settings, &image, version);
    }
    let store = context.store()?;
    let kinds = release_kinds(settings.release_tool);
    let archive = select::archive(context, &store, &settings.app, version, kinds)?;
    let opened = store.open(&archive)?;
    // A config that uploads it by itself asks for its name.
    context.hooks().variables_mut().set("RELEASE_FILE", opened.name.to_string());
    let own_steps = own_steps(context);
    // The archive's name may carry a revision that the release itself does not know.
    let version = match opened.manifest.boots(&settings.app, ExpectedErts::Optional) {
        Ok(boots) => boots.version,
        // It need not hold a release as it is.
        Err(_) if own_steps.extract => archive.name.version.clone(),
        Err(error) => return Err(Failure::failed(anyhow!(error).context(opened.place))),
    };
    let (report, interrupt) = (context.report.clone(), context.interrupt.clone());
    let mut job = Job::new(settings, version, opened.source, opened.manifest, report, interrupt);
    (job.revision, job.store, job.own_steps) = (opened.revision, store.kind(), own_steps);
    Ok(job)
}

/// The transaction. From the switch on every step is taken on all hosts before the next one begins. `last` are
/// functions of the config that run when all hosts have verified; when one fails, all go back.
pub fn deploy(context: &Context, settings: &DeploySettings, job: Job, last: &[&str]) -> Result<(), Failure> {
    let report = &context.report;
    let (version, own_steps, start) = (job.version.clone(), job.own_steps, job.start);
    let migrate = job.migrations.map(|migrations| migrations.when);
    let migrating = |when| {
        let now = migrate == Some(when);
        if now {
            report.status("Migrating the database");
        }
        now
    };
    let hooks = StageHooks::new(context, settings, Some(&version))?;
    hooks.let_restart_in_batches(&job.rolling)?;
    let is_image = context.settings.release_image().or_usage()?.is_some();
    let staging = Staging::new(report, settings, &hooks, &job).of_image(is_image);
    staging
        .stage(job, hooks.targets(settings)?)
        .and_then(|deploy| if migrating(MigrateWhen::Before) { deploy.migrate() } else { Ok(deploy) })
        .and_then(Deploy::switch)
        .and_then(|deploy| match own_steps.extract {
            // It has called the hook, or does not want to.
            true => Ok(deploy),
            false => deploy.between(|sessions| hooks.run("post_extract_release_archive", sessions)),
        })
        .and_then(|deploy| {
            if start == Start::No { Ok(deploy.leave_running()) } else { restart(deploy, context, &hooks) }
        })
        .and_then(|deploy| if migrating(MigrateWhen::After) { deploy.migrate() } else { Ok(deploy) })
        .and_then(|deploy| {
            let run =
                |deploy: Deploy<_>, function: &&str| deploy.between(|sessions| hooks.run(function, sessions));
            last.iter().try_fold(deploy, run)
        })
        .map_err(Failed::settle)?
        .commit()
}

/// Stops what runs and starts the new release, as we do it or as the config has it.
fn restart(
    deploy: Deploy<Switched>,
    context: &Context,
    hooks: &StageHooks<'_>,
) -> Result<Deploy<Verified>, Failed> {
    if hooks.defines("force_start_release") {
        // What it starts, and whether that is a node, is its own business.
        return deploy
            .restarted_by(|sessions| hooks.run("force_start_release", sessions))
            .map(Deploy::leave_running);
    }
    deploy
        .between(|sessions| hooks.run("pre_start_deployed_release", sessions))
        .and_then(|deploy| {
            context.report.status("Starting deployed release");
            if hooks.defines("get_restart_node_command") {
                deploy.restarted_by(|sessions| hooks.restart_nodes(sessions))?.verify()
            } else {
                deploy.restart(|| ask_to_go_on(context))
            }
        })?
        .between(|sessions| hooks.run("post_start_deployed_release", sessions))
}
