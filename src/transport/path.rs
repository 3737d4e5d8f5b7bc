//! Paths on a host.

use std::fmt;
use std::str::FromStr;

use super::quote::quote;

/// A path on a host. It may start with `~`, `~user` or `$HOME`, which the host expands; all else is
/// literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemotePath(String);

/// Why a text is no path on a host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRemotePath {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// A character that no path may have.
    #[error("'{0}' has a NUL or newline character")]
    Control(String),
    /// `~user` with a user name that no host has.
    #[error("'{0}' starts with '~' and a name that is no user name")]
    User(String),
}

impl RemotePath {
    /// The path below this one. `part` is taken literally.
    #[must_use]
    pub fn join(&self, part: &str) -> Self {
        Self(format!("{}/{}", self.0.trim_end_matches('/'), part.trim_start_matches('/')))
    }

    /// The path of a neighbour: this name with `suffix` at its end.
    #[must_use]
    pub(super) fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}{suffix}", self.0.trim_end_matches('/')))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a word of a POSIX shell on the host: quoted, with the home directory left for
    /// the host to expand.
    pub fn to_shell_word(&self) -> String {
        let (tilde, rest) = self.split_home();
        match tilde {
            None => quote(&self.0),
            Some(tilde) => match rest.strip_prefix('/') {
                None | Some("") => format!("{tilde}{rest}"),
                // The slash stays outside: behind a quote the shell would leave the '~' alone.
                Some(rest) => format!("{tilde}/{}", quote(rest)),
            },
        }
    }

    /// Splits off the part that the host expands (`~`, `~user`), leaving what is literal.
    fn split_home(&self) -> (Option<String>, &str) {
        for home in ["$HOME", "${HOME}"] {
            if let Some(rest) = self.0.strip_prefix(home)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return (Some("~".to_owned()), rest);
            }
        }
        if !self.0.starts_with('~') {
            return (None, &self.0);
        }
        let end = self.0.find('/').unwrap_or(self.0.len());
        (Some(self.0[..end].to_owned()), &self.0[end..])
    }
}

impl FromStr for RemotePath {
    type Err = InvalidRemotePath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidRemotePath::Empty);
        }
        if text.contains(['\0', '\n']) {
            return Err(InvalidRemotePath::Control(text.to_owned()));
        }
        let path = Self(text.to_owned());
        if let (Some(home), _) = path.split_home()
            && !home[1..].chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        {
            return Err(InvalidRemotePath::User(text.to_owned()));
        }
        Ok(path)
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_only_the_home_directory_to_the_host() {
        for (path, word) in [
            ("/opt/app", "/opt/app"),
            ("~/my app", "~/'my app'"),
            ("~deploy/app", "~deploy/app"),
            ("~deploy", "~deploy"),
            ("$HOME/app", "~/app"),
            ("~/", "~/"),
            ("~/$x", "~/'$x'"),
            ("${HOME}", "~"),
            ("$HOMER/app", "'$HOMER/app'"),
            ("/a'b", "'/a'\\''b'"),
        ] {
            assert_eq!(path.parse::<RemotePath>().unwrap().to_shell_word(), word, "{path}");
        }
    }

    #[test]
    fn a_shell_expands_the_home_directory_and_nothing_else() {
        let word = "~/a b/$HOME".parse::<RemotePath>().unwrap().to_shell_word();
        for shell in ["sh", "bash"] {
            let said = duct::cmd!(shell, "-c", format!("printf %s {word}")).env("HOME", "/home/me").read();
            assert_eq!(said.unwrap(), "/home/me/a b/$HOME");
        }
    }

    #[test]
    fn refuses_what_the_host_would_run() {
        assert_eq!("".parse::<RemotePath>(), Err(InvalidRemotePath::Empty));
        assert!("~$(reboot)/x".parse::<RemotePath>().is_err());
        assert!("a\nb".parse::<RemotePath>().is_err());
    }
}
