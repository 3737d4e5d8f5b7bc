//! How hosts get the new files: as soon as they are known to be fit, as long as all of them are, and in the
//! best way that each unpacks.

mod common;

use std::time::{Duration, Instant};

use common::proxy::Proxy;
use common::world::{At, Release, Running, World};

/// Size of 2.0.0, which does not compress.
const KB: usize = 24 * 1024;

/// Two hosts on which 1.0.0 runs.
fn world() -> World {
    let release = Release::of("2.0.0").size_kb(KB);
    World::new().hosts(2).release("1.0.0").release(release).running("1.0.0")
}

/// When a host is asked for its free space, while it is looked at.
fn preflight() -> At {
    At::call("df", "*", 1)
}

#[track_caller]
fn wait_until(client: &mut Running, what: &str, mut is_true: impl FnMut(&Running) -> bool) {
    let begin = Instant::now();
    while !is_true(client) {
        let goes_on = !client.has_ended() && begin.elapsed() < Duration::from_secs(60);
        assert!(goes_on, "not {what}:\n{}", client.printed());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a host is through with a phase, by the events.
fn is_through(client: &Running, phase: &str, host: &str) -> bool {
    client.printed().lines().filter_map(|line| serde_json::from_str(line).ok()).any(
        |event: serde_json::Value| {
            event["event"] == "phase"
                && event["phase"] == phase
                && event["state"] != "begins"
                && event["host"].as_str().is_some_and(|name| name.ends_with(host))
        },
    )
}

fn spawn(world: &World) -> Running {
    world.spawn(["deploy", "release", "to", "production", "--version=2.0.0", "--start-deploy", "--json"])
}

#[test]
fn a_host_that_is_slow_to_look_at_holds_up_no_upload() {
    let world = world();
    let slow = world.host(2).pause(&preflight());
    let mut client = spawn(&world);
    slow.wait();
    wait_until(&mut client, "staged", |client| is_through(client, "stage", "host-1"));
    assert!(!is_through(&client, "open", "host-2"), "{}", client.printed());
    slow.release();
    client.wait().succeeds();
    slow.was_reached();
    world.assert_runs("2.0.0");
}

#[test]
fn an_upload_is_called_off_when_another_host_turns_out_unfit() {
    let world = world();
    let before = world.snapshot();
    let proxy = Proxy::to(world.host(1).port());
    world.through(1, &proxy);
    let full = "read -r _ <\"$dir/go\"\necho 'Filesystem\n/dev/sda1 100 99 1 99% /'";
    let unfit = world.host(2).trap(&preflight(), full);
    let mut client = spawn(&world);
    unfit.wait();
    let mut sent = 0;
    wait_until(&mut client, "sent", |_| {
        sent += proxy.sent();
        sent > 1024 * 1024
    });
    proxy.fall_silent();
    unfit.release();
    wait_until(&mut client, "unfit", |client| is_through(client, "open", "host-2"));
    proxy.speak();
    let output = client.wait().exits(1);
    unfit.was_reached();
    let error = output.event("result")["error"].to_string();
    assert!(error.contains("not enough space") && !error.contains("host-1"), "{error}");
    sent += proxy.sent();
    assert!(sent < KB as u64 * 1024 / 2, "{sent} bytes were sent");
    world.assert_unchanged(&before);
}

#[test]
fn each_host_gets_what_it_unpacks_best() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    world.host(2).lacks(&["zstd"]);
    let tools = [("zstd", 1), ("gzip", 2)];
    for (version, whole) in [("2.0.0", false), ("1.0.0", true)] {
        let traps = tools.map(|(tool, host)| world.host(host).afterwards(&At::call(tool, "*", 1), ""));
        if whole {
            // Nothing of it is there, so that the archive goes as a whole.
            world.edeliver(["stop", "production"]).succeeds();
            world.all().iter().for_each(|host| fs_err::remove_dir_all(host.root()).unwrap());
        }
        world.deploy(version).succeeds();
        traps.into_iter().for_each(|trap| trap.was_reached());
        world.assert_runs(version);
    }
}

#[test]
fn what_has_arrived_is_added_up_while_the_rest_is_on_its_way() {
    let release = Release::of("2.0.0").common_kb(KB);
    let world = World::new().hosts(1).release("1.0.0").release(release).running("1.0.0");
    let host = world.host(1);
    let proxy = Proxy::to(host.port());
    world.through(1, &proxy);
    // Nothing of it is read a second time.
    let again = host.afterwards(&At::call("sha256sum", "*/check/sums", 1), "");
    let mut client = spawn(&world);
    let mut sent = 0;
    wait_until(&mut client, "sent", |_| {
        sent += proxy.sent();
        sent > KB as u64 * 1024 / 2
    });
    proxy.fall_silent();
    let summed = |_: &Running| {
        let stages = fs_err::read_dir(host.state().join("staging")).unwrap();
        let files = stages.map(|stage| stage.unwrap().path().join("arrived"));
        files.filter_map(|file| std::fs::read_to_string(file).ok()).any(|sums| sums.contains("common_0.beam"))
    };
    wait_until(&mut client, "added up", summed);
    proxy.speak();
    client.wait().succeeds();
    assert!(!again.is_reached());
    world.assert_runs("2.0.0");
}

#[test]
fn a_host_that_cannot_compare_is_sent_all() {
    let release = |version| Release::of(version).common_kb(1024).size_kb(16);
    let world = World::new().hosts(1).release(release("1.0.0")).release(release("2.0.0")).running("1.0.0");
    let proxy = Proxy::to(world.host(1).port());
    world.through(1, &proxy);
    let trap = world.host(1).fail(&At::call("sha256sum", "*/survey/sums", 1));
    let output = world.deploy("2.0.0").succeeds();
    trap.was_reached();
    output.says(&["it cannot compare what it has, so it is sent all: the checksum of an entry is missing"]);
    assert!(proxy.sent() > 1024 * 1024);
    world.assert_runs("2.0.0");
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("1.0.0");
    // What is the same is sent once.
    proxy.sent();
    world.deploy("2.0.0").succeeds();
    assert!(proxy.sent() < 512 * 1024);
}

#[test]
fn what_is_damaged_on_the_way_is_not_deployed() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.snapshot();
    for damage in ["head -c 200 | \"$real\" \"$@\"", "\"$real\" \"$@\" | tr x y"] {
        let trap = world.host(2).trap(&At::call("zstd", "*", 1), damage);
        world.deploy("2.0.0").exits(1).says(&["host-2"]);
        trap.was_reached();
        world.assert_unchanged(&before);
    }
}
