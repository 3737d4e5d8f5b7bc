//! Hosts: our side of a host as a script, many hosts at once, and who holds a lock there.

pub mod agent;
mod facts;
mod lines;
mod owner;
mod parallel;
mod tail;

pub use facts::{BROKEN, Facts, FactsError};
pub use lines::Lines;
pub use owner::{InvalidOwner, Liveness, LockOwner};
pub use parallel::{each, each_then, limit_to};
pub use tail::tail;
