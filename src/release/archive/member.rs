//! One file of an archive: reading it, and putting another in its place.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::entry::plain_path;
use crate::release::Layout;

/// The content of the file at `path`, relative to the release root; of several the last one, as when the
/// archive is unpacked.
///
/// # Errors
/// When the archive cannot be read.
pub fn read_member(archive: impl Read, layout: &Layout, path: &str) -> io::Result<Option<Vec<u8>>> {
    let name = name_of(layout, path);
    let mut content = None;
    for entry in tar::Archive::new(MultiGzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        if is_named(&entry, &name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            content = Some(bytes);
        }
    }
    Ok(content)
}

/// Writes the archive anew, with `content` in the file at `path`.
///
/// # Errors
/// When it cannot be read or written.
pub fn replace_member(
    archive: impl Read,
    layout: &Layout,
    path: &str,
    content: &[u8],
    to: impl Write,
) -> io::Result<()> {
    let name = name_of(layout, path);
    let mut written = tar::Builder::new(GzEncoder::new(to, Compression::default()));
    for entry in tar::Archive::new(MultiGzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        let mut header = entry.header().clone();
        let path = entry.path()?.into_owned();
        if is_named(&entry, &name) {
            header.set_size(content.len() as u64);
            written.append_data(&mut header, path, content)?;
        } else if let Some(target) = entry.link_name()?.map(std::borrow::Cow::into_owned) {
            written.append_link(&mut header, path, target)?;
        } else {
            header.set_size(entry.size());
            let size = entry.size();
            written.append_data(&mut header, path, (&mut entry).take(size))?;
        }
    }
    written.into_inner()?.finish()?.flush()
}

fn name_of(layout: &Layout, path: &str) -> String {
    match layout {
        Layout::Prefixed(prefix) => format!("{prefix}/{path}"),
        Layout::Bare => path.to_owned(),
    }
}

fn is_named(entry: &tar::Entry<'_, impl Read>, name: &str) -> bool {
    let path = entry.path_bytes();
    let plain = std::str::from_utf8(&path).ok().and_then(|path| plain_path(path).ok());
    plain.as_deref() == Some(name)
}
