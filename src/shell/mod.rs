//! The user's own bash: it evaluates configs that are more than static, and runs hooks, redefined
//! steps and custom strategies.
//!
//! One [`ShellHost`] per command: variables that change on one side are known on the other before
//! anything runs there. While a function runs it may ask us for steps and for scripts on hosts
//! ([`Requests`]). `compat/prelude.bash` is the other half of this room.

mod channel;
mod error;
mod host;
mod outcome;
mod outputs;
mod question;
mod requests;
mod told;
mod variables;

pub use error::ShellError;
pub use host::{ShellHost, ShellOptions};
pub use outcome::{CallOutcome, Ending, FailedCommand};
pub use requests::{NoRequests, Reach, RemoteScript, Reply, Requests};
pub use told::Defined;
pub use variables::{Value, Variables};
