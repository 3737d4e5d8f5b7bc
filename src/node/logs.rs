//! The logs of a node, as they are written.

use crate::exit::Signal;
use crate::host::Lines;
use crate::host::agent::{self, PhaseError, Place, Request};
use crate::transport::{Session, Stdin, Stream, TransportError};

const SCRIPT: &str = concat!(
    include_str!("../host/agent/common.sh"),
    include_str!("node.sh"),
    include_str!("container.sh"),
    include_str!("logs.sh")
);

/// Nobody follows logs for longer than that, in seconds.
const LONGEST: u64 = 30 * 24 * 3600;

/// How much of the logs is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// How many lines to begin with.
    pub lines: u32,
    /// Whether to go on as more is written, until we are interrupted.
    pub follow: bool,
}

/// Hands the lines of the node's logs to `show`. Following them ends with ctrl-c: which signal it was
/// is returned.
///
/// # Errors
/// When there are none, or the link fails.
pub fn logs(
    session: &mut Session,
    place: &Place,
    range: LogRange,
    show: &mut dyn FnMut(&str),
) -> Result<Option<Signal>, PhaseError> {
    let host = session.addr().clone();
    let request = Request {
        script: SCRIPT,
        kept: None,
        verb: "logs",
        label: "logs",
        id: "-".to_owned(),
        args: vec![range.lines.to_string(), if range.follow { "follow" } else { "" }.to_owned()],
        profile: true,
        interruptible: true,
        time_limit: std::time::Duration::from_secs(LONGEST),
    };
    let nonce = agent::nonce();
    let (mut lines, mut refusal) = (Lines::default(), None);
    let mut take = |line: &str| match line.strip_prefix(&nonce) {
        Some(reason) => refusal = Some(reason.trim().to_owned()),
        None => show(line),
    };
    let ran = session.exec(&agent::command(place, &request, &nonce), Stdin::Empty, &mut |stream, bytes| {
        if stream == Stream::Stdout {
            lines.take(bytes, &mut take);
        }
    });
    lines.finish(&mut take);
    match (ran, refusal) {
        (_, Some(reason)) => Err(PhaseError::Failed { host, label: "logs", reason, notes: Vec::new() }),
        (Err(TransportError::Interrupted(signal)), None) if range.follow => Ok(Some(signal)),
        (Err(error), None) => Err(error.into()),
        (Ok(status), None) if status.success() => Ok(None),
        (Ok(status), None) => {
            let reason = format!("reading the logs ended with {status}");
            Err(PhaseError::Failed { host, label: "logs", reason, notes: Vec::new() })
        }
    }
}
