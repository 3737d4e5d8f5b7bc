//! Every way for a hook to end, at every place where one is called.

use crate::project::Project;

/// The hooks of a build, in the order of the original.
const OF_A_BUILD: [&str; 12] = [
    "pre_init_app_remotely",
    "post_init_app_remotely",
    "pre_git_push",
    "post_git_push",
    "pre_git_submodules",
    "post_git_submodules",
    "pre_erlang_get_and_update_deps",
    "post_erlang_get_and_update_deps",
    "pre_erlang_clean_compile",
    "post_erlang_clean_compile",
    "pre_erlang_generate_release",
    "post_erlang_generate_release",
];

/// The hooks of a deploy.
const OF_A_DEPLOY: [&str; 4] = [
    "pre_extract_release_archive",
    "post_extract_release_archive",
    "pre_start_deployed_release",
    "post_start_deployed_release",
];

const FINE: [&str; 5] = [
    "return 0",
    "false\n  true",
    "[ -f /no/such/file ] && note unreached",
    "cat\n  read -r answer\n  [ -z \"$answer\" ]",
    "head -c 10000000 /dev/zero | tr '\\0' x\n  echo",
];

const FAILING: [(&str, &str); 4] = [
    ("return 1", "returned status 1"),
    ("return 3", "returned status 3"),
    ("exit 4", "ended with exit status 4"),
    ("kill -TERM $$", "was killed by signal 15"),
];

fn function(point: &str, body: &str) -> String {
    format!("{point}() {{\n  note {point}\n  {body}\n}}\n")
}

/// Each of the hooks ends in another of the ways that are fine; with each `turn` in the next one.
fn fine(points: &[&str], turn: usize) -> String {
    points.iter().enumerate().map(|(at, point)| function(point, FINE[(at + turn) % FINE.len()])).collect()
}

/// What the hooks have written down.
fn called(project: &Project) -> Vec<String> {
    let trace = project.trace();
    trace.lines().filter(|line| !line.starts_with("mix ")).map(str::to_owned).collect()
}

const PRINTED: usize = 10_000_000;

#[test]
fn a_build_goes_on_after_each_hook_that_is_fine() {
    let mut project = Project::new(1, "").with_sources();
    for turn in 0..FINE.len() {
        let functions = fine(&OF_A_BUILD, turn);
        let printing = functions.matches("10000000").count();
        project = project.config(&functions);
        let output = project.world.edeliver(["build", "release", "--plain"]).succeeds();
        assert_eq!(called(&project), OF_A_BUILD);
        assert_eq!(output.stdout.len() / PRINTED, printing, "{} bytes", output.stdout.len());
    }
}

/// Each of these hooks fails a build in each way, and nothing after it runs.
fn fail_a_build(points: &[&str]) {
    let notes: String = OF_A_BUILD.iter().map(|point| function(point, ":")).collect();
    let mut project = Project::new(1, &notes).with_sources();
    for point in points {
        for (body, said) in FAILING {
            println!("{point}: {body}");
            project = project.config(&function(point, body));
            let output = project.world.edeliver(["build", "release", "--plain"]).exits(1);
            output.says(&[&format!("{point} (.deliver/config:"), said]);
            let at = OF_A_BUILD.iter().position(|known| known == point).unwrap();
            assert_eq!(called(&project), OF_A_BUILD[..=at], "{point}: {body}");
            assert!(!project.world.host(1).home().join("build/.git/edeliver-build.lock").exists());
        }
        project = project.config(&function(point, ":"));
    }
    assert!(!project.world.project().join(".deliver/releases").exists() || project.stored().is_empty());
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
}

#[test]
fn a_build_fails_at_each_hook_before_it_compiles() {
    fail_a_build(&OF_A_BUILD[..6]);
}

#[test]
fn a_build_fails_at_each_hook_from_the_dependencies_on() {
    fail_a_build(&OF_A_BUILD[6..]);
}

// What a hook does to DELIVER_TO holds for all that follows, wherever it does it.
#[test]
fn a_build_moves_with_each_hook() {
    let mut project = Project::new(1, "").with_sources();
    let home = project.world.host(1).home().to_owned();
    for point in OF_A_BUILD {
        println!("{point}");
        let moves = "__sync_remote \"[ ! -e ~/build ] || mv ~/build ~/moved\"\n  DELIVER_TO='~/moved'";
        project = project.config(&function(point, moves));
        project.world.edeliver(["build", "release", "--plain"]).succeeds();
        assert_eq!(called(&project), [point]);
        assert!(home.join("moved/_build").exists() && !home.join("build").exists(), "{point}");
        fs_err::rename(home.join("moved"), home.join("build")).unwrap();
        project = project.config(&format!("unset -f {point}"));
    }
}

#[test]
fn a_deploy_goes_on_after_each_hook_that_is_fine() {
    let mut project = Project::new(1, "STABLE_FOR=0").running();
    for turn in 0..FINE.len() {
        let functions = fine(&OF_A_DEPLOY, turn);
        let printing = functions.matches("10000000").count();
        let version = ["2.0.0", "1.0.0"][turn % 2];
        project = project.config(&functions);
        let output = project.world.deploy(version).succeeds();
        assert_eq!(called(&project), OF_A_DEPLOY);
        assert_eq!(output.stdout.len() / PRINTED, printing, "{} bytes", output.stdout.len());
        project.world.assert_runs(version);
    }
}

/// This hook fails a deploy in each way, nothing after it runs, and the host is as it was.
fn fail_a_deploy(point: &str) {
    let notes: String = OF_A_DEPLOY.iter().map(|point| function(point, ":")).collect();
    let mut project = Project::new(1, &format!("STABLE_FOR=0\n{notes}")).running();
    let before = project.world.snapshot();
    let moves = ("DELIVER_TO='~/elsewhere'", "has changed DELIVER_TO to ~/elsewhere");
    for (body, said) in FAILING.into_iter().chain([moves]) {
        println!("{point}: {body}");
        project = project.config(&function(point, body));
        project.world.deploy("2.0.0").exits(1).says(&[point, said]);
        let at = OF_A_DEPLOY.iter().position(|known| *known == point).unwrap();
        assert_eq!(called(&project), OF_A_DEPLOY[..=at], "{body}");
        project.world.assert_unchanged(&before);
    }
}

/// One test for each hook of a deploy, so that they run side by side.
macro_rules! fail_a_deploy_at {
    ($($name:ident: $at:literal,)*) => {
        $(
            #[test]
            fn $name() {
                fail_a_deploy(OF_A_DEPLOY[$at]);
            }
        )*
    };
}

fail_a_deploy_at! {
    a_deploy_fails_at_the_hook_before_the_switch: 0,
    a_deploy_fails_at_the_hook_after_the_switch: 1,
    a_deploy_fails_at_the_hook_before_the_start: 2,
    a_deploy_fails_at_the_hook_after_the_start: 3,
}
