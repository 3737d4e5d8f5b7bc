//! The known_hosts files, and what they say about the key that a host shows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use ssh2::{CheckResult, HostKeyType, KnownHostFileKind};

use crate::transport::ssh_config::SshConfig;

/// The lines of all known_hosts files, by file and kind of key.
pub(in crate::transport) struct KnownHosts {
    lines: BTreeMap<(Utf8PathBuf, String), Vec<String>>,
    beyond_libssh2: bool,
}

/// What is known about the key that a host shows.
pub(super) enum Verdict {
    /// It is the known one.
    Known,
    /// The host is known, with another key.
    Changed { file: Utf8PathBuf, kind: String },
    /// The host is not known. This line would make it so.
    Unknown { line: String },
}

impl KnownHosts {
    /// Reads the files that the configuration names; those that cannot be read hold nothing.
    pub(in crate::transport) fn read(config: &SshConfig) -> Self {
        let mut known = Self { lines: BTreeMap::new(), beyond_libssh2: false };
        for file in config.user_known_hosts.iter().chain(&config.global_known_hosts) {
            for line in fs_err::read_to_string(file).unwrap_or_default().lines() {
                known.add(file, line.trim());
            }
        }
        known
    }

    /// Whether a line needs what libssh2 does not understand: patterns, certificate authorities,
    /// revoked keys.
    pub(in crate::transport) fn beyond_libssh2(&self) -> bool {
        self.beyond_libssh2
    }

    fn add(&mut self, file: &Utf8Path, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let mut words = line.split_whitespace();
        let (Some(hosts), Some(kind)) = (words.next(), words.next()) else { return };
        if !hosts.starts_with('|') && hosts.contains(['@', '*', '?', '!']) {
            self.beyond_libssh2 = true;
        } else {
            let place = (file.to_owned(), kind.to_owned());
            self.lines.entry(place).or_default().push(line.to_owned());
        }
    }

    /// The kinds of keys by which a host is known.
    pub(super) fn kinds(&self, session: &ssh2::Session, name: &str) -> Result<Vec<String>, ssh2::Error> {
        let mut kinds = Vec::new();
        for ((_, kind), lines) in &self.lines {
            // No host has this key: a line for the host is told by the mismatch.
            let found = !matches!(check(session, lines, name, b"-")?, CheckResult::NotFound);
            if found && !kinds.contains(kind) {
                kinds.push(kind.clone());
            }
        }
        Ok(kinds)
    }

    /// What is known about the key that the host has shown in the handshake.
    pub(super) fn verdict(&self, session: &ssh2::Session, name: &str) -> Result<Verdict, ssh2::Error> {
        let (key, kind) = session.host_key().ok_or_else(ssh2::Error::unknown)?;
        let mut changed = None;
        for ((file, kind), lines) in &self.lines {
            match check(session, lines, name, key)? {
                CheckResult::Match => return Ok(Verdict::Known),
                CheckResult::Mismatch => {
                    changed = Some(Verdict::Changed { file: file.clone(), kind: kind.clone() });
                }
                CheckResult::NotFound | CheckResult::Failure => {}
            }
        }
        match changed {
            Some(changed) => Ok(changed),
            None => Ok(Verdict::Unknown { line: line(session, name, key, kind)? }),
        }
    }
}

/// Compares a host's key with these lines.
fn check(
    session: &ssh2::Session,
    lines: &[String],
    name: &str,
    key: &[u8],
) -> Result<CheckResult, ssh2::Error> {
    let mut known = session.known_hosts()?;
    for line in lines {
        // A line that libssh2 cannot read says nothing, as for ssh.
        let _ = known.read_str(line, KnownHostFileKind::OpenSSH);
    }
    // The name has its port in it where that matters.
    Ok(known.check(name, key))
}

/// The line of a known_hosts file for this key.
fn line(session: &ssh2::Session, name: &str, key: &[u8], kind: HostKeyType) -> Result<String, ssh2::Error> {
    let mut known = session.known_hosts()?;
    known.add(name, key, "", kind.into())?;
    let entry = known.hosts()?.pop().ok_or_else(ssh2::Error::unknown)?;
    known.write_string(&entry, KnownHostFileKind::OpenSSH)
}

/// Appends a line to a known_hosts file; makes the file and its directory, private, where missing.
pub(super) fn add(file: &Utf8Path, line: &str) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let before = fs_err::read(file).unwrap_or_default();
    let newline = if before.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
    let mut options = std::fs::OpenOptions::new();
    let mut open = options.append(true).create(true).mode(0o600).open(file)?;
    // In one write: other hosts may be added at the same time.
    open.write_all(format!("{newline}{}\n", line.trim_end()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMNYGx7r1rPJ3mQSWHj9dhzKpPvL0y3vA3SxTyD7cHOd";

    fn known(text: &str) -> KnownHosts {
        let dir = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(dir.path()).unwrap().join("known");
        fs_err::write(&file, text).unwrap();
        KnownHosts::read(&SshConfig { user_known_hosts: vec![file], ..SshConfig::default() })
    }

    #[test]
    fn finds_the_kinds_of_keys_of_a_host() {
        let session = ssh2::Session::new().unwrap();
        let known = known(&format!("# old\n[web]:2222 {ED25519}\nweb,10.0.0.1 {ED25519} me@home\n"));
        for (name, expected) in [
            ("web", &["ssh-ed25519"][..]),
            ("10.0.0.1", &["ssh-ed25519"]),
            ("[web]:2222", &["ssh-ed25519"]),
            ("[web]:22", &[]),
            ("webs", &[]),
        ] {
            assert_eq!(known.kinds(&session, name).unwrap(), expected, "{name}");
        }
        assert!(!known.beyond_libssh2());
    }

    #[test]
    fn leaves_patterns_and_authorities_to_openssh() {
        assert!(known(&format!("*.acme.com {ED25519}\n")).beyond_libssh2());
        assert!(known(&format!("@cert-authority acme.com {ED25519}\n")).beyond_libssh2());
    }

    #[test]
    fn adds_a_line_to_a_file_that_may_not_be_there() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(dir.path()).unwrap().join(".ssh/known_hosts");
        add(&file, "a ssh-rsa A\n").unwrap();
        fs_err::write(&file, "a ssh-rsa A").unwrap();
        add(&file, "b ssh-rsa B\n").unwrap();
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "a ssh-rsa A\nb ssh-rsa B\n");
        let mode = |path: &Utf8Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
}
