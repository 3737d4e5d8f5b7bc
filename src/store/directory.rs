//! A store that is a directory on this machine: `.deliver/releases` unless RELEASE_STORE says otherwise.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::{Appups, Incoming, OpenArchive, StoreError, StoredArchive, sidecar};
use crate::release::{ArchiveName, Limits, Manifest, Sha256Sum, Version, read_archive};

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

    pub(super) fn list(&self) -> Result<Vec<StoredArchive>, StoreError> {
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
                && entry.path().is_file()
            {
                archives.push(StoredArchive { name, path: entry.path().to_owned() });
            }
        }
        archives.sort();
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

    pub(super) fn open(&self, archive: &StoredArchive) -> Result<OpenArchive, StoreError> {
        let failed = || StoreError::io::<io::Error>(format!("read {}", archive.path));
        let path = archive.path.clone();
        if let Some((manifest, revision)) = sidecar::read(&self.releases, &archive.name).map_err(failed())?
            && self.is_of(&manifest, &path).map_err(failed())?
        {
            return Ok(OpenArchive { path, manifest, revision });
        }
        let file = fs::File::open(&path).map_err(failed())?;
        let manifest = read_archive(&self.app, file, Limits::default())
            .map_err(|source| StoreError::Archive { path: path.clone(), source })?;
        // A store that cannot be written only costs another reading next time.
        drop(sidecar::write(&self.releases, &archive.name, &manifest, None));
        Ok(OpenArchive { path, manifest, revision: None })
    }

    /// Whether the file at `path` is the one that `manifest` was made from, byte for byte.
    fn is_of(&self, manifest: &Manifest, path: &Utf8Path) -> io::Result<bool> {
        let file = fs::File::open(path)?;
        if file.metadata()?.len() != manifest.size {
            return Ok(false);
        }
        Ok(Sha256Sum::of(file)? == (manifest.sha256, manifest.size))
    }
}
