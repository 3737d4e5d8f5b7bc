//! One entry of an archive, checked by itself.

use std::io::{self, Read};

use tar::EntryType;

use super::ArchiveError;
use super::stream::Meter;
use super::sums::{Adder, Adders, Pending};

/// An entry with its name in plain form: no leading `./`, no empty parts, no `.` or `..`. Empty for the
/// root of the archive.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) contents: Contents,
}

/// What an entry is; names and targets are relative to the archive, not yet to the release root.
pub(super) enum Contents {
    File { size: u64, sha256: Pending, mode: u32 },
    Directory { mode: u32 },
    Symlink { target: String },
    Hardlink { target: String },
}

/// The contents of a file that say something about the release as a whole.
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// A `start_erl.data` has a line of two versions.
const TEXT_LIMIT: usize = 4096;

/// More than any emulator has.
const EMULATOR_LIMIT: usize = 128 * 1024 * 1024;

/// How much of a file is kept: all of `releases/start_erl.data` and of the emulator, nothing else.
fn kept_bytes(path: &str) -> usize {
    let parts: Vec<&str> = path.rsplit('/').collect();
    match parts[..] {
        ["start_erl.data", "releases", ..] => TEXT_LIMIT,
        ["beam.smp", "bin", erts, ..] if erts.starts_with("erts-") => EMULATOR_LIMIT,
        _ => 0,
    }
}

/// Reads an entry to its end. Beside it: what is kept of its contents.
pub(super) fn read(
    entry: &mut tar::Entry<'_, impl Read>,
    meter: &Meter,
    adders: &mut Adders,
) -> Result<(Entry, Option<Kept>), ArchiveError> {
    let written = text_of(&entry.path_bytes(), None)?;
    let path = plain_path(&written)?;
    refuse_sparse(entry, &written, meter)?;
    let mode = entry.header().mode().map_err(|error| meter.explain(&error))? & 0o7777;
    let mut kept = None;
    let contents = match entry.header().entry_type() {
        EntryType::Directory => Contents::Directory { mode },
        // How tar wrote directories before it had a type for them.
        EntryType::Regular if written.ends_with('/') => Contents::Directory { mode },
        EntryType::Regular | EntryType::Continuous => {
            let limit = kept_bytes(&path);
            let (size, sha256, bytes) = read_file(entry, meter, adders.next(), limit)?;
            if limit > 0 {
                kept = Some(Kept { path: path.clone(), bytes });
            }
            Contents::File { size, sha256, mode }
        }
        EntryType::Symlink => Contents::Symlink { target: link_target(entry, &written)? },
        EntryType::Link => {
            let target = link_target(entry, &written)?;
            let plain = plain_path(&target).ok().filter(|target| !target.is_empty());
            let refusal = || ArchiveError::HardlinkTarget { entry: written.clone(), target };
            Contents::Hardlink { target: plain.ok_or_else(refusal)? }
        }
        other => return Err(ArchiveError::Unsupported { entry: written, kind: kind_name(other) }),
    };
    Ok((Entry { path, contents }, kept))
}

/// The size and checksum of a file, and its first bytes, up to `limit`.
fn read_file(
    entry: &mut tar::Entry<'_, impl Read>,
    meter: &Meter,
    adder: &Adder,
    limit: usize,
) -> Result<(u64, Pending, Vec<u8>), ArchiveError> {
    let mut buffer = vec![0; 64 * 1024];
    let mut start = Vec::new();
    let mut size = 0;
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(meter.explain(&error)),
        };
        adder.add(&buffer[..count]).map_err(ArchiveError::Unreadable)?;
        start.extend_from_slice(&buffer[..count.min(limit - start.len())]);
        size += count as u64;
    }
    // The tar reader takes the end of the stream for the end of the entry.
    if size != entry.size() {
        return Err(meter.truncated());
    }
    Ok((size, adder.end().map_err(ArchiveError::Unreadable)?, start))
}

/// Files stored with holes are unpacked differently by different tars.
fn refuse_sparse(
    entry: &mut tar::Entry<'_, impl Read>,
    written: &str,
    meter: &Meter,
) -> Result<(), ArchiveError> {
    let Some(extensions) = entry.pax_extensions().map_err(|error| meter.explain(&error))? else {
        return Ok(());
    };
    for extension in extensions {
        let extension = extension.map_err(|error| ArchiveError::damaged(&error))?;
        if extension.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(ArchiveError::Unsupported {
                entry: written.to_owned(),
                kind: kind_name(EntryType::GNUSparse),
            });
        }
    }
    Ok(())
}

fn link_target(entry: &tar::Entry<'_, impl Read>, written: &str) -> Result<String, ArchiveError> {
    let target = entry.link_name_bytes().unwrap_or_default();
    text_of(&target, Some(written))
}

/// A name or target as text; `of` is the entry's name when this is its target.
fn text_of(bytes: &[u8], of: Option<&str>) -> Result<String, ArchiveError> {
    let entry = || of.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned);
    let text = std::str::from_utf8(bytes).map_err(|_| ArchiveError::NotUtf8 { entry: entry() })?;
    if text.contains('\0') {
        return Err(ArchiveError::Nul { entry: entry() });
    }
    Ok(text.to_owned())
}

/// The plain form of a name; refused when it leaves the archive.
pub(super) fn plain_path(written: &str) -> Result<String, ArchiveError> {
    if written.starts_with('/') {
        return Err(ArchiveError::AbsoluteName { entry: written.to_owned() });
    }
    let parts: Vec<&str> = written.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(ArchiveError::ParentInName { entry: written.to_owned() });
    }
    Ok(parts.join("/"))
}

fn kind_name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Char => "character device",
        EntryType::Block => "block device",
        EntryType::Fifo => "fifo",
        EntryType::GNUSparse => "sparse file",
        EntryType::XGlobalHeader => "global header",
        _ => "entry of an unknown kind",
    }
}
