//! The Elixir package `compat/mix`, with the real binary: `mix edeliver` from the sources to the running
//! node, and on a terminal.

mod common;

use common::sshd::user;
use common::world::{At, World};
use rustix::process::Signal;

// The package tells the version of the program that it belongs to, in both of its languages.
#[test]
fn the_package_is_in_step_with_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    let mix = include_str!("../compat/mix/mix.exs");
    assert!(mix.contains(&format!("@version \"{version}\"")), "mix.exs is not of {version}");
    let app = include_str!("../compat/mix/src/edeliver.app.src");
    assert!(app.contains(&format!("{{vsn, \"{version}\"}}")), "edeliver.app.src is not of {version}");
}

// The commands of the README of the example, as a user of the Hex package types them.
#[test]
fn from_the_sources_to_the_running_node() {
    let user = user();
    let world = World::example("hello_mix").hosts(2).config(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2\"\nSTART_TIMEOUT=60\nSTABLE_FOR=1"
    ));
    for host in world.all() {
        host.has_erlang("");
    }
    world.vendor_package();
    world.commit();

    let version = format!("edeliver {}", env!("CARGO_PKG_VERSION"));
    world.mix_edeliver(["--version"]).succeeds().says(&[&version]);
    world.mix_edeliver(["deploy", "release", "to", "prod"]).exits(2).says(&["prod"]);
    world.mix_edeliver(["build", "release", "--auto-version=mix-env"]).succeeds();
    assert!(world.archive("0.1.0+prod").exists(), "the package's release.version has set the version");
    world.mix_edeliver(["deploy", "release", "to", "production", "--start-deploy"]).succeeds();
    world.mix_edeliver(["ping", "production"]).succeeds().says(&["response: ", "pong"]);
    world.mix_edeliver(["version", "production"]).succeeds().says(&["response: ", "0.1.0+prod"]);
    let told =
        world.host(2).control("rpc 'IO.puts(Edeliver.run_command([:release_version, \"hello_mix\"]))'");
    assert_eq!(told, "0.1.0+prod");
    world.mix_edeliver(["restart", "production", "-V"]).succeeds().says(&["response: ", "ok"]);
    world.mix_edeliver(["stop", "production"]).succeeds();
    world.mix_edeliver(["ping", "production"]).exits(1).says(&["not running"]);
}

// The console of a node below Mix: the Erlang VM neither takes keys for itself nor ctrl-c.
#[test]
fn a_console_has_the_terminal() {
    let world = World::new().hosts(1).release("1.0.0").running("1.0.0");
    world.vendor_package();
    world.mix_edeliver(["--version"]).succeeds();
    let mut terminal = world.mix_edeliver_on_terminal((31, 97), ["remote_console", "production", "--plain"]);
    terminal.is_a_console(31, 97);
    assert!(!terminal.shown().contains("BREAK"), "{}", terminal.shown());
}

// A deploy below Mix is interrupted as any other: by ctrl-c, by `kill`, and when Mix is killed.
#[test]
fn a_deploy_is_interrupted() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.vendor_package();
    world.mix_edeliver(["--version"]).succeeds();
    let before = world.snapshot();
    let words = ["deploy", "release", "to", "production", "--version=2.0.0", "--start-deploy", "--plain"];
    let host = world.host(1);

    let trap = host.pause(&At::unpack());
    let mut terminal = world.mix_edeliver_on_terminal((24, 80), words);
    trap.wait();
    terminal.press("\x03");
    trap.release();
    assert_eq!(terminal.ends(), Some(130), "{}", terminal.shown());
    assert!(!terminal.shown().contains("BREAK"), "{}", terminal.shown());
    trap.was_reached();
    world.assert_unchanged(&before);

    let trap = host.pause(&At::unpack());
    let deployer = world.spawn_mix_edeliver(words);
    trap.wait();
    deployer.signal(Signal::TERM);
    trap.release();
    deployer.wait().exits(143);
    trap.was_reached();
    world.assert_unchanged(&before);

    let trap = host.pause(&At::unpack());
    let deployer = world.spawn_mix_edeliver(words);
    trap.wait();
    deployer.signal(Signal::KILL);
    trap.release();
    deployer.wait().was_killed();
    trap.was_reached();
    host.wait_until_gone(&host.state().join("lock"));
    world.assert_unchanged(&before);
}
