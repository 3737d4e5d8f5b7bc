//! What is wrong with a shell file, and where.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use camino::{Utf8Path, Utf8PathBuf};

/// What stands in the way of evaluating a shell file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something that is right in bash but beyond the static subset.
    #[error("{0} is not supported here")]
    Unsupported(&'static str),
    /// A command that would run while the file is read.
    #[error("running the command '{0}' while the configuration is read is not supported here")]
    Command(String),
    /// No shell program, as far as the grammar can tell.
    #[error("{0}")]
    Syntax(String),
    /// Brackets, quotes or blocks within each other, deeper than any configuration has them.
    #[error("this is nested too deeply")]
    TooDeep,
    /// More than a configuration ever holds.
    #[error("the file is too large for a configuration")]
    TooLarge,
    /// Bytes that are no UTF-8, elsewhere than in a comment.
    #[error("these bytes are not UTF-8 text")]
    NotUtf8,
    /// A NUL byte: bash takes such a file for a program.
    #[error("there is a NUL byte; this is no text file")]
    Nul,
    /// `${NAME:?message}` with NAME missing.
    #[error("{name}: {message}")]
    Required {
        /// The variable.
        name: String,
        /// What the file says about it.
        message: String,
    },
}

impl Problem {
    /// Whether the user's own bash could still evaluate the file.
    pub fn needs_bash(&self) -> bool {
        !matches!(self, Problem::Nul | Problem::TooLarge | Problem::Required { .. })
    }

    fn label(&self) -> &'static str {
        match self {
            Problem::Unsupported(_) | Problem::Command(_) => "only assignments and functions are evaluated",
            Problem::Syntax(_) => "detected here",
            Problem::TooDeep | Problem::TooLarge => "here",
            Problem::NotUtf8 => "save the file as UTF-8",
            Problem::Nul => "here",
            Problem::Required { .. } => "required here",
        }
    }
}

/// A problem with its place in the text, before the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub problem: Problem,
    pub span: Range<usize>,
}

impl Fault {
    pub(super) fn unsupported(what: &'static str, span: Range<usize>) -> Self {
        Self { problem: Problem::Unsupported(what), span }
    }
}

/// A shell file that cannot be evaluated: the reason, the line, and the place with a caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellFileError {
    path: Utf8PathBuf,
    line: usize,
    problem: Problem,
    snippet: String,
}

impl ShellFileError {
    pub(super) fn new(path: &Utf8Path, text: &str, fault: Fault) -> Self {
        let span = on_one_line(text, fault.span);
        let line = line_of(text, span.start);
        let snippet = Snippet::source(text)
            .path(path.as_str())
            .annotation(AnnotationKind::Primary.span(span).label(fault.problem.label()));
        let report = &[Group::with_level(Level::ERROR).element(snippet)];
        let snippet = Renderer::plain().render(report);
        Self { path: path.to_owned(), line, problem: fault.problem, snippet }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The reason.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ShellFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n{}", self.path, self.line, self.problem, self.snippet)
    }
}

impl std::error::Error for ShellFileError {}

/// The line of a byte offset, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The part of `span` on its first line, on character boundaries, at least one character wide where
/// there is one.
fn on_one_line(text: &str, span: Range<usize>) -> Range<usize> {
    let boundary =
        |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    // What is missing at the end is missing after the last line.
    let start = boundary(span.start.min(text.trim_end().len()));
    let line = text[start..].split('\n').next().unwrap_or_default();
    let end = boundary(span.end.min(start + line.len()));
    let one = line.chars().next().map_or(0, char::len_utf8);
    start..end.max(start + one)
}
