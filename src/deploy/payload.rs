//! What is sent to a host: the archive as it is, or only the entries that the host lacks.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufReader, BufWriter, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::wanted::Wanted;
use crate::release::manifest::{EntryKind, Manifest};
use crate::release::{ArchiveFile, ArchiveReader, ArchiveSource};

/// A tar.gz for a host.
#[derive(Debug)]
pub struct Payload {
    file: ArchiveFile,
    /// The directory inside the archive that stands for the release root; empty for none.
    pub prefix: String,
    /// Bytes.
    pub size: u64,
}

impl Payload {
    /// Reads it from its beginning and tells `seen` how many bytes have been read in all. Several
    /// hosts read at once, each at its own place.
    pub fn reader<'a>(&'a self, seen: &'a mut (dyn FnMut(u64) + Send)) -> Reader<'a> {
        Reader { source: self.file.reader(), seen }
    }
}

/// One host's place in a payload.
pub struct Reader<'a> {
    source: ArchiveReader,
    seen: &'a mut (dyn FnMut(u64) + Send),
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        (self.seen)(self.source.position());
        Ok(count)
    }
}

/// Reads what a host is sent, to an early end when that is not wanted any more. The host then finds that it
/// has not got all.
pub struct UntilCalledOff<'a, R> {
    /// What it would be sent.
    pub source: R,
    /// Whether it is not wanted any more.
    pub called_off: &'a AtomicBool,
    /// Whether that was found out before the end.
    pub ended: bool,
}

impl<R: Read> Read for UntilCalledOff<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ended = self.called_off.load(Ordering::Relaxed);
        if self.ended { Ok(0) } else { self.source.read(buffer) }
    }
}

/// Makes payloads from one archive; hosts that lack the same entries share one.
pub struct Payloads {
    archive: Arc<dyn ArchiveSource>,
    made: Mutex<HashMap<Vec<usize>, Arc<Payload>>>,
}

impl Payloads {
    /// For this archive.
    pub fn new(archive: Arc<dyn ArchiveSource>) -> Self {
        Self { archive, made: Mutex::default() }
    }

    /// The payload with at least those of the wanted entries that have these indices.
    ///
    /// # Errors
    /// When the archive cannot be read or the part cannot be written.
    pub fn of(&self, manifest: &Manifest, wanted: &[Wanted], indices: &[usize]) -> io::Result<Arc<Payload>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = made.get(indices) {
            return Ok(Arc::clone(payload));
        }
        let names: BTreeSet<&str> = indices.iter().map(|&index| wanted[index].path.as_str()).collect();
        let prefix = manifest.prefix();
        // A hard link is useless without the file that it names: then all is sent.
        let linked = names.iter().any(|name| matches!(manifest.get(name), Some(EntryKind::Hardlink { .. })));
        let payload = if linked || indices.len() == wanted.len() {
            let file = self.archive.file()?;
            Payload { size: file.size()?, file, prefix: prefix.to_owned() }
        } else {
            self.part(prefix, &names)?
        };
        let payload = Arc::new(payload);
        made.insert(indices.to_vec(), Arc::clone(&payload));
        Ok(payload)
    }

    /// Where a host can fetch the whole archive by itself; a secret.
    pub fn address(&self) -> Option<String> {
        self.archive.address()
    }

    fn part(&self, prefix: &str, names: &BTreeSet<&str>) -> io::Result<Payload> {
        let whole = self.archive.file()?;
        let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(whole.reader())));
        // It has no name, so that nothing is left of it however we end.
        let file = tempfile::tempfile()?;
        let mut part = tar::Builder::new(GzEncoder::new(BufWriter::new(&file), Compression::default()));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path_bytes().into_owned();
            let path = String::from_utf8_lossy(&path).into_owned();
            let name = inside(&path, prefix);
            if !names.contains(name) {
                continue;
            }
            let mut header = entry.header().clone();
            match entry.link_name_bytes().map(std::borrow::Cow::into_owned) {
                Some(target) if header.entry_type().is_symlink() => {
                    part.append_link(&mut header, name, String::from_utf8_lossy(&target).as_ref())?;
                }
                _ => {
                    header.set_size(entry.size());
                    let size = entry.size();
                    part.append_data(&mut header, name, (&mut entry).take(size))?;
                }
            }
        }
        part.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        let file = ArchiveFile::from(file);
        Ok(Payload { size: file.size()?, file, prefix: String::new() })
    }
}

/// An entry's path relative to the release root, as the manifest has it.
fn inside<'p>(path: &'p str, prefix: &str) -> &'p str {
    let mut rest = path.trim_end_matches('/');
    while let Some(stripped) = rest.strip_prefix("./") {
        rest = stripped.trim_start_matches('/');
    }
    match rest.strip_prefix(prefix) {
        Some(inner) if !prefix.is_empty() => inner.trim_start_matches('/'),
        _ => rest,
    }
}
