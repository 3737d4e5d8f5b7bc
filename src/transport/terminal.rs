//! Commands that need a terminal of their own: ours becomes theirs.

use std::io;
use std::process::{Child, Command};
use std::time::Duration;

use super::local::Local;
use super::ssh_config::ssh_program;
use super::{ConnectOptions, ExitStatus, HostAddr, RemoteCommand, Session, Stdin, TransportError};
use crate::exit::Signal;

/// Puts a script on the host.
const PLACE: &str = include_str!("place_script.sh");
/// How long that may take.
const PLACE_LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked whether we are asked to end.
const GLANCE: Duration = Duration::from_millis(50);

/// Runs a command of the host on our terminal: with its size, and with ctrl-c going to the command. The
/// system's `ssh` carries it, whatever carries `session`.
///
/// # Errors
/// When the command cannot be put on the host, there is no `ssh`, or we are asked to end.
pub fn on_terminal(
    session: &mut Session,
    options: &ConnectOptions,
    command: &RemoteCommand,
) -> Result<ExitStatus, TransportError> {
    let host = session.addr().clone();
    let line = place(session, command)?;
    let mut program = program(&host, options, &line)?;
    let mut child = program.spawn().map_err(|error| TransportError::Lost {
        host: host.clone(),
        reason: format!("cannot run {}: {error}", program.get_program().display()),
    })?;
    wait(&mut child, options).map_err(|source| TransportError::Io { host, source })?
}

/// The program of this machine whose terminal is the command's.
fn program(host: &HostAddr, options: &ConnectOptions, line: &str) -> Result<Command, TransportError> {
    if host.is_local() {
        let mut shell = Local::new(host)?.shell();
        shell.args(["-c", line]);
        return Ok(shell);
    }
    let mut ssh = ssh_program(host, options.ssh_config.as_deref());
    ssh.arg("-tt");
    for option in ["LogLevel=ERROR", "ClearAllForwardings=yes", "RemoteCommand=none"] {
        ssh.args(["-o", option]);
    }
    ssh.args(["-o", &format!("ConnectTimeout={}", options.timeout.as_secs().max(1))]);
    ssh.args(["--", host.host(), line]);
    Ok(ssh)
}

/// Puts the command on the host and returns the line that runs it, which any login shell reads alike.
fn place(session: &mut Session, command: &RemoteCommand) -> Result<String, TransportError> {
    let (shell, script) = match command.profile_to_read() {
        Some(profile) => ("bash", format!("{}\n{}", profile.to_script(), command.to_script())),
        None => ("sh", command.to_script()),
    };
    let put = RemoteCommand::script(PLACE).arg(shell).deadline(PLACE_LIMIT);
    let output = session.output(&put, Stdin::Bytes(script.as_bytes()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let plain = |word: &&str| {
        word.starts_with('/') && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c))
    };
    match printed.lines().filter(plain).collect::<Vec<_>>()[..] {
        [shell, file] if output.status.success() => Ok(format!("exec {shell} {file}")),
        _ => Err(TransportError::Remote {
            host: session.addr().clone(),
            command: put.display().into(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().into(),
        }),
    }
}

/// Waits for its end. Ctrl-c is the command's own business; `kill` is ours.
fn wait(child: &mut Child, options: &ConnectOptions) -> io::Result<Result<ExitStatus, TransportError>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(ExitStatus::Code(status.code().unwrap_or(255))));
        }
        if options.interrupt.received() == Some(Signal::Terminate) {
            child.kill()?;
            child.wait()?;
            return Ok(Err(TransportError::Interrupted(Signal::Terminate)));
        }
        std::thread::sleep(GLANCE);
    }
}
