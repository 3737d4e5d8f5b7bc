//! What goes into a command and what comes out of it.

use std::io::Read;

use super::ExitStatus;

/// Which of the command's two outputs a piece of text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What the command reads on its standard input.
pub enum Stdin<'a> {
    /// Nothing: it is at its end at once.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
    /// All that the reader gives. A read that waits also holds up the command's output.
    Reader(&'a mut (dyn Read + Send)),
}

impl<'a> Stdin<'a> {
    /// The same once more. None for a reader, whose bytes come once.
    pub fn again(&self) -> Option<Stdin<'a>> {
        match self {
            Stdin::Empty => Some(Stdin::Empty),
            Stdin::Bytes(bytes) => Some(Stdin::Bytes(bytes)),
            Stdin::Reader(_) => None,
        }
    }
}

impl Read for Stdin<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stdin::Empty => Ok(0),
            Stdin::Bytes(bytes) => bytes.read(buffer),
            Stdin::Reader(reader) => reader.read(buffer),
        }
    }
}

/// A command's whole output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}
