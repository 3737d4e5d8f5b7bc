//! Archives of stand-in releases, made once for each kind.

use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use fs_err as fs;
use sha2::{Digest, Sha256};

use super::super::session::noise;

/// The application.
pub const APP: &str = "stand_in";

/// How large a file is that all versions have: as a module of Erlang is. Bytes.
const COMMON_FILE: usize = 32 * 1024;

const MAKE: &str = include_str!("../../stand_in/make-release.sh");
const NODE: &str = include_str!("../../stand_in/node.sh");
const OTHER_TOOLS: &str = include_str!("../../stand_in/other_tools.sh");

/// What a stand-in release is to be like.
#[derive(Debug, Clone)]
pub struct Release {
    version: String,
    args: Vec<String>,
    common_kb: usize,
    entries: Vec<(String, u32, Entry)>,
}

/// One more entry of an archive.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A file with this content.
    File(&'static str),
    /// A directory.
    Directory,
    /// A symbolic link to this.
    Symlink(&'static str),
    /// Another name of this entry.
    Hardlink(&'static str),
    /// A device node.
    Device,
}

impl From<&str> for Release {
    /// The usual one of this version.
    fn from(version: &str) -> Self {
        // Each version has another cookie, as clean builds make them.
        let args = vec!["--cookie".to_owned(), format!("cookie_of_{version}")];
        Self { version: version.to_owned(), args, common_kb: 0, entries: Vec::new() }
    }
}

impl Release {
    /// The usual one of this version.
    pub fn of(version: &str) -> Self {
        version.into()
    }

    /// With `APP/` before every entry of the archive.
    pub fn prefixed(self) -> Self {
        self.with(&["--prefix"])
    }

    /// As `make-release.sh` has it.
    pub fn behaves(self, behaviour: &str) -> Self {
        self.with(&["--behaviour", behaviour])
    }

    /// Of another application.
    pub fn of_app(self, app: &str) -> Self {
        self.with(&["--app", app])
    }

    /// With another node name.
    pub fn node(self, name: &str) -> Self {
        self.with(&["--node", name])
    }

    /// With a file of its own that does not compress.
    pub fn size_kb(self, size: usize) -> Self {
        self.with(&["--size-kb", &size.to_string()])
    }

    /// With this cookie, in place of one of its own.
    pub fn cookie(self, cookie: &str) -> Self {
        self.with(&["--cookie", cookie])
    }

    /// With files that do not compress and are the same in every version.
    pub fn common_kb(mut self, size: usize) -> Self {
        self.common_kb = size;
        self
    }

    /// With this entry and these permission bits, behind the usual ones.
    pub fn entry(mut self, name: &str, mode: u32, entry: Entry) -> Self {
        self.entries.push((name.to_owned(), mode, entry));
        self
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The archive. It is made at the first use; later runs of the tests find it.
    pub fn archive(&self) -> Utf8PathBuf {
        let more = format!("{} {:?}", self.common_kb, self.entries);
        let kind = format!("{MAKE}{NODE}{OTHER_TOOLS}{} {:?} {more}", self.version, self.args);
        let name: String = Sha256::digest(kind).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        let archive = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stand-in-{name}.tar.gz"));
        if !archive.exists() {
            self.make(&archive);
        }
        archive
    }

    fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    fn make(&self, archive: &Utf8Path) {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = Utf8PathBuf::try_from(dir.path().join("archive")).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in/make-release.sh");
        let args = [self.version.as_str(), made.as_str()];
        duct::cmd(script, args.into_iter().chain(self.args.iter().map(String::as_str))).run().unwrap();
        if self.common_kb > 0 {
            let noise = noise(self.common_kb * 1024);
            append(&made, |tar| {
                for (number, part) in noise.chunks(COMMON_FILE).enumerate() {
                    add_file(tar, &format!("lib/dep-1.0.0/ebin/common_{number}.beam"), 0o644, part);
                }
            });
        }
        if !self.entries.is_empty() {
            append(&made, |tar| {
                self.entries.iter().for_each(|(name, mode, entry)| add(tar, name, *mode, *entry))
            });
        }
        // In one step, as tests that run at the same time may want it too.
        fs::rename(made, archive).unwrap();
    }
}

type Tar = tar::Builder<GzEncoder<Vec<u8>>>;

/// Writes the archive anew, with more at its end.
fn append(archive: &Utf8Path, more: impl FnOnce(&mut Tar)) {
    let mut plain = Vec::new();
    std::io::copy(&mut GzDecoder::new(fs::File::open(archive).unwrap()), &mut plain).unwrap();
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut old = tar::Archive::new(plain.as_slice());
    for entry in old.entries().unwrap() {
        let entry = entry.unwrap();
        builder.append(&entry.header().clone(), entry).unwrap();
    }
    more(&mut builder);
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    fs::File::create(archive).unwrap().write_all(&bytes).unwrap();
}

fn add_file(tar: &mut Tar, name: &str, mode: u32, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, name, content).unwrap();
}

fn add(tar: &mut Tar, name: &str, mode: u32, entry: Entry) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(0);
    match entry {
        Entry::File(content) => add_file(tar, name, mode, content.as_bytes()),
        Entry::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, name, std::io::empty()).unwrap();
        }
        Entry::Symlink(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, name, target).unwrap();
        }
        Entry::Hardlink(target) => {
            header.set_entry_type(tar::EntryType::Link);
            tar.append_link(&mut header, name, target).unwrap();
        }
        Entry::Device => {
            header.set_entry_type(tar::EntryType::Block);
            header.set_device_major(7).unwrap();
            header.set_device_minor(0).unwrap();
            tar.append_data(&mut header, name, std::io::empty()).unwrap();
        }
    }
}
