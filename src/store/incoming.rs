//! An archive on its way into a store.

use std::fs::{File, Permissions};
use std::io::{self, PipeWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::{FillError, StoreError, StoredArchive, sidecar};
use crate::release::{ArchiveError, ArchiveName, Limits, Manifest, read_archive};

/// A place for an archive that is still to come. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    directory: Utf8PathBuf,
    name: ArchiveName,
    file: NamedTempFile,
}

/// An archive that has arrived whole and was read through, but is not stored yet. Dropped, it leaves
/// nothing.
#[derive(Debug)]
pub struct Received {
    directory: Utf8PathBuf,
    name: ArchiveName,
    file: NamedTempFile,
    manifest: Manifest,
    revision: Option<String>,
}

/// A new file that no listing of archives matches, with the permissions of a usual file.
pub(super) fn hidden_file(directory: &Utf8Path, name: &ArchiveName) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".incoming")
        // Less the umask, as for any new file; the default would keep colleagues from reading it.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)
}

impl Incoming {
    pub(super) fn new(directory: &Utf8Path, name: &ArchiveName) -> io::Result<Self> {
        let file = hidden_file(directory, name)?;
        Ok(Self { directory: directory.to_owned(), name: name.clone(), file })
    }

    /// Takes the bytes that `fill` writes, and reads the archive through while they come.
    ///
    /// # Errors
    /// When `fill` fails, the disk does, or what comes is damaged or refused.
    pub fn fill<E>(
        self,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Received, FillError<E>> {
        let store =
            |action: &'static str| move |error| FillError::Store(StoreError::io::<io::Error>(action)(error));
        let (reader, writer) = io::pipe().map_err(store("open a pipe"))?;
        let Self { directory, name, mut file } = self;
        let app = name.app.clone();
        let mut tee = Tee { file: file.as_file_mut(), reader: writer, failed: None };
        let (filled, failed, manifest) = thread::scope(|scope| {
            let reading = scope.spawn(|| read_archive(&app, reader, Limits::default()));
            let filled = fill(&mut tee);
            let Tee { failed, reader, .. } = tee;
            // The end of the archive, for the thread that reads it.
            drop(reader);
            (filled, failed, reading.join())
        });
        let manifest = manifest.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let action = format!("write {name}");
        match (filled, failed, manifest) {
            (_, Some(error), _) => Err(FillError::Store(StoreError::io::<io::Error>(action)(error))),
            // A source that is cut short also leaves a truncated archive: the source is the cause.
            (Err(error), None, Ok(_) | Err(ArchiveError::Truncated { .. } | ArchiveError::Empty)) => {
                Err(FillError::Source(error))
            }
            // Else the source failed because the reader had seen enough.
            (_, None, Err(error)) => Err(FillError::Archive(error)),
            (Ok(()), None, Ok(manifest)) => {
                file.as_file().sync_all().map_err(store("write the archive to the disk"))?;
                Ok(Received { directory, name, file, manifest, revision: None })
            }
        }
    }
}

impl Received {
    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says which commit it was built from.
    #[must_use]
    pub fn built_from(self, revision: &str) -> Self {
        Self { revision: Some(revision.to_owned()), ..self }
    }

    /// Puts it into the store, in place of one of the same name.
    ///
    /// # Errors
    /// When the disk refuses; then the store is as before.
    pub fn commit(self) -> Result<StoredArchive, StoreError> {
        let Self { directory, name, file, manifest, revision } = self;
        let action = format!("store {name}");
        // The archive comes last: a manifest that does not fit its archive is read anew, an archive counts.
        sidecar::write(&directory, &name, &manifest, revision)
            .map_err(StoreError::io::<io::Error>(&action))?;
        let path = directory.join(name.to_string());
        file.persist(&path).map_err(|error| error.error).map_err(StoreError::io::<io::Error>(&action))?;
        File::open(&directory)
            .and_then(|directory| directory.sync_all())
            .map_err(StoreError::io::<io::Error>(action))?;
        Ok(StoredArchive { name, path })
    }
}

/// Writes to the file and to the reader at once.
struct Tee<'a> {
    file: &'a mut File,
    reader: PipeWriter,
    /// The error of the file, which is the store's fault and not the source's.
    failed: Option<io::Error>,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.file.write_all(bytes) {
            let told = io::Error::from(error.kind());
            self.failed = Some(error);
            return Err(told);
        }
        // A broken pipe: the reader has refused the archive, and the rest need not come.
        self.reader.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
