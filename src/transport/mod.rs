//! Talking to a host: connect, run a command, upload, download.
//!
//! One [`Session`] per host for a whole command. Three engines carry it: libssh2, the system's
//! OpenSSH (where the user's ssh configuration asks for what libssh2 lacks), and `local`, which
//! runs on this machine.

pub mod addr;
pub mod command;
pub mod error;
pub mod interrupt;
pub mod path;
pub mod quote;
pub mod session;

pub use addr::HostAddr;
pub use command::{Arg, RemoteCommand};
pub use error::TransportError;
pub use interrupt::Interrupt;
pub use path::RemotePath;
pub use session::{ConnectOptions, ExitStatus, Output, Session, Stdin, Stream};
