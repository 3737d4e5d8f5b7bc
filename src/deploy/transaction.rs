//! The transaction: all hosts take a step together, or all go back.
//!
//! A [`Deploy`] is a value of the state that it has reached; only a verified one can be committed.
//! A step that fails on any host turns it into a [`Failed`], which can only be rolled back.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::{TargetError, combine, interrupted};
use super::failed::{Failed, Standing, worst_first};
use super::job::Job;
use super::rolling::Canary;
use super::target::{Reached, Target};
use crate::exit::{Exit, Failure};
use crate::host::{each, each_then};
use crate::settings::MigrateOn;
use crate::transport::Session;

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
    pub(super) targets: Targets,
    job: Arc<Job>,
    state: PhantomData<State>,
}

/// The hosts. When an unfinished deploy is dropped, by a panic, they are put back all the same.
pub(super) struct Targets {
    pub hosts: Arc<Vec<Mutex<Target>>>,
    job: Arc<Job>,
    keeper: Option<Keeper>,
    finished: bool,
}

impl Targets {
    /// Takes a step on all hosts at once.
    pub fn each<R: Send>(&self, step: impl Fn(&mut Target, &Job) -> R + Sync) -> Vec<R> {
        self.each_of(0..self.hosts.len(), step)
    }

    /// Takes a step on these hosts at once.
    fn each_of<R: Send>(&self, hosts: Range<usize>, step: impl Fn(&mut Target, &Job) -> R + Sync) -> Vec<R> {
        let hosts = self.hosts.get(hosts).unwrap_or_default();
        each(hosts, |target| step(&mut lock(target), &self.job))
    }

    /// Takes two steps on all hosts. The second begins on those that are through with the first, and what it
    /// sends to others is called off when one fails.
    fn each_then(
        &self,
        first: impl Fn(&mut Target, &Job) -> Result<(), TargetError> + Sync,
        second: impl Fn(&mut Target, &Job) -> Result<(), TargetError> + Sync,
    ) -> Vec<Result<(), TargetError>> {
        let call_off = |_: &TargetError| self.job.called_off.store(true, Ordering::Relaxed);
        let first = |target| first(&mut lock(target), &self.job).inspect_err(call_off);
        let second = |target| second(&mut lock(target), &self.job).inspect_err(call_off);
        each_then(&self.hosts, first, second)
    }

    /// Takes a step on all hosts, on as many at a time as nodes are restarted.
    pub fn each_in_batches<R: Send>(&self, step: impl Fn(&mut Target, &Job) -> R + Sync) -> Vec<R> {
        let batches = self.job.rolling.batches(self.hosts.len());
        batches.into_iter().flat_map(|batch| self.each_of(batch, &step)).collect()
    }

    /// Whether there is a host of which this holds.
    pub fn any(&self, holds: impl Fn(&Target) -> bool) -> bool {
        self.hosts.iter().any(|target| holds(&lock(target)))
    }

    /// Nothing more is to be done on the hosts.
    pub fn finish(&mut self) {
        self.keeper = None;
        self.finished = true;
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        for outcome in self.each(|target, job| target.restore(job, "the deployer failed")) {
            if let Err(error) = outcome {
                self.job.claim.report.error(&format!("not restored: {error}"));
            }
        }
    }
}

/// What is done on a host.
type Step = fn(&mut Target, &Job) -> Result<(), TargetError>;

/// A host's state stays meaningful when a thread panicked: it says how far the host has come.
pub(super) fn lock(target: &Mutex<Target>) -> MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Renews the hosts' leases while they wait for each other or for a hook.
struct Keeper {
    /// Dropping it ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn start(hosts: &Arc<Vec<Mutex<Target>>>, job: &Arc<Job>, lease: Duration) -> Self {
        let (stop, stopped) = mpsc::channel();
        let (hosts, job) = (Arc::clone(hosts), Arc::clone(job));
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(lease / 3) == Err(RecvTimeoutError::Timeout) {
                each(&hosts, |target| {
                    // A host that is busy with a phase renews its lease by that.
                    if let Ok(mut target) = target.try_lock() {
                        target.renew(&job.claim);
                    }
                });
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Deploy<()> {
    fn of(job: Job, hosts: Vec<Target>) -> Self {
        let job = Arc::new(job);
        let lease = hosts.iter().map(Target::lease).min().unwrap_or_default();
        let hosts = Arc::new(hosts.into_iter().map(Mutex::new).collect());
        let keeper = Some(Keeper::start(&hosts, &job, lease));
        let targets = Targets { hosts, job: Arc::clone(&job), keeper, finished: false };
        Self { targets, job, state: PhantomData }
    }
}

impl Deploy<Opened> {
    /// Locks and examines all hosts. Nothing is changed beyond the locks.
    ///
    /// # Errors
    /// When a host cannot be reached, is locked, or lacks what the deploy needs: all of them are named.
    pub fn open(job: Job, hosts: Vec<Target>) -> Result<Self, Failed> {
        Deploy::of(job, hosts).step(Target::open)
    }

    /// Sends the new files to all hosts. What is in place is not touched.
    ///
    /// # Errors
    /// When a host does not get them whole.
    pub fn stage(self) -> Result<Deploy<Staged>, Failed> {
        self.step(Target::stage)
    }

    /// Has the config bring the archive to all hosts by itself, under this name, where the original
    /// puts it, and takes it from there.
    ///
    /// # Errors
    /// When that fails, or a host does not have it then, or not whole.
    pub fn brought_by(
        self,
        name: &str,
        run: impl FnOnce(Vec<Session>) -> Result<(), Failure>,
    ) -> Result<Deploy<Staged>, Failed> {
        self.targets.each(|target, _| target.expect(name));
        self.between(run)?.step(Target::take)
    }
}

impl Deploy<Staged> {
    /// Locks and examines all hosts, and sends the new files to each as soon as it is known to be fit, while
    /// others are still looked at. `all_are_fit` is told when they are. What is in place is not touched.
    ///
    /// # Errors
    /// When a host is not fit, as in [`Deploy::open`], or does not get them whole: then the others are not sent
    /// the rest.
    pub fn open_and_stage(
        job: Job,
        hosts: Vec<Target>,
        all_are_fit: impl Fn() + Sync,
    ) -> Result<Self, Failed> {
        let deploy = Deploy::of(job, hosts);
        let left = AtomicUsize::new(deploy.targets.hosts.len());
        let open = |target: &mut Target, job: &Job| {
            target.open(job)?;
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                all_are_fit();
            }
            Ok(())
        };
        let outcomes = deploy.targets.each_then(open, Target::stage);
        deploy.after(outcomes)
    }

    /// Migrates the database with the new release, of which nothing is in place yet.
    ///
    /// # Errors
    /// When a migration fails.
    pub fn migrate(self) -> Result<Self, Failed> {
        self.migrated()
    }

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
    pub fn restart(self, go_on: impl Fn() -> Result<(), Failure>) -> Result<Deploy<Verified>, Failed> {
        self.in_batches(&[Target::restart], go_on)
    }

    /// Has the running nodes take the new release, and waits until it has proven itself on all hosts.
    /// Nothing is permanent yet: a node that is started again boots the old release.
    ///
    /// # Errors
    /// When that fails on a host.
    pub fn upgrade(self) -> Result<Deploy<Verified>, Failed> {
        self.in_batches(&[Target::install], || Ok(()))
    }

    /// Has the config restart the node in its own way.
    ///
    /// # Errors
    /// When that fails.
    pub fn restarted_by(self, run: impl FnOnce(Vec<Session>) -> Result<(), Failure>) -> Result<Self, Failed> {
        self.step::<Switched>(Target::announce)?.between(run)
    }

    /// Waits until the release that the config has started has proven itself on all hosts.
    ///
    /// # Errors
    /// When it does not on a host.
    pub fn verify(self) -> Result<Deploy<Verified>, Failed> {
        self.step(Target::verify)
    }

    /// Leaves the node as it is: the new release is used at its next start.
    pub fn leave_running(self) -> Deploy<Verified> {
        self.targets.each(|target, _| target.verified = true);
        self.into_state()
    }
}

impl Deploy<Verified> {
    /// Migrates the database with the new release, which runs where it is to run.
    ///
    /// # Errors
    /// When a migration fails.
    pub fn migrate(self) -> Result<Self, Failed> {
        self.migrated()
    }

    /// What the nodes were upgraded to is what they boot next.
    ///
    /// # Errors
    /// When that fails on a host.
    pub fn make_permanent(self) -> Result<Self, Failed> {
        self.step(Target::make_permanent)
    }

    /// Makes the deploy final on all hosts, once all of them have said that they wait for it.
    ///
    /// # Errors
    /// When a host has gone back meanwhile: then all do. When one does not answer any more once others
    /// are final, the hosts may differ, and the error says how.
    pub fn commit(self) -> Result<(), Failure> {
        let confirmed = self.step::<Verified>(Target::confirm).map_err(Failed::settle)?;
        let (mut targets, job) = (confirmed.targets, confirmed.job);
        let outcomes = targets.each(Target::commit);
        targets.keeper = None;
        let failures: Vec<TargetError> = outcomes.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() {
            finish(&mut targets);
            return Ok(());
        }
        if !targets.any(|target| target.reached == Reached::Committed) {
            return Err(Failed::of_hosts(targets, job, combine(&failures)).roll_back());
        }
        Err(split(&mut targets, &failures))
    }
}

/// Removes old releases and gives the locks back.
fn finish(targets: &mut Targets) {
    targets.each(Target::finish);
    targets.finish();
}

/// Some hosts are final and others did not answer: the truth, host by host.
fn split(targets: &mut Targets, failures: &[TargetError]) -> Failure {
    let states = targets.hosts.iter().map(|target| {
        let target = lock(target);
        if target.reached == Reached::Committed {
            (Standing::Good, format!("  {}: has the new release", target.addr()))
        } else {
            (Standing::Unknown, format!("  {}: is not known to have it", target.addr()))
        }
    });
    let states = worst_first(states.collect()).join("\n");
    targets.finished = true;
    let mut failure = combine(failures);
    failure.exit = Exit::Unrestored;
    failure.error = failure.error.context(format!("the deploy was committed on some hosts only:\n{states}"));
    failure.hint("Run the same deploy again once all hosts can be reached: it completes the others.")
}

impl<State> Deploy<State> {
    /// Runs something between two steps (a hook). It is given sessions over the connections of the
    /// deploy, which renews the hosts' leases over the same ones meanwhile.
    ///
    /// # Errors
    /// When it fails, with a deploy to be rolled back.
    pub fn between(self, run: impl FnOnce(Vec<Session>) -> Result<(), Failure>) -> Result<Self, Failed> {
        let sessions = self.targets.each(|target, _| target.share());
        match run(sessions.into_iter().flatten().collect()) {
            Ok(()) => Ok(self),
            Err(failure) => Err(Failed::of_all(self.targets, self.job, failure)),
        }
    }

    /// On the first host, or on all of them one after the other (`MIGRATE_ON`).
    fn migrated(self) -> Result<Self, Failed> {
        let Some(migrations) = self.job.migrations else { return Ok(self) };
        let count = match migrations.on {
            MigrateOn::First => 1,
            MigrateOn::All => self.targets.hosts.len(),
        };
        let migrated = self
            .targets
            .hosts
            .iter()
            .take(count)
            .try_for_each(|target| lock(target).migrate(&self.job, migrations));
        let failure = match (migrated, self.job.interrupt.received()) {
            (_, Some(signal)) => interrupted(signal),
            (Ok(()), None) => return Ok(self),
            (Err(error), None) => combine(&[error]),
        };
        let failure = if migrations.undo {
            failure
        } else {
            failure.hint("Migrations that ran stay; --rollback-migrations would undo them with the deploy.")
        };
        Err(Failed::of_all(self.targets, self.job, failure))
    }

    fn into_state<Next>(self) -> Deploy<Next> {
        Deploy { targets: self.targets, job: self.job, state: PhantomData }
    }

    /// Takes these steps on some hosts at a time. A batch is through with all of them before the next
    /// one begins; behind the first host it may take somebody to `go_on`.
    fn in_batches<Next>(
        self,
        steps: &[Step],
        go_on: impl Fn() -> Result<(), Failure>,
    ) -> Result<Deploy<Next>, Failed> {
        let count = self.targets.hosts.len();
        let batches = self.job.rolling.batches(count);
        let mut deploy: Deploy<State> = self;
        for batch in &batches {
            if batches.len() > 1 {
                let hosts = deploy.targets.hosts.get(batch.clone()).unwrap_or_default();
                let names: Vec<String> = hosts.iter().map(|host| lock(host).addr().to_string()).collect();
                let status = format!("Now {} ({} of {count})", names.join(", "), batch.end);
                deploy.job.claim.report.status(&status);
            }
            for step in steps {
                deploy = deploy.step_on(batch.clone(), step)?;
            }
            if batch.start == 0 && batch.end < count {
                deploy = deploy.let_canary_prove_itself(&go_on)?;
            }
        }
        Ok(deploy.into_state())
    }

    fn let_canary_prove_itself(mut self, go_on: impl Fn() -> Result<(), Failure>) -> Result<Self, Failed> {
        match self.job.rolling.canary {
            None => {}
            Some(Canary::Ask) => {
                if let Err(failure) = go_on() {
                    return Err(Failed::of_all(self.targets, self.job, failure));
                }
            }
            Some(Canary::Watch(time)) => {
                let end = Instant::now() + time;
                while Instant::now() < end {
                    self = self.step_on(0..1, Target::verify)?;
                }
            }
        }
        Ok(self)
    }

    /// Takes a step on all hosts. It is over when it has ended on all of them.
    pub(super) fn step<Next>(
        self,
        step: impl Fn(&mut Target, &Job) -> Result<(), TargetError> + Sync,
    ) -> Result<Deploy<Next>, Failed> {
        let all = 0..self.targets.hosts.len();
        self.step_on(all, step)
    }

    fn step_on<Next>(
        self,
        hosts: Range<usize>,
        step: impl Fn(&mut Target, &Job) -> Result<(), TargetError> + Sync,
    ) -> Result<Deploy<Next>, Failed> {
        let outcomes = self.targets.each_of(hosts, step);
        self.after(outcomes)
    }

    /// A step has ended so on the hosts.
    fn after<Next>(self, outcomes: Vec<Result<(), TargetError>>) -> Result<Deploy<Next>, Failed> {
        let failures: Vec<TargetError> = outcomes.into_iter().filter_map(Result::err).collect();
        let failure = match self.job.interrupt.received() {
            Some(signal) => interrupted(signal),
            None if failures.is_empty() => return Ok(self.into_state()),
            None => combine(&failures),
        };
        Err(Failed::of_hosts(self.targets, self.job, failure))
    }
}
