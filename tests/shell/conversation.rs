//! What passes between us and bash, whatever a function does to its shell.

use edeliver::shell::Ending;
use proptest::prelude::*;

use super::world::{World, ending};

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
    let run = duct::cmd!(tests, "--exact", "--ignored", "conversation::prints_ten_megabytes")
        .stdout_capture()
        .run()
        .unwrap();
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
