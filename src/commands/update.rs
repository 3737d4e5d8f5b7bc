//! `edeliver update`: builds a release and deploys it to a stage's hosts.

use anyhow::anyhow;

use super::build_release::{self, BuildContext, Prepared, Source};
use super::rolling::rolling;
use super::stage_hooks::StageHooks;
use super::{Context, deploy_release, framed, plan_build};
use crate::cli::{GitRef, Update};
use crate::deploy::{Rolling, Start};
use crate::exit::Failure;
use crate::settings::DeploySettings;

/// The recipe (PARITY.md section 4, "update"). That the nodes run the new version is verified in the
/// deploy, with --start-deploy.
///
/// # Errors
/// When anything failed: then every host is as it was before, unless the failure says otherwise.
pub fn run(context: &Context, update: &Update) -> Result<(), Failure> {
    let settings = context.deploy_settings()?;
    let rolling = rolling(&settings, update.rolling.canary)?;
    let prepared = Prepared::of(context)?.at(update.commit.to.as_ref().map(GitRef::as_str));
    let build = prepared.build(context);
    let source = Source::of(&build)?;
    if update.precautions.plan {
        return plan_build::run(context, &build, &source);
    }
    framed(context, "UPDATE", || build_and_deploy(context, update, &settings, &build, &source, rolling))
}

fn build_and_deploy(
    context: &Context,
    update: &Update,
    settings: &DeploySettings,
    build: &BuildContext<'_>,
    source: &Source,
    rolling: Rolling,
) -> Result<(), Failure> {
    let report = &context.report;
    StageHooks::new(context, settings, None)?.run("pre_erlang_update", Vec::new())?;
    report.status(&format!("Updating to revision {} from branch {}", source.revision, source.refspec));
    report.status("Building the release for the update");
    let stored = build_release::build(build)?.ok_or_else(not_stored)?;
    // That of an image is its tag.
    let version = match build.image {
        Some(image) => {
            stored.file.strip_prefix(&format!("{}:", image.name)).unwrap_or(&stored.file).to_owned()
        }
        None => stored.name.version.to_string(),
    };
    report.status(&format!("Deploying version {version} to {} hosts", settings.stage.as_str()));
    report.status("Authorizing hosts");
    let mut job = deploy_release::job(context, settings, Some(&version))?;
    job.clean = settings.clean;
    job.start = if settings.start { Start::Yes } else { Start::No };
    job.claim.force_unlock = update.precautions.force_unlock;
    job.rolling = rolling;
    job.migrations = deploy_release::migrations(context, settings, &job)?;
    deploy_release::deploy(context, settings, job, &["post_erlang_deployed_update", "post_erlang_update"])
}

/// The config has a way of its own to store releases, and we do not know what it has stored.
pub(super) fn not_stored() -> Failure {
    Failure::failed(anyhow!("the config stores archives itself, so it is not known which one to deploy"))
        .hint("Use 'edeliver build' and 'edeliver deploy' one after the other.")
}
