//! Upgrade archives: a release with a relup, the instructions that take a running node to it.

use super::{Manifest, Version};

/// Why an archive is no upgrade.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnUpgrade {
    /// No version has a relup.
    #[error("the archive has no releases/VERSION/relup: it is no upgrade, but a release")]
    NoRelup,
    /// Several have.
    #[error("the archive has relups of several versions: {}", .0.join(", "))]
    Several(Vec<String>),
    /// A version that no host could have as a directory.
    #[error(transparent)]
    Version(#[from] super::version::InvalidVersion),
}

/// The relup's path in a release.
pub fn relup_path(version: &Version) -> String {
    format!("releases/{version}/relup")
}

impl Manifest {
    /// The version that the upgrade in the archive leads to: the one that has a relup. Of several (an
    /// archive of distillery may hold older upgrades) it is the one that the archive is `named` after.
    ///
    /// # Errors
    /// When there is none, or several and none of that name.
    pub fn upgrade_version(&self, named: &Version) -> Result<Version, NotAnUpgrade> {
        if self.get(&relup_path(named)).is_some() {
            return Ok(named.clone());
        }
        let children = self.children("releases");
        let with_relup = children.iter().filter(|name| self.get(&format!("releases/{name}/relup")).is_some());
        match with_relup.collect::<Vec<_>>().as_slice() {
            [] => Err(NotAnUpgrade::NoRelup),
            [version] => Ok(version.parse()?),
            several => {
                Err(NotAnUpgrade::Several(several.iter().map(|version| (**version).to_owned()).collect()))
            }
        }
    }
}
