//! What becomes of a deploy that failed: every host goes back, unless `ON_FAILURE` says otherwise.

use std::sync::Arc;

use super::error::TargetError;
use super::job::Job;
use super::target::{Reached, Target};
use super::transaction::{Targets, lock};
use crate::exit::{Exit, Failure};
use crate::report::HostState;
use crate::settings::OnFailure;

/// A deploy that failed and has not been put right yet.
#[must_use = "a failed deploy must be put right"]
pub struct Failed {
    targets: Targets,
    job: Arc<Job>,
    failure: Failure,
    /// Whether the deploy as a whole failed (a hook did), not some of its hosts.
    whole: bool,
}

/// How a host ended where each one goes its own way.
enum Ended {
    /// It keeps the new release.
    Kept,
    /// It is as it was. What it had to say about the failed release.
    Restored(Vec<String>),
}

impl Failed {
    /// Hosts failed.
    pub(super) fn of_hosts(targets: Targets, job: Arc<Job>, failure: Failure) -> Self {
        Self { targets, job, failure, whole: false }
    }

    /// The deploy as a whole failed.
    pub(super) fn of_all(targets: Targets, job: Arc<Job>, failure: Failure) -> Self {
        Self { targets, job, failure, whole: true }
    }

    /// What failed.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Does what `ON_FAILURE` says. A deploy that was interrupted is always rolled back.
    pub fn settle(self) -> Failure {
        let interrupted = matches!(self.failure.exit, Exit::Interrupted(_));
        match self.job.on_failure {
            OnFailure::Stop if !interrupted && self.touched() => self.leave(),
            OnFailure::KeepGood
                if !interrupted && !self.whole && self.targets.any(|target| target.verified) =>
            {
                self.keep_good()
            }
            _ => self.roll_back(),
        }
    }

    /// Whether anything but the locks was changed.
    fn touched(&self) -> bool {
        self.targets.any(|target| target.reached >= Reached::Switching)
    }

    /// The failure's first line, for the history.
    fn reason(&self) -> String {
        let reason = self.failure.error.to_string();
        self.job.claim.report.redact(reason.lines().next().unwrap_or_default())
    }

    /// Puts every host back as it was. The failure then says what failed, and whether all is back.
    pub fn roll_back(self) -> Failure {
        let (touched, reason) = (self.touched(), self.reason());
        let Self { mut targets, job, mut failure, .. } = self;
        if touched {
            job.claim.report.status("Rolling back all hosts");
        }
        let outcomes = targets.each_in_batches(|target, job| target.restore(job, &reason));
        targets.finish();
        let mut lost = Vec::new();
        for (target, outcome) in targets.hosts.iter().zip(outcomes) {
            let target = lock(target);
            match outcome {
                Ok(said) => tell(&job, &target, &said),
                // The release is as it was; what is left beside it goes with the next deploy.
                Err(error) if target.reached <= Reached::Opened => failure = failure.hint(format!(
                    "{}: the lock and what was sent could not be removed; the next deploy does that ({error})",
                    target.addr()
                )),
                Err(error) => lost.push(error),
            }
        }
        if !lost.is_empty() {
            return unrestored(&job, failure, "not all hosts could be put back as they were", &lost);
        }
        if let Some(changed) = changed_in_place(&targets) {
            failure.exit = Exit::Unrestored;
            failure.error = failure.error.context(format!(
                "a function of the config has changed the release in its place, and not the one in DELIVER_TO:{changed}"
            ));
            return failure
                .hint("While remote_clean_release_dir, remote_extract_release_archive and upload_release_archive run, DELIVER_TO is another directory: they must name what they change by it.")
                .hint("Correct the function; then a deploy of the version that was there, with --clean-deploy, brings its files back.");
        }
        if let Some(left) = migrations_left(&targets) {
            failure.exit = Exit::Unrestored;
            failure.error = failure.error.context(format!(
                "the hosts are back as they were, but migrations of this deploy could not be undone:{left}"
            ));
            return failure.hint("The release that has them is not there any more: undo them by hand.");
        }
        if touched {
            job.claim.report.success("All hosts are back as they were before.");
        } else {
            job.claim.report.print("No host was changed.");
        }
        failure
    }

    /// Leaves every host as it is, with its lock, for somebody to look at.
    fn leave(self) -> Failure {
        let Self { mut targets, job, mut failure, .. } = self;
        let outcomes = targets.each(Target::hold);
        targets.finish();
        job.claim.report.status("Leaving all hosts as they are, as ON_FAILURE=stop says");
        let mut states = Vec::new();
        for (target, outcome) in targets.hosts.iter().zip(outcomes) {
            let (standing, state) = match outcome {
                Ok(()) => (Standing::Good, "is left as it is, and locked".to_owned()),
                Err(error) => (Standing::Unknown, format!("may go back on its own: {error}")),
            };
            let target = lock(target);
            job.claim.report.host_ended(target.addr(), None, HostState::Left);
            states.push((standing, format!("  {}: {state}", target.addr())));
        }
        worst_first(states).iter().for_each(|line| job.claim.report.print(line));
        failure.exit = Exit::Unrestored;
        failure.error = failure.error.context("the deploy failed, and nothing was put back");
        failure
            .hint(format!("'edeliver status {}' shows what is on the hosts.", job.stage))
            .hint(format!("'edeliver recover {}' puts them back; so does the next deploy.", job.stage))
    }

    /// Hosts that have verified the new release keep it, the others go back.
    fn keep_good(self) -> Failure {
        let reason = self.reason();
        let Self { mut targets, job, mut failure, .. } = self;
        job.claim.report.status("Keeping the release where it was verified, rolling back the other hosts");
        let outcomes = targets.each_in_batches(|target, job| end(target, job, &reason));
        targets.finish();
        let (mut lost, mut states) = (Vec::new(), Vec::new());
        for (target, outcome) in targets.hosts.iter().zip(outcomes) {
            let target = lock(target);
            let (standing, state) = match outcome {
                Ok(Ended::Kept) => (Standing::Good, format!("has {}", job.version)),
                Ok(Ended::Restored(said)) => {
                    tell(&job, &target, &said);
                    (Standing::Failed, "is as it was before".to_owned())
                }
                Err(error) => {
                    lost.push(error);
                    (Standing::Unknown, "is in an unknown state".to_owned())
                }
            };
            states.push((standing, format!("  {}: {state}", target.addr())));
        }
        let states = worst_first(states).join("\n");
        failure.error = failure.error.context(format!("the deploy failed on some hosts:\n{states}"));
        if lost.is_empty() {
            return failure
                .hint("Deploy the same version again when the cause is gone: it completes the others.");
        }
        unrestored(&job, failure, "not all hosts are in a known state", &lost)
    }
}

/// How a host came out of a deploy that failed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Unknown,
    Failed,
    Good,
}

/// A line for each host. There may be a hundred of them: those that somebody is to look at come first.
pub(super) fn worst_first(mut lines: Vec<(Standing, String)>) -> Vec<String> {
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn end(target: &mut Target, job: &Job, reason: &str) -> Result<Ended, TargetError> {
    if !target.verified {
        return target.restore(job, reason).map(Ended::Restored);
    }
    target.make_permanent(job)?;
    target.commit(job)?;
    target.finish(job);
    Ok(Ended::Kept)
}

/// Migrations that should have been undone; none when all is well.
fn migrations_left(targets: &Targets) -> Option<String> {
    lines(targets, |target| &target.migrations_left)
}

/// What functions of the config have done to releases in their place; none when all is well.
fn changed_in_place(targets: &Targets) -> Option<String> {
    lines(targets, |target| &target.changed_in_place)
}

/// A line for each of these of each host, not too many of one; none when there are none.
fn lines(targets: &Targets, of: impl Fn(&Target) -> &[String]) -> Option<String> {
    const SHOWN: usize = 10;
    let of_host = |target: &Target| -> String {
        let all = of(target);
        let mut lines: String =
            all.iter().take(SHOWN).map(|line| format!("\n  {}: {line}", target.addr())).collect();
        if all.len() > SHOWN {
            lines.push_str(&format!("\n  {}: and {} more", target.addr(), all.len() - SHOWN));
        }
        lines
    };
    let lines: String = targets.hosts.iter().map(|target| of_host(&lock(target))).collect();
    (!lines.is_empty()).then_some(lines)
}

/// What a host had to say about the failed release.
fn tell(job: &Job, target: &Target, said: &[String]) {
    if !said.is_empty() {
        job.claim.report.print(&format!(
            "The last lines of the failed release's log on {}:\n  {}",
            target.addr(),
            said.join("\n  ")
        ));
    }
}

fn unrestored(job: &Job, mut failure: Failure, what: &str, lost: &[TargetError]) -> Failure {
    let lines: Vec<String> = lost.iter().map(ToString::to_string).collect();
    failure.exit = Exit::Unrestored;
    failure.error = failure.error.context(format!("{what}:\n  {}", lines.join("\n  ")));
    failure.hint(format!(
        "When the cause is gone, 'edeliver recover {}' undoes what is unfinished there; so does the next deploy.",
        job.stage
    ))
}
