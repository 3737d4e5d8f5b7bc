//! A wire between a client and a host that can fall silent or break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Forwards every connection to a port of this machine.
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    silent: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Forwards to 127.0.0.1:`port`.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let proxy = Self { port: listener.local_addr().expect("its address").port(), wire: Arc::default() };
        let wire = Arc::clone(&proxy.wire);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                wire.join(&near, &far);
                wire.join(&far, &near);
            }
        });
        proxy
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing passes, and nobody is told.
    pub fn fall_silent(&self) {
        self.wire.state.lock().unwrap().silent = true;
    }

    /// Lets everything pass again, what was held back first.
    pub fn speak(&self) {
        self.wire.state.lock().unwrap().silent = false;
        self.wire.changed.notify_all();
    }

    /// Closes every connection that is open now.
    pub fn cut(&self) {
        for stream in self.wire.state.lock().unwrap().streams.drain(..) {
            // It may have been closed by its end before.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Wire {
    /// Copies what `from` says to `to`, on a thread of its own.
    fn join(self: &Arc<Self>, from: &TcpStream, to: &TcpStream) {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        self.state.lock().unwrap().streams.push(from.try_clone().unwrap());
        let wire = Arc::clone(self);
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let state = wire.state.lock().unwrap();
                drop(wire.changed.wait_while(state, |state| state.silent).unwrap());
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            // It may have been closed by its end before.
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
