//! Strategies of the project's own.

use fs_err as fs;

use crate::project::Project;

/// As the original's own strategies are written.
const BUILD: &str = r#"#!/usr/bin/env bash
require_config() { note "required"; }
run() {
  require_config
  set_build_hosts
  authorize_hosts
  note "building $APP on $HOSTS_APP_USER in $DELIVER_TO"
  init_app_remotely
  git_push
  git_reset_remote "$REVISION"
  git_clean_remote
  git_submodules
  erlang_get_and_update_deps
  erlang_clean_compile
  note "compiled"
  erlang_generate_release
  erlang_archive_release
  note "release $RELEASE_VERSION"
  copy_release_to_release_store
  status "all done"
}
help() { echo "Usage: edeliver assets [fast]"; }
"#;

const HOOKS: &str = "pre_git_push() { note pre_git_push; }\npost_git_push() { note post_git_push; }\n";

#[test]
fn a_strategy_runs_and_calls_the_steps_of_the_original_with_their_hooks() {
    let project = Project::new(1, HOOKS).with_sources().strategy("erlang-assets", BUILD);
    let output = project.world.edeliver(["assets", "--plain"]).succeeds();
    output.says(&["-----> all done", "-----> Compiling sources", "ASSETS DONE!"]);
    insta::assert_snapshot!(project.trace(), @"
    required
    building stand_in on [user]@host-1 in ~/build
    pre_git_push
    post_git_push
    mix local.rebar --force
    mix local.hex --force
    mix deps.get --only prod
    mix do clean, compile
    compiled
    mix release --quiet --overwrite
    release 1.0.0
    ");
    assert_eq!(project.stored(), ["stand_in_1.0.0.release.tar.gz"]);
    assert!(!project.world.host(1).home().join("build/.git/edeliver-build.lock").exists());
}

#[test]
fn a_strategy_has_two_words_when_its_file_has() {
    let strategy = "run() { note \"run $1 $COMMAND $COMMAND_INFO $DEPLOY_ENVIRONMENT\"; }\n";
    let project = Project::new(1, "").strategy("erlang-sync-assets", strategy);
    project.world.edeliver(["sync", "assets", "--plain"]).succeeds();
    assert_eq!(project.trace(), "run  sync assets staging");
    project.world.edeliver(["sync", "other", "--plain"]).exits(2);
    project.world.edeliver(["no_such_strategy"]).exits(2);
}

#[test]
fn help_is_the_strategys_own() {
    let project = Project::new(1, "").strategy("erlang-assets", BUILD);
    project.world.edeliver(["help", "assets"]).succeeds().says(&["Usage: edeliver assets [fast]"]);
    assert_eq!(project.trace(), "");
}

#[test]
fn a_strategy_that_fails_says_where_and_gives_its_lock_back() {
    let failing = BUILD.replace("  note \"compiled\"\n", "  ls /no/such/file\n  return 3\n");
    let project = Project::new(1, HOOKS).with_sources().strategy("erlang-assets", &failing);
    let output = project.world.edeliver(["assets", "--plain"]).exits(1);
    output.says(&["run (.deliver/strategies/erlang-assets:3) returned status 3", "/no/such/file"]);
    assert!(project.stored().is_empty());
    assert!(!project.world.host(1).home().join("build/.git/edeliver-build.lock").exists());
    // A step that fails ends the strategy, as it ended the original.
    fs::write(project.world.project().join("mix"), "#!/bin/sh\nexit 7\n").unwrap();
    project.world.commit();
    let output = project.world.edeliver(["assets", "--plain"]).exits(1);
    output.says(&["Fetching / Updating dependencies failed on", "exit status 7"]);
    // A hook of a step that fails, too.
    let project = project.config("post_git_push() { return 5; }");
    let output = project.world.edeliver(["assets", "--plain"]).exits(1);
    let output = output.says(&["post_git_push failed with status 5"]);
    assert!(!output.stdout.contains("Resetting"), "{}", output.shown());
}

#[test]
fn a_strategy_reaches_hosts() {
    let strategy = r#"
run() {
  set_deploy_hosts
  note "$HOSTS_APP_USER"
  __remote "echo reached >~/reached"
  note "$(__sync_remote "cat ~/reached" "${HOSTS_APP_USER%% *}")"
  __sync_local "echo local >\"$TRACE.local\""
  confirm "Sure?" || note "nobody to ask"
  note "$(upcase "$APP") $(trim_string "  x ")"
}
"#;
    let project = Project::new(2, "DEPLOY_ENVIRONMENT=production").strategy("erlang-reach", strategy);
    project.world.edeliver(["reach", "--plain"]).succeeds();
    insta::assert_snapshot!(project.trace(), @"
    [user]@host-1 [user]@host-2
    reached
    nobody to ask
    STAND_IN x
    ");
    assert!(project.world.all().iter().all(|host| host.home().join("reached").exists()));
    assert!(project.world.home().join("trace.local").exists());
}
