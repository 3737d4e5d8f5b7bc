//! Ctrl-c and SIGTERM, at every stage of a deploy: status 130 or 143, and every host is as before.

mod common;

use common::world::{At, World};
use fs_err as fs;
use rustix::process::Signal;

/// Three hosts on which 1.0.0 runs. 2.0.0, with another cookie, is in the store.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0")
}

/// Afterwards a deploy succeeds.
#[track_caller]
fn then_succeeds(world: &World) {
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

/// The signal comes when host 2 is at this call; the status is the signal's, and all is as before.
#[track_caller]
fn interrupted(world: &World, at: &At, signal: Signal, code: i32) {
    let before = world.snapshot();
    let trap = world.host(2).pause(at);
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    running.signal(signal);
    running.wait().exits(code).says(&["interrupted"]);
    trap.release();
    trap.was_reached();
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// Ctrl-c and SIGTERM while a host is sent the release.
#[test]
fn interrupted_while_sending() {
    let world = world();
    interrupted(&world, &At::unpack(), Signal::INT, 130);
    interrupted(&world, &At::unpack(), Signal::TERM, 143);
    then_succeeds(&world);
}

// Ctrl-c and SIGTERM in the middle of the switch.
#[test]
fn interrupted_while_switching() {
    let world = world();
    interrupted(&world, &At::put_in_place(world.host(2), 3), Signal::INT, 130);
    interrupted(&world, &At::put_aside(world.host(2), 2), Signal::TERM, 143);
    then_succeeds(&world);
}

// Ctrl-c and SIGTERM while the new node is awaited: the old one is started again.
#[test]
fn interrupted_while_starting() {
    let world = world().config("START_TIMEOUT=10");
    world.host(2).behave("2.0.0 never_answers");
    let before = world.snapshot();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = world.spawn_deploy("2.0.0");
        for host in world.all() {
            host.wait_until("started", |_| host.nodes().iter().any(|node| node.version == "2.0.0"));
        }
        running.signal(signal);
        running.wait().exits(code).says(&["interrupted", "All hosts are back as they were"]);
        world.assert_unchanged(&before);
    }
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// Ctrl-c while an old node takes its time to stop: it is not started a second time.
#[test]
fn interrupted_while_stopping() {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").config("START_TIMEOUT=10");
    world.host(2).behave("1.0.0 stop_ignored");
    let world = world.running("1.0.0");
    let host = world.host(2);
    let before = world.snapshot();
    let running = world.spawn_deploy("2.0.0");
    let journal = host.state().join("journal");
    host.wait_until("asked to stop", |_| {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("mark stopping"))
    });
    running.signal(Signal::INT);
    running.wait().exits(130).says(&["interrupted", "All hosts are back as they were"]);
    world.assert_unchanged(&before);
    host.assert_untouched(&before[1]);
    let starts = fs::read_to_string(host.root().join("var/starts")).unwrap();
    assert_eq!(starts.lines().count(), 1, "{starts}");
}
