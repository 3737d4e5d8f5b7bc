//! What a place for archives that is not on this machine can do.

use std::io::{self, Read, Write};

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

    /// Fetches the archive. What has come is still to be compared with what should have come.
    fn get(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), StoreError>;

    /// Puts the archive there, in place of one of the same name, and its sidecar beside it.
    fn put(&self, parcel: &Parcel<'_>) -> Result<(), StoreError>;

    /// An address that hosts can fetch the archive from for some minutes. A secret.
    fn address(&self, name: &ArchiveName) -> Option<String>;
}

/// An archive on its way to a shelf.
pub(super) struct Parcel<'a> {
    pub name: &'a ArchiveName,
    pub archive: &'a ArchiveFile,
    pub manifest: &'a Manifest,
    /// The manifest and the revision, as they are kept beside the archive.
    pub sidecar: &'a [u8],
    /// Is told how many bytes are through.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// An archive on its way from a shelf.
pub(super) struct Download<'a> {
    /// Where its bytes go.
    pub sink: &'a mut dyn Write,
    /// Is told how many bytes are through.
    pub progress: &'a mut dyn FnMut(u64),
    /// So many are.
    pub arrived: u64,
}

impl Download<'_> {
    /// Takes what comes behind the first `skip` bytes of `source`. Says why it stopped coming, unless that was
    /// its end.
    ///
    /// # Errors
    /// When the sink takes no more, or `go_on` says so.
    pub fn take<E: From<io::Error>>(
        &mut self,
        mut source: impl Read,
        mut skip: u64,
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            go_on()?;
            match source.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    let known = usize::try_from(skip).unwrap_or(usize::MAX).min(count);
                    skip -= known as u64;
                    self.sink.write_all(&buffer[known..count])?;
                    self.arrived += (count - known) as u64;
                    (self.progress)(self.arrived);
                }
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
    }
}
