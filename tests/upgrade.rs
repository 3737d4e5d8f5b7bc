//! Hot upgrades of a real Erlang application on two hosts: built by rebar3 from one revision of the
//! sources to the next, with hand-written appups, and deployed while the nodes run.

mod common;

use common::sshd::{free_port, user};
use common::world::{Host, Snapshot, World};
use fs_err as fs;

const GREETER: &str = "src/hello_rebar3_greeter.erl";

/// `host-1` builds; the nodes run on `host-2` and `host-3`.
fn settings() -> String {
    let user = user();
    format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2 host-3\"\n\
         START_TIMEOUT=60\nSTABLE_FOR=0.5"
    )
}

fn world() -> World {
    let world = World::example("hello_rebar3").hosts(3).config(&settings());
    for host in world.all() {
        // These hosts are one machine: each has its own epmd, so that they can have nodes of one name.
        let profile =
            format!("export ERL_EPMD_PORT={} PIPE_DIR=\"$HOME/pipes/\" LANG=C.UTF-8\n", free_port());
        fs::write(host.home().join(".profile"), profile).unwrap();
    }
    world
}

/// Replaces a text in a file of the project, where it must be.
fn replace(world: &World, file: &str, from: &str, to: &str) {
    let file = world.project().join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

/// The sources become those of the next version, with an appup from the one before; committed.
fn next_version(world: &World, from: &str, to: &str) {
    replace(world, "rebar.config", from, to);
    replace(world, "src/hello_rebar3.app.src", from, to);
    let instructions = format!("[{{\"{from}\", [{{update, hello_rebar3_greeter, {{advanced, []}}}}]}}]");
    fs::create_dir_all(world.project().join("ebin")).unwrap();
    let appup = format!("{{\"{to}\", {instructions}, {instructions}}}.\n");
    fs::write(world.project().join("ebin/hello_rebar3.appup"), appup).unwrap();
    world.commit();
}

/// The greeter can change its code while it runs: `code_change` is this.
fn changes_code(world: &World, body: &str) {
    replace(world, GREETER, "handle_cast/2]", "handle_cast/2, code_change/3]");
    let file = world.project().join(GREETER);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}\ncode_change(_Vsn, Count, _Extra) ->\n    {body}.\n")).unwrap();
}

fn targets(world: &World) -> &[Host] {
    &world.all()[1..]
}

/// Has each node greet somebody; returns its process and what it says.
fn greet(world: &World) -> Vec<(u32, String)> {
    let greet = |host: &Host| {
        let said = host.control("eval 'hello_rebar3_greeter:greet(\"you\").'");
        (host.node().expect("a node runs").pid, said)
    };
    targets(world).iter().map(greet).collect()
}

/// Every node is the process that it was and has its state still; it greets as this version. Its
/// count was at this number before.
#[track_caller]
fn assert_upgraded(world: &World, before: &[(u32, String)], version: &str, count: u32) {
    for ((pid, said), (was, _)) in greet(world).iter().zip(before) {
        assert_eq!(pid, was, "{said}");
        assert!(said.contains(&format!("from {version}\", {}}}", count + 1)), "{said}");
    }
    let answers = world.edeliver(["version", "production"]).succeeds();
    assert_eq!(answers.stdout.matches(&format!("response: {version}\n")).count(), 2, "{}", answers.shown());
    targets(world).iter().for_each(Host::assert_no_leftovers);
}

fn deploy_upgrade(world: &World, version: &str) -> common::world::Outcome {
    let version = format!("--version={version}");
    world.edeliver(["deploy", "upgrade", "to", "production", "--plain", &version])
}

fn revision(world: &World) -> String {
    duct::cmd!("git", "rev-parse", "HEAD").dir(world.project()).read().unwrap()
}

/// A step of the long way below: the upgrade fails, and every host is as it was.
#[track_caller]
fn fails_and_goes_back(world: &World, deployed: common::world::Outcome, says: &[&str]) {
    deployed.exits(1).says(says).says(&["All hosts are back as they were before."]);
    targets(world).iter().for_each(Host::assert_no_leftovers);
}

/// Every file is as it was; but relx's script writes the vm.args anew each time it is called.
#[track_caller]
fn assert_as_before(world: &World, before: &[Snapshot]) {
    for (host, before) in targets(world).iter().zip(before) {
        let mut diff = before.diff(&host.snapshot());
        diff.retain(|line| !line.contains("/vm.args: "));
        assert!(diff.is_empty(), "{}: {}", host.alias(), diff.join("\n"));
        host.assert_no_leftovers();
    }
}

fn on_hosts(world: &World, command: &str) {
    for host in targets(world) {
        let (success, said) = host.run(command);
        assert!(success, "{}: {command}: {said}", host.alias());
    }
}

#[test]
fn from_version_to_version() {
    let mut world = world();
    changes_code(&world, "{ok, Count}");
    world.commit();
    world.edeliver(["build", "release", "--plain"]).succeeds();
    let words = ["deploy", "release", "to", "production", "--start-deploy", "--version=0.1.0", "--plain"];
    world.edeliver(words).succeeds();
    let first = greet(&world);

    next_version(&world, "0.1.0", "0.2.0");
    world.edeliver(["build", "upgrade", "--with=0.1.0", "--plain"]).succeeds();
    let archive = world.project().join(".deliver/releases/hello_rebar3_0.2.0.upgrade.tar.gz");
    let list = duct::cmd!("tar", "-tzf", archive.as_str()).read().unwrap();
    assert!(list.contains("/releases/0.2.0/relup\n") && !list.contains("0.1.0"), "{list}");
    let before: Vec<_> = targets(&world).iter().map(Host::snapshot).collect();

    // Healthy on one host only: both go back without a restart, with their state.
    let config = |world: &mut World, seconds: u32, more: &str| {
        world.reconfigure(&format!("{}\nSTART_TIMEOUT={seconds}\n{more}", settings()));
    };
    config(&mut world, 8, "HEALTH_CHECK='! [ -e ~/sick ]'");
    assert!(world.host(3).run("touch ~/sick").0);
    fails_and_goes_back(&world, deploy_upgrade(&world, "0.2.0"), &["HEALTH_CHECK did not succeed"]);
    assert_upgraded(&world, &first, "0.1.0", 1);
    assert_as_before(&world, &before);
    on_hosts(&world, "rm -f ~/sick");

    // Killed in the middle of the upgrade: what boots is the old release.
    config(
        &mut world,
        30,
        "HEALTH_CHECK='[ ! -e ~/hold ] || { touch ~/held; while [ -e ~/hold ]; do sleep 0.1; done; }'",
    );
    let struck = world.host(2);
    assert!(struck.run("touch ~/hold").0);
    let running = world.spawn(["deploy", "upgrade", "to", "production", "--plain", "--version=0.2.0"]);
    struck.wait_for_file("held");
    assert!(struck.control("eval 'hello_rebar3:version().'").contains("0.2.0"), "it is upgraded already");
    struck.signal_node(rustix::process::Signal::KILL);
    struck.control("daemon");
    struck.wait_for_ping();
    assert!(struck.control("eval 'hello_rebar3:version().'").contains("0.1.0"), "it boots the old release");
    assert!(struck.run("rm ~/hold").0);
    fails_and_goes_back(&world, running.wait(), &["the upgrade did not work"]);
    assert_as_before(&world, &before);
    let second = greet(&world);
    assert!(second[0].0 != first[0].0 && second[1].0 == first[1].0, "{first:?} {second:?}");

    // What does not fit is refused before anything is touched.
    config(&mut world, 30, "");
    deploy_upgrade(&world, "0.2.0").succeeds();
    let second: Vec<_> = second.into_iter().zip([2, 4]).collect();
    for ((pid, said), ((was, _), count)) in greet(&world).iter().zip(&second) {
        assert_eq!(pid, was);
        assert!(said.contains(&format!("from 0.2.0\", {count}}}")), "{said}");
    }
    deploy_upgrade(&world, "0.2.0").exits(1).says(&["its node runs 0.2.0 already", "No host was changed."]);

    // A second upgrade on top of the first, whose code_change crashes: the old version runs again.
    let from = format!("--from={}", revision(&world));
    let before: Vec<_> = targets(&world).iter().map(Host::snapshot).collect();
    replace(&world, GREETER, "{ok, Count}", "exit({cannot_change, Count})");
    next_version(&world, "0.2.0", "0.3.0");
    world.edeliver(["build", "upgrade", &from, "--plain"]).succeeds();
    let failed = deploy_upgrade(&world, "0.3.0").exits(1);
    eprintln!("{}", failed.shown());
    assert_as_before(&world, &before);
    eprintln!("{:?}", greet(&world));
}
