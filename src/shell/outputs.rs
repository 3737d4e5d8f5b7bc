//! What functions of the user's print, shown as it comes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::report::{Report, To};

/// How many lines are kept for an error.
const TAIL_LINES: usize = 20;
/// How long a line may be there, in bytes.
const TAIL_WIDTH: usize = 400;
/// Longer lines are shown in pieces.
const LONGEST: usize = 64 * 1024;

/// The two outputs of bash.
pub(super) struct Outputs {
    report: Report,
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
    tail: VecDeque<String>,
}

struct Output<Pipe> {
    pipe: Option<Pipe>,
    /// The beginning of a line: secrets are taken out of whole lines.
    line: Vec<u8>,
    to: To,
}

impl Outputs {
    /// Takes over the outputs of bash.
    pub(super) fn of(child: &mut Child, report: Report) -> io::Result<Self> {
        let outputs = Self {
            report,
            stdout: Output { pipe: child.stdout.take(), line: Vec::new(), to: To::Output },
            stderr: Output { pipe: child.stderr.take(), line: Vec::new(), to: To::Errors },
            tail: VecDeque::new(),
        };
        for pipe in outputs.open() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(outputs)
    }

    /// Shows what comes from now on there.
    pub(super) fn show_on(&mut self, report: Report) {
        self.report = report;
    }

    /// Hides these values from now on.
    pub(super) fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        self.report.hide(secrets);
    }

    /// The pipes that are open, to wait for what comes.
    pub(super) fn pipes(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.open().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN))
    }

    fn open(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [self.stdout.pipe.as_ref().map(AsFd::as_fd), self.stderr.pipe.as_ref().map(AsFd::as_fd)]
            .into_iter()
            .flatten()
    }

    /// Shows all that has been printed by now, except the beginning of a line that goes on.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let (report, tail) = (&self.report, &mut self.tail);
        self.stdout.listen(report, tail)?;
        self.stderr.listen(report, tail)
    }

    /// Shows the beginnings of lines too: something else is shown next, or nothing for a while.
    pub(super) fn flush(&mut self) {
        let (report, tail) = (&self.report, &mut self.tail);
        self.stdout.show(report, tail);
        self.stderr.show(report, tail);
    }

    /// Forgets what was printed so far.
    pub(super) fn begin(&mut self) {
        self.tail.clear();
    }

    /// The last lines since then, without secrets.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}

impl<Pipe: Read> Output<Pipe> {
    fn listen(&mut self, report: &Report, tail: &mut VecDeque<String>) -> io::Result<()> {
        let mut piece = [0; 32 * 1024];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut piece) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.take(&piece[..length], report, tail),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], report: &Report, tail: &mut VecDeque<String>) {
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                self.line.extend_from_slice(&bytes[..=end]);
                self.show(report, tail);
                self.line.extend_from_slice(&bytes[end + 1..]);
            }
            None => self.line.extend_from_slice(bytes),
        }
        if self.line.len() > LONGEST {
            self.show(report, tail);
        }
    }

    fn show(&mut self, report: &Report, tail: &mut VecDeque<String>) {
        if self.line.is_empty() {
            return;
        }
        report.passed_on(self.to, &self.line);
        let text = report.redact(&String::from_utf8_lossy(&self.line));
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(shortened(line).to_owned());
        }
        self.line.clear();
    }
}

fn shortened(line: &str) -> &str {
    let end = (0..=TAIL_WIDTH.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    &line[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_characters() {
        let line = format!("{}é", "x".repeat(TAIL_WIDTH - 1));
        assert_eq!(shortened(&line).len(), TAIL_WIDTH - 1);
        assert_eq!(shortened("short"), "short");
    }
}
