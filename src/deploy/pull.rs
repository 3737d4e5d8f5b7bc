//! Hosts that fetch the archive from the store by themselves, in place of being sent it.

use super::error::TargetError;
use super::job::{Archive, Job};
use super::payload::Packing;
use super::phase::Phase;
use super::target::Target;
use super::wanted::{Wanted, WantedKind};
use crate::host::agent::PhaseError;
use crate::transport::Stdin;

impl Target {
    /// Has the host fetch, unpack and verify the archive beside the release, where the store has an
    /// address for that, the host has a tool for it and lacks most of the release anyhow. Whether that
    /// was done: if not, the host is to be sent what it lacks.
    pub(super) fn pull(
        &mut self,
        job: &Job,
        archive: &Archive,
        lacks: &[usize],
    ) -> Result<bool, TargetError> {
        let fetches = self.survey.as_ref().is_some_and(|survey| survey.fetches);
        if !fetches || !are_most(&job.wanted, lacks) {
            return Ok(false);
        }
        let Some(address) = archive.address() else { return Ok(false) };
        let (report, host) = (&job.claim.report, self.addr.to_string());
        report.info(&format!("{host} fetches the archive from the {} release store", job.store));
        let _spinner = report.step(&format!("{host} fetches the archive"));
        let list = job.list_of(lacks, self.umask());
        let args = [
            list.len().to_string(),
            archive.prefix().to_owned(),
            Packing::Gzip.word().to_owned(),
            String::new(),
            address.len().to_string(),
        ];
        let input = format!("{list}{address}");
        match self.call(&job.claim, Phase::Stage, &args, Stdin::Bytes(input.as_bytes())) {
            Ok(_) => Ok(true),
            // It may not reach the store, or what it has got is not what the manifest says.
            Err(PhaseError::Failed { reason, notes, .. }) => {
                let notes: String = notes.iter().map(|note| format!("\n  {note}")).collect();
                report.hint(&format!(
                    "{host} cannot fetch the archive by itself, so it is sent: {reason}{notes}"
                ));
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether these are more than half of the bytes. Else a part of the archive, sent by us, is less.
fn are_most(wanted: &[Wanted], indices: &[usize]) -> bool {
    let size = |wanted: &Wanted| match wanted.kind {
        WantedKind::File { size, .. } => size,
        WantedKind::Directory { .. } | WantedKind::Link { .. } => 0,
    };
    let lacking: u64 = indices.iter().map(|&index| size(&wanted[index])).sum();
    2 * lacking > wanted.iter().map(size).sum()
}
