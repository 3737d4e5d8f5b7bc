//! The console of a running node.

use std::time::Duration;

use crate::host::agent::{self, Place, Request};
use crate::transport::{ConnectOptions, ExitStatus, Session, TransportError, on_terminal};

const SCRIPT: &str = concat!(
    include_str!("../host/agent/common.sh"),
    include_str!("node.sh"),
    include_str!("container.sh"),
    include_str!("console.sh")
);

/// Opens the console of the node on our terminal, until the user leaves it.
///
/// # Errors
/// When it cannot be opened, or the link fails.
pub fn console(
    session: &mut Session,
    options: &ConnectOptions,
    place: &Place,
) -> Result<ExitStatus, TransportError> {
    let request = Request {
        script: SCRIPT,
        kept: None,
        verb: "console",
        label: "console",
        id: "-".to_owned(),
        args: Vec::new(),
        profile: true,
        interruptible: false,
        // The user ends it.
        time_limit: Duration::MAX,
    };
    on_terminal(session, options, &agent::command(place, &request, &agent::nonce()))
}
