//! What is wrong, and how to mend it.

use anyhow::anyhow;
use serde::Serialize;

use super::{Patient, Seen, Subject};
use crate::deploy::{ExamineError, Examined, Holder, TargetError};
use crate::exit::Failure;
use crate::host::agent::PhaseError;
use crate::host::{BROKEN, Facts, FactsError, Liveness};
use crate::node::NodeState;
use crate::release::Libc;
use crate::report::Report;
use crate::transport::TransportError;

/// A clock that is further off, in seconds, is worth a word. Nothing of ours depends on it.
const CLOCK_TOLERANCE: i64 = 60;
/// A release with its Erlang takes some 50 MB unpacked; a build makes it several times.
const LITTLE_FOR_BUILD: u64 = 1_000_000_000;
const LITTLE_FOR_DEPLOY: u64 = 200_000_000;

/// Something that is not as it should be.
#[derive(Serialize)]
pub struct Finding {
    fails: bool,
    place: String,
    what: String,
    mend: String,
}

/// All that is not as it should be.
#[derive(Default, Serialize)]
pub struct Findings(Vec<Finding>);

impl Finding {
    /// Something would fail.
    pub fn problem(place: &str, what: &str, mend: &str) -> Self {
        Self { fails: true, ..Self::warning(place, what, mend) }
    }

    /// Nothing fails yet.
    fn warning(place: &str, what: &str, mend: &str) -> Self {
        Self { fails: false, place: place.to_owned(), what: what.to_owned(), mend: mend.to_owned() }
    }

    /// What `check config` warns about.
    pub fn config(what: String) -> Self {
        Self::warning("config", &what, "'edeliver check config' shows every setting.")
    }
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds several.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is wrong with a host.
    pub fn of(&mut self, patient: &Patient<'_>) {
        let host = patient.host.to_string();
        match &patient.seen {
            Err(error) => self.push(Finding::problem(&host, &error.to_string(), &mend(error, patient))),
            Ok(Seen::Build(facts)) => self.build_host(patient, facts),
            Ok(Seen::Stage(examined)) => self.stage_host(patient, examined),
        }
    }

    fn any_host(&mut self, host: &str, facts: &Facts, little: u64) {
        if facts.clock_ahead.abs() > CLOCK_TOLERANCE {
            let what = format!("its clock is {} s off ours", facts.clock_ahead);
            self.push(Finding::warning(host, &what, "Have it follow a time server (NTP)."));
        }
        if let Some(free) = facts.free_bytes.filter(|free| *free < little) {
            let what = format!("only {} are free", super::super::plan::size(free));
            self.push(Finding::warning(
                host,
                &what,
                "Make room; KEEP_RELEASES says how many old releases stay.",
            ));
        }
    }

    fn build_host(&mut self, patient: &Patient<'_>, facts: &Facts) {
        let host = patient.host.to_string();
        self.any_host(&host, facts, LITTLE_FOR_BUILD);
        if let Some(place) = &facts.read_only {
            self.push(Finding::problem(
                &host,
                &format!("no permission to write in {place}"),
                "Set BUILD_AT to a directory of BUILD_USER, or give it this one.",
            ));
        }
        for tool in patient.subject.needed_tools() {
            let what = match facts.version_of(tool) {
                None => format!("it has no '{tool}' in its PATH"),
                Some(BROKEN) => format!("'{tool}' does not say its version"),
                Some(_) => continue,
            };
            self.push(Finding::problem(
                &host,
                &what,
                "Install it, or set the PATH in ~/.profile of BUILD_USER (PROFILE names another file).",
            ));
        }
        match &facts.build_lock {
            Some(Ok(owner)) if owner.liveness() == Liveness::Alive => {
                self.push(Finding::problem(
                    &host,
                    &format!("a build runs there, started by {owner}"),
                    "Wait for it.",
                ));
            }
            Some(Ok(owner)) if owner.liveness() == Liveness::Elsewhere => {
                let mend = "Wait for it; if that build is gone, remove .git/edeliver-build.lock in BUILD_AT.";
                self.push(Finding::problem(&host, &format!("a build has locked BUILD_AT: {owner}"), mend));
            }
            Some(Ok(owner)) => {
                self.push(Finding::warning(
                    &host,
                    &format!("a build that died has left its lock: {owner}"),
                    "The next build takes it over.",
                ));
            }
            Some(Err(line)) => {
                let what = format!("BUILD_AT is locked by nobody that we know: '{line}'");
                self.push(Finding::problem(&host, &what, "Remove .git/edeliver-build.lock in BUILD_AT."));
            }
            None => {}
        }
    }

    fn stage_host(&mut self, patient: &Patient<'_>, examined: &Examined) {
        let (host, stage) = (patient.host.to_string(), patient.subject.purpose());
        self.any_host(&host, &examined.facts, LITTLE_FOR_DEPLOY);
        for problem in &examined.problems {
            let mend = "Mend that on the host; 'edeliver deploy release --plan' looks again.";
            self.push(Finding::problem(&host, problem, mend));
        }
        let state = &examined.state;
        if let Some(unfinished) = &state.unfinished {
            let what = format!("a deploy of {} was left unfinished", unfinished.version);
            let mend = format!("'edeliver recover {stage}' undoes it; so does the next deploy.");
            self.push(Finding::warning(&host, &what, &mend));
        }
        match &state.holder {
            Some(Holder::Owner(owner)) if owner.liveness() == Liveness::Alive => {
                self.push(Finding::problem(
                    &host,
                    &format!("a deploy is under way, started by {owner}"),
                    "Wait for it.",
                ));
            }
            Some(Holder::Owner(owner)) if owner.liveness() == Liveness::Dead => {
                let mend = format!("'edeliver recover {stage}' clears it away; so does the next deploy.");
                self.push(Finding::warning(
                    &host,
                    &format!("a deployer that died has left its lock: {owner}"),
                    &mend,
                ));
            }
            Some(holder) => {
                let who = match holder {
                    Holder::Owner(owner) => owner.to_string(),
                    Holder::Unknown => "an unknown owner".to_owned(),
                };
                let mend = format!(
                    "Wait for it; if it is gone, 'edeliver recover {stage} --force-unlock' takes its lock."
                );
                self.push(Finding::problem(&host, &format!("it is locked by {who}"), &mend));
            }
            None => {}
        }
        if let NodeState::Running { version: None, pid } = state.node {
            let mend = format!("'edeliver ping {stage}' and 'edeliver logs {stage}' tell more.");
            self.push(Finding::warning(&host, &format!("its node (process {pid}) does not answer"), &mend));
        }
    }

    /// Adds what keeps a release that is built on the build host from running on the other hosts.
    pub fn compare(&mut self, patients: &[Patient<'_>]) {
        let is_build = |patient: &&Patient<'_>| matches!(patient.subject, Subject::Build(..));
        let Some(build) = patients.iter().find(is_build).and_then(Patient::facts) else { return };
        for patient in patients.iter().filter(|patient| !is_build(patient)) {
            let (host, Some(facts)) = (patient.host.to_string(), patient.facts()) else { continue };
            if (&facts.kernel, &facts.machine) != (&build.kernel, &build.machine) {
                let what = format!(
                    "it is {} {}, the build host {} {}",
                    facts.kernel, facts.machine, build.kernel, build.machine
                );
                self.push(Finding::problem(&host, &what, "Build on a machine of the same kind."));
            } else if !build.libc.runs_on(facts.libc) {
                let what = format!("it has {}, the build host {}", facts.libc, build.libc);
                let mend = "Build on a system as old as the oldest host; what a release really needs is checked before it is deployed.";
                // A newer glibc on the build host need not have been used.
                let both_glibc = matches!((build.libc, facts.libc), (Libc::Glibc(..), Libc::Glibc(..)));
                let finding = if both_glibc { Finding::warning } else { Finding::problem };
                self.push(finding(&host, &what, mend));
            }
            let (here, there) = (build.version_of("erl"), facts.version_of("erl"));
            if let (Some(here), Some(there)) = (here, there)
                && here != there
                && here != BROKEN
                && there != BROKEN
            {
                let what = format!("its Erlang is {there}, the one of the build host {here}");
                let mend = "A release that brings its own Erlang does not use it; for others, install the same one on both.";
                self.push(Finding::warning(&host, &what, mend));
            }
        }
    }

    /// Shows all of them.
    ///
    /// # Errors
    /// When something would fail.
    pub fn show(self, report: &Report) -> Result<(), Failure> {
        for finding in &self.0 {
            let Finding { fails, place, what, mend } = finding;
            let text = format!("{}: {place}: {what}", if *fails { "fails" } else { "warning" });
            report.print("");
            if *fails {
                report.print(&text)
            } else {
                report.hint(&text)
            }
            report.print(&format!("  {mend}"));
        }
        self.verdict()?;
        report.banner("NOTHING THAT WOULD FAIL WAS FOUND.");
        Ok(())
    }

    /// Whether all is well.
    ///
    /// # Errors
    /// When something would fail.
    pub fn verdict(&self) -> Result<(), Failure> {
        let count = self.0.iter().filter(|finding| finding.fails).count();
        if count == 0 {
            return Ok(());
        }
        let things = if count == 1 { "1 thing" } else { &format!("{count} things") };
        Err(Failure::failed(anyhow!("{things} would fail; see above for how to mend each")))
    }
}

/// In a few words: the node, and what is unfinished or locked.
pub fn state(patient: &Patient<'_>) -> String {
    let Ok(seen) = &patient.seen else { return String::new() };
    match seen {
        Seen::Build(facts) => facts.build_lock.as_ref().map_or(String::new(), |_| "locked".to_owned()),
        Seen::Stage(examined) => {
            let state = &examined.state;
            let node = match &state.node {
                NodeState::Stopped => "stopped".to_owned(),
                NodeState::Running { version: Some(version), .. } => format!("runs {version}"),
                NodeState::Running { version: None, .. } => "does not answer".to_owned(),
            };
            let more = [("locked", state.holder.is_some()), ("unfinished", state.unfinished.is_some())];
            let more = more.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| format!(", {word}"));
            node + &more.collect::<String>()
        }
    }
}

/// How to mend that a host cannot be asked.
fn mend(error: &ExamineError, patient: &Patient<'_>) -> String {
    let host = &patient.host;
    let user = match patient.subject {
        Subject::Build(..) => "BUILD_USER",
        Subject::Stage(stage, _) if stage.as_str() == "production" => "PRODUCTION_USER",
        Subject::Stage(..) => "STAGING_USER",
    };
    let link = match error {
        ExamineError::Facts(FactsError::Link(link)) => Some(link),
        ExamineError::Target(error) => match error.as_ref() {
            TargetError::Phase(PhaseError::Link(link)) => Some(link),
            _ => None,
        },
        ExamineError::Facts(FactsError::Incomplete { .. }) => None,
    };
    let Some(link) = link else {
        return "Look at what it said; its login shell and profile must let a plain 'sh' run.".to_owned();
    };
    match link {
        TransportError::HostKey { .. } => {
            format!("If you know why it has changed (a reinstalled server): ssh-keygen -R {}", host.host())
        }
        TransportError::Authentication { .. } => {
            format!("Try 'ssh -v {host}'. The user comes from {user}; ssh-copy-id brings your key there.")
        }
        TransportError::Shell { .. } => "The login shell must be one that runs commands.".to_owned(),
        _ => format!("Is it up, and is the name right? Try 'ssh -v {host}'."),
    }
}
