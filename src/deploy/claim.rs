//! Taking and giving back a host's lock: who works on it, and what a dead one has left there.

use super::error::TargetError;
use super::phase::{Phase, SCRIPT_NAME};
use super::target::{Reached, Target};
use crate::host::agent::{self, Answer};
use crate::host::{Liveness, LockOwner};
use crate::report::Report;
use crate::transport::{Session, Stdin};

/// Who works on the hosts: the same for all hosts of a command.
pub struct Claim {
    /// The name of the transaction, unlike any other.
    pub(super) id: String,
    /// This process.
    pub(super) owner: LockOwner,
    /// `--force-unlock`: also takes a lock whose holder, on another machine, cannot be asked.
    pub force_unlock: bool,
    /// Where it is shown.
    pub report: Report,
}

impl Claim {
    /// A claim of this process.
    pub fn new(report: Report) -> Self {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let id = format!("{now}-{}", &agent::nonce()[..8]);
        Self { id, owner: LockOwner::this_process(), force_unlock: false, report }
    }
}

/// A lock that is ours now.
pub(super) struct Taken {
    /// What the host said of itself.
    pub answer: Answer,
    /// The deploy of a dead deployer that was undone before.
    pub undone: Option<String>,
}

impl Target {
    /// Takes the lock and has the host answer about the entries of `list`, and about what `survey_for`
    /// names. What a dead deployer left unfinished is undone first.
    pub(super) fn take_lock(
        &mut self,
        claim: &Claim,
        list: &str,
        survey_for: &str,
    ) -> Result<Taken, TargetError> {
        let mut takeover = String::new();
        let mut undone = None;
        loop {
            let args = [claim.owner.to_line(), takeover.clone(), SCRIPT_NAME.clone(), survey_for.to_owned()];
            self.session = Some(Session::connect(&self.addr, &self.options)?);
            self.kept = None;
            // From here on the lock may be ours, even if no answer comes.
            self.reached = Reached::Opened;
            let answer = self.call(claim, Phase::Open, &args, Stdin::Bytes(list.as_bytes()))?;
            self.kept = answer.facts("kept").next().map(str::to_owned);
            if let Some(holder) = answer.facts("lock").find_map(|lock| lock.strip_prefix("held")) {
                self.reached = Reached::Untouched;
                takeover = self.holder_to_replace(claim, holder.trim(), &takeover)?;
            } else if let Some(unfinished) = answer.facts("unfinished").next() {
                let id = unfinished.split(' ').next().unwrap_or_default().to_owned();
                claim.report.hint(&format!("{}: undoing the unfinished deploy {id}", self.addr));
                let answer =
                    self.call_guarded(claim, Phase::Undo, &[], "").map_err(TargetError::Unrecovered)?;
                for left in answer.facts("migrations_left") {
                    let error = format!("{}: a migration of {id} could not be undone: {left}", self.addr);
                    claim.report.error(&error);
                }
                undone = Some(id);
                takeover = String::new();
            } else {
                return Ok(Taken { answer, undone });
            }
        }
    }

    /// The owner line to take the lock over from, when its process is known to be dead.
    pub(super) fn holder_to_replace(
        &self,
        claim: &Claim,
        holder: &str,
        tried: &str,
    ) -> Result<String, TargetError> {
        let host = self.addr.clone();
        let owner = holder.parse::<LockOwner>().ok();
        let liveness = owner.as_ref().map_or(Liveness::Elsewhere, LockOwner::liveness);
        let owner = owner.map_or("an unknown owner".to_owned(), |owner| owner.to_string());
        // A lock without an owner is written so on the host, too.
        let line = if holder.is_empty() { "-" } else { holder };
        match liveness {
            _ if tried == line => Err(TargetError::Locked { host, owner, liveness }),
            Liveness::Dead => Ok(line.to_owned()),
            Liveness::Elsewhere if claim.force_unlock => {
                claim.report.hint(&format!("{host}: taking the lock of {owner}, as --force-unlock says"));
                Ok(line.to_owned())
            }
            Liveness::Alive | Liveness::Elsewhere => Err(TargetError::Locked { host, owner, liveness }),
        }
    }

    /// Gives the lock back.
    pub(super) fn close(&mut self, claim: &Claim) -> Result<(), TargetError> {
        let owner = [claim.owner.to_line()];
        self.until_known(|target| target.call(claim, Phase::Abandon, &owner, Stdin::Empty))?;
        Ok(())
    }
}
