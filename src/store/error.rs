//! What can go wrong in a store.

use std::io;

use super::{RegistryError, S3Error};
use crate::release::ArchiveError;
use crate::transport::TransportError;

/// Why a store could not do what it was asked for. Each message has its cause in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store's directory or a file in it.
    #[error("cannot {action} in the release store: {cause}")]
    Io {
        /// What was tried, with the file.
        action: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The host that the store is on.
    #[error("cannot {action} in the release store {store}: {cause}")]
    Host {
        /// The store.
        store: String,
        /// What was tried, with the file.
        action: String,
        /// What went wrong.
        cause: Box<TransportError>,
    },
    /// The bucket that the store is.
    #[error("release store {store}: {cause}")]
    Bucket {
        /// The store.
        store: String,
        /// What went wrong.
        cause: Box<S3Error>,
    },
    /// The repository that the store is.
    #[error("release store {store}: {source}")]
    Repository {
        /// The store.
        store: String,
        /// What went wrong.
        source: Box<RegistryError>,
    },
    /// A stored archive is damaged or refused.
    #[error("{place}: {cause}")]
    Archive {
        /// Where it lies.
        place: String,
        /// What is wrong with it.
        cause: ArchiveError,
    },
    /// What was fetched is not what its manifest says.
    #[error(
        "{place} is not the archive that it was a moment ago: somebody has replaced or damaged it; run it again"
    )]
    Changed {
        /// Where it lies.
        place: String,
    },
}

impl StoreError {
    /// For `map_err`: the system refused to do `action`.
    pub(super) fn io<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| StoreError::Io { action, cause: source.into() }
    }
}

/// Why an archive did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum FillError<E> {
    /// Whoever gives the bytes failed.
    #[error(transparent)]
    Source(E),
    /// The store could not be written.
    #[error(transparent)]
    Store(StoreError),
    /// What arrived is damaged or refused.
    #[error(transparent)]
    Archive(ArchiveError),
}
