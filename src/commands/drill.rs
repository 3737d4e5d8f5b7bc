//! `edeliver drill`: rehearses a deploy that fails, and proves that every host is restored.

use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::look::Looked;
use super::stage_hooks::EXTRACT;
use super::{Context, deploy_release, look};
use crate::deploy::{Claim, Deploy, Failed, HostState, Job, Start, Switched, Target, TargetError, Verified};
use crate::exit::{Exit, Failure};
use crate::node::NodeState;
use crate::report::table;

/// A host, as far as a deploy must restore it.
#[derive(PartialEq, Eq)]
struct Condition {
    /// All files, modes and links of the release.
    files: String,
    /// What boots next.
    disk: Option<String>,
    /// The version that runs; none when the node is stopped.
    running: Option<String>,
    /// What a rollback would go back to, by the name of its deploy.
    last: Option<String>,
    /// A deploy that was left unfinished.
    unfinished: Option<String>,
}

/// How long each step took.
#[derive(Default)]
struct Times(Vec<(&'static str, Duration)>);

impl Times {
    fn of<T>(&mut self, step: &'static str, run: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let outcome = run();
        self.0.push((step, begin.elapsed()));
        outcome
    }

    fn table(&self) -> String {
        let row =
            |(step, time): &(&str, Duration)| [(*step).to_owned(), format!("{:.1} s", time.as_secs_f64())];
        let headings = ["step", "took"].map(str::to_owned);
        table(&[headings].into_iter().chain(self.0.iter().map(row)).collect::<Vec<_>>())
    }
}

/// Deploys the release that is there once more with a start that is taken for a failure, and compares
/// every host before and after.
///
/// # Errors
/// When the drill could not be held, or a host was not restored.
pub fn run(context: &Context) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    let (app, stage) = (settings.app.to_uppercase(), settings.stage.as_str().to_uppercase());
    context.report.banner(&format!("DRILLING A FAILED DEPLOY OF {app} APP ON {stage} HOSTS"));
    context.report.status("Looking at all hosts");
    let before = conditions(context)?;
    if let Some((host, _)) = before.iter().find(|(_, condition)| condition.unfinished.is_some()) {
        let stage = settings.stage.as_str();
        let failure = Failure::failed(anyhow!("{host}: a deploy is under way or unfinished there"));
        return Err(failure.hint(format!("'edeliver recover {stage}' undoes what is unfinished.")));
    }
    let version = deployed(&before)?;
    let mut job = deploy_release::job(context, &settings, Some(&version))?;
    // All files come anew, else the same release would leave nothing to switch.
    job.clean = true;
    job.start = Start::Yes;
    job.drill = true;
    // What the config clean is not called for a start that fails on purpose.
    job.own_steps.clean = false;
    if job.own_steps.extract {
        let error =
            anyhow!("the config unpacks releases by itself ({EXTRACT}), which a drill cannot rehearse");
        return Err(Failure::usage(error));
    }
    let targets = context.targets(&settings)?;
    let mut times = Times::default();
    let failure = match fail(context, targets, job, &mut times) {
        Err(failed) => {
            let as_planned = is_drill(&failed, before.len());
            let failure = times.of("roll back", || failed.roll_back());
            if !as_planned || failure.exit != Exit::Failed {
                return Err(failure.hint("The drill did not come to its end."));
            }
            failure
        }
        // Dropping it rolls it back.
        Ok(deploy) => {
            drop(deploy);
            return Err(anyhow!("the start was to be taken for a failure, and was not").into());
        }
    };
    context.report.log(&format!("the drill's failure: {failure}"));
    context.report.status("Comparing all hosts with what they were");
    compare(&before, &conditions(context)?, settings.stage.as_str())?;
    context.report.print(&format!("\n{}", times.table()));
    context.report.banner(&format!("EVERY HOST OF {stage} WAS RESTORED!"));
    Ok(())
}

/// Whether the start failed on each of the hosts because it had to.
fn is_drill(failed: &Failed, hosts: usize) -> bool {
    failed.failure().error.to_string().matches("this is a drill").count() == hosts
}

/// The deploy, up to the start that is taken for a failure.
fn fail(
    context: &Context,
    targets: Vec<Target>,
    job: Job,
    times: &mut Times,
) -> Result<Deploy<Verified>, Failed> {
    context.report.status("Deploying the same release once more");
    let deploy = times.of("lock and preflight", || Deploy::open(job, targets))?;
    let deploy = times.of("upload and verify files", || deploy.stage())?;
    let deploy: Deploy<Switched> = times.of("switch", || deploy.switch())?;
    context.report.status("Restarting all nodes");
    times.of("stop, start and verify", || deploy.restart(|| Ok(())))
}

fn conditions(context: &Context) -> Result<Vec<(String, Condition)>, Failure> {
    let claim = Claim::new(context.report.clone());
    let ask = |target: &mut Target| -> Result<Condition, TargetError> {
        let state = target.state(&claim)?;
        Ok(Condition {
            running: running(&state),
            files: target.fingerprint(&claim)?,
            disk: state.disk,
            last: state.last.map(|last| last.id),
            unfinished: state.unfinished.map(|unfinished| unfinished.id),
        })
    };
    let looked: Looked<Condition> = look::at_hosts(context, ask)?;
    looked.into_answers()
}

fn running(state: &HostState) -> Option<String> {
    match &state.node {
        NodeState::Stopped => None,
        NodeState::Running { version, .. } => Some(version.clone().unwrap_or_else(|| "unknown".to_owned())),
    }
}

/// The version that all hosts have on the disk.
fn deployed(hosts: &[(String, Condition)]) -> Result<String, Failure> {
    let disk = |condition: &Condition| condition.disk.clone();
    let first = hosts.first().and_then(|(_, condition)| disk(condition));
    match first {
        Some(first) if hosts.iter().all(|(_, condition)| condition.disk.as_ref() == Some(&first)) => {
            Ok(first)
        }
        _ => {
            let line = |(host, condition): &(String, Condition)| {
                format!("\n  {host}: {}", disk(condition).as_deref().unwrap_or("unknown"))
            };
            let lines: String = hosts.iter().map(line).collect();
            Err(anyhow!("the hosts do not have one and the same release:{lines}").into())
        }
    }
}

fn compare(
    before: &[(String, Condition)],
    after: &[(String, Condition)],
    stage: &str,
) -> Result<(), Failure> {
    let mut differences = Vec::new();
    for ((host, before), (_, after)) in before.iter().zip(after) {
        for (what, same) in [
            ("its files are not what they were", before.files == after.files),
            ("it boots another version", before.disk == after.disk),
            ("its node is not as it was", before.running == after.running),
            ("the drill is unfinished there", after.unfinished.is_none()),
            ("it cannot go back to what it could", before.last == after.last),
        ] {
            if !same {
                differences.push(format!("\n  {host}: {what}"));
            }
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let error = anyhow!("the drill has not restored every host:{}", differences.concat());
    let failure = Failure { exit: Exit::Unrestored, error, hints: Vec::new() };
    Err(failure.hint(format!("'edeliver status {stage}' shows what is there.")))
}
