//! ON_FAILURE through the real binary: what becomes of a deploy that fails on one of its hosts.

mod common;

use common::world::{At, World};

/// Three hosts on which 1.0.0 runs; 2.0.0 does not start on host 2.
fn world(on_failure: &str) -> World {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
    world.host(2).behave("2.0.0 start_exits_7");
    world.config(&format!("ON_FAILURE={on_failure}"))
}

// Hosts that have verified the release keep it; the other is as it was.
#[test]
fn keep_good() {
    let world = world("keep-good");
    let before = world.snapshot();
    let output = world.deploy("2.0.0").exits(1).says(&["exit status 7"]);
    // A line for each host, the one that failed first.
    let lines = output.stderr.lines().skip_while(|line| !line.contains("failed on some hosts"));
    let states: Vec<&str> = lines.skip(1).take(3).map(|line| line.rsplit('@').next().unwrap()).collect();
    assert_eq!(states, ["host-2: is as it was before", "host-1: has 2.0.0", "host-3: has 2.0.0"]);
    world.host(2).assert_unchanged(&before[1]);
    for number in [1, 3] {
        world.host(number).assert_runs("2.0.0");
        world.host(number).assert_no_leftovers();
    }
    world.edeliver(["history", "production"]).succeeds().says(&["deployed", "failed, was rolled back"]);
    // The same deploy again completes it.
    world.host(2).behave_as_made();
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// Where no host could have verified it yet, all of them go back.
#[test]
fn keep_good_when_none_is() {
    let world = world("keep-good");
    let before = world.snapshot();
    let trap = world.host(2).fail(&At::put_in_place(world.host(2), 2));
    world.deploy("2.0.0").exits(1).says(&["All hosts are back as they were"]);
    trap.was_reached();
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// Everything is left as it is for somebody to look at, longer than the lease, until `recover`.
#[test]
fn stop() {
    let world = world("stop").config("LEASE=1");
    let before = world.snapshot();
    let output = world.deploy("2.0.0").exits(3);
    output.says(&[
        "exit status 7",
        "host-2: is left as it is, and locked",
        "'edeliver recover production' puts them back",
    ]);
    world.host(1).assert_runs("2.0.0");
    let status = world.edeliver(["status", "production"]).succeeds();
    status.says(&["2.0.0 ('edeliver recover' undoes it)", ": dead"]);
    assert_eq!(world.host(2).node(), None);
    world.edeliver(["recover", "production"]).succeeds();
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// What fails before anything was changed leaves nothing to look at.
#[test]
fn stop_before_anything_was_changed() {
    let world = world("stop");
    let before = world.snapshot();
    let trap = world.host(2).trap(&At::unpack(), "echo 'tar: full' >&2; exit 2");
    world.deploy("2.0.0").exits(1).says(&["tar: full", "No host was changed."]);
    trap.was_reached();
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// A word that is none of them is refused before anything is touched.
#[test]
fn a_misspelt_choice() {
    let world = world("keepgood");
    world.deploy("2.0.0").exits(2).says(&["ON_FAILURE", "rollback, stop, keep-good"]);
    assert_eq!(world.host(1).logins(), 0);
}
