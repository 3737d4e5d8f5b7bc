//! What can go wrong in a store.

use std::io;

use camino::Utf8PathBuf;

use crate::release::ArchiveError;

/// Why a store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A kind of store that comes later.
    // Not as written: an S3 store has its secret in its name.
    #[error("RELEASE_STORE: only a directory on this machine is supported so far")]
    NotBuilt,
    /// The store's directory or a file in it.
    #[error("cannot {action} in the release store: {source}")]
    Io {
        /// What was tried, with the file.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// A stored archive is damaged or refused.
    #[error("{path}: {source}")]
    Archive {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: ArchiveError,
    },
}

impl StoreError {
    /// For `map_err`: the system refused to do `action`.
    pub(super) fn io<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| StoreError::Io { action, source: source.into() }
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
