//! `edeliver upgrade`: builds the upgrade from what runs on a stage's hosts, and deploys it hot.

use anyhow::anyhow;

use super::build_release::{self, BuildContext, Prepared, Source, upgrade};
use super::stage_hooks::EXTRACT;
use super::update::not_stored;
use super::{Base, Context, deploy_release, deploy_upgrade, framed, look, plan_build};
use crate::cli::{GitRef, Upgrade};
use crate::deploy::{Claim, Ending, HostState, Offline, Start, Target};
use crate::exit::{Failure, OrUsage};
use crate::node::NodeState;
use crate::release::{ExpectedErts, Version};
use crate::settings::DeploySettings;

/// What each host says of itself.
type States = [(String, HostState)];

/// The recipe (PARITY.md section 4, "upgrade"): one transaction for all hosts. Nodes that run are
/// upgraded; hosts whose node is down get the whole release.
///
/// # Errors
/// When the nodes do not agree on what they run, or anything failed: then every host is as it was
/// before, unless the failure says otherwise.
pub fn run(context: &Context, options: &Upgrade) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    let prepared = Prepared::of(context)?.at(options.commit.to.as_ref().map(GitRef::as_str));
    let build = prepared.build(context);
    let source = Source::of(&build)?;
    if options.precautions.plan {
        return plan_build::run(context, &build, &source);
    }
    framed(context, "UPGRADE", || build_and_deploy(context, options, &settings, &build, &source))
}

fn build_and_deploy(
    context: &Context,
    options: &Upgrade,
    settings: &DeploySettings,
    build: &BuildContext<'_>,
    source: &Source,
) -> Result<(), Failure> {
    let report = &context.report;
    let stage = settings.stage.as_str();
    report.status(&format!("Upgrading to revision {} from branch {}", source.revision, source.refspec));
    report.status(&format!("Detecting release versions on {stage} hosts"));
    let claim = Claim::new(report.clone());
    let states = look::at_hosts(context, |target: &mut Target| target.state(&claim))?.into_answers()?;
    let offline = states.iter().filter(|(_, state)| state.node == NodeState::Stopped).count();
    match running(&states)? {
        None => deploy_to_offline(context, settings, build, options),
        Some(running) => {
            if offline > 0 {
                must_not_unpack(context)?;
            }
            let base = base(build, source, &running, &states)?;
            report.status(&format!("Building the upgrade from version {running}"));
            let stored = upgrade::build(build, &base, options.commit.to.as_ref().map(GitRef::as_str))?;
            let version = stored.ok_or_else(not_stored)?.name.version;
            report.status(&format!(
                "Deploying upgrades to {} online and releases to {offline} offline hosts",
                states.len() - offline
            ));
            deploy_hot(context, settings, &version, offline > 0, options)
        }
    }
}

/// The version that all running nodes run; none when no node runs.
fn running(states: &States) -> Result<Option<Version>, Failure> {
    let mut versions = Vec::new();
    for (host, state) in states {
        match &state.node {
            NodeState::Stopped => {}
            NodeState::Running { version: Some(version), .. } => versions.push((host, version)),
            NodeState::Running { version: None, pid } => {
                let error = anyhow!("{host}: the node (process {pid}) does not say which version it runs");
                return Err(Failure::failed(error).hint("'edeliver ping' tells more about it."));
            }
        }
    }
    let Some((_, first)) = versions.first() else { return Ok(None) };
    if versions.iter().all(|(_, version)| version == first) {
        return Ok(Some(first.parse()?));
    }
    let lines: String = versions.iter().map(|(host, version)| format!("\n  {host}: {version}")).collect();
    let error = anyhow!("the nodes run different versions, and an upgrade starts from one:{lines}");
    Err(Failure::failed(error)
        .hint("Upgrade the nodes with the older version first, each with --host=[user@]host."))
}

/// What the upgrade is built from: the release of the store, else the commit that it was built of.
fn base(
    build: &BuildContext<'_>,
    source: &Source,
    running: &Version,
    states: &States,
) -> Result<Base, Failure> {
    let revision = revision_of(running, states);
    if revision.as_deref() == Some(source.revision.as_str()) {
        return Err(Failure::failed(anyhow!(
            "revision {} is already deployed, as version {running}",
            source.revision
        )));
    }
    if upgrade::stored_base(build, running)?.is_some() {
        build.report.info(&format!("Using version {running} from the release store to build the upgrade"));
        return Ok(Base::With(running.clone()));
    }
    // As with the original, a version may be the name of the tag that it was built from.
    let tag = running.as_str().split(['+', '-']).next().unwrap_or_default();
    Ok(Base::From(revision.unwrap_or_else(|| tag.to_owned())))
}

/// The commit that this version was built of, as far as the hosts' histories know it.
fn revision_of(version: &Version, states: &States) -> Option<String> {
    let deployed = |state: &HostState| {
        let entries = state.history.iter().rev();
        let mut good = entries.filter(|entry| entry.result != Ending::RolledBack);
        good.find(|entry| entry.version == version.as_str()).and_then(|entry| entry.revision.clone())
    };
    states.iter().find_map(|(_, state)| deployed(state))
}

/// Hosts whose node is down get the release in the transaction that upgrades the others, where functions
/// of the config have no replica to work in.
fn must_not_unpack(context: &Context) -> Result<(), Failure> {
    let Some(place) = context.hooks().place(EXTRACT) else { return Ok(()) };
    let error = anyhow!("{place} redefines {EXTRACT}, and nodes that are down would get the release by it");
    Err(Failure::usage(error).hint("Start the nodes that are down, or leave their hosts out with --host=."))
}

fn deploy_hot(
    context: &Context,
    settings: &DeploySettings,
    version: &Version,
    has_offline: bool,
    options: &Upgrade,
) -> Result<(), Failure> {
    let mut job = deploy_upgrade::job(context, settings, Some(version.as_str()))?;
    if has_offline {
        // What they get must be a whole release.
        job.boots(ExpectedErts::Optional).or_usage().map_err(|failure| {
            failure.hint("Start the nodes that are down, or leave their hosts out with --host=.")
        })?;
    }
    job.start = Start::Hot(if settings.start { Offline::Started } else { Offline::Stopped });
    job.claim.force_unlock = options.precautions.force_unlock;
    deploy_upgrade::deploy(context, settings, job)
}

/// No node runs, so there is nothing to upgrade: all hosts get a release.
fn deploy_to_offline(
    context: &Context,
    settings: &DeploySettings,
    build: &BuildContext<'_>,
    options: &Upgrade,
) -> Result<(), Failure> {
    context.report.status("No node runs: building a release for all hosts");
    let version = build_release::build(build)?.ok_or_else(not_stored)?.name.version;
    let mut job = deploy_release::job(context, settings, Some(version.as_str()))?;
    job.start = if settings.start { Start::Yes } else { Start::No };
    job.claim.force_unlock = options.precautions.force_unlock;
    deploy_release::deploy(context, settings, job, &[])
}
