//! Links that are cut, fall silent or hang, and hosts that go away, in each phase of a deploy.

mod common;

use common::proxy::Proxy;
use common::world::{At, Fault, Outcome, Snapshot, World};

/// Three hosts on which 1.0.0 runs, which wait 3 seconds for a client that they do not hear of.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=3\nSTABLE_FOR=0.2")
}

/// A deploy in which `cut` takes place while host 2 is at this call of this phase, and then `mend`.
fn with_cut(
    world: &mut World,
    (phase, call): (&str, usize),
    cut: impl FnOnce(&mut World),
    mend: impl FnOnce(&mut World),
) -> Outcome {
    let steps = world.host(2).at_step(phase, call, Fault::Pause);
    let mut client = world.spawn_deploy("2.0.0");
    assert!(steps.wait(&mut client), "{phase} {call}: {}", client.printed());
    println!("{phase} {call}: {:?}", steps.reached());
    cut(world);
    steps.release();
    mend(world);
    let outcome = client.wait();
    drop(steps);
    outcome
}

/// Host 2 has gone back on its own.
fn wait_until_gone_back(world: &World) {
    world.host(2).wait_until("gone back", |_| !world.host(2).state().join("lock").exists());
}

/// Every host is as before, by the client's word too.
#[track_caller]
fn is_back(world: &World, outcome: Outcome, before: &[Snapshot]) {
    let output = outcome.exits(1).says(&["host-2"]);
    println!("{}", output.stderr);
    world.assert_unchanged(before);
}

/// Afterwards a deploy succeeds, by a client that a busy machine may hold up for longer.
fn then_succeeds(world: World) {
    let world = world.config("LEASE=30");
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

/// In the middle of staging, of the switch, of the stop, of the start, and of the verification.
const MOMENTS: [(&str, usize); 5] =
    [("session", 48), ("switch", 18), ("stop", 6), ("start", 6), ("start", 20)];

// The wire falls silent for longer than the lease, and nobody is told; then it passes everything again.
#[test]
fn a_wire_that_falls_silent() {
    let mut world = world();
    let proxy = Proxy::to(world.host(2).port());
    world.through(2, &proxy);
    for moment in &MOMENTS[1..] {
        let before = world.snapshot();
        let outcome = with_cut(
            &mut world,
            *moment,
            |_| proxy.fall_silent(),
            |world| {
                wait_until_gone_back(world);
                proxy.speak();
            },
        );
        is_back(&world, outcome, &before);
    }
    then_succeeds(world);
}

// All hosts have verified, but the last one's word for it arrives only once that host has gone back: no
// host commits.
#[test]
fn a_word_that_is_long_on_its_way() {
    let world = world();
    let proxy = Proxy::to(world.host(2).port());
    world.through(2, &proxy);
    let before = world.snapshot();
    // What the phases have said: of the switch, of the start.
    let trap = world.host(2).pause(&At::call("cat", "*/output", 2));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    proxy.fall_silent();
    trap.release();
    wait_until_gone_back(&world);
    proxy.speak();
    let outcome = client.wait();
    trap.was_reached();
    is_back(&world, outcome, &before);
    then_succeeds(world);
}

// The connection is cut, and a new one can be made at once. The phase goes on without it.
#[test]
fn a_wire_that_is_cut() {
    let mut world = world().config("LEASE=30");
    let proxy = Proxy::to(world.host(2).port());
    world.through(2, &proxy);
    for moment in MOMENTS {
        let before = world.snapshot();
        let outcome = with_cut(&mut world, moment, |_| proxy.cut(), |_| {});
        is_back(&world, outcome, &before);
    }
    then_succeeds(world);
}

// sshd is stopped by SIGSTOP: the host neither answers nor dies.
#[test]
fn a_host_that_hangs() {
    let mut world = world();
    for moment in MOMENTS {
        let before = world.snapshot();
        let outcome = with_cut(&mut world, moment, |world| world.host(2).freeze(), |_| {});
        world.host(2).thaw();
        // While it was sent the release only its lock and what has arrived may be left.
        world.edeliver(["recover", "production"]).succeeds();
        is_back(&world, outcome, &before);
    }
    then_succeeds(world);
}

// sshd is restarted: connections break, and the next one finds the host as it is.
#[test]
fn an_sshd_that_is_restarted() {
    let mut world = world().config("LEASE=30");
    for moment in MOMENTS {
        let before = world.snapshot();
        let restart = |world: &mut World| {
            world.host_mut(2).stop();
            world.host_mut(2).start_again();
        };
        let outcome = with_cut(&mut world, moment, restart, |_| {});
        is_back(&world, outcome, &before);
    }
    then_succeeds(world);
}

// A host goes down and stays away until the client has ended: its state is unknown, and that is said.
// It goes back on its own; `recover` finds nothing left to do, or clears away what was left.
#[test]
fn a_host_that_is_lost() {
    let mut world = world();
    for moment in [MOMENTS[1], MOMENTS[4]] {
        let before = world.snapshot();
        let outcome = with_cut(&mut world, moment, |world| world.host_mut(2).stop(), |_| {});
        let output = outcome.exits(3).says(&["host-2", "not all hosts could be put back as they were"]);
        println!("{}", output.stderr);
        wait_until_gone_back(&world);
        world.assert_unchanged(&before);
        world.host_mut(2).start_again();
        world.edeliver(["recover", "production"]).succeeds();
        world.assert_unchanged(&before);
    }
    then_succeeds(world);
}
