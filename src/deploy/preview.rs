//! What a deploy would do on a host (`--plan`). Nothing is changed, and no lock is taken.

use super::error::TargetError;
use super::job::{Job, Source};
use super::phase::Phase;
use super::plan::Step;
use super::preflight::{problems, space_needed};
use super::target::Target;
use crate::node::NodeState;
use crate::transport::Stdin;

/// What a deploy would do on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Bytes that would be sent.
    pub upload: u64,
    /// Paths below DELIVER_TO/APP that come where nothing is.
    pub add: Vec<String>,
    /// Paths that are replaced.
    pub replace: Vec<String>,
    /// Paths that go, and nothing takes their place.
    pub remove: Vec<String>,
    /// Whether functions of the config decide what is added, replaced and removed.
    pub decided_by_config: bool,
    /// What becomes of the node.
    pub node: NodeChange,
    /// Bytes that must be free.
    pub space_needed: u64,
    /// Bytes that are free.
    pub space_free: u64,
    /// What speaks against it: the deploy would be refused.
    pub problems: Vec<String>,
    /// The migrations that would run here, as "VERSION NAME", or why that cannot be known. None where none
    /// are to.
    pub migrations: Option<Result<Vec<String>, String>>,
    /// A deploy that was left unfinished, and would be undone first: the plan may differ then.
    pub unfinished: Option<String>,
}

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeChange {
    /// It runs on as it is.
    RunsOn,
    /// It stays stopped.
    StaysStopped,
    /// It is stopped, and the new release is started.
    Restarted,
    /// The new release is started.
    Started,
    /// It runs on, as the new release.
    Upgraded,
}

impl NodeChange {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeChange::RunsOn => "runs on",
            NodeChange::StaysStopped => "stays stopped",
            NodeChange::Restarted => "restarted",
            NodeChange::Started => "started",
            NodeChange::Upgraded => "upgraded",
        }
    }
}

impl Target {
    /// What the deploy would do here. `migrates`: migrations are to run here.
    ///
    /// # Errors
    /// When the host cannot be asked, or the archive cannot be read.
    pub fn preview(&mut self, job: &Job, migrates: bool) -> Result<Preview, TargetError> {
        let list = job.list();
        let answer = {
            let args = [job.survey_for().to_owned()];
            self.call(&job.claim, Phase::Survey, &args, Stdin::Bytes(list.as_bytes()))?
        };
        let (survey, plan) = self.plan(job, &answer)?;
        let upload = match &job.source {
            Source::Archive(archive) if job.replicates() => archive.manifest.size,
            Source::Archive(archive) if !plan.payload.is_empty() => {
                archive.payload(&job.wanted, &plan.payload, survey.unpacks)?.size
            }
            _ => 0,
        };
        let mut problems = problems(job, &survey, &plan);
        if let Some(holder) = answer.facts("holder").next()
            && let Err(locked) = self.holder_to_replace(&job.claim, holder, "")
        {
            problems.push(locked.to_string());
        }
        let mut preview = Preview {
            upload,
            add: Vec::new(),
            replace: Vec::new(),
            remove: Vec::new(),
            decided_by_config: job.replicates(),
            node: node_change(job, &survey.node),
            space_needed: space_needed(job, &survey, &plan),
            space_free: survey.free_bytes,
            problems,
            migrations: migrates.then(|| self.pending(job)),
            unfinished: answer.facts("unfinished").next().map(str::to_owned),
        };
        for step in plan.steps {
            preview.take(step);
        }
        Ok(preview)
    }

    /// Those of the new release that the database does not have.
    fn pending(&mut self, job: &Job) -> Result<Vec<String>, String> {
        if !job.has_elixir() {
            return Err("a release without Elixir does not say which it has".to_owned());
        }
        let answer =
            self.call(&job.claim, Phase::Applied, &[], Stdin::Empty).map_err(|error| error.to_string())?;
        let applied: Vec<u64> = answer.facts("applied").filter_map(|version| version.parse().ok()).collect();
        let files = job.migration_files().into_iter();
        let pending = files.filter(|(version, _)| !applied.contains(version));
        Ok(pending.map(|(version, name)| format!("{version} {name}")).collect())
    }
}

impl Preview {
    fn take(&mut self, step: Step) {
        match step {
            Step::Add(path) => match self.remove.iter().position(|removed| *removed == path) {
                // Put aside as a whole, to come anew.
                Some(index) => self.replace.push(self.remove.remove(index)),
                None => self.add.push(path),
            },
            Step::Replace(path) | Step::Keep(path) => self.replace.push(path),
            Step::Later(step) => self.take(*step),
            Step::Aside(path) => self.remove.push(path),
            Step::Mode(..) => {}
        }
    }
}

fn node_change(job: &Job, before: &NodeState) -> NodeChange {
    match (job.starts(before), before) {
        (true, _) if job.upgrades(before) => NodeChange::Upgraded,
        (true, NodeState::Stopped) => NodeChange::Started,
        (true, NodeState::Running { .. }) => NodeChange::Restarted,
        (false, NodeState::Stopped) => NodeChange::StaysStopped,
        (false, NodeState::Running { .. }) => NodeChange::RunsOn,
    }
}
