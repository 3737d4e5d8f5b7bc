//! Who holds a lock on a host, and whether that is still somebody.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The client process that holds a lock, as its owner file says.
///
/// Boot id and start time tell a living process from another one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOwner {
    user: String,
    machine: String,
    pid: u32,
    boot_id: String,
    started: u64,
    since: String,
}

/// What can be said of a lock's owner from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Its process runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Dead,
    /// It is on another machine: nothing can be said.
    Elsewhere,
}

impl LockOwner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            user: std::env::var("USER")
                .or_else(|_| std::env::var("LOGNAME"))
                .unwrap_or_else(|_| "unknown".into()),
            machine: machine(),
            pid,
            boot_id: boot_id(),
            started: start_time(pid).unwrap_or(0),
            since: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// Whether the owner's process still runs, as far as this machine can tell.
    pub fn liveness(&self) -> Liveness {
        if self.machine != machine() {
            Liveness::Elsewhere
        } else if self.boot_id == boot_id() && self.runs() {
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

    /// The line of the owner file: one word for each field.
    pub fn to_line(&self) -> String {
        let word = |text: &str| text.replace(|c: char| c.is_whitespace() || c.is_control(), "_");
        format!(
            "{} {} {} {} {} {}",
            word(&self.user),
            word(&self.machine),
            self.pid,
            word(&self.boot_id),
            self.started,
            self.since
        )
    }
}

/// The owner file is not one of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("cannot read the lock's owner file: '{0}'")]
pub struct InvalidOwner(String);

impl FromStr for LockOwner {
    type Err = InvalidOwner;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidOwner(line.to_owned());
        let words: Vec<&str> = line.split_whitespace().collect();
        let [user, machine, pid, boot_id, started, since] = words[..] else { return Err(invalid()) };
        Ok(Self {
            user: user.to_owned(),
            machine: machine.to_owned(),
            pid: pid.parse().map_err(|_| invalid())?,
            boot_id: boot_id.to_owned(),
            started: started.parse().map_err(|_| invalid())?,
            since: since.to_owned(),
        })
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (pid {}, since {})", self.user, self.machine, self.pid, self.since)
    }
}

fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// Empty where the system has none: the start time must do then.
fn boot_id() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "none".to_owned(), |id| id.trim().to_owned())
}

/// When a process started, in the kernel's ticks since boot; none when there is no such process.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name, in parentheses, may hold spaces.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_living_from_the_dead() {
        let owner = LockOwner::this_process();
        assert_eq!(owner.to_line().parse::<LockOwner>().unwrap().liveness(), Liveness::Alive);
        assert_eq!(LockOwner { started: 1, ..owner.clone() }.liveness(), Liveness::Dead);
        assert_eq!(LockOwner { boot_id: "x".into(), ..owner.clone() }.liveness(), Liveness::Dead);
        assert_eq!(LockOwner { machine: "other".into(), ..owner }.liveness(), Liveness::Elsewhere);
        assert!("garbage".parse::<LockOwner>().is_err());
    }
}
