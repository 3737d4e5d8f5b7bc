//! Whether a release has what it needs to boot.

use super::{EntryKind, Manifest, Version, links};

/// Whether the release must bring its own Erlang runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedErts {
    /// `erts-*` must be there.
    InRelease,
    /// The project may have excluded it (`include_erts: false`): the host has an Erlang.
    Optional,
}

/// What a release boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFacts {
    /// The release version, which names the directory in `releases/`.
    pub version: Version,
    /// The version of the Erlang runtime that the release brings along.
    pub erts: Option<String>,
}

/// Why a release cannot boot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBootable {
    /// There is no start script.
    #[error("the archive has no bin/{0}: is APP the release's name?")]
    NoStartScript(String),
    /// The start script has no execute permission, or is a link to nowhere.
    #[error("bin/{0} is not an executable file")]
    StartScriptNotExecutable(String),
    /// Nothing in `releases/`.
    #[error("the archive has no releases/VERSION directory")]
    NoVersion,
    /// Several versions and nothing that says which one boots.
    #[error("the archive has several versions in releases/ ({}) and no start_erl.data that names one", .0.join(", "))]
    SeveralVersions(Vec<String>),
    /// `start_erl.data` names a version that is not there, or does not read.
    #[error("releases/start_erl.data says '{0}', which names no directory in releases/")]
    WrongStartErl(String),
    /// A version that no host could have as a directory.
    #[error(transparent)]
    Version(#[from] super::version::InvalidVersion),
    /// Neither of the files that list the release.
    #[error("the archive has neither releases/start_erl.data nor releases/RELEASES")]
    NoReleaseList,
    /// No boot script.
    #[error("releases/{0} has no boot script (*.boot)")]
    NoBootScript(Version),
    /// No Erlang runtime.
    #[error("the archive has no erts-* directory with an emulator, and the project does not exclude it")]
    NoErts,
}

impl Manifest {
    /// Checks that the release of `app` has what it needs to boot, and says what that is.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn boots(&self, app: &str, erts: ExpectedErts) -> Result<BootFacts, NotBootable> {
        let script = format!("bin/{app}");
        match self.file_behind(&script) {
            None if self.get(&script).is_none() => return Err(NotBootable::NoStartScript(app.to_owned())),
            Some(EntryKind::File { mode, .. }) if mode & 0o100 != 0 => {}
            _ => return Err(NotBootable::StartScriptNotExecutable(app.to_owned())),
        }
        let version = self.boot_version()?;
        if self.start_erl.is_none() && self.get("releases/RELEASES").is_none() {
            return Err(NotBootable::NoReleaseList);
        }
        let booting = format!("releases/{version}");
        if !self.children(&booting).iter().any(|name| name.ends_with(".boot")) {
            return Err(NotBootable::NoBootScript(version));
        }
        let bundled = self.bundled_erts();
        if bundled.is_none() && erts == ExpectedErts::InRelease {
            return Err(NotBootable::NoErts);
        }
        Ok(BootFacts { version, erts: bundled })
    }

    /// The version that boots: what `start_erl.data` ("ERTS VERSION") says, else the only one there is.
    fn boot_version(&self) -> Result<Version, NotBootable> {
        let versions: Vec<&str> = self
            .children("releases")
            .into_iter()
            .filter(|name| self.is_directory(&format!("releases/{name}")))
            .collect();
        if let Some(text) = &self.start_erl {
            return match text.split_whitespace().nth(1) {
                Some(version) if versions.contains(&version) => Ok(version.parse()?),
                _ => Err(NotBootable::WrongStartErl(text.trim().to_owned())),
            };
        }
        match versions.as_slice() {
            [] => Err(NotBootable::NoVersion),
            [version] => Ok(version.parse()?),
            _ => Err(NotBootable::SeveralVersions(versions.into_iter().map(str::to_owned).collect())),
        }
    }

    /// The version of an `erts-*` directory that has an emulator; of several, the one that boots.
    fn bundled_erts(&self) -> Option<String> {
        let complete = |erts: &&str| {
            ["beam.smp", "beam", "erlexec"]
                .iter()
                .any(|name| self.get(&format!("erts-{erts}/bin/{name}")).is_some())
        };
        let all = self.children("");
        let mut erts = all.iter().filter_map(|name| name.strip_prefix("erts-")).filter(complete);
        let booting = self.start_erl.as_deref().and_then(|text| text.split_whitespace().next());
        let first = erts.clone().next();
        erts.find(|version| Some(*version) == booting).or(first).map(str::to_owned)
    }

    /// The file that `path` stands for, through links of the archive.
    fn file_behind(&self, path: &str) -> Option<&EntryKind> {
        let link_at = |path: &str| match self.get(path) {
            Some(EntryKind::Symlink { target }) => Some(target.as_str()),
            _ => None,
        };
        let path = links::destination(path, link_at)?;
        match self.get(&path)? {
            EntryKind::Hardlink { target } => self.get(target),
            other => Some(other),
        }
    }
}
