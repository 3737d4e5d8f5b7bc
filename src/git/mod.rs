//! The project's repository, and its checkout on the build host.

pub mod remote;
pub mod repository;
pub mod ssh;

pub use repository::{GitError, Push, Repository};
