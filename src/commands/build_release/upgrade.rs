//! `edeliver build upgrade|appups`: what takes a running node from one version to another.

use anyhow::anyhow;

use super::source::Source;
use super::{Build, BuildContext, BuildStep, Making};
use crate::build::{self, upgrade as tools};
use crate::cli;
use crate::exit::{Failure, OrUsage};
use crate::release::{Layout, Version};
use crate::settings::ReleaseTool;
use crate::store::{StoredArchive, base_kinds};
use crate::transport::Stdin;

/// The version that an upgrade starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A release of the store (`--with`).
    With(Version),
    /// What this commit builds (`--from`).
    From(String),
}

impl Base {
    /// What the options say; where both are given, `--with` counts.
    ///
    /// # Errors
    /// When there is neither: exit status 2.
    pub fn of(options: &cli::Base) -> Result<Self, Failure> {
        match (&options.with, &options.from) {
            (Some(version), _) => Ok(Base::With(version.clone())),
            (None, Some(commit)) => Ok(Base::From(commit.as_str().to_owned())),
            (None, None) => Err(Failure::usage(anyhow!(
                "no old version specified: --with=VERSION of the store, or --from=COMMIT"
            ))),
        }
    }
}

/// Where the old release comes from, once the store and the repository were asked.
enum Found {
    Stored(StoredArchive),
    Commit(String),
}

/// Builds the upgrade from `base` to the commit `to` (without one: the revision that a release would
/// be built of) and stores it. None when the config redefines the step that stores it.
///
/// # Errors
/// When a step fails, or the tool makes no upgrades. The store is as before then.
pub fn run(
    context: &BuildContext<'_>,
    base: &Base,
    to: Option<&str>,
) -> Result<Option<StoredArchive>, Failure> {
    let app = context.settings.app.to_uppercase();
    tools::possible(context.settings.release_tool).or_usage()?;
    context.report.banner(&format!("BUILDING UPGRADE OF {app} APP ON BUILD HOST"));
    let stored = build(context, base, to)?;
    context.report.banner(&format!("UPGRADE BUILD OF {app} WAS SUCCESSFUL!"));
    Ok(stored)
}

/// The same as part of another command.
///
/// # Errors
/// As [`run`].
pub fn build(
    context: &BuildContext<'_>,
    base: &Base,
    to: Option<&str>,
) -> Result<Option<StoredArchive>, Failure> {
    let tool = context.settings.release_tool;
    tools::possible(tool).or_usage()?;
    if context.image.is_some() {
        let error =
            anyhow!("an image holds a whole release: no upgrade can be built for RELEASE_STORE=docker://");
        return Err(Failure::usage(error).hint("Images are deployed with a restart: edeliver build release"));
    }
    let modified = |name: &str| {
        context.settings.passed_on.iter().any(|(passed, value)| passed == name && !value.is_empty())
    };
    if tool != ReleaseTool::Distillery && modified("RELUP_MODIFICATION_MODULE") {
        context.report.hint("Only distillery knows modules that modify relups: --relup-mod is ignored.");
    }
    carry_out(context, base, to, Build::make_upgrade)
}

/// Generates the appups from `base` to the commit `to` and puts them into the store.
///
/// # Errors
/// When a step fails, or the tool generates no appups.
pub fn run_appups(context: &BuildContext<'_>, base: &Base, to: Option<&str>) -> Result<(), Failure> {
    tools::appups_possible(context.settings.release_tool).or_usage()?;
    let app = context.settings.app.to_uppercase();
    context.report.banner(&format!("BUILDING APPUP OF {app} APP ON BUILD HOST"));
    carry_out(context, base, to, |build| {
        build.run(BuildStep::RebarGenerateAppup)?;
        build.run(BuildStep::CopyAppupsToReleaseStore)
    })?;
    context.report.banner(&format!("APPUP BUILD OF {app} WAS SUCCESSFUL!"));
    Ok(())
}

/// The release of this version that an upgrade can be built from, where the store has it.
///
/// # Errors
/// When the store cannot be read.
pub fn stored_base(context: &BuildContext<'_>, version: &Version) -> Result<Option<StoredArchive>, Failure> {
    Ok(context.open_store()?.find(version.as_str(), base_kinds(context.settings.release_tool))?)
}

/// The recipe up to the new release beside the old one (PARITY.md section 3), and what comes then.
fn carry_out<'a>(
    context: &BuildContext<'a>,
    base: &Base,
    to: Option<&str>,
    then: impl FnOnce(&mut Build<'a>) -> Result<(), Failure>,
) -> Result<Option<StoredArchive>, Failure> {
    if let Some(hooked) = context.hooked {
        hooked.hooks().work_on(std::slice::from_ref(&context.settings.host), &context.settings.at);
    }
    let mut build = Build::open(context)?;
    if let Some(hooked) = context.hooked {
        build.tell_container(hooked.hooks().variables_mut());
    }
    if let Some(to) = to {
        build.source.revision = Source::commit(context, to)?;
    }
    let found = build.find(base)?;
    let built = build.beside_base(&found).and_then(|()| then(&mut build)).map(|()| build.stored.clone());
    build.close();
    built
}

impl Build<'_> {
    /// Looks for the old release before anything is touched.
    fn find(&self, base: &Base) -> Result<Found, Failure> {
        let version = match base {
            Base::From(commit) => return Source::commit(&self.context, commit).map(Found::Commit),
            Base::With(version) => version,
        };
        let kinds = base_kinds(self.settings.release_tool);
        let stored = self.store.find(version.as_str(), kinds)?.ok_or_else(|| {
            Failure::usage(anyhow!("the release store has no release {version} to build the upgrade from"))
                .hint("--from=COMMIT builds it anew from the commit that it was built of.")
        })?;
        Ok(Found::Stored(stored))
    }

    /// Makes the old release, and the new one beside it, where the tool finds both.
    fn beside_base(&mut self, found: &Found) -> Result<(), Failure> {
        let to = self.source.revision.clone();
        BuildStep::CHECKOUT.into_iter().try_for_each(|step| self.run(step))?;
        let base = match found {
            Found::Stored(archive) => archive.name.version.clone(),
            Found::Commit(commit) => {
                self.making = Making::Base;
                self.source.revision.clone_from(commit);
                self.run(BuildStep::GitCheckoutRemote)?;
                BuildStep::MAKE.into_iter().try_for_each(|step| self.run(step))?;
                self.keep_base()?
            }
        };
        self.making = Making::Upgrade(base);
        self.source.revision = to;
        self.run(BuildStep::GitCheckoutRemote)?;
        let [dependencies, compile, generate] = BuildStep::MAKE;
        self.run(dependencies)?;
        self.run(compile)?;
        if let Found::Stored(archive) = found {
            self.unpack_base(archive)?;
        }
        self.run(generate)
    }

    /// The rest of an upgrade's recipe.
    fn make_upgrade(&mut self) -> Result<(), Failure> {
        let steps: &[BuildStep] = match self.settings.release_tool {
            ReleaseTool::Rebar => &[
                BuildStep::RebarGenerateAppup,
                BuildStep::CopyAppupsFromReleaseStoreToBuildHost,
                BuildStep::RebarGenerateUpgrade,
            ],
            ReleaseTool::Rebar3 | ReleaseTool::Relx => {
                &[BuildStep::CopyAppupsFromReleaseStoreToBuildHost, BuildStep::RelxGenerateRelup]
            }
            ReleaseTool::Distillery | ReleaseTool::MixRelease => &[],
        };
        steps.iter().chain(&BuildStep::STORE).try_for_each(|step| self.run(*step))?;
        self.stored().map(drop)
    }

    pub(super) fn git_checkout_remote(&mut self) -> Result<(), Failure> {
        let title = format!("Checking out {}", self.source.revision);
        self.report().status(&title);
        let command = crate::git::remote::reset(&self.at()?, &self.source.revision);
        self.host.run(&title, &command).map_err(build::StepError::into_failure)
    }

    /// What was just built is the old release. Returns its version.
    fn keep_base(&mut self) -> Result<Version, Failure> {
        let built = self.release()?;
        let at = self.at()?;
        let title = format!("Keeping release {} to upgrade from", built.version);
        for task in tools::keep_base(&self.project(&at), &built) {
            self.host.run_task(&title, &task).map_err(build::StepError::into_failure)?;
        }
        self.release = None;
        Ok(built.version)
    }

    /// Sends the old release from the store to where the tool looks for it.
    fn unpack_base(&mut self, archive: &StoredArchive) -> Result<(), Failure> {
        let version = &archive.name.version;
        let title =
            format!("Uploading archive of release {version} from {} release store", self.store.kind());
        self.report().status(&title);
        let opened = self.store.open(archive)?;
        let prefix = match &opened.manifest.layout {
            Layout::Prefixed(prefix) => prefix,
            Layout::Bare => "",
        };
        let at = self.at()?;
        let command = tools::unpack_base(&self.project(&at), version, prefix);
        let mut file = opened.source.file()?.reader();
        self.host.feed(&title, &command, Stdin::Reader(&mut file)).map_err(build::StepError::into_failure)
    }

    pub(super) fn generate_relup(&mut self) -> Result<(), Failure> {
        let new = self.release()?;
        let base = self.base()?;
        let title = format!("Generating relup from {base} to version {}", new.version);
        self.tasks(&title, |project| tools::relup(project, &new, &base))
    }

    pub(super) fn rebar_generate_appup(&mut self) -> Result<(), Failure> {
        let new = self.release()?;
        let base = self.base()?;
        let title = format!("Generating appups for version {}", new.version);
        self.tasks(&title, |project| tools::appups(project, &base))
    }

    /// Appups of the store, which somebody has edited, take the place of generated ones.
    pub(super) fn copy_appups_to_build_host(&mut self) -> Result<(), Failure> {
        let new = self.release()?;
        let Some(appups) = self.store.appups(&self.base()?, &new.version)? else { return Ok(()) };
        let title = format!("Taking {} appups of the store: {}", appups.files.len(), appups.directory);
        self.report().status(&title);
        let tar = appups.to_tar()?;
        let at = self.at()?;
        let command = tools::install_appups(&self.project(&at), &new);
        self.host.feed(&title, &command, Stdin::Bytes(&tar)).map_err(build::StepError::into_failure)
    }

    pub(super) fn copy_appups_to_release_store(&mut self) -> Result<(), Failure> {
        let new = self.release()?;
        let base = self.base()?;
        let title = format!("Copying generated appup files to release store /appup/{base}-{}", new.version);
        self.report().status(&title);
        let at = self.at()?;
        let command = tools::collect_appups(&self.project(&at), &new);
        let tar = self.host.ask_bytes(&title, &command).map_err(build::StepError::into_failure)?;
        self.store.put_appups(&base, &new.version, &tar)?;
        Ok(())
    }

    /// The version that the upgrade starts from.
    fn base(&self) -> Result<Version, Failure> {
        match &self.making {
            Making::Upgrade(base) => Ok(base.clone()),
            Making::Release | Making::Base => {
                Err(Failure::failed(anyhow!("this step is one of 'build upgrade' and 'build appups' only")))
            }
        }
    }
}
