//! The system's OpenSSH as an engine: one master connection, over which every command goes.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::child;
use super::engine::{Engine, Sink};
use super::envelope::LINE;
use super::ssh_config::{SshConfig, Strictness, ssh_program};
use super::watch::Watch;
use super::{ConnectOptions, ExitStatus, HostAddr, TransportError};

/// The longest directory name that leaves room for a socket: `sun_path` has 104 bytes on some
/// systems, and ssh adds a random suffix while it binds.
const LONGEST_DIRECTORY: usize = 60;
/// What an OpenSSH login may take beyond the time to connect.
const LOGIN_TIME: Duration = Duration::from_secs(30);
/// What the master runs on the host: it says that the login is done and then lasts as long as our
/// end of its input, so that the connection ends with us however we end.
const KEEP: &str = "exec sh -c 'echo edeliver-ready; exec cat'";
const READY: &[u8] = b"edeliver-ready";

/// A connection of the system's `ssh`, or a share in one.
#[derive(Clone)]
pub(super) struct OpenSsh(Arc<Master>);

/// The connection itself.
struct Master {
    addr: HostAddr,
    master: Child,
    // Closing it ends the master.
    _lifeline: Option<ChildStdin>,
    forwarded_agent: Option<Utf8PathBuf>,
    socket: Utf8PathBuf,
    // Removed last.
    _dir: tempfile::TempDir,
}

impl OpenSsh {
    /// Logs in.
    ///
    /// # Errors
    /// [`TransportError::Connect`], [`TransportError::HostKey`], [`TransportError::Authentication`].
    pub(super) fn connect(
        addr: &HostAddr,
        options: &ConnectOptions,
        config: &SshConfig,
    ) -> Result<Self, TransportError> {
        let failed = |what: &str, error: io::Error| TransportError::Connect {
            host: addr.clone(),
            reason: format!("cannot {what}: {error}"),
        };
        let dir = private_directory().map_err(|error| failed("make a directory for the socket", error))?;
        let path = Utf8Path::from_path(dir.path())
            .ok_or_else(|| failed("use the temporary directory", io::Error::other("its name is no UTF-8")))?;
        let (socket, errors) = (path.join("s"), path.join("e"));
        let stderr =
            fs_err::File::create(&errors).map_err(|error| failed("make a file for messages", error))?;
        // What the configuration says about it also says which agent.
        let ask = options.forward_agent && !config.forward_agent;
        let mut master = master(addr, options, config, &socket)
            .args(ask.then_some("-A"))
            .args(["--", addr.host(), KEEP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(stderr.into_parts().0))
            .process_group(0)
            .spawn()
            .map_err(|error| failed("start ssh", error))?;
        let lifeline = master.stdin.take();
        if let Err(reason) = wait_until_ready(&mut master, options.timeout + LOGIN_TIME) {
            child::end(&mut master);
            let said = fs_err::read_to_string(&errors).unwrap_or_default();
            return Err(refusal(addr, config, said.trim(), reason));
        }
        let forwarded_agent = config.agent_socket().filter(|_| ask || config.forward_agent);
        let addr = addr.clone();
        Ok(Self(Arc::new(Master { addr, master, _lifeline: lifeline, forwarded_agent, socket, _dir: dir })))
    }
}

impl Master {
    /// A `ssh` that goes over the master, and never makes a connection of its own.
    fn client(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", "/dev/null", "-S", self.socket.as_str(), "-T"]);
        for option in ["ControlMaster=no", "ProxyCommand=false", "BatchMode=yes", "LogLevel=ERROR"] {
            command.args(["-o", option]);
        }
        if let Some(agent) = &self.forwarded_agent {
            command.arg("-A").env("SSH_AUTH_SOCK", agent);
        }
        command
    }

    /// Asks the master; its word tells a command that exited with 255 from a link that died.
    fn is_alive(&self) -> bool {
        let mut check = self.client();
        check.args(["-O", "check", "--", self.addr.host()]);
        check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        check.status().is_ok_and(|status| status.success())
    }
}

impl Engine for OpenSsh {
    fn run(
        &mut self,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError> {
        let mut client = self.0.client();
        client.args(["--", self.0.addr.host(), LINE]);
        let status = child::run(&mut client, input, sink, watch)?;
        match status.code() {
            Some(255) | None if !self.0.is_alive() => Err(TransportError::Lost {
                host: self.0.addr.clone(),
                reason: "the ssh connection has ended, or the host does not answer any more".to_owned(),
            }),
            code => Ok(ExitStatus::Code(code.unwrap_or(255))),
        }
    }

    fn share(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        child::end(&mut self.master);
    }
}

/// The command that makes the master connection.
fn master(addr: &HostAddr, options: &ConnectOptions, config: &SshConfig, socket: &Utf8Path) -> Command {
    let mut command = ssh_program(addr, options.ssh_config.as_deref());
    command.args(["-M", "-S", socket.as_str(), "-T"]);
    for option in [
        "BatchMode=yes",
        "ServerAliveInterval=3",
        "ServerAliveCountMax=3",
        "ControlPersist=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
        "LogLevel=ERROR",
        "EscapeChar=none",
    ] {
        command.args(["-o", option]);
    }
    let seconds = options.timeout.as_secs().max(1);
    command.args(["-o", &format!("ConnectTimeout={seconds}")]);
    if config.strictness != Strictness::Refuse {
        command.args(["-o", "StrictHostKeyChecking=accept-new"]);
    }
    command
}

/// Waits for the login; else says what happened instead.
fn wait_until_ready(master: &mut Child, limit: Duration) -> Result<(), String> {
    let Some(mut stdout) = master.stdout.take() else { return Err("ssh has no output".to_owned()) };
    let begin = Instant::now();
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        if child::is_readable(&stdout, Duration::from_millis(100)).map_err(|error| error.to_string())? {
            let length = stdout.read(&mut buffer).map_err(|error| error.to_string())?;
            if length == 0 {
                return Err("ssh ended without a word".to_owned());
            }
            said.extend_from_slice(&buffer[..length]);
            if said.windows(READY.len()).any(|window| window == READY) {
                return Ok(());
            }
        }
        if begin.elapsed() > limit {
            return Err(format!("no login within {} s", limit.as_secs()));
        }
    }
}

/// What `ssh` said, as an error.
fn refusal(addr: &HostAddr, config: &SshConfig, said: &str, otherwise: String) -> TransportError {
    let host = addr.clone();
    let line = |part: &str| said.lines().find(|line| line.contains(part)).map(str::trim);
    if let Some(reason) = line("Permission denied").or_else(|| line("Too many authentication failures")) {
        return TransportError::Authentication { host, tried: reason.to_owned() };
    }
    if let Some(last) = line("Host key verification failed") {
        let reason = line("host key for").or_else(|| line("host key is known")).unwrap_or(last);
        let file = line("Offending").and_then(|line| line.split_once(" in ")).map(|(_, file)| file);
        let first = || config.user_known_hosts.first().map(|file| file.as_str());
        let known_hosts = file.or_else(first).unwrap_or_default().to_owned();
        return TransportError::HostKey { host, known_hosts, reason: reason.to_owned() };
    }
    let reason = said.lines().last().map_or(otherwise, str::to_owned);
    TransportError::Connect { host, reason }
}

/// A directory that only the user can enter, with a name short enough.
fn private_directory() -> io::Result<tempfile::TempDir> {
    let usual = std::env::temp_dir();
    let parent = if usual.as_os_str().len() > LONGEST_DIRECTORY { "/tmp".into() } else { usual };
    tempfile::Builder::new().prefix("edeliver-").tempdir_in(parent)
}
