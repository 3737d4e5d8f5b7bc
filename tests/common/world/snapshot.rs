//! What is on a host, so that two moments can be compared.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;
use fs_err as fs;
use sha2::{Digest, Sha256};

use super::host::{Host, Node};

/// What the application writes: never managed by a deploy.
const APPLICATION_DATA: [&str; 3] = ["log", "var", "tmp"];

/// All that a deploy manages on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// For each path below DELIVER_TO what is there: type, mode, content or target, time.
    pub entries: BTreeMap<String, String>,
    /// What runs, and which version it says it is.
    pub node: Option<(Node, String)>,
}

impl Snapshot {
    /// All that is at a path, except what the application writes and when files were written.
    pub fn tree(path: &Utf8Path) -> BTreeMap<String, String> {
        let mut entries = BTreeMap::new();
        collect(path, "", &mut entries);
        for entry in entries.values_mut() {
            entry.truncate(entry.find(" of ").unwrap_or(entry.len()));
        }
        entries
    }

    /// What is different, a line for each path.
    pub fn diff(&self, after: &Self) -> Vec<String> {
        let paths: std::collections::BTreeSet<_> = self.entries.keys().chain(after.entries.keys()).collect();
        let mut lines = Vec::new();
        for path in paths {
            match (self.entries.get(path), after.entries.get(path)) {
                (old, new) if old == new => {}
                (Some(old), None) => lines.push(format!("  gone    {path}: {old}")),
                (None, Some(new)) => lines.push(format!("  new     {path}: {new}")),
                (old, new) => lines.push(format!(
                    "  changed {path}: {} -> {}",
                    old.map_or("", String::as_str),
                    new.map_or("", String::as_str)
                )),
            }
        }
        lines
    }

    /// Version and cookie of what runs, and what it answers.
    fn identity(&self) -> Option<(&str, &str, &str)> {
        let (node, answer) = self.node.as_ref()?;
        Some((&node.version, &node.cookie, answer))
    }
}

impl Host {
    /// All that a deploy manages here.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        let mut entries = BTreeMap::new();
        if self.root().exists() {
            collect(&self.root(), "", &mut entries);
        }
        let undo = self.state().join("undo");
        if undo.exists() && fs::read_dir(&undo).unwrap().next().is_some() {
            collect(&undo, ".edeliver/undo", &mut entries);
        }
        // The history grows with each deploy that was undone; what was deployed stays.
        let history = fs::read_to_string(self.state().join("history.jsonl")).unwrap_or_default();
        for line in history.lines().filter(|line| !line.contains(r#""result":"rolled back""#)) {
            entries.insert(format!(".edeliver/history {line}"), "line".to_owned());
        }
        let answer = |node| (node, self.run(&format!("{}/bin/{} version", self.root(), self.app())).1);
        Snapshot { entries, node: self.node().map(answer) }
    }

    /// It is as it was: every file, what runs and its identity. Nothing of a deploy is left.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &Snapshot) {
        let after = self.snapshot();
        self.assert_same(before, &after);
        self.assert_no_leftovers();
    }

    /// The same, but below .edeliver something may be left that could not be removed.
    #[track_caller]
    pub fn assert_restored(&self, before: &Snapshot) {
        let mut after = self.snapshot();
        after.entries.retain(|path, _| !path.starts_with(".edeliver/") || before.entries.contains_key(path));
        self.assert_same(before, &after);
    }

    #[track_caller]
    fn assert_same(&self, before: &Snapshot, after: &Snapshot) {
        let diff = before.diff(after);
        assert!(diff.is_empty(), "{} is not as it was:\n{}", self.alias(), diff.join("\n"));
        assert_eq!(before.identity(), after.identity(), "{}: what runs is not what ran", self.alias());
    }

    /// It is as it was, and the process that ran runs on.
    #[track_caller]
    pub fn assert_untouched(&self, before: &Snapshot) {
        self.assert_unchanged(before);
        assert_eq!(before.node, self.snapshot().node, "{}: the node was restarted", self.alias());
    }

    /// DELIVER_TO holds the release and our directory, and that no trace of a deploy under way.
    #[track_caller]
    pub fn assert_no_leftovers(&self) {
        let names = |dir: &Utf8Path| -> Vec<String> {
            let entries = std::fs::read_dir(dir).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        };
        let mut left: Vec<String> = names(&self.deliver_to());
        left.retain(|name| name != self.app() && name != ".edeliver");
        let kept = ["staging", "undo", "control", "failed", "history.jsonl", "guard.log"];
        left.extend(names(&self.state()).into_iter().filter(|name| !kept.contains(&name.as_str())));
        left.extend(names(&self.state().join("staging")));
        left.extend(names(&self.temporary()));
        assert!(left.is_empty(), "{}: left behind: {left:?}", self.alias());
    }
}

fn collect(path: &Utf8Path, name: &str, entries: &mut BTreeMap<String, String>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.mode() & 0o7777;
    if metadata.is_symlink() {
        entries.insert(name.to_owned(), format!("link to {}", fs::read_link(path).unwrap().display()));
    } else if metadata.is_dir() {
        entries.insert(name.to_owned(), format!("directory {mode:o}"));
        for entry in fs::read_dir(path).unwrap() {
            let child = entry.unwrap().file_name().to_string_lossy().into_owned();
            if !name.is_empty() || !APPLICATION_DATA.contains(&child.as_str()) {
                collect(&path.join(&child), &format!("{name}/{child}"), entries);
            }
        }
    } else {
        let digest = Sha256::digest(fs::read(path).unwrap());
        let sum: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        entries.insert(name.to_owned(), format!("file {mode:o} {sum} of {seconds}.{nanos:09}"));
    }
}
