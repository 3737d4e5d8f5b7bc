//! What is deployed: the same for all hosts.

use camino::Utf8PathBuf;
use serde_json::json;

use super::payload::Payloads;
use super::plan::Plan;
use super::survey::Survey;
use super::wanted::{Wanted, wanted};
use crate::host::{LockOwner, agent};
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
    /// Where it is shown.
    pub report: Report,
    /// What ends it early.
    pub interrupt: Interrupt,
    pub(super) id: String,
    pub(super) owner: LockOwner,
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
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let id = format!("{now}-{}", &agent::nonce()[..8]);
        let wanted = wanted(&manifest);
        Self {
            app: app.to_owned(),
            version,
            payloads: Payloads::new(archive.clone()),
            archive,
            manifest,
            clean: false,
            start: false,
            report,
            interrupt,
            id,
            owner: LockOwner::this_process(),
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
    pub(super) fn journal(&self, survey: &Survey, plan: &Plan) -> String {
        let root = if survey.root_present { "present" } else { "absent" };
        let steps: String = plan.steps.iter().map(super::plan::Step::to_line).collect();
        format!(
            "edeliver-journal 1\nid {}\nversion {}\nroot {root}\nnode {}\nplan\n{steps}end\n",
            self.id,
            self.version,
            survey.node.to_words()
        )
    }

    /// One line of `history.jsonl` on the host.
    pub(super) fn history_line(&self, host: &HostAddr) -> String {
        json!({
            "id": self.id,
            "at": jiff::Timestamp::now().to_string(),
            "host": host.to_string(),
            "app": self.app,
            "version": self.version.as_str(),
            "sha256": self.manifest.sha256.to_string(),
            "by": self.owner.to_string(),
            "started": self.start,
            "result": "deployed",
        })
        .to_string()
    }
}
