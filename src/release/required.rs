//! `REQUIRED_FILES`: what the project says must be in its release.

use globset::{GlobBuilder, GlobMatcher};

use super::Manifest;

/// Globs, each of which must match a file of the release. `*` stays within a directory, `**` does not.
///
/// An asset compiler that fails with exit status 0 is why projects want this.
#[derive(Debug, Clone, Default)]
pub struct RequiredFiles(Vec<GlobMatcher>);

/// A glob that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("REQUIRED_FILES: {0}")]
pub struct InvalidGlob(#[from] globset::Error);

/// Files that the project requires are not in the release.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the release lacks what REQUIRED_FILES asks for: {}", .0.join(", "))]
pub struct MissingFiles(pub Vec<String>);

impl RequiredFiles {
    /// Reads the globs.
    ///
    /// # Errors
    /// When one is no glob.
    pub fn parse(globs: &[String]) -> Result<Self, InvalidGlob> {
        let matcher = |glob: &String| {
            let glob = glob.strip_prefix("./").unwrap_or(glob);
            Ok(GlobBuilder::new(glob).literal_separator(true).build()?.compile_matcher())
        };
        globs.iter().map(matcher).collect::<Result<_, _>>().map(Self)
    }

    /// Checks that each glob matches a file.
    ///
    /// # Errors
    /// Naming the globs that match none.
    pub fn check(&self, manifest: &Manifest) -> Result<(), MissingFiles> {
        let missing: Vec<String> = self
            .0
            .iter()
            .filter(|glob| !manifest.files().any(|path| glob.is_match(path)))
            .map(|glob| glob.glob().glob().to_owned())
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(MissingFiles(missing)) }
    }
}
