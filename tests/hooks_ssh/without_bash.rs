//! Machines without bash: what is static works, and what is not says which line needs it.

use std::os::unix::fs::symlink;

use camino::Utf8PathBuf;
use fs_err as fs;

use crate::project::Project;

/// The variable that names a bash that is not there.
const NO_BASH: (&str, &str) = ("BASH_CMD", "/nonexistent/bash");

#[test]
fn static_configs_need_no_bash() {
    let project = Project::new(1, "pre_git_push() { :; }").running();
    let version = ["version", "production", "--plain"];
    project.world.edeliver_with(&[NO_BASH], version).succeeds().says(&["response: 1.0.0"]);
    let deploy = ["deploy", "release", "to", "production", "--plain", "--version=2.0.0", "--start-deploy"];
    project.world.edeliver_with(&[NO_BASH], deploy).succeeds();
    project.world.assert_runs("2.0.0");
}

/// A PATH with everything but bash.
fn path_without_bash(project: &Project) -> Utf8PathBuf {
    let path = project.world.home().join("bin");
    fs::create_dir(&path).unwrap();
    for directory in ["/usr/bin", "/bin", "/usr/sbin"] {
        for program in fs::read_dir(directory).unwrap() {
            let program = program.unwrap();
            let link = path.join(program.file_name().to_str().unwrap());
            if !program.file_name().to_string_lossy().contains("bash") && !link.exists() {
                symlink(program.path(), link).unwrap();
            }
        }
    }
    path
}

#[test]
fn what_needs_bash_says_so_and_names_its_line() {
    let project = Project::new(1, "").running();
    let before = project.world.snapshot();
    let path = path_without_bash(&project);
    let (no_path, check) = (("PATH", path.as_str()), ["check", "config", "--plain"]);
    let lines = fs::read_to_string(project.world.project().join(".deliver/config")).unwrap().lines().count();

    let hook = project.config("post_extract_release_archive() { :; }");
    for (missing, name) in [(NO_BASH, "/nonexistent/bash"), (no_path, "bash")] {
        hook.world.edeliver_with(&[missing], check).succeeds();
        hook.world.edeliver_with(&[missing], ["version", "production", "--plain"]).succeeds();
        let deploy = ["deploy", "release", "to", "production", "--plain", "--version=2.0.0"];
        hook.world.edeliver_with(&[missing], deploy).exits(2).says(&[
            &format!("post_extract_release_archive (.deliver/config:{}) needs bash", lines + 1),
            &format!("there is no `{name}`"),
            "install bash, or set BASH_CMD to one",
        ]);
        hook.world.assert_unchanged(&before);
    }

    let beyond = hook.config("RELEASE_NAME=$(echo x)");
    for missing in [NO_BASH, no_path] {
        let place = format!(".deliver/config:{} (command substitution", lines + 2);
        let says = [place.as_str(), "needs bash", "install bash, or set BASH_CMD to one"];
        beyond.world.edeliver_with(&[missing], check).exits(2).says(&says);
    }
    beyond.world.edeliver_with(&[("BASH_CMD", "/bin/bash"), no_path], check).succeeds();
}
