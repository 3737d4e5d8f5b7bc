//! SHA-256 checksums, as `sha256sum` prints them.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256 checksum; written in lower case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum([u8; 32]);

/// Why a text is no checksum.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a SHA-256 checksum (64 hexadecimal digits)")]
pub struct InvalidChecksum(String);

impl Sha256Sum {
    /// The checksum of everything that `source` gives, and how many bytes that were.
    ///
    /// # Errors
    /// When `source` cannot be read.
    pub fn of(mut source: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            match source.read(&mut buffer)? {
                0 => return Ok((hasher.into(), size)),
                count => {
                    hasher.update(&buffer[..count]);
                    size += count as u64;
                }
            }
        }
    }
}

impl From<Sha256> for Sha256Sum {
    fn from(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Sum({self})")
    }
}

impl From<Sha256Sum> for String {
    fn from(sum: Sha256Sum) -> Self {
        sum.to_string()
    }
}

impl FromStr for Sha256Sum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidChecksum(text.to_owned());
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut sum = [0; 32];
        for (index, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(sum))
    }
}

impl TryFrom<String> for Sha256Sum {
    type Error = InvalidChecksum;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256Sum;

    #[test]
    fn reads_and_writes_what_sha256sum_prints() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let (sum, size) = Sha256Sum::of(&b"abc"[..]).unwrap();
        assert_eq!((sum.to_string().as_str(), size), (text, 3));
        assert_eq!(text.parse(), Ok(sum));
        assert!("ba78".parse::<Sha256Sum>().is_err());
        assert!(
            "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse::<Sha256Sum>().is_err()
        );
    }
}
