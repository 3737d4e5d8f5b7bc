//! The archive's way from the build host into the store.

use anyhow::{Context as _, anyhow};

use super::{Build, BuildStep, Making};
use crate::build::{self, BuiltRelease};
use crate::exit::Failure;
use crate::release::{ArchiveKind, ArchiveName, Manifest};
use crate::settings::ReleaseTool;
use crate::store::{FillError, StoredArchive};
use crate::transport::{RemoteCommand, RemotePath, TransportError};

impl Build<'_> {
    pub(super) fn copy_release_to_release_store(&mut self) -> Result<(), Failure> {
        let release = self.release()?;
        let at = self.at()?;
        let file = build::archive::file(&self.project(&at), &release);
        let file_name = file.as_str().rsplit('/').next().unwrap_or(file.as_str()).to_owned();
        let (version, kind) = (&release.version, self.store.kind());
        self.report().status(&format!("Copying release {version} to {kind} release store"));
        if kind == "local" {
            self.report().status(&format!("Copying {file_name} to release store"));
        }
        // A registry has the archive in any case.
        if self.context.push && kind != "docker" {
            let hint = format!("Ignoring --push flag because {kind} release store is not a docker registry.");
            self.report().hint(&hint);
        }
        let size = self.size_of(&file)?;
        let name = ArchiveName::new(&self.settings().app, release.version.clone(), self.kind());
        let incoming = self.store.begin(&name)?;
        let received = incoming
            .fill(|sink| self.host.download(&file, size, sink))
            .map_err(|error| self.download_failure(error, &file))?;
        self.check(&release, received.manifest()).with_context(|| {
            format!("the release that was built ({}:{file}) is not stored", self.host.addr())
        })?;
        self.stored = Some(match self.context.image {
            Some(settings) => self.make_image(settings, &name, received)?,
            None => received.built_from(&self.source.revision).commit()?,
        });
        Ok(())
    }

    /// What is made and stored.
    fn kind(&self) -> ArchiveKind {
        match self.making {
            Making::Release | Making::Base => ArchiveKind::Release,
            Making::Upgrade(_) => ArchiveKind::Upgrade,
        }
    }

    /// A release that could not start, or an upgrade that leads nowhere, must not get into the store.
    fn check(&self, release: &BuiltRelease, manifest: &Manifest) -> anyhow::Result<()> {
        if let Making::Upgrade(_) = self.making {
            let version = manifest.upgrade_version(&release.version)?;
            if version != release.version {
                anyhow::bail!("it upgrades to version {version} although {} was built", release.version);
            }
            // rebar packs an upgrade without the start script.
            if self.settings().release_tool == ReleaseTool::Rebar {
                return Ok(());
            }
        }
        let boots = manifest.boots(&self.settings().app, release.erts)?;
        if boots.version != release.version {
            anyhow::bail!("it boots version {} although {} was built", boots.version, release.version);
        }
        self.required.check(manifest)?;
        Ok(())
    }

    fn size_of(&mut self, file: &RemotePath) -> Result<u64, Failure> {
        let command = RemoteCommand::new("wc").arg("-c").arg(file);
        let answer =
            self.host.ask("Looking for the archive", &command).map_err(build::StepError::into_failure)?;
        // Only the progress bar needs it: the transfer compares what it must.
        Ok(answer.split_whitespace().next().and_then(|size| size.parse().ok()).unwrap_or_default())
    }

    fn download_failure(&self, error: FillError<TransportError>, file: &RemotePath) -> Failure {
        match error {
            FillError::Source(error) => build::StepError::from(error).into_failure(),
            FillError::Store(error) => Failure::failed(error),
            FillError::Archive(error) => {
                let built = format!("the archive that was built ({}:{file}) is not stored", self.host.addr());
                Failure::failed(anyhow::Error::from(error).context(built))
            }
        }
    }

    /// What is in the store now, unless the config stores archives itself.
    pub(super) fn stored(&self) -> Result<Option<StoredArchive>, Failure> {
        let step = BuildStep::CopyReleaseToReleaseStore.function();
        let by_config = self.context.hooked.is_some_and(|context| context.hooks().place(step).is_some());
        if self.stored.is_none() && !by_config {
            return Err(Failure::failed(anyhow!("no archive was copied to the release store")));
        }
        Ok(self.stored.clone())
    }
}
