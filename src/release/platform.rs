//! What a release's own Erlang runtime needs of a host, read from the emulator's ELF headers.

use std::fmt;

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use serde::{Deserialize, Serialize};

/// The machine and C library that an emulator was built for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// As `uname -m` calls it.
    pub machine: String,
    /// The C library that it is linked with.
    pub libc: Libc,
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Libc {
    /// glibc: as a need the lowest version that will do, of a host the one it has.
    Glibc(u32, u32),
    /// musl.
    Musl,
    /// None that we know, or linked statically.
    Other,
}

impl Libc {
    /// Whether a program that needs this runs on a host that has `other`. What is not known may do.
    pub fn runs_on(self, other: Libc) -> bool {
        match (self, other) {
            (Libc::Glibc(major, minor), Libc::Glibc(has_major, has_minor)) => {
                (major, minor) <= (has_major, has_minor)
            }
            (Libc::Glibc(..), Libc::Musl) | (Libc::Musl, Libc::Glibc(..)) => false,
            _ => true,
        }
    }

    /// Reads what a host says: `glibc 2.36` (getconf GNU_LIBC_VERSION) or `musl`.
    pub fn parse(text: &str) -> Self {
        let version = text.strip_prefix("glibc ").and_then(version);
        match (text, version) {
            (_, Some((major, minor))) => Libc::Glibc(major, minor),
            ("musl", _) => Libc::Musl,
            _ => Libc::Other,
        }
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Libc::Glibc(major, minor) => write!(f, "glibc {major}.{minor}"),
            Libc::Musl => f.write_str("musl"),
            Libc::Other => f.write_str("another C library"),
        }
    }
}

impl Platform {
    /// Reads an emulator. None when it is no ELF file of a machine that we know.
    pub fn of_elf(bytes: &[u8]) -> Option<Self> {
        match object::FileKind::parse(bytes).ok()? {
            object::FileKind::Elf64 => read::<elf::FileHeader64<Endianness>>(bytes),
            object::FileKind::Elf32 => read::<elf::FileHeader32<Endianness>>(bytes),
            _ => None,
        }
    }

    /// Whether a host of this kind (`uname -m`) runs it.
    pub fn runs_on_machine(&self, machine: &str) -> bool {
        let machine = match machine {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => other,
        };
        self.machine == machine
            || (self.machine == "i686" && (machine == "x86_64" || machine.ends_with("86")))
            || (self.machine == "arm" && (machine.starts_with("arm") || machine == "aarch64"))
    }
}

fn read<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Platform> {
    let header = H::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let machine = match header.e_machine(endian) {
        elf::EM_X86_64 => "x86_64",
        elf::EM_386 => "i686",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm",
        elf::EM_PPC64 => "ppc64le",
        elf::EM_S390 => "s390x",
        elf::EM_RISCV => "riscv64",
        _ => return None,
    };
    let interpreter = header
        .program_headers(endian, bytes)
        .ok()?
        .iter()
        .find_map(|segment| segment.interpreter(endian, bytes).ok().flatten())
        .unwrap_or_default();
    let libc = if interpreter.windows(4).any(|part| part == b"musl") {
        Libc::Musl
    } else {
        newest_glibc(header, endian, bytes).map_or(Libc::Other, |(major, minor)| Libc::Glibc(major, minor))
    };
    Some(Platform { machine: machine.to_owned(), libc })
}

/// The newest version of a glibc symbol that is needed.
fn newest_glibc<H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &[u8],
) -> Option<(u32, u32)> {
    let sections = header.sections(endian, bytes).ok()?;
    let (mut libraries, link) = sections.gnu_verneed(endian, bytes).ok()??;
    let strings = sections.strings(endian, bytes, link).ok()?;
    let mut newest = None;
    while let Ok(Some((_, mut needs))) = libraries.next() {
        while let Ok(Some(need)) = needs.next() {
            let name = need.name(endian, strings).ok().and_then(|name| std::str::from_utf8(name).ok());
            newest = newest.max(name.and_then(|name| version(name.strip_prefix("GLIBC_")?)));
        }
    }
    newest
}

/// `2.36` or `2.2.5`: major and minor.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_very_program() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let platform = Platform::of_elf(&program).unwrap();
        let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
        assert!(platform.runs_on_machine(&machine), "{platform:?} on {machine}");
        let host = duct::cmd!("getconf", "GNU_LIBC_VERSION")
            .stderr_null()
            .read()
            .map_or(Libc::Musl, |text| Libc::parse(&text));
        assert!(
            platform.libc != Libc::Other && platform.libc.runs_on(host),
            "{:?} on {host:?}",
            platform.libc
        );
        assert!(!platform.runs_on_machine("sparc64"));
    }

    #[test]
    fn compares_libraries() {
        assert!(!Libc::Glibc(2, 38).runs_on(Libc::parse("glibc 2.36")));
        assert!(Libc::Glibc(2, 4).runs_on(Libc::parse("glibc 2.36")));
        assert!(!Libc::Glibc(2, 4).runs_on(Libc::parse("musl")));
        assert!(!Libc::Musl.runs_on(Libc::Glibc(2, 36)));
        assert!(Libc::Musl.runs_on(Libc::Other));
        assert_eq!(Platform::of_elf(b"#!/bin/sh\n"), None);
    }
}
