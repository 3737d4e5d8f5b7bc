//! A client or a link that goes away in the middle of a deploy: the hosts go back on their own, or
//! the client finds its way to them again.

mod common;

use std::path::PathBuf;

use common::world::{At, Fault, Host, Snapshot, World};
use rustix::process::Signal;

/// Three hosts on which 1.0.0 runs, which wait 2 seconds for a client that they do not hear of.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=2")
}

/// Every host goes back without any client.
#[track_caller]
fn go_back_on_their_own(world: &World, before: &[Snapshot]) {
    for host in world.all() {
        host.wait_until("given back", |_| !host.state().join("lock").exists());
    }
    world.assert_unchanged(before);
}

/// Afterwards a deploy succeeds, by a client that a busy machine may hold up for longer.
#[track_caller]
fn then_succeeds(world: World) {
    let world = world.config("LEASE=30");
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A client that is killed in the middle of the switch.
#[test]
fn a_client_that_is_killed_while_hosts_switch() {
    let world = world();
    let before = world.snapshot();
    let trap = world.host(2).pause(&At::put_in_place(world.host(2), 3));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    client.signal(Signal::KILL);
    client.wait().was_killed();
    go_back_on_their_own(&world, &before);
    trap.was_reached();
    then_succeeds(world);
}

// A client that is killed while the new nodes are awaited, the old ones being stopped by then.
#[test]
fn a_client_that_is_killed_while_nodes_start() {
    let world = world().config("START_TIMEOUT=10");
    let before = world.snapshot();
    world.host(2).behave("2.0.0 never_answers");
    let client = world.spawn_deploy("2.0.0");
    for host in world.all() {
        host.wait_until("started", |_| host.nodes().iter().any(|node| node.version == "2.0.0"));
    }
    client.signal(Signal::KILL);
    client.wait().was_killed();
    go_back_on_their_own(&world, &before);
    world.host(2).behave_as_made();
    then_succeeds(world);
}

// A client that sleeps for longer than the lease (a laptop whose lid is closed) finds on waking that
// the hosts have gone back, and says so.
#[test]
fn a_client_that_sleeps() {
    let world = world();
    let before = world.snapshot();
    let trap = world.host(2).pause(&At::put_in_place(world.host(2), 3));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    client.signal(Signal::STOP);
    go_back_on_their_own(&world, &before);
    client.signal(Signal::CONT);
    client.wait().exits(1).says(&["the host has gone back on its own", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(world);
}

// The client sleeps until its host has gone back, and wakes up while another one deploys: it leaves that
// one alone.
#[test]
fn a_client_that_sleeps_until_another_one_deploys() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").release("3.0.0").running("1.0.0");
    let mut world = world.config("LEASE=2");
    let before = world.snapshot();
    let host = world.host(1);
    let trap = host.pause(&At::put_in_place(host, 3));
    let sleeper = world.spawn_deploy("2.0.0");
    trap.wait();
    sleeper.signal(Signal::STOP);
    go_back_on_their_own(&world, &before);
    trap.was_reached();
    world.reconfigure("LEASE=30");
    let host = world.host(1);
    let trap = host.pause(&At::put_in_place(host, 3));
    let other = world.spawn_deploy("3.0.0");
    trap.wait();
    sleeper.signal(Signal::CONT);
    sleeper.wait().exits(1).says(&["the host has gone back on its own"]);
    trap.release();
    other.wait().succeeds();
    trap.was_reached();
    world.assert_runs("3.0.0");
    host.assert_no_leftovers();
}

// The link to one host is cut in the middle of its switch. The switch goes on there, and the host can
// be reached again at once: whatever the client makes of that, it is the same on all hosts.
#[test]
fn a_link_that_is_cut_while_a_host_switches() {
    let world = world().config("LEASE=30");
    let before = world.snapshot();
    let trap = world.host(2).pause(&At::put_in_place(world.host(2), 3));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    world.host(2).kill_connections();
    trap.release();
    client.wait().exits(1).says(&["host-2", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(world);
}

// One host is lost in the middle of its switch and comes back later: it has gone back on its own by
// then, and so have the others by the client's word.
#[test]
fn a_host_that_is_lost_while_it_switches() {
    let mut world = world();
    let before = world.snapshot();
    let trap = world.host(2).pause(&At::put_in_place(world.host(2), 3));
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    world.host_mut(2).stop();
    // Without any link it goes back, and gives its lock back.
    world.host(2).wait_until("given back", |_| !world.host(2).state().join("lock").exists());
    world.host_mut(2).start_again();
    client.wait().exits(1).says(&["host-2", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(world);
}

// An impatient user presses ctrl-c again while the hosts are put back: that goes on all the same.
#[test]
fn ctrl_c_again() {
    let world = world().config("LEASE=30");
    let before = world.snapshot();
    world.host(2).behave("2.0.0 start_exits_7");
    let undo = At::call("mv", &format!("*/undo/*' {}/'*", world.host(2).root()), 2);
    let trap = world.host(2).pause(&undo);
    let client = world.spawn_deploy("2.0.0");
    trap.wait();
    client.signal(Signal::INT);
    client.signal(Signal::TERM);
    trap.release();
    client.wait().exits(1).says(&["host-2", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
}

// Whoever reads the output leaves early (`| head -1`): the deploy goes on.
#[test]
fn a_reader_that_leaves() {
    let world = world().config("LEASE=30");
    let words = ["deploy", "release", "to", "production", "--start-deploy", "--version=2.0.0"];
    world.piped_into("head -n 2", words).succeeds();
    world.assert_runs("2.0.0");
}

// What a host keeps of the deploy's script is gone in the middle: it is sent again. What is left of it does
// nothing: the deploy goes back without it.
#[test]
fn a_script_that_a_host_does_not_keep() {
    for is_cut in [false, true] {
        let world = world().config("LEASE=30");
        let before = world.snapshot();
        let steps = world.host(2).at_step("switch", 1, Fault::Pause);
        let mut client = world.spawn_deploy("2.0.0");
        assert!(steps.wait(&mut client), "{}", client.printed());
        let kept = kept_script(world.host(2));
        if is_cut {
            let text = fs_err::read(&kept).unwrap();
            fs_err::write(&kept, &text[..text.len() / 2]).unwrap();
        } else {
            fs_err::remove_file(&kept).unwrap();
        }
        steps.release();
        if is_cut {
            client.wait().exits(1).says(&["All hosts are back as they were"]);
            drop(steps);
            world.assert_unchanged(&before);
            then_succeeds(world);
        } else {
            client.wait().succeeds();
            world.assert_runs("2.0.0");
        }
    }
}

fn kept_script(host: &Host) -> PathBuf {
    let entries = fs_err::read_dir(host.state()).unwrap().map(|entry| entry.unwrap().path());
    let is_script = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("agent-");
    let kept: Vec<_> = entries.filter(is_script).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].clone()
}
