//! Hot upgrades of a real Erlang application on two hosts: built by rebar3 from one revision of the
//! sources to the next, with hand-written appups, and deployed while the nodes run.

mod common;

use common::sshd::{free_port, user};
use common::world::{Host, World};
use fs_err as fs;

const GREETER: &str = "src/hello_rebar3_greeter.erl";

/// `host-1` builds; the nodes run on `host-2` and `host-3`.
fn world() -> World {
    let user = user();
    let world = World::example("hello_rebar3").hosts(3).config(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2 host-3\"\n\
         START_TIMEOUT=60\nSTABLE_FOR=0.5"
    ));
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

#[test]
fn from_source_to_source() {
    let world = world();
    changes_code(&world, "{ok, Count}");
    world.commit();
    world.edeliver(["build", "release", "--plain"]).succeeds();
    let words = ["deploy", "release", "to", "production", "--start-deploy", "--version=0.1.0", "--plain"];
    world.edeliver(words).succeeds();
    let before = greet(&world);

    next_version(&world, "0.1.0", "0.2.0");
    world.edeliver(["build", "upgrade", "--with=0.1.0", "--plain"]).succeeds();
    let archive = world.project().join(".deliver/releases/hello_rebar3_0.2.0.upgrade.tar.gz");
    let list = duct::cmd!("tar", "-tzf", archive.as_str()).read().unwrap();
    assert!(list.contains("/releases/0.2.0/relup\n") && !list.contains("0.1.0"), "{list}");
    deploy_upgrade(&world, "0.2.0").succeeds();
    assert_upgraded(&world, &before, "0.2.0", 1);

    // The store has no release 0.2.0 to build the next upgrade with.
    let from = format!("--from={}", revision(&world));
    next_version(&world, "0.2.0", "0.3.0");
    world.edeliver(["build", "upgrade", &from, "--plain"]).succeeds();
    deploy_upgrade(&world, "0.3.0").succeeds();
    assert_upgraded(&world, &before, "0.3.0", 2);

    // What was made permanent boots.
    world.edeliver(["restart", "production"]).succeeds();
    for (pid, said) in greet(&world) {
        assert!(before.iter().all(|(before, _)| *before != pid));
        assert!(said.contains("from 0.3.0\", 1}"), "{said}");
    }
    world.edeliver(["stop", "production"]).succeeds();
}
