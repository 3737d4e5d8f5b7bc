//! What can be wrong with an archive.

use std::io;

/// Why an archive is refused. Each message names the entry where there is one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file or stream that holds the archive could not be read.
    #[error("the archive cannot be read: {0}")]
    Unreadable(io::Error),
    /// No bytes at all.
    #[error("the archive is empty (0 bytes)")]
    Empty,
    /// Something else than a .tar.gz.
    #[error("the archive is not a gzip file")]
    NotGzip,
    /// It ends in the middle.
    #[error("the archive is truncated: it ends in the middle, after {bytes} bytes")]
    Truncated {
        /// The compressed bytes that were there.
        bytes: u64,
    },
    /// A checksum or a structure of the gzip or tar format is wrong.
    #[error("the archive is damaged: {reason}")]
    Damaged {
        /// What the decoder said.
        reason: String,
    },
    /// Data after the end of the archive.
    #[error("the archive is followed by data that is not part of it")]
    TrailingData,
    /// A whole archive without entries.
    #[error("the archive has no entries")]
    NoEntries,
    /// Unpacked, it is larger than any release.
    #[error("the archive unpacks to more than {limit} bytes: too much for a release, refused")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A small archive that unpacks to something huge.
    #[error("the archive unpacks to more than {ratio} times its size: refused as a decompression bomb")]
    Bomb {
        /// The limit.
        ratio: u64,
    },
    /// The header of an entry (its names) is larger than any file system allows.
    #[error("the archive has an entry whose header is larger than 1 MiB")]
    HugeHeader,
    /// A name that is not UTF-8 text.
    #[error("entry '{entry}' has a name that is not UTF-8")]
    NotUtf8 {
        /// The name, with its odd bytes replaced.
        entry: String,
    },
    /// A name or link target with a NUL character.
    #[error("entry '{entry}' has a NUL character in its name or target")]
    Nul {
        /// The name.
        entry: String,
    },
    /// A name that starts at the file system's root.
    #[error("entry '{entry}' has an absolute name")]
    AbsoluteName {
        /// The name.
        entry: String,
    },
    /// A name with `..`.
    #[error("entry '{entry}' has '..' in its name")]
    ParentInName {
        /// The name.
        entry: String,
    },
    /// An entry below something that is no directory.
    #[error("entry '{entry}' lies below '{through}', which is a link or a file of the archive")]
    ThroughEntry {
        /// The name.
        entry: String,
        /// The link or file.
        through: String,
    },
    /// A symbolic link to outside.
    #[error("entry '{entry}' is a symbolic link that leaves the release: -> '{target}'")]
    SymlinkLeaves {
        /// The name.
        entry: String,
        /// As written.
        target: String,
    },
    /// A hard link to what no earlier entry is.
    #[error("entry '{entry}' is a hard link to '{target}', which is no earlier file of the archive")]
    HardlinkTarget {
        /// The name.
        entry: String,
        /// As written.
        target: String,
    },
    /// A device, fifo, sparse file or another kind that no release has.
    #[error("entry '{entry}' is a {kind}: releases have files, directories and links only")]
    Unsupported {
        /// The name.
        entry: String,
        /// The kind.
        kind: &'static str,
    },
    /// The same path twice, as different things.
    #[error("entry '{entry}' is in the archive twice, as different things")]
    Conflict {
        /// The name.
        entry: String,
    },
}

impl ArchiveError {
    /// What the decoder said. It quotes the archive, which may hold what a terminal takes for orders.
    pub(super) fn damaged(error: &std::io::Error) -> Self {
        let said = error.to_string();
        let reason = said.chars().take(200).flat_map(|character| {
            let (shown, escaped) = match character.is_control() {
                true => (None, Some(character.escape_default())),
                false => (Some(character), None),
            };
            shown.into_iter().chain(escaped.into_iter().flatten())
        });
        Self::Damaged { reason: reason.collect() }
    }
}
