//! Secrets: in no output, log or list of processes, and in no file on a host.

use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use fs_err as fs;

use crate::project::Project;

/// From `.deliver/.env`, where everything is a secret; from the config, by their names; and found out
/// by a hook.
const SECRETS: [&str; 5] =
    ["env-5ecr3t-1", "config-5ecr3t-2", "config-5ecr3t-3", "found-5ecr3t-4", "key-5ecr3t-5"];

const CONFIG: &str = r#"
DB_PASSWORD="config-5ecr3t-2"
api_token='config-5ecr3t-3'
all() { echo "$HARMLESS_NAME $DB_PASSWORD $api_token $FOUND_SECRET $LINES_KEY"; }
pre_git_push() {
  FOUND_SECRET=$(echo found-5ecr3t-4)
  LINES_KEY=$(printf -- '-----BEGIN-----\nkey-5ecr3t-5\n')
  : "$(__sync_remote "true")"
  echo "echoed: $(all)"
  all >&2
  status "$(all)"
  __log "$(all)"
  __sync_local "echo '$(all)'"
  HOLD
  SAID=$(__sync_remote "echo '$(all)'")
  echo "said: $SAID"
  __remote "echo '$(all)' >/dev/null
    touch ~/reached
    while [ ! -e ~/go ]; do sleep 0.02; done"
  END
}
get_ping_node_command() { echo "echo '$(all)'"; }
"#;

fn project(end: &str) -> Project {
    let project = Project::new(1, &CONFIG.replace("  HOLD\n", "").replace("END", end)).with_sources();
    fs::write(project.world.project().join(".deliver/.env"), "HARMLESS_NAME=env-5ecr3t-1\n").unwrap();
    project
}

#[track_caller]
fn assert_hidden(place: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {place}:\n{text}");
    }
}

/// Every process of this machine, which is both the user's and the host's.
fn processes() -> String {
    let processes = fs::read_dir("/proc").unwrap();
    let lines = processes.filter_map(|entry| std::fs::read(entry.unwrap().path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

/// No file below has a secret, except those in which the user has written them.
fn assert_no_file(below: &Utf8Path) {
    for entry in below.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        if path.is_symlink() || path.ends_with(".deliver/config") || path.ends_with(".deliver/.env") {
            continue;
        }
        if path.is_dir() {
            assert_no_file(&path);
        } else if path.is_file() {
            assert_hidden(path.as_str(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn secrets_are_nowhere() {
    for options in [&["--plain"][..], &["--plain", "--verbose"], &["--plain", "--debug"]] {
        let project = project(":");
        let host = project.world.host(1);
        let running = project.world.spawn(["build", "release"].iter().chain(options));
        host.wait_until("in the hook", |host| host.home().join("reached").exists());
        assert_hidden("the list of processes", &processes());
        fs::write(host.home().join("go"), "").unwrap();
        let output = running.wait().succeeds();
        let shown = output.shown();
        assert_hidden("the output", &shown);
        let masked = output.stdout.matches("[secret] [secret] [secret] [secret] ").count();
        assert!(masked >= 3, "{}", output.shown());
        let ping = project.world.edeliver(["ping", "production", "--plain"]).succeeds();
        assert_hidden("the answer of a node", &ping.says(&["response: [secret]"]).shown());
        assert_no_file(project.world.home());
        assert_no_file(host.home().parent().unwrap());
        let file = project.world.home().join(LOG);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let log = fs::read_to_string(file).unwrap();
        assert!(log.contains("[secret]"), "{log}");
    }
}

/// Where the log lies without LOG_FILE.
const LOG: &str = ".local/state/edeliver/stand_in.log";

// An error shows the script or the command that failed, but not the secrets in it.
#[test]
fn secrets_are_in_no_error() {
    for end in [
        "__sync_remote \"echo '$(all)'; false\"",
        "ls \"/no/such/$(all)\"",
        "__sync_local \"echo '$(all)'; false\"",
        "error \"$(all)\"",
        "set -x; cat \"$(all)\"",
        "eval \"false '$(all)'\"",
    ] {
        let project = project(end);
        fs::write(project.world.host(1).home().join("go"), "").unwrap();
        let output = project.world.edeliver(["build", "release", "--plain"]).exits(1);
        assert_hidden("the error", &output.shown());
        assert!(output.stderr.contains("[secret]"), "{end}: {}", output.shown());
        assert_no_file(project.world.home());
    }
}

// A hook that runs before any other, with what only the environment holds, and one that says what it
// has found out before it keeps it.
#[test]
fn secrets_are_hidden_before_a_hook_has_set_anything() {
    let config = r#"
pre_init_app_remotely() {
  echo "first $CI_DEPLOY_TOKEN"
  found=$(echo "found-""5ecr3t-4")
  echo "LATE_PASSWORD=$found"
}
"#;
    let project = Project::new(1, config).with_sources();
    let environment = [("CI_DEPLOY_TOKEN", "env-5ecr3t-1")];
    let output = project.world.edeliver_with(&environment, ["build", "release", "--plain"]).succeeds();
    let output = output.says(&["first [secret]", "LATE_PASSWORD=[secret]"]);
    assert_hidden("the output", &output.shown());
    assert_no_file(project.world.home());
}

#[test]
fn check_config_shows_no_secrets() {
    let project = project(":");
    for words in [&["check", "config", "--plain"][..], &["check", "config", "--json"]] {
        let output = project.world.edeliver(words).succeeds();
        assert_hidden("the settings", &output.says(&["[secret]"]).shown());
    }
}
