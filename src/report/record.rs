//! What a command has done so far: how long its phases took, and how each host ended.

use std::time::{Duration, Instant};

use serde::Serialize;

/// How a command left a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostEnd {
    /// `user@host:port`, as it is configured.
    pub host: String,
    /// The version that it has now, where that is known.
    pub version: Option<String>,
    /// How it ended.
    pub state: HostState,
}

/// How a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// It has the release, and has proven it as far as that was asked for.
    Deployed,
    /// Nothing was changed on it.
    Untouched,
    /// It was changed, and is as it was before.
    Restored,
    /// It is left in the middle of the deploy, as `ON_FAILURE=stop` says.
    Left,
    /// It is not known what it has.
    Unknown,
    /// Its node did what it was told.
    Done,
    /// Its node did not.
    Failed,
}

/// A phase with the time in which at least one host was in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// The phase, as the events name it.
    pub phase: &'static str,
    /// How long.
    pub time: Duration,
}

/// The record of a command.
pub struct Record {
    began: Instant,
    phases: Vec<Running>,
    hosts: Vec<HostEnd>,
}

/// A phase, and how many hosts are in it.
struct Running {
    timing: Timing,
    active: usize,
    since: Instant,
}

impl Record {
    /// The command begins now.
    pub fn new() -> Self {
        Self { began: Instant::now(), phases: Vec::new(), hosts: Vec::new() }
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A host enters a phase. Hosts are in it together: their times do not add up.
    pub fn enter(&mut self, phase: &'static str) {
        let now = Instant::now();
        match self.running(phase) {
            Some(running) => {
                running.active += 1;
                if running.active == 1 {
                    running.since = now;
                }
            }
            None => {
                let timing = Timing { phase, time: Duration::ZERO };
                self.phases.push(Running { timing, active: 1, since: now });
            }
        }
    }

    /// A host leaves a phase that it has entered.
    pub fn leave(&mut self, phase: &'static str) {
        if let Some(running) = self.running(phase) {
            running.active = running.active.saturating_sub(1);
            if running.active == 0 {
                running.timing.time += running.since.elapsed();
            }
        }
    }

    /// A host has ended so. What was said of it before does not hold any more.
    pub fn end(&mut self, end: HostEnd) {
        match self.hosts.iter_mut().find(|known| known.host == end.host) {
            Some(known) => *known = end,
            None => self.hosts.push(end),
        }
    }

    /// The hosts that have ended, by name: which of them ended first is chance.
    pub fn hosts(&self) -> Vec<HostEnd> {
        let mut hosts = self.hosts.clone();
        hosts.sort_by(|one, other| one.host.cmp(&other.host));
        hosts
    }

    /// The phases in the order in which they began.
    pub fn phases(&self) -> impl Iterator<Item = Timing> {
        self.phases.iter().map(|running| running.timing)
    }

    fn running(&mut self, phase: &str) -> Option<&mut Running> {
        self.phases.iter_mut().find(|running| running.timing.phase == phase)
    }
}

#[cfg(test)]
mod tests {
    use super::{HostEnd, HostState, Record};

    #[test]
    fn hosts_are_in_a_phase_together() {
        let mut record = Record::new();
        record.enter("stage");
        record.enter("stage");
        record.leave("stage");
        assert!(record.phases().next().unwrap().time.is_zero());
        record.leave("stage");
        record.enter("switch");
        assert!(!record.phases().next().unwrap().time.is_zero());
        assert_eq!(record.phases().map(|timing| timing.phase).collect::<Vec<_>>(), ["stage", "switch"]);
    }

    #[test]
    fn the_last_word_about_a_host_holds() {
        let end = |host: &str, state| HostEnd { host: host.to_owned(), version: None, state };
        let mut record = Record::new();
        record.end(end("b", HostState::Unknown));
        record.end(end("a", HostState::Deployed));
        record.end(end("b", HostState::Restored));
        assert_eq!(record.hosts(), [end("a", HostState::Deployed), end("b", HostState::Restored)]);
    }
}
