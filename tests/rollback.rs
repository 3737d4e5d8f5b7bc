//! `rollback` through the real binary: back to what the last deploy has replaced, on all hosts or none.

mod common;

use common::world::{At, Host, Release, Snapshot, World};
use fs_err as fs;
use rustix::process::Signal;

const ROLLBACK: [&str; 4] = ["rollback", "release", "to", "production"];

/// Two hosts on which 1.0.0 ran as the original has deployed it, and then 2.0.0 was deployed.
fn world() -> World {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    world.deploy("2.0.0").succeeds();
    world
}

/// The release's files on each host, without what the application writes.
fn trees(world: &World) -> Vec<std::collections::BTreeMap<String, String>> {
    world.all().iter().map(|host| Snapshot::tree(&host.root())).collect()
}

/// A rollback fails with this status and these words, every host is as before, and what can be gone
/// back to is still there.
#[track_caller]
fn fails(world: &World, status: i32, words: &[&str]) {
    let before = world.snapshot();
    world.edeliver(ROLLBACK).exits(status).says(words);
    world.assert_unchanged(&before);
}

// The files are what they were before the deploy, byte for byte, and 1.0.0 runs. Nothing is sent. The
// rollback can be rolled back in its turn.
#[test]
fn there_and_back_again() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let first = trees(&world);
    world.deploy("2.0.0").succeeds();
    let second = trees(&world);
    fs::remove_dir_all(world.project().join(".deliver/releases")).unwrap();
    let output = world.edeliver(ROLLBACK).succeeds();
    insta::assert_snapshot!(output.stdout, @r"

    ROLLING BACK STAND_IN APP ON PRODUCTION HOSTS

    -----> Authorizing hosts
    -----> Putting release 1.0.0 back into ~/app
    -----> Restarting nodes that run

    ROLLED BACK ON PRODUCTION!
    ");
    world.assert_runs("1.0.0");
    assert_eq!(trees(&world), first);
    world.edeliver(["status", "production", "--json"]).succeeds().says(&[r#""previous":"2.0.0""#]);
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("2.0.0");
    assert_eq!(trees(&world), second);
    world.edeliver(["history", "production"]).succeeds().says(&["went back to it", "deployed"]);
}

// A clean deploy has put the old release aside as a whole: it comes back as a whole.
#[test]
fn after_a_clean_deploy() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    let first = trees(&world);
    let words =
        ["deploy", "release", "to", "production", "--version=2.0.0", "--start-deploy", "--clean-deploy"];
    world.edeliver(words).succeeds();
    world.edeliver(ROLLBACK).succeeds();
    world.assert_runs("1.0.0");
    assert_eq!(trees(&world), first);
    let data = fs::read_to_string(world.host(1).root().join("var/data")).unwrap();
    assert!(data.contains("written by 2.0.0\n"), "the application's data stays: {data}");
}

// A deploy without a restart: the files go back; the node, which never ran 2.0.0, is restarted.
#[test]
fn a_deploy_that_was_not_started() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.edeliver(["deploy", "release", "to", "production", "--version=2.0.0"]).succeeds();
    world.edeliver(ROLLBACK).succeeds();
    world.assert_runs("1.0.0");
}

// A node that does not run is not started, unless that is asked for.
#[test]
fn a_stopped_node_stays_stopped() {
    let world = world();
    world.host(1).control("stop");
    world.edeliver(ROLLBACK).succeeds();
    assert_eq!(world.host(1).node(), None);
    world.host(2).assert_runs("1.0.0");
    world.edeliver(["rollback", "production", "--start-deploy"]).succeeds();
    world.assert_runs("2.0.0");
}

// There is nothing to go back to, or not the same everywhere: each host is named with what it has.
#[test]
fn nothing_to_go_back_to() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").release("3.0.0");
    fails(&world, 1, &["host-1: nothing", "host-2: nothing"]);
    world.deploy("1.0.0").succeeds();
    fails(&world, 1, &["host-1: nothing", "host-2: nothing", "--version=V"]);
    world.deploy("2.0.0").succeeds();
    let only = format!("--host={}@host-1", common::sshd::user());
    world.edeliver(["deploy", "release", "production", "--version=3.0.0", &only]).succeeds();
    fails(&world, 1, &["host-1: 2.0.0", "host-2: 1.0.0"]);
    // One host alone can.
    world.edeliver(["rollback", "production", &only]).succeeds();
    world.host(1).assert_runs("2.0.0");
}

// A version that the hosts keep, one that only the store has, and one that nobody has.
#[test]
fn to_a_version() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").release("3.0.0").running("1.0.0");
    world.deploy("2.0.0").succeeds();
    world.deploy("3.0.0").succeeds();
    let output = world.edeliver(["rollback", "production", "--version=0.9.0"]).exits(1);
    output.says(&["host-1 keeps 2.0.0", "the store has 1.0.0, 2.0.0, 3.0.0"]);
    let output = world.edeliver(["rollback", "production", "--version=1.0.0"]).succeeds();
    output.says(&["Uploading archive of release 1.0.0"]);
    world.assert_runs("1.0.0");
    world
        .edeliver(["rollback", "production", "--version=3.0.0"])
        .succeeds()
        .says(&["Putting release 3.0.0 back"]);
    world.assert_runs("3.0.0");
}

// The old release does not come up on one host: all of them run the new one again, and nothing of
// what can be gone back to is lost.
#[test]
fn a_rollback_whose_start_fails() {
    let world = world();
    world.host(2).behave("1.0.0 start_exits_7");
    fails(&world, 1, &["host-2", "exit status 7", "All hosts are back as they were before."]);
    world.host(2).behave_as_made();
    world.edeliver(ROLLBACK).succeeds();
    world.assert_runs("1.0.0");
}

// The n-th rename fails, for every n that the switch has: likewise.
#[test]
fn a_rollback_whose_switch_fails() {
    let world = world();
    let aside = |host: &Host, call| At::call("mv", &format!("'-- {}/'*/undo/*", host.root()), call);
    let in_place = |host: &Host, call| At::call("mv", &format!("*/undo/*' {}/'*", host.root()), call);
    for call in 1..=5 {
        println!("rename {call} out of its place");
        let trap = world.host(2).fail(&aside(world.host(2), call));
        fails(&world, 1, &["host-2", "Input/output error"]);
        trap.was_reached();
    }
    for call in 1..=4 {
        println!("rename {call} into its place");
        let trap = world.host(2).fail(&in_place(world.host(2), call));
        fails(&world, 1, &["host-2", "Input/output error"]);
        trap.was_reached();
    }
    world.edeliver(ROLLBACK).succeeds();
    world.assert_runs("1.0.0");
}

// The deployer is killed in the middle of a rollback: it is undone, and can be done again.
#[test]
fn a_rollback_that_is_killed() {
    let world = world();
    let before = world.snapshot();
    let at = At::call("mv", &format!("*/undo/*' {}/'*", world.host(1).root()), 2);
    let trap = world.host(1).pause(&at);
    let running = world.spawn(ROLLBACK);
    trap.wait();
    running.signal(Signal::KILL);
    running.wait().was_killed();
    trap.release();
    world.edeliver(["recover", "production"]).succeeds();
    trap.was_reached();
    world.assert_unchanged(&before);
    world.edeliver(ROLLBACK).succeeds();
    world.assert_runs("1.0.0");
}

// What was kept is not whole any more: that is found out before anything is touched.
#[test]
fn what_is_kept_is_damaged() {
    let world = world();
    let undo = world.host(2).state().join("undo");
    let kept = fs::read_dir(&undo).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(kept.join("tree/lib/common-1.0.0/ebin/x.beam")).unwrap();
    fails(&world, 1, &["host-2", "1 parts of 1.0.0 that were kept are gone", "No host was changed."]);
}

// The files were changed by other means since the last deploy: nothing is mixed up.
#[test]
fn somebody_else_has_deployed_since() {
    let world = world();
    world.store(Release::of("3.0.0"));
    world.host(1).unpack(&world.archive("3.0.0"));
    fails(&world, 1, &["host-1", "it has 3.0.0 now, not 2.0.0 of its last deploy"]);
}

// A lock of a deployer on another machine, which may be alive: refused, unless it is said that it is gone.
#[test]
fn a_lock_from_another_machine() {
    let world = world();
    let lock = world.host(1).state().join("lock");
    let trap = world.host(1).pause(&At::unpack());
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    let owner = fs::read_to_string(lock.join("owner")).unwrap();
    running.signal(Signal::TERM);
    running.wait().exits(143);
    trap.was_reached();
    let mut owner: serde_json::Value = serde_json::from_str(&owner).unwrap();
    owner["machine"] = "another-machine".into();
    fs::create_dir(&lock).unwrap();
    fs::write(lock.join("owner"), owner.to_string()).unwrap();
    world.edeliver(ROLLBACK).exits(1).says(&["on another-machine", "--force-unlock takes its lock"]);
    world.deploy("2.0.0").exits(1).says(&["on another-machine", "--force-unlock takes its lock"]);
    world.edeliver(["recover", "production"]).exits(1).says(&["on another-machine"]);
    let words = ["rollback", "production", "--force-unlock"];
    world.edeliver(words).succeeds().says(&["host-1: taking the lock of", "on another-machine"]);
    world.assert_runs("1.0.0");
    // A lock whose maker died before it could write its name into it.
    fs::create_dir(&lock).unwrap();
    world.deploy("2.0.0").exits(1).says(&["an unknown owner", "--force-unlock"]);
    let words = ["deploy", "release", "production", "--version=2.0.0", "--start-deploy", "--force-unlock"];
    world.edeliver(words).succeeds().says(&["taking the lock of an unknown owner"]);
    world.assert_runs("2.0.0");
}
