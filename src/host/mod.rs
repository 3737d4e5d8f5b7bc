//! Hosts: typed commands on them, in parallel, with errors that say what a person would want to know.

pub mod agent;
mod parallel;
mod step;

pub use parallel::{PARALLEL, each};
pub use step::{CommandFailed, HostError, run, tail};
