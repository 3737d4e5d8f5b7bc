//! The commands: one file each, whose `run` reads like its recipe.

pub mod check_config;

use std::io::{self, Write};

use anyhow::anyhow;

use crate::cli::{self, Command, Invocation};
use crate::exit::Failure;
use crate::report::Report;
use crate::transport::Interrupt;

/// What every command works with.
pub struct Context {
    /// Shows what happens.
    pub report: Report,
    /// Says whether the user has asked to stop.
    pub interrupt: Interrupt,
}

/// Runs the command that was asked for.
///
/// # Errors
/// Whatever kept it from being done, with the exit status that it means.
pub fn run(invocation: &Invocation, context: &Context) -> Result<(), Failure> {
    match &invocation.command {
        Command::Completions { shell } => return print(&cli::completions(*shell)),
        Command::Manual => return print(&cli::manual()?),
        _ => {}
    }
    let unknown = invocation.ignored.iter().map(|argument| cli::ignored_hint(argument));
    for hint in unknown.chain(invocation.hints.iter().cloned()) {
        context.report.hint(&hint);
    }
    let command = &invocation.command;
    let name = [Some(command.word()), command.what()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Err(Failure::usage(anyhow!("'edeliver {name}' is not built yet; nothing was done")))
}

/// Writes text that a program or a pager reads. One that has read enough and left is no failure.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow!(error).context("cannot write to standard output").into())
        }
        _ => Ok(()),
    }
}
