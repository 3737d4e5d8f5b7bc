//! Nodes that are restarted some at a time: `--batch`, `--canary`, DRAIN_COMMAND and UNDRAIN_COMMAND.

mod common;

use camino::Utf8PathBuf;
use common::world::World;
use fs_err as fs;

const DRAINS: &str = "DRAIN_COMMAND=drain\nUNDRAIN_COMMAND=undrain\n";

/// Three hosts on which 1.0.0 runs, each with tools that take it out of the balancing and back, and
/// write down that they did, and which version ran.
fn world(config: &str) -> World {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
    for host in world.all() {
        for tool in ["drain", "undrain"] {
            let said = format!("{} {tool} $(sed -n 2p ~/.stand-in/stand_in)", host.alias());
            host.put_tool(tool, &format!("[ -d bin ] && echo \"{said}\" >>'{}'", balancing(&world)));
        }
    }
    world.config(&format!("{DRAINS}STABLE_FOR=0.2\n{config}"))
}

fn balancing(world: &World) -> Utf8PathBuf {
    world.project().join("balancing")
}

/// What the tools have written since the last time.
fn told(world: &World) -> Vec<String> {
    let text = fs::read_to_string(balancing(world)).unwrap_or_default();
    fs::write(balancing(world), "").unwrap();
    text.lines().map(str::to_owned).collect()
}

const DEPLOY: [&str; 6] = ["deploy", "release", "to", "production", "--start-deploy", "--version=2.0.0"];

// One host after the other: it is drained while the old version runs, and undrained once the new one does.
#[test]
fn one_at_a_time() {
    let world = world("");
    let output = world.edeliver(DEPLOY.into_iter().chain(["--batch=1"])).succeeds();
    output.says(&["(1 of 3)", "(2 of 3)", "(3 of 3)"]);
    world.assert_runs("2.0.0");
    assert_eq!(
        told(&world),
        [
            "host-1 drain 1.0.0",
            "host-1 undrain 2.0.0",
            "host-2 drain 1.0.0",
            "host-2 undrain 2.0.0",
            "host-3 drain 1.0.0",
            "host-3 undrain 2.0.0",
        ]
    );
    for host in world.all() {
        host.assert_no_leftovers();
    }
}

// The second of three batches fails: the first one goes back as well, one host after the other, and the
// third has never been restarted.
#[test]
fn a_batch_that_fails() {
    let world = world("DEPLOY_BATCH=1");
    let before = world.snapshot();
    world.host(2).behave("2.0.0 start_exits_7");
    world.edeliver(DEPLOY).exits(1).says(&["host-2", "cannot start", "All hosts are back as they were"]);
    world.assert_unchanged(&before);
    world.host(3).assert_untouched(&before[2]);
    assert_eq!(
        told(&world),
        [
            "host-1 drain 1.0.0",
            "host-1 undrain 2.0.0",
            "host-2 drain 1.0.0",
            "host-1 drain 2.0.0",
            "host-1 undrain 1.0.0",
            "host-2 undrain 1.0.0",
        ]
    );
}

// A host that cannot be drained is not stopped; what may have been done is undone.
#[test]
fn a_host_that_cannot_be_drained() {
    let world = world("");
    let before = world.snapshot();
    world.host(2).put_tool("drain", "echo 'the balancer says no' >&2; exit 3");
    let words = ["host-2", "DRAIN_COMMAND (drain) ended with exit status 3", "the balancer says no"];
    world.edeliver(DEPLOY.into_iter().chain(["--batch=2"])).exits(1).says(&words);
    world.assert_unchanged(&before);
    world.host(2).assert_untouched(&before[1]);
    let told = told(&world);
    assert!(told.contains(&"host-2 undrain 1.0.0".to_owned()), "{told:?}");
    assert!(!told.iter().any(|line| line.starts_with("host-3")), "{told:?}");
}

// The first host goes ahead. It does not stay healthy: the others were never restarted.
#[test]
fn a_canary_that_falls_ill() {
    let world = world(
        "CANARY_FOR=30\nSTART_TIMEOUT=3\nHEALTH_CHECK='[ \"$(wc -l <~/checks)\" -lt 3 ] && echo >>~/checks'",
    );
    for host in world.all() {
        fs::write(host.home().join("checks"), "").unwrap();
    }
    let before = world.snapshot();
    let output = world.edeliver(DEPLOY.into_iter().chain(["--canary"])).exits(1);
    output.says(&["host-1", "HEALTH_CHECK did not succeed"]);
    assert_eq!(fs::read_to_string(world.host(1).home().join("checks")).unwrap().lines().count(), 3);
    world.assert_unchanged(&before);
    for number in [2, 3] {
        world.host(number).assert_untouched(&before[number - 1]);
    }
}

#[test]
fn a_canary_that_stays_healthy() {
    let world = world("CANARY_FOR=1");
    world.edeliver(DEPLOY.into_iter().chain(["--canary"])).succeeds().says(&["(1 of 3)", "(3 of 3)"]);
    world.assert_runs("2.0.0");
}

// On a terminal somebody is asked; without one it is refused before anything is touched.
#[test]
fn a_canary_that_somebody_looks_at() {
    let world = world("");
    let before = world.snapshot();
    let canary = || DEPLOY.into_iter().chain(["--canary"]);
    world.edeliver(canary()).exits(2).says(&["no terminal to ask on", "CANARY_FOR"]);
    world.edeliver(["deploy", "release", "--version=2.0.0", "--canary"]).exits(2).says(&["--start-deploy"]);
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

// A config that restarts the nodes itself restarts all of them.
#[test]
fn restarts_of_the_config() {
    let world = world("force_start_release() { true; }");
    world.edeliver(DEPLOY.into_iter().chain(["--batch=1"])).exits(2).says(&["force_start_release"]);
    for bad in ["0", "-1", "many"] {
        world.edeliver(DEPLOY.into_iter().chain([format!("--batch={bad}").as_str()])).exits(2);
    }
}

// `restart` too: behind a node that does not come up the others are left as they are.
#[test]
fn restarts_of_nodes() {
    let world = world("");
    let before = world.snapshot();
    world.edeliver(["restart", "production", "--batch=2"]).succeeds();
    let processes =
        |world: &World| -> Vec<_> { world.all().iter().map(|host| host.node().unwrap()).collect() };
    let restarted = processes(&world);
    for (host, (before, after)) in before.iter().zip(&restarted).enumerate() {
        assert_ne!(before.node.as_ref().unwrap().0, *after, "host {host} was restarted");
    }
    assert_eq!(told(&world).last().unwrap(), "host-3 undrain 1.0.0");
    world.host(1).behave("1.0.0 start_exits_7");
    world.edeliver(["restart", "production", "--batch=1"]).exits(1).says(&["left as it is", "host-1"]);
    assert_eq!(world.host(1).node(), None);
    assert_eq!(told(&world), ["host-1 drain 1.0.0"]);
    assert_eq!([world.host(2).node().unwrap(), world.host(3).node().unwrap()], restarted[1..]);
    // It is back in the balancing when it is up again.
    world.host(1).behave_as_made();
    world.edeliver(["start", "production", "--host=host-1"]).succeeds();
    assert_eq!(told(&world), ["host-1 undrain 1.0.0"]);
}
