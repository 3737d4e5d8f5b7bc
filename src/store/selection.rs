//! Which archive of a store a deploy takes (PARITY.md section 4, "select the archive").

use super::StoredArchive;
use crate::release::ArchiveKind;
use crate::settings::ReleaseTool;

/// What is to be deployed.
#[derive(Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// This one.
    Selected(&'a StoredArchive),
    /// Several versions could be meant, and a person is there to be asked.
    Ask(Vec<&'a StoredArchive>),
}

/// Why no archive could be selected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SelectionError {
    /// The store has none.
    #[error("the release store has no {} of {app}: run `edeliver build {}` first", .kind.as_str(), .kind.as_str())]
    NoneStored {
        /// What was looked for.
        kind: ArchiveKind,
        /// The application.
        app: String,
    },
    /// The store has others.
    #[error(
        "the release store has no {} {wanted} of {app} (it has {}): take one of these with --version=, or run `edeliver build {}`",
        .kind.as_str(), .stored.join(", "), .kind.as_str()
    )]
    NotStored {
        /// What was looked for.
        kind: ArchiveKind,
        /// The application.
        app: String,
        /// The version that was asked for.
        wanted: String,
        /// The versions that there are.
        stored: Vec<String>,
    },
    /// Several versions, and nobody to ask.
    #[error("the release store has several {}s of {app}; say which one:{}", .kind.as_str(), choices(.stored))]
    Several {
        /// What was looked for.
        kind: ArchiveKind,
        /// The application.
        app: String,
        /// The versions.
        stored: Vec<String>,
    },
}

fn choices(versions: &[String]) -> String {
    versions.iter().map(|version| format!("\n  --version={version}")).collect()
}

/// The kinds of archive that serve as a release, the one to prefer first. With mix an upgrade archive
/// holds a whole release, too: it serves when a version has no release archive.
pub fn release_kinds(tool: ReleaseTool) -> &'static [ArchiveKind] {
    match tool {
        ReleaseTool::MixRelease | ReleaseTool::Distillery => &ArchiveKind::ALL,
        ReleaseTool::Rebar3 | ReleaseTool::Rebar | ReleaseTool::Relx => &[ArchiveKind::Release],
    }
}

/// The kinds of archive that an upgrade can be built from, the one to prefer first: what holds a whole
/// release. Upgrades of rebar and relx lack parts of one.
pub fn base_kinds(tool: ReleaseTool) -> &'static [ArchiveKind] {
    match tool {
        ReleaseTool::Rebar3 => &ArchiveKind::ALL,
        _ => release_kinds(tool),
    }
}

/// Selects the archive of `app` to deploy, of the first of `kinds` that there is: the `wanted` version
/// exactly, else the only one there is, else a person decides if `interactive`.
///
/// # Errors
/// When there is none, or several and nobody to ask.
pub fn select<'a>(
    stored: &'a [StoredArchive],
    app: &str,
    wanted: Option<&str>,
    kinds: &[ArchiveKind],
    interactive: bool,
) -> Result<Selection<'a>, SelectionError> {
    let kind = kinds.first().copied().unwrap_or(ArchiveKind::Release);
    let mut candidates: Vec<&StoredArchive> =
        stored.iter().filter(|archive| kinds.contains(&archive.name.kind)).collect();
    // Sorted by version and then kind, so that of two archives of a version the release stays.
    candidates.sort();
    candidates.dedup_by(|next, first| next.name.version == first.name.version);
    let app = app.to_owned();
    if candidates.is_empty() {
        return Err(SelectionError::NoneStored { kind, app });
    }
    let versions = || candidates.iter().map(|archive| archive.name.version.to_string()).collect();
    if let Some(wanted) = wanted {
        let found = candidates.iter().find(|archive| archive.name.version.as_str() == wanted);
        let not_stored =
            || SelectionError::NotStored { kind, app, wanted: wanted.to_owned(), stored: versions() };
        return found.copied().map(Selection::Selected).ok_or_else(not_stored);
    }
    match candidates.as_slice() {
        [only] => Ok(Selection::Selected(only)),
        _ if interactive => Ok(Selection::Ask(candidates)),
        _ => Err(SelectionError::Several { kind, app, stored: versions() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::ArchiveName;

    fn stored(names: &[&str]) -> Vec<StoredArchive> {
        let archive = |file: &&str| StoredArchive {
            name: ArchiveName::parse("my_app", &format!("my_app_{file}.tar.gz")).unwrap(),
            file: (*file).to_owned(),
            size: None,
            stored_at: None,
        };
        names.iter().map(archive).collect()
    }

    /// What is selected, in words.
    fn selected(names: &[&str], wanted: Option<&str>, tool: ReleaseTool, interactive: bool) -> String {
        let stored = stored(names);
        match select(&stored, "my_app", wanted, release_kinds(tool), interactive) {
            Ok(Selection::Selected(archive)) => archive.file.clone(),
            Ok(Selection::Ask(all)) => {
                let paths: Vec<&str> = all.iter().map(|archive| archive.file.as_str()).collect();
                format!("ask: {}", paths.join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_table() {
        use ReleaseTool::{Distillery, MixRelease, Rebar3};
        let two = ["0.9.0.release", "0.10.0.release"];
        let mixed = ["1.0.0.upgrade", "1.0.0.release", "1.1.0.upgrade"];
        for (names, wanted, tool, interactive, expected) in [
            (&["1.0.0.release"][..], None, MixRelease, false, "1.0.0.release"),
            (&["1.0.0.release"], Some("1.0.0"), Rebar3, false, "1.0.0.release"),
            (&two, Some("0.9.0"), MixRelease, true, "0.9.0.release"),
            (&two, None, MixRelease, true, "ask: 0.9.0.release 0.10.0.release"),
            (&mixed, None, Rebar3, false, "1.0.0.release"),
            (&mixed, None, MixRelease, true, "ask: 1.0.0.release 1.1.0.upgrade"),
            (&mixed, Some("1.1.0"), Distillery, false, "1.1.0.upgrade"),
            (&["1.1.0.upgrade"], None, Distillery, false, "1.1.0.upgrade"),
        ] {
            assert_eq!(selected(names, wanted, tool, interactive), expected, "{names:?} {wanted:?} {tool:?}");
        }
    }

    #[test]
    fn errors_say_what_to_type() {
        use ReleaseTool::{MixRelease, Rebar3};
        let two = ["0.9.0.release", "0.10.0.release"];
        insta::assert_snapshot!(selected(&two, None, MixRelease, false), @r"
        the release store has several releases of my_app; say which one:
          --version=0.9.0
          --version=0.10.0
        ");
        insta::assert_snapshot!(selected(&two, Some("0.9"), MixRelease, true),
            @"the release store has no release 0.9 of my_app (it has 0.9.0, 0.10.0): take one of these with --version=, or run `edeliver build release`");
        let none = "the release store has no release of my_app: run `edeliver build release` first";
        assert_eq!(selected(&[], None, MixRelease, true), none);
        assert_eq!(selected(&["1.0.0.upgrade"], None, Rebar3, true), none);
        assert_eq!(selected(&[], Some("1.0.0"), MixRelease, false), none);
    }
}
