//! An archive on its way into a store.

use std::fs::{File, Permissions};
use std::io::{self, PipeWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::{FillError, RemoteStore, StoreError, StoredArchive, sidecar};
use crate::release::{ArchiveError, ArchiveFile, ArchiveName, Limits, Manifest, read_archive};

/// A place for an archive that is still to come. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    name: ArchiveName,
    landing: Landing,
}

/// An archive that has arrived whole and was read through, but is not stored yet. Dropped, it leaves
/// nothing.
#[derive(Debug)]
pub struct Received {
    name: ArchiveName,
    manifest: Manifest,
    revision: Option<String>,
    landing: Landing,
}

/// Where the bytes of an archive arrive, and where they go from there.
#[derive(Debug)]
enum Landing {
    /// A hidden file in the directory that it is going to lie in.
    Directory { directory: Utf8PathBuf, file: NamedTempFile },
    /// A file without a name on this machine, on its way to a store elsewhere.
    Elsewhere { store: RemoteStore, file: File },
}

impl Landing {
    fn file(&mut self) -> &mut File {
        match self {
            Landing::Directory { file, .. } => file.as_file_mut(),
            Landing::Elsewhere { file, .. } => file,
        }
    }
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
        Ok(Self { name: name.clone(), landing: Landing::Directory { directory: directory.to_owned(), file } })
    }

    pub(super) fn elsewhere(store: RemoteStore, name: &ArchiveName) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        Ok(Self { name: name.clone(), landing: Landing::Elsewhere { store, file } })
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
        let Self { name, mut landing } = self;
        let app = name.app.clone();
        let mut tee = Tee { file: landing.file(), reader: writer, failed: None };
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
                landing.file().sync_all().map_err(store("write the archive to the disk"))?;
                Ok(Received { name, landing, manifest, revision: None })
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

    /// Gives it up for its bytes: it is not stored then.
    pub fn into_file(self) -> ArchiveFile {
        match self.landing {
            Landing::Directory { file, .. } => file.into_file().into(),
            Landing::Elsewhere { file, .. } => file.into(),
        }
    }

    /// Puts it into the store, in place of one of the same name.
    ///
    /// # Errors
    /// When the store refuses; then it is as before.
    pub fn commit(self) -> Result<StoredArchive, StoreError> {
        let Self { name, manifest, revision, landing } = self;
        match landing {
            Landing::Directory { directory, file } => place(&directory, file, name, &manifest, revision),
            Landing::Elsewhere { store, file } => store.put(name, &manifest, revision, file),
        }
    }
}

/// Gives the file in `directory` its name.
fn place(
    directory: &Utf8Path,
    file: NamedTempFile,
    name: ArchiveName,
    manifest: &Manifest,
    revision: Option<String>,
) -> Result<StoredArchive, StoreError> {
    let action = format!("store {name}");
    // The archive comes last: a manifest that does not fit its archive is read anew, an archive counts.
    sidecar::write(directory, &name, manifest, revision).map_err(StoreError::io::<io::Error>(&action))?;
    let path = directory.join(name.to_string());
    file.persist(&path).map_err(|error| error.error).map_err(StoreError::io::<io::Error>(&action))?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io::<io::Error>(action))?;
    let stored_at = Some(jiff::Timestamp::now());
    Ok(StoredArchive { file: name.to_string(), size: Some(manifest.size), stored_at, name })
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
