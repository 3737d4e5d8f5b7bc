//! Functions that take the place of node commands.

use crate::project::Project;

#[test]
fn a_command_of_the_configs_own_for_a_node() {
    let config = r#"
get_ping_node_command() { note "ping|$*|$NODE_ENVIRONMENT"; echo "echo \"own ping in \$(basename $2)\""; }
get_version_node_command() { echo "cd $2/stand_in && echo v; false; echo unreached"; }
"#;
    let project = Project::new(2, config).running();
    let output = project.world.edeliver(["ping", "production", "--plain"]).succeeds();
    assert_eq!(output.stdout.matches("response: own ping in app\n").count(), 2, "{}", output.shown());
    assert_eq!(project.trace(), "ping|ping ~/app |production\nping|ping ~/app |production");
    let output = project.world.edeliver(["version", "production", "--plain"]).exits(1);
    let output = output.says(&["a script of the config ended with exit status 1"]);
    assert!(!output.stdout.contains("\nunreached"), "{}", output.shown());
    project.world.assert_runs("1.0.0");
    // The others are ours.
    project.world.edeliver(["stop", "production", "--plain"]).succeeds();
    assert!(project.world.all().iter().all(|host| host.node().is_none()));
}

#[test]
fn a_function_for_a_node_command_that_fails_fails_it() {
    let project = Project::new(1, "get_stop_node_command() { echo 'rm -rf /nox'; return 3; }").running();
    let before = project.world.snapshot();
    project
        .world
        .edeliver(["stop", "production", "--plain"])
        .exits(1)
        .says(&["get_stop_node_command", "status 3"]);
    project.world.host(1).assert_untouched(&before[0]);
}

#[test]
fn execute_custom_node_command_does_all_or_nothing() {
    let config = r#"
execute_custom_node_command() {
  note "execute $1"
  [ "$1" = ping ] || return 1
  echo "did it all"
}
"#;
    let project = Project::new(1, config).running();
    project.world.edeliver(["ping", "production", "--plain"]).succeeds().says(&["did it all", "PING DONE!"]);
    let output = project.world.edeliver(["version", "production", "--plain"]).succeeds();
    output.says(&["response: 1.0.0"]);
    assert_eq!(project.trace(), "execute ping\nexecute version");
    // A test that falls through has not done it either.
    let falls_through = "execute_custom_node_command() { [ \"$1\" = ping ] && echo 'did it all'; }";
    let project = project.config(falls_through);
    project.world.edeliver(["stop", "production", "--plain"]).succeeds();
    assert_eq!(project.world.host(1).node(), None);
}
