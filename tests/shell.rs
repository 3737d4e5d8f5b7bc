//! The user's own bash: what a config's functions see, set, print and ask for, and how they end.
//! Everything here runs through the real bash of this machine.

use camino::Utf8PathBuf;
use edeliver::report::{Redactor, Report, ReportOptions};
use edeliver::shell::{
    CallOutcome, Ending, Reach, RemoteScript, Reply, Requests, ShellError, ShellHost, ShellOptions, Value,
    Variables,
};
use edeliver::transport::Interrupt;
use proptest::prelude::*;
use tempfile::TempDir;

/// Serves scripts by running them on this machine, and steps by writing down that they were asked for.
#[derive(Default)]
struct Asked {
    scripts: Vec<RemoteScript>,
    steps: Vec<String>,
    logged: Vec<String>,
}

impl Requests for Asked {
    fn remote(&mut self, script: &RemoteScript) -> Reply {
        self.scripts.push(script.clone());
        let text = String::from_utf8(script.text.clone()).unwrap();
        let input = script.stdin.clone().unwrap_or_default();
        let ran = duct::cmd!("bash", "-e", "-c", text)
            .stdin_bytes(input)
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        let output = if script.is_value { ran.stdout } else { Vec::new() };
        Reply { status: u8::try_from(ran.status.code().unwrap()).unwrap(), output }
    }

    fn step(&mut self, name: &str, arguments: &[String], variables: &mut Variables) -> Reply {
        let seen = variables.get("DELIVER_TO").unwrap_or("nothing").to_owned();
        self.steps.push(format!("{name}({}) in {seen}", arguments.join(",")));
        variables.set("RELEASE_VERSION", "9.9.9");
        if name == "git_reset_remote" { Reply::failed(4) } else { Reply::output(b"a step said\n".to_vec()) }
    }

    fn log(&mut self, text: &str) {
        self.logged.push(text.to_owned());
    }
}

/// A project with a config, and the bash that has read it.
struct World {
    project: TempDir,
    host: ShellHost,
    asked: Asked,
}

impl World {
    fn new(config: &str) -> Self {
        Self::with(config, &[])
    }

    fn with(config: &str, variables: &[(&str, &str)]) -> Self {
        let (world, loaded) = Self::load(config, variables);
        loaded.unwrap();
        world
    }

    fn load(config: &str, variables: &[(&str, &str)]) -> (Self, Result<CallOutcome, ShellError>) {
        let project = TempDir::new().unwrap();
        let file = Utf8PathBuf::from_path_buf(project.path().join("config")).unwrap();
        std::fs::write(&file, config).unwrap();
        let mut host = ShellHost::start(
            ShellOptions {
                bash: "bash".into(),
                project: project.path().to_owned(),
                report: Report::new(ReportOptions {
                    plain: true,
                    log_file: Some(file.with_file_name("log")),
                    redactor: Redactor::new(["hunter22".to_owned()]),
                    ..ReportOptions::default()
                }),
                interrupt: Interrupt::default(),
            },
            "a test",
        )
        .unwrap();
        for (name, value) in variables {
            host.variables_mut().set(name, *value);
        }
        let mut asked = Asked::default();
        let loaded = host.load(&file, None, &mut asked);
        (Self { project, host, asked }, loaded)
    }

    fn call(&mut self, function: &str) -> CallOutcome {
        self.host.call(function, &[], &mut self.asked).unwrap()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.host.variables().get(name)
    }
}

fn ending(body: &str) -> Ending {
    World::new(&format!("foo() {{ :; }}\nhook() {{\n{body}\n}}\n")).call("hook").ending
}

#[test]
fn a_config_is_evaluated_in_order_with_what_was_set_before() {
    let config = r#"
        FIRST="$DEPLOY_ENVIRONMENT-$VERSION"
        if [[ $DEPLOY_ENVIRONMENT = production ]]; then HOSTS="a b"; else HOSTS=c; fi
        VERSION=$(printf '%s' "$VERSION" | tr 1 2)
        SECOND=$VERSION
        export MIX_ENV=prod
        LIST=(x y)
        declare DECLARED=yes
    "#;
    let world = World::with(config, &[("DEPLOY_ENVIRONMENT", "production"), ("VERSION", "1.1")]);
    assert_eq!(world.get("FIRST"), Some("production-1.1"));
    assert_eq!(world.get("SECOND"), Some("2.2"));
    assert_eq!(world.get("HOSTS"), Some("a b"));
    assert_eq!(world.get("DECLARED"), Some("yes"));
    let all: Vec<_> = world.host.variables().iter().collect();
    let exported = Value::Text { text: "prod".to_owned(), exported: true };
    assert!(all.contains(&("MIX_ENV", &exported)));
    assert!(all.contains(&("LIST", &Value::Kept)));
    assert!(all.iter().all(|(name, _)| !name.starts_with("__edeliver")));
}

#[test]
fn functions_are_known_with_their_lines() {
    let world = World::new("APP=x\n\npre_git_push() {\n  :\n}\nfunction git_push { :; }\n");
    let known: Vec<_> = world.host.functions().iter().map(|f| (f.name.as_str(), f.line)).collect();
    assert_eq!(known, [("git_push", 6), ("pre_git_push", 3)]);
}

#[test]
fn what_a_hook_sets_holds_for_the_next_one_and_for_us() {
    let mut world = World::with(
        "one() { DELIVER_TO=/new/$DELIVER_TO; unset GONE; }\ntwo() { SEEN=$DELIVER_TO; }\nGONE=1",
        &[("DELIVER_TO", "old")],
    );
    assert_eq!(world.get("GONE"), Some("1"));
    assert_eq!(world.call("one").ending, Ending::Returned(0));
    assert_eq!(world.get("DELIVER_TO"), Some("/new/old"));
    assert_eq!(world.get("GONE"), None);
    world.host.variables_mut().set("DELIVER_TO", "/ours");
    world.call("two");
    assert_eq!(world.get("SEEN"), Some("/ours"));
}

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
    assert_eq!((failed.command.as_str(), failed.line), ("ls /no/such/file", Some(4)));
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
fn what_a_hook_does_to_its_shell_does_not_break_the_conversation() {
    for body in [
        "set -u",
        "set -e",
        "set -f",
        "set -C",
        "set -x; echo a",
        "set -o pipefail",
        "set -o posix",
        "IFS=,",
        "unset IFS",
        "cd /",
        "PATH=/nowhere",
        "trap 'echo bye' EXIT",
        "trap '' ERR",
        "trap - ERR EXIT DEBUG",
        "shopt -s nocasematch nullglob extdebug",
        "shopt -u sourcepath",
        "exec 3>/dev/null 9>/dev/null",
        "read() { return 1; }; printf() { :; }; declare() { :; }; echo() { :; }",
        "readonly APP=fixed",
        "umask 077",
        "set -- a b c",
        "LC_ALL=C",
        "BASH_ENV=/nox",
        "ulimit -n 256",
        "alias echo=false; shopt -s expand_aliases",
        "exec 2>/dev/null",
    ] {
        let config = format!(
            "hook() {{ {body}; }}\nafter() {{ SEEN=\"$APP $MORE\"; NUMBER=$(__sync_remote 'echo 7' h); }}\n"
        );
        let mut world = World::with(&config, &[("APP", "shop")]);
        assert_eq!(world.call("hook").ending, Ending::Returned(0), "{body}");
        world.host.variables_mut().set("MORE", "x  y,z");
        assert_eq!(world.call("after").ending, Ending::Returned(0), "{body}");
        let app = if body.starts_with("readonly") { "fixed" } else { "shop" };
        assert_eq!(world.get("SEEN"), Some(format!("{app} x  y,z").as_str()), "{body}");
        assert_eq!(world.get("NUMBER"), Some("7"), "{body}");
    }
}

#[test]
fn errexit_of_a_config_counts() {
    let mut world = World::new("set -e\nhook() {\n  false\n  echo unreached\n}\n");
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Exited(1));
    assert_eq!(outcome.failed.unwrap().line, Some(3));
    assert_eq!(outcome.tail, Vec::<String>::new());
}

#[test]
fn standard_input_is_at_its_end() {
    assert_eq!(
        ending("cat; read -r line; [[ -z $line ]] || return 5; confirm Sure; [[ $? = 1 ]]"),
        Ending::Returned(0)
    );
}

/// Runs in a process of its own, so that what it prints goes nowhere.
#[test]
fn ten_megabytes_of_output_pass() {
    let tests = std::env::current_exe().unwrap();
    let run =
        duct::cmd!(tests, "--exact", "--ignored", "prints_ten_megabytes").stdout_capture().run().unwrap();
    assert!(run.stdout.len() > 10_000_000, "{}", run.stdout.len());
}

#[test]
#[ignore = "run by ten_megabytes_of_output_pass"]
fn prints_ten_megabytes() {
    let mut world = World::new("hook() { head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last; }");
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Returned(0));
    assert_eq!(outcome.tail.last().map(String::as_str), Some("last"));
}

#[test]
fn tracing_shows_the_config_and_nothing_of_ours() {
    let config = "set -x\nhook() { X=$(__sync_remote 'echo 1' h); true end; }";
    let mut world = World::with(config, &[("LONG", &"x".repeat(200_000))]);
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Returned(0));
    assert!(outcome.tail.iter().any(|line| line.ends_with("+ true end")), "{:?}", outcome.tail);
    assert!(!outcome.tail.iter().any(|line| line.contains("printf")), "{:?}", outcome.tail);
}

#[test]
fn output_and_errors_hold_no_secrets() {
    let mut world = World::new("hook() { echo 'it is hunter22'; echo hunter22 >&2; return 1; }");
    let outcome = world.call("hook");
    assert_eq!(outcome.tail, ["it is [secret]", "[secret]"]);
    let log = std::fs::read_to_string(world.project.path().join("log")).unwrap();
    assert!(log.contains("it is [secret]") && !log.contains("hunter22"), "{log}");
}

#[test]
fn scripts_arrive_byte_for_byte() {
    let config = r#"hook() {
        local dir="a b"
        __sync_remote "
          set -e
          cd \"$dir\" && echo \$HOME 'it''s' \\ \"q\" é ~ *
        "
        echo "input" | __remote "cat" "x@one y@two"
        VALUE=$(__sync_remote "echo out; echo err >&2")
        LONG=$(__sync_remote "head -c 300000 /dev/zero | tr '\\0' x")
    }"#;
    let mut world = World::with(config, &[("HOSTS_APP_USER", "me@build")]);
    std::fs::create_dir(world.project.path().join("a b")).unwrap();
    // The scripts run on this machine, in the directory of the tests: the first one fails there.
    let outcome = world.call("hook");
    assert_eq!(outcome.ending, Ending::Exited(1));
    let script = &world.asked.scripts[0];
    let expected = "\n          set -e\n          cd \"a b\" && echo $HOME 'it''s' \\ \"q\" é ~ *\n        ";
    assert_eq!(String::from_utf8_lossy(&script.text), expected);
    assert_eq!((script.hosts.as_slice(), script.reach), (["me@build".to_owned()].as_slice(), Reach::One));
    assert!(!script.is_value);

    let mut world =
        World::with(&config.replace("cd \\\"$dir\\\"", "true"), &[("HOSTS_APP_USER", "me@build")]);
    assert_eq!(world.call("hook").ending, Ending::Returned(0));
    let piped = &world.asked.scripts[1];
    assert_eq!(piped.stdin.as_deref(), Some(b"input\n".as_slice()));
    assert_eq!((piped.hosts.len(), piped.reach), (2, Reach::All));
    assert_eq!(world.get("VALUE"), Some("out"));
    assert_eq!(world.get("LONG").map(str::len), Some(300_000));
}

#[test]
fn a_failing_script_in_a_substitution_ends_only_that() {
    let mut world = World::new("hook() { X=$(__sync_remote 'echo part; exit 3' h) || Y=$?; Z=on; }");
    assert_eq!(world.call("hook").ending, Ending::Returned(0));
    assert_eq!((world.get("Y"), world.get("Z")), (Some("1"), Some("on")));
}

#[test]
fn background_jobs_may_ask_at_the_same_time() {
    let config =
        "hook() { for i in 1 2 3 4 5 6 7 8; do __sync_remote \"echo $i\" h & done; wait; DONE=yes; }";
    let mut world = World::new(config);
    assert_eq!(world.call("hook").ending, Ending::Returned(0));
    let mut texts: Vec<_> =
        world.asked.scripts.iter().map(|s| String::from_utf8_lossy(&s.text).into_owned()).collect();
    texts.sort();
    assert_eq!(texts, (1..=8).map(|i| format!("echo {i}")).collect::<Vec<_>>());
}

#[test]
fn a_strategy_calls_steps_which_see_and_set_variables() {
    let config = "
        pre_git_push() { ORDER=\"$ORDER pre\"; }
        post_git_push() { ORDER=\"$ORDER post\"; }
        run() {
          local inner=1
          DELIVER_TO=/elsewhere
          git_push 'to here' now
          ORDER=\"$ORDER $RELEASE_VERSION\"
          git_clean_remote
        }
        bad() { git_reset_remote; UNREACHED=yes; }
    ";
    let mut world = World::new(config);
    assert_eq!(world.call("run").ending, Ending::Returned(0));
    assert_eq!(
        world.asked.steps,
        ["git_push(to here,now) in /elsewhere", "git_clean_remote() in /elsewhere"]
    );
    assert_eq!(world.get("ORDER"), Some(" pre post 9.9.9"));
    assert_eq!(world.get("inner"), None);
    assert_eq!(world.call("bad").ending, Ending::Exited(4));
}

#[test]
fn a_failing_hook_of_a_step_that_a_strategy_calls_ends_it() {
    let mut world = World::new("pre_git_push() { return 5; }\nrun() { git_push; }");
    assert_eq!(world.call("run").ending, Ending::Exited(5));
    assert_eq!(world.asked.steps, Vec::<String>::new());
    let mut world = World::new("pre_git_push() { [ -f /nox ] && foo; }\nrun() { git_push; }");
    assert_eq!(world.call("run").ending, Ending::Returned(0));
    assert_eq!(world.asked.steps.len(), 1);
}

#[test]
fn lines_for_the_log_reach_it() {
    let mut world = World::new("hook() { __log \"one  two\" three; }");
    world.call("hook");
    assert_eq!(world.asked.logged, ["one  two three"]);
}

#[test]
fn the_value_of_a_function_is_what_it_prints() {
    let mut world = World::new("get_start_node_command() { SET=yes; printf 'bin/%s start\\n\\n' \"$1\"; }");
    let outcome = world.host.value("get_start_node_command", &["a b"], &mut world.asked).unwrap();
    assert_eq!(outcome.output, b"bin/a b start");
    assert_eq!(world.get("SET"), None);
}

#[test]
fn a_syntax_error_is_told_with_its_line() {
    let (_world, loaded) = World::load("APP=x\nif true; then\n  fi fi\n", &[]);
    let Err(ShellError::Syntax { file, message }) = loaded else { panic!("{loaded:?}") };
    assert!(message.contains(&format!("{file}: line 3: syntax error")), "{message}");
    let (_world, loaded) = World::load("APP=x\nf() {\n", &[]);
    assert!(matches!(loaded, Err(ShellError::Syntax { .. })), "{loaded:?}");
}

#[test]
fn how_a_config_may_end() {
    let (_world, loaded) = World::load("APP=x\nexit 5\n", &[]);
    assert!(matches!(loaded, Err(ShellError::Exited { status: 5, .. })), "{loaded:?}");
    let (_world, loaded) = World::load("set -e\n\nfalse\n", &[]);
    let Err(ShellError::Exited { failed: Some(failed), .. }) = loaded else { panic!("{loaded:?}") };
    assert!(failed.contains("`false`") && failed.ends_with(":3"), "{failed}");
    // `return` and a last command that fails are no errors.
    assert_eq!(World::new("A=1\nreturn 3\nA=2\n").get("A"), Some("1"));
    assert_eq!(World::new("A=1\n[ -n \"$NOPE\" ] && A=2\n").get("A"), Some("1"));
}

#[test]
fn what_prints_while_loading_is_shown() {
    let (_world, loaded) = World::load("echo loading\nstatus 'Hello'\n", &[]);
    assert_eq!(loaded.unwrap().tail, ["loading", "-----> Hello"]);
}

#[test]
fn text_that_replaces_the_file_goes_by_its_name() {
    let (mut world, _) = World::load("", &[]);
    let file = Utf8PathBuf::from("/project/.deliver/config");
    world.host.load(&file, Some("A=1\nhook() {\n  false\n}\n"), &mut world.asked).unwrap();
    assert_eq!(world.host.function("hook").unwrap().file, file.as_std_path());
    assert_eq!(world.get("A"), Some("1"));
}

#[test]
fn without_bash_the_error_says_what_needs_it() {
    let options = ShellOptions {
        bash: "no-bash-of-that-name".into(),
        project: std::env::temp_dir(),
        report: Report::new(ReportOptions::default()),
        interrupt: Interrupt::default(),
    };
    let Err(error) = ShellHost::start(options, "pre_git_push (.deliver/config:3)") else {
        panic!("it started")
    };
    assert!(matches!(error, ShellError::NoBash { .. }));
    assert!(error.to_string().contains("pre_git_push (.deliver/config:3) needs bash"), "{error}");
}

#[test]
fn being_asked_to_stop_ends_a_hook() {
    let project = TempDir::new().unwrap();
    let interrupt = Interrupt::default();
    let options = ShellOptions {
        bash: "bash".into(),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn values_pass_both_ways_byte_for_byte(values in prop::collection::vec("[^\0]{0,60}", 8)) {
        let mut world = World::new("swap() { local t=$A; A=$B; B=$t; OUT=\"$C$D\"; export E=$F; }");
        let names = ["A", "B", "C", "D", "E", "F", "G", "H"];
        for (name, value) in names.iter().zip(&values) {
            world.host.variables_mut().set(name, value.as_str());
        }
        prop_assert_eq!(world.call("swap").ending, Ending::Returned(0));
        prop_assert_eq!(world.get("A"), Some(values[1].as_str()));
        prop_assert_eq!(world.get("B"), Some(values[0].as_str()));
        let both = format!("{}{}", values[2], values[3]);
        prop_assert_eq!(world.get("OUT"), Some(both.as_str()));
        prop_assert_eq!(world.get("E"), Some(values[5].as_str()));
        prop_assert_eq!(world.get("H"), Some(values[7].as_str()));
    }
}
