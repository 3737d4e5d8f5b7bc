//! What is still to be sent to a command.

use std::io::{self, ErrorKind, Read};

/// Reads a command's input piece by piece, and remembers what of a piece has not been sent yet.
pub(super) struct Outgoing<'a> {
    input: &'a mut dyn Read,
    buffer: Vec<u8>,
    unsent: std::ops::Range<usize>,
}

impl<'a> Outgoing<'a> {
    /// Sends `input` in pieces of at most `size` bytes.
    pub(super) fn new(input: &'a mut dyn Read, size: usize) -> Self {
        Self { input, buffer: vec![0; size], unsent: 0..0 }
    }

    /// What is to be sent next; nothing when the input is at its end.
    pub(super) fn piece(&mut self) -> io::Result<&[u8]> {
        while self.unsent.is_empty() {
            match self.input.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(length) => self.unsent = 0..length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.unsent.clone()])
    }

    /// That many bytes of the piece have been sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.unsent.start += bytes;
    }
}
