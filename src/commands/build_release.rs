//! `edeliver build release`: builds a release on the build host and puts its archive into the store.

mod hooked;
mod image;
mod source;
mod step;
mod storing;
pub mod upgrade;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use camino::Utf8Path;

use super::Context;
use crate::build::docker::{BuildContainer, Docker};
use crate::build::{self, BuildHost, BuildLock, BuiltRelease, LockError, Project, Purpose};
use crate::exit::{Exit, Failure, OrUsage};
use crate::git::{GitError, Push, Repository, remote};
use crate::release::{RequiredFiles, Version};
use crate::report::Report;
use crate::settings::{BuildSettings, ImageSettings, SshSettings, StoreSettings};
use crate::store::{Access, Store, StoredArchive};
use crate::transport::{ConnectOptions, HostAddr, Interrupt, RemotePath};
use hooked::BuildHooks;
pub use source::Source;
pub use step::BuildStep;

/// What a build works with.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// What to build where.
    pub settings: &'a BuildSettings,
    /// Where the archive goes.
    pub store: &'a StoreSettings,
    /// What the release is put into, where it is not the store.
    pub image: Option<&'a ImageSettings>,
    /// How to connect.
    pub ssh: &'a SshSettings,
    /// What the user sees.
    pub report: &'a Report,
    /// What ends the build early.
    pub interrupt: &'a Interrupt,
    /// The project's directory on this machine.
    pub project: &'a Utf8Path,
    /// `-V`: the tools say what they do.
    pub verbose: bool,
    /// `--push`, which is for docker registries.
    pub push: bool,
    /// The functions of the config, which run around the steps.
    pub hooked: Option<&'a Context>,
}

impl BuildContext<'_> {
    /// The store that the archive goes to. Nothing is connected to yet.
    fn open_store(&self) -> Result<Store, Failure> {
        let connect = ConnectOptions {
            ssh_config: self.ssh.config.clone(),
            timeout: self.ssh.timeout,
            forward_agent: false,
            interrupt: self.interrupt.clone(),
        };
        let access = Access { connect, report: self.report.clone() };
        Store::new(self.store, self.project, &self.settings.app, &access).or_usage()
    }
}

/// The settings of a build, all of which are there and can be read.
pub struct Prepared {
    settings: BuildSettings,
    store: StoreSettings,
    image: Option<ImageSettings>,
    ssh: SshSettings,
}

impl Prepared {
    /// Those of the project.
    ///
    /// # Errors
    /// When one is missing or invalid: exit status 2.
    pub fn of(context: &Context) -> Result<Self, Failure> {
        let settings = &context.settings;
        Ok(Self {
            settings: settings.build().or_usage()?,
            store: settings.store().or_usage()?,
            image: settings.release_image().or_usage()?,
            ssh: settings.ssh().or_usage()?,
        })
    }

    /// The same for this commit, in place of the one that the settings name.
    #[must_use]
    pub fn at(mut self, commit: Option<&str>) -> Self {
        if let Some(commit) = commit {
            self.settings.revision = Some(commit.to_owned());
            self.settings.tag = None;
        }
        self
    }

    /// What a build of the project works with.
    pub fn build<'a>(&'a self, context: &'a Context) -> BuildContext<'a> {
        BuildContext {
            settings: &self.settings,
            store: &self.store,
            image: self.image.as_ref(),
            ssh: &self.ssh,
            report: &context.report,
            interrupt: &context.interrupt,
            project: context.settings.project(),
            verbose: matches!(context.settings.get("MODE"), Some("verbose" | "debug")),
            push: context.settings.is_true("DOCKER_PUSH"),
            hooked: Some(context),
        }
    }
}

/// Builds a release of the project and stores its archive, or puts it into an image. None when the config
/// redefines the step that stores it.
///
/// # Errors
/// When a step fails, another build runs in BUILD_AT, or the release lacks what it must have. The store is
/// as before then.
pub fn run(context: &BuildContext<'_>) -> Result<Option<StoredArchive>, Failure> {
    let report = context.report;
    let app = context.settings.app.to_uppercase();
    report.banner(&format!("BUILDING RELEASE OF {app} APP ON BUILD HOST"));
    let (mut build, stored) = built(context)?;
    report.banner(&format!("RELEASE BUILD OF {app} WAS SUCCESSFUL!"));
    build.close();
    Ok(stored)
}

/// The same as part of another command.
///
/// # Errors
/// As [`run`].
pub fn build(context: &BuildContext<'_>) -> Result<Option<StoredArchive>, Failure> {
    let (mut build, stored) = built(context)?;
    build.close();
    Ok(stored)
}

/// A build that is done, and still has to be closed; one that failed has been.
fn built<'a>(context: &BuildContext<'a>) -> Result<(Build<'a>, Option<StoredArchive>), Failure> {
    if let Some(hooked) = context.hooked {
        // As the original's set_build_hosts has it.
        hooked.hooks().work_on(std::slice::from_ref(&context.settings.host), &context.settings.at);
    }
    let mut build = Build::open(context)?;
    if let Some(hooked) = context.hooked {
        build.tell_container(hooked.hooks().variables_mut());
    }
    match BuildStep::recipe().try_for_each(|step| build.run(step)).and_then(|()| build.stored()) {
        Ok(stored) => Ok((build, stored)),
        Err(failure) => {
            build.close();
            Err(failure)
        }
    }
}

/// What a build makes at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Making {
    /// A release.
    Release,
    /// The release that an upgrade starts from.
    Base,
    /// The upgrade from this version.
    Upgrade(Version),
}

/// A build under way.
pub(super) struct Build<'a> {
    context: BuildContext<'a>,
    /// As the functions of the config have left them.
    settings: Arc<BuildSettings>,
    hooks: BuildHooks<'a>,
    host: BuildHost<'a>,
    /// What the host is, when it is none.
    container: Option<BuildContainer<'a>>,
    source: Source,
    required: RequiredFiles,
    store: Store,
    /// The absolute path of BUILD_AT, once it is there.
    at: Option<RemotePath>,
    lock: Option<BuildLock>,
    release: Option<BuiltRelease>,
    /// What the steps make at the moment.
    making: Making,
    stored: Option<StoredArchive>,
}

impl<'a> Build<'a> {
    /// Connects to the build host, or starts the container that takes its place. Nothing is changed there.
    pub(super) fn open(context: &BuildContext<'a>) -> Result<Self, Failure> {
        let settings = context.settings;
        let source = Source::of(context)?;
        let required = RequiredFiles::parse(&settings.required_files).map_err(Failure::usage)?;
        let store = context.open_store()?;
        let (host, container) = reach(context)?;
        let hooks = BuildHooks::new(context)?;
        Ok(Self {
            context: *context,
            settings: Arc::new(settings.clone()),
            hooks,
            host,
            container,
            source,
            required,
            store,
            at: None,
            lock: None,
            release: None,
            making: Making::Release,
            stored: None,
        })
    }

    /// Runs a step with what the config has around it.
    pub(super) fn run(&mut self, step: BuildStep) -> Result<(), Failure> {
        let (host, report) = (self.settings().host.clone(), self.context.report);
        report.phase(&host, step.phase(), || match self.context.hooked {
            Some(context) => self.run_hooked(context, step),
            None => self.run_ours(step),
        })
    }

    /// Runs a step of ours.
    fn run_ours(&mut self, step: BuildStep) -> Result<(), Failure> {
        if let Some(signal) = self.context.interrupt.received() {
            let error = anyhow!("interrupted before the step {}", step.function());
            return Err(Failure { exit: Exit::Interrupted(signal), error, hints: Vec::new() });
        }
        match step {
            BuildStep::InitAppRemotely => self.init_app_remotely(),
            BuildStep::GitPush => self.git_push(),
            BuildStep::GitResetRemote => self.git_reset_remote(),
            BuildStep::GitCleanRemote => self.git_clean_remote(),
            BuildStep::GitSubmodules => self.git_submodules(),
            BuildStep::ErlangGetAndUpdateDeps => {
                self.tasks("Fetching / Updating dependencies", |project| project.fetch_dependencies())
            }
            BuildStep::ErlangCleanCompile => {
                let skipping = if self.settings().skip_mix_clean { " (skipping cleaning)" } else { "" };
                self.tasks(&format!("Compiling sources{skipping}"), |project| project.compile())
            }
            BuildStep::ErlangGenerateRelease => {
                self.tasks("Generating release", |project| project.generate())
            }
            BuildStep::GitCheckoutRemote => self.git_checkout_remote(),
            BuildStep::RebarGenerateAppup => self.rebar_generate_appup(),
            BuildStep::CopyAppupsFromReleaseStoreToBuildHost => self.copy_appups_to_build_host(),
            BuildStep::CopyAppupsToReleaseStore => self.copy_appups_to_release_store(),
            BuildStep::RelxGenerateRelup | BuildStep::RebarGenerateUpgrade => self.generate_relup(),
            BuildStep::ErlangArchiveRelease => self.erlang_archive_release(),
            BuildStep::CopyReleaseToReleaseStore => self.copy_release_to_release_store(),
        }
    }

    fn init_app_remotely(&mut self) -> Result<(), Failure> {
        let title = "Ensuring hosts are ready to accept git pushes";
        self.report().status(title);
        let at = remote::from_home(&self.settings().at);
        match &mut self.container {
            // Who pushes there must own it, and the container's user is another one.
            Some(container) => {
                let checkout: RemotePath = container.checkout().as_str().parse().context("the checkout")?;
                container.here().run(title, &remote::init(&checkout))
            }
            None => self.host.run(title, &remote::init(&at)),
        }
        .map_err(build::StepError::into_failure)?;
        let at = self.at()?;
        self.refuse_the_project_itself(&at)?;
        self.lock = Some(BuildLock::take(&mut self.host, &at).map_err(lock_failure)?);
        Ok(())
    }

    /// BUILD_AT is reset and cleaned: what is not committed there is lost.
    fn refuse_the_project_itself(&self, at: &RemotePath) -> Result<(), Failure> {
        let project = self.context.project.canonicalize_utf8().context("the project's directory")?;
        if self.host.addr().is_local() && project.starts_with(at.as_str()) {
            let error = anyhow!("BUILD_AT ({at}) is the project itself: it would be reset and cleaned");
            return Err(
                Failure::failed(error).hint("Set BUILD_AT to a directory that edeliver may have for itself.")
            );
        }
        Ok(())
    }

    fn git_push(&mut self) -> Result<(), Failure> {
        let title = format!("Pushing new commits with git to: {}", self.settings().host);
        self.report().status(&title);
        let (at, here) = (self.at()?, HostAddr::local());
        let context = self.context;
        let (host, directory) = match &self.container {
            Some(container) => (&here, container.checkout().as_str()),
            None => (&self.settings.host, at.as_str()),
        };
        let push = Push {
            options: &self.settings.git_push,
            host,
            directory,
            refspec: &self.source.refspec,
            ssh: context.ssh,
        };
        let _spinner = context.report.step(&title);
        let said = Repository::of(context.project).push(&push, context.interrupt).map_err(git_failure)?;
        context.report.output(&said);
        Ok(())
    }

    fn git_reset_remote(&mut self) -> Result<(), Failure> {
        let title = format!("Resetting remote hosts to {}", self.source.revision);
        self.report().status(&title);
        let command = remote::reset(&self.at()?, &self.source.revision);
        let refspec = &self.source.refspec;
        self.host.run(&title, &command).map_err(|error| {
            error
                .into_failure()
                .hint(format!("The revision must be in the branch that was pushed, {refspec} (--branch=)."))
        })
    }

    fn git_clean_remote(&mut self) -> Result<(), Failure> {
        if self.settings().skip_git_clean {
            self.report().status("Skipped cleaning generated files from last build");
            return Ok(());
        }
        let title = "Cleaning generated files from last build";
        self.report().status(title);
        let at = self.at()?;
        let settings = self.settings();
        for path in &settings.clean_paths {
            let command = remote::clean(&at, path, &settings.profile);
            self.host.run(title, &command).map_err(build::StepError::into_failure)?;
        }
        Ok(())
    }

    fn git_submodules(&mut self) -> Result<(), Failure> {
        let title = "Updating git submodules";
        self.report().status(title);
        let command = remote::submodules(&self.at()?);
        self.host.run(title, &command).map_err(build::StepError::into_failure)
    }

    /// A step of the build tools.
    fn tasks(
        &mut self,
        title: &str,
        tasks: impl Fn(&Project<'_>) -> Vec<build::Task>,
    ) -> Result<(), Failure> {
        self.report().status(title);
        let at = self.at()?;
        for task in tasks(&self.project(&at)) {
            self.host.run_task(title, &task).map_err(build::StepError::into_failure)?;
        }
        Ok(())
    }

    fn erlang_archive_release(&mut self) -> Result<(), Failure> {
        let release = self.release()?;
        let at = self.at()?;
        let tasks = build::archive::tasks(&self.project(&at), &release);
        if tasks.is_empty() {
            return Ok(());
        }
        let title = format!("Building archive of release {}", release.version);
        self.report().status(&title);
        tasks
            .iter()
            .try_for_each(|task| self.host.run_task(&title, task))
            .map_err(build::StepError::into_failure)
    }

    /// The absolute path of BUILD_AT, which every later command uses.
    fn at(&mut self) -> Result<RemotePath, Failure> {
        if let Some(at) = &self.at {
            return Ok(at.clone());
        }
        let command = remote::locate(&remote::from_home(&self.settings().at));
        let answer = self.host.ask("Finding BUILD_AT", &command).map_err(build::StepError::into_failure)?;
        let at: RemotePath = answer.trim_end_matches('\n').parse().context("BUILD_AT")?;
        Ok(self.at.insert(at).clone())
    }

    /// The release that the tools have made.
    fn release(&mut self) -> Result<BuiltRelease, Failure> {
        if let Some(release) = &self.release {
            return Ok(release.clone());
        }
        let at = self.at()?;
        let command = build::search::command(&self.project(&at));
        let answer =
            self.host.ask("Finding the release", &command).map_err(build::StepError::into_failure)?;
        let release = build::search::read_answer(&self.project(&at), &answer)?;
        Ok(self.release.insert(release).clone())
    }

    /// Gives the lock of the build directory back, and removes the container.
    pub(super) fn close(&mut self) {
        if let Some(lock) = self.lock.take()
            && let Err(error) = lock.release(&mut self.host)
        {
            self.report().hint(&format!("The build directory stays locked: {error}"));
        }
        if let Some(container) = self.container.take() {
            self.report().status("Removing build container");
            container.remove();
        }
    }

    fn project<'b>(&'b self, at: &'b RemotePath) -> Project<'b> {
        let purpose = match &self.making {
            Making::Release => Purpose::Release,
            Making::Base => Purpose::Base,
            Making::Upgrade(base) => Purpose::UpgradeFrom(base),
        };
        let verbose = self.context.verbose;
        Project { settings: &self.settings, at, branch: &self.source.refspec, verbose, purpose }
    }

    fn settings(&self) -> Arc<BuildSettings> {
        Arc::clone(&self.settings)
    }

    fn report(&self) -> &'a Report {
        self.context.report
    }
}

/// The host, or a new container.
fn reach<'a>(context: &BuildContext<'a>) -> Result<(BuildHost<'a>, Option<BuildContainer<'a>>), Failure> {
    let BuildContext { settings, report, interrupt, .. } = *context;
    let Some(container) = &settings.container else {
        report.status("Authorizing hosts");
        let host = BuildHost::connect(&settings.host, context.ssh, interrupt, report)
            .map_err(|error| build::StepError::from(error).into_failure())?;
        return Ok((host, None));
    };
    report.status("Creating build container");
    report.info(&format!("Starting build container with image {}", container.image));
    let project = context.project.canonicalize_utf8().context("the project's directory")?;
    let container = Docker::new(interrupt, report)
        .map_err(build::StepError::from)
        .and_then(|docker| BuildContainer::start(docker, container, &project, &settings.at))
        .map_err(build::StepError::into_failure)?;
    report.info(&format!("Started container {}", container.name()));
    let host = container
        .open(&settings.host, &settings.at, interrupt, report)
        .map_err(build::StepError::into_failure)?;
    Ok((host, Some(container)))
}

fn git_failure(error: GitError) -> Failure {
    match error {
        GitError::Interrupted(signal) => {
            Failure { exit: Exit::Interrupted(signal), error: error.into(), hints: Vec::new() }
        }
        _ => Failure::failed(error),
    }
}

fn lock_failure(error: LockError) -> Failure {
    match error {
        LockError::Step(error) => error.into_failure(),
        _ => Failure::failed(error),
    }
}
