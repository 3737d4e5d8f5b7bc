//! Restarts of the config's own in the middle of a deploy: as strict and as undoable as ours.

mod common;

use common::world::{Release, World};

/// Prints the script that restarts a node: `$1` is its command, `$2` the directory of the release. As
/// a service manager it knows the node by its process, not by its cookie.
const SCRIPT: &str = r#"
restart_script() {
  echo "set -e; cd $1/$APP; pid=\$(head -n 1 ~/.stand-in/$APP); kill \$pid
    while kill -0 \$pid 2>/dev/null; do sleep 0.1; done
    bin/$APP start; touch ~/restarted"
}
get_restart_node_command() { restart_script "$2"; }
"#;

/// A world whose hosts run 1.0.0, with 2.0.0 in the store and these functions in the config.
fn world(functions: &str, release: Release) -> World {
    World::new().hosts(2).release("1.0.0").release(release).config(functions).running("1.0.0")
}

#[test]
fn a_script_of_the_config_restarts_and_we_verify() {
    let world = world(SCRIPT, Release::of("2.0.0"));
    world.deploy("2.0.0").succeeds();
    for host in world.all() {
        assert!(host.home().join("restarted").exists());
        host.assert_runs("2.0.0");
    }
}

#[test]
fn a_release_that_its_script_does_not_bring_up_is_rolled_back() {
    let world = world(SCRIPT, Release::of("2.0.0").behaves("never_answers")).config("START_TIMEOUT=4");
    let before = world.snapshot();
    let output = world.deploy("2.0.0").exits(1);
    output.says(&["verifying the new release"]);
    assert!(world.all().iter().all(|host| host.home().join("restarted").exists()));
    world.assert_unchanged(&before);
}

#[test]
fn a_restart_of_the_configs_own_that_fails_is_rolled_back() {
    let mut world = world(SCRIPT, Release::of("2.0.0"));
    let before = world.snapshot();
    for (body, said) in [
        ("restart_script \"$2\"; echo 'exit 3'", "a script of the config ended with exit status 3"),
        ("restart_script \"$2\"; return 3", "get_restart_node_command (.deliver/config:"),
    ] {
        println!("{body}");
        world.reconfigure(&format!("{SCRIPT}get_restart_node_command() {{ {body}; }}"));
        world.deploy("2.0.0").exits(1).says(&[said]);
        world.assert_unchanged(&before);
    }
}

#[test]
fn a_redefined_start_that_fails_after_it_has_restarted_is_rolled_back() {
    let own = r#"force_start_release() { __remote "$(restart_script "$DELIVER_TO")"; return 3; }"#;
    let world = world(&format!("{SCRIPT}{own}"), Release::of("2.0.0"));
    let before = world.snapshot();
    let output = world.deploy("2.0.0").exits(1);
    output.says(&["force_start_release (.deliver/config:", "returned status 3"]);
    assert!(world.all().iter().all(|host| host.home().join("restarted").exists()));
    world.assert_unchanged(&before);
}
