//! Releases: versions, archive names, archives and their manifests.

pub mod archive;
pub mod boot;
pub mod checksum;
mod links;
pub mod manifest;
pub mod name;
pub mod platform;
pub mod relup;
pub mod required;
pub mod sources;
pub mod term;
pub mod version;

pub use archive::{
    ArchiveError, ArchiveFile, ArchiveReader, ArchiveSource, Limits, image_layer, pack_directory,
    read_archive, read_member, replace_member, unpack,
};
pub use boot::{BootFacts, ExpectedErts, NotBootable};
pub use checksum::Sha256Sum;
pub use manifest::{EntryKind, Layout, Manifest, ManifestEntry};
pub use name::{ArchiveKind, ArchiveName};
pub use platform::{Libc, Platform};
pub use relup::{BadRelup, NotAnUpgrade, Relup};
pub use required::RequiredFiles;
pub use sources::{Raised, SourceFile};
pub use version::Version;
