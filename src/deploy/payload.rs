//! What is sent to a host: the whole archive, or only the entries that the host lacks.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::wanted::Wanted;
use crate::release::manifest::{EntryKind, Manifest};
use crate::release::{ArchiveFile, ArchiveReader, ArchiveSource};

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// gzip, which every host has.
    Gzip,
    /// zstd, which takes a fraction of the time on both sides, and makes less of it.
    Zstd,
}

impl Packing {
    /// As the host's side knows it.
    pub fn word(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// A compressed tar for a host.
#[derive(Debug)]
pub struct Payload {
    file: ArchiveFile,
    /// How it is compressed.
    pub packing: Packing,
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

/// How many threads compress at most: more would want more memory than we grant ourselves.
const WORKERS: u32 = 16;
/// How many bytes a thread compresses at a time: each holds several times as much in memory.
const JOB: u32 = 512 * 1024;

/// What payloads differ by: the entries in them, and how they are compressed.
type Kind = (Vec<usize>, Packing);

/// Makes payloads from one archive; hosts that lack the same entries share one.
pub struct Payloads {
    archive: Arc<dyn ArchiveSource>,
    made: Mutex<HashMap<Kind, Arc<Payload>>>,
}

impl Payloads {
    /// For this archive.
    pub fn new(archive: Arc<dyn ArchiveSource>) -> Self {
        Self { archive, made: Mutex::default() }
    }

    /// The archive as it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn whole(&self, manifest: &Manifest) -> io::Result<Payload> {
        let (file, prefix) = (self.archive.file()?, manifest.prefix().to_owned());
        Ok(Payload { size: file.size()?, file, packing: Packing::Gzip, prefix })
    }

    /// The payload with at least those of the wanted entries that have these indices.
    ///
    /// # Errors
    /// When the archive cannot be read or the part cannot be written.
    pub fn of(
        &self,
        manifest: &Manifest,
        wanted: &[Wanted],
        indices: &[usize],
        packing: Packing,
    ) -> io::Result<Arc<Payload>> {
        // Who needs the same waits until it is made.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (indices.to_vec(), packing);
        if let Some(payload) = made.get(&key) {
            return Ok(Arc::clone(payload));
        }
        let names: BTreeSet<&str> = indices.iter().map(|&index| wanted[index].path.as_str()).collect();
        let prefix = manifest.prefix();
        // A hard link is useless without the file that it names: then all is sent.
        let linked = names.iter().any(|name| matches!(manifest.get(name), Some(EntryKind::Hardlink { .. })));
        let payload = if linked || indices.len() == wanted.len() {
            let whole = self.whole(manifest)?;
            match packing {
                Packing::Gzip => whole,
                // There may be no space for it here.
                Packing::Zstd => repacked(&whole).unwrap_or(whole),
            }
        } else {
            self.part(prefix, &names, packing)?
        };
        let payload = Arc::new(payload);
        made.insert(key, Arc::clone(&payload));
        Ok(payload)
    }

    /// Where a host can fetch the whole archive by itself; a secret.
    pub fn address(&self) -> Option<String> {
        self.archive.address()
    }

    fn part(&self, prefix: &str, names: &BTreeSet<&str>, packing: Packing) -> io::Result<Payload> {
        let whole = self.archive.file()?;
        let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(whole.reader())));
        let file = packed(packing, |out| {
            let mut part = tar::Builder::new(out);
            for entry in archive.entries()? {
                append(&mut part, entry?, prefix, names)?;
            }
            part.finish()
        })?;
        Ok(Payload { size: file.size()?, file, packing, prefix: String::new() })
    }
}

/// Takes an entry over when it is one of these.
fn append(
    part: &mut tar::Builder<&mut dyn Write>,
    mut entry: tar::Entry<'_, impl Read>,
    prefix: &str,
    names: &BTreeSet<&str>,
) -> io::Result<()> {
    let path = entry.path_bytes().into_owned();
    let path = String::from_utf8_lossy(&path).into_owned();
    let name = inside(&path, prefix);
    if !names.contains(name) {
        return Ok(());
    }
    let mut header = entry.header().clone();
    match entry.link_name_bytes().map(std::borrow::Cow::into_owned) {
        Some(target) if header.entry_type().is_symlink() => {
            part.append_link(&mut header, name, String::from_utf8_lossy(&target).as_ref())
        }
        _ => {
            let size = entry.size();
            header.set_size(size);
            part.append_data(&mut header, name, (&mut entry).take(size))
        }
    }
}

/// The same tar in zstd.
fn repacked(whole: &Payload) -> io::Result<Payload> {
    let mut tar = MultiGzDecoder::new(BufReader::new(whole.file.reader()));
    let file = packed(Packing::Zstd, |out| io::copy(&mut tar, out).map(drop))?;
    Ok(Payload { size: file.size()?, file, packing: Packing::Zstd, prefix: whole.prefix.clone() })
}

/// A file without a name, so that nothing is left of it however we end, with what `fill` writes in it,
/// compressed.
fn packed(packing: Packing, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<ArchiveFile> {
    let file = tempfile::tempfile()?;
    let out = BufWriter::new(&file);
    let out = match packing {
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(out, Compression::default());
            fill(&mut encoder)?;
            encoder.finish()?
        }
        Packing::Zstd => {
            let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
            encoder.multithread(u32::try_from(cores).map_or(WORKERS, |cores| cores.min(WORKERS)))?;
            encoder.set_parameter(zstd::zstd_safe::CParameter::JobSize(JOB))?;
            fill(&mut encoder)?;
            encoder.finish()?
        }
    };
    out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(ArchiveFile::from(file))
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
