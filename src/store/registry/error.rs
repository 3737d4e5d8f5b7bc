//! What can go wrong between us and a registry.

use std::io;

use crate::exit::Signal;

/// Why a registry did not do what it was asked for. What could be repeated has been.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, or the connection breaks again and again.
    #[error("{server} cannot be reached or breaks the connection (tried {tries} times): {reason}")]
    Unreachable {
        /// The registry.
        server: String,
        /// How often it was tried.
        tries: u32,
        /// What was seen last.
        reason: String,
    },
    /// It wants credentials, and there are none.
    #[error(
        "{server} wants to know who asks: run 'docker login{}', or set DOCKER_REGISTRY_TOKEN (Docker Hub: DOCKER_HUB_ACCESS_TOKEN)", .login
    )]
    Anonymous {
        /// The registry.
        server: String,
        /// What `docker login` is told, with a space before it; empty for Docker Hub.
        login: String,
    },
    /// It does not take the credentials.
    #[error("{server} does not take the credentials of {origin}")]
    Credentials {
        /// The registry.
        server: String,
        /// Where they come from.
        origin: String,
    },
    /// The credentials are good for other things.
    #[error("{server} does not let the credentials of {origin} {action} in {repository}")]
    Denied {
        /// The registry.
        server: String,
        /// Where they come from.
        origin: String,
        /// What was tried.
        action: String,
        /// The repository.
        repository: String,
    },
    /// There is no such repository, and the registry does not make one.
    #[error("{server} has no repository {repository}, and does not let us make it")]
    NoRepository {
        /// The registry.
        server: String,
        /// The repository.
        repository: String,
    },
    /// Refused for another reason.
    #[error("{server} refuses to {action}: {reason} ({status})")]
    Refused {
        /// The registry.
        server: String,
        /// What was tried.
        action: String,
        /// Its reason.
        reason: String,
        /// The HTTP status.
        status: u16,
    },
    /// It answers what no registry answers.
    #[error("what {server} answers cannot be read, to {action}: {reason}")]
    Unreadable {
        /// The server.
        server: String,
        /// What was tried.
        action: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else is there than was put there, or came than is there.
    #[error("{server}: {reason}")]
    Damaged {
        /// The registry.
        server: String,
        /// What differs.
        reason: String,
    },
    /// What `docker login` has left cannot be read.
    #[error("the credentials of 'docker login': {0}")]
    Login(String),
    /// A file of this machine.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted(Signal),
}
