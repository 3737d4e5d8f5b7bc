//! The manifest of an archive and the revision that it was built from, kept in a hidden file beside it.

use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::release::{ArchiveName, Manifest};

/// Raised when the manifest changes its meaning: older ones are read anew from their archives then.
const FORMAT: u32 = 1;

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Sidecar<M> {
    format: u32,
    manifest: M,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
}

/// `.APP_VERSION.release.tar.gz.manifest.json`: hidden, so that no listing of archives matches it.
pub(super) fn path(directory: &Utf8Path, name: &ArchiveName) -> Utf8PathBuf {
    directory.join(format!(".{name}.manifest.json"))
}

/// The kept manifest and revision. Nothing when there is none that we understand: the archive has it all.
pub(super) fn read(
    directory: &Utf8Path,
    name: &ArchiveName,
) -> io::Result<Option<(Manifest, Option<String>)>> {
    let text = match fs::read(path(directory, name)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(from_bytes(&text))
}

/// The manifest and revision in the content of such a file; nothing when it is not one that we understand.
pub(super) fn from_bytes(text: &[u8]) -> Option<(Manifest, Option<String>)> {
    let sidecar: Sidecar<Manifest> = serde_json::from_slice(text).ok()?;
    (sidecar.format == FORMAT).then_some((sidecar.manifest, sidecar.revision))
}

/// The content of such a file.
pub(super) fn to_bytes(manifest: &Manifest, revision: Option<String>) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(&Sidecar { format: FORMAT, manifest, revision })?)
}

/// Replaces what is kept, whole or not at all.
pub(super) fn write(
    directory: &Utf8Path,
    name: &ArchiveName,
    manifest: &Manifest,
    revision: Option<String>,
) -> io::Result<()> {
    let mut file = super::incoming::hidden_file(directory, name)?;
    file.write_all(&to_bytes(manifest, revision)?)?;
    file.as_file().sync_all()?;
    file.persist(path(directory, name)).map_err(|error| error.error)?;
    Ok(())
}
