//! What is measured.

use std::fmt::Display;

use fs_err as fs;

use crate::Options;
use crate::common::sshd::user;
use crate::common::world::World;
use crate::contender::{floor, ours, theirs};
use crate::lab::{Lab, release};
use crate::round_trips::RoundTrips;
use crate::sample::Sample;
use crate::table::Row;

/// One case.
pub enum Case {
    /// A command that talks to no host.
    Local(&'static [&'static str]),
    /// A build by tools that do nothing.
    Build,
    /// A first and a second deploy.
    Deploys {
        /// The archive's size.
        megabytes: usize,
        /// How many.
        hosts: usize,
        /// To each of them.
        round_trip_ms: u64,
        /// Of the shell tool: what it takes too long for is run less often than the rest.
        turns: usize,
    },
    /// One deploy to very many hosts, by us alone.
    Many {
        /// The archive's size.
        megabytes: usize,
    },
    /// How many round trips the parts of a second deploy take, by us alone.
    RoundTrips,
}

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases = vec![Case::Local(&["--version"]), Case::Local(&["check", "config"]), Case::Build];
    for megabytes in [16, 60] {
        for hosts in [1, 2, 3, 30] {
            for round_trip_ms in [0, 50, 200] {
                let turns = if hosts == 30 { 3 } else { 5 };
                cases.push(Case::Deploys { megabytes, hosts, round_trip_ms, turns });
            }
        }
    }
    cases.extend([Case::Many { megabytes: 16 }, Case::Many { megabytes: 200 }, Case::RoundTrips]);
    cases
}

/// As projects of the time have it: mix, and its own releases.
const SETTINGS: &str = "RELEASE_CMD=mix\nBUILD_CMD=mix\nUSING_DISTILLERY=false\nSTABLE_FOR=0\nSTART_TIMEOUT=60\n\
    MIX_CMD=./mix\nBUILD_HOST=host-1\nBUILD_AT='~/build'\n";

const MIX: &str = include_str!("mix.sh");

fn world() -> World {
    World::new().config(SETTINGS).config(&format!("BUILD_USER={}", user()))
}

impl Case {
    /// As the table has it.
    pub fn name(&self) -> String {
        match self {
            Case::Local(args) => format!("`{}`", args.join(" ")),
            Case::Build => "build release, tools that do nothing".to_owned(),
            Case::Deploys { megabytes, hosts, round_trip_ms, .. } => {
                format!("{megabytes} MB to {hosts} hosts at {round_trip_ms} ms")
            }
            Case::Many { megabytes } => format!("{megabytes} MB to 100 hosts at 0 ms"),
            Case::RoundTrips => "round trips".to_owned(),
        }
    }

    /// Runs it, as often as was asked for.
    pub fn run(&self, options: &Options) -> Vec<Box<dyn Display>> {
        let rows = match self {
            Case::Local(args) => vec![local(self.name(), args, options)],
            Case::Build => vec![build(self.name(), options)],
            Case::Deploys { megabytes, hosts, round_trip_ms, turns } => {
                let lab = Lab::new(world(), *hosts, *round_trip_ms);
                deploys(&self.name(), &lab, *megabytes, (*turns).min(options.turns), options)
            }
            Case::Many { megabytes } => vec![many(self.name(), *megabytes)],
            Case::RoundTrips => return vec![Box::new(RoundTrips::measure(world, options.turns))],
        };
        rows.into_iter().map(|row| Box::new(row) as Box<dyn Display>).collect()
    }
}

fn local(name: String, args: &[&str], options: &Options) -> Row {
    let lab = Lab::new(world(), 1, 0);
    let mut row = Row { name, ours: Vec::new(), theirs: Vec::new(), floor: Vec::new() };
    // They take next to nothing, so more runs cost nothing and say more.
    for _ in 0..options.turns * 4 {
        row.ours.push(Sample::of(vec![ours(&lab, args)]));
        // The shell tool has no `check config` of its own: what it takes to say its version stands for it.
        let alike = if args[0] == "check" { &["--version"] } else { args };
        if let Some(original) = &options.original {
            row.theirs.push(Sample::of(vec![theirs(&lab, original, alike)]));
        }
    }
    row
}

fn build(name: String, options: &Options) -> Row {
    let lab = Lab::new(world(), 1, 0);
    let project = lab.world.project();
    fs::write(project.join("mix"), MIX).expect("a script");
    fs::write(project.join(".gitignore"), ".deliver\n").expect("a file");
    duct::cmd!("chmod", "+x", project.join("mix").as_str()).run().expect("a mode");
    let git = duct::cmd!("git", "init", "--quiet", "--initial-branch", "master", project.as_str());
    git.run().expect("a repository");
    lab.world.commit();
    let mut row = Row { name, ours: Vec::new(), theirs: Vec::new(), floor: Vec::new() };
    let args = ["build", "release", "--plain"];
    for _ in 0..options.turns {
        lab.clear();
        row.ours.push(lab.measure(|| Sample::of(vec![ours(&lab, &args)])));
        if let Some(original) = &options.original {
            // Its tar writes the archive into the directory that it reads, and fails when it notices.
            let built = (0..10).find_map(|_| {
                lab.clear();
                let run = || Sample::attempt(vec![theirs(&lab, original, &args)]).unwrap_or_default();
                Some(lab.measure(run)).filter(|sample| sample.seconds > 0.0)
            });
            row.theirs.push(built.expect("one build of ten"));
        }
    }
    row
}

fn deploys(name: &str, lab: &Lab, megabytes: usize, turns: usize, options: &Options) -> Vec<Row> {
    for version in ["1.0.0", "2.0.0"] {
        lab.world.store(release(version, megabytes));
    }
    let named = |which: &str| Row {
        name: format!("{which} deploy, {name}"),
        ours: Vec::new(),
        theirs: Vec::new(),
        floor: Vec::new(),
    };
    let mut rows = [named("first"), named("second")];
    let deploy = |version: &str| {
        ["deploy", "release", "to", "production", "--start-deploy", "--plain", version].map(str::to_owned)
    };
    for _ in 0..turns {
        lab.clear();
        for (row, version) in rows.iter_mut().zip(["1.0.0", "2.0.0"]) {
            let args = deploy(&format!("--version={version}"));
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            row.ours.push(lab.measure(|| Sample::of(vec![ours(lab, &args)])));
        }
        if let Some(original) = &options.original {
            lab.clear();
            for (row, version) in rows.iter_mut().zip(["1.0.0", "2.0.0"]) {
                let args = deploy(&format!("--version={version}"));
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                row.theirs.push(lab.measure(|| Sample::of(vec![theirs(lab, original, &args)])));
            }
        }
        if options.alone {
            continue;
        }
        lab.clear();
        for (row, version) in rows.iter_mut().zip(["1.0.0", "2.0.0"]) {
            let archive = lab.world.archive(version);
            row.floor.push(lab.measure(|| Sample::of(floor(lab, &archive))));
        }
    }
    lab.clear();
    rows.into()
}

fn many(name: String, megabytes: usize) -> Row {
    let lab = Lab::new(world(), 100, 0);
    lab.world.store(release("1.0.0", megabytes));
    let args = ["deploy", "release", "to", "production", "--plain", "--version=1.0.0"];
    let ours = vec![lab.measure(|| Sample::of(vec![ours(&lab, &args)]))];
    lab.clear();
    Row { name, ours, theirs: Vec::new(), floor: Vec::new() }
}
