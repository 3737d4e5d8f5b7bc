//! Who holds a lock on a host, and whether that is still somebody.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The client process that holds a lock, as the lock's owner file says in one line of JSON.
///
/// Boot id, pid namespace and start time tell a living process from another one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// Tells this holding of a lock from every other one.
    pub nonce: String,
    user: String,
    machine: String,
    pid: u32,
    /// When it took the lock.
    since: String,
    /// Changes with every boot of the machine; empty where the system has none.
    boot: String,
    /// Pids of another namespace (a container) say nothing here; empty where there are none.
    namespace: String,
    /// When the process started; 0 where the system does not say.
    started: u64,
}

/// What can be said of a lock's owner from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Its process runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Dead,
    /// It is on another machine or in another container: nothing can be said.
    Elsewhere,
}

impl LockOwner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let now = jiff::ZonedDateTime::now();
        Self {
            nonce: format!("{pid}-{}", now.timestamp().as_nanosecond()),
            user: user.unwrap_or_else(|| "somebody".to_owned()),
            machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid,
            since: now.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
            boot: boot_id(),
            namespace: pid_namespace(),
            started: start_time(pid).unwrap_or_default(),
        }
    }

    /// Whether the owner's process still runs, as far as this machine can tell.
    pub fn liveness(&self) -> Liveness {
        let this = Self::this_process();
        if self.machine != this.machine {
            Liveness::Elsewhere
        } else if self.boot != this.boot {
            Liveness::Dead
        } else if self.namespace != this.namespace {
            Liveness::Elsewhere
        } else if self.runs() {
            Liveness::Alive
        } else {
            Liveness::Dead
        }
    }

    fn runs(&self) -> bool {
        if Path::new("/proc/self/stat").exists() {
            return start_time(self.pid) == Some(self.started);
        }
        // No procfs (macOS): a process of that pid must do. At worst a lock is kept too long.
        i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    }

    /// The person: the user and the machine.
    pub fn person(&self) -> String {
        format!("{} on {}", self.user, self.machine)
    }

    /// The line of the owner file.
    pub fn to_line(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// The owner file is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the lock's owner file: {0}")]
pub struct InvalidOwner(#[from] serde_json::Error);

impl FromStr for LockOwner {
    type Err = InvalidOwner;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        Ok(serde_json::from_str(line)?)
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (pid {}) since {}", self.user, self.machine, self.pid, self.since)
    }
}

/// Empty where the system has none: the start time must do then.
fn boot_id() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn pid_namespace() -> String {
    fs_err::read_link("/proc/self/ns/pid")
        .map(|namespace| namespace.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// When a process started, in the kernel's ticks since boot; none when there is no such process, or it
/// has ended and nobody has asked how: in a container it may stay so for good.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    #[test]
    fn tells_the_living_from_the_dead() {
        let owner = LockOwner::this_process();
        let line = owner.to_line();
        assert!(!line.contains('\n'));
        assert_eq!(line.parse::<LockOwner>().unwrap(), owner);
        assert_eq!(owner.liveness(), Liveness::Alive);
        let reused = LockOwner { started: 1, ..owner.clone() };
        assert_eq!(reused.liveness(), Liveness::Dead, "the pid belongs to a later process");
        assert_eq!(LockOwner { boot: "another".into(), ..owner.clone() }.liveness(), Liveness::Dead);
        assert_eq!(LockOwner { machine: "another".into(), ..reused.clone() }.liveness(), Liveness::Elsewhere);
        assert_eq!(LockOwner { namespace: "pid:[1]".into(), ..reused }.liveness(), Liveness::Elsewhere);
        assert!("garbage".parse::<LockOwner>().is_err());
    }

    #[test]
    fn a_process_that_has_ended_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let owner = LockOwner {
            pid: child.id(),
            started: start_time(child.id()).unwrap(),
            ..LockOwner::this_process()
        };
        assert_eq!(owner.liveness(), Liveness::Alive);
        child.kill().unwrap();
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&child)), ended).unwrap();
        assert_eq!(owner.liveness(), Liveness::Dead, "nobody has asked how it has ended");
        child.wait().unwrap();
        assert_eq!(owner.liveness(), Liveness::Dead);
    }
}
