//! The address of a host as configs write it: `[user@]host[:port]`, or `local`.

use std::fmt;
use std::str::FromStr;

/// Where a command runs: a host reached over ssh, or this machine.
///
/// The host may be an alias of the user's ssh configuration. `local` means this machine, without ssh;
/// `local/NAME` the same with a home directory of its own, for trials with several "hosts". A port
/// other than the configuration's is written `host:2222`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostAddr {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Why a text is no host address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{text}' is not a host address ([user@]host[:port]): {reason}")]
pub struct InvalidHostAddr {
    text: String,
    reason: &'static str,
}

impl HostAddr {
    /// This machine, without ssh.
    pub fn local() -> Self {
        Self { user: None, host: "local".to_owned(), port: None }
    }

    /// The same host, logged in to as `user`; a user that the address names itself stays.
    #[must_use]
    pub fn with_default_user(mut self, user: &str) -> Self {
        if self.user.is_none() && !self.is_local() && !user.is_empty() {
            self.user = Some(user.to_owned());
        }
        self
    }

    /// The user to log in as; without one, the ssh configuration decides.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host name or ssh alias.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where the address names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether this is this machine, reached without ssh.
    pub fn is_local(&self) -> bool {
        self.host == "local" || self.local_name().is_some()
    }

    /// The NAME of `local/NAME`.
    pub fn local_name(&self) -> Option<&str> {
        self.host.strip_prefix("local/")
    }
}

impl FromStr for HostAddr {
    type Err = InvalidHostAddr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidHostAddr { text: text.to_owned(), reason };
        let (user, rest) = match text.rsplit_once('@') {
            Some(("", _)) => return Err(invalid("the user is empty")),
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => {
                let port = port.parse().map_err(|_| invalid("the port is not a number up to 65535"))?;
                (host, Some(port))
            }
            _ => (rest, None),
        };
        if host.is_empty() {
            return Err(invalid("the host is empty"));
        }
        // A leading '-' would be read as an option by ssh.
        if host.starts_with('-') || user.as_deref().is_some_and(|user| user.starts_with('-')) {
            return Err(invalid("it starts with '-'"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || "'\"\\$`;&|<>()".contains(c)) {
            return Err(invalid("it has a character that no host name has"));
        }
        let mut addr = Self { user, host: host.to_owned(), port };
        match addr.local_name() {
            Some("" | "." | "..") => {
                return Err(invalid("the name after local/ is empty or leads elsewhere"));
            }
            Some(name) if name.contains('/') => return Err(invalid("the name after local/ has a '/'")),
            None if host.contains('/') => return Err(invalid("it has a '/'")),
            _ => {}
        }
        if addr.is_local() {
            // Configs set a user for every stage, but here no login takes place.
            addr.user = None;
        }
        Ok(addr)
    }
}

impl fmt::Display for HostAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_configs_write() {
        for (text, user, host, port) in [
            ("web-1", None, "web-1", None),
            ("deploy@web-1.acme.com", Some("deploy"), "web-1.acme.com", None),
            ("deploy@web-1:2222", Some("deploy"), "web-1", Some(2222)),
            ("me@acme.com@web-1", Some("me@acme.com"), "web-1", None),
            ("::1", None, "::1", None),
            ("anyone@local", None, "local", None),
            ("anyone@local/web-1", None, "local/web-1", None),
        ] {
            let addr: HostAddr = text.parse().unwrap();
            assert_eq!((addr.user(), addr.host(), addr.port()), (user, host, port), "{text}");
        }
    }

    #[test]
    fn refuses_what_would_be_an_option_or_a_command() {
        for text in [
            "",
            "@web",
            "-oProxyCommand=x",
            "u@-x",
            "web 1",
            "web;reboot",
            "web:99999",
            "$(x)",
            "local/..",
            "local/",
            "a/b",
        ] {
            assert!(text.parse::<HostAddr>().is_err(), "{text}");
        }
    }
}
