//! What a person sees: the real binary in a terminal of 100 columns and 24 rows (tmux), as it looks at a
//! moment that the test holds.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::world::{At, Release, World};
use regex::Regex;

const DEPLOY: [&str; 5] = ["deploy", "release", "production", "--version=2.0.0", "--start-deploy"];

/// A terminal with the binary in it.
struct Screen<'a> {
    world: &'a World,
    socket: String,
}

impl<'a> Screen<'a> {
    fn new(world: &'a World, words: &[&str]) -> Self {
        let screen = Self { world, socket: world.home().join("tmux").to_string() };
        let binary = env!("CARGO_BIN_EXE_edeliver");
        let line = format!("{binary} {}; echo \"[exit status $?]\"; exec cat", words.join(" "));
        screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "24", &line]);
        screen
    }

    #[track_caller]
    fn tmux(&self, args: &[&str]) -> String {
        let words = ["-S", self.socket.as_str()].into_iter().chain(args.iter().copied());
        let output = self.world.command(Command::new("tmux"), words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it shows, without what differs from run to run.
    #[track_caller]
    fn shown(&self) -> String {
        let shown = self.tmux(&["capture-pane", "-p", "-J"]).to_owned();
        let lines: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
        let shown = self.world.normalise(&lines.join("\n"));
        [
            (r"[\u{2800}-\u{28ff}]", "[spinner]"),
            (r"\[[=> ]{25}\]", "[bar]"),
            (r"\d+(\.\d+)? [KMG]?i?B", "[size]"),
            (r"\(\d+(s|m)\)", "([time])"),
            (r"\d+(s|m|h|d|w|y) left", "[time] left"),
            // A row is as wide as the terminal.
            (r" {4,}", "\n  "),
            (r"\d+ min \d+ s|\d+\.\d s", "[time]"),
        ]
        .iter()
        .fold(shown, |text, (pattern, name)| {
            Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
        })
    }

    /// What it shows as soon as it shows each of these.
    #[track_caller]
    fn when(&self, texts: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let shown = self.shown();
            if texts.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            assert!(begin.elapsed() < Duration::from_secs(120), "{texts:?} are not shown:\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // A test that failed may have left nothing to end.
        drop(self.world.command(Command::new("tmux"), ["-S", &self.socket, "kill-server"]).output());
    }
}

fn world() -> World {
    World::new().hosts(2).release("1.0.0").running("1.0.0")
}

// A bar for each host while it is sent.
#[test]
fn of_uploads() {
    let world = world().release(Release::of("2.0.0").size_kb(8000));
    let traps = [1, 2].map(|host| world.host(host).pause(&At::unpack()));
    let screen = Screen::new(&world, &DEPLOY);
    traps.iter().for_each(|trap| trap.wait());
    insta::assert_snapshot!("uploads", screen.when(&["host-1 [bar]", "host-2 [bar]"]));
    traps.iter().for_each(|trap| trap.release());
    screen.when(&["[exit status 0]"]);
}

// A spinner for each host while it works; at the end how long it all took.
#[test]
fn of_steps() {
    let world = world().release("2.0.0");
    let traps = [1, 2].map(|host| world.host(host).pause(&At::put_in_place(world.host(host), 1)));
    let screen = Screen::new(&world, &DEPLOY);
    traps.iter().for_each(|trap| trap.wait());
    insta::assert_snapshot!("steps", screen.when(&["host-1: switching", "host-2: switching"]));
    traps.iter().for_each(|trap| trap.release());
    insta::assert_snapshot!("done", screen.when(&["[exit status 0]"]));
    world.assert_runs("2.0.0");
}

#[test]
fn of_a_deploy_that_fails() {
    let world = world().release("2.0.0");
    world.host(2).behave("2.0.0 start_exits_7");
    let screen = Screen::new(&world, &DEPLOY);
    insta::assert_snapshot!("failed", screen.when(&["[exit status 1]"]));
    world.assert_runs("1.0.0");
}
