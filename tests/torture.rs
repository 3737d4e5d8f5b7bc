//! Random faults at random moments over three hosts; after each of them every host is wholly old or
//! wholly new, and the next deploy succeeds. `scripts/torture N [SEED]` runs N rounds.

mod common;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use common::world::{Fault, Host, Output, Snapshot, World};
use fs_err as fs;
use rustix::process::Signal;

/// Each has hosts of its own.
const WORKERS: u64 = 3;
/// About as many calls has a deploy on a host.
const CALLS: u64 = 330;
const VERSIONS: [&str; 2] = ["1.0.0", "2.0.0"];
/// Hosts wait 2 seconds for a client that they do not hear of.
const IN_A_HURRY: &str = "LEASE=2\nSTABLE_FOR=0.2\n";
/// The node that dies does so a second after it is there.
const WATCHFUL: &str = "LEASE=2\nSTABLE_FOR=2\n";
/// For deploys that a busy machine may hold up.
const PATIENT: &str = "LEASE=30\nSTABLE_FOR=0.2\n";

/// What goes wrong in a round, on one host.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// At the moment, on the host itself.
    At(Fault),
    /// The client gets a signal at the moment.
    Signal(Signal),
    /// The link is cut and can be made again.
    Cut,
    /// sshd hangs until the client has ended.
    Frozen,
    /// The host cannot be reached until the client has ended.
    Away,
    /// The new release behaves like this.
    Release(&'static str),
}

/// One in each row has the same chance.
const TROUBLES: [&[Trouble]; 8] = [
    &[Trouble::At(Fault::KillClient)],
    &[Trouble::At(Fault::KillPhase), Trouble::At(Fault::KillPhaseAndClient)],
    &[Trouble::At(Fault::KillGuard), Trouble::At(Fault::KillPhaseAndGuard)],
    &[Trouble::At(Fault::KillHost), Trouble::At(Fault::KillHostAndClient)],
    &[Trouble::At(Fault::Fail)],
    &[Trouble::Signal(Signal::INT), Trouble::Signal(Signal::TERM), Trouble::Signal(Signal::HUP)],
    &[Trouble::Cut, Trouble::Frozen, Trouble::Away],
    &[
        Trouble::Release("start_exits_7"),
        Trouble::Release("never_answers"),
        Trouble::Release("wrong_version"),
        Trouble::Release("dies_after_start"),
        Trouble::Release("application_missing"),
        Trouble::Release("slow_launch 1"),
    ],
];

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// How often what has been seen.
type Figures = BTreeMap<String, usize>;

/// Three hosts, and what they look like with each of the versions.
struct Rounds {
    world: World,
    trees: BTreeMap<&'static str, Vec<BTreeMap<String, String>>>,
    /// Which of the versions runs now.
    current: usize,
    figures: Figures,
}

impl Rounds {
    fn begin() -> Self {
        let mut world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
        world.reconfigure(PATIENT);
        let mut rounds = Self { world, trees: BTreeMap::new(), current: 0, figures: Figures::new() };
        // The second time each host has all directories of both.
        for version in ["2.0.0", "1.0.0", "2.0.0", "1.0.0"] {
            rounds.world.deploy(version).succeeds();
            let trees = rounds.world.all().iter().map(|host| Snapshot::tree(&host.root())).collect();
            rounds.trees.insert(if version == "1.0.0" { "1.0.0" } else { "2.0.0" }, trees);
        }
        rounds
    }

    fn round(&mut self, random: &mut Random) {
        let row = random.one_of(&TROUBLES);
        let trouble = random.one_of(row);
        let number = usize::try_from(random.below(3)).unwrap() + 1;
        let call = usize::try_from(random.below(CALLS)).unwrap() + 1;
        let new = VERSIONS[1 - self.current];
        let moment = format!("{trouble:?} on host-{number}, call {call}, deploying {new}");
        let before = self.world.snapshot();
        let data: Vec<Vec<u8>> = self.world.all().iter().map(application_data).collect();
        let dies = matches!(trouble, Trouble::Release("dies_after_start"));
        self.world.reconfigure(if dies { WATCHFUL } else { IN_A_HURRY });
        let (place, code, output) = self.deploy_with(trouble, number, call, new);
        println!("{moment}: at {place:?}: {code:?}\n{}", output.shown());
        self.world.edeliver(["recover", "production"]).succeeds();
        let removal_failed = matches!(trouble, Trouble::At(Fault::Fail))
            && place.as_ref().is_some_and(|at| at.contains(" rm "));
        let unchanged = if removal_failed { Host::assert_restored } else { Host::assert_unchanged };
        let is_new = self.judge(code, &output, &before, new, unchanged);
        for (host, data) in self.world.all().iter().zip(data) {
            assert!(application_data(host).starts_with(&data), "{}: its data is not whole", host.alias());
            if !removal_failed {
                host.assert_no_leftovers();
            }
        }
        self.world.reconfigure(PATIENT);
        if removal_failed {
            self.after_a_failed_removal(number, is_new, new);
        } else if !is_new {
            self.then_succeeds(new);
        }
        self.current = 1 - self.current;
        let end = code.map_or("killed".to_owned(), |code| format!("exit {code}"));
        *self.figures.entry(end).or_default() += 1;
        if place.is_none() && !matches!(trouble, Trouble::Release(_)) {
            *self.figures.entry("fault behind the end".to_owned()).or_default() += 1;
        }
    }

    #[track_caller]
    fn then_succeeds(&self, version: &str) {
        self.world.deploy(version).succeeds();
        self.world.assert_runs(version);
    }

    /// What could not be cleared away goes with the next deploy. In the host's own directory for
    /// temporary files the host clears it away.
    fn after_a_failed_removal(&self, number: usize, is_new: bool, new: &str) {
        if is_new {
            self.then_succeeds(VERSIONS[self.current]);
        }
        self.then_succeeds(new);
        for entry in fs::read_dir(self.world.host(number).temporary()).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        for host in self.world.all() {
            host.assert_no_leftovers();
        }
    }

    /// Deploys with that trouble. Returns the call at which it took place, if it did, and the end.
    fn deploy_with(
        &mut self,
        trouble: Trouble,
        number: usize,
        call: usize,
        new: &str,
    ) -> (Option<String>, Option<i32>, Output) {
        if let Trouble::Release(behaviour) = trouble {
            self.world.host(number).behave(&format!("{new} {behaviour}"));
            let (code, output) = self.world.deploy(new).ended();
            self.world.host(number).behave_as_made();
            return (None, code, output);
        }
        let fault = if let Trouble::At(fault) = trouble { fault } else { Fault::Pause };
        let steps = self.world.host(number).at_step("*", call, fault);
        let mut client = self.world.spawn_deploy(new);
        steps.client(&client);
        if steps.wait(&mut client) {
            match trouble {
                Trouble::Signal(signal) => client.signal(signal),
                Trouble::Cut => self.world.host(number).kill_connections(),
                Trouble::Frozen => self.world.host(number).freeze(),
                Trouble::Away => self.world.host_mut(number).stop(),
                Trouble::At(_) | Trouble::Release(_) => {}
            }
            steps.release();
        }
        let place = steps.reached();
        let (code, output) = client.wait().ended();
        match trouble {
            Trouble::Frozen => self.world.host(number).thaw(),
            Trouble::Away if place.is_some() => self.world.host_mut(number).start_again(),
            _ => {}
        }
        (place, code, output)
    }

    /// Every host has all of the new release or is as before; which of them the exit status tells.
    /// Returns whether all of them have the new one.
    fn judge(
        &mut self,
        code: Option<i32>,
        output: &Output,
        before: &[Snapshot],
        new: &str,
        unchanged: fn(&Host, &Snapshot),
    ) -> bool {
        let mut with_new = 0;
        for ((host, before), tree) in self.world.all().iter().zip(before).zip(&self.trees[new]) {
            if host.node().is_some_and(|node| node.version == new) {
                host.assert_runs(new);
                assert_eq!(&Snapshot::tree(&host.root()), tree, "{}: files of {new}", host.alias());
                with_new += 1;
            } else {
                unchanged(host, before);
            }
        }
        let split = (1..before.len()).contains(&with_new);
        match code {
            Some(0) => assert_eq!(with_new, before.len(), "success was claimed: {}", output.shown()),
            Some(1 | 130 | 143) => assert_eq!(with_new, 0, "'all as before' was claimed: {}", output.shown()),
            Some(3) => {
                let said = output.stderr.contains("was committed on some hosts only");
                assert!(said || with_new == 0, "the truth is another: {}", output.shown());
            }
            Some(_) => panic!("no such exit status: {}", output.shown()),
            // Nobody was left to tell.
            None => {}
        }
        if split {
            *self.figures.entry("split in the commit's window".to_owned()).or_default() += 1;
        }
        with_new == before.len()
    }
}

/// All that the application has written.
fn application_data(host: &Host) -> Vec<u8> {
    let file: Utf8PathBuf = host.root().join("var/data");
    fs::read(file).unwrap()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn random_faults() {
    let rounds = number("EDELIVER_TORTURE").unwrap_or(25);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("EDELIVER_TORTURE_SEED").unwrap_or(now.as_secs());
    let worker = |worker: u64| {
        let mut world = Rounds::begin();
        let mut random = Random(seed.wrapping_mul(WORKERS).wrapping_add(worker));
        for round in (worker..rounds).step_by(usize::try_from(WORKERS).unwrap()) {
            println!("--- seed {seed}, round {round}");
            world.round(&mut random);
        }
        world.figures
    };
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|each| scope.spawn(move || worker(each))).collect();
        let mut all = Figures::new();
        for each in workers {
            let figures = each.join().unwrap_or_else(|_| panic!("failed: EDELIVER_TORTURE_SEED={seed}"));
            for (name, count) in figures {
                *all.entry(name).or_default() += count;
            }
        }
        all
    });
    println!("torture: {rounds} rounds with seed {seed} passed: {all:?}");
}
