//! `status`, `history` and `recover` through the real binary: what is on the hosts, who did it, and
//! putting right what a dead deployer has left.

mod common;

use common::world::{At, World};
use fs_err as fs;
use rustix::process::Signal;

/// Two hosts on which 1.0.0 runs. Hosts wait long for a deployer that they do not hear of.
fn world() -> World {
    World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=60")
}

/// The table without what differs from run to run: the width of its columns, and the user.
fn table(text: &str) -> String {
    let user = format!("{} on ", common::sshd::user());
    regex::Regex::new(" {2,}").unwrap().replace_all(text, "  ").replace(&user, "[user] on ")
}

/// A deploy of 2.0.0 whose deployer is killed when host 1 is at that call.
fn killed_deploy(world: &World, at: &At) {
    let trap = world.host(1).pause(at);
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    running.signal(Signal::KILL);
    running.wait().was_killed();
    trap.release();
    trap.was_reached();
}

// Nothing was deployed yet: that is said, and nothing is made on the hosts.
#[test]
fn nothing_deployed_yet() {
    let world = World::new().hosts(1).release("1.0.0");
    let output = world.edeliver(["status", "production"]).succeeds();
    insta::assert_snapshot!(table(&output.stdout), @r"
    host  on disk  running  unfinished  lock  rollback to
    [user]@host-1  -  stopped  -  -  -
    ");
    world.edeliver(["history", "production"]).succeeds().says(&["Nothing was deployed yet."]);
    world.edeliver(["recover", "production"]).succeeds().says(&["host-1: nothing to do"]);
    assert!(!world.host(1).deliver_to().exists());
}

// A line for each host: what boots next, what runs, and what a rollback would bring back.
#[test]
fn a_line_for_each_host() {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
    world.edeliver(["deploy", "release", "to", "production", "--version=2.0.0"]).succeeds();
    world.edeliver(["stop", "production", &format!("--host={}@host-1", common::sshd::user())]).succeeds();
    world.edeliver(["restart", "production", &format!("--host={}@host-2", common::sshd::user())]).succeeds();
    let before = world.snapshot();
    let output = world.edeliver(["status", "production"]).succeeds();
    insta::assert_snapshot!(table(&output.stdout), @r"
    host  on disk  running  unfinished  lock  rollback to
    [user]@host-1  2.0.0  stopped  -  -  1.0.0
    [user]@host-2  2.0.0  2.0.0  -  -  1.0.0
    [user]@host-3  2.0.0  1.0.0  -  -  1.0.0

    Last deploys:
    when  version  revision  ended  hosts  by  why
    [time]  2.0.0  -  deployed  [user]@host-1 [user]@host-2 [user]@host-3  [user] on [machine]  -
    ");
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// A node that is there but does not answer is neither running nor stopped.
#[test]
fn a_node_that_does_not_answer() {
    let world = World::new().hosts(1).release("1.0.0");
    world.host(1).unpack(&world.archive("1.0.0"));
    world.host(1).behave("1.0.0 never_answers");
    world.host(1).control("start");
    world.host(1).wait_until("there", |_| world.host(1).node().is_some());
    world.edeliver(["status", "production"]).succeeds().says(&["does not answer (process [pid])"]);
}

// The same for programs; a host that cannot be asked is named, and the others are told all the same.
#[test]
fn as_json() {
    let mut world = world();
    world.deploy("2.0.0").succeeds();
    world.host_mut(2).stop();
    let output = world.edeliver(["status", "production", "--json"]).exits(1).says(&["host-2"]);
    let hosts = &output.event("status")["hosts"];
    assert_eq!(hosts[0]["disk"], "2.0.0");
    assert_eq!(hosts[0]["node"]["state"], "running");
    assert_eq!(hosts[0]["node"]["version"], "2.0.0");
    assert_eq!(hosts[0]["previous"], "1.0.0");
    assert_eq!(hosts[0]["lock"], serde_json::Value::Null);
    assert_eq!(hosts[0]["history"][0]["result"], "deployed");
    assert!(hosts[1]["error"].as_str().unwrap().contains("host-2"));
    let output = world.edeliver(["history", "production", "--json"]).exits(1);
    let hosts = &output.event("history")["hosts"];
    assert_eq!(hosts[0]["history"][0]["version"], "2.0.0");
    world.edeliver(["status", "production"]).exits(1).says(&["host-1", "2.0.0", "Error:"]);
}

// Deploys that were rolled back stand in the history with the reason, on every host.
#[test]
fn history_of_good_and_bad_deploys() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    world.host(2).behave("2.0.0 start_exits_7");
    world.deploy("2.0.0").exits(1);
    world.host(2).behave_as_made();
    world.deploy("2.0.0").succeeds();
    let output = world.edeliver(["history", "production"]).succeeds();
    insta::assert_snapshot!(table(&output.stdout), @r"
    when  version  revision  ended  hosts  by  why
    [time]  2.0.0  -  deployed  [user]@host-1 [user]@host-2  [user] on [machine]  -
    [time]  2.0.0  -  failed, was rolled back  [user]@host-1 [user]@host-2  [user] on [machine]  [user]@host-2: starting and verifying the new release: cd [home of host-2]/app/stand_in && bin/stand_in start ended with exit status 7
    ");
}

// The store knows which commit an archive was built from: so does the history, and a rollback keeps none.
#[test]
fn history_with_the_revision() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.edeliver(["deploy", "release", "production", "--version=2.0.0", "--plan"]).succeeds();
    // As a build would have written it.
    let sidecar = world.archive("2.0.0").with_file_name(".stand_in_2.0.0.release.tar.gz.manifest.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&sidecar).unwrap()).unwrap();
    kept["revision"] = "0123456789abcdef0123456789abcdef01234567".into();
    fs::write(&sidecar, kept.to_string()).unwrap();
    world.deploy("2.0.0").succeeds();
    world.edeliver(["history", "production"]).succeeds().says(&["2.0.0    0123456   deployed"]);
    let words = ["history", "production", "--json"];
    world.edeliver(words).succeeds().says(&[r#""revision":"0123456789abcdef0123456789abcdef01234567""#]);
}

// A deployer that is killed in the middle of the switch: its lock is seen to be dead, `recover` puts
// every host back, and says so once.
#[test]
fn recover_undoes_what_a_dead_deployer_left() {
    let world = world();
    let before = world.snapshot();
    killed_deploy(&world, &At::put_in_place(world.host(1), 2));
    let status = world.edeliver(["status", "production"]).succeeds();
    let status = status.says(&["2.0.0 (the host undoes it by itself)", ": dead"]);
    assert!(!status.stdout.contains("alive"), "{}", status.shown());
    let output = world.edeliver(["recover", "production"]).succeeds();
    output.says(&["host-1: undid the unfinished deploy [id]", "host-2: "]);
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
    world
        .edeliver(["history", "production"])
        .succeeds()
        .says(&["failed, was rolled back", "the deployer was lost, and the host went back"]);
    world
        .edeliver(["recover", "production"])
        .succeeds()
        .says(&["host-1: nothing to do", "host-2: nothing to do"]);
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A deployer that is killed while it sends has changed nothing: its lock and what it sent go.
#[test]
fn recover_clears_away_what_was_sent() {
    let world = world();
    let before = world.snapshot();
    killed_deploy(&world, &At::unpack());
    world.edeliver(["recover", "production"]).succeeds().says(&["gave back the lock of a dead deployer"]);
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// Whoever is still alive is left alone.
#[test]
fn recover_refuses_the_living() {
    let world = world();
    let trap = world.host(1).pause(&At::put_in_place(world.host(1), 2));
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    world.edeliver(["status", "production"]).succeeds().says(&[": alive"]);
    world
        .edeliver(["recover", "production"])
        .exits(1)
        .says(&["host-1: a deploy is under way there, started by"]);
    world
        .edeliver(["recover", "production", "--force-unlock"])
        .exits(1)
        .says(&["host-1: a deploy is under way"]);
    trap.release();
    running.wait().succeeds();
    trap.was_reached();
    world.assert_runs("2.0.0");
}

// What cannot be undone is told with status 3, and undone when the cause is gone.
#[test]
fn recover_that_fails() {
    let world = world();
    let before = world.snapshot();
    killed_deploy(&world, &At::put_in_place(world.host(1), 2));
    // The switch goes on without its deployer.
    let journal = world.host(1).state().join("journal");
    let switched = || fs::read_to_string(&journal).unwrap().contains("mark switched");
    world.host(1).wait_until("switched", |_| switched());
    let trap = world.host(1).fail(&At::call("mv", "*/tree/*", 1));
    let output = world.edeliver(["recover", "production"]).exits(3);
    output.says(&["host-1", "Input/output error", "'edeliver recover' undoes what is unfinished"]);
    trap.was_reached();
    assert!(journal.exists());
    world.edeliver(["recover", "production"]).succeeds().says(&["host-1: undid the unfinished deploy"]);
    world.assert_unchanged(&before);
}
