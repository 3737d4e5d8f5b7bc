//! The file names of archives in a store: `APP_VERSION.release.tar.gz`.

use std::fmt;

use super::Version;

/// What an archive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArchiveKind {
    /// A whole release, deployed with a restart.
    Release,
    /// A release with a relup, for a hot upgrade.
    Upgrade,
}

impl ArchiveKind {
    /// Both kinds.
    pub const ALL: [ArchiveKind; 2] = [ArchiveKind::Release, ArchiveKind::Upgrade];

    /// The word in file names and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            ArchiveKind::Release => "release",
            ArchiveKind::Upgrade => "upgrade",
        }
    }
}

/// The name of an archive in a store.
///
/// Ordered by version, so that a store lists 0.10.0 after 0.9.0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArchiveName {
    /// The version, with whatever the build appended to it.
    pub version: Version,
    /// What it is for.
    pub kind: ArchiveKind,
    /// The application.
    pub app: String,
}

impl ArchiveName {
    /// The name of `app`'s archive of this version and kind.
    pub fn new(app: &str, version: Version, kind: ArchiveKind) -> Self {
        Self { version, kind, app: app.to_owned() }
    }

    /// Reads the name of one of `app`'s archives. Nothing for any other file: the application must be
    /// known, since its name may contain the `_` that separates it from the version.
    pub fn parse(app: &str, file_name: &str) -> Option<Self> {
        let rest = file_name.strip_prefix(app)?.strip_prefix('_')?.strip_suffix(".tar.gz")?;
        ArchiveKind::ALL.into_iter().find_map(|kind| {
            let version = rest.strip_suffix(kind.as_str())?.strip_suffix('.')?.parse().ok()?;
            Some(Self::new(app, version, kind))
        })
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}.{}.tar.gz", self.app, self.version, self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for (app, file, version, kind) in [
            ("app", "app_1.0.0.release.tar.gz", "1.0.0", ArchiveKind::Release),
            ("my_app", "my_app_1.0.0.upgrade.tar.gz", "1.0.0", ArchiveKind::Upgrade),
            ("app", "app_1.2.3+82a5834-main.release.tar.gz", "1.2.3+82a5834-main", ArchiveKind::Release),
            ("app", "app_0.1.0-rc.1.release.tar.gz", "0.1.0-rc.1", ArchiveKind::Release),
        ] {
            let name = ArchiveName::parse(app, file).unwrap();
            assert_eq!((name.version.as_str(), name.kind), (version, kind), "{file}");
            assert_eq!(name.to_string(), file);
        }
    }

    #[test]
    fn other_files_are_no_archives() {
        for file in [
            "my_app_1.0.0.release.tar.gz",
            "app_1.0.0.tar.gz",
            "app_.release.tar.gz",
            "app_1.0.0.release.tar.gz.part",
            ".app_1.0.0.release.tar.gz.x",
            "app_1.0.0.appup.tar.gz",
            "app_..release.tar.gz",
            "app-1.0.0.release.tar.gz",
        ] {
            assert_eq!(ArchiveName::parse("app", file), None, "{file}");
        }
    }
}
