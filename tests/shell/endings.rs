//! How functions end, and what is told about it.

use edeliver::report::{Report, ReportOptions};
use edeliver::shell::{
    Ending, RemoteScript, Reply, Requests, ShellError, ShellHost, ShellOptions, Variables,
};
use edeliver::transport::Interrupt;
use tempfile::TempDir;

use super::world::{World, ending};
use crate::user_bash;

#[test]
fn statuses_are_read_strictly() {
    use Ending::{FellThrough, Returned};
    for (body, expected) in [
        ("return 0", Returned(0)),
        ("return 1", Returned(1)),
        ("return 3", Returned(3)),
        ("false", Returned(1)),
        ("false; true", Returned(0)),
        ("nosuchcommand-xyz", Returned(127)),
        // A test falls through.
        ("[ -f /nox ] && foo", FellThrough(1)),
        ("[[ -f /nox ]] && foo", FellThrough(1)),
        ("test -f /nox && foo", FellThrough(1)),
        ("[ -d / ] && [ -f /nox ] && foo", FellThrough(1)),
        ("(( 0 )) && foo", FellThrough(1)),
        ("[ -f /nox ] && { foo; foo; }", FellThrough(1)),
        ("[ -f /nox ] && ( exit 3 )", FellThrough(1)),
        ("[ -f /nox ] && foo | cat", FellThrough(1)),
        ("for x in a b; do [ $x = a ] && foo; done", FellThrough(1)),
        ("if true; then [ -f /nox ] && foo; fi", FellThrough(1)),
        ("case x in x) [ -f /nox ] && foo ;; esac", FellThrough(1)),
        ("inner() { [ -f /nox ] && foo; }; inner", FellThrough(1)),
        ("false; [ -f /nox ] && foo", FellThrough(1)),
        ("__exec_if_defined nothing_of_that_name", FellThrough(1)),
        ("[[ $(false) ]] && foo", FellThrough(1)),
        ("[ \"`false`\" = x ] && foo", FellThrough(1)),
        ("[ -f /nox ] && foo || true", Returned(0)),
        ("if [ -f /nox ]; then foo; fi", Returned(0)),
        // What a test lets through must succeed.
        ("[ -d / ] && false", Returned(1)),
        ("[[ -d / ]] && return 2", Returned(2)),
        ("[ -d / ] && { false; }", Returned(1)),
        ("[ -d / ] && ( cd / && false )", Returned(1)),
        ("[ -d / ] && ( exit 3 )", Returned(3)),
        ("[ -d / ] && true | false", Returned(1)),
        ("[ -d / ] && X=$(false)", Returned(1)),
        ("[ -f /nox ] || false", Returned(1)),
        ("[ a b c ] 2>/dev/null && foo", Returned(2)),
        ("[ -f /nox ] || return 1", Returned(1)),
        ("[ -f /nox ]; return $?", Returned(1)),
        ("inner() { [ -d / ] && ( exit 3 ); }; inner", Returned(3)),
        ("inner() { [ -f /nox ] && foo; }; inner; return 1", Returned(1)),
        ("[ -f /nox ] && foo; false", Returned(1)),
        ("grep -q nowhere /dev/null && foo", Returned(1)),
        ("__exec_if_defined false_one; false", Returned(1)),
    ] {
        assert_eq!(ending(body), expected, "{body}");
    }
}

#[test]
fn a_failure_names_the_command_and_its_line() {
    let mut world = World::new("# a comment\nhook() {\n  true\n  ls /no/such/file\n}\n");
    let outcome = world.call("hook");
    let failed = outcome.failed.unwrap();
    let line = if user_bash::tells_lines() { 4 } else { 2 };
    assert_eq!((failed.command.as_str(), failed.line), ("ls /no/such/file", Some(line)));
    assert!(failed.file.ends_with("/config"), "{}", failed.file);
    assert!(outcome.tail.iter().any(|line| line.contains("/no/such/file")), "{:?}", outcome.tail);
}

#[test]
fn exit_ends_the_shell_and_is_told() {
    let mut world = World::new("hook() {\n  echo before\n  exit 4\n}\nother() { :; }\n");
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Exited(4));
    assert_eq!(outcome.tail, ["before"]);
    let after = world.host.call("other", &[], &mut world.asked);
    assert!(matches!(after, Err(ShellError::Ended(_))), "{after:?}");
}

#[test]
fn errors_and_failing_scripts_end_the_shell_with_1() {
    for body in
        ["error 'went wrong'", "fail", "__sync_remote 'exit 7' me@h; echo unreached", "__sync_local 'exit 7'"]
    {
        let mut world = World::new(&format!("hook() {{ {body}; }}"));
        let outcome = world.call("hook");
        assert_eq!(outcome.ending, Ending::Exited(1), "{body}");
        assert!(!outcome.tail.iter().any(|line| line.contains("unreached")));
    }
}

#[test]
fn a_shell_that_is_killed_is_told() {
    assert_eq!(ending("kill -9 $$; sleep 9"), Ending::Killed(9));
    assert_eq!(ending("sh -c 'kill -15 $$'"), Ending::Returned(143));
}

#[test]
fn errexit_of_a_config_counts() {
    let mut world = World::new("set -e\nhook() {\n  false\n  echo unreached\n}\n");
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Exited(1));
    assert_eq!(outcome.failed.unwrap().line, Some(if user_bash::tells_lines() { 3 } else { 2 }));
    assert_eq!(outcome.tail, Vec::<String>::new());
}

#[test]
fn being_asked_to_stop_ends_a_hook() {
    let project = TempDir::new().unwrap();
    let interrupt = Interrupt::default();
    let options = ShellOptions {
        bash: user_bash::program(),
        project: project.path().to_owned(),
        report: Report::new(ReportOptions::default()),
        interrupt: interrupt.clone(),
    };
    let mut host = ShellHost::start(options, "a test").unwrap();
    struct Raise(Interrupt);
    impl Requests for Raise {
        fn remote(&mut self, _: &RemoteScript) -> Reply {
            Reply::default()
        }
        fn step(&mut self, _: &str, _: &[String], _: &mut Variables) -> Reply {
            Reply::default()
        }
        fn log(&mut self, _: &str) {
            self.0.raise();
        }
    }
    // It asks to be stopped once it runs.
    let stopped = host.call("eval", &["__log x; sleep 60"], &mut Raise(interrupt));
    assert!(matches!(stopped, Err(ShellError::Interrupted(_))), "{stopped:?}");
}
