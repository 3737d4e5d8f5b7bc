//! What functions ask us for while they run.

use edeliver::shell::{Ending, Reach};

use super::world::World;

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
