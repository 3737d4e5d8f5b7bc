//! A wire between a client and a host that can be long, fall silent or break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Forwards every connection to a port of this machine.
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    state: Mutex<State>,
    changed: Condvar,
    /// How long a byte is on its way.
    delay: Duration,
    /// Bytes from clients.
    sent: AtomicU64,
}

#[derive(Default)]
struct State {
    silent: bool,
    refuses: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Forwards to 127.0.0.1:`port`.
    pub fn to(port: u16) -> Self {
        Self::long(port, Duration::ZERO)
    }

    /// The same over a long way: what is said is heard this much later.
    pub fn long(port: u16, delay: Duration) -> Self {
        Self::at(Self::listener(), port, delay)
    }

    /// Where clients can connect to.
    pub fn listener() -> TcpListener {
        TcpListener::bind(("127.0.0.1", 0)).expect("a free port")
    }

    /// The same for clients that connect to this listener.
    pub fn at(listener: TcpListener, port: u16, delay: Duration) -> Self {
        let proxy = Self {
            port: listener.local_addr().expect("its address").port(),
            wire: Arc::new(Wire { delay, ..Wire::default() }),
        };
        let wire = Arc::clone(&proxy.wire);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let wire = Arc::clone(&wire);
                if wire.state.lock().unwrap().refuses {
                    continue;
                }
                std::thread::spawn(move || {
                    // Making a connection takes a round trip.
                    std::thread::sleep(delay * 2);
                    let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
                    wire.join(&near, &far, true);
                    wire.join(&far, &near, false);
                });
            }
        });
        proxy
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many bytes clients have sent to the host since this was asked the last time.
    pub fn sent(&self) -> u64 {
        self.wire.sent.swap(0, Ordering::Relaxed)
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

impl Proxy {
    /// Closes every connection, also those that are made from now on.
    pub fn refuse(&self) {
        self.wire.state.lock().unwrap().refuses = true;
        self.cut();
    }

    /// Takes connections again.
    pub fn accept(&self) {
        self.wire.state.lock().unwrap().refuses = false;
    }
}

impl Wire {
    /// Copies what `from` says to `to`, on threads of its own: one hears, the other one passes it on
    /// when its time has come.
    fn join(self: &Arc<Self>, from: &TcpStream, to: &TcpStream, outward: bool) {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        for stream in [&from, &to] {
            stream.set_nodelay(true).unwrap();
        }
        self.state.lock().unwrap().streams.push(from.try_clone().unwrap());
        // A short way holds next to nothing, so that nobody takes as sent what was not heard.
        let on_the_way = if self.delay.is_zero() { 1 } else { 256 };
        let (say, hear) = mpsc::sync_channel::<(Instant, Vec<u8>)>(on_the_way);
        let (near, far) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                if outward {
                    near.sent.fetch_add(length as u64, Ordering::Relaxed);
                }
                if say.send((Instant::now() + near.delay, buffer[..length].to_vec())).is_err() {
                    break;
                }
            }
        });
        std::thread::spawn(move || {
            for (due, bytes) in hear {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let state = far.state.lock().unwrap();
                drop(far.changed.wait_while(state, |state| state.silent).unwrap());
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
            // It may have been closed by its end before.
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
