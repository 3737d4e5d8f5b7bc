//! The program: reads the command line, runs the command, says how it ended.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use camino::Utf8PathBuf;
use edeliver::cli::{self, Parsed};
use edeliver::commands;
use edeliver::exit::{Exit, Failure};

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
    let project = Utf8PathBuf::from_path_buf(project)
        .map_err(|path| Failure::usage(anyhow!("the working directory {} is not UTF-8", path.display())))?;
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let read_by_programs = args.iter().any(|arg| arg == "--json");
    let parsed = cli::parse(args, project.as_std_path()).map_err(Failure::usage);
    match parsed.inspect_err(|failure| {
        if read_by_programs {
            commands::refused(failure)
        }
    })? {
        Parsed::Print(text) => commands::print(text.as_bytes()),
        Parsed::Overview(text) => commands::overview(&text, &project),
        Parsed::Complete(words) => {
            commands::complete(&words, &project);
            Ok(())
        }
        Parsed::Run(invocation) => commands::run(&invocation, &project),
    }
}

/// The error, one cause per line, then what to do next.
fn tell(failure: &Failure) {
    let mut lines = vec![format!("Error: {}", failure.error)];
    lines.extend(failure.error.chain().skip(1).map(|cause| format!("  because: {cause}")));
    lines.extend(failure.hints.iter().map(|hint| format!("Hint: {hint}")));
    // When standard error is gone there is nobody left to tell; the status still says it.
    let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
}
