//! What keeps a connection alive while no command runs on it.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::turns::Turns;

/// Hosts that want signs of life (ClientAliveInterval) rarely want them more often.
const INTERVAL: Duration = Duration::from_secs(3);

/// Lets a link beat every few seconds, until dropped. While a command runs its own traffic does.
pub(super) struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts to beat.
    pub(super) fn of(link: &Arc<Turns>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let link = Arc::clone(link);
        let thread = std::thread::Builder::new().name("ssh heartbeat".to_owned()).spawn(move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                link.take().beat();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported, and there is nothing left to keep alive.
            let _ = thread.join();
        }
    }
}
