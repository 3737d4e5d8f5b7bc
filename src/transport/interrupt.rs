//! The signals that end a command in good order, as a value that long steps watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::exit::Signal;

/// Says whether the user (or the system) has asked the command to stop.
///
/// Clones share one state. Steps that must not be cut short (a rollback) do not look at it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// One that the process's SIGINT, SIGTERM and SIGHUP set.
    ///
    /// # Errors
    /// When the system refuses the signal registration.
    pub fn from_signals() -> std::io::Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(signal, Arc::clone(&interrupt.0), signal as usize)?;
        }
        Ok(interrupt)
    }

    /// The signal that came last, if one did.
    pub fn received(&self) -> Option<Signal> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            signal if signal == SIGINT as usize => Some(Signal::Interrupt),
            _ => Some(Signal::Terminate),
        }
    }

    /// Raises it by hand, as ctrl-c would.
    pub fn raise(&self) {
        self.0.store(SIGINT as usize, Ordering::SeqCst);
    }
}
