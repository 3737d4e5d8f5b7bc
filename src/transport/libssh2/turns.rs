//! One link, and several commands on it at once.

use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::link::{Link, poll_socket};
use crate::transport::TransportError;

/// A link that several commands use in turn. Turns are given in the order in which they are asked
/// for: one who sends a lot gives way to others after each piece.
pub(super) struct Turns {
    link: Mutex<Link>,
    /// Whose turn it is, and how many have asked.
    order: Mutex<Order>,
    next: Condvar,
    /// To wait for the host while it is nobody's turn.
    socket: TcpStream,
}

#[derive(Default)]
struct Order {
    serving: u64,
    asked: u64,
}

/// The right to use the link. Whoever has left a packet half sent must keep it.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    link: MutexGuard<'a, Link>,
}

impl Turns {
    /// Shares a link, whose socket this is.
    pub(super) fn new(link: Link, socket: TcpStream) -> Self {
        Self { link: Mutex::new(link), order: Mutex::default(), next: Condvar::new(), socket }
    }

    /// Waits for the next turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = order.asked;
        order.asked += 1;
        while order.serving != mine {
            order = self.next.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
        drop(order);
        Turn { turns: self, link: self.link.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Waits until the host says something, at most `patience`, and asks a silent one whether it is
    /// there. What it says may be for somebody else.
    ///
    /// # Errors
    /// When the host has been silent for too long.
    pub(super) fn listen(&self, patience: Duration) -> Result<(), TransportError> {
        let begin = Instant::now();
        let ready = poll_socket(&self.socket, PollFlags::IN, patience);
        self.take().listened(ready, begin.elapsed().min(patience))
    }
}

impl Deref for Turn<'_> {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.order.lock().unwrap_or_else(PoisonError::into_inner).serving += 1;
        self.turns.next.notify_all();
    }
}
