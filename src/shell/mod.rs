//! The user's own bash: it evaluates configs that are more than static, and runs hooks, redefined
//! steps and custom strategies.
//!
//! One [`ShellHost`] per command: variables that change on one side are known on the other before
//! anything runs there. While a function runs it may ask us for steps and for scripts on hosts
//! ([`Requests`]). `compat/prelude.bash` is the other half of this room.

mod channel;
mod error;
mod hooks;
mod host;
pub mod names;
mod on_demand;
mod outcome;
mod outputs;
mod question;
mod requests;
mod script;
mod told;
pub mod traps;
mod variables;

pub use error::ShellError;
pub use hooks::{Hooks, Ran};
pub use host::{ShellHost, ShellOptions};
pub use on_demand::{OnDemand, bash_of};
pub use outcome::{CallOutcome, Ending, FailedCommand};
pub use requests::{NoRequests, Reach, RemoteScript, Reply, Requests};
pub use script::{Hosts, ScriptError, ScriptMode, Serving, Steps, check_hosts, run_script};
pub use told::Defined;
pub use variables::{Value, Variables};
