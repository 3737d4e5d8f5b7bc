//! Where the bytes of an archive come from, once somebody wants them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use camino::Utf8Path;

/// Where the bytes of an archive can be had.
pub trait ArchiveSource: Send + Sync {
    /// All of them, on this machine. The first call may have to fetch them from elsewhere.
    ///
    /// # Errors
    /// When they cannot be fetched or read.
    fn file(&self) -> io::Result<ArchiveFile>;

    /// An address that whoever knows it can fetch them from for some minutes, so a secret; none where
    /// there is no such thing.
    fn address(&self) -> Option<String> {
        None
    }
}

/// An archive on this machine. Readers of clones do not disturb each other.
#[derive(Debug, Clone)]
pub struct ArchiveFile(Arc<File>);

/// One reader's place in an archive.
#[derive(Debug)]
pub struct ArchiveReader {
    file: Arc<File>,
    offset: u64,
}

impl ArchiveFile {
    /// The file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Utf8Path) -> io::Result<Self> {
        Ok(fs_err::File::open(path)?.into_parts().0.into())
    }

    /// Its size in bytes.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> ArchiveReader {
        ArchiveReader { file: Arc::clone(&self.0), offset: 0 }
    }

    /// Reads `length` bytes from `offset` on.
    ///
    /// # Errors
    /// When it cannot be read, or has less.
    pub fn part(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

impl From<File> for ArchiveFile {
    fn from(file: File) -> Self {
        Self(Arc::new(file))
    }
}

impl ArchiveSource for ArchiveFile {
    fn file(&self) -> io::Result<ArchiveFile> {
        Ok(self.clone())
    }
}

impl ArchiveReader {
    /// How many bytes have been read.
    pub fn position(&self) -> u64 {
        self.offset
    }
}

impl Read for ArchiveReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
