//! Connections that come about while the archive is still being read.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::host::limit;
use crate::transport::{ConnectOptions, HostAddr, Session, TransportError};

/// Connections on their way, one a host.
pub struct Ahead(Mutex<Vec<Connecting>>);

struct Connecting {
    addr: HostAddr,
    thread: JoinHandle<Result<Session, TransportError>>,
}

impl Ahead {
    /// Begins to connect to as many of the hosts as are worked on at a time.
    pub fn connect(hosts: &[HostAddr], options: &ConnectOptions) -> Self {
        let connecting = hosts.iter().take(limit()).map(|addr| {
            let (host, options) = (addr.clone(), options.clone());
            let thread = std::thread::spawn(move || Session::connect(&host, &options));
            Connecting { addr: addr.clone(), thread }
        });
        Self(Mutex::new(connecting.collect()))
    }

    /// The connection to this host, once it has come about; nothing where none was begun, or where it was
    /// taken before.
    pub(super) fn take(&self, addr: &HostAddr) -> Option<Result<Session, TransportError>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = all.iter().position(|connecting| connecting.addr == *addr)?;
        let thread = all.swap_remove(index).thread;
        drop(all);
        thread.join().ok()
    }
}
