//! The deploy transaction: all hosts verified on the new release, or every host back as it was.
//!
//! `agent/` is the host's side, one POSIX script; the rest decides and watches. See `DESIGN.md`.

mod job;
mod payload;
mod phase;
mod plan;
mod survey;
mod target;
mod transaction;
mod wanted;

pub use job::Job;
pub use target::{Target, TargetError};
pub use transaction::{Deploy, Failed, Opened, Staged, Switched, Verified};
