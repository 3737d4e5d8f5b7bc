//! What comes of how a hook ends.

use crate::project::Project;

/// How a hook ends that fails a command, and what is said about it.
const FAILING: [(&str, &str); 9] = [
    ("return 1", "returned status 1"),
    ("return 3", "returned status 3"),
    ("echo almost\n  false", "the last command that failed is `false` at .deliver/config:"),
    ("no_such_command", "returned status 127"),
    ("exit 4", "ended with exit status 4"),
    ("kill -9 $$", "was killed by signal 9"),
    ("error 'it is over'", "ended with exit status 1"),
    ("set -e\n  false\n  true", "ended with exit status 1"),
    (
        "__sync_remote \"\n    true\n    false\n    touch ~/unreached\n  \" \"${HOSTS_APP_USER%% *}\"",
        "a script of the config ended with exit status 1 on",
    ),
];

/// How a hook ends that is fine.
const FINE: [&str; 9] = [
    "return 0",
    "false\n  true",
    "[ -f /no/such/file ] && note unreached",
    "[[ $VERBOSE = true ]] && note unreached",
    "__exec_if_defined no_function_of_that_name",
    "cat\n  read -r answer\n  [ -z \"$answer\" ]",
    "confirm 'Really?' || note 'nobody said yes'",
    "head -c 10000000 /dev/zero | tr '\\0' x\n  echo",
    "if [ -f /no/such/file ]; then false; fi",
];

fn project(hook: &str, body: &str) -> String {
    format!("{hook}() {{\n  note ran\n  {body}\n}}")
}

#[test]
fn a_build_fails_at_a_hook_that_fails() {
    let mut built = Project::new(1, "").with_sources();
    for (body, said) in FAILING {
        println!("{body}");
        built = built.config(&project("pre_git_push", body));
        let output = built.world.edeliver(["build", "release", "--plain"]).exits(1);
        let output = output.says(&["pre_git_push (.deliver/config:", said]);
        assert!(!output.stdout.contains("Pushing"), "{}", output.shown());
        assert_eq!(built.trace(), "ran");
        let home = built.world.host(1).home();
        assert!(!home.join("build/.git/edeliver-build.lock").exists() && !home.join("unreached").exists());
    }
}

#[test]
fn a_build_goes_on_after_a_hook_that_is_fine() {
    let mut built = Project::new(1, "").with_sources();
    for body in FINE {
        println!("{body}");
        built = built.config(&project("pre_git_push", body));
        let output = built.world.edeliver(["build", "release", "--plain"]).succeeds();
        let printed = output.stdout.len() > 10_000_000;
        assert_eq!(printed, body.contains("10000000"), "{body}: {} bytes", output.stdout.len());
        assert!(built.trace().starts_with("ran\n"));
    }
}

#[test]
fn hook_errexit_false_is_as_lenient_as_the_original() {
    let mut built = Project::new(1, "HOOK_ERREXIT=false").with_sources();
    for body in ["return 3", "false", "no_such_command", "__sync_remote \"false\n touch ~/reached\""] {
        built = built.config(&project("pre_git_push", body));
        let output = built.world.edeliver(["build", "release", "--plain"]).succeeds();
        let ignored = output.stdout.contains("which HOOK_ERREXIT=false ignores");
        assert_eq!(ignored, !body.contains("remote"), "{}", output.shown());
    }
    assert!(built.world.host(1).home().join("reached").exists());
    // These ended the original as well.
    for body in ["exit 4", "kill -9 $$", "error over"] {
        built = built.config(&project("pre_git_push", body));
        built.world.edeliver(["build", "release", "--plain"]).exits(1);
    }
}

// Whichever hook of a deploy fails, and however: every host is as it was.
#[test]
fn a_deploy_is_rolled_back_after_a_hook_that_fails() {
    let hooks = [
        "pre_extract_release_archive",
        "post_extract_release_archive",
        "pre_start_deployed_release",
        "post_start_deployed_release",
    ];
    let mut deployed = Project::new(2, "").running();
    let before = deployed.world.snapshot();
    let moves = ("DELIVER_TO=~/elsewhere", "has changed DELIVER_TO to");
    for (at, (body, said)) in FAILING.into_iter().chain([moves]).enumerate() {
        let hook = hooks[at % hooks.len()];
        println!("{hook}: {body}");
        deployed = deployed.config(&project(hook, body));
        deployed.world.deploy("2.0.0").exits(1).says(&[hook, said]);
        assert_eq!(deployed.trace(), "ran", "{hook}: {body}");
        deployed.world.assert_unchanged(&before);
        deployed = deployed.config(&format!("{hook}() {{ :; }}"));
    }
    deployed.world.deploy("2.0.0").succeeds();
    deployed.world.assert_runs("2.0.0");
}

// A step of the config's own that fails, and a deploy that is interrupted while a hook runs.
#[test]
fn a_deploy_is_rolled_back_when_it_is_interrupted_in_a_hook() {
    let deployed = Project::new(2, "pre_start_deployed_release() { note ran; sleep 60; }").running();
    let before = deployed.world.snapshot();
    let running = deployed.world.spawn_deploy("2.0.0");
    let trace = deployed.world.home().join("trace");
    deployed.world.host(1).wait_until("in the hook", |_| trace.exists());
    running.signal(rustix::process::Signal::INT);
    running.wait().exits(130).says(&["interrupted"]);
    deployed.world.assert_unchanged(&before);
}
