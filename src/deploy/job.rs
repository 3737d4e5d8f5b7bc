//! What is deployed: the same for all hosts.

use camino::Utf8PathBuf;

use super::claim::Claim;
use super::history::{Ending, HistoryEntry};
use super::payload::Payloads;
use super::plan::Plan;
use super::survey::Survey;
use super::wanted::{Wanted, wanted};
use crate::release::Version;
use crate::release::manifest::Manifest;
use crate::report::Report;
use crate::transport::{HostAddr, Interrupt};

/// What is deployed, and by whom.
pub struct Job {
    /// The application.
    pub app: String,
    /// The version.
    pub version: Version,
    /// The archive in the store.
    pub archive: Utf8PathBuf,
    /// What the archive holds.
    pub manifest: Manifest,
    /// `--clean-deploy`.
    pub clean: bool,
    /// `--start-deploy`.
    pub start: bool,
    /// Who works on the hosts.
    pub claim: Claim,
    /// What ends it early.
    pub interrupt: Interrupt,
    pub(super) wanted: Vec<Wanted>,
    payloads: Payloads,
}

impl Job {
    /// A deploy of the release in `archive`.
    pub fn new(
        app: &str,
        version: Version,
        archive: Utf8PathBuf,
        manifest: Manifest,
        report: Report,
        interrupt: Interrupt,
    ) -> Self {
        let wanted = wanted(&manifest);
        Self {
            app: app.to_owned(),
            version,
            payloads: Payloads::new(archive.clone()),
            archive,
            manifest,
            clean: false,
            start: false,
            claim: Claim::new(report),
            interrupt,
            wanted,
        }
    }

    /// What is sent to hosts.
    pub(super) fn payload(
        &self,
        indices: &[usize],
    ) -> std::io::Result<std::sync::Arc<super::payload::Payload>> {
        self.payloads.of(&self.manifest, &self.wanted, indices)
    }

    /// The list of entries that the host reads: all of them, or those of a payload, with the modes
    /// that they get under the host's umask.
    pub(super) fn list(&self, part: Option<(&[usize], u32)>) -> String {
        match part {
            None => self.wanted.iter().map(|entry| entry.to_line(0)).collect(),
            Some((indices, umask)) => {
                indices.iter().map(|&index| self.wanted[index].to_line(umask)).collect()
            }
        }
    }

    /// The journal's beginning: what was there, and what is going to be done.
    pub(super) fn journal(&self, host: &HostAddr, survey: &Survey, plan: &Plan) -> String {
        // For whoever undoes it without having heard from us.
        let lost = "the deployer was lost, and the host went back".to_owned();
        let history = self.history_entry(host, Ending::RolledBack, Some(lost)).to_line();
        let root = if survey.root_present { "present" } else { "absent" };
        let steps: String = plan.steps.iter().map(super::plan::Step::to_line).collect();
        format!(
            "edeliver-journal 1\nid {}\nversion {}\nroot {root}\nnode {}\nhistory {history}\nplan\n{steps}end\n",
            self.claim.id,
            self.version,
            survey.node.to_words()
        )
    }

    /// What the host's history says of this deploy.
    pub(super) fn history_entry(
        &self,
        host: &HostAddr,
        result: Ending,
        reason: Option<String>,
    ) -> HistoryEntry {
        HistoryEntry {
            id: self.claim.id.clone(),
            at: jiff::Timestamp::now().to_string(),
            host: host.to_string(),
            app: self.app.clone(),
            version: self.version.to_string(),
            sha256: Some(self.manifest.sha256.to_string()),
            by: self.claim.owner.to_string(),
            started: self.start,
            result,
            reason,
        }
    }
}
