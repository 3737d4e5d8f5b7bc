//! `NOTIFY_COMMAND`: tells somebody how a command has ended. It gets the last event on standard input.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;

use crate::host::tail;
use crate::report::Report;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How many lines of its output are shown when it fails.
const SHOWN: usize = 10;

/// Why nobody may have been told. It reads on from "NOTIFY_COMMAND".
#[derive(Debug, Error)]
pub enum NotifyError {
    /// It could not be run.
    #[error("cannot be run: {0}")]
    Io(#[from] io::Error),
    /// It failed.
    #[error("ended with {status}{said}")]
    Failed {
        /// Its status.
        status: ExitStatus,
        /// The last lines that it printed, on lines of their own.
        said: String,
    },
    /// It was ended.
    #[error("was ended: it took longer than {} s", LIMIT.as_secs())]
    TimedOut,
}

/// Runs `command` with the `sh` of this machine, in the project.
///
/// # Errors
/// When it fails or takes too long. Everything that it has started is ended then.
pub fn run(command: &str, project: &Utf8Path, report: &Report, input: &str) -> Result<(), NotifyError> {
    let mut stdin = tempfile::tempfile()?;
    stdin.write_all(input.as_bytes())?;
    stdin.rewind()?;
    // A file, since something that it leaves running may hold a pipe open for ever.
    let mut printed = tempfile::tempfile()?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .current_dir(project)
        .stdin(stdin)
        .stdout(Stdio::from(printed.try_clone()?))
        .stderr(Stdio::from(printed.try_clone()?))
        // A ctrl-c that ends the deploy must not end the word about it.
        .process_group(0)
        .spawn()?;
    let status = wait(&mut child)?;
    let said = read(&mut printed)?;
    report.log(&format!("NOTIFY_COMMAND: {status}\n{}", said.trim_end()));
    if status.success() {
        return Ok(());
    }
    let said =
        tail(report.redact(&said).as_bytes(), SHOWN).iter().map(|line| format!("\n  {line}")).collect();
    Err(NotifyError::Failed { status, said })
}

fn wait(child: &mut Child) -> Result<ExitStatus, NotifyError> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // It fails when the group has ended just now, which is what is wanted.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    child.wait()?;
    Err(NotifyError::TimedOut)
}

fn read(printed: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    printed.rewind()?;
    printed.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
