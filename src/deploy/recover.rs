//! Looking at a host and putting right what a deploy has left there.

use super::claim::Claim;
use super::error::TargetError;
use super::history::HistoryEntry;
use super::phase::Phase;
use super::state::HostState;
use super::target::Target;
use crate::transport::Stdin;

/// What was left on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing.
    Nothing,
    /// The lock of a dead deployer, and what it had sent. The release was as it should be.
    Cleared,
    /// A deploy in the middle, which was undone.
    Undone(String),
}

impl Target {
    /// What is known of its deploys. Changes nothing.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub fn state(&mut self, claim: &Claim) -> Result<HostState, TargetError> {
        let answer = self.call(claim, Phase::State, &[], Stdin::Empty)?;
        HostState::parse(&answer).map_err(|source| self.unreadable(source))
    }

    /// All that was deployed there, the oldest first. Changes nothing.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub fn history(&mut self, claim: &Claim) -> Result<Vec<HistoryEntry>, TargetError> {
        let answer = self.call(claim, Phase::History, &[], Stdin::Empty)?;
        Ok(HistoryEntry::read(answer.facts("history")))
    }

    /// A checksum over all that a deploy manages. Changes nothing.
    ///
    /// # Errors
    /// When the host cannot be asked, or has no release.
    pub fn fingerprint(&mut self, claim: &Claim) -> Result<String, TargetError> {
        let answer = self.call(claim, Phase::Fingerprint, &[], Stdin::Empty)?;
        answer.fact("fingerprint").map(str::to_owned).map_err(|source| self.unreadable(source))
    }

    /// Removes releases that are older than those that `KEEP_RELEASES` keeps, and returns their
    /// versions. What runs, what boots next and what a rollback would bring back stay.
    ///
    /// # Errors
    /// When the host cannot be asked, or a release cannot be removed.
    pub(super) fn prune(&mut self, claim: &Claim) -> Result<Vec<String>, TargetError> {
        if self.old_releases.is_empty() {
            return Ok(Vec::new());
        }
        let old = std::mem::take(&mut self.old_releases);
        let answer = self.call(claim, Phase::Prune, &old, Stdin::Empty)?;
        Ok(answer.facts("pruned").map(str::to_owned).collect())
    }

    /// Undoes what is unfinished, and clears away what a dead deployer has left.
    ///
    /// # Errors
    /// When somebody is still at it, or the host cannot be put right.
    pub fn recover(&mut self, claim: &Claim) -> Result<Recovered, TargetError> {
        if self.state(claim)?.is_clean() {
            return Ok(Recovered::Nothing);
        }
        let taken = self.take_lock(claim, "", "");
        let closed = if self.has_lock() { self.close(claim) } else { Ok(()) };
        let undone = taken?.undone;
        closed?;
        Ok(undone.map_or(Recovered::Cleared, Recovered::Undone))
    }
}
