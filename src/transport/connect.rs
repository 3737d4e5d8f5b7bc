//! Which engine carries a session, and how it comes about.

use camino::Utf8Path;

use super::engine::Engine;
use super::libssh2::{KnownHosts, Libssh2, Refusal};
use super::local::Local;
use super::openssh::OpenSsh;
use super::ssh_config::SshConfig;
use super::{ConnectOptions, HostAddr, TransportError};

/// Connects to `addr` with the engine that the user's ssh configuration asks for: libssh2 where it
/// can do that, else the system's OpenSSH.
pub(super) fn connect(addr: &HostAddr, options: &ConnectOptions) -> Result<Box<dyn Engine>, TransportError> {
    if addr.is_local() {
        return Ok(Box::new(Local::new(addr)?));
    }
    let Some(config) = SshConfig::query(addr, options)? else {
        let config = SshConfig::without_ssh(addr);
        let known = KnownHosts::read(&config);
        return match Libssh2::connect(addr, options, &config, &known) {
            Ok(session) => Ok(Box::new(session)),
            Err(Refusal::Final(error) | Refusal::OpenSshMay(error)) => Err(error),
        };
    };
    let known = KnownHosts::read(&config);
    if wants_openssh(&config, options, &known) {
        return Ok(Box::new(OpenSsh::connect(addr, options, &config)?));
    }
    match Libssh2::connect(addr, options, &config, &known) {
        Ok(session) => Ok(Box::new(session)),
        Err(Refusal::Final(error)) => Err(error),
        Err(Refusal::OpenSshMay(first)) => match OpenSsh::connect(addr, options, &config) {
            Ok(session) => Ok(Box::new(session)),
            // It tried the same keys; the first error names them.
            Err(TransportError::Authentication { .. }) => Err(first),
            Err(error) => Err(error),
        },
    }
}

/// Whether the configuration asks for what libssh2 lacks.
fn wants_openssh(config: &SshConfig, options: &ConnectOptions, known: &KnownHosts) -> bool {
    let forwards = (options.forward_agent || config.forward_agent) && config.agent_socket().is_some();
    forwards
        || !config.beyond_libssh2.is_empty()
        || known.beyond_libssh2()
        || config.identity_files.iter().any(|file| is_certified(file) || is_hardware_key(file))
}

/// Whether ssh would present a certificate with this key.
fn is_certified(key: &Utf8Path) -> bool {
    Utf8Path::new(&format!("{key}-cert.pub")).exists()
}

/// Whether the key lives in a security key.
fn is_hardware_key(key: &Utf8Path) -> bool {
    // A key without its public half is none that we can tell; libssh2 will refuse it.
    std::fs::read_to_string(format!("{key}.pub")).is_ok_and(|text| text.starts_with("sk-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Interrupt;
    use crate::transport::ssh_config::AgentChoice;
    use std::time::Duration;

    /// Whether OpenSSH is chosen, for a user with one key.
    fn chosen(
        public: &str,
        certificate: bool,
        forward: bool,
        agent: bool,
        change: fn(&mut SshConfig),
    ) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let key = Utf8Path::from_path(dir.path()).unwrap().join("id");
        fs_err::write(format!("{key}.pub"), public).unwrap();
        if certificate {
            fs_err::write(format!("{key}-cert.pub"), "").unwrap();
        }
        let agent =
            if agent { AgentChoice::Socket(key.with_extension("pub")) } else { AgentChoice::Disabled };
        let mut config = SshConfig { identity_files: vec![key], agent, ..SshConfig::default() };
        change(&mut config);
        let options = ConnectOptions {
            ssh_config: None,
            timeout: Duration::from_secs(1),
            forward_agent: forward,
            interrupt: Interrupt::default(),
        };
        wants_openssh(&config, &options, &KnownHosts::read(&config))
    }

    #[test]
    fn openssh_carries_what_libssh2_lacks() {
        assert!(!chosen("ssh-ed25519 AAAA", false, false, true, |_| {}));
        assert!(!chosen("ssh-ed25519 AAAA", false, true, false, |_| {}));
        assert!(chosen("ssh-ed25519 AAAA", false, true, true, |_| {}));
        assert!(chosen("ssh-ed25519 AAAA", false, false, true, |config| config.forward_agent = true));
        assert!(chosen("sk-ssh-ed25519@openssh.com AAAA", false, false, false, |_| {}));
        assert!(chosen("ssh-ed25519 AAAA", true, false, false, |_| {}));
        assert!(chosen("ssh-ed25519 AAAA", false, false, false, |config| {
            config.beyond_libssh2.push("proxyjump bastion".to_owned());
        }));
    }
}
