//! `edeliver rollback`: back to the release before the last deploy, on all hosts of a stage or on none.

use anyhow::anyhow;

use super::{Context, deploy_release, look, plan};
use crate::cli::Rollback;
use crate::deploy::{Claim, Deploy, Failed, HostState, Job, Start, Target};
use crate::exit::Failure;
use crate::release::Version;
use crate::settings::DeploySettings;

/// What each host says of itself.
type States = [(String, HostState)];

/// Goes back to what the last deploy has replaced, or to the version that is asked for.
///
/// # Errors
/// When the hosts do not agree on what that is, or anything failed: then every host is as it was
/// before, unless the failure says otherwise.
pub fn run(context: &Context, rollback: &Rollback) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    if !rollback.precautions.plan {
        context.report.banner(&format!("ROLLING BACK {app} APP ON {stage} HOSTS"));
        context.report.status("Authorizing hosts");
    }
    let claim = Claim::new(context.report.clone());
    let states = look::at_hosts(context, |target: &mut Target| target.state(&claim))?.into_answers()?;
    let kept = kept(&states, settings.version.as_deref())?;
    let is_kept = kept.is_some();
    let mut job = match kept {
        Some(version) => Job::back(&settings, version, context.report.clone(), context.interrupt.clone()),
        None => {
            possible(context, &settings, &states)?;
            deploy_release::job(context, &settings, settings.version.as_deref())?
        }
    };
    job.start = if settings.start { Start::Yes } else { Start::WhereRunning };
    job.claim.force_unlock = rollback.precautions.force_unlock;
    if rollback.precautions.plan {
        return plan::run(context, &job);
    }
    if is_kept {
        back(context, &settings, job)?;
    } else {
        deploy_release::deploy(context, &settings, job, &[])?;
    }
    context.report.banner(&format!("ROLLED BACK ON {stage}!"));
    Ok(())
}

/// The version that all hosts keep and that is wanted; none when one is wanted that they do not keep.
fn kept(states: &States, wanted: Option<&str>) -> Result<Option<Version>, Failure> {
    let previous = |state: &HostState| state.last.as_ref().and_then(|last| last.previous.clone());
    let first = states.first().and_then(|(_, state)| previous(state));
    let agreed =
        first.filter(|first| states.iter().all(|(_, state)| previous(state).as_ref() == Some(first)));
    match (agreed, wanted) {
        (Some(agreed), None) => Ok(Some(agreed.parse()?)),
        (Some(agreed), Some(wanted)) if agreed == wanted => Ok(Some(agreed.parse()?)),
        (_, Some(_)) => Ok(None),
        (None, None) => {
            let lines: String = states
                .iter()
                .map(|(host, state)| {
                    format!("\n  {host}: {}", previous(state).as_deref().unwrap_or("nothing"))
                })
                .collect();
            let error = anyhow!("the hosts do not keep one and the same release to go back to:{lines}");
            Err(Failure::failed(error).hint("--version=V goes back to a release of the store."))
        }
    }
}

/// Whether the version that is wanted can be had from the store; else what can.
fn possible(context: &Context, settings: &DeploySettings, states: &States) -> Result<(), Failure> {
    let stored: Vec<String> =
        context.store()?.list()?.iter().map(|archive| archive.name.version.to_string()).collect();
    let wanted = settings.version.as_deref().unwrap_or_default();
    if stored.iter().any(|version| version == wanted) {
        return Ok(());
    }
    let kept = states.iter().map(|(host, state)| {
        let previous = state.last.as_ref().and_then(|last| last.previous.as_deref());
        format!("\n  {host} keeps {}", previous.unwrap_or("nothing"))
    });
    let stored = if stored.is_empty() { "nothing".to_owned() } else { stored.join(", ") };
    let kept: String = kept.collect();
    Err(anyhow!(
        "{wanted} is neither kept on the hosts nor in the release store:{kept}\n  the store has {stored}"
    )
    .into())
}

/// The transaction: as a deploy, with what the hosts keep in place of an archive.
fn back(context: &Context, settings: &DeploySettings, job: Job) -> Result<(), Failure> {
    let report = &context.report;
    let version = job.version.clone();
    Deploy::open(job, context.targets(settings)?)
        .and_then(Deploy::stage)
        .and_then(|deploy| {
            report.status(&format!("Putting release {version} back into {}", settings.deliver_to));
            deploy.switch()
        })
        .and_then(|deploy| {
            report.status("Restarting nodes that run");
            deploy.restart(|| Ok(()))
        })
        .map_err(Failed::settle)?
        .commit()
}
