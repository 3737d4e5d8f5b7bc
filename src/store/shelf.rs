//! What a place for archives that is not on this machine can do.

use std::io::Write;

use super::{StoreError, StoredArchive};
use crate::release::{ArchiveFile, ArchiveName, Manifest, Sha256Sum};

/// A place for archives that is not on this machine. What it does takes place whole, or nothing of it can
/// be seen there.
pub(super) trait Shelf: Send + Sync {
    /// What kind of store it is, as the status lines call it.
    fn kind(&self) -> &'static str;

    /// Where it is, for messages: without secrets.
    fn describe(&self) -> String;

    /// The archives of `app`, in any order.
    fn list(&self, app: &str) -> Result<Vec<StoredArchive>, StoreError>;

    /// What lies beside the archive of this name: its manifest and revision.
    fn sidecar(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, StoreError>;

    /// The checksum of the archive that is there now, where that can be known without fetching it.
    fn sha256(&self, name: &ArchiveName) -> Result<Option<Sha256Sum>, StoreError>;

    /// Writes the archive into `sink` and tells `progress` how many bytes are through. What has come is
    /// still to be compared with what should have come.
    fn get(
        &self,
        archive: &StoredArchive,
        sink: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError>;

    /// Puts the archive there, in place of one of the same name, and its sidecar beside it.
    fn put(
        &self,
        name: &ArchiveName,
        archive: &ArchiveFile,
        manifest: &Manifest,
        sidecar: &[u8],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), StoreError>;

    /// An address that hosts can fetch the archive from for some minutes. A secret.
    fn address(&self, name: &ArchiveName) -> Option<String>;
}
