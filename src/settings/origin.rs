//! A setting's value and where it came from.

use std::fmt;

use camino::Utf8PathBuf;

use super::table::known;
use crate::report::Redactor;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// `.deliver/config`.
    Config {
        /// The file, relative to the project where it lies below it.
        file: Utf8PathBuf,
        /// The line that assigned it last.
        line: usize,
    },
    /// The environment that we were started with.
    Environment,
    /// `.deliver/.env`.
    DotEnv {
        /// The file, relative to the project.
        file: Utf8PathBuf,
        /// The line.
        line: usize,
    },
    /// A word or option of the command line.
    CommandLine,
    /// A function of the config that has run.
    Hook,
}

impl Origin {
    /// As `check config --json` calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::Config { .. } => "config",
            Origin::Environment => "environment",
            Origin::DotEnv { .. } => ".env",
            Origin::CommandLine => "command line",
            Origin::Hook => "a hook",
        }
    }

    /// The file and the line, where it came from one.
    pub fn place(&self) -> Option<(&Utf8PathBuf, usize)> {
        match self {
            Origin::Config { file, line } | Origin::DotEnv { file, line } => Some((file, *line)),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Some((file, line)) => write!(f, "{file}:{line}"),
            None => f.write_str(self.kind()),
        }
    }
}

/// A setting that has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

impl Setting {
    /// Whether the whole value is a secret. Everything in `.deliver/.env` is one.
    pub fn is_secret(&self) -> bool {
        Redactor::is_secret_name(&self.name) || matches!(self.origin, Origin::DotEnv { .. })
    }

    /// Whether nothing reads it.
    pub fn is_unused(&self) -> bool {
        known(&self.name).is_some_and(|known| known.is_unused())
    }

    /// The secret parts of the value: all of it, or the credentials in a URL.
    pub fn secrets(&self) -> Vec<&str> {
        if self.is_secret() {
            return vec![&self.value];
        }
        credentials(&self.value)
    }

    /// The value as it may be shown.
    pub fn shown(&self) -> String {
        if self.is_secret() && !self.value.is_empty() {
            return Redactor::MASK.to_owned();
        }
        let mut shown = self.value.clone();
        for secret in credentials(&self.value) {
            shown = shown.replace(secret, Redactor::MASK);
        }
        shown
    }
}

/// Key and secret of `s3://KEY@SECRET:bucket`, the password of `scheme://user:password@host`.
fn credentials(value: &str) -> Vec<&str> {
    let Some((scheme, rest)) = value.split_once("://") else { return Vec::new() };
    let found = if scheme.eq_ignore_ascii_case("s3") {
        let account = rest.rsplit_once(':').map_or(rest, |(account, _)| account);
        account.split_once('@').map(|(key, secret)| vec![key, secret])
    } else {
        let account = rest.split('/').next().and_then(|authority| authority.rsplit_once('@'));
        account.and_then(|(account, _)| account.split_once(':')).map(|(_, password)| vec![password])
    };
    found.unwrap_or_default().into_iter().filter(|secret| !secret.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_wherever_they_stand() {
        for (name, value, shown) in [
            ("RELEASE_STORE", "s3://AKIA1@se/cr+et:bucket", "s3://[secret]@[secret]:bucket"),
            ("RELEASE_STORE", "https://me:pass@acme.com/x", "https://me:[secret]@acme.com/x"),
            ("RELEASE_STORE", "docker://acme/app", "docker://acme/app"),
            ("RELEASE_STORE", "me@acme.com:/store", "me@acme.com:/store"),
            ("AWS_SECRET_ACCESS_KEY", "x", "[secret]"),
        ] {
            let setting = Setting { name: name.to_owned(), value: value.to_owned(), origin: Origin::Default };
            assert_eq!(setting.shown(), shown);
        }
    }
}
