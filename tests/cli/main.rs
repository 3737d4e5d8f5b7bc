//! The command line: words and options become typed commands; help, usage errors, completions.

mod complete;
mod help;
mod properties;
mod usage;
mod words;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use edeliver::cli::{self, Parsed};

/// A project with three strategies of its own.
fn project() -> TempDir {
    let project = TempDir::new().unwrap();
    for strategy in ["erlang-publish", "erlang-docs-push", "erlang-biuld"] {
        project.child(".deliver/strategies").child(strategy).write_str("run() { :; }\n").unwrap();
    }
    project
}

fn edeliver(project: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("edeliver");
    command.current_dir(project).env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

/// Each command line with what becomes of it: the command, the settings it gives, the hints.
fn parsed(project: &Path, command_lines: &str) -> String {
    let mut result = String::new();
    for line in command_lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words = shell_words::split(line).unwrap().into_iter().map(OsString::from);
        writeln!(result, "$ edeliver {line}").unwrap();
        match cli::parse(words, project) {
            Ok(Parsed::Run(invocation)) => {
                writeln!(result, "  {}", without_defaults(&format!("{:?}", invocation.command))).unwrap();
                let settings: Vec<String> =
                    invocation.settings().iter().map(|(name, value)| format!("{name}={value}")).collect();
                writeln!(result, "  {}", settings.join("  ")).unwrap();
                for argument in &invocation.ignored {
                    writeln!(result, "  ignored: {argument}").unwrap();
                }
                for hint in &invocation.hints {
                    writeln!(result, "  hint: {hint}").unwrap();
                }
            }
            Ok(Parsed::Print(text) | Parsed::Overview(text)) => {
                writeln!(result, "  prints: {}", text.lines().next().unwrap_or_default()).unwrap();
            }
            Ok(Parsed::Complete(words)) => writeln!(result, "  completes: {words:?}").unwrap(),
            Err(error) => {
                for line in error.to_string().lines().filter(|line| !line.is_empty()) {
                    writeln!(result, "  ! {line}").unwrap();
                }
            }
        }
    }
    result
}

/// Compares [`parsed`] with its snapshot.
fn assert_parsed(name: &str, command_lines: &str) {
    let parsed = parsed(project().path(), command_lines);
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, parsed) });
}

/// Leaves out what was not given, so that a snapshot shows what was.
fn without_defaults(debug: &str) -> String {
    let absent = regex::Regex::new(r"\w+: (?:None|false|\w+ \{ *\})(?:, )?").unwrap();
    let end = regex::Regex::new(r",? +\}").unwrap();
    let mut text = debug.to_owned();
    loop {
        let shorter = end.replace_all(&absent.replace_all(&text, ""), " }").into_owned();
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}
