//! The deploy protocol as a model, explored exhaustively: a client and three hosts, where links are
//! cut and come back, and the client, a host's guard and a phase at work die at every step.
//!
//! It follows `src/deploy`: phases with a barrier between them, a journal, a lease with a guard, and
//! a commit that is one rename on each host.

use std::collections::{HashSet, VecDeque};

const HOSTS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Files {
    Old,
    Mixed,
    New,
}

/// What a host is at work on, or what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    None,
    Running(Phase),
    Ended { phase: Phase, well: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Switch,
    Start,
    Commit,
    Undo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Host {
    files: Files,
    journal: bool,
    /// The journal says that the way back has begun.
    undoing: bool,
    committed: bool,
    work: Work,
    guard: bool,
    linked: bool,
    /// What the client knows of its current phase here.
    known: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Known {
    NotSent,
    Sent,
    Well,
    Failed,
    /// Not heard of until after the lease.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    At(Phase),
    /// With this exit status.
    Ended(u8),
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    client: Client,
    hosts: [Host; HOSTS],
    /// How many more things may go wrong.
    faults: u8,
    /// The client has begun to commit: all hosts had verified.
    decided: bool,
}

impl World {
    fn start(faults: u8) -> Self {
        let host = Host {
            files: Files::Old,
            journal: false,
            undoing: false,
            committed: false,
            work: Work::None,
            guard: false,
            linked: true,
            known: Known::NotSent,
        };
        Self { client: Client::At(Phase::Switch), hosts: [host; HOSTS], faults, decided: false }
    }

    /// Hosts are alike, so states that differ in their order are one.
    fn canonical(mut self) -> Self {
        self.hosts.sort_unstable();
        self
    }

    fn with(mut self, index: usize, change: impl FnOnce(&mut Host)) -> Self {
        change(&mut self.hosts[index]);
        self
    }

    fn next(&self) -> Vec<World> {
        let mut next = Vec::new();
        for index in 0..HOSTS {
            self.client_talks(index, &mut next);
            self.host_works(index, &mut next);
            self.lease_runs_out(index, &mut next);
            self.fault(index, &mut next);
        }
        self.client_moves(&mut next);
        next.into_iter().map(World::canonical).collect()
    }

    fn client_talks(&self, index: usize, next: &mut Vec<World>) {
        let (Client::At(phase), host) = (self.client, self.hosts[index]) else { return };
        if host.linked && host.known == Known::NotSent {
            // Undo ends whatever is at work; any other phase waits for its turn.
            let free = phase == Phase::Undo || !matches!(host.work, Work::Running(_));
            if free {
                next.push(self.with(index, |host| {
                    host.known = Known::Sent;
                    host.guard = true;
                    host.work = Work::Running(phase);
                }));
            }
        }
        if host.known == Known::Sent && host.linked {
            let known = match host.work {
                Work::Ended { phase: ended, well } if ended == phase => {
                    if well {
                        Known::Well
                    } else {
                        Known::Failed
                    }
                }
                // It was killed, or the guard has taken over: what came of it is asked with an undo.
                Work::None => Known::Failed,
                Work::Ended { .. } if phase != Phase::Commit => Known::Failed,
                _ => return,
            };
            next.push(self.with(index, |host| host.known = known));
        }
        if !host.linked && matches!(host.known, Known::Sent | Known::NotSent) {
            next.push(self.with(index, |host| host.known = Known::Silent));
        }
    }

    fn host_works(&self, index: usize, next: &mut Vec<World>) {
        let Work::Running(phase) = self.hosts[index].work else { return };
        let ended = |well: bool| Work::Ended { phase, well };
        let host = self.hosts[index];
        match (phase, host.files) {
            (Phase::Switch, Files::Old) => next.push(self.with(index, |host| {
                host.journal = true;
                host.files = Files::Mixed;
            })),
            (Phase::Switch, _) => {
                next.push(self.with(index, |host| {
                    host.files = Files::New;
                    host.work = ended(true);
                }));
                next.push(self.with(index, |host| host.work = ended(false)));
            }
            (Phase::Start, _) => {
                next.push(self.with(index, |host| host.work = ended(true)));
                next.push(self.with(index, |host| host.work = ended(false)));
            }
            (Phase::Commit, _) => next.push(self.with(index, |host| {
                let well = host.committed || (host.journal && !host.undoing);
                host.committed |= well;
                host.journal &= !well;
                host.work = ended(well);
            })),
            (Phase::Undo, _) => next.push(self.with(index, |host| undo(host, ended(true), ended(false)))),
        }
    }

    /// Nobody has renewed it: the client is gone, or cannot reach the host.
    fn lease_runs_out(&self, index: usize, next: &mut Vec<World>) {
        let host = self.hosts[index];
        let unheard = !host.linked || !matches!(self.client, Client::At(_));
        if host.guard && host.journal && unheard && host.work != Work::Running(Phase::Undo) {
            next.push(self.with(index, |host| host.work = Work::Running(Phase::Undo)));
        }
    }

    fn fault(&self, index: usize, next: &mut Vec<World>) {
        if !self.hosts[index].linked {
            // The link comes back whenever it likes.
            next.push(self.with(index, |host| host.linked = true));
        }
        let Some(faults) = self.faults.checked_sub(1) else { return };
        let broken = World { faults, ..*self };
        next.push(broken.with(index, |host| host.linked = false));
        next.push(broken.with(index, |host| host.guard = false));
        if matches!(self.hosts[index].work, Work::Running(_)) {
            next.push(broken.with(index, |host| host.work = Work::None));
        }
        if matches!(self.client, Client::At(_)) {
            next.push(World { client: Client::Dead, ..broken });
        }
    }

    /// The barrier: nothing goes on before all hosts have ended the phase.
    fn client_moves(&self, next: &mut Vec<World>) {
        let Client::At(phase) = self.client else { return };
        let open = |host: &Host| matches!(host.known, Known::NotSent | Known::Sent);
        if self.hosts.iter().any(open) {
            return;
        }
        let all_well = self.hosts.iter().all(|host| host.known == Known::Well);
        let any_well = self.hosts.iter().any(|host| host.known == Known::Well);
        let mut world = *self;
        world.client = match (phase, all_well) {
            (Phase::Switch, true) => Client::At(Phase::Start),
            (Phase::Start, true) => Client::At(Phase::Commit),
            (Phase::Commit, true) => Client::Ended(0),
            (Phase::Commit, false) if any_well => Client::Ended(3),
            (Phase::Undo, true) => Client::Ended(1),
            (Phase::Undo, false) => Client::Ended(3),
            _ => Client::At(Phase::Undo),
        };
        world.decided |= world.client == Client::At(Phase::Commit);
        if let Client::At(_) = world.client {
            for host in &mut world.hosts {
                host.known = Known::NotSent;
            }
        }
        next.push(world);
    }

    /// What must hold in every state.
    fn check(&self) {
        let any = |test: fn(&Host) -> bool| self.hosts.iter().any(test);
        let all = |test: fn(&Host) -> bool| self.hosts.iter().all(test);
        if any(|host| host.committed) {
            assert!(self.decided, "a host committed before all had verified: {self:#?}");
        }
        assert!(
            all(|host| !host.committed || host.files == Files::New),
            "a final host lacks files: {self:#?}"
        );
        match self.client {
            Client::Ended(0) => assert!(all(|host| host.committed), "success was claimed: {self:#?}"),
            Client::Ended(1) => {
                let as_before = |host: &Host| host.files == Files::Old && !host.journal && !host.committed;
                assert!(all(as_before), "'all as before' was claimed: {self:#?}");
            }
            _ => {}
        }
        // Two outcomes at once are possible in the commit's window only.
        let differ = any(|host| host.committed) && any(|host| host.files == Files::Old);
        assert!(!differ || self.decided, "hosts differ outside of the commit's window: {self:#?}");
    }

    /// The next command that comes along finds every link up again and recovers each host.
    fn recover(&self) {
        for host in &self.hosts {
            let mut host = *host;
            if host.journal {
                undo(&mut host, Work::None, Work::None);
            }
            let whole = host.files != Files::Mixed && !host.journal;
            assert!(whole && (host.files == Files::New) == host.committed, "cannot be recovered: {self:#?}");
        }
    }
}

/// Puts the old files back, unless the deploy is final here.
fn undo(host: &mut Host, undone: Work, refused: Work) {
    if host.committed {
        host.work = refused;
        return;
    }
    if host.journal && !host.undoing {
        host.undoing = true;
        return;
    }
    host.files = Files::Old;
    host.journal = false;
    host.undoing = false;
    host.work = undone;
}

#[test]
fn no_order_of_events_breaks_it() {
    let start = World::start(3);
    let mut seen = HashSet::from([start]);
    let mut queue = VecDeque::from([start]);
    let (mut split, mut committed) = (0, 0);
    while let Some(world) = queue.pop_front() {
        world.check();
        let mut recovered = world;
        // Undo takes two steps; recovery runs it to its end.
        for host in &mut recovered.hosts {
            if host.journal && !host.undoing {
                host.undoing = true;
            }
        }
        recovered.recover();
        let final_hosts = world.hosts.iter().filter(|host| host.committed).count();
        committed += usize::from(final_hosts == HOSTS);
        split += usize::from(world.client == Client::Ended(3) && (1..HOSTS).contains(&final_hosts));
        queue.extend(world.next().into_iter().filter(|next| seen.insert(*next)));
    }
    // The exploration has been where it had to go: to success, and into the commit's window.
    assert!(committed > 0 && split > 0, "{committed} committed, {split} split");
    println!("{} states explored", seen.len());
}
