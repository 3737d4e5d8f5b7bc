//! libssh2 as an engine.

mod auth;
mod channel;
mod dial;
mod heartbeat;
mod known_hosts;
mod link;
mod turns;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ssh2::MethodType;

use super::engine::{Engine, Sink};
use super::ssh_config::{SshConfig, Strictness};
use super::watch::Watch;
use super::{ConnectOptions, ExitStatus, HostAddr, TransportError};
use heartbeat::Heartbeat;
pub(super) use known_hosts::KnownHosts;
use known_hosts::Verdict;
use link::Link;
use turns::Turns;

/// How long a host may take over each step of a login.
const LOGIN_STEP: Duration = Duration::from_secs(15);
/// Seconds between signs of life, see [`link`].
const KEEPALIVE: u32 = 3;

/// A connection of libssh2, or a share in one.
#[derive(Clone)]
pub(super) struct Libssh2 {
    link: Arc<Turns>,
    _heartbeat: Arc<Heartbeat>,
}

/// Why there is no connection.
pub(super) enum Refusal {
    /// Nothing else would connect either.
    Final(TransportError),
    /// OpenSSH knows more methods, and may.
    OpenSshMay(TransportError),
}

impl Libssh2 {
    /// Connects, checks the host's key, logs in.
    pub(super) fn connect(
        addr: &HostAddr,
        options: &ConnectOptions,
        config: &SshConfig,
        known: &KnownHosts,
    ) -> Result<Self, Refusal> {
        let failed = |reason| TransportError::Connect { host: addr.clone(), reason };
        let socket = dial::dial(&config.hostname, config.port, options.timeout)
            .map_err(|reason| Refusal::Final(failed(reason)))?;
        let unusable =
            |error: io::Error| Refusal::Final(failed(format!("cannot use the connection: {error}")));
        let link_socket = socket.try_clone().map_err(unusable)?;
        let shared_socket = socket.try_clone().map_err(unusable)?;
        let broken = |error: ssh2::Error| Refusal::OpenSshMay(failed(error.message().to_owned()));
        let mut session = ssh2::Session::new().map_err(broken)?;
        session.set_timeout(millis(options.timeout));
        session.set_tcp_stream(socket);
        prefer_known_keys(&session, config, known).map_err(broken)?;
        session.handshake().map_err(|error| handshake_failure(addr, options, &error))?;
        check_host_key(&session, addr, config, known)?;
        session.set_timeout(millis(LOGIN_STEP));
        auth::authenticate(&session, config).map_err(|tried| {
            Refusal::OpenSshMay(TransportError::Authentication { host: addr.clone(), tried })
        })?;
        session.set_keepalive(true, KEEPALIVE);
        session.set_blocking(false);
        let link = Arc::new(Turns::new(Link::new(session, link_socket, addr.clone()), shared_socket));
        let heartbeat = Arc::new(Heartbeat::of(&link).map_err(unusable)?);
        Ok(Self { link, _heartbeat: heartbeat })
    }
}

impl Engine for Libssh2 {
    fn run(
        &mut self,
        input: &mut dyn Read,
        sink: &mut Sink<'_>,
        watch: &Watch<'_>,
    ) -> Result<ExitStatus, TransportError> {
        channel::run(&self.link, input, sink, watch)
    }

    fn share(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// Asks the host for a key of a kind that is known for it: a host known by one kind of key would
/// look unknown with another.
fn prefer_known_keys(
    session: &ssh2::Session,
    config: &SshConfig,
    known: &KnownHosts,
) -> Result<(), ssh2::Error> {
    let kinds = known.kinds(session, &config.known_name())?;
    let methods: Vec<_> = kinds
        .iter()
        .flat_map(|kind| match kind.as_str() {
            "ssh-rsa" => vec!["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
            kind => vec![kind],
        })
        .collect();
    let supported = session.supported_algs(MethodType::HostKey)?;
    if methods.iter().any(|method| supported.contains(method)) {
        session.method_pref(MethodType::HostKey, &methods.join(","))?;
    }
    Ok(())
}

fn handshake_failure(addr: &HostAddr, options: &ConnectOptions, error: &ssh2::Error) -> Refusal {
    const TIMEOUT: ssh2::ErrorCode = ssh2::ErrorCode::Session(-9);
    let host = addr.clone();
    if error.code() == TIMEOUT {
        let seconds = options.timeout.as_secs_f32();
        let reason = format!("it took the connection, but said nothing for {seconds} s");
        return Refusal::Final(TransportError::Connect { host, reason });
    }
    let reason = format!("no ssh connection comes about: {}", error.message());
    Refusal::OpenSshMay(TransportError::Connect { host, reason })
}

fn check_host_key(
    session: &ssh2::Session,
    addr: &HostAddr,
    config: &SshConfig,
    known: &KnownHosts,
) -> Result<(), Refusal> {
    let name = config.known_name();
    let refuse = |known_hosts: &str, reason| {
        let known_hosts = known_hosts.to_owned();
        Err(Refusal::Final(TransportError::HostKey { host: addr.clone(), known_hosts, reason }))
    };
    let failed = |reason| Refusal::OpenSshMay(TransportError::Connect { host: addr.clone(), reason });
    let first = config.user_known_hosts.first();
    let verdict = known
        .verdict(session, &name)
        .map_err(|error| failed(format!("its host key cannot be checked: {}", error.message())))?;
    match (verdict, config.strictness, first) {
        (Verdict::Known, _, _) => Ok(()),
        (Verdict::Changed { file, kind }, _, _) => refuse(
            file.as_str(),
            format!(
                "it shows another {kind} key than the one that is known. Someone may be in between; if the \
                 host was set up anew, remove the old key with: ssh-keygen -f {file} -R '{name}'"
            ),
        ),
        (Verdict::Unknown { .. }, Strictness::Refuse, file) => refuse(
            file.map_or("known_hosts", |file| file.as_str()),
            format!(
                "{name} is not in it, and StrictHostKeyChecking is on; connect once with ssh, or add its key"
            ),
        ),
        // A file that cannot be written makes the next contact a first one again, as with ssh.
        (Verdict::Unknown { line }, _, Some(file)) => {
            let _ = known_hosts::add(file, &line);
            Ok(())
        }
        (Verdict::Unknown { .. }, _, None) => Ok(()),
    }
}
