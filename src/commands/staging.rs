//! How the files of a release get beside the one that is there: by us, or by functions of the config.

use super::Context;
use super::stage_hooks::{CLEAN, EXTRACT, StageHooks, UPLOAD};
use crate::deploy::{Deploy, Failed, Job, Opened, OwnSteps, Replicated, Staged, Target, UnpackedBy};
use crate::report::Report;
use crate::settings::{DeploySettings, ReleaseTool};

/// What of it the config does in place of us.
pub(super) fn own_steps(context: &Context) -> OwnSteps {
    let hooks = context.hooks();
    OwnSteps { clean: hooks.place(CLEAN).is_some(), extract: hooks.place(EXTRACT).is_some() }
}

/// The steps of the original from the upload to the unpacked archive.
pub(super) struct Staging<'a> {
    report: &'a Report,
    settings: &'a DeploySettings,
    hooks: &'a StageHooks<'a>,
    /// The archive on the hosts.
    file: String,
    version: String,
    store: &'static str,
    /// What is brought is the script that controls the container of an image.
    is_image: bool,
    clean: bool,
    own: OwnSteps,
    /// In the place of DELIVER_TO, while a function works on the release.
    replica: Option<String>,
}

impl<'a> Staging<'a> {
    /// Of what this job deploys.
    pub(super) fn new(
        report: &'a Report,
        settings: &'a DeploySettings,
        hooks: &'a StageHooks<'a>,
        job: &Job,
    ) -> Self {
        let replica = job.replica_of(&settings.deliver_to).as_str().to_owned();
        Self {
            report,
            settings,
            hooks,
            file: format!("{}_{}.tar.gz", settings.app, job.version),
            version: job.version.to_string(),
            store: job.store,
            is_image: false,
            clean: job.clean,
            own: job.own_steps,
            replica: job.replicates().then_some(replica),
        }
    }

    /// Says of an image what the original says of one.
    #[must_use]
    pub(super) fn of_image(self, is_image: bool) -> Self {
        Self { is_image, ..self }
    }

    /// Takes the steps, from the first look at the hosts up to the switch.
    pub(super) fn stage(&self, job: Job, hosts: Vec<Target>) -> Result<Deploy<Staged>, Failed> {
        match &self.replica {
            None => self.stage_ours(job, hosts),
            Some(replica) => self.stage_theirs(Deploy::open(job, hosts)?, replica),
        }
    }

    fn stage_ours(&self, job: Job, hosts: Vec<Target>) -> Result<Deploy<Staged>, Failed> {
        let staged = if self.hooks.defines(UPLOAD) {
            let upload = |sessions| self.hooks.run(UPLOAD, sessions);
            Deploy::open(job, hosts)?.brought_by(&self.file, upload)?
        } else {
            let (report, uploading) = (self.report, self.uploading());
            Deploy::open_and_stage(job, hosts, || report.status(&uploading))?
        };
        if self.clean {
            self.say_cleaning();
        }
        let staged = staged.between(|sessions| self.hooks.run("pre_extract_release_archive", sessions))?;
        self.say_extracting();
        Ok(staged)
    }

    /// The archive goes to where the original puts it, and the functions are called where it calls them.
    fn stage_theirs(&self, deploy: Deploy<Opened>, replica: &str) -> Result<Deploy<Staged>, Failed> {
        let work = |deploy: Deploy<Replicated>, function: &str| {
            deploy.work_on(|sessions| self.hooks.run_in(replica, function, sessions))
        };
        let mut deploy = if self.hooks.defines(UPLOAD) {
            work(deploy.replicate(None)?, UPLOAD)?
        } else {
            self.report.status(&self.uploading());
            deploy.replicate(Some(&self.place()))?
        };
        if self.clean && self.own.clean {
            deploy = work(deploy, CLEAN)?;
        } else if self.clean {
            self.say_cleaning();
        }
        if self.own.extract {
            return work(deploy, EXTRACT)?.take(&self.file, UnpackedBy::Config);
        }
        let deploy = deploy.between(|sessions| self.hooks.run("pre_extract_release_archive", sessions))?;
        self.say_extracting();
        deploy.take(&self.file, UnpackedBy::Us)
    }

    /// Where in DELIVER_TO the original puts the archive: mix makes archives without a directory APP.
    fn place(&self) -> String {
        match self.settings.release_tool {
            ReleaseTool::MixRelease | ReleaseTool::Distillery => {
                format!("{}/{}", self.settings.app, self.file)
            }
            _ => self.file.clone(),
        }
    }

    fn uploading(&self) -> String {
        format!("Uploading archive of release {} from {} release store", self.version, self.store)
    }

    fn say_cleaning(&self) {
        self.report.status("Cleaning release directory");
    }

    fn say_extracting(&self) {
        let (file, app, directory) = (&self.file, &self.settings.app, &self.settings.deliver_to);
        let title = match self.is_image {
            true => format!("Extracting container start script into {directory}/{app}/bin"),
            false => format!("Extracting archive {file} into {directory}"),
        };
        self.report.status(&title);
    }
}
