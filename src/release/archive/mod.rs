//! Reading a release archive (`.tar.gz`) once, from whatever gives its bytes, without unpacking it.
//!
//! What leaves the release root or cannot be unpacked the same way everywhere is refused here, so that
//! nothing of the kind reaches a store or a host.

mod directory;
mod entry;
mod error;
mod image;
mod member;
mod source;
mod stream;
mod sums;
mod tree;

use std::io::Read;
use std::rc::Rc;

pub use directory::{pack as pack_directory, unpack};
pub use error::ArchiveError;
pub use image::layer as image_layer;
pub use member::{read_member, replace_member};
pub use source::{ArchiveFile, ArchiveReader, ArchiveSource};
pub use stream::Limits;

use super::{Layout, Manifest, Platform};
use entry::{Entry, Kept};
use stream::{Meter, Unpacked};
use sums::Adders;

/// Reads an archive of `app` to its end and says what is in it.
///
/// # Errors
/// When the archive is damaged, hostile or no archive at all: see [`ArchiveError`].
pub fn read_archive(app: &str, source: impl Read, limits: Limits) -> Result<Manifest, ArchiveError> {
    let meter = Rc::new(Meter::default());
    let mut unpacked = Unpacked::new(source, limits, &meter)?;
    let (entries, kept) = read_entries(&mut unpacked, &meter)?;
    let (sha256, size) = unpacked.finish()?;
    let (layout, entries) = tree::arrange(app, entries)?;
    let prefix = match &layout {
        Layout::Prefixed(prefix) => format!("{prefix}/"),
        Layout::Bare => String::new(),
    };
    // The last one wins, as for the file itself.
    let last = |wanted: fn(&str) -> bool| {
        kept.iter().rfind(|kept| kept.path.strip_prefix(&prefix).is_some_and(wanted)).map(|kept| &kept.bytes)
    };
    // One that is no text names no release, which is how `Manifest::boots` sees it then.
    let start_erl = last(|path| path == "releases/start_erl.data")
        .and_then(|bytes| String::from_utf8(bytes.clone()).ok());
    let platform = last(|path| path.starts_with("erts-")).and_then(|bytes| Platform::of_elf(bytes));
    Ok(Manifest { sha256, size, layout, start_erl, platform, entries })
}

fn read_entries(
    unpacked: &mut Unpacked<impl Read>,
    meter: &Meter,
) -> Result<(Vec<Entry>, Vec<Kept>), ArchiveError> {
    let mut archive = tar::Archive::new(unpacked);
    let (mut entries, mut all_kept) = (Vec::new(), Vec::new());
    let mut adders = Adders::start().map_err(ArchiveError::Unreadable)?;
    let mut headers = archive.entries().map_err(|error| meter.explain(&error))?;
    loop {
        meter.expect_header();
        let Some(header) = headers.next() else { break };
        let mut header = header.map_err(|error| meter.explain(&error))?;
        meter.expect_contents();
        let (entry, kept) = entry::read(&mut header, meter, &mut adders)?;
        entries.push(entry);
        all_kept.extend(kept);
    }
    // A whole tar ends with blocks of zeros; without them the end of the stream came too early.
    if meter.at_end() {
        return Err(if entries.is_empty() { ArchiveError::NoEntries } else { meter.truncated() });
    }
    Ok((entries, all_kept))
}
