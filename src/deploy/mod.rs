//! The deploy transaction: all hosts verified on the new release, or every host back as it was.
//!
//! `agent/` is the host's side, one POSIX script; the rest decides and watches. See `DESIGN.md`.

mod call;
mod claim;
mod error;
mod examine;
mod failed;
mod history;
pub mod image;
mod job;
mod payload;
mod phase;
mod plan;
mod preflight;
mod preview;
mod pull;
mod recover;
mod replica;
mod rolling;
mod state;
mod survey;
mod target;
mod transaction;
mod wanted;

pub use claim::Claim;
pub use error::TargetError;
pub use examine::{ExamineError, Examined};
pub use failed::Failed;
pub use history::{Ending, HistoryEntry};
pub use job::{Job, Offline, Start};
pub use preview::{NodeChange, Preview};
pub use recover::Recovered;
pub use replica::{OwnSteps, Replicated, UnpackedBy};
pub use rolling::{Canary, Rolling};
pub use state::{Holder, HostState, LastDeploy, Unfinished};
pub use target::Target;
pub use transaction::{Deploy, Opened, Staged, Switched, Verified};
