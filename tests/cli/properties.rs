//! What holds for every command line.

use std::ffi::OsString;
use std::path::Path;

use edeliver::cli::{self, Parsed};
use proptest::prelude::*;

/// A word of the grammar, something near to one, or anything.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "build",
        "release",
        "upgrade",
        "appup",
        "deploy",
        "to",
        "on",
        "production",
        "staging",
        "local",
        "update",
        "start",
        "version",
        "migrate",
        "up",
        "down",
        "migrations",
        "show",
        "relup",
        "edit",
        "upload",
        "download",
        "FILE",
        "increase",
        "major",
        "versions",
        "pack",
        "check",
        "config",
        "completions",
        "init",
        "bash",
        "man",
        "help",
        "publish",
        "docs",
        "push",
        "-h",
        "-V",
        "-PVF",
        "-v",
        "--version",
        "--version=1.0",
        "--branch",
        "--branch=x",
        "--auto-version=date",
        "--set-version=1",
        "--set-version=",
        "--skip-mix-clean",
        "--with=1.0",
        "--from=x",
        "--json",
        "--direction=up",
        "--",
        "-",
        "=",
        "--=",
        "--relup-mod=X",
        "--host=a@b:1",
        "--runs-as-mix-task",
    ]);
    prop_oneof![
        6 => known.prop_map(str::to_owned),
        1 => "-{0,2}[a-z-]{0,12}(=[^ ]{0,8})?",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the words are: a command, a text, or a usage error; and what was parsed can be told.
    #[test]
    fn parsing_never_panics(words in prop::collection::vec(word(), 0..8)) {
        let project = Path::new("/nonexistent");
        match cli::parse(words.into_iter().map(OsString::from), project) {
            Ok(Parsed::Run(invocation)) => prop_assert!(!invocation.settings().is_empty()),
            Ok(Parsed::Print(text) | Parsed::Overview(text)) => prop_assert!(!text.is_empty()),
            Ok(Parsed::Complete(_)) => {}
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// A production deploy never becomes a staging deploy by one slip of the finger.
    #[test]
    fn a_slip_in_production_is_never_ignored(at in 0usize..10, kind in 0..4, letter in "[a-z0-9]") {
        let mut letters: Vec<char> = "production".chars().collect();
        let other = letter.chars().next().unwrap();
        match kind {
            0 => { letters.remove(at); }
            1 => letters.insert(at, other),
            2 => letters[at] = other,
            _ => letters.swap(at, (at + 1) % 10),
        }
        let word: String = letters.into_iter().collect();
        prop_assume!(word != "production");
        let words = ["deploy", "release", &word].map(OsString::from);
        prop_assert!(cli::parse(words, Path::new("/nonexistent")).is_err(), "{}", word);
    }
}
