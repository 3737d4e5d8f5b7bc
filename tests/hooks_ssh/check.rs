//! `check config` on functions: what they are, and what they do not do although it looks as if.

use crate::project::Project;

#[test]
fn functions_and_what_is_wrong_with_them_are_listed() {
    let mut project = Project::new(
        1,
        r#"
DELIVERTO=/srv
OWN_NAME=x
pre_erlang_generate_relase() { note "$OWN_NAME"; }
post_git_push() { __sync_remote "cd $HOME; V=\$(cat v); echo \$V '$BUILD_AT'"; }
git_push() { :; }
get_start_node_command() { echo; }
"#,
    );
    for more in ["", "RELEASE_NAME=$(echo $OWN_NAME)\n: $RELEASE_NAME"] {
        project = project.config(more);
        let output = project.world.edeliver(["check", "config", "--plain"]).succeeds();
        let output = output.says(&[
            "never called; is pre_erlang_generate_release meant?",
            "replaces the step and its hooks",
            "asked when needed",
            "$HOME is expanded here, not on the host; write \\$HOME for the host's",
            "nothing reads DELIVERTO; is DELIVER_TO meant?",
        ]);
        assert_eq!(output.stdout.matches("expanded here").count(), 1, "{}", output.shown());
        assert_eq!(output.stdout.matches("nothing reads").count(), 1, "{}", output.shown());
    }
}
