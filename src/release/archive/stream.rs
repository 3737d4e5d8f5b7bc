//! The bytes of an archive on their way from gzip to tar: counted, hashed and limited.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

use super::ArchiveError;
use super::sums::{Adder, Pending};
use crate::release::Sha256Sum;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that an archive may unpack to.
    pub unpacked: u64,
    /// How many times its own size an archive may unpack to ...
    pub ratio: u64,
    /// ... once it has unpacked to more than this many bytes.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked: 20_000_000_000, ratio: 200, ratio_from: 2 * 1024 * 1024 * 1024 }
    }
}

/// No header is larger: names have at most 4096 bytes.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// What is known about the stream so far; shared, since the tar reader holds the stream itself.
#[derive(Debug, Default)]
pub(super) struct Meter {
    compressed: Cell<u64>,
    unpacked: Cell<u64>,
    /// The bytes that the next header may still take; unlimited while contents are read.
    header: Cell<Option<u64>>,
    at_end: Cell<bool>,
    refusal: RefCell<Option<ArchiveError>>,
}

impl Meter {
    /// From here the tar reader reads a header.
    pub(super) fn expect_header(&self) {
        self.header.set(Some(HEADER_LIMIT));
    }

    /// From here the contents of an entry are read.
    pub(super) fn expect_contents(&self) {
        self.header.set(None);
    }

    /// Whether the unpacked stream has ended.
    pub(super) fn at_end(&self) -> bool {
        self.at_end.get()
    }

    /// The archive ends here although it should go on.
    pub(super) fn truncated(&self) -> ArchiveError {
        ArchiveError::Truncated { bytes: self.compressed.get() }
    }

    /// What an error of a reader on top of this stream means.
    pub(super) fn explain(&self, error: &io::Error) -> ArchiveError {
        if let Some(refusal) = self.refusal.take() {
            return refusal;
        }
        if error.kind() == io::ErrorKind::UnexpectedEof || self.at_end() {
            return self.truncated();
        }
        ArchiveError::damaged(error)
    }

    fn refuse(&self, why: ArchiveError) -> io::Error {
        self.refusal.replace(Some(why));
        io::Error::other("refused")
    }
}

/// The unpacked stream.
pub(super) struct Unpacked<R> {
    decoder: GzDecoder<BufReader<Compressed<R>>>,
    limits: Limits,
    meter: Rc<Meter>,
}

/// The compressed stream.
struct Compressed<R> {
    source: R,
    adder: Adder,
    meter: Rc<Meter>,
}

impl<R: Read> Unpacked<R> {
    /// Starts to unpack `source`.
    pub(super) fn new(source: R, limits: Limits, meter: &Rc<Meter>) -> Result<Self, ArchiveError> {
        let adder = Adder::start().map_err(ArchiveError::Unreadable)?;
        let compressed = Compressed { source, adder, meter: Rc::clone(meter) };
        let mut buffered = BufReader::with_capacity(64 * 1024, compressed);
        match buffered.fill_buf().map_err(|error| meter.explain(&error))? {
            [] => return Err(ArchiveError::Empty),
            [0x1f] | [0x1f, 0x8b, ..] => {}
            _ => return Err(ArchiveError::NotGzip),
        }
        Ok(Self { decoder: GzDecoder::new(buffered), limits, meter: Rc::clone(meter) })
    }

    /// Reads what follows the last entry, which must be padding, and gives the checksum and size of the
    /// whole archive file.
    pub(super) fn finish(mut self) -> Result<(Sha256Sum, u64), ArchiveError> {
        let mut buffer = [0; 4096];
        self.meter.expect_contents();
        loop {
            match self.read(&mut buffer).map_err(|error| self.meter.explain(&error))? {
                0 => break,
                count if buffer[..count].iter().any(|byte| *byte != 0) => {
                    return Err(ArchiveError::TrailingData);
                }
                _ => {}
            }
        }
        let mut rest = self.decoder.into_inner();
        if !rest.fill_buf().map_err(|error| self.meter.explain(&error))?.is_empty() {
            return Err(ArchiveError::TrailingData);
        }
        let Compressed { adder, meter, .. } = rest.into_inner();
        let sha256 = adder.end().and_then(Pending::wait).map_err(ArchiveError::Unreadable)?;
        Ok((sha256, meter.compressed.get()))
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.meter.at_end.set(true);
        }
        let unpacked = self.meter.unpacked.get() + count as u64;
        self.meter.unpacked.set(unpacked);
        if unpacked > self.limits.unpacked {
            return Err(self.meter.refuse(ArchiveError::TooLarge { limit: self.limits.unpacked }));
        }
        let most = self.meter.compressed.get().saturating_mul(self.limits.ratio);
        if unpacked > self.limits.ratio_from && unpacked > most {
            return Err(self.meter.refuse(ArchiveError::Bomb { ratio: self.limits.ratio }));
        }
        if let Some(left) = self.meter.header.get() {
            let Some(left) = left.checked_sub(count as u64) else {
                return Err(self.meter.refuse(ArchiveError::HugeHeader));
            };
            self.meter.header.set(Some(left));
        }
        Ok(count)
    }
}

impl<R: Read> Read for Compressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            match self.source.read(buffer) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Remembered as it is: the decoders would word it as a fault of the archive.
                Err(error) => return Err(self.meter.refuse(ArchiveError::Unreadable(error))),
            }
        };
        let added = self.adder.add(&buffer[..count]);
        added.map_err(|error| self.meter.refuse(ArchiveError::Unreadable(error)))?;
        self.meter.compressed.set(self.meter.compressed.get() + count as u64);
        Ok(count)
    }
}
