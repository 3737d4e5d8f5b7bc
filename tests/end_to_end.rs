//! Real releases, from the sources to the running node: built on a build host, deployed to two hosts,
//! and deployed again as another version with another cookie while the first one runs.

mod common;

use common::sshd::user;
use common::world::{Host, World};
use fs_err as fs;

/// `host-1` builds; the release runs on `host-2` and `host-3`.
fn world(example: &str) -> World {
    let user = user();
    let world = World::example(example).hosts(3).config(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2 host-3\"\n\
         START_TIMEOUT=60\nSTABLE_FOR=0.2"
    ));
    for host in world.all() {
        host.has_erlang("");
    }
    world
}

/// The hosts that the release is deployed to.
fn targets(world: &World) -> &[Host] {
    &world.all()[1..]
}

/// Exactly one node runs on each host; it is this version by edeliver's and by its own word.
#[track_caller]
fn assert_runs(world: &World, version: &str, ask: &str) {
    let pong = world.edeliver(["ping", "production"]).succeeds();
    assert_eq!(pong.stdout.matches("response: pong\n").count(), 2, "{}", pong.shown());
    let answers = world.edeliver(["version", "production"]).succeeds();
    let answer = format!("response: {version}\n");
    assert_eq!(answers.stdout.matches(&answer).count(), 2, "{}", answers.shown());
    for host in targets(world) {
        assert_eq!(host.node().expect("a node runs").version, version, "{}", host.alias());
        let greeting = host.control(ask);
        assert!(greeting.contains(&format!("Hello, you, from {version}")), "{}: {greeting}", host.alias());
    }
}

/// Builds, deploys, bumps, builds and deploys again. `ask` is what has the control script greet.
fn from_source_to_second_version(world: &World, ask: &str, bump: impl Fn()) {
    let deploy = |version: &str| {
        let words = ["deploy", "release", "to", "production", "--start-deploy", "--plain"].map(str::to_owned);
        world.edeliver(words.into_iter().chain([format!("--version={version}")])).succeeds();
    };
    let build = |version: &str| {
        world.edeliver(["build", "release", "--plain"]).succeeds();
        assert!(world.archive(version).exists(), "{version} is in the store");
    };
    build("0.1.0");
    deploy("0.1.0");
    assert_runs(world, "0.1.0", ask);
    let old: Vec<_> = targets(world).iter().map(|host| host.node().unwrap()).collect();

    bump();
    world.commit();
    build("0.2.0");
    deploy("0.2.0");
    assert_runs(world, "0.2.0", ask);
    for (host, old) in targets(world).iter().zip(old) {
        let new = host.node().unwrap();
        assert_ne!(new.pid, old.pid, "{}", host.alias());
        assert_ne!(new.cookie, old.cookie, "{}", host.alias());
        assert!(!std::path::Path::new(&format!("/proc/{}", old.pid)).exists(), "{}", host.alias());
        host.assert_no_leftovers();
    }
    world.edeliver(["stop", "production"]).succeeds();
    assert!(targets(world).iter().all(|host| host.node().is_none()));
}

/// Replaces a text in a file of the project, where it must be.
fn replace(world: &World, file: &str, from: &str, to: &str) {
    let file = world.project().join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

// Elixir with its own `mix release`. A clean build makes a new cookie.
#[test]
fn mix_release() {
    let world = world("hello_mix");
    from_source_to_second_version(&world, "rpc 'IO.inspect(HelloMix.Greeter.greet(\"you\"))'", || {
        replace(&world, "mix.exs", "0.1.0", "0.2.0");
    });
}

// Erlang with rebar3 (relx 4) and its extended start script.
#[test]
fn rebar3() {
    let world = world("hello_rebar3");
    from_source_to_second_version(&world, "eval 'hello_rebar3_greeter:greet(\"you\").'", || {
        replace(&world, "rebar.config", "0.1.0", "0.2.0");
        replace(&world, "src/hello_rebar3.app.src", "0.1.0", "0.2.0");
        replace(&world, "config/vm.args.src", "hello_rebar3_cookie", "another_cookie");
    });
}
