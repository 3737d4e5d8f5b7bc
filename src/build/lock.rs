//! One build at a time in a BUILD_AT.
//!
//! The lock is a file in the checkout's `.git` directory, where no `git clean` removes it.

use std::time::Duration;

use super::{BuildHost, StepError};
use crate::host::{Liveness, LockOwner};
use crate::transport::{ExitStatus, HostAddr, RemoteCommand, RemotePath};

const LOCK: &str = include_str!("lock.sh");
const TAKEOVER: &str = include_str!("takeover.sh");
const UNLOCK: &str = include_str!("unlock.sh");

/// What we do, for errors.
const STEP: &str = "Locking the build directory";

/// EX_TEMPFAIL: somebody else has the lock.
const HELD: ExitStatus = ExitStatus::Code(75);

/// A host that does not lock within this time is not well.
const TIME: Duration = Duration::from_secs(30);

/// How often a lock may change hands while we look at it.
const ATTEMPTS: usize = 5;

/// The lock of a build directory, held by us.
#[must_use]
#[derive(Debug)]
pub struct BuildLock {
    at: RemotePath,
    nonce: String,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another build runs.
    #[error(
        "{holder} builds in {at} on {host}: wait for it, or, if that build is gone, remove {at}/.git/edeliver-build.lock there"
    )]
    Held {
        /// The build host.
        host: HostAddr,
        /// BUILD_AT.
        at: RemotePath,
        /// Who, where and since when.
        holder: String,
    },
    /// The host could not lock.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl BuildLock {
    /// Takes the lock of the checkout in `at`. That of a build of this machine that is gone is taken over.
    ///
    /// # Errors
    /// [`LockError::Held`] when another build runs.
    pub fn take(host: &mut BuildHost<'_>, at: &RemotePath) -> Result<Self, LockError> {
        let this = LockOwner::this_process();
        let line = this.to_line();
        let lock = script(LOCK, at).args([&line, &this.nonce]);
        let mut holder = String::new();
        for _ in 0..ATTEMPTS {
            let (status, answer) = host.try_ask(&lock)?;
            if status != HELD {
                host.judge(STEP, &lock, status, &answer)?;
                return Ok(Self { at: at.clone(), nonce: this.nonce });
            }
            let gone = match answer.trim().parse::<LockOwner>() {
                Ok(owner) if owner.liveness() == Liveness::Dead => owner,
                Ok(owner) => return Err(held(host, at, owner.to_string())),
                Err(_) => return Err(held(host, at, "somebody".to_owned())),
            };
            holder = gone.to_string();
            let takeover = script(TAKEOVER, at).args([&line, &this.nonce, &gone.nonce]);
            let (status, answer) = host.try_ask(&takeover)?;
            if status != HELD {
                host.judge(STEP, &takeover, status, &answer)?;
                return Ok(Self { at: at.clone(), nonce: this.nonce });
            }
        }
        Err(held(host, at, holder))
    }

    /// Gives it back, also after ctrl-c.
    ///
    /// # Errors
    /// When the host cannot be reached any more; the next build of this machine then takes it over.
    pub fn release(self, host: &mut BuildHost<'_>) -> Result<(), StepError> {
        let unlock = script(UNLOCK, &self.at).arg(self.nonce);
        host.ask("Unlocking the build directory", &unlock).map(drop)
    }
}

fn held(host: &BuildHost<'_>, at: &RemotePath, holder: String) -> LockError {
    LockError::Held { host: host.addr().clone(), at: at.clone(), holder }
}

/// Not cut short by ctrl-c: whether we hold the lock must not be left unknown.
fn script(text: &str, at: &RemotePath) -> RemoteCommand {
    RemoteCommand::script(text).cwd(at).uninterruptible().deadline(TIME)
}
