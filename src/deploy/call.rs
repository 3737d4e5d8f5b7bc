//! How a phase is run on a host, whatever becomes of the connection meanwhile.

use std::time::{Duration, Instant};

use super::claim::Claim;
use super::phase::{Phase, SCRIPT_NAME};
use super::target::{Reached, Target};
use crate::host::agent::{self, Answer, PhaseError, Place, Request};
use crate::transport::{Session, Stdin, TransportError};

/// How long a host that has fallen silent is tried to be reached again before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

impl Target {
    /// Runs a phase to its end.
    pub(super) fn call(
        &mut self,
        claim: &Claim,
        phase: Phase,
        args: &[String],
        stdin: Stdin<'_>,
    ) -> Result<Answer, PhaseError> {
        // What is sent has a bar of its own.
        let label = format!("{}: {}", self.addr, phase.label());
        let _row = (!matches!(phase, Phase::Stage | Phase::Renew)).then(|| claim.report.step(&label));
        let request = phase.request(&self.place, &claim.id, args.to_vec());
        match phase {
            // It goes on beside the others.
            Phase::Renew => self.send(&request, &agent::nonce(), stdin),
            _ => claim
                .report
                .phase(&self.addr.clone(), phase.name(), || self.send(&request, &agent::nonce(), stdin)),
        }
    }

    /// Runs a phase that changes the host: it works apart from the connection, and we ask for its
    /// outcome until it has one. Asking renews the lease.
    pub(super) fn call_guarded(
        &mut self,
        claim: &Claim,
        phase: Phase,
        args: &[String],
        input: &str,
    ) -> Result<Answer, PhaseError> {
        let host = self.addr.clone();
        let _row = claim.report.step(&format!("{host}: {}", phase.label()));
        claim.report.phase(&host, phase.name(), || self.run_guarded(claim, phase, args, input))
    }

    fn run_guarded(
        &mut self,
        claim: &Claim,
        phase: Phase,
        args: &[String],
        input: &str,
    ) -> Result<Answer, PhaseError> {
        let (nonce, lease) = (agent::nonce(), self.place.lease.as_secs().max(1).to_string());
        let mut run =
            vec![lease.clone(), SCRIPT_NAME.clone(), claim.owner.to_line(), phase.verb().to_owned()];
        run.extend_from_slice(args);
        let as_phase = |asked: Phase, args: Vec<String>, place: &Place| Request {
            label: phase.label(),
            interruptible: phase.interruptible(),
            ..asked.request(place, &claim.id, args)
        };
        let request = as_phase(Phase::Run, run, &self.place);
        let end = Instant::now() + phase.time_limit(&self.place);
        let mut answer = self.send(&request, &nonce, Stdin::Bytes(input.as_bytes()))?;
        self.guarded = true;
        while answer.has("pending") {
            if Instant::now() > end {
                let seconds = phase.time_limit(&self.place).as_secs();
                return Err(TransportError::Deadline { host: self.addr.clone(), seconds }.into());
            }
            let request = as_phase(
                Phase::Wait,
                vec![lease.clone(), phase.verb().to_owned(), claim.owner.to_line()],
                &self.place,
            );
            answer = self.send(&request, &nonce, Stdin::Empty)?;
        }
        Ok(answer)
    }

    /// Sends a request, over a new connection when there is none. With the script, unless the host has it.
    fn send(&mut self, request: &Request, nonce: &str, stdin: Stdin<'_>) -> Result<Answer, PhaseError> {
        let Some(kept) = self.kept.clone() else { return self.send_whole(request, nonce, stdin) };
        let again = stdin.again();
        let short = Request { kept: Some(kept), ..request.clone() };
        let answer = self.send_whole(&short, nonce, stdin);
        match (&answer, again) {
            // However it was lost, it is not relied upon any more.
            (Err(error), again) if !matches!(error, PhaseError::Failed { .. }) => {
                self.kept = None;
                match again {
                    Some(stdin) if error.is_for_lack_of_script() => self.send_whole(request, nonce, stdin),
                    _ => answer,
                }
            }
            _ => answer,
        }
    }

    fn send_whole(&mut self, request: &Request, nonce: &str, stdin: Stdin<'_>) -> Result<Answer, PhaseError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::connect(&self.addr, &self.options)?),
        };
        let answer = agent::call_as(session, &self.place, request, nonce, stdin);
        if let Err(PhaseError::Link(error)) = &answer
            && !matches!(error, TransportError::Interrupted(_) | TransportError::Deadline { .. })
        {
            // What is lost is not used again: the next call connects anew.
            self.session = None;
        }
        answer
    }

    /// Repeats a phase until it has an outcome, for phases that do no harm when they are run twice.
    pub(super) fn until_known(
        &mut self,
        mut phase: impl FnMut(&mut Self) -> Result<Answer, PhaseError>,
    ) -> Result<Answer, PhaseError> {
        let end = Instant::now() + self.place.lease.max(PATIENCE);
        let mut unknown = 0;
        loop {
            let outcome = phase(self);
            // However long it took, a host that can be asked is asked what has become of it.
            unknown += u32::from(matches!(outcome, Err(PhaseError::Unknown { .. })));
            match outcome {
                Err(PhaseError::Link(_)) if Instant::now() < end => {}
                Err(PhaseError::Unknown { .. }) if Instant::now() < end || unknown < 3 => {}
                outcome => return outcome,
            }
        }
    }

    /// Tells the host that we are still there, while we do something else. Whether it heard us shows
    /// in the next phase.
    pub(super) fn renew(&mut self, claim: &Claim) {
        if self.guarded && self.reached == Reached::Switching {
            drop(self.call(claim, Phase::Renew, &[claim.owner.to_line()], Stdin::Empty));
        }
    }
}
