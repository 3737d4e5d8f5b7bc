//! Appups of a store: `appup/BASE-NEW/NAME.appup`, for people to edit between two builds.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

/// The appups from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appups {
    /// The directory that they lie in.
    pub directory: Utf8PathBuf,
    /// The names of the files, sorted.
    pub files: Vec<String>,
}

impl Appups {
    /// Those in `directory`; none when there are none.
    pub(super) fn of(directory: Utf8PathBuf) -> io::Result<Option<Self>> {
        let entries = match directory.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_owned()));
        let mut files: Vec<String> = names.collect::<io::Result<_>>()?;
        files.retain(|name| name.ends_with(".appup"));
        files.sort();
        Ok((!files.is_empty()).then_some(Self { directory, files }))
    }

    /// All directories with appups in `parent`, sorted by name.
    pub(super) fn all(parent: &Utf8Path) -> io::Result<Vec<Self>> {
        let entries = match parent.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut directories = Vec::new();
        for entry in entries {
            let path = entry?.into_path();
            if path.is_dir() {
                directories.push(path);
            }
        }
        directories.sort();
        directories.into_iter().filter_map(|directory| Self::of(directory).transpose()).collect()
    }

    /// The files as a tar.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn to_tar(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for name in &self.files {
            tar.append_path_with_name(self.directory.join(name), name)?;
        }
        tar.into_inner()
    }

    /// Writes the appups of a release (`lib/NAME-VERSION/ebin/NAME.appup`) into `directory`.
    pub(super) fn write(directory: &Utf8Path, tar: &[u8]) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        for entry in tar::Archive::new(tar).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if entry.header().entry_type().is_file() {
                // For everybody who may read the store, as far as the umask lets them.
                let mut file = tempfile::Builder::new()
                    .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
                    .tempfile_in(directory)?;
                io::copy(&mut entry, &mut file)?;
                file.persist(directory.join(name)).map_err(|error| error.error)?;
            }
        }
        Ok(())
    }
}
