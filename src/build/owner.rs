//! Who holds a lock, and whether that process still runs.

use std::fmt;

use fs_err as fs;
use serde::{Deserialize, Serialize};

/// A process that holds a lock on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Tells this holding of the lock from every other one.
    pub(super) nonce: String,
    user: String,
    machine: String,
    pid: u32,
    /// When it took the lock.
    since: String,
    process: Process,
}

/// What tells a process from a later one with the same pid. Empty parts are unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// Changes with every boot of the machine.
    boot: String,
    /// Pids of another namespace (a container) say nothing here.
    namespace: String,
    /// When it started.
    start: String,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> Self {
        let pid = std::process::id();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let process = Process {
            boot: read("/proc/sys/kernel/random/boot_id"),
            namespace: fs::read_link("/proc/self/ns/pid")
                .map(|namespace| namespace.to_string_lossy().into_owned())
                .unwrap_or_default(),
            start: start_of(pid).unwrap_or_default(),
        };
        let now = jiff::ZonedDateTime::now();
        Self {
            nonce: format!("{pid}-{}", now.timestamp().as_nanosecond()),
            user: user.unwrap_or_else(|| "somebody".to_owned()),
            machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid,
            since: now.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
            process,
        }
    }

    /// Whether this process is certainly gone: only processes of the same machine can be judged.
    pub(super) fn is_gone(&self, judge: &Owner) -> bool {
        let (then, now) = (&self.process, &judge.process);
        if self.machine != judge.machine || then.boot.is_empty() || now.boot.is_empty() {
            return false;
        }
        if then.boot != now.boot {
            return true;
        }
        then.namespace == now.namespace && start_of(self.pid).as_ref() != Some(&then.start)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (pid {}) since {}", self.user, self.machine, self.pid, self.since)
    }
}

/// When a process started, in ticks since the boot; nothing when there is none (or no /proc).
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name in parentheses, may have spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

fn read(path: &str) -> String {
    // Where there is no such file the part stays unknown.
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_and_the_dead() {
        let this = Owner::this();
        assert!(!this.is_gone(&Owner::this()));
        let text = serde_json::to_string(&this).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Owner>(&text).unwrap(), this);
        let mut reused = this.clone();
        reused.process.start = "1".to_owned();
        assert!(reused.is_gone(&this), "the pid belongs to a later process");
        let mut rebooted = this.clone();
        rebooted.process.boot = "another".to_owned();
        assert!(rebooted.is_gone(&this));
        let mut elsewhere = rebooted.clone();
        elsewhere.machine = "another".to_owned();
        assert!(!elsewhere.is_gone(&this), "nothing is known about other machines");
        let mut contained = reused.clone();
        contained.process.namespace = "pid:[1]".to_owned();
        assert!(!contained.is_gone(&this), "nor about other containers");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut ended = this.clone();
        (ended.pid, ended.process.start) = (child.id(), start_of(child.id()).unwrap());
        child.wait().unwrap();
        assert!(ended.is_gone(&this));
    }
}
