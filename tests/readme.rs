//! What the README says of the exit statuses is what the program does.

use edeliver::exit::Exit;

#[test]
fn exit_statuses_are_those_of_the_program() {
    let readme = include_str!("../README.md");
    let section = readme.split("## Exit status").nth(1).and_then(|rest| rest.split("\n## ").next());
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
