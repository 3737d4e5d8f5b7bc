//! Measures edeliver beside the shell tool that it replaces, and beside the floor: one
//! `ssh HOST 'tar -xz -C DIR' < ARCHIVE` for each host. All hosts are sshd's on this machine.
//!
//! `scripts/bench` says how to run it. What is compared is run in turn, so that a machine that
//! slows down slows all of it; figures are medians, and ratios are medians of the ratios of each turn.

#[path = "../../tests/common/mod.rs"]
mod common;

mod cases;
mod contender;
mod distance;
mod lab;
mod round_trips;
mod sample;
mod table;

use std::process::ExitCode;

use camino::Utf8PathBuf;

/// What was asked for.
pub struct Options {
    /// The shell tool's start script.
    pub original: Option<Utf8PathBuf>,
    /// Edeliver is compared with nothing, not even the floor.
    pub alone: bool,
    /// How often each is run.
    pub turns: usize,
    /// Cases whose names have one of these words; all when empty.
    pub words: Vec<String>,
}

fn main() -> ExitCode {
    let mut options = Options { original: None, alone: false, turns: 5, words: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            // Cargo says so to every bench.
            "--bench" => {}
            "--original" => options.original = args.next().map(Utf8PathBuf::from),
            "--alone" => options.alone = true,
            "--turns" => match args.next().and_then(|count| count.parse().ok()) {
                Some(turns) if turns > 0 => options.turns = turns,
                _ => return usage("--turns needs a number"),
            },
            word if word.starts_with('-') => return usage(&format!("unknown option {word}")),
            word => options.words.push(word.to_owned()),
        }
    }
    if let Some(original) = &options.original {
        if !original.is_file() {
            return usage(&format!("{original} is not a file"));
        }
    } else if !options.alone {
        eprintln!("bench: the shell tool is not compared: name its bin/edeliver with --original");
    }
    println!("{}", table::machine());
    println!("{}", table::HEAD);
    for case in cases::all() {
        if options.words.is_empty() || options.words.iter().any(|word| case.name().contains(word.as_str())) {
            for row in case.run(&options) {
                println!("{row}");
            }
        }
    }
    ExitCode::SUCCESS
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("bench: {problem}\nusage: scripts/bench [--original EDELIVER | --alone] [--turns N] [CASE...]");
    ExitCode::from(2)
}
