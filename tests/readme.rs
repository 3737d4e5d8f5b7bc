//! What the README and docs/migrating.md say is what the program does.

use std::path::Path;

use edeliver::cli::{Parsed, parse};
use edeliver::exit::Exit;
use edeliver::settings::table::known;
use regex::Regex;

const README: &str = include_str!("../README.md");
const MIGRATING: &str = include_str!("../docs/migrating.md");

/// The lines of code blocks: those that are indented, and those between fences.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        fenced ^= line.starts_with("```");
        fenced || line.starts_with("    ")
    })
}

// Every command is one, and knows all of its words and options.
#[test]
fn commands_are_understood() {
    let begin = Regex::new(r"^\s*(?:- )?(?:run: )?(?:mix )?edeliver ").unwrap();
    let lines = code(README).chain(code(MIGRATING));
    let commands: Vec<&str> = lines.filter(|line| begin.is_match(line)).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for line in commands {
        let command = begin.replace(line, "");
        let command = command.split(" # ").next().unwrap_or_default();
        let words = shell_words::split(command).unwrap();
        match parse(words.into_iter().map(Into::into), Path::new("/nowhere")) {
            Ok(Parsed::Run(invocation)) => {
                assert_eq!((invocation.ignored, invocation.hints), (Vec::new(), Vec::new()), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
}

// Every setting is one.
#[test]
fn settings_are_known() {
    let assigned = Regex::new(r#"^    ([A-Z][A-Z0-9_]+)="#).unwrap();
    let lines = code(README).chain(code(MIGRATING));
    let names: Vec<&str> = lines.filter_map(|line| Some(assigned.captures(line)?.get(1)?.as_str())).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(known(name).is_some(), "nothing reads {name}");
    }
}

// Every difference is one, and the setting that has the old behaviour is the one of the table.
#[test]
fn differences_are_those_of_the_table() {
    let table = include_str!("../compat/DIFFERENCES.md");
    let row = |id: &str| {
        let begin = format!("| {id} |");
        table.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("there is no {id}"))
    };
    let ids = Regex::new(r"\bD\d+\b").unwrap();
    let named: Vec<_> = ids.find_iter(MIGRATING).map(|found| row(found.as_str())).collect();
    assert!(named.len() > 30);
    let pinned = Regex::new(r"(?m)^    ([A-Z_]+=).*# (D\d+):").unwrap();
    for pin in pinned.captures_iter(MIGRATING) {
        let (setting, row) = (&pin[1], row(&pin[2]));
        assert!(row.contains(setting), "{} is not had by {setting}", &pin[2]);
    }
}

#[test]
fn exit_statuses_are_those_of_the_program() {
    let section = README.split("## Exit status").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows: Vec<&str> = section
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .collect();
    let expected: Vec<String> =
        Exit::TABLE.iter().map(|(exit, meaning)| format!("| {} | {meaning} |", exit.code())).collect();
    assert_eq!(rows, expected);
}

// Every test that docs/faults.md names is there.
#[test]
fn the_tests_of_the_fault_matrix_exist() {
    let text = include_str!("../docs/faults.md");
    let names = Regex::new(r"`([a-z_/]+)::([a-z_]+)`").unwrap();
    let mut count = 0;
    for name in names.captures_iter(text) {
        let file = format!("{}/tests/{}.rs", env!("CARGO_MANIFEST_DIR"), &name[1]);
        let source = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        // A test has its own function, or is one of those that a macro makes of a list.
        let found = [format!("fn {}()", &name[2]), format!("\n    {}: ", &name[2])];
        assert!(found.iter().any(|text| source.contains(text)), "{file} has no test {}", &name[2]);
        count += 1;
    }
    assert!(count > 60, "{count} tests are named");
}
