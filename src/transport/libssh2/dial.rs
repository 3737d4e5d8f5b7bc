//! The TCP connection under an ssh session.

use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustix::net::sockopt;

/// How long sent data may stay without an acknowledgement before the system gives the link up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// A silent link is probed by the system after this, and so often.
const PROBE: Duration = Duration::from_secs(15);

/// Connects to the first address of `host` that takes the connection; tries each for `timeout`.
///
/// # Errors
/// In words, what became of it.
pub(super) fn dial(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, String> {
    let addresses: Vec<_> = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("the name {host} has no address: {error}"))?
        .collect();
    let mut reason = format!("the name {host} has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout).and_then(tuned) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                reason = match error.kind() {
                    ErrorKind::ConnectionRefused => format!("{address} refuses: no ssh server listens there"),
                    ErrorKind::TimedOut => {
                        format!("{address} does not answer within {} s", timeout.as_secs_f32())
                    }
                    _ => format!("{address}: {error}"),
                }
            }
        }
    }
    Err(reason)
}

fn tuned(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(&stream, millis)?;
        sockopt::set_tcp_keepidle(&stream, PROBE)?;
        sockopt::set_tcp_keepintvl(&stream, PROBE)?;
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn says_what_became_of_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(dial("127.0.0.1", port, Duration::from_secs(3)).is_ok());
        drop(taken);
        let refused = dial("127.0.0.1", port, Duration::from_secs(3)).unwrap_err();
        assert!(refused.contains("refuses"), "{refused}");
        let nameless = dial("no-such-host.invalid", 22, Duration::from_secs(3)).unwrap_err();
        assert!(nameless.contains("has no address"), "{nameless}");
    }
}
