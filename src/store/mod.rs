//! Where release archives are kept between a build and a deploy.
//!
//! A [`Store`] is a directory on this machine, or a [`Shelf`](shelf::Shelf) elsewhere (a directory on a
//! host, a bucket, a repository). Both do the same: what is put there appears whole or not at all, with its manifest
//! beside it, and what is taken from there is what that manifest says.

mod appups;
mod directory;
mod error;
mod http;
mod incoming;
mod registry;
mod remote;
mod s3;
mod selection;
mod shelf;
mod sidecar;
mod ssh;

use std::fmt;
use std::sync::Arc;

use camino::Utf8Path;

pub use appups::Appups;
pub use directory::DirectoryStore;
pub use error::{FillError, StoreError};
pub use incoming::{Incoming, Received};
pub use registry::{RegistryError, tags};
pub use remote::RemoteStore;
pub use s3::S3Error;
pub use selection::{Selection, SelectionError, base_kinds, release_kinds, select};

use crate::release::{ArchiveKind, ArchiveName, ArchiveSource, Manifest, Sha256Sum, Version};
use crate::report::Report;
use crate::settings::{StoreLocation, StoreSettings};
use crate::transport::ConnectOptions;

/// The store of one application's archives.
#[derive(Debug, Clone)]
pub enum Store {
    /// A directory on this machine.
    Directory(DirectoryStore),
    /// A directory on a host, a bucket, or a repository of a registry.
    Remote(RemoteStore),
}

/// How a store that is elsewhere is reached, and who sees what happens there.
#[derive(Clone)]
pub struct Access {
    /// How hosts are connected to, and what ends waits early.
    pub connect: ConnectOptions,
    /// Who sees transfers.
    pub report: Report,
}

/// An archive that is in a store, as the store lists it. Ordered by version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredArchive {
    /// Its application, version and kind.
    pub name: ArchiveName,
    /// What the store calls it: the name of the file, or the image.
    pub file: String,
    /// In bytes, where the store says so.
    pub size: Option<u64>,
    /// When it was stored, where the store says so.
    pub stored_at: Option<jiff::Timestamp>,
}

/// What was written down when an archive was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The archive's checksum.
    pub sha256: Sha256Sum,
    /// The commit that it was built from, where it was built here.
    pub revision: Option<String>,
}

/// An archive that was read through, ready to be deployed.
#[derive(Clone)]
pub struct OpenArchive {
    /// Its application, version and kind.
    pub name: ArchiveName,
    /// Where it lies, for messages.
    pub place: String,
    /// What is in it.
    pub manifest: Manifest,
    /// The commit that it was built from, where it was built here.
    pub revision: Option<String>,
    /// Its bytes, which match the manifest.
    pub source: Arc<dyn ArchiveSource>,
}

impl fmt::Debug for OpenArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenArchive").field("place", &self.place).field("revision", &self.revision).finish()
    }
}

impl Store {
    /// The store that the settings name; a relative directory is one of the project. Nothing is
    /// connected to yet.
    ///
    /// # Errors
    /// None so far: what is wrong with a store shows when it is used.
    pub fn new(
        settings: &StoreSettings,
        project: &Utf8Path,
        app: &str,
        access: &Access,
    ) -> Result<Self, StoreError> {
        let local = || DirectoryStore::new(project.join(&settings.local), app);
        match &settings.location {
            StoreLocation::Directory(directory) => {
                Ok(Store::Directory(DirectoryStore::new(project.join(directory), app)))
            }
            StoreLocation::Ssh { host, path } => {
                let shelf = ssh::HostShelf::new(host.clone(), path.clone(), access.connect.clone());
                Ok(Store::Remote(RemoteStore::new(shelf, app, local(), access)))
            }
            StoreLocation::S3(settings) => {
                let shelf = s3::BucketShelf::new(settings.clone(), access.connect.interrupt.clone());
                Ok(Store::Remote(RemoteStore::new(shelf, app, local(), access)))
            }
            StoreLocation::Docker(settings) => {
                let shelf =
                    registry::RepositoryShelf::new(settings.clone(), access.connect.interrupt.clone());
                Ok(Store::Remote(RemoteStore::new(shelf, app, local(), access)))
            }
        }
    }

    /// What kind of store it is, as the status lines call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Store::Directory(_) => "local",
            Store::Remote(store) => store.kind(),
        }
    }

    /// Where it is, for messages: without secrets.
    pub fn describe(&self) -> String {
        match self {
            Store::Directory(store) => store.releases().to_string(),
            Store::Remote(store) => store.describe(),
        }
    }

    /// The archives, sorted by version. None where nothing was stored yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<StoredArchive>, StoreError> {
        let mut archives = match self {
            Store::Directory(store) => store.list()?,
            Store::Remote(store) => store.list()?,
        };
        archives.sort();
        Ok(archives)
    }

    /// Whether it has an archive of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn contains(&self, name: &ArchiveName) -> Result<bool, StoreError> {
        Ok(self.list()?.iter().any(|archive| archive.name == *name))
    }

    /// The archive of this version, of the first of `kinds` that there is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, version: &str, kinds: &[ArchiveKind]) -> Result<Option<StoredArchive>, StoreError> {
        let archives = self.list()?;
        let of_kind = |kind: &ArchiveKind| {
            archives
                .iter()
                .find(|archive| archive.name.kind == *kind && archive.name.version.as_str() == version)
        };
        Ok(kinds.iter().find_map(of_kind).cloned())
    }

    /// The appups from `base` to `new`, where there are any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn appups(&self, base: &Version, new: &Version) -> Result<Option<Appups>, StoreError> {
        self.local().appups(base, new)
    }

    /// All appups, sorted by the versions that they are for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_appups(&self) -> Result<Vec<Appups>, StoreError> {
        self.local().all_appups()
    }

    /// Stores the appups of a tar, as a release has them, for the way from `base` to `new`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_appups(&self, base: &Version, new: &Version, tar: &[u8]) -> Result<(), StoreError> {
        self.local().put_appups(base, new, tar)
    }

    /// Begins to store an archive. Nothing of it can be seen before [`Received::commit`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin(&self, name: &ArchiveName) -> Result<Incoming, StoreError> {
        match self {
            Store::Directory(store) => store.begin(name),
            Store::Remote(store) => store.begin(name),
        }
    }

    /// The bytes and the manifest of a stored archive. An archive that we did not store ourselves, or
    /// that was changed since, is read through here; the bytes of others are fetched when somebody wants
    /// them.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or refused.
    pub fn open(&self, archive: &StoredArchive) -> Result<OpenArchive, StoreError> {
        match self {
            Store::Directory(store) => store.open(archive),
            Store::Remote(store) => store.open(archive),
        }
    }

    /// What was written down when the archive was stored; nothing where edeliver did not store it. Unlike
    /// [`Store::open`] this reads nothing of the archive itself, so it is no proof of what is in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn provenance(&self, archive: &StoredArchive) -> Result<Option<Provenance>, StoreError> {
        let kept = match self {
            Store::Directory(store) => store.sidecar(&archive.name)?,
            Store::Remote(store) => store.sidecar(&archive.name)?,
        };
        let is_its = |manifest: &Manifest| archive.size.is_none_or(|size| size == manifest.size);
        let kept = kept.filter(|(manifest, _)| is_its(manifest));
        Ok(kept.map(|(manifest, revision)| Provenance { sha256: manifest.sha256, revision }))
    }

    /// The store's part on this machine: what people edit is here in any case.
    fn local(&self) -> &DirectoryStore {
        match self {
            Store::Directory(store) => store,
            Store::Remote(store) => store.local(),
        }
    }
}
