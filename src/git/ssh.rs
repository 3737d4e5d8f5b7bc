//! How the system's git reaches a build host: the same way as our sessions do.

use crate::settings::SshSettings;
use crate::transport::HostAddr;
use crate::transport::quote::quote;

/// The value of GIT_SSH_COMMAND: `base` (what the user has git run, usually `ssh`) with the settings of our
/// sessions. A peer that vanishes during a push is noticed, too.
pub fn ssh_command(base: &str, ssh: &SshSettings) -> String {
    let mut command = base.to_owned();
    let mut option = |text: &str| {
        command.push(' ');
        command.push_str(text);
    };
    if let Some(config) = &ssh.config {
        option("-F");
        option(&quote(config.as_str()));
    }
    // ssh takes whole seconds, and 0 for no limit.
    option(&format!("-o ConnectTimeout={}", ssh.timeout.as_secs().max(1)));
    option("-o ServerAliveInterval=5 -o ServerAliveCountMax=3");
    command
}

/// Where git pushes to: the absolute `directory` on `host`.
pub fn push_url(host: &HostAddr, directory: &str) -> String {
    if host.is_local() {
        return directory.to_owned();
    }
    let mut url = "ssh://".to_owned();
    if let Some(user) = host.user() {
        url += &format!("{}@", encode(user));
    }
    // An IPv6 address has colons of its own.
    url += &if host.host().contains(':') { format!("[{}]", host.host()) } else { encode(host.host()) };
    if let Some(port) = host.port() {
        url += &format!(":{port}");
    }
    url + &encode(directory)
}

/// `text` with what has a meaning in URLs in percent form, which git turns back.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn urls_keep_every_part() {
        for (host, directory, url) in [
            ("build", "/opt/app", "ssh://build/opt/app"),
            ("me@build:2222", "/home/me/my app", "ssh://me@build:2222/home/me/my%20app"),
            ("me@acme.com@build", "/x", "ssh://me%40acme.com@build/x"),
            ("::1", "/x", "ssh://[::1]/x"),
            ("build", "/100%/a#b?c", "ssh://build/100%25/a%23b%3Fc"),
            ("local", "/opt/my app", "/opt/my app"),
        ] {
            assert_eq!(push_url(&host.parse().unwrap(), directory), url);
        }
    }

    #[test]
    fn git_connects_as_our_sessions_do() {
        let plain = SshSettings { config: None, timeout: Duration::from_secs(3) };
        assert_eq!(
            ssh_command("ssh", &plain),
            "ssh -o ConnectTimeout=3 -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
        );
        let own = SshSettings { config: Some("/my conf".into()), timeout: Duration::from_millis(200) };
        assert_eq!(
            ssh_command("ssh -i key", &own),
            "ssh -i key -F '/my conf' -o ConnectTimeout=1 -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
        );
    }
}
