//! The project's repository, and its checkout on the build host.

mod files;
pub mod remote;
pub mod repository;
pub mod ssh;

pub use repository::{GitError, Push, Repository};
