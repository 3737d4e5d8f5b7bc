//! `doctor`: all hosts in one table, and what would fail with the way to mend it.

mod common;

use common::world::{At, World};
use fs_err as fs;
use rustix::process::Signal;

/// Two hosts, the second of which builds as well.
fn world() -> World {
    let user = common::sshd::user();
    let build = format!(
        "BUILD_HOST=host-2\nBUILD_USER={user}\nBUILD_AT='~/build'\nBUILD_CMD=rebar3\nRELEASE_CMD=rebar3"
    );
    World::new().hosts(2).release("1.0.0").release("2.0.0").config(&build)
}

/// The output without what is this machine's own.
fn shown(text: &str) -> String {
    [
        (r"(?m)^((?:build|staging|production) +\S+ +yes +).*?(\+?-?\d+ s|right) +", "$1[system] $2 "),
        (r"(?m)^(git|erl|elixir|rebar3|node|docker) +.*$", "$1 [version]"),
        (r"-\d{8,}", "-[n]"),
        (r"\] ([+-]\d s|right) ", "] right "),
        (r" {2,}", "  "),
    ]
    .iter()
    .fold(text.to_owned(), |text, (pattern, name)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

// Nothing would fail: each host with what it is, and nothing is made on any of them.
#[test]
fn all_is_well() {
    let world = world().running("1.0.0");
    let before = world.snapshot();
    let output = world.edeliver(["doctor"]).succeeds();
    insta::assert_snapshot!(shown(&output.stdout));
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
    assert!(!world.host(2).home().join("build").exists());
}

// Everything that would fail is named at once, with the host and the way to mend it.
#[test]
fn what_would_fail() {
    let mut world = world().running("1.0.0");
    world.host(1).put_tool("date", "[ \"$1\" != +%s ] || exec echo 1000000000\nexec /bin/date \"$@\"");
    world.host(2).lacks(&["erl", "git", "rebar3"]);
    let output = world.edeliver(["doctor"]).exits(1);
    insta::assert_snapshot!("what_would_fail", shown(&output.shown()));

    world.host_mut(1).stop();
    world.edeliver(["doctor", "on", "production"]).exits(1).says(&["host-1:", "cannot connect", "Is it up"]);
    world.edeliver(["doctor", "build"]).exits(1).says(&["it has no 'git' in its PATH"]);
    world.edeliver(["doctor", "prodution"]).exits(2).says(&["prodution"]);
}

// What a dead deployer has left is said, with the command that clears it away.
#[test]
fn what_is_unfinished() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0").config("LEASE=60");
    let trap = world.host(1).pause(&At::unpack());
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    running.signal(Signal::KILL);
    running.wait().was_killed();
    trap.release();
    trap.was_reached();
    world
        .edeliver(["doctor", "production"])
        .succeeds()
        .says(&["a deployer that died has left its lock", "'edeliver recover production'"]);
    world.edeliver(["recover", "production"]).succeeds();
}

// A host whose key has changed, and one that lets nobody in.
#[test]
fn hosts_that_cannot_be_entered() {
    let mut world = World::new().hosts(2);
    let key = format!("[127.0.0.1]:{} {}\n", world.host(1).port(), world.host(2).public_key());
    fs::write(world.home().join(".ssh/known_hosts"), key).unwrap();
    world.reconfigure("STAGING_USER=nobody_here");
    world
        .edeliver(["doctor", "production"])
        .exits(1)
        .says(&["host-1: the host key of", "ssh-keygen -R host-1"]);
    world.edeliver(["doctor", "staging"]).exits(1).says(&["accepts none of the keys", "from STAGING_USER"]);
}

// What is built on one system may not run on another: an older C library, another Erlang.
#[test]
fn hosts_that_differ_from_the_build_host() {
    let world = world();
    world.host(1).put_tool("erl", "echo OTP 24");
    world.host(1).put_tool("getconf", "echo glibc 2.17");
    world.host(2).put_tool("erl", "echo OTP 27");
    world.edeliver(["doctor"]).succeeds().says(&[
        "host-1: its Erlang is OTP 24, the one of the build host OTP 27",
        "A release that brings its own Erlang does not use it; for others, install the same one on both.",
        "host-1: it has glibc 2.17, the build host glibc",
        "Build on a system as old as the oldest host",
    ]);
    // Alike they are not worth a word.
    world.host(1).put_tool("erl", "echo OTP 27");
    let output = world.edeliver(["doctor"]).succeeds();
    assert!(!output.shown().contains("its Erlang is"), "{}", output.shown());
}
