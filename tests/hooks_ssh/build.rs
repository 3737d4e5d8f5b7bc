//! The hooks of a build.

use fs_err as fs;

use crate::common::sshd::user;
use crate::project::Project;

/// Every hook that a build calls, each of which writes down what it sees.
const HOOKS: &str = r#"
seen() {
  note "$1: $HOSTS $HOSTS_APP_USER $DELIVER_TO $BUILD_AT $COMMAND $COMMAND_INFO $DEPLOY_ENVIRONMENT" \
    "$MODE '$VERBOSE' '$SILENCE' $APP $TARGET_MIX_ENV '$VERSION' '$RELEASE_VERSION' ${REVISION:-no revision}"
}
pre_init_app_remotely() { seen pre_init_app_remotely; }
post_init_app_remotely() { seen post_init_app_remotely; }
pre_git_push() { seen pre_git_push; }
post_git_push() { seen post_git_push; }
pre_git_submodules() { seen pre_git_submodules; }
post_git_submodules() { seen post_git_submodules; }
pre_erlang_get_and_update_deps() { seen pre_erlang_get_and_update_deps; }
post_erlang_get_and_update_deps() { seen post_erlang_get_and_update_deps; }
pre_erlang_clean_compile() { seen pre_erlang_clean_compile; }
post_erlang_clean_compile() { seen post_erlang_clean_compile; }
pre_erlang_generate_release() { seen pre_erlang_generate_release; }
post_erlang_generate_release() { seen post_erlang_generate_release; }
"#;

#[test]
fn every_hook_in_order_with_what_it_sees() {
    let project = Project::new(1, HOOKS).with_sources();
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    insta::assert_snapshot!(project.trace(), @"
    pre_init_app_remotely: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' no revision
    post_init_app_remotely: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    pre_git_push: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    post_git_push: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    pre_git_submodules: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    post_git_submodules: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    pre_erlang_get_and_update_deps: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    mix local.rebar --force
    mix local.hex --force
    mix deps.get --only prod
    post_erlang_get_and_update_deps: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    pre_erlang_clean_compile: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    mix do clean, compile
    post_erlang_clean_compile: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    pre_erlang_generate_release: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    mix release --quiet --overwrite
    post_erlang_generate_release: host-1 [user]@host-1 ~/build ~/build build release staging compact '' '&> /dev/null' stand_in prod '' '' [head]
    ");
    project.world.edeliver(["build", "release", "--plain", "--verbose", "--mix-env=staging"]).succeeds();
    let trace = project.trace();
    assert!(trace.contains("verbose 'true' '' stand_in staging"), "{trace}");
}

#[test]
fn what_a_hook_changes_holds_for_the_next_step_and_hook() {
    let project = Project::new(
        1,
        r#"
pre_init_app_remotely() { DELIVER_TO="~/elsewhere"; COUNT=1; }
pre_git_push() { COUNT=$((COUNT + 1)); }
pre_erlang_clean_compile() { note "$DELIVER_TO $COUNT"; TARGET_MIX_ENV=demo; MIX_CMD="./mix --demo"; }
post_erlang_clean_compile() { MIX_CMD=./mix; TARGET_MIX_ENV=prod; }
"#,
    )
    .with_sources();
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    let host = project.world.host(1);
    assert!(host.home().join("elsewhere/_build").exists() && !host.home().join("build").exists());
    insta::assert_snapshot!(project.trace(), @"
    mix local.rebar --force
    mix local.hex --force
    mix deps.get --only prod
    ~/elsewhere 2
    mix --demo do clean, compile
    mix release --quiet --overwrite
    ");
}

// Two hooks see the same shell, with all that it has: functions, arrays, options.
#[test]
fn all_hooks_of_a_command_share_one_bash() {
    let project = Project::new(
        1,
        r#"
pre_init_app_remotely() { FIRST=$$; LIST=(a "b c"); later() { note "later: ${LIST[1]}"; }; }
post_git_push() { later; [ "$FIRST" = "$$" ] && note "the same"; cd /; }
post_erlang_generate_release() { note "in $PWD"; }
"#,
    )
    .with_sources();
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    let trace = project.trace();
    let notes: Vec<&str> = trace.lines().filter(|line| !line.starts_with("mix ")).collect();
    assert_eq!(notes, ["later: b c", "the same", "in /"]);
}

// Hooks run on the user's machine, in the project, with the user's environment and programs.
#[test]
fn hooks_call_ssh_scp_and_git_themselves() {
    let project = Project::new(
        1,
        r#"
pre_git_push() {
  note "$(git log --format=%s -1) in $(basename "$PWD")"
  echo content >note.txt
  scp -O -F "$SSH_CONFIG" -q note.txt "$HOSTS_APP_USER:copied" && rm note.txt
  ssh -F "$SSH_CONFIG" "$HOSTS_APP_USER" "cat copied; pwd" >>"$TRACE"
}
"#,
    )
    .with_sources();
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    let home = project.world.host(1).home();
    let trace = project.trace();
    assert!(trace.starts_with(&format!("change in project\ncontent\n{home}\nmix ")), "{trace}");
    assert_eq!(fs::read_to_string(home.join("copied")).unwrap(), "content\n");
}

// The store is a directory on a host: a build puts its archive there, a deploy takes it from there.
#[test]
fn a_store_on_a_host() {
    let store = format!("RELEASE_STORE=\"{}@host-2:archives\"\n", user());
    let project = Project::new(2, &store).with_sources();
    let world = &project.world;
    world.edeliver(["build", "release", "--plain"]).succeeds().says(&["to remote release store"]);
    assert_eq!(project.stored(), Vec::<String>::new(), "it lies in the store only");
    let archive = world.host(2).home().join("archives/stand_in_1.0.0.release.tar.gz");
    assert!(archive.exists());
    let deploy = ["deploy", "release", "to", "production", "--version=1.0.0", "--plain"];
    world.edeliver(deploy).succeeds().says(&["from remote release store"]);
    for host in world.all() {
        assert_eq!(fs::read_to_string(host.root().join("releases/start_erl.data")).unwrap(), "1 1.0.0\n");
    }
    // What is damaged in the store is no release.
    fs::write(&archive, "damaged").unwrap();
    let before = world.snapshot();
    world.edeliver(deploy).exits(1).says(&["stand_in_1.0.0.release.tar.gz"]);
    world.assert_unchanged(&before);
}
