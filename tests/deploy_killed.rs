//! Who takes part in a deploy is killed in each of its phases: the client, the process that is at work
//! on a host, the guard there, several of them at once.

mod common;

use common::world::{At, Fault, Snapshot, World};
use rustix::process::Signal;

/// How a deploy ends in which somebody was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As if nothing had happened.
    Good,
    /// It fails with this status, and every host is as before.
    Back(i32),
    /// Nobody is left to say anything. Every host is as before once its lease has run out.
    BackAlone,
    /// Nobody is left to say anything, and nothing runs: `recover` puts the hosts back.
    BackByRecover,
    /// The client is killed while it commits: each host has one of the two releases, whole.
    Either,
}

/// Three hosts on which 1.0.0 runs, which wait 2 seconds for a client that they do not hear of.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=2\nSTABLE_FOR=0.2")
}

/// Nobody is at work on any host any more.
fn wait_until_idle(world: &World) {
    for host in world.all() {
        host.wait_until("given back", |_| !host.state().join("lock").exists());
    }
}

/// What a phase is cut short by on host 2, at this call of the phase, and how that ends.
fn check(world: &World, phase: &str, call: usize, fault: Fault, end: End) {
    let before = world.snapshot();
    let steps = world.host(2).at_step(phase, call, fault);
    let mut client = world.spawn_deploy("2.0.0");
    steps.client(&client);
    steps.wait(&mut client);
    let (code, output) = client.wait().ended();
    println!("{phase} {call} {fault:?}: {:?}\n{}", steps.reached(), output.shown());
    assert!(steps.reached().is_some(), "{phase} {call} {fault:?}: it did not take place");
    drop(steps);
    match end {
        End::Good => {
            assert_eq!(code, Some(0));
            world.assert_runs("2.0.0");
            world.edeliver(["rollback", "production"]).succeeds();
        }
        End::Back(status) => {
            assert_eq!(code, Some(status));
            world.assert_unchanged(&before);
        }
        End::BackAlone => {
            assert_eq!(code, None);
            wait_until_idle(world);
            world.assert_unchanged(&before);
        }
        End::BackByRecover => {
            assert_eq!(code, None);
            world.edeliver(["recover", "production"]).succeeds();
            world.assert_unchanged(&before);
        }
        End::Either => {
            assert_eq!(code, None);
            either(world, &before);
        }
    }
}

/// Each host has the new release and runs it, or is as before; the same deploy again completes it.
fn either(world: &World, before: &[Snapshot]) {
    world.edeliver(["recover", "production"]).succeeds();
    for (host, before) in world.all().iter().zip(before) {
        match host.node() {
            Some(node) if node.version == "2.0.0" => host.assert_runs("2.0.0"),
            _ => host.assert_unchanged(before),
        }
        host.assert_no_leftovers();
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    world.deploy("1.0.0").succeeds();
}

/// Afterwards a deploy succeeds, by a client that a busy machine may hold up for longer.
fn then_succeeds(world: World) {
    let world = world.config("LEASE=30");
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

#[test]
fn the_client() {
    let world = world();
    check(&world, "session", 48, Fault::KillClient, End::BackByRecover);
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 6), ("start", 20)] {
        check(&world, phase, call, Fault::KillClient, End::BackAlone);
    }
    check(&world, "commit", 4, Fault::KillClient, End::Either);
    then_succeeds(world);
}

#[test]
fn the_process_that_is_at_work() {
    let world = world().config("LEASE=30");
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 6), ("start", 20)] {
        check(&world, phase, call, Fault::KillPhase, End::Back(1));
    }
    for call in [4, 5, 6] {
        check(&world, "commit", call, Fault::KillPhase, End::Good);
    }
    then_succeeds(world);
}

// The next phase finds that the guard is gone and starts another one.
#[test]
fn the_guard() {
    let world = world().config("LEASE=30");
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 6), ("commit", 4)] {
        check(&world, phase, call, Fault::KillGuard, End::Good);
    }
    then_succeeds(world);
}

#[test]
fn all_that_runs_on_a_host() {
    let world = world().config("LEASE=30");
    check(&world, "session", 48, Fault::KillHost, End::Back(1));
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 6), ("start", 20)] {
        check(&world, phase, call, Fault::KillHost, End::Back(1));
    }
    check(&world, "commit", 4, Fault::KillHost, End::Good);
    for (phase, call) in [("switch", 18), ("start", 6)] {
        check(&world, phase, call, Fault::KillPhaseAndGuard, End::Back(1));
    }
    then_succeeds(world);
}

// The client and what is at work for it, at once: the guard goes back. Without it, `recover` does.
#[test]
fn the_client_and_the_host() {
    let world = world();
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 20)] {
        check(&world, phase, call, Fault::KillPhaseAndClient, End::BackAlone);
    }
    for (phase, call) in [("switch", 18), ("stop", 6), ("start", 20)] {
        check(&world, phase, call, Fault::KillHostAndClient, End::BackByRecover);
    }
    check(&world, "commit", 4, Fault::KillHostAndClient, End::Either);
    then_succeeds(world);
}

// While the hosts are put back after another failure.
#[test]
fn while_the_hosts_are_put_back() {
    let world = world();
    world.host(1).behave("2.0.0 start_exits_7");
    check(&world, "undo", 12, Fault::KillClient, End::BackAlone);
    check(&world, "undo", 12, Fault::KillPhaseAndClient, End::BackAlone);
    check(&world, "undo", 12, Fault::KillHostAndClient, End::BackByRecover);
    let world = world.config("LEASE=30");
    for fault in [Fault::KillPhase, Fault::KillHost, Fault::KillGuard] {
        check(&world, "undo", 12, fault, End::Back(1));
    }
    world.host(1).behave_as_made();
    then_succeeds(world);
}

// What a killed phase has started does not go on once the host is put back.
#[test]
fn nothing_goes_on_behind_a_killed_phase() {
    let world = world().config("LEASE=30");
    let host = world.host(2);
    let before = world.snapshot();
    let trap = host.pause(&At::call("mkdir", "*/undo/*/tree/*", 1));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    let phase = fs_err::read_to_string(host.state().join("phase")).unwrap();
    let pid = rustix::process::Pid::from_raw(phase.split(' ').next().unwrap().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    client.wait().exits(1).says(&["host-2", "it ended early", "All hosts are back as they were"]);
    trap.release();
    let agent = host.state().join("agent").to_string();
    host.wait_until("idle", |host| !host.process_list().iter().any(|line| line.contains(&agent)));
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(world);
}

// A phase that was held up before it could say that it is at work finds its deploy gone.
#[test]
fn a_phase_that_is_held_up() {
    let world = world().config("LEASE=30");
    let host = world.host(2);
    let before = world.snapshot();
    let steps = host.at_step("switch", 1, Fault::Pause);
    let mut client = world.spawn_deploy("2.0.0");
    assert!(steps.wait(&mut client), "{}", client.printed());
    let at_work = fs_err::read_to_string(host.state().join("phase")).unwrap();
    assert!(!at_work.contains("switch"), "it is at work already");
    client.signal(Signal::KILL);
    drop(client.wait());
    world.edeliver(["recover", "production"]).succeeds();
    steps.release();
    let agent = host.state().join("agent").to_string();
    host.wait_until("idle", |host| !host.process_list().iter().any(|line| line.contains(&agent)));
    world.assert_unchanged(&before);
    drop(steps);
    then_succeeds(world);
}

// A start script that has not started its node yet when the deploy is interrupted never does.
#[test]
fn a_start_script_that_is_interrupted() {
    let world = world().config("LEASE=30\nSTART_TIMEOUT=20");
    world.host(2).behave("2.0.0 slow_launch 7");
    let before = world.snapshot();
    let client = world.spawn_deploy("2.0.0");
    let script = |line: &String| line.ends_with("bin/stand_in start");
    world.host(2).wait_until("starting", |host| host.process_list().iter().any(script));
    client.signal(Signal::INT);
    client.wait().exits(130).says(&["All hosts are back as they were"]);
    assert!(!world.host(2).process_list().iter().any(script), "the start script goes on");
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    then_succeeds(world);
}

// After a power cut the system starts the node, from the files of either release: it is replaced.
#[test]
fn a_node_that_is_started_before_the_recovery() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=30");
    let host = world.host(1);
    let before = world.snapshot();
    let steps = host.at_step("start", 1, Fault::KillHostAndClient);
    let mut client = world.spawn_deploy("2.0.0");
    steps.client(&client);
    assert!(steps.wait(&mut client), "{}", client.printed());
    client.wait().was_killed();
    drop(steps);
    assert_eq!(host.node(), None, "the old node has been stopped");
    host.control("start");
    host.wait_for_node("2.0.0");
    world.edeliver(["recover", "production"]).succeeds().says(&["undid the unfinished deploy"]);
    world.assert_unchanged(&before);
}

// A power cut takes the node with it, old or new: `recover` has the old one run again.
#[test]
fn the_power_of_a_host_with_its_node() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=30");
    let host = world.host(1);
    for (phase, call) in [("switch", 28), ("stop", 6), ("start", 20)] {
        let before = world.snapshot();
        let steps = host.at_step(phase, call, Fault::KillHostAndClient);
        let mut client = world.spawn_deploy("2.0.0");
        steps.client(&client);
        assert!(steps.wait(&mut client), "{phase} {call}: {}", client.printed());
        client.wait().was_killed();
        drop(steps);
        if host.node().is_some() {
            host.signal_node(Signal::KILL);
        }
        host.wait_until("dead", |_| host.nodes().is_empty());
        world.edeliver(["recover", "production"]).succeeds().says(&["undid the unfinished deploy"]);
        world.assert_unchanged(&before);
        world.assert_runs("1.0.0");
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}
