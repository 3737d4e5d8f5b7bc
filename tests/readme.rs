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

// Every test that docs/faults.md names is there.
#[test]
fn the_tests_of_the_fault_matrix_exist() {
    let text = include_str!("../docs/faults.md");
    let names = regex::Regex::new(r"`([a-z_/]+)::([a-z_]+)`").unwrap();
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
