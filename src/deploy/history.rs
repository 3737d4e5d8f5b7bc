//! Who deployed what when, and how it ended: one line of JSON on the host for each deploy.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One line of `history.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The name of the transaction: the same on all of its hosts.
    pub id: String,
    /// When, in UTC.
    pub at: String,
    /// The host, as the deployer called it.
    pub host: String,
    /// The application.
    pub app: String,
    /// What was deployed or gone back to.
    pub version: String,
    /// The checksum of the archive, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The commit that it was built from, where the store knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who did it.
    pub by: String,
    /// Whether the node was started with it.
    pub started: bool,
    /// How it ended.
    pub result: Ending,
    /// Why, where it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a deploy ended on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was deployed.
    #[serde(rename = "deployed")]
    Deployed,
    /// It failed, and the host was put back as it was.
    #[serde(rename = "rolled back")]
    RolledBack,
    /// `edeliver rollback` went back to it.
    #[serde(rename = "went back")]
    WentBack,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Deployed => "deployed",
            Ending::RolledBack => "failed, was rolled back",
            Ending::WentBack => "went back to it",
        })
    }
}

impl HistoryEntry {
    /// The line.
    pub fn to_line(&self) -> String {
        // Strings and booleans can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The versions that were in place before the newest `keep` ones, the newest first.
    pub fn superseded(entries: &[Self], keep: usize) -> Vec<String> {
        let mut versions: Vec<&str> = Vec::new();
        for entry in entries.iter().rev().filter(|entry| entry.result != Ending::RolledBack) {
            if !versions.contains(&entry.version.as_str()) {
                versions.push(&entry.version);
            }
        }
        versions.into_iter().skip(keep).map(str::to_owned).collect()
    }

    /// Reads lines, the oldest first. One that was cut off by a power cut is left out.
    pub fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Self> {
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deployed_again_is_new_and_what_was_rolled_back_never_came() {
        let entry = |version: &str, result| HistoryEntry {
            id: String::new(),
            at: String::new(),
            host: String::new(),
            app: String::new(),
            version: version.to_owned(),
            sha256: None,
            revision: None,
            by: String::new(),
            started: false,
            result,
            reason: None,
        };
        let entries = [
            entry("1", Ending::Deployed),
            entry("2", Ending::Deployed),
            entry("3", Ending::Deployed),
            entry("1", Ending::WentBack),
            entry("4", Ending::RolledBack),
        ];
        assert_eq!(HistoryEntry::superseded(&entries, 2), ["2"]);
        assert_eq!(HistoryEntry::superseded(&entries, 1), ["3", "2"]);
        assert!(HistoryEntry::superseded(&entries, 3).is_empty());
        let lines: Vec<String> = entries.iter().map(HistoryEntry::to_line).collect();
        let cut = lines.iter().map(String::as_str).chain([r#"{"id":"5","#]);
        assert_eq!(HistoryEntry::read(cut), entries);
    }
}
