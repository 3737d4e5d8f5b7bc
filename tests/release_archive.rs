//! Archives as build tools make them, and archives as nobody should make them, read through.

use std::io::{self, Read, Write};

use edeliver::release::{
    ArchiveError, EntryKind, ExpectedErts, Layout, Limits, Manifest, RequiredFiles, read_archive,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// A tar under construction whose headers are written as they are told, however wrong.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// An entry whose name is put into the header byte for byte.
    fn raw(mut self, name: &[u8], kind: EntryType, target: &[u8], contents: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(kind);
        header.set_mode(if name.starts_with(b"bin/") || name.starts_with(b"app/bin/") {
            0o755
        } else {
            0o644
        });
        header.set_size(contents.len() as u64);
        header.set_cksum();
        self.0.append(&header, contents).unwrap();
        self
    }

    fn file(self, name: &str, contents: &str) -> Self {
        self.raw(name.as_bytes(), EntryType::Regular, b"", contents.as_bytes())
    }

    fn directory(self, name: &str) -> Self {
        self.raw(name.as_bytes(), EntryType::Directory, b"", b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.raw(name.as_bytes(), EntryType::Symlink, target.as_bytes(), b"")
    }

    fn hardlink(self, name: &str, target: &str) -> Self {
        self.raw(name.as_bytes(), EntryType::Link, target.as_bytes(), b"")
    }

    /// A file below `prefix` for each part of a release that boots.
    fn release(self, prefix: &str) -> Self {
        let at = |path: &str| format!("{prefix}{path}");
        self.file(&at("bin/app"), "#!/bin/sh\n")
            .file(&at("erts-13.1.5/bin/beam.smp"), "emulator")
            .file(&at("lib/app-1.0.0/priv/static/cache_manifest.json"), "{}")
            .file(&at("releases/1.0.0/start.boot"), "boot")
            .file(&at("releases/start_erl.data"), "13.1.5 1.0.0\n")
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn gz(self) -> Vec<u8> {
        gzip(&self.tar())
    }

    fn read(self) -> Result<Manifest, ArchiveError> {
        read(&self.gz())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(archive: &[u8]) -> Result<Manifest, ArchiveError> {
    read_archive("app", archive, Limits::default())
}

fn refusal(tar: Tar) -> String {
    tar.read().expect_err("it must be refused").to_string()
}

#[test]
fn archives_with_and_without_the_prefix_have_the_same_entries() {
    let bare = Tar::new().release("").read().unwrap();
    let dotted = Tar::new().directory("./").release("./").read().unwrap();
    let prefixed = Tar::new().release("app/").read().unwrap();
    let listed = Tar::new().directory("app/").release("app/").read().unwrap();
    let both = Tar::new().directory("./").directory("./app").release("./app/").read().unwrap();
    assert_eq!((&bare.layout, &dotted.layout), (&Layout::Bare, &Layout::Bare));
    for prefixed in [&prefixed, &listed, &both] {
        assert_eq!(prefixed.layout, Layout::Prefixed("app".into()));
    }
    // Only `app/bin/` and `bin/` are made executable by the builder above.
    assert_eq!((&prefixed.entries, &prefixed.start_erl), (&bare.entries, &bare.start_erl));
    assert_eq!(prefixed.entries, listed.entries);
    let paths = |manifest: &Manifest| manifest.files().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((paths(&dotted), paths(&both)), (paths(&bare), paths(&bare)));
    assert_eq!(bare.start_erl.as_deref(), Some("13.1.5 1.0.0\n"));
}

#[test]
fn the_manifest_has_sizes_checksums_modes_and_links() {
    let archive = Tar::new()
        .release("app/")
        .hardlink("app/bin/app-1.0.0", "app/bin/app")
        .symlink("app/current", "releases/1.0.0")
        .gz();
    let manifest = read(&archive).unwrap();
    let sum = |bytes: &[u8]| edeliver::release::Sha256Sum::of(bytes).unwrap().0;
    assert_eq!((manifest.sha256, manifest.size), (sum(&archive), archive.len() as u64));
    let script = EntryKind::File { size: 10, sha256: sum(b"#!/bin/sh\n"), mode: 0o755 };
    assert_eq!(manifest.get("bin/app"), Some(&script));
    assert_eq!(manifest.get("bin/app-1.0.0"), Some(&EntryKind::Hardlink { target: "bin/app".into() }));
    assert_eq!(manifest.get("current"), Some(&EntryKind::Symlink { target: "releases/1.0.0".into() }));
    let json = serde_json::to_vec(&manifest).unwrap();
    assert_eq!(serde_json::from_slice::<Manifest>(&json).unwrap(), manifest);
}

#[test]
fn long_names_spaces_newlines_and_unicode_are_names_in_gnu_archives() {
    let long = format!("lib/{}/{}", "a".repeat(120), "b".repeat(120));
    let names = ["lib/new\nline", "lib/with space", "lib/grüße-日本", &long];
    let mut tar = Builder::new(Vec::new());
    for name in names {
        let mut header = Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o640);
        tar.append_data(&mut header, name, &b"x"[..]).unwrap();
    }
    let manifest = read(&gzip(&tar.into_inner().unwrap())).unwrap();
    assert_eq!(manifest.files().collect::<Vec<_>>(), [&long, names[2], names[0], names[1]]);
}

/// An archive of one file whose name stands in a pax header.
fn pax(name: &str) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    tar.append_pax_extensions([("path", name.as_bytes())]).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("harmless").unwrap();
    header.set_size(1);
    header.set_mode(0o640);
    header.set_cksum();
    tar.append(&header, &b"x"[..]).unwrap();
    gzip(&tar.into_inner().unwrap())
}

#[test]
fn names_in_pax_headers_count() {
    for name in ["lib/grüße 日本".to_owned(), format!("lib/{}", "a".repeat(200))] {
        assert_eq!(read(&pax(&name)).unwrap().files().collect::<Vec<_>>(), [name]);
    }
    let error = read(&pax("../../escape")).unwrap_err();
    assert!(matches!(error, ArchiveError::ParentInName { .. }), "{error}");
    // The tar reader would cut such a name at the newline: refused, not guessed.
    let error = read(&pax("lib/new\nline")).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
}

// What is no tar at all is quoted in the error, and may hold what a terminal takes for orders.
#[test]
fn an_error_gives_the_terminal_no_orders() {
    let error = read(&gzip(&b"\x1b]0;owned\x07\r".repeat(400))).unwrap_err().to_string();
    assert!(error.starts_with("the archive is damaged: "), "{error}");
    assert!(error.contains("owned") && !error.contains(char::is_control), "{error:?}");
}

#[test]
fn names_that_leave_the_release_are_refused_by_name() {
    let named = |name: &[u8]| refusal(Tar::new().release("").raw(name, EntryType::Regular, b"", b"x"));
    insta::assert_snapshot!(named(b"/etc/cron.d/x"), @"entry '/etc/cron.d/x' has an absolute name");
    insta::assert_snapshot!(named(b"lib/../../x"), @"entry 'lib/../../x' has '..' in its name");
    insta::assert_snapshot!(named(b".."), @"entry '..' has '..' in its name");
    insta::assert_snapshot!(named(b"lib/\xff\xfe"), @"entry 'lib/��' has a name that is not UTF-8");
}

#[test]
fn links_that_leave_the_release_are_refused_by_name() {
    let release = || Tar::new().release("app/");
    insta::assert_snapshot!(refusal(release().symlink("app/log", "/var/log")),
        @"entry 'log' is a symbolic link that leaves the release: -> '/var/log'");
    insta::assert_snapshot!(refusal(release().symlink("app/lib/x", "../../up")),
        @"entry 'lib/x' is a symbolic link that leaves the release: -> '../../up'");
    insta::assert_snapshot!(refusal(release().symlink("app/s/up", "..").symlink("app/out", "s/up/..")),
        @"entry 'out' is a symbolic link that leaves the release: -> 's/up/..'");
    insta::assert_snapshot!(refusal(release().hardlink("app/passwd", "/etc/passwd")),
        @"entry 'app/passwd' is a hard link to '/etc/passwd', which is no earlier file of the archive");
    insta::assert_snapshot!(refusal(release().hardlink("app/later", "app/lib/unknown")),
        @"entry 'later' is a hard link to 'app/lib/unknown', which is no earlier file of the archive");
    insta::assert_snapshot!(refusal(release().hardlink("app/x", "bin/app")),
        @"entry 'x' is a hard link to 'bin/app', which is no earlier file of the archive");
}

#[test]
fn a_file_through_a_link_is_refused_in_any_order() {
    let through = "entry 'data/file' lies below 'data', which is a link or a file of the archive";
    assert_eq!(refusal(Tar::new().release("").symlink("data", "lib").file("data/file", "x")), through);
    assert_eq!(refusal(Tar::new().release("").file("data/file", "x").symlink("data", "lib")), through);
    assert_eq!(refusal(Tar::new().release("").file("data", "x").file("data/file", "x")), through);
}

#[test]
fn the_configuration_files_that_edeliver_links_may_be_absolute() {
    let config = "releases/1.0.0/sys.config";
    let linked = Tar::new().release("").symlink(config, "/etc/app/sys.config").read().unwrap();
    assert!(linked.get(config).is_some());
    let through = Tar::new().release("").symlink(config, "/etc/app").file("releases/1.0.0/sys.config/x", "x");
    assert!(matches!(through.read(), Err(ArchiveError::ThroughEntry { .. })));
}

#[test]
fn devices_and_fifos_are_refused_by_name() {
    let special = |kind| refusal(Tar::new().release("").raw(b"lib/odd", kind, b"", b""));
    insta::assert_snapshot!(special(EntryType::Fifo),
        @"entry 'lib/odd' is a fifo: releases have files, directories and links only");
    insta::assert_snapshot!(special(EntryType::Char),
        @"entry 'lib/odd' is a character device: releases have files, directories and links only");
    assert!(special(EntryType::Block).contains("block device"));
    assert!(special(EntryType::new(b'Z')).contains("unknown kind"));
}

#[test]
fn the_last_of_two_equal_entries_wins_and_different_ones_are_refused() {
    let twice = Tar::new().release("").file("lib/x", "old").file("./lib//x", "newer").read().unwrap();
    assert!(matches!(twice.get("lib/x"), Some(EntryKind::File { size: 5, .. })));
    let conflict = "entry 'lib/x' is in the archive twice, as different things";
    assert_eq!(refusal(Tar::new().release("").file("lib/x", "x").symlink("lib/x", "y")), conflict);
    assert_eq!(refusal(Tar::new().release("").directory("lib/x/").file("lib/x", "x")), conflict);
    let replaced =
        Tar::new().release("").file("lib/x", "x").hardlink("lib/y", "lib/x").file("lib/x", "other");
    assert_eq!(refusal(replaced), conflict);
}

#[test]
fn broken_files_are_refused() {
    let whole = Tar::new().release("app/").gz();
    read(&whole).expect("the unbroken archive");
    assert!(matches!(read(b""), Err(ArchiveError::Empty)));
    assert!(matches!(read(b"PK\x03\x04"), Err(ArchiveError::NotGzip)));
    assert!(matches!(read(&Tar::new().release("").tar()), Err(ArchiveError::NotGzip)));
    assert!(matches!(read(&gzip(b"")), Err(ArchiveError::NoEntries)));
    assert!(matches!(Tar::new().read(), Err(ArchiveError::NoEntries)));
    assert!(matches!(Tar::new().directory("app/").read(), Err(ArchiveError::NoEntries)));
    assert!(matches!(read(&gzip(b"just some text")), Err(ArchiveError::Truncated { .. })));
    assert!(matches!(read(&gzip(&[7; 2048])), Err(ArchiveError::Damaged { .. })));
    for after in [&b"garbage"[..], &[0], &whole] {
        assert!(matches!(read(&[&whole, after].concat()), Err(ArchiveError::TrailingData)));
    }
    let tar = Tar::new().release("").tar();
    let hidden = [tar.clone(), Tar::new().file("hidden", "x").tar()].concat();
    assert!(matches!(read(&gzip(&hidden)), Err(ArchiveError::TrailingData)));
    // A tar cut before its end blocks, packed as if it were whole.
    for end in [512, 700, 1024, tar.len() - 1024] {
        assert!(matches!(read(&gzip(&tar[..end])), Err(ArchiveError::Truncated { .. })), "{end}");
    }
}

#[test]
fn an_archive_cut_anywhere_is_truncated() {
    let whole = Tar::new().release("app/").gz();
    for end in 1..whole.len() {
        let error = read(&whole[..end]).expect_err("cut");
        assert!(matches!(error, ArchiveError::Truncated { .. }), "cut at {end}: {error}");
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_changes_nothing() {
    let whole = Tar::new().release("app/").gz();
    let manifest = read(&whole).unwrap();
    let mut noticed = 0;
    for byte in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[byte] ^= 0x10;
        // The gzip header and unused codes carry nothing of the contents.
        match read(&flipped) {
            Ok(same) => {
                assert!(same.entries == manifest.entries && same.sha256 != manifest.sha256, "byte {byte}")
            }
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > whole.len() * 9 / 10, "{noticed} of {}", whole.len());
}

#[test]
fn bombs_are_refused_before_they_unpack() {
    let zeros = Tar::new().release("").raw(b"lib/zeros", EntryType::Regular, b"", &vec![0; 4 << 20]).gz();
    let limits = Limits { unpacked: 8 << 20, ratio: 200, ratio_from: 1 << 20 };
    assert!(matches!(read_archive("app", &zeros[..], limits), Err(ArchiveError::Bomb { ratio: 200 })));
    let limits = Limits { unpacked: 2 << 20, ratio: 2000, ratio_from: 1 << 20 };
    assert!(matches!(read_archive("app", &zeros[..], limits), Err(ArchiveError::TooLarge { .. })));
    read(&zeros).expect("small enough for the real limits");
    // A name of 4 MiB would be held in memory.
    let name = vec![b'n'; 4 << 20];
    let long = Tar::new().raw(b"././@LongLink", EntryType::GNULongName, b"", &name).file("x", "").gz();
    assert!(matches!(read(&long), Err(ArchiveError::HugeHeader)));
}

#[test]
fn a_source_that_fails_is_not_blamed_on_the_archive() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
    let whole = Tar::new().release("").gz();
    let error = read_archive("app", whole[..20].chain(Failing), Limits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Unreadable(_)), "{error}");
}

#[test]
fn what_boots_is_read_from_the_archive() {
    let facts = Tar::new().release("app/").read().unwrap().boots("app", ExpectedErts::InRelease).unwrap();
    assert_eq!((facts.version.as_str(), facts.erts.as_deref()), ("1.0.0", Some("13.1.5")));
    let without_list = Tar::new()
        .file("bin/app-1", "x")
        .symlink("bin/app", "app-1")
        .file("releases/2.0.0/app.boot", "x")
        .file("releases/RELEASES", "x")
        .read()
        .unwrap();
    assert_eq!(without_list.boots("app", ExpectedErts::Optional).unwrap().version.as_str(), "2.0.0");
}

#[test]
fn a_release_that_cannot_boot_is_told_what_it_lacks() {
    let why = |tar: Tar| tar.read().unwrap().boots("app", ExpectedErts::InRelease).unwrap_err().to_string();
    let script = || Tar::new().file("bin/app", "x");
    let boot = |tar: Tar| tar.file("releases/1.0.0/start.boot", "x");
    let list = |tar: Tar| tar.file("releases/start_erl.data", "13.1.5 1.0.0");
    insta::assert_snapshot!(why(Tar::new().file("bin/other", "x")),
        @"the archive has no bin/app: is APP the release's name?");
    insta::assert_snapshot!(why(Tar::new().symlink("bin/app", "gone")), @"bin/app is not an executable file");
    insta::assert_snapshot!(why(Tar::new().file("./bin/app", "x")), @"bin/app is not an executable file");
    insta::assert_snapshot!(why(script()), @"the archive has no releases/VERSION directory");
    insta::assert_snapshot!(why(boot(script())),
        @"the archive has neither releases/start_erl.data nor releases/RELEASES");
    insta::assert_snapshot!(why(list(script()).file("releases/2.0.0/start.boot", "x")),
        @"releases/start_erl.data says '13.1.5 1.0.0', which names no directory in releases/");
    insta::assert_snapshot!(why(list(script()).file("releases/1.0.0/vm.args", "x")),
        @"releases/1.0.0 has no boot script (*.boot)");
    insta::assert_snapshot!(why(list(boot(script()))),
        @"the archive has no erts-* directory with an emulator, and the project does not exclude it");
    let several = boot(script()).file("releases/2.0.0/start.boot", "x").file("releases/RELEASES", "x");
    insta::assert_snapshot!(why(several),
        @"the archive has several versions in releases/ (1.0.0, 2.0.0) and no start_erl.data that names one");
}

#[test]
fn required_files_must_match() {
    let manifest = Tar::new().release("app/").read().unwrap();
    let check = |globs: &[&str]| {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        RequiredFiles::parse(&globs).unwrap().check(&manifest)
    };
    check(&[]).unwrap();
    check(&["lib/*/priv/static/cache_manifest.json", "**/*.boot", "./bin/app"]).unwrap();
    insta::assert_snapshot!(check(&["lib/*/cache_manifest.json", "bin/app", "*.boot"]).unwrap_err(),
        @"the release lacks what REQUIRED_FILES asks for: lib/*/cache_manifest.json, *.boot");
    assert!(RequiredFiles::parse(&["lib/[".to_owned()]).is_err());
}
