//! A store that is elsewhere: the same for every kind of [`Shelf`].

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::shelf::{Download, Parcel, Shelf};
use super::{Access, DirectoryStore, Incoming, OpenArchive, StoreError, StoredArchive, sidecar};
use crate::release::{ArchiveFile, ArchiveName, ArchiveSource, Limits, Manifest, Sha256Sum, read_archive};
use crate::report::Report;

/// A directory on a host or a bucket, for one application.
#[derive(Clone)]
pub struct RemoteStore {
    shelf: Arc<dyn Shelf>,
    app: String,
    local: DirectoryStore,
    report: Report,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteStore").field(&self.describe()).finish()
    }
}

impl RemoteStore {
    pub(super) fn new(
        shelf: impl Shelf + 'static,
        app: &str,
        local: DirectoryStore,
        access: &Access,
    ) -> Self {
        Self { shelf: Arc::new(shelf), app: app.to_owned(), local, report: access.report.clone() }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.shelf.kind()
    }

    pub(super) fn describe(&self) -> String {
        self.shelf.describe()
    }

    pub(super) fn local(&self) -> &DirectoryStore {
        &self.local
    }

    pub(super) fn list(&self) -> Result<Vec<StoredArchive>, StoreError> {
        self.shelf.list(&self.app)
    }

    pub(super) fn begin(&self, name: &ArchiveName) -> Result<Incoming, StoreError> {
        Incoming::elsewhere(self.clone(), name)
            .map_err(StoreError::io::<io::Error>(format!("make a temporary file for {name}")))
    }

    pub(super) fn put(
        &self,
        name: ArchiveName,
        manifest: &Manifest,
        revision: Option<String>,
        file: File,
    ) -> Result<StoredArchive, StoreError> {
        let text = sidecar::to_bytes(manifest, revision)
            .map_err(StoreError::io::<io::Error>(format!("store {name}")))?;
        let bar = self.report.transfer(&self.describe(), manifest.size);
        self.shelf.put(&Parcel {
            name: &name,
            archive: &ArchiveFile::from(file),
            manifest,
            sidecar: &text,
            progress: &|bytes| bar.at(bytes),
        })?;
        let stored_at = Some(jiff::Timestamp::now());
        Ok(StoredArchive { file: name.to_string(), size: Some(manifest.size), stored_at, name })
    }

    /// The manifest beside an archive, whether it is still the archive's or not.
    pub(super) fn sidecar(
        &self,
        name: &ArchiveName,
    ) -> Result<Option<(Manifest, Option<String>)>, StoreError> {
        Ok(self.shelf.sidecar(name)?.and_then(|text| sidecar::from_bytes(&text)))
    }

    /// The manifest that lies beside the archive counts when it is the archive's by the checksum that
    /// the shelf itself has of it. Then no byte of the archive need be fetched yet.
    pub(super) fn open(&self, archive: &StoredArchive) -> Result<OpenArchive, StoreError> {
        let place = format!("{}/{}", self.describe(), archive.file);
        let name = archive.name.clone();
        if let Some((manifest, revision)) = self.sidecar(&name)?
            && self.shelf.sha256(&name)? == Some(manifest.sha256)
        {
            let source = Fetched {
                store: self.clone(),
                archive: archive.clone(),
                sha256: manifest.sha256,
                file: Mutex::new(None),
            };
            return Ok(OpenArchive { name, place, manifest, revision, source: Arc::new(source) });
        }
        let (file, _) = self.fetch(archive)?;
        let manifest: Manifest = read_archive(&self.app, file.reader(), Limits::default())
            .map_err(|cause| StoreError::Archive { place: place.clone(), cause })?;
        Ok(OpenArchive { name, place, manifest, revision: None, source: Arc::new(file) })
    }

    /// Fetches the archive into a file that has no name, so that nothing is left of it however we end.
    fn fetch(&self, archive: &StoredArchive) -> Result<(ArchiveFile, Sha256Sum), StoreError> {
        let failed = || StoreError::io::<io::Error>(format!("fetch {}", archive.file));
        let mut file = tempfile::tempfile().map_err(failed())?;
        let bar = self.report.transfer(&self.describe(), archive.size.unwrap_or_default());
        let progress = &mut |bytes| bar.at(bytes);
        self.shelf.get(archive, &mut Download { sink: &mut file, progress, arrived: 0 })?;
        let file = ArchiveFile::from(file);
        let (sum, _) = Sha256Sum::of(file.reader()).map_err(failed())?;
        Ok((file, sum))
    }
}

/// The bytes of an archive of the store, fetched when somebody wants them.
struct Fetched {
    store: RemoteStore,
    archive: StoredArchive,
    sha256: Sha256Sum,
    file: Mutex<Option<ArchiveFile>>,
}

impl ArchiveSource for Fetched {
    fn file(&self) -> io::Result<ArchiveFile> {
        let mut fetched = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*fetched {
            return Ok(file.clone());
        }
        let (file, sum) = self.store.fetch(&self.archive).map_err(io::Error::other)?;
        if sum != self.sha256 {
            let place = format!("{}/{}", self.store.describe(), self.archive.file);
            return Err(io::Error::other(StoreError::Changed { place }));
        }
        Ok(fetched.insert(file).clone())
    }

    fn address(&self) -> Option<String> {
        let address = self.store.shelf.address(&self.archive.name)?;
        // What it is signed with is as good as a password while it is valid.
        self.store.report.hide([address.as_str()].into_iter().chain(address.split(['?', '&']).skip(1)));
        Some(address)
    }
}
