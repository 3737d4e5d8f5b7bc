//! One host of a deploy: its connection, what is known of it and how far it has come.

use std::io::Read as _;
use std::time::Duration;

use super::error::TargetError;
use super::history::{Ending, HistoryEntry};
use super::job::{Job, Source};
use super::payload::{Packing, Payload, UntilCalledOff};
use super::phase::Phase;
use super::plan::Plan;
use super::preflight::problems;
use super::replica::Replica;
use super::survey::Survey;
use crate::host::agent::{Answer, PhaseError, Place, Unreadable};
use crate::node::NodeState;
use crate::report::HostState;
use crate::settings::{DeployMigrations, MigrateWhen};
use crate::transport::{ConnectOptions, HostAddr, Session, Stdin};

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
    pub(super) addr: HostAddr,
    pub(super) place: Place,
    pub(super) options: ConnectOptions,
    pub(super) session: Option<Session>,
    pub(super) reached: Reached,
    pub(super) survey: Option<Survey>,
    pub(super) plan: Option<Plan>,
    /// The new release did not come up here.
    start_failed: bool,
    /// The new release has proven itself here, as far as that was asked for.
    pub(super) verified: bool,
    /// A hot upgrade is what boots next here.
    permanent: bool,
    /// The host's guard waits for us.
    pub(super) guarded: bool,
    /// Where the host keeps its side's script for us.
    pub(super) kept: Option<String>,
    /// The archive that the config brings here by itself.
    brought: Option<String>,
    /// The versions that were deployed here before those that `KEEP_RELEASES` keeps.
    pub(super) old_releases: Vec<String>,
    /// Where functions of the config work.
    pub(super) replica: Option<Replica>,
    /// What such a function has done to the release in its place.
    pub(super) changed_in_place: Vec<String>,
    /// Migrations of this deploy that should have been undone, and were not.
    pub(super) migrations_left: Vec<String>,
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
            verified: false,
            permanent: false,
            guarded: false,
            kept: None,
            brought: None,
            old_releases: Vec::new(),
            replica: None,
            changed_in_place: Vec::new(),
            migrations_left: Vec::new(),
        }
    }

    /// The host.
    pub fn addr(&self) -> &HostAddr {
        &self.addr
    }

    /// Whether the lock may be ours.
    pub(super) fn has_lock(&self) -> bool {
        self.reached >= Reached::Opened
    }

    /// How long the host waits for us.
    pub(super) fn lease(&self) -> Duration {
        self.place.lease
    }

    pub(super) fn unreadable(&self, source: Unreadable) -> TargetError {
        TargetError::Phase(PhaseError::Unreadable { host: self.addr.clone(), source })
    }

    /// Another session over the connection that there is.
    pub(super) fn share(&self) -> Option<Session> {
        self.session.as_ref().map(Session::share)
    }

    /// Takes the lock and looks at the host. What a dead deployer left unfinished is undone first.
    pub(super) fn open(&mut self, job: &Job) -> Result<(), TargetError> {
        let answer = self.take_lock(&job.claim, &job.list(), job.survey_for())?.answer;
        let (survey, plan) = self.plan(job, &answer)?;
        if survey.clock_ahead.abs() > CLOCK_TOLERANCE {
            let hint = format!("{}: its clock is {} s off ours", self.addr, survey.clock_ahead);
            job.claim.report.hint(&hint);
        }
        if let Some(doubt) = &survey.doubt {
            let hint = format!("{}: it cannot compare what it has, so it is sent all: {doubt}", self.addr);
            job.claim.report.hint(&hint);
        }
        let problems = problems(job, &survey, &plan);
        (self.survey, self.plan) = (Some(survey), Some(plan));
        if problems.is_empty() {
            return Ok(());
        }
        Err(TargetError::Preflight { host: self.addr.clone(), problems })
    }

    /// What is there and what is to be done, by the host's answer.
    pub(super) fn plan(&self, job: &Job, answer: &Answer) -> Result<(Survey, Plan), TargetError> {
        let survey = Survey::parse(answer, &job.wanted).map_err(|source| self.unreadable(source))?;
        let plan = match (&job.source, &survey.last) {
            (Source::Archive(_), _) if job.upgrades(&survey.node) => {
                Plan::upgrade(&job.wanted, &survey, &job.version)
            }
            // What is to be done shows when the config has unpacked it.
            (Source::Archive(_), _) if job.replicates() => Plan::default(),
            (Source::Archive(_), _) => Plan::new(&job.wanted, &survey, job.clean),
            (Source::LastDeploy, last) => Plan::back(last.as_ref().map_or(&[], |last| &last.back)),
        };
        Ok((survey, plan))
    }

    /// Sends what the host lacks, unpacks and verifies it beside the release.
    pub(super) fn stage(&mut self, job: &Job) -> Result<(), TargetError> {
        let Some(plan) = self.plan.clone() else { return Ok(()) };
        let Source::Archive(archive) = &job.source else { return self.stage_previous(job) };
        if self.pull(job, archive, &plan.payload)? {
            return Ok(());
        }
        let packing = self.survey.as_ref().map_or(Packing::Gzip, |survey| survey.unpacks);
        let payload = archive.payload(&job.wanted, &plan.payload, packing)?;
        let list = job.list_of(&plan.payload, self.umask());
        let args = [list.len().to_string(), payload.prefix.clone(), payload.packing.word().to_owned()];
        self.send_payload(job, Phase::Stage, &args, &list, &payload)?;
        Ok(())
    }

    /// Runs a phase that reads `first` and then the payload.
    pub(super) fn send_payload(
        &mut self,
        job: &Job,
        phase: Phase,
        args: &[String],
        first: &str,
        payload: &Payload,
    ) -> Result<Answer, TargetError> {
        let bar = job.claim.report.transfer(&self.addr.to_string(), payload.size);
        let mut seen = |bytes| bar.at(bytes);
        let source = first.as_bytes().chain(payload.reader(&mut seen));
        let mut source = UntilCalledOff { source, called_off: &job.called_off, ended: false };
        let answer = self.call(&job.claim, phase, args, Stdin::Reader(&mut source));
        if source.ended { Err(TargetError::CalledOff(self.addr.clone())) } else { Ok(answer?) }
    }

    /// The config is going to bring the archive by itself, under this name.
    pub(super) fn expect(&mut self, name: &str) {
        self.brought = Some(name.to_owned());
    }

    /// Unpacks and verifies the archive that the config has brought, beside the release.
    pub(super) fn take(&mut self, job: &Job) -> Result<(), TargetError> {
        let (Some(plan), Source::Archive(archive)) = (&self.plan, &job.source) else { return Ok(()) };
        let name = self.brought.clone().unwrap_or_default();
        let list = job.list_of(&plan.payload, self.umask());
        let gzip = Packing::Gzip.word().to_owned();
        let args = [list.len().to_string(), archive.prefix().to_owned(), gzip, name];
        self.call(&job.claim, Phase::Stage, &args, Stdin::Bytes(list.as_bytes()))?;
        Ok(())
    }

    /// The new files are on the host already: the last deploy has put them aside.
    fn stage_previous(&mut self, job: &Job) -> Result<(), TargetError> {
        let last = self.survey.as_ref().and_then(|survey| survey.last.as_ref());
        let id = last.map(|last| last.id.clone()).unwrap_or_default();
        self.call(&job.claim, Phase::Previous, &[id], Stdin::Empty)?;
        Ok(())
    }

    pub(super) fn umask(&self) -> u32 {
        self.survey.as_ref().map_or(0o022, |survey| survey.umask)
    }

    /// The node as it was before the deploy.
    pub(super) fn node_before(&self) -> NodeState {
        self.survey.as_ref().map_or(NodeState::Stopped, |survey| survey.node.clone())
    }

    /// Renames the new files into place.
    pub(super) fn switch(&mut self, job: &Job) -> Result<(), TargetError> {
        let (Some(survey), Some(journal)) = (&self.survey, self.journal(job)) else { return Ok(()) };
        let running = match &survey.node {
            NodeState::Running { version: Some(version), .. } => version.clone(),
            _ => "unknown".to_owned(),
        };
        self.reached = Reached::Switching;
        self.call_guarded(&job.claim, Phase::Switch, &[running], &journal)?;
        Ok(())
    }

    /// The journal's beginning.
    fn journal(&self, job: &Job) -> Option<String> {
        let (survey, plan) = (self.survey.as_ref()?, self.plan.as_ref()?);
        Some(job.journal(&self.addr, survey, plan))
    }

    /// Stops the node if it runs, starts the new release and waits until it has proven itself.
    pub(super) fn restart(&mut self, job: &Job) -> Result<(), TargetError> {
        let before = self.node_before();
        if !job.starts(&before) {
            self.verified = true;
            return Ok(());
        }
        self.prove(job, if before == NodeState::Stopped { Phase::Start } else { Phase::Restart })
    }

    /// The config is going to start the new release.
    pub(super) fn announce(&mut self, job: &Job) -> Result<(), TargetError> {
        self.call_guarded(&job.claim, Phase::Announce, &[], "")?;
        Ok(())
    }

    /// Waits until the new release, which the config has started, has proven itself.
    pub(super) fn verify(&mut self, job: &Job) -> Result<(), TargetError> {
        self.prove(job, Phase::Verify)
    }

    fn prove(&mut self, job: &Job, phase: Phase) -> Result<(), TargetError> {
        let drill = if job.drill { "drill" } else { "" };
        let (mut args, health) = (
            vec![job.version.to_string(), drill.to_owned()],
            job.health_check.as_deref().unwrap_or_default(),
        );
        if phase == Phase::Restart {
            args.insert(0, Phase::Start.verb().to_owned());
        }
        let outcome = self.call_guarded(&job.claim, phase, &args, health);
        self.start_failed = outcome.is_err();
        for told in outcome?.facts("told") {
            job.claim.report.print(&format!("  {}: {told}", self.addr));
        }
        self.verified = true;
        Ok(())
    }

    /// Migrates the database with the new release, as it is in place or, before the switch, as it is
    /// staged.
    pub(super) fn migrate(&mut self, job: &Job, migrations: DeployMigrations) -> Result<(), TargetError> {
        let with_the_deploy = if migrations.undo { "undo" } else { "keep" };
        let (made_up_of, journal) = match migrations.when {
            MigrateWhen::After => ("", String::new()),
            // What a replica has become is staged as a whole.
            MigrateWhen::Before if job.clean || job.replicates() => {
                ("alone", self.journal(job).unwrap_or_default())
            }
            MigrateWhen::Before => ("both", self.journal(job).unwrap_or_default()),
        };
        self.reached = Reached::Switching;
        let args = [with_the_deploy, made_up_of].map(str::to_owned);
        let answer = self.call_guarded(&job.claim, Phase::Migrate, &args, &journal)?;
        for migration in answer.facts("migrated") {
            job.claim.report.print(&format!("  {}: migrated {migration}", self.addr));
        }
        Ok(())
    }

    /// Has the running node take the new release, and waits until it has proven itself. One that does
    /// not run is started with it, if that is asked for.
    pub(super) fn install(&mut self, job: &Job) -> Result<(), TargetError> {
        if job.upgrades(&self.node_before()) { self.prove(job, Phase::Install) } else { self.restart(job) }
    }

    /// What was installed is what boots next. Does nothing where that was done.
    pub(super) fn make_permanent(&mut self, job: &Job) -> Result<(), TargetError> {
        if job.upgrades(&self.node_before()) && !self.permanent {
            self.call_guarded(&job.claim, Phase::Permanent, &[], "")?;
            self.permanent = true;
        }
        Ok(())
    }

    /// Leaves it as it is: nothing on it undoes the deploy by itself any more.
    pub(super) fn hold(&mut self, job: &Job) -> Result<(), TargetError> {
        let owner = [job.claim.owner.to_line()];
        self.until_known(|target| target.call(&job.claim, Phase::Hold, &owner, Stdin::Empty))?;
        Ok(())
    }

    /// Has the host say, now, that it waits for the commit and has not gone back.
    pub(super) fn confirm(&mut self, job: &Job) -> Result<(), TargetError> {
        let owner = [job.claim.owner.to_line()];
        self.until_known(|target| target.call(&job.claim, Phase::Confirm, &owner, Stdin::Empty))?;
        Ok(())
    }

    /// Makes the deploy final. Asked again until the host has said what it is.
    pub(super) fn commit(&mut self, job: &Job) -> Result<(), TargetError> {
        self.reached = Reached::Committing;
        let line = [job.history_entry(&self.addr, &self.node_before(), job.good_ending(), None).to_line()];
        let answer = self.until_known(|target| target.call_guarded(&job.claim, Phase::Commit, &line, ""));
        let (state, version) = match &answer {
            Ok(_) => (HostState::Deployed, Some(job.version.as_str())),
            Err(_) => (HostState::Unknown, None),
        };
        job.claim.report.host_ended(&self.addr, version, state);
        let answer = answer?;
        self.reached = Reached::Committed;
        let history = HistoryEntry::read(answer.facts("history"));
        self.old_releases = HistoryEntry::superseded(&history, job.keep_releases);
        Ok(())
    }

    /// Removes old releases and gives the lock back. The deploy is final, so what fails here is worth a
    /// hint only.
    pub(super) fn finish(&mut self, job: &Job) {
        let report = &job.claim.report;
        match self.prune(&job.claim) {
            Ok(pruned) if pruned.is_empty() => {}
            Ok(pruned) => report.info(&format!("{}: removed old releases: {}", self.addr, pruned.join(", "))),
            Err(error) => report.hint(&format!("deployed, but old releases could not be removed: {error}")),
        }
        if let Err(error) = self.close(&job.claim) {
            report.hint(&format!("deployed, but the lock could not be given back: {error}"));
        }
    }

    /// Puts the host back as it was before, as far as anything was done to it. Returns what the host
    /// had to say about the failed release. `reason` goes into its history.
    pub(super) fn restore(&mut self, job: &Job, reason: &str) -> Result<Vec<String>, TargetError> {
        let touched = self.reached >= Reached::Switching;
        let outcome = self.put_back(job, reason);
        let state = match (self.reached > Reached::Opened, touched) {
            (true, _) => HostState::Unknown,
            (false, true) => HostState::Restored,
            (false, false) => HostState::Untouched,
        };
        let disk = self.survey.as_ref().map(|survey| survey.disk.as_str());
        let version = disk.filter(|disk| state != HostState::Unknown && *disk != "unknown");
        job.claim.report.host_ended(&self.addr, version, state);
        outcome
    }

    fn put_back(&mut self, job: &Job, reason: &str) -> Result<Vec<String>, TargetError> {
        let mut said = Vec::new();
        if self.reached >= Reached::Switching {
            let entry = job.history_entry(
                &self.addr,
                &self.node_before(),
                Ending::RolledBack,
                Some(reason.to_owned()),
            );
            let line = [entry.to_line()];
            let answer =
                self.until_known(|target| target.call_guarded(&job.claim, Phase::Undo, &line, ""))?;
            self.reached = Reached::Opened;
            for migration in answer.facts("migrated") {
                job.claim.report.print(&format!("  {}: migrated {migration}", self.addr));
            }
            for told in answer.facts("told") {
                job.claim.report.print(&format!("  {}: {told}", self.addr));
            }
            self.migrations_left.extend(answer.facts("migrations_left").map(str::to_owned));
            if self.start_failed {
                said.extend(answer.facts("log").map(str::to_owned));
                said.extend(
                    answer.facts("evidence").map(|place| format!("what it wrote was kept in {place}")),
                );
                said.extend(
                    answer.facts("crash_dump").map(|dump| format!("its crash dump was kept: {dump}")),
                );
            }
        }
        if self.reached >= Reached::Opened {
            self.changed_in_place = self.give_replica_up(job);
            if let (Some(name), Some(survey)) = (self.brought.take(), &self.survey) {
                let root = if survey.root_present { "present" } else { "absent" };
                self.call(&job.claim, Phase::Forget, &[name, root.to_owned()], Stdin::Empty)?;
            }
            self.close(&job.claim)?;
        }
        self.reached = Reached::Untouched;
        Ok(said)
    }
}
