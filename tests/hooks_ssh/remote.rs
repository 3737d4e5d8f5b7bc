//! What hooks send to hosts.

use std::io::Write;
use std::process::Command;

use fs_err as fs;

use crate::common::sshd::Sshd;
use crate::common::world::{At, World};
use crate::project::Project;

/// A script with everything that can go wrong on its way: quotes of all kinds, dollars, backslashes,
/// tabs, line ends of both kinds, no final line end, and what is not ASCII.
const SCRIPT: &str = "\n    [ -f ~/.profile ] && source ~/.profile\n\tset -e # it's \"quoted\"\n    cd $APP \\\n      && \
     echo 'a  b' \"$HOME\" ${X:-y} \\\\ \\' `true` $(true) \\$ *  \r\n    printf '%s\\n' \"grüße ☃\" !x\n  # end";

#[test]
fn text_reaches_the_host_byte_for_byte() {
    let project =
        Project::new(1, "pre_git_push() { TEXT=$(cat script; echo .); __sync_remote \"${TEXT%.}\"; }")
            .with_sources();
    // What is sent runs nothing here.
    let script = format!("exit 0\n{SCRIPT}");
    fs::write(project.world.project().join("script"), &script).unwrap();
    let host = project.world.host(1);
    let received = "printf '%s' \"$EDELIVER_HOOK\" >\"$HOME/received\"\nexec \"$real\" \"$@\"";
    let trap = host.trap(&At::call("bash", "*", 1), received);
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    trap.was_reached();
    assert_eq!(fs::read_to_string(host.home().join("received")).unwrap(), script);
}

// What stands in double quotes is expanded here, the rest there.
#[test]
fn text_is_expanded_by_bash_here_and_run_by_bash_there() {
    let project = Project::new(
        1,
        r#"
pre_git_push() {
  local word="of here"
  HERE=$(__sync_remote "
    word='of there'
    echo \"$word, \$word, \${BASH_VERSION:+bash}, \$HOME\"
    [[ a = a ]] && echo 'it'\''s fine'
    cat <<-EOT
	\$((1 + 1)) \`echo three\`
	EOT
  ")
  note "$HERE"
  echo "from here" | __sync_remote "cat >~/piped"
}
"#,
    )
    .with_sources();
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    let home = project.world.host(1).home();
    let trace = project.trace();
    let expected = format!("of here, of there, bash, {home}\nit's fine\n2 three\n");
    assert!(trace.starts_with(&expected), "{trace}");
    assert_eq!(fs::read_to_string(home.join("piped")).unwrap(), "from here\n");
}

// Standard input may be a pipe that nobody closes, as in CI: no step waits for its end, nor takes from it.
#[test]
fn a_pipe_that_stays_open_holds_nothing_up() {
    let hooks = "pre_git_push() { __sync_remote 'cat >~/read'; }";
    let project = Project::new(1, hooks).with_sources();
    let program = Command::new(env!("CARGO_BIN_EXE_edeliver"));
    let mut command = project.world.command(program, ["build", "release", "--plain"]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"for nobody\n").unwrap();
    let output = command.stdin(reader.try_clone().unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(project.world.host(1).home().join("read")).unwrap(), "");
    drop((command, writer));
    assert_eq!(std::io::read_to_string(reader).unwrap(), "for nobody\n", "all of it is still there");
}

// The output of a remote script is shown with -V and when it fails; a failure shows the script.
#[test]
fn output_of_remote_scripts() {
    let hook = "pre_git_push() { __sync_remote 'echo said here'; }";
    let project = Project::new(1, hook).with_sources();
    let quiet = project.world.edeliver(["build", "release", "--plain"]).succeeds();
    assert!(!quiet.stdout.contains("said here"), "{}", quiet.shown());
    project.world.edeliver(["build", "release", "--plain", "--verbose"]).succeeds().says(&["said here"]);
    let project = project.config("pre_git_push() {\n  __sync_remote '\n    echo said here\n    ls /no/such/file\n    touch ~/unreached'\n}");
    project.world.edeliver(["build", "release", "--plain"]).exits(1).says(&[
        "said here",
        "/no/such/file",
        "a script of the config ended with exit status 2 on",
        "host-1:\n  echo said here\n  ls /no/such/file\n",
    ]);
    assert!(!project.world.host(1).home().join("unreached").exists());
}

#[test]
fn remote_reaches_all_hosts_at_once_and_fails_when_one_does() {
    let deployed = Project::new(
        3,
        r#"
pre_start_deployed_release() {
  __remote "basename \$(dirname \$HOME) >~/was-here"
  note "$(__remote "cat ~/was-here" | sort -u | grep -c .) of them"
  __remote "touch ~/only" "${HOSTS_APP_USER##* }"
}
"#,
    )
    .running();
    deployed.world.deploy("2.0.0").succeeds();
    assert_eq!(deployed.trace(), "3 of them");
    let only: Vec<bool> = deployed.world.all().iter().map(|host| host.home().join("only").exists()).collect();
    assert_eq!(only, [false, false, true]);

    fs::write(deployed.world.host(2).home().join("fails"), "").unwrap();
    let deployed = deployed.config("pre_start_deployed_release() { __remote \"[ ! -f ~/fails ]\"; }");
    let before = deployed.world.snapshot();
    deployed.world.deploy("1.0.0").exits(1).says(&["exit status 1 on", "host-2"]);
    deployed.world.assert_unchanged(&before);
    // The original would have run it on the first host only, or on one called "a b".
    let deployed = deployed.config("pre_start_deployed_release() { __sync_remote true; }");
    deployed.world.deploy("1.0.0").exits(1).says(&["was given several", "use __remote"]);
    deployed.world.assert_unchanged(&before);
}

// Whatever the login shell is, the script runs in bash.
#[test]
fn login_shells_make_no_difference() {
    for shell in ["dash", "zsh", "fish"] {
        let world = World::new().host_like(Sshd::options().login_shell(shell)).release("1.0.0");
        let world = world.config("post_extract_release_archive() { __sync_remote \"[[ -d $DELIVER_TO ]] && echo {a,b} >~/$APP\"; }");
        world.edeliver(["deploy", "release", "to", "production", "--plain"]).succeeds();
        assert_eq!(fs::read_to_string(world.host(1).home().join("stand_in")).unwrap(), "a b\n", "{shell}");
    }
}
