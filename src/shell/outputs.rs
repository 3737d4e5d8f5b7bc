//! What functions of the user's print, shown as it comes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::report::{Redactor, Report, To};

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
    /// The trace of a command substitution: whether its value is a secret shows in the line after it.
    held: Vec<u8>,
    to: To,
}

impl Outputs {
    /// Takes over the outputs of bash.
    pub(super) fn of(child: &mut Child, report: Report) -> io::Result<Self> {
        let outputs = Self {
            report,
            stdout: Output { pipe: child.stdout.take(), line: Vec::new(), held: Vec::new(), to: To::Output },
            stderr: Output { pipe: child.stderr.take(), line: Vec::new(), held: Vec::new(), to: To::Errors },
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

    /// Shows all that is left of what a function has printed.
    pub(super) fn finish(&mut self) {
        self.flush();
        let (report, tail) = (&self.report, &mut self.tail);
        self.stdout.release(report, tail);
        self.stderr.release(report, tail);
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

    /// Shows what has come, but for the trace of a substitution at its end.
    fn show(&mut self, report: &Report, tail: &mut VecDeque<String>) {
        if self.line.is_empty() {
            return;
        }
        self.held.append(&mut self.line);
        let nested = self.held.split_off(unfinished_trace(&self.held));
        self.release(report, tail);
        self.held = nested;
        if self.held.len() > LONGEST {
            self.release(report, tail);
        }
    }

    fn release(&mut self, report: &Report, tail: &mut VecDeque<String>) {
        if self.held.is_empty() {
            return;
        }
        let said = String::from_utf8_lossy(&self.held);
        let traced = Redactor::traced(&said);
        report.hide(traced.iter().map(String::as_str));
        report.passed_on(self.to, &self.held);
        let text = report.redact(&said);
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(shortened(line).to_owned());
        }
        self.held.clear();
    }
}

/// Where the trace begins that is only understood with what comes next.
fn unfinished_trace(bytes: &[u8]) -> usize {
    // Most output is no trace, and is not searched.
    if !bytes.contains(&b'+') {
        return bytes.len();
    }
    let open = Redactor::open_trace(&String::from_utf8_lossy(bytes)).unwrap_or(bytes.len());
    nested_trace(&bytes[..open.min(bytes.len())])
}

/// Where the lines at the end begin that trace a command substitution: `+++ command`, since what a
/// function does itself has the two of a sourced file, the prelude.
fn nested_trace(bytes: &[u8]) -> usize {
    let mut from = bytes.len();
    while from > 0 && bytes[from - 1] == b'\n' {
        let start = bytes[..from - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if !bytes[start..].starts_with(b"+++") {
            break;
        }
        from = start;
    }
    from
}

fn shortened(line: &str) -> &str {
    let end = (0..=TAIL_WIDTH.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    &line[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_a_substitution_is_told_from_what_follows_it() {
        for (text, shown) in [
            ("++ a\n+++ b\n++++ c\n", "++ a\n"),
            ("+++ b\n++ X=b\n", "+++ b\n++ X=b\n"),
            ("+++ b\nsaid", "+++ b\nsaid"),
            ("+++ b\n", ""),
            ("", ""),
        ] {
            assert_eq!(&text[..nested_trace(text.as_bytes())], shown);
        }
    }

    #[test]
    fn lines_are_cut_between_characters() {
        let line = format!("{}é", "x".repeat(TAIL_WIDTH - 1));
        assert_eq!(shortened(&line).len(), TAIL_WIDTH - 1);
        assert_eq!(shortened("short"), "short");
    }
}
