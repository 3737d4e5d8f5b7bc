//! Releases: versions, archive names, archives and their manifests.

pub mod version;

pub use version::Version;
