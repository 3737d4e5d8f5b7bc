//! Reading a release archive (`.tar.gz`) once, from whatever gives its bytes, without unpacking it.
//!
//! What leaves the release root or cannot be unpacked the same way everywhere is refused here, so that
//! nothing of the kind reaches a store or a host.

mod entry;
mod error;
mod stream;
mod tree;

use std::io::Read;
use std::rc::Rc;

pub use error::ArchiveError;
pub use stream::Limits;

use super::Manifest;
use entry::{Entry, Text};
use stream::{Meter, Unpacked};

/// Reads an archive of `app` to its end and says what is in it.
///
/// # Errors
/// When the archive is damaged, hostile or no archive at all: see [`ArchiveError`].
pub fn read_archive(app: &str, source: impl Read, limits: Limits) -> Result<Manifest, ArchiveError> {
    let meter = Rc::new(Meter::default());
    let mut unpacked = Unpacked::new(source, limits, &meter)?;
    let (entries, texts) = read_entries(&mut unpacked, &meter)?;
    let (sha256, size) = unpacked.finish()?;
    let (layout, entries) = tree::arrange(app, entries)?;
    let start_erl = match &layout {
        super::Layout::Prefixed(prefix) => format!("{prefix}/releases/start_erl.data"),
        super::Layout::Bare => "releases/start_erl.data".to_owned(),
    };
    // The last one wins, as for the file itself.
    let start_erl = texts.into_iter().rfind(|text| text.path == start_erl).map(|text| text.text);
    Ok(Manifest { sha256, size, layout, start_erl, entries })
}

fn read_entries(
    unpacked: &mut Unpacked<impl Read>,
    meter: &Meter,
) -> Result<(Vec<Entry>, Vec<Text>), ArchiveError> {
    let mut archive = tar::Archive::new(unpacked);
    let (mut entries, mut texts) = (Vec::new(), Vec::new());
    let mut headers = archive.entries().map_err(|error| meter.explain(&error))?;
    loop {
        meter.expect_header();
        let Some(header) = headers.next() else { break };
        let mut header = header.map_err(|error| meter.explain(&error))?;
        meter.expect_contents();
        let (entry, text) = entry::read(&mut header, meter)?;
        entries.push(entry);
        texts.extend(text);
    }
    // A whole tar ends with blocks of zeros; without them the end of the stream came too early.
    if meter.at_end() {
        return Err(if entries.is_empty() { ArchiveError::NoEntries } else { meter.truncated() });
    }
    Ok((entries, texts))
}
