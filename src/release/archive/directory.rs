//! An archive of a directory, and a directory of an archive.

use std::io::{self, Read, Write};

use camino::Utf8Path;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use fs_err as fs;

/// Unpacks an archive into `directory`, with modes and times. One that was not read through before
/// (`read_archive`) must not be unpacked.
///
/// # Errors
/// When it cannot be read, or the directory not be written.
pub fn unpack(archive: impl Read, directory: &Utf8Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(archive));
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    archive.unpack(directory)
}

/// Packs all that is in `directory`: sorted, links as links.
///
/// # Errors
/// When something cannot be read, or the archive not be written.
pub fn pack(directory: &Utf8Path, to: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
    archive.follow_symlinks(false);
    add(&mut archive, directory, Utf8Path::new(""))?;
    archive.into_inner()?.finish()?.flush()
}

fn add(archive: &mut tar::Builder<impl Write>, root: &Utf8Path, below: &Utf8Path) -> io::Result<()> {
    let entries = root.join(below).read_dir_utf8()?;
    let mut names: Vec<String> =
        entries.map(|entry| entry.map(|entry| entry.file_name().to_owned())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let (path, inner) = (root.join(below).join(&name), below.join(&name));
        archive.append_path_with_name(&path, &inner)?;
        if fs::symlink_metadata(&path)?.is_dir() {
            add(archive, root, &inner)?;
        }
    }
    Ok(())
}
