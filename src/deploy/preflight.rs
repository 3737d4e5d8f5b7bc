//! What speaks against a deploy on a host, found out before anything is touched.

use super::job::{Job, Source};
use super::plan::{Plan, Step};
use super::survey::Survey;
use super::wanted::Wanted;
use crate::node::NodeState;

/// What speaks against the deploy on a host, before anything is touched.
pub(super) fn problems(job: &Job, survey: &Survey, plan: &Plan) -> Vec<String> {
    let mut problems = survey.problems.clone();
    if let Source::LastDeploy = job.source {
        problems.extend(no_way_back(job, survey));
    }
    if job.upgrades(&survey.node) {
        problems.extend(no_upgrade(job, survey, plan));
    }
    if let Some(platform) = job.manifest().and_then(|manifest| manifest.platform.as_ref()) {
        if !platform.runs_on_machine(&survey.machine) {
            problems.push(format!(
                "its machine is {}, the release was built for {}",
                survey.machine, platform.machine
            ));
        }
        if !platform.libc.runs_on(survey.libc) {
            problems.push(format!("it has {}, the release needs {}", survey.libc, platform.libc));
        }
    }
    let url = job.health_check.as_ref().is_some_and(|check| check.starts_with("http"));
    if url && !survey.fetches && job.starts(&survey.node) {
        problems.push("it has neither 'curl' nor 'wget', which HEALTH_CHECK needs".to_owned());
    }
    problems.extend(locked_directories(&job.wanted, survey, plan));
    let needed = space_needed(job, survey, plan);
    if survey.free_bytes < needed {
        problems.push(format!(
            "not enough space: {} MB are free, {} MB are needed",
            survey.free_bytes / 1_000_000,
            needed / 1_000_000
        ));
    }
    let files =
        if job.replicates() { job.wanted.len() as u64 + survey.copy.1 } else { plan.payload.len() as u64 };
    let inodes = files + 100;
    // File systems without a fixed number of inodes say 0.
    if let Some(free) = survey.free_inodes.filter(|&free| free > 0 && free < inodes) {
        problems.push(format!("not enough inodes: {free} are free, {inodes} are needed"));
    }
    problems
}

/// Why the host cannot go back to the version that is wanted.
fn no_way_back(job: &Job, survey: &Survey) -> Option<String> {
    let Some(last) = &survey.last else { return Some("it keeps nothing to go back to".to_owned()) };
    if last.previous.as_deref() != Some(job.version.as_str()) {
        return Some(format!("its last deploy, of {}, has not replaced {}", last.version, job.version));
    }
    if survey.disk != last.version {
        return Some(format!("it has {} now, not {} of its last deploy", survey.disk, last.version));
    }
    (last.lost > 0).then(|| format!("{} parts of {} that were kept are gone", last.lost, job.version))
}

/// What keeps the running node from becoming the new release.
fn no_upgrade(job: &Job, survey: &Survey, plan: &Plan) -> Vec<String> {
    let version = &job.version;
    let mut problems = survey.obstacles.clone();
    match &survey.node {
        NodeState::Stopped => problems.push(format!(
            "its node does not run, and only running nodes are upgraded; 'deploy release --version={version}' is for it"
        )),
        NodeState::Running { version: None, pid } => {
            problems.push(format!("its node (process {pid}) does not answer"));
        }
        NodeState::Running { version: Some(runs), .. } if runs == version.as_str() => {
            problems.push(format!("its node runs {version} already"));
        }
        NodeState::Running { version: Some(runs), .. } if *runs != survey.disk => problems.push(format!(
            "its node runs {runs}, but its files are those of {}: restart it first",
            survey.disk
        )),
        NodeState::Running { version: Some(runs), .. } if !job.upgrades_from.contains(runs) => {
            let from = job.upgrades_from.join(", ");
            problems.push(format!(
                "its node runs {runs}, but the upgrade leads from {from}: 'build upgrade --with={runs}' makes one from there"
            ));
        }
        NodeState::Running { version: Some(runs), .. } if job.restarts_from.contains(runs) => {
            problems.push(format!(
                "the relup from {runs} restarts the node (restart_emulator, restart_new_emulator), which is no upgrade; deploy the release instead"
            ));
        }
        NodeState::Running { .. } => {}
    }
    if let Some(erts) = plan.steps.iter().map(Step::path).find(|path| path.starts_with("erts-")) {
        problems.push(format!(
            "the upgrade brings another Erlang ({erts}), which no node takes without a restart; deploy the release instead"
        ));
    }
    problems
}

/// The space in bytes that the host must have: the payload, and some room for what a running system
/// writes meanwhile. What is put aside is renamed, and takes none. Where functions of the config unpack:
/// a copy of the release, the archive and all that is in it.
pub(super) fn space_needed(job: &Job, survey: &Survey, plan: &Plan) -> u64 {
    let bytes: u64 = match job.manifest() {
        Some(manifest) if job.replicates() => {
            survey.copy.0 + manifest.size + job.wanted.iter().map(Wanted::size).sum::<u64>()
        }
        _ => plan.payload.iter().map(|&index| job.wanted[index].size()).sum(),
    };
    bytes + bytes / 10 + 8 * 1024 * 1024
}

/// Directories that may not be written and in which something is to change.
pub(super) fn locked_directories(wanted: &[Wanted], survey: &Survey, plan: &Plan) -> Vec<String> {
    let locked = survey.read_only.iter().map(|&index| wanted[index].path.as_str());
    let changes = |directory: &str| {
        plan.steps
            .iter()
            .any(|step| step.path().rsplit_once('/').is_some_and(|(parent, _)| parent == directory))
    };
    locked
        .filter(|directory| changes(directory))
        .map(|directory| format!("no permission to write in {}/{directory}", survey.root))
        .filter(|problem| !survey.problems.contains(problem))
        .collect()
}
