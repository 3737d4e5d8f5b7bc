//! What a host is to have: the manifest's entries in the form in which hosts are asked about them.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::release::{EntryKind, Manifest, Sha256Sum};

/// One path below DELIVER_TO/APP and what is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Relative to DELIVER_TO/APP.
    pub path: String,
    /// What is to be there.
    pub kind: WantedKind,
}

/// What is to be at a path. Hard links of the archive are files of their own here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedKind {
    /// A regular file.
    File {
        /// Bytes that are to be sent; 0 for one that is on the host already.
        size: u64,
        /// Of its content, as hexadecimal digits.
        sha256: Sha256Sum,
        /// Permission bits as the archive has them.
        mode: u32,
    },
    /// A directory.
    Directory {
        /// Permission bits as the archive has them.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// The checksum of where it points and a newline.
        sha256: Sha256Sum,
    },
}

/// All that the release consists of, parents before their children.
pub fn wanted(manifest: &Manifest) -> Vec<Wanted> {
    let kinds: BTreeMap<&str, &EntryKind> =
        manifest.entries.iter().map(|entry| (entry.path.as_str(), &entry.kind)).collect();
    let mut all: BTreeMap<String, WantedKind> = BTreeMap::new();
    for entry in &manifest.entries {
        for (index, _) in entry.path.match_indices('/') {
            // An archive need not list the directories that its files lie in.
            all.entry(entry.path[..index].to_owned()).or_insert(WantedKind::Directory { mode: 0o755 });
        }
        if let Some(kind) = resolve(&entry.kind, &kinds, manifest.entries.len()) {
            all.insert(entry.path.clone(), kind);
        }
    }
    all.into_iter().map(|(path, kind)| Wanted { path, kind }).collect()
}

/// Follows hard links to the file that holds the content, at most `depth` links deep.
fn resolve(kind: &EntryKind, kinds: &BTreeMap<&str, &EntryKind>, depth: usize) -> Option<WantedKind> {
    match kind {
        EntryKind::File { size, sha256, mode } => {
            Some(WantedKind::File { size: *size, sha256: *sha256, mode: *mode })
        }
        EntryKind::Directory { mode } => Some(WantedKind::Directory { mode: *mode }),
        EntryKind::Symlink { target } => {
            let sha256 = Sha256Sum::from(Sha256::new_with_prefix(format!("{target}\n")));
            Some(WantedKind::Link { sha256 })
        }
        EntryKind::Hardlink { target } => {
            let next = kinds.get(target.as_str())?;
            depth.checked_sub(1).and_then(|depth| resolve(next, kinds, depth))
        }
    }
}

/// The permission bits that a file or directory of `mode` gets on a host with this umask.
pub fn mode_on_host(mode: u32, umask: u32) -> u32 {
    mode & 0o7777 & !umask
}

impl Wanted {
    /// What the host reads, "KIND MODE SUM NAME": a name may hold anything but the zero byte behind it.
    pub fn to_entry(&self, umask: u32) -> String {
        let name = &self.path;
        match &self.kind {
            WantedKind::File { sha256, mode, .. } => {
                format!("f {:o} {sha256} {name}\0", mode_on_host(*mode, umask))
            }
            WantedKind::Directory { mode } => format!("d {:o} - {name}\0", mode_on_host(*mode, umask)),
            WantedKind::Link { sha256 } => format!("l - {sha256} {name}\0"),
        }
    }

    /// Its size in bytes when it is a file.
    pub fn size(&self) -> u64 {
        match self.kind {
            WantedKind::File { size, .. } => size,
            WantedKind::Directory { .. } | WantedKind::Link { .. } => 0,
        }
    }
}

/// A name as it travels to the host's `read`: what `read` would drop goes as octal escapes.
pub struct Name<'a>(pub &'a str);

impl Name<'_> {
    fn is_plain(&self) -> bool {
        let edge = |c: Option<char>| c.is_none_or(char::is_whitespace);
        !self.0.contains(['\\', '\n', '\r']) && !edge(self.0.chars().next()) && !edge(self.0.chars().last())
    }

    /// "-" for a name that travels as it is, "e" for an escaped one.
    pub fn flag(&self) -> &'static str {
        if self.is_plain() { "-" } else { "e" }
    }

    /// The name, escaped where it must be.
    pub fn escaped(&self) -> String {
        if self.is_plain() {
            return self.0.to_owned();
        }
        self.0.bytes().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("\\0{byte:03o}"));
            }
            text
        })
    }
}

/// The name that [`Name::escaped`] has written; none when it is not written so.
pub fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'\\' {
            let digits = std::str::from_utf8(behind.get(1..4)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 8).ok()?);
            rest = behind.get(4..)?;
        } else {
            bytes.push(byte);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The top-level directories that `--clean-deploy` replaces as a whole, among these paths.
pub fn cleaned<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names
        .into_iter()
        .filter(|name| {
            matches!(*name, "lib" | "releases") || name.starts_with("erts-") && !name.contains('/')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_through_read() {
        for (name, flag, escaped) in [
            ("lib/a-1.0/x y.txt", "-", "lib/a-1.0/x y.txt"),
            ("é/ü", "-", "é/ü"),
            (" lead", "e", "\\0040lead"),
            ("new\nline", "e", "new\\0012line"),
            ("back\\slash", "e", "back\\0134slash"),
        ] {
            assert_eq!((Name(name).flag(), Name(name).escaped().as_str()), (flag, escaped), "{name:?}");
        }
    }

    #[test]
    fn modes_follow_the_hosts_umask() {
        assert_eq!(mode_on_host(0o777, 0o022), 0o755);
        assert_eq!(mode_on_host(0o4755, 0o077), 0o4700);
    }
}
