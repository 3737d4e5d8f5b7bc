//! Power cuts: all of ours on a host is killed at the k-th call of any tool, and the client with it.
//! `edeliver recover` puts the host back byte for byte, or the deploy is final there.
//!
//! Some k of each phase here; every one of them with EDELIVER_EVERY_STEP set (`scripts/torture steps`).

mod common;

use common::world::{Fault, Snapshot, World};
use std::collections::BTreeMap;

/// How many k of each phase are tried.
const SPREAD: usize = 3;

/// One host on which 1.0.0 runs. It waits longer for its client than a step takes.
fn world() -> World {
    World::new()
        .hosts(1)
        .release("1.0.0")
        .release("2.0.0")
        .running("1.0.0")
        .config("LEASE=60\nSTABLE_FOR=0.1\nKEEP_RELEASES=50")
}

/// How many calls each phase makes in a deploy without a power cut.
fn count(world: &World) -> BTreeMap<String, usize> {
    let steps = world.host(1).at_step("*", 1_000_000, Fault::None);
    let output = world.deploy("2.0.0").ended().1;
    let mut phases = BTreeMap::<String, usize>::new();
    for call in steps.calls() {
        *phases.entry(call.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    println!("{}{phases:?}", output.shown());
    phases
}

/// Some of the numbers up to this one, the first and the last among them; or all.
fn spread(calls: usize) -> Vec<usize> {
    match std::env::var_os("EDELIVER_EVERY_STEP") {
        Some(_) => (1..=calls).collect(),
        None => (0..SPREAD).map(|part| 1 + (calls - 1) * part / (SPREAD - 1)).collect(),
    }
}

/// Everything is killed at this call; what is left is recovered.
fn power_cut(world: &World, phase: &str, at: usize, before: &Snapshot) {
    let host = world.host(1);
    let steps = host.at_step(phase, at, Fault::KillHostAndClient);
    let mut client = world.spawn_deploy("2.0.0");
    steps.client(&client);
    let was_reached = steps.wait(&mut client);
    let reached = steps.reached().unwrap_or_default();
    println!("{phase} {at}: {reached}");
    let (code, output) = client.wait().ended();
    drop(steps);
    if !was_reached {
        // Waiting took fewer calls this time.
        assert!(code.is_some(), "{}", output.shown());
    }
    world.edeliver(["recover", "production"]).succeeds();
    if host.node().is_some_and(|node| node.version == "2.0.0") {
        assert!(!was_reached || reached.starts_with("commit") || reached.starts_with("session"), "{reached}");
        host.assert_runs("2.0.0");
        host.assert_no_leftovers();
        world.edeliver(["rollback", "production"]).succeeds();
        host.assert_runs("1.0.0");
    } else {
        host.assert_unchanged(before);
    }
}

/// The host's power is cut at each of these phases' calls, in a deploy with or without a fault of its own.
fn power_cuts(world: &World, phases: &[&str]) {
    // The second time, when what controls the running node is kept already.
    drop(world.deploy("2.0.0").ended());
    go_back(world);
    let counted = count(world);
    go_back(world);
    for phase in phases {
        for at in spread(counted[*phase]) {
            let before = world.host(1).snapshot();
            power_cut(world, phase, at, &before);
        }
    }
}

/// To 1.0.0, from a deploy that has succeeded.
fn go_back(world: &World) {
    if world.host(1).node().is_some_and(|node| node.version == "2.0.0") {
        world.edeliver(["rollback", "production"]).succeeds();
    }
}

/// Afterwards a deploy succeeds.
fn then_succeeds(world: &World) {
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// While the host is locked and looked at, is sent the release, and is asked how it gets on.
#[test]
fn while_it_is_looked_at_and_sent_the_release() {
    let world = world();
    power_cuts(&world, &["session"]);
    then_succeeds(&world);
}

// While it switches and stops the old node.
#[test]
fn while_it_switches() {
    let world = world();
    power_cuts(&world, &["switch", "stop"]);
    then_succeeds(&world);
}

// While it starts the new node, and commits.
#[test]
fn while_it_starts() {
    let world = world();
    power_cuts(&world, &["start", "commit"]);
    then_succeeds(&world);
}

// While a deploy that has failed is undone.
#[test]
fn while_it_goes_back() {
    let world = world();
    world.host(1).behave("2.0.0 start_exits_7");
    power_cuts(&world, &["undo"]);
    world.host(1).behave_as_made();
    then_succeeds(&world);
}
