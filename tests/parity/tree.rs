//! What is on a host or in the project.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use flate2::read::GzDecoder;
use fs_err as fs;
use sha2::{Digest, Sha256};

/// Not part of what is compared: what a test host has of its own, and what applications write.
const LEFT_OUT: [&str; 13] = [
    ".git",
    ".ssh",
    ".mix",
    ".profile",
    ".stand-in",
    ".stand-in-behaviour",
    ".cache",
    "log",
    "var",
    "tools",
    "tmp",
    "calls",
    "edeliver.log",
];

/// What is at each path below a directory.
pub type Tree = BTreeMap<String, String>;

/// All that is below this directory, with type, mode and content.
pub fn below(directory: &Utf8Path) -> Tree {
    let mut tree = Tree::new();
    if directory.exists() {
        collect(directory, "", &mut tree);
    }
    tree
}

fn collect(directory: &Utf8Path, prefix: &str, tree: &mut Tree) {
    for entry in directory.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if LEFT_OUT.contains(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let meta = entry.path().symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            tree.insert(path, format!("-> {}", entry.path().read_link_utf8().unwrap()));
        } else if meta.is_dir() {
            collect(entry.path(), &format!("{path}/"), tree);
            tree.insert(path + "/", format!("{mode:o}"));
        } else if meta.is_file() {
            // What we keep for ourselves has times and checksums in it.
            let ours = path.contains(".edeliver/") || path.ends_with(".manifest.json");
            let content =
                if ours { "ours".to_owned() } else { content(&path, &fs::read(entry.path()).unwrap()) };
            tree.insert(path, format!("{mode:o} {content}"));
        } else {
            tree.insert(path, "special".to_owned());
        }
    }
}

/// Short text as it is, archives by what is in them, everything else by its digest.
pub fn content(name: &str, bytes: &[u8]) -> String {
    if name.contains(".tar.gz") && bytes.starts_with(&[0x1f, 0x8b]) {
        return archive(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() < 60 && text.trim_end_matches('\n').lines().count() < 2 => {
            format!("{:?}", text.trim_end_matches('\n'))
        }
        _ => digest(bytes),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The entries of an archive, whatever their order, times and owners are. Directories say nothing: some
/// archives list them, some do not.
fn archive(bytes: &[u8]) -> String {
    let mut members = tar::Archive::new(GzDecoder::new(bytes));
    let mut entries = Vec::new();
    let read = members.entries().and_then(|all| {
        for entry in all {
            let mut entry = entry?;
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let path = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
            let (mode, link) = (entry.header().mode()?, entry.link_name()?.map(|link| link.into_owned()));
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content)?;
            // An archive in it has times, too.
            let content = if path.ends_with(".tar.gz") { archive(&content) } else { digest(&content) };
            entries.push(format!("{path} {:o} {link:?} {content}", mode & 0o7777));
        }
        Ok(())
    });
    if read.is_err() {
        return "damaged archive".to_owned();
    }
    entries.sort();
    let top = entries
        .iter()
        .filter_map(|line| line.split(['/', ' ']).next())
        .collect::<std::collections::BTreeSet<_>>();
    let top = top.into_iter().collect::<Vec<_>>().join(" ");
    format!("archive of {} entries below {top}, {}", entries.len(), digest(entries.join("\n").as_bytes()))
}

/// What has been added, removed or changed. A release that is all new is one line.
pub fn changes(before: &Tree, after: &Tree) -> String {
    let releases = new_releases(before, after);
    let within = |path: &&String| releases.iter().any(|root| path.starts_with(root) && *path != root);
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| format!("  - {path}\n"));
    let here = after.iter().filter(|(path, what)| before.get(*path) != Some(what) && !within(path));
    let here = here.map(|(path, what)| {
        let sign = if before.contains_key(path) { '~' } else { '+' };
        let release = if releases.contains(path) { whole(path, after) } else { String::new() };
        format!("  {sign} {path} {what}{release}\n")
    });
    gone.chain(here).collect()
}

/// Directories that were not there before and look like the root of a release.
fn new_releases(before: &Tree, after: &Tree) -> Vec<String> {
    let roots = after.keys().filter_map(|path| path.strip_suffix("releases/start_erl.data"));
    let is_new = |root: &&str| {
        let boots = format!("{root}lib/");
        after.contains_key(&boots) && after.contains_key(*root) && !before.contains_key(*root)
    };
    roots.filter(is_new).map(str::to_owned).collect()
}

/// All that is below this directory, in a few words.
fn whole(root: &str, tree: &Tree) -> String {
    let entries: Vec<String> =
        tree.iter().filter_map(|(path, what)| Some(format!("{} {what}", path.strip_prefix(root)?))).collect();
    let versions = tree.keys().filter_map(|path| path.strip_prefix(root)?.strip_prefix("releases/"));
    let versions = versions.filter_map(|path| path.strip_suffix('/').filter(|name| !name.contains('/')));
    let versions = versions.collect::<Vec<_>>().join(" ");
    format!(" release {versions} of {} entries, {}", entries.len(), digest(entries.join("\n").as_bytes()))
}
