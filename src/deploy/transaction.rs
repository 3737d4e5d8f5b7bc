//! The transaction: all hosts take a step together, or all go back.
//!
//! A [`Deploy`] is a value of the state that it has reached; only a verified one can be committed.
//! A step that fails on any host turns it into a [`Failed`], which can only be rolled back.

use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::anyhow;

use super::job::Job;
use super::target::{Reached, Target, TargetError};
use crate::exit::{Exit, Failure, Signal};
use crate::host::agent::PhaseError;
use crate::host::each;
use crate::transport::TransportError;

/// All hosts are locked and fit for the deploy.
pub struct Opened;
/// All hosts have the new files beside the release, verified.
pub struct Staged;
/// All hosts have the new files in place.
pub struct Switched;
/// All hosts have proven the new release, as far as that was asked for.
pub struct Verified;

/// A deploy under way on all of its hosts.
#[must_use = "an unfinished deploy must be committed or rolled back"]
pub struct Deploy<State> {
    targets: Targets,
    job: Arc<Job>,
    state: PhantomData<State>,
}

/// A deploy that failed and has not been rolled back yet.
#[must_use = "a failed deploy must be rolled back"]
pub struct Failed {
    targets: Targets,
    job: Arc<Job>,
    failure: Failure,
}

/// The hosts. When an unfinished deploy is dropped, by a panic, they are put back all the same.
struct Targets {
    hosts: Vec<Target>,
    job: Arc<Job>,
}

impl Drop for Targets {
    fn drop(&mut self) {
        let job = Arc::clone(&self.job);
        for outcome in each(&mut self.hosts, |target| target.restore(&job)) {
            if let Err(error) = outcome {
                self.job.report.error(&format!("not restored: {error}"));
            }
        }
    }
}

impl Deploy<Opened> {
    /// Locks and examines all hosts. Nothing is changed beyond the locks.
    ///
    /// # Errors
    /// When a host cannot be reached, is locked, or lacks what the deploy needs: all of them are named.
    pub fn open(job: Job, hosts: Vec<Target>) -> Result<Self, Failed> {
        let job = Arc::new(job);
        let targets = Targets { hosts, job: Arc::clone(&job) };
        let deploy = Deploy::<()> { targets, job, state: PhantomData };
        deploy.step::<()>(Target::open)?.step(|target, job| target.problems(job))
    }

    /// Sends the new files to all hosts. What is in place is not touched.
    ///
    /// # Errors
    /// When a host does not get them whole.
    pub fn stage(self) -> Result<Deploy<Staged>, Failed> {
        self.step(Target::stage)
    }
}

impl Deploy<Staged> {
    /// Renames the new files into place on all hosts.
    ///
    /// # Errors
    /// When that fails on a host.
    pub fn switch(self) -> Result<Deploy<Switched>, Failed> {
        self.step(Target::switch)
    }
}

impl Deploy<Switched> {
    /// Stops what runs, starts the new release and waits until it has proven itself on all hosts.
    ///
    /// # Errors
    /// When that fails on a host.
    pub fn restart(self) -> Result<Deploy<Verified>, Failed> {
        self.step::<Switched>(Target::stop)?.step(Target::start)
    }

    /// Leaves the node as it is: the new release is used at its next start.
    pub fn leave_running(self) -> Deploy<Verified> {
        self.into_state()
    }
}

impl Deploy<Verified> {
    /// Makes the deploy final on all hosts.
    ///
    /// # Errors
    /// When a host does not answer any more: then the hosts may differ, and the error says how.
    pub fn commit(self) -> Result<(), Failure> {
        let (mut targets, job) = (self.targets, self.job);
        let outcomes = each(&mut targets.hosts, |target| target.commit(&job));
        let failures: Vec<TargetError> = outcomes.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() {
            return finish(&mut targets, &job);
        }
        if targets.hosts.iter().all(|target| target.reached != Reached::Committed) {
            return Err(Failed { targets, job, failure: combine(&failures) }.roll_back());
        }
        Err(split(&mut targets, &failures))
    }
}

/// Gives the locks back. The deploy is final, so what fails here is worth a hint only.
fn finish(targets: &mut Targets, job: &Job) -> Result<(), Failure> {
    for outcome in each(&mut targets.hosts, |target| target.close(job)) {
        if let Err(error) = outcome {
            job.report.hint(&format!("deployed, but the lock could not be given back: {error}"));
        }
    }
    targets.hosts.clear();
    Ok(())
}

/// Some hosts are final and others did not answer: the truth, host by host.
fn split(targets: &mut Targets, failures: &[TargetError]) -> Failure {
    let states = targets.hosts.drain(..).map(|target| {
        let state =
            if target.reached == Reached::Committed { "has the new release" } else { "did not answer" };
        format!("\n  {}: {state}", target.addr())
    });
    let states: String = states.collect();
    let mut failure = combine(failures);
    failure.exit = Exit::Unrestored;
    failure.error = failure.error.context(format!("the deploy was committed on some hosts only:{states}"));
    failure.hint("Run the same deploy again once all hosts can be reached: it completes the others.")
}

impl<State> Deploy<State> {
    /// Runs something of ours between two steps (a hook).
    ///
    /// # Errors
    /// When it fails, with a deploy to be rolled back.
    pub fn between(self, run: impl FnOnce() -> Result<(), Failure>) -> Result<Self, Failed> {
        match run() {
            Ok(()) => Ok(self),
            Err(failure) => Err(Failed { targets: self.targets, job: self.job, failure }),
        }
    }

    fn into_state<Next>(self) -> Deploy<Next> {
        Deploy { targets: self.targets, job: self.job, state: PhantomData }
    }

    /// Takes a step on all hosts. It is over when it has ended on all of them.
    fn step<Next>(
        mut self,
        step: impl Fn(&mut Target, &Job) -> Result<(), TargetError> + Sync,
    ) -> Result<Deploy<Next>, Failed> {
        let job = Arc::clone(&self.job);
        let outcomes = each(&mut self.targets.hosts, |target| step(target, &job));
        let failures: Vec<TargetError> = outcomes.into_iter().filter_map(Result::err).collect();
        let failure = match job.interrupt.received() {
            Some(signal) => interrupted(signal),
            None if failures.is_empty() => return Ok(self.into_state()),
            None => combine(&failures),
        };
        Err(Failed { targets: self.targets, job: self.job, failure })
    }
}

fn interrupted(signal: Signal) -> Failure {
    Failure { exit: Exit::Interrupted(signal), error: anyhow!("interrupted"), hints: Vec::new() }
}

/// The failures of all hosts as one.
fn combine(failures: &[TargetError]) -> Failure {
    let interrupted_by = failures.iter().find_map(|failure| match failure {
        TargetError::Phase(PhaseError::Link(TransportError::Interrupted(signal))) => Some(*signal),
        _ => None,
    });
    if let Some(signal) = interrupted_by {
        return interrupted(signal);
    }
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    Failure::failed(anyhow!(lines.join("\n")))
}

impl Failed {
    /// Puts every host back as it was. The failure then says what failed, and whether all is back.
    pub fn roll_back(self) -> Failure {
        let Self { mut targets, job, mut failure } = self;
        let touched = targets.hosts.iter().any(|target| target.reached >= Reached::Switching);
        if touched {
            job.report.status("Rolling back all hosts");
        }
        let outcomes = each(&mut targets.hosts, |target| target.restore(&job));
        let mut lost = Vec::new();
        for (target, outcome) in targets.hosts.drain(..).zip(outcomes) {
            match outcome {
                Ok(said) if said.is_empty() => {}
                Ok(said) => job.report.print(&format!(
                    "The last lines of the failed release's log on {}:\n  {}",
                    target.addr(),
                    said.join("\n  ")
                )),
                Err(error) => lost.push(format!("{}: {error}", target.addr())),
            }
        }
        if !lost.is_empty() {
            failure.exit = Exit::Unrestored;
            failure.error = failure
                .error
                .context(format!("not all hosts could be put back as they were:\n  {}", lost.join("\n  ")));
            return failure.hint("Run the deploy again: it first undoes what is unfinished on these hosts.");
        }
        if touched {
            job.report.success("All hosts are back as they were before.");
        } else {
            job.report.print("No host was changed.");
        }
        failure
    }
}
