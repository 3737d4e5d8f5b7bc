//! `check config` on functions: what they are, and what they do not do although it looks as if.

use fs_err as fs;

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

#[test]
fn functions_of_files_that_a_config_sources_are_listed_with_their_place() {
    let project = Project::new(1, "source .deliver/shared.sh\npost_git_push() { :; }");
    let shared = project.world.project().join(".deliver/shared.sh");
    fs::write(shared, "# shared\npre_git_push() {\n  pre_git_pusch\n}\npre_git_pusch() { :; }\n").unwrap();
    let output = project.world.edeliver(["check", "config", "--plain"]).succeeds();
    let listed = output.stdout.split("Functions:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    insta::assert_snapshot!(listed.collect::<Vec<_>>().join("\n"), @"
    note .deliver/config:14
    post_git_push .deliver/config:24 hook
    pre_git_push .deliver/shared.sh:2 hook
    pre_git_pusch .deliver/shared.sh:5 never called; is pre_git_push meant?
    ");
}
