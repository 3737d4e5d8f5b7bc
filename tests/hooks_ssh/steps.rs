//! Steps that the config redefines.

use fs_err as fs;

use crate::project::Project;

/// A project whose config has this function, and hooks that must not run around it.
fn with_step(step: &str, body: &str) -> Project {
    let config = format!(
        "{step}() {{\n  note 'theirs'\n{body}\n}}\npre_{step}() {{ note 'a hook'; }}\npost_{step}() {{ note 'a hook'; }}\n"
    );
    Project::new(1, &config).with_sources()
}

/// What stands in for a step that the others need, and the status line of ours, which is not shown.
const STEPS: [(&str, &str, &str); 10] = [
    (
        "init_app_remotely",
        "__sync_remote \"git init -q ~/build && cd ~/build && git config receive.denyCurrentBranch ignore\"",
        "Ensuring hosts",
    ),
    (
        "git_push",
        "GIT_SSH_COMMAND=\"ssh -F $SSH_CONFIG\" git push -q -f \"$HOSTS_APP_USER:build\" main",
        "Pushing new commits",
    ),
    (
        "git_reset_remote",
        "__sync_remote \"cd $DELIVER_TO && git reset -q --hard $REVISION\"",
        "Resetting remote hosts",
    ),
    ("git_clean_remote", "", "Cleaning generated files"),
    ("git_submodules", "", "Updating git submodules"),
    ("erlang_get_and_update_deps", "", "Fetching / Updating"),
    ("erlang_clean_compile", "", "Compiling sources"),
    ("erlang_generate_release", "__sync_remote \"cd ~/build && ./mix release\"", "Generating release"),
    (
        "erlang_archive_release",
        "__sync_remote \"cd ~/build/_build/prod/rel && mkdir -p stand_in/releases/1.0.0 && tar -czf /tmp/a.$$ stand_in && mv /tmp/a.$$ stand_in/releases/1.0.0/stand_in.tar.gz\"",
        "Building archive",
    ),
    (
        "copy_release_to_release_store",
        "note $RELEASE_VERSION; touch .deliver/releases/copied",
        "Copying release",
    ),
];

#[test]
fn each_redefined_step_takes_the_place_of_ours_and_of_its_hooks() {
    for (step, body, status) in STEPS {
        println!("{step}");
        let project = with_step(step, body);
        let output = project.world.edeliver(["build", "release", "--plain"]).succeeds();
        assert!(!output.stdout.contains(status), "{step}: {}", output.shown());
        let trace = project.trace();
        assert_eq!(trace.matches("theirs").count(), 1, "{step}: {trace}");
        assert!(!trace.contains("a hook"), "{step}: {trace}");
        let stored =
            if step == "copy_release_to_release_store" { "copied" } else { "stand_in_1.0.0.release.tar.gz" };
        assert_eq!(project.stored(), [stored], "{step}");
    }
}

#[test]
fn a_redefined_step_that_fails_fails_the_build() {
    for step in ["init_app_remotely", "git_submodules", "copy_release_to_release_store"] {
        let project = with_step(step, "false");
        let output = project.world.edeliver(["build", "release", "--plain"]).exits(1);
        let output = output.says(&[&format!("{step} (.deliver/config:")]);
        assert!(output.stderr.contains("returned status 1"), "{}", output.shown());
        assert!(project.stored().is_empty());
        assert!(!project.world.host(1).home().join("build/.git/edeliver-build.lock").exists());
    }
}

/// Brings the archive to where the original does, and what is in BROKEN instead on one host.
const UPLOAD: &str = r#"
STABLE_FOR=0
upload_release_archive() {
  note "theirs: $RELEASE_FILE"
  __remote "mkdir -p $DELIVER_TO/$APP"
  for host in $HOSTS_APP_USER; do
    __remote "cat >$DELIVER_TO/$APP/${APP}_$VERSION.tar.gz" "$host" <"$RELEASE_STORE/releases/$RELEASE_FILE"
  done
  BROKEN
}
pre_extract_release_archive() { note "$(__remote "ls $DELIVER_TO $DELIVER_TO/$APP" | grep -c tar.gz)"; }
"#;

#[test]
fn a_redefined_upload_brings_the_archive_by_itself() {
    let mut project = Project::new(2, &UPLOAD.replace("BROKEN", ":")).running();
    let output = project.world.deploy("2.0.0").succeeds();
    assert!(!output.stdout.contains("Uploading archive"), "{}", output.shown());
    assert_eq!(project.trace(), "theirs: stand_in_2.0.0.release.tar.gz\n0");
    project.world.assert_runs("2.0.0");
    let before = project.world.snapshot();
    let archive = "$DELIVER_TO/$APP/${APP}_$VERSION.tar.gz";
    for (broken, said) in [
        ("return 3".to_owned(), "returned status 3"),
        (format!("__remote \"rm {archive}\" \"$host\""), "has brought neither"),
        (
            format!("__remote \"mv {archive} x && head -c 1000 x >{archive}; rm x\" \"$host\""),
            "cannot unpack",
        ),
        (":\n}\npre_start_deployed_release() {\n  false".to_owned(), "pre_start_deployed_release"),
    ] {
        println!("{broken}");
        project = project.config(&UPLOAD.replace("BROKEN", &broken));
        project.world.deploy("1.0.0").exits(1).says(&[said]);
        assert!(project.trace().starts_with("theirs: stand_in_1.0.0.release.tar.gz"));
        project.world.assert_unchanged(&before);
    }
}

#[test]
fn a_redefined_upload_for_a_first_deploy_that_fails_leaves_nothing() {
    let mut project = Project::new(1, "");
    project.world = project.world.release("1.0.0").config(&UPLOAD.replace("BROKEN", "return 3"));
    let before = project.world.snapshot();
    project.world.deploy("1.0.0").exits(1).says(&["returned status 3"]);
    project.world.assert_unchanged(&before);
    let project = project.config(&UPLOAD.replace("BROKEN", ":"));
    project.world.deploy("1.0.0").succeeds();
    project.world.assert_runs("1.0.0");
}

#[test]
fn a_redefined_start_is_the_configs_own_business() {
    let project = Project::new(
        1,
        r#"
pre_extract_release_archive() { __remote "$DELIVER_TO/stand_in/bin/stand_in pid >~/old.pid"; }
force_start_release() {
  note "theirs"
  __remote "kill \$(cat ~/old.pid); $DELIVER_TO/stand_in/bin/stand_in start"
}
pre_start_deployed_release() { note 'a hook'; }
"#,
    )
    .running();
    let output = project.world.deploy("2.0.0").succeeds();
    assert!(!output.stdout.contains("Starting deployed release"), "{}", output.shown());
    assert_eq!(project.trace(), "theirs");
    project.world.host(1).wait_for_node("2.0.0");
    let control = fs::read_to_string(project.world.host(1).root().join("releases/start_erl.data")).unwrap();
    assert!(control.ends_with("2.0.0"), "{control}");
}
