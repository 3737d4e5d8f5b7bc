//! Sessions with the hosts of a test, and what is said over them.

use std::time::Duration;

use edeliver::transport::{ConnectOptions, ExitStatus, Interrupt, Output, Session, TransportError};

use super::sshd::{Client, Sshd};

/// A host that the client reaches with OpenSSH: libssh2 cannot be told an address family.
pub fn via_openssh(client: &Client, alias: &str) -> Sshd {
    let host = Sshd::start(client, "host-itself");
    client.add_alias(alias, host.port(), "AddressFamily inet");
    host
}

pub fn options(client: &Client) -> ConnectOptions {
    ConnectOptions {
        ssh_config: Some(client.config()),
        timeout: Duration::from_secs(10),
        forward_agent: false,
        interrupt: Interrupt::default(),
    }
}

pub fn connect(client: &Client, host: &str) -> Result<(Session, Interrupt), TransportError> {
    let options = options(client);
    let session = Session::connect(&host.parse().unwrap(), &options)?;
    Ok((session, options.interrupt))
}

pub fn refused(client: &Client, host: &str) -> TransportError {
    match connect(client, host) {
        Ok(_) => panic!("{host} was connected"),
        Err(error) => error,
    }
}

pub fn ended(code: i32, stdout: &str) -> Output {
    Output { status: ExitStatus::Code(code), stdout: stdout.as_bytes().to_vec(), stderr: Vec::new() }
}

/// Bytes that do not compress, the same ones each time (xorshift).
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
