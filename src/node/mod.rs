//! Controlling nodes: ping, version, start, stop and restart.
//!
//! `node.sh` has an adapter for each kind of start script; the kind is found on the host, not
//! configured.

mod command;
mod state;

pub use command::{NodeAction, command, time_limit};
pub use state::NodeState;
