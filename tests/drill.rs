//! `drill` through the real binary: a deploy that fails on purpose, and what it proves.

mod common;

use common::world::{At, World};
use fs_err as fs;

/// Three hosts with 2.0.0 deployed over 1.0.0; the node of host 3 is stopped.
fn world() -> World {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
    world.deploy("2.0.0").succeeds();
    world.host(3).control("stop");
    world
}

/// The table without the times.
fn table(text: &str) -> String {
    let text = regex::Regex::new(r"\d+\.\d s").unwrap().replace_all(text, "[time]").into_owned();
    regex::Regex::new(" {2,}").unwrap().replace_all(&text, "  ").into_owned()
}

// The release was started on every host and rolled back; all is as it was, also what can be gone back to.
#[test]
fn proves_that_every_host_is_restored() {
    let world = world();
    let before = world.snapshot();
    let starts = |number| {
        let all = fs::read_to_string(world.host(number).root().join("var/starts")).unwrap();
        all.lines().filter(|line| line.starts_with("started")).count()
    };
    let starts_before = [1, 2, 3].map(starts);
    let output = world.edeliver(["drill", "production"]).succeeds();
    let (head, times) = output.stdout.split_once("\nstep").expect("a table of times");
    assert!(head.contains("Rolling back all hosts"), "{head}");
    insta::assert_snapshot!(table(times).trim_start(), @r"
    took
    lock and preflight  [time]
    upload and verify files  [time]
    switch  [time]
    stop, start and verify  [time]
    roll back  [time]

    EVERY HOST OF PRODUCTION WAS RESTORED!
    ");
    world.assert_unchanged(&before);
    let [one, two, three] = starts_before;
    assert_eq!([1, 2, 3].map(starts), [one + 2, two + 2, three + 1]);
    world.edeliver(["history", "production"]).succeeds().says(&["this is a drill"]);
    world.edeliver(["rollback", "production"]).succeeds();
    world.host(1).assert_runs("1.0.0");
}

// Something is not as it was afterwards: the drill says so, with status 3.
#[test]
fn finds_what_was_not_restored() {
    let world = world();
    let bin = world.host(2).root().join("lib/dep-1.0.0/ebin/dep.beam");
    // When the tree is back (nothing but the node is left to do), a file is changed behind our back.
    let back = At::call("mv", &format!("*/undo/*' {}/lib'", world.host(2).root()), 1);
    let trap = world.host(2).afterwards(&back, &format!("echo >>'{bin}'"));
    let output = world.edeliver(["drill", "production"]).exits(3);
    output.says(&["host-2: its files are not what they were", "'edeliver status production'"]);
    trap.was_reached();
}

// The hosts have different releases, or none: there is nothing to rehearse.
#[test]
fn without_one_release_on_all_hosts() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    world.edeliver(["drill", "production"]).exits(1).says(&["host-1"]);
    world.host(1).unpack(&world.archive("1.0.0"));
    world.host(2).unpack(&world.archive("2.0.0"));
    let output = world.edeliver(["drill", "production"]).exits(1);
    output.says(&["the hosts do not have one and the same release", "host-1: 1.0.0", "host-2: 2.0.0"]);
}

// A drill that fails for another reason has proven nothing.
#[test]
fn that_fails_before_the_start() {
    let world = world();
    let before = world.snapshot();
    let trap = world.host(2).fail(&At::put_in_place(world.host(2), 2));
    let output = world.edeliver(["drill", "production"]).exits(1);
    output.says(&["Input/output error", "The drill did not come to its end."]);
    trap.was_reached();
    world.assert_unchanged(&before);
}
