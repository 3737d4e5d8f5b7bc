//! Hosts for tests: each is a real sshd of its own on 127.0.0.1, with a home directory of its own.
//!
//! ```ignore
//! let client = Client::new();
//! let host = Sshd::start(&client, "host-1");
//! // `ssh -F client.config() host-1` runs commands in `host.home()`.
//! ```

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

const SSHD: &str = "/usr/sbin/sshd";
/// Set for every process that a host runs, so that none outlives its test.
const MARK: &str = "EDELIVER_TEST_HOST";

/// The user's side: a home directory with a key, a known_hosts file and an ssh configuration in which
/// every host that was started for it has an alias.
pub struct Client {
    // Removed last.
    _dir: tempfile::TempDir,
    home: Utf8PathBuf,
}

impl Client {
    /// A user with a new key, who knows no host yet.
    pub fn new() -> Self {
        let (dir, home) = temporary_directory();
        fs::create_dir(home.join(".ssh")).unwrap();
        generate_key(&home.join(".ssh/id_ed25519"), "ed25519");
        fs::write(home.join(".ssh/known_hosts"), "").unwrap();
        fs::write(home.join(".ssh/config"), "").unwrap();
        Self { _dir: dir, home }
    }

    /// The home directory.
    pub fn home(&self) -> &Utf8Path {
        &self.home
    }

    /// The private key that the hosts accept.
    pub fn key(&self) -> Utf8PathBuf {
        self.home.join(".ssh/id_ed25519")
    }

    /// The keys of known hosts.
    pub fn known_hosts(&self) -> Utf8PathBuf {
        self.home.join(".ssh/known_hosts")
    }

    /// The ssh configuration, as `SSH_CONFIG` or `ssh -F` take it.
    pub fn config(&self) -> Utf8PathBuf {
        self.home.join(".ssh/config")
    }

    /// Adds an alias to the configuration. What `options` (lines) say comes before the usual.
    pub fn add_alias(&self, alias: &str, port: u16, options: &str) {
        let config = fs::read_to_string(self.config()).unwrap();
        let (key, known_hosts, user) = (self.key(), self.known_hosts(), user());
        let entry = format!(
            "Host {alias}\n{options}\nHostName 127.0.0.1\nPort {port}\nUser {user}\nIdentityFile {key}\n\
             IdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {known_hosts}\n\
             GlobalKnownHostsFile /dev/null\n\n"
        );
        fs::write(self.config(), config + &entry).unwrap();
    }

    /// Makes the key of a host known, for this port.
    pub fn trust(&self, port: u16, host: &Sshd) {
        let known = fs::read_to_string(self.known_hosts()).unwrap();
        let line = format!("[127.0.0.1]:{port} {}\n", host.public_key());
        fs::write(self.known_hosts(), known + &line).unwrap();
    }

    /// Makes no host known.
    pub fn forget_hosts(&self) {
        fs::write(self.known_hosts(), "").unwrap();
    }
}

/// What a host is to be like.
#[must_use]
pub struct SshdOptions {
    login_shell: &'static str,
    banner: Option<&'static str>,
    greeting: Option<&'static str>,
    config: &'static str,
    known: bool,
}

impl SshdOptions {
    /// The user's login shell: `bash` (as without this), `dash`, `zsh`, `fish`.
    pub fn login_shell(mut self, shell: &'static str) -> Self {
        self.login_shell = shell;
        self
    }

    /// What sshd says before the login.
    pub fn banner(mut self, text: &'static str) -> Self {
        self.banner = Some(text);
        self
    }

    /// What the login shell prints before every command, as a careless `.bashrc` does.
    pub fn greeting(mut self, text: &'static str) -> Self {
        self.greeting = Some(text);
        self
    }

    /// Lines of sshd_config that come before the usual.
    pub fn config(mut self, lines: &'static str) -> Self {
        self.config = lines;
        self
    }

    /// The client does not know the host's key yet.
    pub fn unknown(mut self) -> Self {
        self.known = false;
        self
    }

    /// Starts it, under this alias in the client's configuration.
    pub fn start(self, client: &Client, alias: &str) -> Sshd {
        let (dir, root) = temporary_directory();
        let mut host = Sshd { _dir: dir, root, port: 0, listener: None };
        host.lay_out(&self, client);
        // Another process may take the free port before sshd does.
        for _ in 0..20 {
            host.port = free_port();
            if host.listen() {
                client.add_alias(alias, host.port, "");
                if self.known {
                    client.trust(host.port, &host);
                }
                return host;
            }
        }
        panic!("sshd does not start:\n{}", host.log());
    }
}

/// A host.
pub struct Sshd {
    // Removed last.
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
    port: u16,
    listener: Option<Child>,
}

impl Sshd {
    /// A host of the usual kind, known to the client under this alias.
    pub fn start(client: &Client, alias: &str) -> Self {
        Self::options().start(client, alias)
    }

    /// To be told what the host is like.
    pub fn options() -> SshdOptions {
        SshdOptions { login_shell: "bash", banner: None, greeting: None, config: "", known: true }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The home directory of its user.
    pub fn home(&self) -> Utf8PathBuf {
        self.root.join("home")
    }

    /// Its public host key, as known_hosts has it.
    pub fn public_key(&self) -> String {
        let key = fs::read_to_string(self.root.join("host_key.pub")).unwrap();
        key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Accepts this public key as well.
    pub fn authorize(&self, public_key: &Utf8Path) {
        let file = self.root.join("authorized_keys");
        let keys = fs::read_to_string(&file).unwrap() + &fs::read_to_string(public_key).unwrap();
        fs::write(file, keys).unwrap();
    }

    /// What sshd wrote down.
    pub fn log(&self) -> String {
        log_of(&self.root)
    }

    /// How often somebody has logged in.
    pub fn logins(&self) -> usize {
        self.log().lines().filter(|line| line.contains("Accepted publickey for ")).count()
    }

    /// The software that made each connection: `libssh2_...`, `OpenSSH_...`.
    pub fn clients(&self) -> Vec<String> {
        let log = self.log();
        let versions = log.lines().filter_map(|line| line.split_once("remote software version "));
        versions.map(|(_, version)| version.trim().to_owned()).collect()
    }

    /// Ends the listener and all connections. What runs on the host goes on.
    pub fn stop(&mut self) {
        let connections = self.connections();
        if let Some(mut listener) = self.listener.take() {
            // It may have ended by itself.
            let _ = listener.kill();
            let _ = listener.wait();
        }
        signal(&connections, Signal::KILL);
    }

    /// Whether it takes connections.
    pub fn is_running(&self) -> bool {
        self.listener.is_some()
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        assert!(self.listener.is_none(), "it runs");
        assert!(self.listen(), "sshd does not start again:\n{}", self.log());
    }

    /// Ends all connections; new ones can be made.
    pub fn kill_connections(&self) {
        signal(&self.connections(), Signal::KILL);
    }

    /// Stops the sshd processes of all connections, as a host that hangs: they neither answer nor die.
    pub fn freeze(&self) {
        signal(&self.connections(), Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        signal(&self.connections(), Signal::CONT);
    }

    /// The arguments of every process that runs on the host now.
    pub fn process_list(&self) -> Vec<String> {
        self.processes()
            .into_iter()
            .filter_map(|pid| std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok())
            .map(|text| String::from_utf8_lossy(&text).replace('\0', " ").trim_end().to_owned())
            .collect()
    }

    /// Waits until this is true; panics with the host's log after a minute.
    pub fn wait_until(&self, what: &str, mut is_true: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !is_true(self) {
            assert!(begin.elapsed() < Duration::from_secs(60), "not {what}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends everything that was started on the host, daemons too.
    pub fn end_processes(&self) {
        // What is killed may have started something just before.
        for _ in 0..50 {
            let processes = self.processes();
            if processes.is_empty() {
                return;
            }
            signal(&processes, Signal::KILL);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn lay_out(&self, options: &SshdOptions, client: &Client) {
        let root = &self.root;
        fs::create_dir(self.home()).unwrap();
        generate_key(&root.join("host_key"), "ed25519");
        fs::copy(client.key().with_extension("pub"), root.join("authorized_keys")).unwrap();
        let greeting = options.greeting.map(|text| format!("echo '{text}'\n")).unwrap_or_default();
        let shell = which(options.login_shell);
        let login = format!(
            "#!/bin/sh\nHOME={home}\nSHELL={shell}\n{MARK}={root}\nexport HOME SHELL {MARK}\n\
             unset SHLVL\ncd \"$HOME\" || exit 1\n{greeting}\
             [ -n \"$SSH_ORIGINAL_COMMAND\" ] || exec {shell}\nexec {shell} -c \"$SSH_ORIGINAL_COMMAND\"\n",
            home = self.home(),
        );
        fs::write(root.join("login"), login).unwrap();
        make_executable(&root.join("login"));
        let banner = options.banner.map(|text| {
            fs::write(root.join("banner"), text).unwrap();
            format!("Banner {root}/banner\n")
        });
        // SHLVL keeps a bash that runs the wrapper from the .bashrc of this machine's user; the
        // login shell reads that of the host. LogLevel DEBUG1 names the client's software, and the reasons of refusals.
        let config = format!(
            "{lines}\nHostKey {root}/host_key\nAuthorizedKeysFile {root}/authorized_keys\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nForceCommand {root}/login\nMaxStartups 100:30:200\n\
             MaxSessions 20\nMaxAuthTries 6\nLogLevel DEBUG1\nPrintMotd no\nSetEnv SHLVL=1\nAcceptEnv LANG LC_*\n\
             Subsystem sftp internal-sftp\n{}",
            banner.unwrap_or_default(),
            lines = options.config,
        );
        fs::write(root.join("sshd_config"), config).unwrap();
    }

    /// Starts the listener; returns whether it got its port.
    fn listen(&mut self) -> bool {
        if rustix::process::geteuid().is_root() {
            // A privileged sshd wants this directory, which Debian's init makes.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let before = self.log().matches("Server listening on").count();
        let listener = Command::new(SSHD)
            .args(["-D", "-o", &format!("ListenAddress 127.0.0.1:{}", self.port)])
            .args(["-f", self.root.join("sshd_config").as_str(), "-E", self.root.join("log").as_str()])
            .stdin(Stdio::null())
            .spawn();
        let listener = self.listener.insert(listener.expect("sshd starts"));
        let begin = Instant::now();
        while listener.try_wait().expect("it is our child").is_none() {
            if log_of(&self.root).matches("Server listening on").count() > before {
                return true;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "sshd is silent:\n{}", log_of(&self.root));
            std::thread::sleep(Duration::from_millis(5));
        }
        self.listener = None;
        false
    }

    /// The sshd processes that carry connections: what the listener has started, and what those have.
    fn connections(&self) -> Vec<Pid> {
        let Some(listener) = &self.listener else { return Vec::new() };
        let mut found = vec![Pid::from_child(listener)];
        let mut next = 0;
        while next < found.len() {
            let path = format!("/proc/{0}/task/{0}/children", found[next].as_raw_nonzero());
            // A process that has ended since has no children.
            let children = std::fs::read_to_string(path).unwrap_or_default();
            let is_sshd = |pid: &Pid| {
                std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()))
                    .is_ok_and(|name| name.starts_with("sshd"))
            };
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
                    .filter(is_sshd),
            );
            next += 1;
        }
        found.split_off(1)
    }

    /// Every process that was started on the host, daemons too.
    fn processes(&self) -> Vec<Pid> {
        let mark = format!("{MARK}={}", self.root);
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
            .filter(|pid| {
                std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero()))
                    .is_ok_and(|vars| vars.split(|byte| *byte == 0).any(|var| var == mark.as_bytes()))
            })
            .collect()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        self.end_processes();
    }
}

fn log_of(root: &Utf8Path) -> String {
    // There is none before the first start.
    fs::read_to_string(root.join("log")).unwrap_or_default()
}

/// The user who runs the tests, who is the user on every host.
pub fn user() -> String {
    duct::cmd!("id", "-un").read().unwrap()
}

/// Makes a key pair without a passphrase.
pub fn generate_key(path: &Utf8Path, kind: &str) {
    duct::cmd!("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", path.as_str()).run().unwrap();
}

/// A port that was free just now.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn signal(processes: &[Pid], signal: Signal) {
    for process in processes {
        // It may have ended by itself.
        let _ = kill_process(*process, signal);
    }
}

fn which(program: &str) -> String {
    duct::cmd!("sh", "-c", format!("command -v {program}"))
        .read()
        .unwrap_or_else(|_| panic!("these tests need {program}"))
}

fn make_executable(path: &Utf8Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn temporary_directory() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::Builder::new().prefix("edeliver-test-").tempdir().unwrap();
    let path = Utf8PathBuf::try_from(dir.path().canonicalize().unwrap()).unwrap();
    (dir, path)
}
