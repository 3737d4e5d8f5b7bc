//! Shell-variable files such as `.deliver/config`: the static subset of bash, evaluated without it.
//!
//! Assignments with every kind of quoting, expansions of variables, `export`, `:` and comments are
//! evaluated; functions are found and kept. For each file that is accepted, the values are the ones
//! that bash gives, byte for byte; what could differ between versions of bash or locales is an
//! error instead, which says whether bash could still evaluate the file.

mod braced;
mod error;
mod expand;
mod grammar;
mod nesting;
mod pattern;
mod quoting;
mod variables;
mod word;

use camino::{Utf8Path, Utf8PathBuf};

use error::Fault;
pub use error::{Problem, ShellFileError};
use expand::Expander;
use grammar::{Assignment, Exported, Kind, Statement};
pub use variables::{Variables, belongs_to_bash, is_name};

/// A shell file that was read, not yet evaluated.
#[derive(Debug, Clone)]
pub struct ShellFile {
    path: Utf8PathBuf,
    text: String,
    statements: Vec<Statement>,
}

/// A function that a shell file defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The file that defines it, where that is another one, which this one sources.
    pub sourced_from: Option<Utf8PathBuf>,
    /// The line its definition starts on, counted from 1.
    pub line: usize,
    /// The definition as it is written.
    pub text: String,
}

/// What evaluating a file gave, beside the variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluated {
    /// The functions, in the order of the file; of several definitions of one name the last counts.
    pub functions: Vec<Function>,
}

impl ShellFile {
    /// Reads a file's content. `path` is for messages.
    ///
    /// A byte order mark is left out and lines that end with CR LF end with LF: bash would take
    /// both as part of the first command and of each value, which nobody means.
    ///
    /// # Errors
    /// When it is no text, or no shell program as far as the grammar can tell.
    pub fn parse(path: &Utf8Path, content: &[u8]) -> Result<Self, ShellFileError> {
        let (text, invalid) = decode(content);
        let fail = |fault| ShellFileError::new(path, &text, fault);
        if let Some(at) = text.find('\0') {
            return Err(fail(Fault { problem: Problem::Nul, span: at..at + 1 }));
        }
        let mut statements = grammar::statements(&text).map_err(fail)?;
        refuse_invalid(&text, &mut statements, &invalid);
        Ok(Self { path: path.to_owned(), text, statements })
    }

    /// The text as it is evaluated: the content without its byte order mark and carriage returns
    /// before line ends.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first statement that only bash can evaluate.
    pub fn first_beyond(&self) -> Option<ShellFileError> {
        self.statements.iter().find_map(|statement| match &statement.kind {
            Kind::Beyond(fault) => Some(ShellFileError::new(&self.path, &self.text, fault.clone())),
            _ => None,
        })
    }

    /// Whether every statement belongs to the static subset. Evaluation may still find a value that
    /// only bash can compute ([`Problem::needs_bash`]).
    pub fn is_static(&self) -> bool {
        self.first_beyond().is_none()
    }
}

/// Evaluates a file in order, reading and setting `variables`. On an error they stay as they were.
///
/// # Errors
/// At the first thing that only bash can evaluate, and at `${X:?message}` with X missing.
pub fn evaluate(file: &ShellFile, variables: &mut Variables) -> Result<Evaluated, ShellFileError> {
    let mut changed = variables.clone();
    let mut evaluated = Evaluated::default();
    for statement in &file.statements {
        run(statement, &mut changed, &mut evaluated)
            .map_err(|fault| ShellFileError::new(&file.path, &file.text, fault))?;
    }
    *variables = changed;
    Ok(evaluated)
}

fn run(statement: &Statement, variables: &mut Variables, evaluated: &mut Evaluated) -> Result<(), Fault> {
    let defined = |name: &str| evaluated.functions.iter().any(|function| function.name == name);
    let mut expander = Expander { variables, line: statement.line };
    match &statement.kind {
        Kind::Beyond(fault) => return Err(fault.clone()),
        Kind::Define(function) => evaluated.functions.push(function.clone()),
        Kind::Assign(assignments) => {
            for assignment in assignments {
                assign(&mut expander, assignment)?;
            }
        }
        Kind::Export(_) | Kind::Expand(_) if defined("export") || defined(":") => {
            let what = "calling a function of this file while it is read";
            return Err(Fault::unsupported(what, statement.span.clone()));
        }
        Kind::Export(arguments) => {
            for argument in arguments {
                let name = match argument {
                    Exported::Name(name) => name,
                    Exported::Assignment(assignment) => {
                        assign(&mut expander, assignment)?;
                        &assignment.name
                    }
                };
                expander.variables.export(name);
            }
        }
        Kind::Expand(words) => {
            for word in words {
                expander.text(word)?;
            }
        }
    }
    Ok(())
}

fn assign(expander: &mut Expander<'_>, assignment: &Assignment) -> Result<(), Fault> {
    expander.line = assignment.line;
    let mut value = expander.text(&assignment.word)?;
    if assignment.append {
        let before = expander.variables.get(&assignment.name).unwrap_or_default();
        value.insert_str(0, before);
    }
    expander.assign(&assignment.name, value, assignment.span.clone())
}

/// What is evaluated of a file: its content without a byte order mark and without the carriage
/// returns before line ends. None when that is all of it.
pub fn evaluated_text(content: &[u8]) -> Option<String> {
    let text = decode(content).0;
    (content.starts_with(b"\xef\xbb\xbf") || content.windows(2).any(|pair| pair == b"\r\n")).then_some(text)
}

/// The text of a file, and where in it bytes were replaced that are no UTF-8.
fn decode(content: &[u8]) -> (String, Vec<usize>) {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let (mut text, mut invalid) = (String::new(), Vec::new());
    for chunk in content.utf8_chunks() {
        text.push_str(&chunk.valid().replace("\r\n", "\n"));
        if !chunk.invalid().is_empty() {
            invalid.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, invalid)
}

/// Bytes that are no UTF-8 may stand in comments only.
fn refuse_invalid(text: &str, statements: &mut [Statement], invalid: &[usize]) {
    for at in invalid {
        let line = &text[..*at];
        let line = &line[line.rfind('\n').map_or(0, |end| end + 1)..];
        let comment = line.trim_start().starts_with('#');
        let within = statements.iter_mut().find(|statement| statement.span.contains(at));
        if let Some(statement) = within.filter(|_| !comment) {
            let fault = Fault { problem: Problem::NotUtf8, span: *at..*at + 1 };
            statement.kind = Kind::Beyond(fault);
        }
    }
}
