//! Talking to a host: connect, run a command (also on our terminal), upload, download.
//!
//! One [`Session`] per host for a whole command. Four engines carry it: libssh2, the system's
//! OpenSSH (where the user's ssh configuration asks for what libssh2 lacks), `local`, which runs on
//! this machine, and docker's CLI, which runs in a container.

pub mod addr;
mod child;
pub mod command;
mod connect;
mod docker;
mod engine;
mod envelope;
pub mod error;
mod exit_status;
pub mod interrupt;
mod libssh2;
mod local;
mod openssh;
mod options;
mod outgoing;
pub mod path;
pub mod quote;
pub mod session;
mod ssh_config;
mod stdio;
mod terminal;
mod transfer;
mod watch;

pub use addr::{HostAddr, InvalidHostAddr};
pub use command::{Arg, RemoteCommand};
pub use error::TransportError;
pub use exit_status::ExitStatus;
pub use interrupt::Interrupt;
pub use options::ConnectOptions;
pub use path::{InvalidRemotePath, RemotePath};
pub use session::Session;
pub use stdio::{Output, Stdin, Stream};
pub use terminal::on_terminal;
