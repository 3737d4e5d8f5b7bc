//! Help, version and the manual page.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use edeliver::cli::{self, Parsed};

use super::{assert_parsed, edeliver, parsed, project};

#[test]
fn help_and_version() {
    assert_parsed(
        "help_and_version",
        r#"
        help
        --help
        -h
        --version
        -v
        help build
        help build release
        build --help
        build release -h
        deploy release to production --help
        help deploy release to production
        show migrations --help
        help show release
        help upload my_app.tar.gz
        help nothing-like-it
        help deplyo
    "#,
    );
}

#[test]
fn version_names_ours_and_the_original_s() {
    let expected = format!("edeliver {}\ncompatible with edeliver 1.9.2 (bash)\n", env!("CARGO_PKG_VERSION"));
    for option in ["--version", "-v"] {
        edeliver(project().path()).arg(option).assert().success().stdout(expected.clone()).stderr("");
    }
}

/// Every command that has a help page of its own.
const PAGES: &[&str] = &[
    "",
    "build",
    "build release",
    "build upgrade",
    "build appups",
    "deploy",
    "deploy release",
    "deploy upgrade",
    "update",
    "upgrade",
    "rollback",
    "status",
    "history",
    "recover",
    "drill",
    "doctor",
    "init",
    "start",
    "stop",
    "restart",
    "ping",
    "version",
    "migrate",
    "migrations",
    "remote_console",
    "logs",
    "show",
    "show releases",
    "show appups",
    "show relup",
    "edit",
    "edit relup",
    "edit appups",
    "upload",
    "upload release",
    "upload upgrade",
    "download",
    "download release",
    "download upgrade",
    "increase",
    "pack",
    "pack release",
    "pack upgrade",
    "unpack",
    "unpack release",
    "unpack upgrade",
    "check",
    "check config",
    "check release",
    "completions",
    "man",
];

#[test]
fn help_of_every_command() {
    let project = project();
    for page in PAGES {
        let words: Vec<&str> = page.split(' ').filter(|word| !word.is_empty()).collect();
        let help = edeliver(project.path()).arg("help").args(&words).assert().success().stderr("");
        let help = String::from_utf8(help.get_output().stdout.clone()).unwrap();
        edeliver(project.path()).args(&words).arg("--help").assert().success().stdout(help.clone());
        let name = if page.is_empty() { "edeliver".to_owned() } else { page.replace(' ', "_") };
        insta::assert_snapshot!(format!("help_{name}"), help);
    }
}

/// Each example of each help page is a command line that parses (into a command, not into help).
#[test]
fn every_example_in_the_help_parses() {
    let project = project();
    let mut examples = 0;
    for page in PAGES {
        let words = ["help"].into_iter().chain(page.split(' ')).filter(|word| !word.is_empty());
        let Ok(Parsed::Print(help) | Parsed::Overview(help)) =
            cli::parse(words.map(OsString::from), project.path())
        else {
            panic!("no help for {page}")
        };
        let (_, example_lines) = help.split_once("Examples:\n").expect(page);
        for line in
            example_lines.lines().filter(|line| line.contains("edeliver ") && !line.contains(".deliver"))
        {
            let (_, command_line) = line.split_once("edeliver ").unwrap();
            let (command_line, _) = command_line.split_once(" > ").unwrap_or((command_line, ""));
            let parsed = parsed(project.path(), command_line);
            assert!(
                !parsed.contains("  ! ") && !parsed.contains("ignored:") && !parsed.contains("hint:"),
                "{parsed}"
            );
            examples += 1;
        }
    }
    assert!(examples >= PAGES.len(), "only {examples} examples");
}

#[test]
fn the_manual_holds_every_command() {
    let project = project();
    let page = edeliver(project.path()).arg("man").assert().success().stderr("");
    let page = String::from_utf8(page.get_output().stdout.clone()).unwrap();
    for command in PAGES.iter().filter(|page| !page.is_empty() && **page != "man") {
        assert!(page.contains(&format!(".SS edeliver {command}\n")), "{command}");
    }
    assert!(page.contains("Exit status:"));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let project = project();
    for arguments in ["--help", "man", "completions bash", "--version", "build release --frobnicate"] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("edeliver"))
            .args(arguments.split(' '))
            .current_dir(project.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{arguments}: {stderr}");
        let expected = if arguments.starts_with("build") { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{arguments}: {stderr}");
    }
}
