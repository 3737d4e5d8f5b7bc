//! The version of a release.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A release version as the release tools write it: `1.2.3`, `1.2.3+82a5834-main`, `0.1.0-rc.1`.
///
/// Ordered by its numbers, then by what follows them, so that a store lists 0.10.0 after 0.9.0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

/// Why a text is no release version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a release version: letters, digits and . + - _ ~ only")]
pub struct InvalidVersion(String);

impl Version {
    /// The version as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn order(&self) -> Vec<Part<'_>> {
        self.0.split(['.', '-', '+', '_', '~']).map(Part::of).collect()
    }
}

/// Numbers sort before words, so that `1.2` < `1.2.rc` and 9 < 10.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Self {
        text.parse().map_or(Part::Word(text), Part::Number)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // It becomes a directory name on the hosts, so nothing that leaves one.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".+-_~".contains(c);
        if text.is_empty() || text.starts_with(['.', '-']) || !text.chars().all(plain) {
            return Err(InvalidVersion(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn sorts_by_number() {
        let mut versions: Vec<Version> =
            ["0.10.0", "0.9.0", "1.0.0+ab-main", "1.0.0", "0.9.0-rc"].map(|v| v.parse().unwrap()).into();
        versions.sort();
        let sorted: Vec<&str> = versions.iter().map(Version::as_str).collect();
        assert_eq!(sorted, ["0.9.0", "0.9.0-rc", "0.10.0", "1.0.0", "1.0.0+ab-main"]);
    }

    #[test]
    fn refuses_what_leaves_a_directory() {
        for text in ["", "..", "../x", "1/2", "-rf", "1 2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
