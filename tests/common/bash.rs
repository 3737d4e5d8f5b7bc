//! The bash that runs the functions of configs in tests: `EDELIVER_TEST_BASH`, else the one in PATH.
// Each test program uses a part of it only.
#![allow(dead_code)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Its path, which is absolute.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("EDELIVER_TEST_BASH") {
        return named.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|directory| directory.join("bash"));
    found.find(|bash| bash.is_file()).expect("there is a bash")
}

/// A PATH in which it is the first bash: its directory, which should hold nothing else, and `path`.
pub fn path_before(path: &str) -> OsString {
    let Some(named) = std::env::var_os("EDELIVER_TEST_BASH").map(PathBuf::from) else { return path.into() };
    let directory = named.parent().map(PathBuf::from);
    std::env::join_paths(directory.into_iter().chain(std::env::split_paths(path)))
        .expect("names without colons")
}

/// Whether it can do this, as it says itself: old ones know less.
pub fn can(script: &str) -> bool {
    let mut asked = Command::new(program());
    asked.args(["--norc", "--noprofile", "-c", script]).stdin(Stdio::null());
    asked.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("bash runs").success()
}

/// Whether it knows the line of a command that failed in a function. Bash 3.2 knows where the function begins.
pub fn tells_lines() -> bool {
    can("set -E\nfailing() {\n:\nfalse\n:\n}\ntrap 'line=$LINENO' ERR\nfailing\n[ \"$line\" = 4 ]")
}
