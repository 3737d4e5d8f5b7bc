//! The rules that the entries of an archive must keep as a whole.

use std::collections::{BTreeMap, HashSet};

use super::ArchiveError;
use super::entry::{Contents, Entry};
use crate::release::{EntryKind, Layout, ManifestEntry, links};

/// The entries by path, each checked against the earlier ones.
#[derive(Default)]
struct Tree {
    entries: BTreeMap<String, EntryKind>,
    /// Files that a hard link shares: they cannot be replaced any more.
    shared: HashSet<String>,
}

/// Decides the layout of an archive of `app` and checks its entries (in their order) against each other.
pub(super) fn arrange(app: &str, entries: Vec<Entry>) -> Result<(Layout, Vec<ManifestEntry>), ArchiveError> {
    let layout = layout_of(app, &entries);
    let mut tree = Tree::default();
    for entry in entries {
        // The release root itself: `./` or `APP/`.
        if let Some(path) = strip(&layout, &entry.path).filter(|path| !path.is_empty()) {
            tree.add(&layout, path, entry.contents)?;
        }
    }
    if tree.entries.is_empty() {
        return Err(ArchiveError::NoEntries);
    }
    tree.check_parents()?;
    tree.check_symlinks()?;
    let entries = tree.entries.into_iter().map(|(path, kind)| ManifestEntry { path, kind }).collect();
    Ok((layout, entries))
}

/// An archive is prefixed when everything in it lies below a directory `APP`.
fn layout_of(app: &str, entries: &[Entry]) -> Layout {
    let below = |entry: &Entry| {
        let rest = entry.path.strip_prefix(app);
        match rest {
            Some("") => matches!(entry.contents, Contents::Directory { .. }),
            Some(rest) => rest.starts_with('/'),
            // `./` itself may stand before `./APP/`.
            None => entry.path.is_empty(),
        }
    };
    match entries.iter().any(|entry| !entry.path.is_empty()) && entries.iter().all(below) {
        true => Layout::Prefixed(app.to_owned()),
        false => Layout::Bare,
    }
}

/// `path` relative to the release root; nothing when it lies outside.
fn strip<'a>(layout: &Layout, path: &'a str) -> Option<&'a str> {
    match layout {
        Layout::Bare => Some(path),
        Layout::Prefixed(app) => match path.strip_prefix(app.as_str())? {
            "" => Some(""),
            rest => rest.strip_prefix('/'),
        },
    }
}

impl Tree {
    fn add(&mut self, layout: &Layout, path: &str, contents: Contents) -> Result<(), ArchiveError> {
        let kind = match contents {
            Contents::File { size, sha256, mode } => {
                let sha256 = sha256.wait().map_err(ArchiveError::Unreadable)?;
                EntryKind::File { size, sha256, mode }
            }
            Contents::Directory { mode } => EntryKind::Directory { mode },
            Contents::Symlink { target } => EntryKind::Symlink { target },
            Contents::Hardlink { target } => {
                let file = strip(layout, &target).filter(|file| {
                    matches!(self.entries.get(*file), Some(EntryKind::File { .. })) && *file != path
                });
                let Some(file) = file else {
                    return Err(ArchiveError::HardlinkTarget { entry: path.to_owned(), target });
                };
                self.shared.insert(file.to_owned());
                EntryKind::Hardlink { target: file.to_owned() }
            }
        };
        let same = |earlier: &EntryKind| std::mem::discriminant(earlier) == std::mem::discriminant(&kind);
        let conflict =
            self.shared.contains(path) || self.entries.get(path).is_some_and(|earlier| !same(earlier));
        if conflict {
            return Err(ArchiveError::Conflict { entry: path.to_owned() });
        }
        // Of two equal kinds the last one wins, as when tar unpacks them.
        self.entries.insert(path.to_owned(), kind);
        Ok(())
    }

    /// Every entry lies in directories only, whatever the order in the archive is.
    fn check_parents(&self) -> Result<(), ArchiveError> {
        for path in self.entries.keys() {
            for (end, _) in path.match_indices('/') {
                if let Some(kind) = self.entries.get(&path[..end])
                    && !matches!(kind, EntryKind::Directory { .. })
                {
                    let (entry, through) = (path.clone(), path[..end].to_owned());
                    return Err(ArchiveError::ThroughEntry { entry, through });
                }
            }
        }
        Ok(())
    }

    /// Every symbolic link stays inside the release, also through other links.
    fn check_symlinks(&self) -> Result<(), ArchiveError> {
        let link_at = |path: &str| match self.entries.get(path) {
            Some(EntryKind::Symlink { target }) => Some(target.as_str()),
            _ => None,
        };
        for (path, kind) in &self.entries {
            if let EntryKind::Symlink { target } = kind
                && links::destination(path, link_at).is_none()
                && !is_linked_configuration(path, target)
            {
                return Err(ArchiveError::SymlinkLeaves { entry: path.clone(), target: target.clone() });
            }
        }
        Ok(())
    }
}

/// LINK_SYS_CONFIG and LINK_VM_ARGS (PARITY.md section 4) put links to files of the host into a release:
/// the only ones that may be absolute.
fn is_linked_configuration(path: &str, target: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["releases", _, "sys.config" | "vm.args"]) && target.starts_with('/')
}
