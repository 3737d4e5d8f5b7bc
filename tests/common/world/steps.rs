//! Faults at the n-th call of anything: every tool that edeliver's own shells on a host call is counted.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use fs_err as fs;

use super::{Host, Running};

const SCRIPT: &str = include_str!("steps.sh");

/// What edeliver's shells may call on a host.
const TOOLS: [&str; 31] = [
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "find",
    "getconf",
    "grep",
    "head",
    "ldd",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "readlink",
    "rm",
    "sed",
    "setsid",
    "sha256sum",
    "sleep",
    "stat",
    "sync",
    "tac",
    "tail",
    "tar",
    "tee",
    "timeout",
    "tr",
];

/// What takes place at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: steps are counted only.
    None,
    /// The tool fails.
    Fail,
    /// The tool waits until the fault is [released](Steps::release), and then does its work.
    Pause,
    /// All of ours on the host is killed at once.
    KillHost,
    /// The same, and the client.
    KillHostAndClient,
    /// The client is killed.
    KillClient,
    /// The process of the phase that is at work is killed, and nothing of what it has started.
    KillPhase,
    /// The guard is killed.
    KillGuard,
    /// The process of the phase and the guard are killed.
    KillPhaseAndGuard,
    /// The process of the phase and the client are killed.
    KillPhaseAndClient,
}

impl Fault {
    fn script(self, host: &Host) -> String {
        let of = |name: &str| format!("kill -s KILL \"$(cut -d' ' -f1 '{}/{name}')\"", host.state());
        let go_on = "exec \"$real\" \"$@\"";
        match self {
            Fault::None => go_on.to_owned(),
            // What 1 means to a tool that looks for something is that it is not there.
            Fault::Fail => {
                "echo \"$tool: Input/output error\" >&2\n[ \"$tool\" != grep ] || exit 2\nexit 1".to_owned()
            }
            Fault::Pause => format!("read -r _ <\"$dir/go\"\n{go_on}"),
            Fault::KillHost => "kill_ours".to_owned(),
            Fault::KillHostAndClient => "kill_client\nkill_ours".to_owned(),
            Fault::KillClient => format!("kill_client\n{go_on}"),
            Fault::KillPhase => format!("{}\n{go_on}", of("phase")),
            Fault::KillGuard => format!("{}\n{go_on}", of("guard")),
            Fault::KillPhaseAndGuard => format!("{}\n{}\n{go_on}", of("phase"), of("guard")),
            Fault::KillPhaseAndClient => format!("{}\nkill_client\n{go_on}", of("phase")),
        }
    }
}

/// The steps of a host are counted as long as this is there.
#[must_use]
pub struct Steps {
    tools: Utf8PathBuf,
    dir: Utf8PathBuf,
    kills_host: bool,
}

impl Host {
    /// From now on calls are counted, and the fault takes place at the n-th one in this phase of the
    /// agent (`session` for what is not in one, `*` for all).
    pub fn at_step(&self, phase: &str, call: usize, fault: Fault) -> Steps {
        // A name of its own: what was held up at an earlier fault must not take this one for it.
        static SERIAL: AtomicUsize = AtomicUsize::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let kills_host = matches!(fault, Fault::KillHost | Fault::KillHostAndClient);
        let steps =
            Steps { tools: self.tools(), dir: self.tools().join(format!(".steps-{serial}")), kills_host };
        fs::create_dir(&steps.dir).unwrap();
        duct::cmd!("mkfifo", steps.dir.join("go").as_str()).run().unwrap();
        let mark = format!("EDELIVER_TEST_HOST={}", self.tools().parent().unwrap());
        let script = SCRIPT
            .replace("@ACTION@", &fault.script(self))
            .replace("@PATH@", "/usr/local/bin:/usr/bin:/bin")
            .replace("@MARK@", &mark)
            .replace("@DIR@", steps.dir.as_str());
        fs::write(steps.dir.join("step"), script).unwrap();
        fs::set_permissions(steps.dir.join("step"), std::fs::Permissions::from_mode(0o755)).unwrap();
        for tool in TOOLS {
            symlink(steps.dir.join("step"), self.tools().join(tool)).unwrap();
        }
        fs::write(steps.dir.join("at"), format!("{phase} {call}\n")).unwrap();
        steps
    }
}

impl Steps {
    /// Which process the client is.
    pub fn client(&self, client: &Running) {
        fs::write(self.dir.join("pid"), client.pid().to_string()).unwrap();
        fs::rename(self.dir.join("pid"), self.dir.join("client")).unwrap();
    }

    /// The calls so far: phase, tool and arguments.
    pub fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.dir.join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The call at which the fault took place.
    pub fn reached(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join("reached")).ok()?;
        Some(text.strip_suffix('\n')?.to_owned())
    }

    /// Waits for the fault, or for the client's end. Returns whether the fault took place.
    pub fn wait(&self, client: &mut Running) -> bool {
        let begin = Instant::now();
        while self.reached().is_none() {
            if client.has_ended() {
                return false;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "neither fault nor end:\n{}",
                client.printed()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Lets a paused tool go on. It may be gone, with all that waited for it.
    pub fn release(&self) {
        let go = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        if let Ok(fifo) = rustix::fs::open(self.dir.join("go").as_std_path(), go, rustix::fs::Mode::empty()) {
            rustix::io::write(fifo, b"\n").unwrap();
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        // What is started on the host before it has been killed, all of it, would be killed as well.
        let begin = Instant::now();
        let killing = || self.kills_host && self.reached().is_some() && !self.dir.join("killed").exists();
        while killing() && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // In this order, so that what runs now finds no fault rather than no tool.
        let files = TOOLS.map(|tool| self.tools.join(tool));
        for file in &files {
            drop(std::fs::remove_file(file));
        }
        // Out of the way at once: without the mark that it took place, the fault would take place again.
        let removed = Utf8PathBuf::from(format!("{}.removed", self.dir));
        std::fs::rename(&self.dir, &removed).unwrap();
        std::fs::remove_dir_all(&removed).unwrap();
    }
}
