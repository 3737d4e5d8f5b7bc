//! The program: reads the command line, runs the command, says how it ended.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use edeliver::cli::{self, Parsed};
use edeliver::commands::{self, Context};
use edeliver::exit::{Exit, Failure};
use edeliver::report::{Report, ReportOptions};
use edeliver::transport::Interrupt;

fn main() -> ExitCode {
    let exit = match run() {
        Ok(()) => Exit::Success,
        Err(failure) => {
            tell(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn run() -> Result<(), Failure> {
    let project = std::env::current_dir().context("cannot find the working directory")?;
    let invocation = match cli::parse(std::env::args_os().skip(1), &project).map_err(Failure::usage)? {
        Parsed::Print(text) => return commands::print(text.as_bytes()),
        Parsed::Run(invocation) => invocation,
    };
    let report = Report::new(ReportOptions {
        verbose: invocation.common.mode().is_some_and(|mode| mode != cli::Mode::Compact),
        plain: invocation.common.plain,
        force_colour: invocation.common.runs_as_mix_task,
        ..ReportOptions::default()
    });
    let interrupt = Interrupt::from_signals().context("cannot watch for ctrl-c")?;
    commands::run(&invocation, &Context { report, interrupt })
}

/// The error, one cause per line, then what to do next.
fn tell(failure: &Failure) {
    let mut lines = vec![format!("Error: {}", failure.error)];
    lines.extend(failure.error.chain().skip(1).map(|cause| format!("  because: {cause}")));
    lines.extend(failure.hints.iter().map(|hint| format!("Hint: {hint}")));
    // When standard error is gone there is nobody left to tell; the status still says it.
    let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
}
