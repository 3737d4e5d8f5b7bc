//! Where release archives are kept between a build and a deploy.
//!
//! Only the directory on this machine is built so far; ssh hosts, S3 and docker registries will be further
//! kinds of [`Store`].

mod appups;
mod directory;
mod error;
mod incoming;
mod selection;
mod sidecar;

use camino::{Utf8Path, Utf8PathBuf};

pub use appups::Appups;
pub use directory::DirectoryStore;
pub use error::{FillError, StoreError};
pub use incoming::{Incoming, Received};
pub use selection::{Selection, SelectionError, base_kinds, release_kinds, select};

use crate::release::{ArchiveKind, ArchiveName, Manifest, Version};
use crate::settings::StoreSettings;

/// The store of one application's archives.
#[derive(Debug, Clone)]
pub enum Store {
    /// A directory on this machine.
    Directory(DirectoryStore),
}

/// An archive that is in a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredArchive {
    /// Its application, version and kind.
    pub name: ArchiveName,
    /// The file.
    pub path: Utf8PathBuf,
}

/// An archive that was read through, ready to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenArchive {
    /// The file.
    pub path: Utf8PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// The commit that it was built from, where it was built here.
    pub revision: Option<String>,
}

impl Store {
    /// The store that the settings name; a relative directory is one of the project.
    ///
    /// # Errors
    /// [`StoreError::NotBuilt`] for the kinds of store that come later.
    pub fn new(settings: &StoreSettings, project: &Utf8Path, app: &str) -> Result<Self, StoreError> {
        match settings {
            StoreSettings::Directory(directory) => {
                Ok(Store::Directory(DirectoryStore::new(project.join(directory), app)))
            }
            StoreSettings::Other(_) => Err(StoreError::NotBuilt),
        }
    }

    /// What kind of store it is, as the status lines call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Store::Directory(_) => "local",
        }
    }

    /// The archives, sorted by version. None where nothing was stored yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<StoredArchive>, StoreError> {
        match self {
            Store::Directory(store) => store.list(),
        }
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
        match self {
            Store::Directory(store) => store.appups(base, new),
        }
    }

    /// All appups, sorted by the versions that they are for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_appups(&self) -> Result<Vec<Appups>, StoreError> {
        match self {
            Store::Directory(store) => store.all_appups(),
        }
    }

    /// Stores the appups of a tar, as a release has them, for the way from `base` to `new`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_appups(&self, base: &Version, new: &Version, tar: &[u8]) -> Result<(), StoreError> {
        match self {
            Store::Directory(store) => store.put_appups(base, new, tar),
        }
    }

    /// Begins to store an archive. Nothing of it can be seen before [`Received::commit`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin(&self, name: &ArchiveName) -> Result<Incoming, StoreError> {
        match self {
            Store::Directory(store) => store.begin(name),
        }
    }

    /// The file and the manifest of a stored archive. An archive that we did not store ourselves, or that
    /// was changed since, is read through here.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or refused.
    pub fn open(&self, archive: &StoredArchive) -> Result<OpenArchive, StoreError> {
        match self {
            Store::Directory(store) => store.open(archive),
        }
    }
}
