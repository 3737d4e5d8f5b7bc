//! Machines without bash.

use crate::project::Project;

/// `BASH_CMD` of nothing, as a line of the config and as the environment has it.
const NO_BASH: &str = "BASH_CMD=/nonexistent/bash";

#[test]
fn static_configs_need_no_bash() {
    let project = Project::new(1, NO_BASH).running();
    project.world.edeliver(["check", "config", "--plain"]).succeeds();
    project.world.edeliver(["version", "production", "--plain"]).succeeds().says(&["response: 1.0.0"]);
    project.world.deploy("2.0.0").succeeds();
    project.world.assert_runs("2.0.0");
}
