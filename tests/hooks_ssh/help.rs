//! The project's own options and its own part of the help.

use fs_err as fs;

use crate::project::Project;

const HELP: &str = r#"
print_custom_commands_help() { echo "  edeliver assets [fast]   # of this project"; }
accepts_custom_command_argument() {
  case "$1 $2" in
    *--colour=*) COLOUR=${2#--colour=} ;;
    *) return 1 ;;
  esac
}
"#;

#[test]
fn the_help_file_is_asked_before_the_config_is_read() {
    let project = Project::new(
        1,
        "SEEN=\"<$COLOUR>\"\nnote_it() { note \"$SEEN $COLOUR\"; }\npre_git_push() { note_it; }",
    );
    fs::write(project.world.project().join(".deliver/help"), HELP).unwrap();
    let project = project.with_sources();
    project.world.edeliver(["help"]).succeeds().says(&["edeliver assets [fast]   # of this project"]);
    let output = project.world.edeliver(["build", "release", "--plain", "--colour=blue"]).succeeds();
    assert!(!output.stdout.contains("--colour=blue"), "{}", output.shown());
    assert!(project.trace().starts_with("<blue> blue\n"));
    let output = project.world.edeliver(["build", "release", "--plain", "--weight=3"]).succeeds();
    output.says(&["--weight=3"]);
}

#[test]
fn the_config_may_accept_options_too() {
    let accepts = "accepts_custom_command_argument() { [ \"$1 $2\" = \"ping --loud\" ] && LOUD=yes; }\n\
                   get_ping_node_command() { note \"loud: $LOUD\"; echo 'echo pong'; }";
    let project = Project::new(1, accepts);
    let output = project.world.edeliver(["ping", "production", "--plain", "--loud"]).succeeds();
    assert!(!output.stdout.contains("--loud"), "{}", output.shown());
    assert_eq!(project.trace(), "loud: yes");
    project.world.edeliver(["ping", "production", "--plain", "--quiet-ly"]).succeeds().says(&["--quiet-ly"]);
}
