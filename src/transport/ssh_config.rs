//! What the user's ssh configuration says about a host, as `ssh -G` resolves it.

use std::io::ErrorKind;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use super::{ConnectOptions, HostAddr, TransportError};

/// Whether a host key that is not known yet is accepted (StrictHostKeyChecking).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Strictness {
    /// Never.
    Refuse,
    /// On first contact: what `ask` and `accept-new` mean for a program that cannot ask.
    #[default]
    AcceptNew,
    /// `no`: OpenSSH would take even a changed key then.
    Off,
}

/// The agent to ask for keys (IdentityAgent).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum AgentChoice {
    /// The one that SSH_AUTH_SOCK names.
    #[default]
    Environment,
    /// The one behind this socket.
    Socket(Utf8PathBuf),
    /// None.
    Disabled,
}

/// The ssh configuration of one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SshConfig {
    pub(super) hostname: String,
    pub(super) user: String,
    pub(super) port: u16,
    /// The name under which known_hosts files have it, instead of its own (HostKeyAlias).
    pub(super) host_key_alias: Option<String>,
    pub(super) identity_files: Vec<Utf8PathBuf>,
    pub(super) identities_only: bool,
    pub(super) agent: AgentChoice,
    pub(super) user_known_hosts: Vec<Utf8PathBuf>,
    pub(super) global_known_hosts: Vec<Utf8PathBuf>,
    pub(super) strictness: Strictness,
    /// Whether the configuration forwards the agent (ForwardAgent).
    pub(super) forward_agent: bool,
    /// What libssh2 cannot do, as it stands in the configuration.
    pub(super) beyond_libssh2: Vec<String>,
}

impl SshConfig {
    /// Asks `ssh -G`. None where there is no `ssh`.
    ///
    /// # Errors
    /// [`TransportError::Connect`] when the configuration is wrong.
    pub(super) fn query(addr: &HostAddr, options: &ConnectOptions) -> Result<Option<Self>, TransportError> {
        let failed = |reason| TransportError::Connect { host: addr.clone(), reason };
        let output =
            match ssh_program(addr, options.ssh_config.as_deref()).arg("-G").arg(addr.host()).output() {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(format!("cannot run `ssh -G`: {error}"))),
                Ok(output) => output,
            };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("`ssh -G` refuses the ssh configuration: {}", said.trim())));
        }
        let home = home_directory();
        Self::parse(&String::from_utf8_lossy(&output.stdout), &home)
            .map(Some)
            .ok_or_else(|| failed("`ssh -G` does not say where the host is".to_owned()))
    }

    /// What holds without any ssh program: the usual names of things.
    pub(super) fn without_ssh(addr: &HostAddr) -> Self {
        let ssh = home_directory().join(".ssh");
        let user = addr.user().map(str::to_owned).or_else(|| std::env::var("USER").ok());
        Self {
            hostname: addr.host().to_owned(),
            user: user.unwrap_or_else(|| "root".to_owned()),
            port: addr.port().unwrap_or(22),
            identity_files: ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| ssh.join(name)).to_vec(),
            user_known_hosts: vec![ssh.join("known_hosts")],
            global_known_hosts: vec!["/etc/ssh/ssh_known_hosts".into()],
            ..Self::default()
        }
    }

    /// The name under which known_hosts files have the host.
    pub(super) fn known_name(&self) -> String {
        match (&self.host_key_alias, self.port) {
            (Some(alias), _) => alias.clone(),
            (None, 22) => self.hostname.clone(),
            (None, port) => format!("[{}]:{port}", self.hostname),
        }
    }

    /// The socket of the agent, where there is one.
    pub(super) fn agent_socket(&self) -> Option<Utf8PathBuf> {
        let socket = match &self.agent {
            AgentChoice::Disabled => None,
            AgentChoice::Socket(path) => Some(path.clone()),
            AgentChoice::Environment => std::env::var("SSH_AUTH_SOCK").ok().map(Utf8PathBuf::from),
        };
        socket.filter(|path| path.exists())
    }

    /// Reads the output of `ssh -G`. None when it lacks the host, the user or the port.
    fn parse(text: &str, home: &Utf8Path) -> Option<Self> {
        let mut config = Self::default();
        let lines: Vec<_> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        let value = |wanted: &str| lines.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        config.hostname = value("hostname")?.to_owned();
        config.user = value("user")?.to_owned();
        config.port = value("port")?.parse().ok()?;
        for (name, value) in &lines {
            config.set(name, value.trim(), home);
        }
        Some(config)
    }

    fn set(&mut self, name: &str, value: &str, home: &Utf8Path) {
        let unset = matches!(value, "none" | "no" | "false" | "");
        match name {
            "hostkeyalias" => self.host_key_alias = Some(value.to_owned()),
            "identitiesonly" => self.identities_only = value == "yes",
            "identityfile" if !unset => match self.expand(value, home) {
                Some(path) => self.identity_files.push(path),
                None => self.beyond_libssh2.push(format!("IdentityFile {value}")),
            },
            "identityagent" => match value {
                "none" => self.agent = AgentChoice::Disabled,
                "SSH_AUTH_SOCK" => self.agent = AgentChoice::Environment,
                _ => match self.expand(value, home) {
                    Some(path) => self.agent = AgentChoice::Socket(path),
                    None => self.beyond_libssh2.push(format!("IdentityAgent {value}")),
                },
            },
            "userknownhostsfile" => self.user_known_hosts = self.expand_all(value, home),
            "globalknownhostsfile" => self.global_known_hosts = self.expand_all(value, home),
            "stricthostkeychecking" => {
                self.strictness = match value {
                    "true" | "yes" => Strictness::Refuse,
                    "false" | "no" | "off" => Strictness::Off,
                    _ => Strictness::AcceptNew,
                }
            }
            "forwardagent" => {
                self.forward_agent = !unset;
                // Another agent than the environment's.
                if !unset && value != "yes" {
                    self.beyond_libssh2.push(format!("{name} {value}"));
                }
            }
            "proxyjump"
            | "proxycommand"
            | "certificatefile"
            | "pkcs11provider"
            | "bindaddress"
            | "bindinterface"
            | "knownhostscommand"
            | "revokedhostkeys"
            | "verifyhostkeydns"
            | "hostbasedauthentication"
                if !unset =>
            {
                self.beyond_libssh2.push(format!("{name} {value}"));
            }
            "addressfamily" if value != "any" => self.beyond_libssh2.push(format!("{name} {value}")),
            "pubkeyauthentication" if unset => self.beyond_libssh2.push(format!("{name} {value}")),
            "preferredauthentications" if !value.split(',').any(|method| method == "publickey") => {
                self.beyond_libssh2.push(format!("{name} {value}"));
            }
            _ => {}
        }
    }

    fn expand_all(&self, value: &str, home: &Utf8Path) -> Vec<Utf8PathBuf> {
        value.split_whitespace().filter_map(|word| self.expand(word, home)).collect()
    }

    /// A path of the configuration, with the home directory and the usual tokens filled in. None
    /// when it has others.
    fn expand(&self, value: &str, home: &Utf8Path) -> Option<Utf8PathBuf> {
        let mut path = String::new();
        let mut chars = value.trim_matches('"').chars();
        while let Some(char) = chars.next() {
            match char {
                '$' => return None,
                '%' => match chars.next()? {
                    '%' => path.push('%'),
                    'd' => path.push_str(home.as_str()),
                    'h' => path.push_str(&self.hostname),
                    'p' => path.push_str(&self.port.to_string()),
                    'r' => path.push_str(&self.user),
                    _ => return None,
                },
                char => path.push(char),
            }
        }
        match path.strip_prefix('~') {
            None => Some(path.into()),
            Some(rest) => rest.strip_prefix('/').map(|rest| home.join(rest)),
        }
    }
}

/// The `ssh` program with what names the configuration, the user and the port.
pub(super) fn ssh_program(addr: &HostAddr, config: Option<&Utf8Path>) -> Command {
    let mut command = Command::new("ssh");
    if let Some(file) = config {
        command.args(["-F", file.as_str()]);
    }
    if let Some(user) = addr.user() {
        command.args(["-l", user]);
    }
    if let Some(port) = addr.port() {
        command.args(["-p", &port.to_string()]);
    }
    command
}

/// The home directory; the working directory for a user who has none.
fn home_directory() -> Utf8PathBuf {
    std::env::home_dir().and_then(|home| Utf8PathBuf::try_from(home).ok()).unwrap_or_else(|| ".".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "host web\nuser deploy\nhostname web-1.acme.com\nport 2222\naddressfamily any\n\
        gssapiauthentication yes\nidentitiesonly no\npubkeyauthentication true\nhostbasedauthentication no\n\
        stricthostkeychecking ask\nverifyhostkeydns false\nidentityfile ~/.ssh/id_rsa\n\
        identityfile %d/.ssh/%r@%h\nglobalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n\
        userknownhostsfile ~/.ssh/known_hosts /x/known\nforwardagent no\ncertificatefile none\n";

    fn parse(more: &str) -> SshConfig {
        SshConfig::parse(&format!("{USUAL}{more}"), "/home/me".into()).unwrap()
    }

    #[test]
    fn reads_what_ssh_says() {
        assert_eq!(
            parse(""),
            SshConfig {
                hostname: "web-1.acme.com".to_owned(),
                user: "deploy".to_owned(),
                port: 2222,
                identity_files: vec![
                    "/home/me/.ssh/id_rsa".into(),
                    "/home/me/.ssh/deploy@web-1.acme.com".into()
                ],
                user_known_hosts: vec!["/home/me/.ssh/known_hosts".into(), "/x/known".into()],
                global_known_hosts: vec![
                    "/etc/ssh/ssh_known_hosts".into(),
                    "/etc/ssh/ssh_known_hosts2".into()
                ],
                ..SshConfig::default()
            }
        );
        assert_eq!(parse("").known_name(), "[web-1.acme.com]:2222");
        assert_eq!(parse("hostkeyalias web\n").known_name(), "web");
        assert_eq!(parse("identityagent none\n").agent, AgentChoice::Disabled);
        assert_eq!(parse("identityagent ~/a.sock\n").agent, AgentChoice::Socket("/home/me/a.sock".into()));
        assert!(parse("forwardagent /tmp/agent\n").forward_agent);
        assert_eq!(SshConfig::parse("user me\n", "/".into()), None);
    }

    #[test]
    fn strictness_as_ssh_writes_it() {
        for (value, expected) in [
            ("true", Strictness::Refuse),
            ("yes", Strictness::Refuse),
            ("false", Strictness::Off),
            ("accept-new", Strictness::AcceptNew),
            ("ask", Strictness::AcceptNew),
        ] {
            assert_eq!(parse(&format!("stricthostkeychecking {value}\n")).strictness, expected, "{value}");
        }
    }

    #[test]
    fn says_what_libssh2_lacks() {
        for line in [
            "proxyjump bastion",
            "proxycommand nc %h %p",
            "certificatefile ~/.ssh/id-cert.pub",
            "pkcs11provider /usr/lib/opensc.so",
            "preferredauthentications gssapi-with-mic",
            "pubkeyauthentication false",
            "addressfamily inet6",
        ] {
            assert_eq!(parse(&format!("{line}\n")).beyond_libssh2, [line]);
        }
        assert_eq!(parse("identityfile ~/.ssh/%C\n").beyond_libssh2, ["IdentityFile ~/.ssh/%C"]);
        assert_eq!(parse("proxyjump none\n").beyond_libssh2, Vec::<String>::new());
    }
}
