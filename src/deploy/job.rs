//! What is deployed: the same for all hosts.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::claim::Claim;
use super::history::{Ending, HistoryEntry};
use super::payload::{Packing, Payload, Payloads};
use super::plan::Plan;
use super::replica::OwnSteps;
use super::rolling::Rolling;
use super::survey::Survey;
use super::wanted::{Wanted, wanted};
use crate::node::NodeState;
use crate::release::manifest::Manifest;
use crate::release::{ArchiveSource, ExpectedErts, NotBootable, Version};
use crate::report::Report;
use crate::settings::{DeployMigrations, DeploySettings, OnFailure};
use crate::transport::{HostAddr, Interrupt};

/// What is deployed, and by whom.
pub struct Job {
    /// The application.
    pub app: String,
    /// The version.
    pub version: Version,
    /// The commit that it was built from, where that is known.
    pub revision: Option<String>,
    /// `--clean-deploy`.
    pub clean: bool,
    /// What the config does in place of us.
    pub own_steps: OwnSteps,
    /// What kind of store it comes from, as the status lines call it.
    pub store: &'static str,
    /// Whether nodes are started with it.
    pub start: Start,
    /// Whether the start is taken for a failed one, however well it went (`edeliver drill`).
    pub drill: bool,
    /// The versions that the relup leads from, where nodes are upgraded without a restart.
    pub upgrades_from: Vec<String>,
    /// Those of them from where the relup restarts the node all the same.
    pub restarts_from: Vec<String>,
    /// The stage, as the command line names it.
    pub stage: &'static str,
    /// `HEALTH_CHECK`.
    pub health_check: Option<String>,
    /// `ON_FAILURE`.
    pub on_failure: OnFailure,
    /// `KEEP_RELEASES`.
    pub keep_releases: usize,
    /// `--migrate`: none when nothing is migrated.
    pub migrations: Option<DeployMigrations>,
    /// How many nodes are restarted at a time.
    pub rolling: Rolling,
    /// Who works on the hosts.
    pub claim: Claim,
    /// What ends it early.
    pub interrupt: Interrupt,
    pub(super) source: Source,
    pub(super) wanted: Vec<Wanted>,
    lists: Mutex<Lists>,
    /// Whether nothing more needs to be sent, since a host has failed.
    pub(super) called_off: AtomicBool,
}

/// Lists of entries, by the indices of those and the umask.
type Lists = HashMap<(Vec<usize>, u32), Arc<str>>;

/// Whether nodes are started with the new release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// No: it is used at their next start.
    No,
    /// Yes, all of them.
    Yes,
    /// Those that run are restarted; the others stay stopped.
    WhereRunning,
    /// Those that run are taken to it without a restart.
    Hot(Offline),
}

/// What becomes of hosts whose node does not run when the others are upgraded without a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offline {
    /// There must be none (`deploy upgrade`).
    Refused,
    /// They get the release, which is used at their next start (`upgrade`).
    Stopped,
    /// They are started with it (`upgrade --start-deploy`).
    Started,
}

/// Where the new files come from.
pub(super) enum Source {
    /// An archive that is sent to the hosts.
    Archive(Box<Archive>),
    /// What the last deploy has put aside on each host.
    LastDeploy,
}

/// An archive of the store.
pub(super) struct Archive {
    pub manifest: Manifest,
    payloads: Payloads,
}

impl Archive {
    /// The directory in it that stands for the release's root; empty where there is none.
    pub(super) fn prefix(&self) -> &str {
        self.manifest.prefix()
    }

    /// Where a host can fetch it by itself; a secret.
    pub(super) fn address(&self) -> Option<String> {
        self.payloads.address()
    }

    /// What is sent to a host that lacks these of the wanted entries.
    pub(super) fn payload(
        &self,
        wanted: &[Wanted],
        indices: &[usize],
        packing: Packing,
    ) -> std::io::Result<Arc<Payload>> {
        self.payloads.of(&self.manifest, wanted, indices, packing)
    }

    /// It as it is.
    pub(super) fn whole(&self) -> std::io::Result<Payload> {
        self.payloads.whole(&self.manifest)
    }
}

impl Job {
    /// A deploy of the release in `archive`, which holds what `manifest` says.
    pub fn new(
        settings: &DeploySettings,
        version: Version,
        archive: Arc<dyn ArchiveSource>,
        manifest: Manifest,
        report: Report,
        interrupt: Interrupt,
    ) -> Self {
        let wanted = wanted(&manifest);
        let archive = Archive { manifest, payloads: Payloads::new(archive) };
        Self { wanted, ..Self::of(settings, version, Source::Archive(Box::new(archive)), report, interrupt) }
    }

    /// Goes back to `version`, which the last deploy has replaced on every host.
    pub fn back(settings: &DeploySettings, version: Version, report: Report, interrupt: Interrupt) -> Self {
        Self::of(settings, version, Source::LastDeploy, report, interrupt)
    }

    fn of(
        settings: &DeploySettings,
        version: Version,
        source: Source,
        report: Report,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            app: settings.app.clone(),
            version,
            revision: None,
            store: "local",
            clean: false,
            own_steps: OwnSteps::default(),
            start: Start::No,
            drill: false,
            upgrades_from: Vec::new(),
            restarts_from: Vec::new(),
            stage: settings.stage.as_str(),
            health_check: settings.health_check.clone(),
            on_failure: settings.on_failure,
            keep_releases: settings.keep_releases,
            migrations: None,
            rolling: Rolling { batch: settings.batch, canary: None },
            claim: Claim::new(report),
            interrupt,
            source,
            wanted: Vec::new(),
            lists: Mutex::default(),
            called_off: AtomicBool::new(false),
        }
    }

    /// Whether the release has edeliver's own module, which migrates in the running node.
    pub fn has_edeliver_module(&self) -> bool {
        self.wanted.iter().any(|wanted| wanted.path.starts_with("lib/edeliver-"))
    }

    /// Whether the release has Elixir, so that it can migrate in a VM of its own.
    pub fn has_elixir(&self) -> bool {
        self.wanted.iter().any(|wanted| wanted.path.starts_with("lib/elixir-"))
    }

    /// The release's files of migrations, as "VERSION NAME", in the order in which they run.
    pub(super) fn migration_files(&self) -> Vec<(u64, String)> {
        let mut files: Vec<_> =
            self.wanted.iter().filter_map(|wanted| migration_file(&wanted.path)).collect();
        files.sort_unstable();
        files
    }

    /// What the release in the archive boots; a release that the hosts keep has booted before.
    ///
    /// # Errors
    /// What it lacks.
    pub fn boots(&self, erts: ExpectedErts) -> Result<(), NotBootable> {
        self.manifest().map_or(Ok(()), |manifest| manifest.boots(&self.app, erts).map(drop))
    }

    /// Whether a node that was so before is started.
    pub(super) fn starts(&self, before: &NodeState) -> bool {
        match self.start {
            Start::No => false,
            Start::Yes => true,
            Start::Hot(offline) => *before != NodeState::Stopped || offline == Offline::Started,
            Start::WhereRunning => *before != NodeState::Stopped,
        }
    }

    /// Whether a node that was so before is taken to the new release without a restart.
    pub(super) fn upgrades(&self, before: &NodeState) -> bool {
        match self.start {
            Start::Hot(Offline::Refused) => true,
            Start::Hot(_) => *before != NodeState::Stopped,
            Start::No | Start::Yes | Start::WhereRunning => false,
        }
    }

    /// What the host is to look for, beside what every deploy wants to know.
    pub(super) fn survey_for(&self) -> &'static str {
        match self.start {
            Start::Hot(_) => "upgrade",
            _ if self.replicates() => "replicate",
            _ => "",
        }
    }

    /// The archive, where there is one.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        match &self.source {
            Source::Archive(archive) => Some(&archive.manifest),
            Source::LastDeploy => None,
        }
    }

    /// The list of all entries, which hosts read.
    pub(super) fn list(&self) -> Arc<str> {
        let all: Vec<usize> = (0..self.wanted.len()).collect();
        self.list_of(&all, 0)
    }

    /// The list of the entries of a payload, with the modes that they get under the host's umask. It is long,
    /// so hosts that read the same share one.
    pub(super) fn list_of(&self, payload: &[usize], umask: u32) -> Arc<str> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.entry((payload.to_vec(), umask)).or_insert_with(|| {
            payload.iter().map(|&index| self.wanted[index].to_entry(umask)).collect::<String>().into()
        });
        Arc::clone(list)
    }

    /// The journal's beginning: what was there, and what is going to be done.
    pub(super) fn journal(&self, host: &HostAddr, survey: &Survey, plan: &Plan) -> String {
        // For whoever undoes it without having heard from us.
        let lost = "the deployer was lost, and the host went back".to_owned();
        let history = self.history_entry(host, &survey.node, Ending::RolledBack, Some(lost)).to_line();
        let from = match (&self.source, &survey.last) {
            (Source::LastDeploy, Some(last)) => format!("from {}\n", last.id),
            _ => String::new(),
        };
        let root = if survey.root_present { "present" } else { "absent" };
        let steps: String = plan.steps.iter().map(super::plan::Step::to_line).collect();
        format!(
            "edeliver-journal 1\nid {}\nversion {}\nroot {root}\nnode {}\n{from}history {history}\nplan\n{steps}end\n",
            self.claim.id,
            self.version,
            survey.node.to_words()
        )
    }

    /// How it ends when it ends well.
    pub(super) fn good_ending(&self) -> Ending {
        match self.source {
            Source::Archive(_) => Ending::Deployed,
            Source::LastDeploy => Ending::WentBack,
        }
    }

    /// What the host's history says of this deploy.
    pub(super) fn history_entry(
        &self,
        host: &HostAddr,
        before: &NodeState,
        result: Ending,
        reason: Option<String>,
    ) -> HistoryEntry {
        HistoryEntry {
            id: self.claim.id.clone(),
            at: jiff::Timestamp::now().to_string(),
            host: host.to_string(),
            app: self.app.clone(),
            version: self.version.to_string(),
            sha256: self.manifest().map(|manifest| manifest.sha256.to_string()),
            revision: self.revision.clone(),
            by: self.claim.owner.person(),
            started: self.starts(before),
            result,
            reason,
        }
    }
}

/// `lib/shop-1.0.0/priv/repo/migrations/20240101000000_create_products.exs`, as Ecto has them.
fn migration_file(path: &str) -> Option<(u64, String)> {
    let (directory, file) = path.rsplit_once('/')?;
    let (version, name) = file.strip_suffix(".exs")?.split_once('_')?;
    let belongs = directory.contains("/priv/") && directory.ends_with("/migrations");
    belongs.then_some(())?;
    Some((version.parse().ok()?, name.to_owned()))
}
