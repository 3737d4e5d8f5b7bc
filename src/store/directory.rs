//! A store that is a directory on this machine: `.deliver/releases` unless RELEASE_STORE says otherwise.

use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::{Appups, Incoming, OpenArchive, StoreError, StoredArchive, sidecar};
use crate::release::{ArchiveFile, ArchiveName, Limits, Manifest, Sha256Sum, Version, read_archive};

/// The `releases/` and `appup/` directories of a store, for one application.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    releases: Utf8PathBuf,
    appups: Utf8PathBuf,
    app: String,
}

impl DirectoryStore {
    /// The store in `directory`, which need not be there yet.
    pub fn new(directory: Utf8PathBuf, app: &str) -> Self {
        let (releases, appups) = (directory.join("releases"), directory.join("appup"));
        Self { releases, appups, app: app.to_owned() }
    }

    /// Where the archives lie.
    pub fn releases(&self) -> &Utf8Path {
        &self.releases
    }

    /// The archives, in no order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<StoredArchive>, StoreError> {
        let failed = || StoreError::io::<io::Error>(format!("list {}", self.releases));
        let entries = match self.releases.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed()(error)),
        };
        let mut archives = Vec::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                // A file whose name is not UTF-8 is no archive of ours.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
                Err(error) => return Err(failed()(error)),
            };
            if let Some(name) = ArchiveName::parse(&self.app, entry.file_name())
                && let Ok(metadata) = entry.path().metadata()
                && metadata.is_file()
            {
                let stored_at = metadata.modified().ok().and_then(|time| time.try_into().ok());
                let size = Some(metadata.len());
                archives.push(StoredArchive { name, file: entry.file_name().to_owned(), size, stored_at });
            }
        }
        Ok(archives)
    }

    pub(super) fn appups(&self, base: &Version, new: &Version) -> Result<Option<Appups>, StoreError> {
        let directory = self.appups.join(format!("{base}-{new}"));
        let action = format!("read {directory}");
        Appups::of(directory).map_err(StoreError::io::<io::Error>(action))
    }

    pub(super) fn all_appups(&self) -> Result<Vec<Appups>, StoreError> {
        Appups::all(&self.appups).map_err(StoreError::io::<io::Error>(format!("read {}", self.appups)))
    }

    pub(super) fn put_appups(&self, base: &Version, new: &Version, tar: &[u8]) -> Result<(), StoreError> {
        let directory = self.appups.join(format!("{base}-{new}"));
        Appups::write(&directory, tar).map_err(StoreError::io::<io::Error>(format!("write {directory}")))
    }

    pub(super) fn begin(&self, name: &ArchiveName) -> Result<Incoming, StoreError> {
        fs::create_dir_all(&self.releases)
            .and_then(|()| Incoming::new(&self.releases, name))
            .map_err(StoreError::io::<io::Error>(format!("store {name}")))
    }

    /// The manifest beside an archive, whether it is still the archive's or not.
    pub(super) fn sidecar(
        &self,
        name: &ArchiveName,
    ) -> Result<Option<(Manifest, Option<String>)>, StoreError> {
        let action = format!("read the manifest of {name}");
        sidecar::read(&self.releases, name).map_err(StoreError::io::<io::Error>(action))
    }

    pub(super) fn open(&self, archive: &StoredArchive) -> Result<OpenArchive, StoreError> {
        let path = self.releases.join(&archive.file);
        let failed = || StoreError::io::<io::Error>(format!("read {path}"));
        let file = ArchiveFile::open(&path).map_err(failed())?;
        let (name, place) = (archive.name.clone(), path.to_string());
        let opened = |manifest, revision| {
            let source = Arc::new(file.clone());
            OpenArchive { name, place, manifest, revision, source }
        };
        if let Some((manifest, revision)) = self.sidecar(&archive.name)?
            && is_of(&manifest, &file).map_err(failed())?
        {
            return Ok(opened(manifest, revision));
        }
        let manifest = read_archive(&self.app, file.reader(), Limits::default())
            .map_err(|cause| StoreError::Archive { place: path.to_string(), cause })?;
        // A store that cannot be written only costs another reading next time.
        drop(sidecar::write(&self.releases, &archive.name, &manifest, None));
        Ok(opened(manifest, None))
    }
}

/// Whether the file is the one that `manifest` was made from, byte for byte.
fn is_of(manifest: &Manifest, file: &ArchiveFile) -> io::Result<bool> {
    if file.size()? != manifest.size {
        return Ok(false);
    }
    Ok(Sha256Sum::of(file.reader())? == (manifest.sha256, manifest.size))
}
