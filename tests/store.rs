//! A directory as release store: archives appear whole or not at all, and are what their manifest says.

use std::io::{self, Read as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::release::{ArchiveError, ArchiveKind, ArchiveName};
use edeliver::report::{Report, ReportOptions};
use edeliver::settings::StoreSettings;
use edeliver::store::{Access, FillError, Store, StoreError, StoredArchive};
use edeliver::transport::{ConnectOptions, Interrupt};
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err as fs;

/// A project with a store in `.deliver`.
struct Project {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
    store: Store,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        let store = Store::new(&StoreSettings::directory(".deliver"), &root, "my_app", &access()).unwrap();
        Self { _dir: dir, root, store }
    }

    fn path(&self, archive: &StoredArchive) -> Utf8PathBuf {
        self.releases().join(&archive.file)
    }

    fn releases(&self) -> Utf8PathBuf {
        self.root.join(".deliver/releases")
    }

    fn put(&self, version: &str, bytes: &[u8]) -> Result<StoredArchive, FillError<io::Error>> {
        let incoming = self.store.begin(&name(version)).map_err(FillError::Store)?;
        incoming.fill(|sink| sink.write_all(bytes))?.commit().map_err(FillError::Store)
    }

    fn versions(&self) -> Vec<String> {
        self.store.list().unwrap().iter().map(|archive| archive.name.version.to_string()).collect()
    }

    /// Every file in the store's directory, hidden ones too.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.releases()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn access() -> Access {
    let connect = ConnectOptions {
        ssh_config: None,
        timeout: Duration::from_secs(3),
        forward_agent: false,
        interrupt: Interrupt::default(),
    };
    Access { connect, report: Report::new(ReportOptions::default()) }
}

fn name(version: &str) -> ArchiveName {
    ArchiveName::new("my_app", version.parse().unwrap(), ArchiveKind::Release)
}

/// An archive with one file of this text.
fn archive(text: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "my_app/bin/my_app", text.as_bytes()).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn an_archive_goes_in_and_comes_out_with_its_manifest() {
    let project = Project::new();
    assert_eq!(project.versions(), [""; 0], "a store that is not there yet is empty");
    let bytes = archive("one");
    let stored = project.put("0.9.0", &bytes).unwrap();
    project.put("0.10.0", &archive("two")).unwrap();
    assert_eq!(project.versions(), ["0.9.0", "0.10.0"]);
    assert_eq!(fs::read(project.path(&stored)).unwrap(), bytes);
    let open = project.store.open(&stored).unwrap();
    assert_eq!((open.place, open.manifest.size), (project.path(&stored).to_string(), bytes.len() as u64));
    let mut read = Vec::new();
    open.source.file().unwrap().reader().read_to_end(&mut read).unwrap();
    assert_eq!(read, bytes);
    assert_eq!(project.store.list().unwrap()[0].size, Some(bytes.len() as u64));
    assert_eq!(open.manifest.files().collect::<Vec<_>>(), ["bin/my_app"]);
    assert_eq!(
        project.files(),
        [
            ".my_app_0.10.0.release.tar.gz.manifest.json",
            ".my_app_0.9.0.release.tar.gz.manifest.json",
            "my_app_0.10.0.release.tar.gz",
            "my_app_0.9.0.release.tar.gz",
        ]
    );
}

#[test]
fn what_is_found_is_the_first_kind_asked_for() {
    let project = Project::new();
    let release = project.put("1.0.0", &archive("x")).unwrap();
    fs::copy(project.path(&release), project.releases().join("my_app_1.0.0.upgrade.tar.gz")).unwrap();
    let kind =
        |kinds: &[ArchiveKind]| project.store.find("1.0.0", kinds).unwrap().map(|archive| archive.name.kind);
    assert_eq!(kind(&ArchiveKind::ALL), Some(ArchiveKind::Release));
    assert_eq!(kind(&[ArchiveKind::Upgrade]), Some(ArchiveKind::Upgrade));
    assert_eq!(project.store.find("1.0", &ArchiveKind::ALL).unwrap(), None);
}

#[test]
fn other_files_are_not_listed() {
    let project = Project::new();
    fs::create_dir_all(project.releases().join("my_app_3.0.0.release.tar.gz")).unwrap();
    for file in
        ["other_1.0.0.release.tar.gz", "my_app_1.0.0.release.tar.gz.part", ".my_app_1.0.0.release.tar.gz.x"]
    {
        fs::write(project.releases().join(file), "x").unwrap();
    }
    assert_eq!(project.versions(), [""; 0]);
}

#[test]
fn a_failed_put_leaves_nothing() {
    let project = Project::new();
    let whole = archive(&"text that does not compress to nothing: 8fh3k".repeat(50));
    let truncated = project.put("1.0.0", &whole[..whole.len() / 2]).unwrap_err();
    assert!(matches!(truncated, FillError::Archive(ArchiveError::Truncated { .. })), "{truncated}");
    let not_gzip = project.put("1.0.0", b"<html>").unwrap_err();
    assert!(matches!(not_gzip, FillError::Archive(ArchiveError::NotGzip)), "{not_gzip}");
    let cut = project.store.begin(&name("1.0.0")).unwrap().fill(|sink| {
        sink.write_all(&whole[..20])?;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    assert!(matches!(cut, Err(FillError::Source(error)) if error.kind() == io::ErrorKind::ConnectionReset));
    drop(project.store.begin(&name("1.0.0")).unwrap().fill(|sink| sink.write_all(&whole)).unwrap());
    assert_eq!(project.files(), [""; 0], "nothing is left");
}

#[test]
fn an_archive_that_is_refused_early_does_not_block_the_source() {
    let project = Project::new();
    let endless = project.store.begin(&name("1.0.0")).unwrap().fill(|sink| {
        loop {
            sink.write_all(&[b'x'; 65536])?;
        }
    });
    let refused: FillError<io::Error> = endless.unwrap_err();
    assert!(matches!(refused, FillError::Archive(ArchiveError::NotGzip)), "{refused}");
}

#[test]
fn a_failed_put_keeps_the_archive_of_the_same_name() {
    let project = Project::new();
    let first = archive("first");
    let stored = project.put("1.0.0", &first).unwrap();
    let before = project.files();
    project.put("1.0.0", &first[..first.len() - 4]).unwrap_err();
    assert_eq!((fs::read(project.path(&stored)).unwrap(), project.files()), (first, before));
    let second = archive("second");
    project.put("1.0.0", &second).unwrap();
    assert_eq!(fs::read(project.path(&stored)).unwrap(), second);
    let size = second.len() as u64;
    assert_eq!(project.store.open(&stored).unwrap().manifest.size, size);
}

/// The archive at `path` as the bash tool would have put it there.
fn put_by_hand(path: &Utf8Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn archives_of_the_bash_tool_are_read_through_when_opened() {
    let project = Project::new();
    let path = project.releases().join("my_app_1.0.0.release.tar.gz");
    put_by_hand(&path, &archive("by hand"));
    let stored = project.store.find("1.0.0", &ArchiveKind::ALL).unwrap().unwrap();
    let first = project.store.open(&stored).unwrap();
    assert_eq!(first.manifest.unpacked_size(), 7);
    assert!(project.files().contains(&".my_app_1.0.0.release.tar.gz.manifest.json".to_owned()));
    assert_eq!(project.store.open(&stored).unwrap().manifest, first.manifest);
    // Replaced by another build of the bash tool: the kept manifest does not hold any more.
    put_by_hand(&path, &archive("replaced"));
    assert_eq!(project.store.open(&stored).unwrap().manifest.unpacked_size(), 8);
    fs::write(project.releases().join(".my_app_1.0.0.release.tar.gz.manifest.json"), "{").unwrap();
    assert_eq!(project.store.open(&stored).unwrap().manifest.unpacked_size(), 8);
}

#[test]
fn a_stored_archive_that_was_damaged_later_is_an_error() {
    let project = Project::new();
    let bytes = archive("whole");
    let stored = project.put("1.0.0", &bytes).unwrap();
    let mut flipped = bytes.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    for damaged in [&flipped[..], &bytes[..bytes.len() - 3], b""] {
        fs::write(project.path(&stored), damaged).unwrap();
        let error = project.store.open(&stored).unwrap_err();
        assert!(
            matches!(&error, StoreError::Archive { place, .. } if *place == project.path(&stored)),
            "{error}"
        );
    }
}
