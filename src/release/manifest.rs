//! What is in an archive: every entry of the release with its checksum, independent of how it was packed.

use serde::{Deserialize, Serialize};

use super::{Platform, Sha256Sum};

/// The contents of an archive, as they were when it was read through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The checksum of the archive file itself.
    pub sha256: Sha256Sum,
    /// The size of the archive file in bytes.
    pub size: u64,
    /// How the entries' names stand in the archive.
    pub layout: Layout,
    /// The text of `releases/start_erl.data`, which names the ERTS and the release that boot.
    pub start_erl: Option<String>,
    /// What the release's own emulator needs of a host; none without one.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// The entries, sorted by path; no two have the same one.
    pub entries: Vec<ManifestEntry>,
}

/// How an archive names its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Every entry lies below a directory with the application's name; the manifest leaves it out.
    Prefixed(String),
    /// The entries start at the release root.
    Bare,
}

/// One entry of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Relative to the release root; its parts are never empty, `.` or `..`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of its contents.
        sha256: Sha256Sum,
        /// The permission bits, with setuid, setgid and sticky.
        mode: u32,
    },
    /// A directory that the archive lists; parents of entries may not be listed.
    Directory {
        /// The permission bits.
        mode: u32,
    },
    /// A symbolic link. It stays inside the release, see [`super::archive`].
    Symlink {
        /// As written.
        target: String,
    },
    /// Another name of a file.
    Hardlink {
        /// The path of the file, relative to the release root.
        target: String,
    },
}

impl Manifest {
    /// The directory in the archive that stands for the release's root; empty where there is none.
    pub fn prefix(&self) -> &str {
        match &self.layout {
            Layout::Prefixed(prefix) => prefix,
            Layout::Bare => "",
        }
    }

    /// The entry at `path`.
    pub fn get(&self, path: &str) -> Option<&EntryKind> {
        let found = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        Some(&self.entries[found].kind)
    }

    /// The paths of everything that is not a directory.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(|entry| !matches!(entry.kind, EntryKind::Directory { .. }))
            .map(|entry| entry.path.as_str())
    }

    /// The names directly inside `directory` (empty: the release root), sorted, whether the archive lists
    /// them or they only show as parents of other entries.
    pub fn children(&self, directory: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .entries
            .iter()
            .filter_map(|entry| match directory {
                "" => Some(entry.path.as_str()),
                _ => entry.path.strip_prefix(directory)?.strip_prefix('/'),
            })
            .map(|rest| rest.split('/').next().unwrap_or(rest))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether `path` is a directory, listed or not.
    pub fn is_directory(&self, path: &str) -> bool {
        match self.get(path) {
            Some(kind) => matches!(kind, EntryKind::Directory { .. }),
            None => !self.children(path).is_empty(),
        }
    }

    /// The bytes that the files take once unpacked.
    pub fn unpacked_size(&self) -> u64 {
        let size = |entry: &ManifestEntry| match entry.kind {
            EntryKind::File { size, .. } => size,
            _ => 0,
        };
        self.entries.iter().map(size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let (sha256, size) = Sha256Sum::of(&b"x"[..]).unwrap();
        let file = |path: &str| ManifestEntry {
            path: path.to_owned(),
            kind: EntryKind::File { size, sha256, mode: 0o644 },
        };
        Manifest {
            sha256,
            size: 1,
            layout: Layout::Bare,
            start_erl: None,
            platform: None,
            entries: vec![
                ManifestEntry { path: "bin".into(), kind: EntryKind::Directory { mode: 0o755 } },
                file("bin/app"),
                file("bin-old"),
                file("releases/1.0.0/start.boot"),
                file("releases/start_erl.data"),
            ],
        }
    }

    #[test]
    fn directories_show_even_when_the_archive_does_not_list_them() {
        let mut manifest = manifest();
        manifest.entries.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(manifest.children(""), ["bin", "bin-old", "releases"]);
        assert_eq!(manifest.children("releases"), ["1.0.0", "start_erl.data"]);
        assert!(manifest.is_directory("releases/1.0.0") && manifest.is_directory("bin"));
        assert!(!manifest.is_directory("bin-old") && !manifest.is_directory("lib"));
        assert_eq!(manifest.unpacked_size(), 4);
        assert_eq!(manifest.files().count(), 4);
    }

    #[test]
    fn survives_json() {
        let manifest = manifest();
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    }
}
