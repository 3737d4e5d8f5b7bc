//! `--plan` through the real binary: what would be done, and that nothing is.

mod common;

use common::world::{At, World};
use fs_err as fs;

const PLAN: [&str; 7] =
    ["deploy", "release", "to", "production", "--version=2.0.0", "--start-deploy", "--plan"];

/// The table without what differs from run to run: sizes of this machine and of compressed archives.
fn table(text: &str) -> String {
    let text = regex::Regex::new(r"\d+ (B|kB|MB|GB)\b").unwrap().replace_all(text, "[size]").into_owned();
    regex::Regex::new(" {2,}").unwrap().replace_all(&text, "  ").into_owned()
}

// Two hosts that need different things. Not even a lock is taken or a directory made.
#[test]
fn of_a_deploy() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    world.host(2).unpack(&world.archive("1.0.0"));
    world.host(2).control("start");
    world.host(2).wait_for_node("1.0.0");
    let before = world.snapshot();
    let output = world.edeliver(PLAN).succeeds();
    insta::assert_snapshot!(table(&output.stdout), @r"
    host  upload  add  replace  remove  node  space needed  free
    [user]@host-1  [size]  4  -  -  started  [size]  [size]
    [user]@host-2  [size]  2  4  -  restarted  [size]  [size]

    [user]@host-1:
      add  erts-13.1
      add  lib
      add  bin
      add  releases

    [user]@host-2:
      add  lib/stand_in-2.0.0
      add  releases/2.0.0
      replace  lib/common-1.0.0/ebin/x.beam
      replace  releases/COOKIE
      replace  releases/RELEASES
      replace  releases/start_erl.data
    ");
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
        assert!(!host.deliver_to().join(".edeliver").exists());
    }
    assert!(!world.host(1).deliver_to().exists());
}

// What --clean-deploy removes.
#[test]
fn of_a_clean_deploy() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    std::fs::create_dir(world.host(1).root().join("erts-12.0")).unwrap();
    let output = world.edeliver(PLAN.into_iter().chain(["--clean-deploy", "--json"])).succeeds();
    let hosts = &output.event("plan")["hosts"];
    assert_eq!(hosts[0]["remove"], serde_json::json!(["erts-12.0"]));
    assert_eq!(hosts[0]["replace"], serde_json::json!(["erts-13.1", "lib", "releases"]));
    assert_eq!(hosts[0]["node"], "restarted");
    let archive = std::fs::metadata(world.archive("2.0.0")).unwrap().len();
    assert!((100..=archive).contains(&hosts[0]["upload_bytes"].as_u64().unwrap()), "{hosts}");
    assert_eq!(hosts[0]["problems"], serde_json::json!([]));
}

// Nothing is sent for a rollback, and a stopped node stays stopped.
#[test]
fn of_a_rollback() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.edeliver(["rollback", "production", "--plan"]).exits(1).says(&["host-1: nothing"]);
    world.deploy("2.0.0").succeeds();
    world.host(1).control("stop");
    let before = world.snapshot();
    let output = world.edeliver(["rollback", "production", "--plan"]).succeeds();
    insta::assert_snapshot!(table(&output.stdout), @r"
    host  upload  add  replace  remove  node  space needed  free
    [user]@host-1  [size]  -  4  2  stays stopped  [size]  [size]

    [user]@host-1:
      replace  lib/common-1.0.0/ebin/x.beam
      replace  releases/COOKIE
      replace  releases/RELEASES
      replace  releases/start_erl.data
      remove  lib/stand_in-2.0.0
      remove  releases/2.0.0
    ");
    world.host(1).assert_untouched(&before[0]);
}

// Nothing would change, and then the deploy changes nothing.
#[test]
fn of_the_same_version() {
    let world = World::new().hosts(1).release("2.0.0").running("2.0.0");
    let output = world.edeliver(["deploy", "release", "production", "--plan"]).succeeds();
    output.says(&["0 B", "runs on", "  nothing"]);
}

// What a deploy would be refused for is said, with its status.
#[test]
fn of_a_deploy_that_would_be_refused() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let trap = world.host(1).pause(&At::unpack());
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    world.edeliver(PLAN).exits(1).says(&["it would be refused", "host-1: a deploy is under way there"]);
    trap.release();
    running.wait().succeeds();
    trap.was_reached();
}

// --parallel says how many hosts are asked at a time.
#[test]
fn as_many_hosts_at_a_time_as_wanted() {
    let world = World::new().hosts(2).release("1.0.0");
    let log = world.home().join("asked");
    for host in world.all() {
        let note = |what: &str| format!("echo {what} >>'{log}'");
        let asked = format!("{}\nsleep 0.3\n{}\nexec /bin/uname \"$@\"", note("begin"), note("end"));
        host.put_tool("uname", &asked);
    }
    let plan = ["deploy", "release", "to", "production", "--version=1.0.0", "--plan"];
    world.edeliver(plan.into_iter().chain(["--parallel=1"])).succeeds();
    assert_eq!(fs::read_to_string(&log).unwrap(), "begin\nend\n".repeat(2));
    fs::remove_file(&log).unwrap();
    world.edeliver(plan).succeeds();
    assert!(fs::read_to_string(&log).unwrap().contains("begin\nbegin\n"), "one host after the other");
    let error = world.edeliver(plan.into_iter().chain(["--parallel=0"])).exits(2);
    assert!(error.stderr.contains("--parallel"), "{}", error.stderr);
}
