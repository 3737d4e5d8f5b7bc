//! The project's repository, and its checkout on the build host.

mod files;
pub mod remote;
mod remotes;
pub mod repository;
pub mod ssh;

pub use remotes::SshRemote;
pub use repository::{GitError, Push, Repository};
