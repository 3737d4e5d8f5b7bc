//! A run of the real binary, and how it ended.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

use super::names::Names;

/// No command of a test takes longer.
const LIMIT: Duration = Duration::from_secs(400);

/// The binary, running.
#[must_use]
pub struct Running {
    names: Names,
    words: String,
    child: Child,
    output: tempfile::TempDir,
}

/// A run that has ended; its status is still to be looked at.
#[must_use]
pub struct Outcome {
    status: ExitStatus,
    output: Output,
}

/// What a run printed.
pub struct Output {
    words: String,
    status: ExitStatus,
    /// Standard output, with paths, ports and times as they are in every run.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Running {
    pub(super) fn start(mut command: Command, names: Names) -> Self {
        // Files, so that nobody has to read while it runs.
        let output = tempfile::tempdir().unwrap();
        let file = |name| std::fs::File::create(output.path().join(name)).unwrap();
        fs::create_dir(output.path().join("tmp")).unwrap();
        command.stdout(file("stdout")).stderr(file("stderr")).env("TMPDIR", output.path().join("tmp"));
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        Self { names, words, child: command.spawn().expect("the binary starts"), output }
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.read("stdout") + &self.read("stderr")
    }

    /// Ctrl-c, `kill`, `kill -9`.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it still runs");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(begin.elapsed() < LIMIT, "edeliver {} does not end:\n{}", self.words, self.printed());
            std::thread::sleep(Duration::from_millis(10));
        };
        if status.code().is_some() {
            let left: Vec<_> = fs::read_dir(self.output.path().join("tmp")).unwrap().collect();
            assert!(left.is_empty(), "temporary files are left: {left:?}");
        }
        let text = |name| self.names.normalise(&self.read(name));
        let output =
            Output { words: self.words.clone(), status, stdout: text("stdout"), stderr: text("stderr") };
        Outcome { status, output }
    }

    fn read(&self, name: &str) -> String {
        let file = Utf8PathBuf::try_from(self.output.path().join(name)).unwrap();
        String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Most often it has ended; a test that failed may have left it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// It ended with status 0.
    #[track_caller]
    pub fn succeeds(self) -> Output {
        self.exits(0)
    }

    /// It ended with this status.
    #[track_caller]
    pub fn exits(self, code: i32) -> Output {
        assert_eq!(self.status.code(), Some(code), "{}", self.output.shown());
        self.output
    }

    /// Its exit status, or none when it was killed, with what it printed.
    pub fn ended(self) -> (Option<i32>, Output) {
        (self.status.code(), self.output)
    }

    /// It was killed.
    #[track_caller]
    pub fn was_killed(self) -> Output {
        assert_eq!(self.status.code(), None, "{}", self.output.shown());
        self.output
    }
}

impl Output {
    /// It has each of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            let said = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(said, "does not say '{text}': {}", self.shown());
        }
        self
    }

    /// All events of `--json`.
    #[track_caller]
    pub fn events(&self) -> Vec<serde_json::Value> {
        let event =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{}", self.shown()));
        self.stdout.lines().map(event).collect()
    }

    /// The last event of this name.
    #[track_caller]
    pub fn event(&self, name: &str) -> serde_json::Value {
        let event = self.events().into_iter().rfind(|event| event["event"] == name);
        event.unwrap_or_else(|| panic!("no event '{name}': {}", self.shown()))
    }

    /// The whole of it, for a person.
    pub fn shown(&self) -> String {
        let Self { words, status, stdout, stderr } = self;
        format!("edeliver {words}\n{status}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
