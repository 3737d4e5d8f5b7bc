//! One host of a deploy: its connection, what is known of it and how far it has come.

use std::io::Read as _;
use std::time::{Duration, Instant};

use super::job::Job;
use super::phase::{Phase, SCRIPT};
use super::plan::Plan;
use super::survey::Survey;
use crate::host::agent::{self, Answer, PhaseError, Place, Request, Unreadable};
use crate::host::{Liveness, LockOwner};
use crate::node::NodeState;
use crate::transport::{ConnectOptions, HostAddr, Session, Stdin, TransportError};

/// How long a host that has fallen silent is tried to be reached again before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that is further off, in seconds, is worth a hint. Nothing of ours depends on it.
const CLOCK_TOLERANCE: i64 = 60;

/// How far a host has come. What must be undone follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// Nothing was done to it.
    Untouched,
    /// The lock may be ours, files may lie in staging.
    Opened,
    /// Files may have been renamed, the node may have been stopped or started.
    Switching,
    /// The commit may have taken place.
    Committing,
    /// It is final.
    Committed,
}

/// One host of a deploy.
pub struct Target {
    addr: HostAddr,
    place: Place,
    options: ConnectOptions,
    session: Option<Session>,
    pub(super) reached: Reached,
    survey: Option<Survey>,
    plan: Option<Plan>,
    /// The new release did not come up here.
    start_failed: bool,
    /// The guard has its script.
    guarded: bool,
}

/// Why a host could not take part, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A phase failed.
    #[error(transparent)]
    Phase(#[from] PhaseError),
    /// Somebody else deploys there.
    #[error("{host}: a deploy is under way there, started by {owner}")]
    Locked {
        /// The host.
        host: HostAddr,
        /// Who holds the lock.
        owner: String,
    },
    /// It does not fulfil what a deploy needs.
    #[error("{host} is not fit for the deploy:{}", .problems.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
    Preflight {
        /// The host.
        host: HostAddr,
        /// All that speaks against it.
        problems: Vec<String>,
    },
    /// The archive cannot be read here.
    #[error("cannot read the archive: {0}")]
    Archive(#[from] std::io::Error),
}

impl From<TransportError> for TargetError {
    fn from(error: TransportError) -> Self {
        TargetError::Phase(PhaseError::Link(error))
    }
}

impl Target {
    /// A host that nothing has been done to yet.
    pub fn new(addr: HostAddr, place: Place, options: ConnectOptions) -> Self {
        Self {
            addr,
            place,
            options,
            session: None,
            reached: Reached::Untouched,
            survey: None,
            plan: None,
            start_failed: false,
            guarded: false,
        }
    }

    /// The host.
    pub fn addr(&self) -> &HostAddr {
        &self.addr
    }

    /// How long the host waits for us.
    pub(super) fn lease(&self) -> Duration {
        self.place.lease
    }

    fn unreadable(&self, source: Unreadable) -> TargetError {
        TargetError::Phase(PhaseError::Unreadable { host: self.addr.clone(), source })
    }

    /// Runs a phase to its end.
    fn call(
        &mut self,
        job: &Job,
        phase: Phase,
        args: &[String],
        stdin: Stdin<'_>,
    ) -> Result<Answer, PhaseError> {
        let request = phase.request(&self.place, &job.id, args.to_vec());
        self.send(&request, &agent::nonce(), stdin)
    }

    /// Runs a phase that changes the host: it works apart from the connection, and we ask for its
    /// outcome until it has one. Asking renews the lease.
    fn call_guarded(
        &mut self,
        job: &Job,
        phase: Phase,
        args: &[String],
        input: &str,
    ) -> Result<Answer, PhaseError> {
        let (nonce, lease) = (agent::nonce(), self.place.lease.as_secs().max(1).to_string());
        let script = if self.guarded { "" } else { SCRIPT };
        let mut run =
            vec![lease.clone(), script.len().to_string(), job.owner.to_line(), phase.verb().to_owned()];
        run.extend_from_slice(args);
        let as_phase = |asked: Phase, args: Vec<String>, place: &Place| Request {
            label: phase.label(),
            interruptible: phase.interruptible(),
            ..asked.request(place, &job.id, args)
        };
        let request = as_phase(Phase::Run, run, &self.place);
        let end = Instant::now() + phase.time_limit(&self.place);
        let mut answer = self.send(&request, &nonce, Stdin::Bytes(format!("{script}{input}").as_bytes()))?;
        self.guarded = true;
        while answer.has("pending") {
            if Instant::now() > end {
                let seconds = phase.time_limit(&self.place).as_secs();
                return Err(TransportError::Deadline { host: self.addr.clone(), seconds }.into());
            }
            let request = as_phase(Phase::Wait, vec![lease.clone()], &self.place);
            answer = self.send(&request, &nonce, Stdin::Empty)?;
        }
        Ok(answer)
    }

    /// Sends a request, over a new connection when there is none.
    fn send(&mut self, request: &Request, nonce: &str, stdin: Stdin<'_>) -> Result<Answer, PhaseError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::connect(&self.addr, &self.options)?),
        };
        let answer = agent::call_as(session, &self.place, request, nonce, stdin);
        if let Err(PhaseError::Link(error)) = &answer
            && !matches!(error, TransportError::Interrupted(_) | TransportError::Deadline { .. })
        {
            // What is lost is not used again: the next call connects anew.
            self.session = None;
        }
        answer
    }

    /// Repeats a phase until it has an outcome, for phases that do no harm when they are run twice.
    fn until_known(
        &mut self,
        mut phase: impl FnMut(&mut Self) -> Result<Answer, PhaseError>,
    ) -> Result<Answer, PhaseError> {
        let end = Instant::now() + self.place.lease.max(PATIENCE);
        loop {
            match phase(self) {
                Err(PhaseError::Link(_) | PhaseError::Unknown { .. }) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(500));
                }
                outcome => return outcome,
            }
        }
    }

    /// Tells the host that we are still there, while we do something else. Whether it heard us shows
    /// in the next phase.
    pub(super) fn renew(&mut self, job: &Job) {
        if self.guarded && self.reached == Reached::Switching {
            drop(self.call(job, Phase::Renew, &[], Stdin::Empty));
        }
    }

    /// Takes the lock and looks at the host. What a dead deployer left unfinished is undone first.
    pub(super) fn open(&mut self, job: &Job) -> Result<(), TargetError> {
        let mut takeover = String::new();
        loop {
            let args = [job.owner.to_line(), takeover.clone()];
            // From here on the lock may be ours, even if no answer comes.
            let list = job.list(None);
            self.session = Some(Session::connect(&self.addr, &self.options)?);
            self.reached = Reached::Opened;
            let answer = self.call(job, Phase::Open, &args, Stdin::Bytes(list.as_bytes()))?;
            if let Some(holder) = answer.facts("lock").find_map(|lock| lock.strip_prefix("held")) {
                self.reached = Reached::Untouched;
                takeover = self.dead_holder(holder.trim(), &takeover)?;
                continue;
            }
            if let Some(unfinished) = answer.facts("unfinished").next() {
                job.report.hint(&format!("{}: undoing the unfinished deploy {unfinished}", self.addr));
                self.call_guarded(job, Phase::Undo, &[], "")?;
                takeover = String::new();
                continue;
            }
            let survey = Survey::parse(&answer, &job.wanted).map_err(|source| self.unreadable(source))?;
            let plan = Plan::new(&job.wanted, &survey, job.clean);
            if survey.clock_ahead.abs() > CLOCK_TOLERANCE {
                job.report.hint(&format!("{}: its clock is {} s off ours", self.addr, survey.clock_ahead));
            }
            let problems = problems(job, &survey, &plan);
            (self.survey, self.plan) = (Some(survey), Some(plan));
            if problems.is_empty() {
                return Ok(());
            }
            return Err(TargetError::Preflight { host: self.addr.clone(), problems });
        }
    }

    /// The owner line to take the lock over from, when its process is known to be dead.
    fn dead_holder(&self, holder: &str, tried: &str) -> Result<String, TargetError> {
        let locked = |owner: String| TargetError::Locked { host: self.addr.clone(), owner };
        match holder.parse::<LockOwner>() {
            Ok(owner) if owner.liveness() == Liveness::Dead && tried != holder => Ok(holder.to_owned()),
            Ok(owner) => Err(locked(owner.to_string())),
            Err(_) => Err(locked("an unknown owner".to_owned())),
        }
    }

    /// Sends what the host lacks, unpacks and verifies it beside the release.
    pub(super) fn stage(&mut self, job: &Job) -> Result<(), TargetError> {
        let Some(plan) = &self.plan else { return Ok(()) };
        let payload = job.payload(&plan.payload)?;
        let list = job.list(Some((&plan.payload, self.umask())));
        let args = [list.len().to_string(), payload.prefix.clone()];
        let bar = job.report.transfer(&self.addr.to_string(), payload.size);
        let mut seen = |bytes| bar.at(bytes);
        let mut source = list.as_bytes().chain(payload.reader(&mut seen));
        self.call(job, Phase::Stage, &args, Stdin::Reader(&mut source))?;
        Ok(())
    }

    fn umask(&self) -> u32 {
        self.survey.as_ref().map_or(0o022, |survey| survey.umask)
    }

    /// The node as it was before the deploy.
    pub(super) fn node_before(&self) -> NodeState {
        self.survey.as_ref().map_or(NodeState::Stopped, |survey| survey.node.clone())
    }

    /// Renames the new files into place.
    pub(super) fn switch(&mut self, job: &Job) -> Result<(), TargetError> {
        let (Some(survey), Some(plan)) = (&self.survey, &self.plan) else { return Ok(()) };
        let journal = job.journal(survey, plan);
        let running = match &survey.node {
            NodeState::Running { version: Some(version), .. } => version.clone(),
            _ => "unknown".to_owned(),
        };
        self.reached = Reached::Switching;
        self.call_guarded(job, Phase::Switch, &[running], &journal)?;
        Ok(())
    }

    /// Stops the node that runs.
    pub(super) fn stop(&mut self, job: &Job) -> Result<(), TargetError> {
        if self.node_before() != NodeState::Stopped {
            self.call_guarded(job, Phase::Stop, &[], "")?;
        }
        Ok(())
    }

    /// Starts the new release and waits until it has proven itself.
    pub(super) fn start(&mut self, job: &Job) -> Result<(), TargetError> {
        let outcome = self.call_guarded(job, Phase::Start, &[job.version.to_string()], "");
        self.start_failed = outcome.is_err();
        outcome?;
        Ok(())
    }

    /// Makes the deploy final. Asked again until the host has said what it is.
    pub(super) fn commit(&mut self, job: &Job) -> Result<(), TargetError> {
        self.reached = Reached::Committing;
        let line = [job.history_line(&self.addr)];
        self.until_known(|target| target.call_guarded(job, Phase::Commit, &line, ""))?;
        self.reached = Reached::Committed;
        Ok(())
    }

    /// Gives the lock back.
    pub(super) fn close(&mut self, job: &Job) -> Result<(), TargetError> {
        let owner = [job.owner.to_line()];
        self.until_known(|target| target.call(job, Phase::Abandon, &owner, Stdin::Empty))?;
        Ok(())
    }

    /// Puts the host back as it was before, as far as anything was done to it. Returns what the host
    /// had to say about the failed release.
    pub(super) fn restore(&mut self, job: &Job) -> Result<Vec<String>, TargetError> {
        let mut said = Vec::new();
        if self.reached >= Reached::Switching {
            let answer = self.until_known(|target| target.call_guarded(job, Phase::Undo, &[], ""))?;
            self.reached = Reached::Opened;
            if self.start_failed {
                said.extend(answer.facts("log").map(str::to_owned));
                said.extend(
                    answer.facts("crash_dump").map(|dump| format!("its crash dump was kept: {dump}")),
                );
            }
        }
        if self.reached >= Reached::Opened {
            self.close(job)?;
        }
        self.reached = Reached::Untouched;
        Ok(said)
    }
}

/// What speaks against the deploy on a host, before anything is touched.
fn problems(job: &Job, survey: &Survey, plan: &Plan) -> Vec<String> {
    let mut problems = survey.problems.clone();
    if let Some(platform) = &job.manifest.platform {
        if !platform.runs_on_machine(&survey.machine) {
            problems.push(format!(
                "its machine is {}, the release was built for {}",
                survey.machine, platform.machine
            ));
        }
        if !platform.libc.runs_on(survey.libc) {
            problems.push(format!("it has {}, the release needs {}", survey.libc, platform.libc));
        }
    }
    let bytes: u64 = plan.payload.iter().map(|&index| job.wanted[index].size()).sum();
    // The payload, and some room for what a running system writes meanwhile.
    let needed = bytes + bytes / 10 + 8 * 1024 * 1024;
    if survey.free_bytes < needed {
        problems.push(format!(
            "not enough space: {} MB are free, {} MB are needed",
            survey.free_bytes / 1_000_000,
            needed / 1_000_000
        ));
    }
    let inodes = plan.payload.len() as u64 + 100;
    // File systems without a fixed number of inodes say 0.
    if let Some(free) = survey.free_inodes.filter(|&free| free > 0 && free < inodes) {
        problems.push(format!("not enough inodes: {free} are free, {inodes} are needed"));
    }
    problems
}
