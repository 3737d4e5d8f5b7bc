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

/// The commands whose scripts a config may give, in an order in which each can do its work.
const ACTIONS: [&str; 5] = ["ping", "version", "restart", "stop", "start"];

#[test]
fn the_configs_own_script_for_each_command() {
    let functions = ACTIONS.map(|action| {
        format!(
            "get_{action}_node_command() {{\n  note \"$*|\"\n  \
             echo \"cd $2/stand_in && bin/stand_in $1 | sed 's/^/own {action}: /'; echo done\"\n}}\n"
        )
    });
    let mut project = Project::new(1, &functions.concat()).running();
    let mut pid = project.world.host(1).node().unwrap().pid;
    for action in ACTIONS {
        let output = project.world.edeliver([action, "production", "--plain"]).succeeds();
        let said = match action {
            "ping" => "response: own ping: pong\n",
            "version" => "response: own version: 1.0.0\n",
            _ => "done\n",
        };
        let output = output.says(&[said, &format!("{} DONE!", action.to_uppercase())]);
        assert_eq!(project.trace(), format!("{action} ~/app |"), "{}", output.shown());
        let node = project.world.host(1).node();
        match action {
            "stop" => assert_eq!(node, None),
            "start" | "restart" => {
                project.world.host(1).wait_for_node("1.0.0");
                let now = project.world.host(1).node().unwrap().pid;
                assert_ne!(std::mem::replace(&mut pid, now), now, "{action}");
            }
            _ => assert_eq!(node.unwrap().pid, pid, "{action}"),
        }
    }
    // One that fails, in a function or on the host: the command fails, and ours is not tried instead.
    let before = project.world.snapshot();
    for action in ACTIONS {
        for (body, said) in [
            ("echo 'echo tried; exit 3'", "a script of the config ended with exit status 3"),
            ("echo 'rm -rf ~/app'; return 3", "returned status 3"),
        ] {
            println!("{action}: {body}");
            project = project.config(&format!("get_{action}_node_command() {{ {body}; }}"));
            let output = project.world.edeliver([action, "production", "--plain"]).exits(1).says(&[said]);
            assert!(!output.shown().contains("DONE!"), "{}", output.shown());
        }
    }
    project.world.host(1).assert_untouched(&before[0]);
}
