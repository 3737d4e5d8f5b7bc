//! A host with a stand-in release, seen from outside: its files, and the processes that run.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::common::sshd::{Sshd, free_port};

/// A host.
pub struct Host {
    sshd: Sshd,
    alias: String,
    app: String,
}

/// A node as the operating system sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its process.
    pub pid: u32,
    /// What it was started with.
    pub cookie: String,
    /// What it boots.
    pub version: String,
}

impl std::ops::Deref for Host {
    type Target = Sshd;
    fn deref(&self) -> &Sshd {
        &self.sshd
    }
}

impl std::ops::DerefMut for Host {
    fn deref_mut(&mut self) -> &mut Sshd {
        &mut self.sshd
    }
}

impl Host {
    /// This sshd as a host of that application.
    pub fn new(sshd: Sshd, alias: String, app: &str) -> Self {
        let host = Self { sshd, alias, app: app.to_owned() };
        for dir in [host.tools(), host.temporary()] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(host.home().join(".profile"), "").unwrap();
        let login = fs::read_to_string(host.login()).unwrap();
        let environment = format!(
            "#!/bin/sh\nPATH={}:$PATH\nTMPDIR={}\nexport PATH TMPDIR\n",
            host.tools(),
            host.temporary()
        );
        fs::write(host.login(), login.replacen("#!/bin/sh\n", &environment, 1)).unwrap();
        host
    }

    /// Makes it fit for nodes of real Erlang, and for building them, with more variables. All hosts are one
    /// machine: each has its own epmd, so that they can have nodes of one name.
    pub fn has_erlang(&self, more: &str) {
        let epmd = free_port();
        let profile = format!(
            "export ERL_EPMD_PORT={epmd} PIPE_DIR=\"$HOME/pipes/\" LANG=C.UTF-8 MIX_HOME=\"$HOME/.mix\" {more}\n"
        );
        fs::write(self.home().join(".profile"), profile).unwrap();
    }

    /// Its name in the user's ssh configuration.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The application that is deployed here.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// DELIVER_TO.
    pub fn deliver_to(&self) -> Utf8PathBuf {
        self.home().join("app")
    }

    /// DELIVER_TO/APP.
    pub fn root(&self) -> Utf8PathBuf {
        self.deliver_to().join(&self.app)
    }

    /// What edeliver keeps beside the release.
    pub fn state(&self) -> Utf8PathBuf {
        self.deliver_to().join(".edeliver").join(&self.app)
    }

    /// Tools that come first in the PATH of what runs there.
    pub fn tools(&self) -> Utf8PathBuf {
        self.outer().join("tools")
    }

    /// Puts a script in the place of this tool.
    pub fn put_tool(&self, name: &str, script: &str) {
        let file = self.tools().join(name);
        // It may be a link to the system's own tool (`lacks`), which is not to be written to.
        drop(std::fs::remove_file(&file));
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Has none of these tools any more.
    pub fn lacks(&self, missing: &[&str]) {
        for dir in ["/bin", "/usr/bin"] {
            for entry in fs::read_dir(dir).unwrap() {
                let tool = entry.unwrap();
                let name = tool.file_name().into_string().unwrap();
                let link = self.tools().join(&name);
                if !missing.contains(&name.as_str()) && link.symlink_metadata().is_err() {
                    std::os::unix::fs::symlink(tool.path(), link).unwrap();
                }
            }
        }
        let login = fs::read_to_string(self.login()).unwrap();
        fs::write(self.login(), login.replacen(":$PATH\n", "\n", 1)).unwrap();
    }

    /// Where it keeps temporary files.
    pub fn temporary(&self) -> Utf8PathBuf {
        self.outer().join("tmp")
    }

    fn login(&self) -> Utf8PathBuf {
        self.outer().join("login")
    }

    /// The directory around its home.
    pub fn outer(&self) -> Utf8PathBuf {
        self.home().parent().unwrap().to_owned()
    }

    /// Runs a command as a login of its user does, and returns its status and output.
    pub fn run(&self, command: &str) -> (bool, String) {
        let output = Command::new(self.login())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("SSH_ORIGINAL_COMMAND", command)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).trim_end().to_owned())
    }

    /// Calls the release's control script, which must succeed; returns what it says.
    #[track_caller]
    pub fn control(&self, verb: &str) -> String {
        let (success, text) = self.run(&format!(". ~/.profile; {}/bin/{} {verb}", self.root(), self.app));
        assert!(success, "{}: bin/{} {verb}: {text}", self.alias, self.app);
        text
    }

    /// Unpacks an archive without the APP/ prefix as the original does.
    pub fn unpack(&self, archive: &Utf8Path) {
        fs::create_dir_all(self.root()).unwrap();
        duct::cmd!("tar", "-xzf", archive.as_str(), "-C", self.root().as_str()).run().unwrap();
    }

    /// How releases behave here, whatever they were made to do: lines `VERSION BEHAVIOUR`.
    pub fn behave(&self, lines: &str) {
        fs::write(self.home().join(".stand-in-behaviour"), format!("{lines}\n")).unwrap();
    }

    /// From now on as they were made.
    pub fn behave_as_made(&self) {
        fs::remove_file(self.home().join(".stand-in-behaviour")).unwrap();
    }

    /// The nodes that run below DELIVER_TO, whatever they are registered as.
    pub fn nodes(&self) -> Vec<Node> {
        let below = format!("{}/", self.home());
        let mut found: Vec<(u32, Node)> = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid: u32| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
                let words: Vec<String> =
                    String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect();
                let after = |name: &str| words.iter().skip_while(|word| *word != name).nth(1).cloned();
                let root = after("-root")?;
                let boot = after("-boot")?;
                // A VM that only carries a call to the node.
                if boot.ends_with("start_clean") {
                    return None;
                }
                let version = Utf8Path::new(&boot).parent()?.file_name()?.to_owned();
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
                let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
                let is_dead = fields.next()? == "Z";
                let parent = fields.next()?.parse().ok()?;
                let node = Node { pid, cookie: after("-setcookie")?, version };
                (root.starts_with(&below) && !is_dead).then_some((parent, node))
            })
            .collect();
        // What a node has just forked looks like the node.
        let pids: Vec<u32> = found.iter().map(|(_, node)| node.pid).collect();
        found.retain(|(parent, _)| !pids.contains(parent));
        found.into_iter().map(|(_, node)| node).collect()
    }

    /// The one node that runs, if one does.
    #[track_caller]
    pub fn node(&self) -> Option<Node> {
        let mut nodes = self.nodes();
        assert!(nodes.len() <= 1, "{}: several nodes run: {nodes:?}", self.alias);
        nodes.pop()
    }

    /// Waits until a node of this version answers.
    #[track_caller]
    pub fn wait_for_node(&self, version: &str) {
        let begin = Instant::now();
        while self.run(&format!("{}/bin/{} version", self.root(), self.app)) != (true, version.to_owned()) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{}: {version} does not run", self.alias);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this file is in its user's home directory.
    #[track_caller]
    pub fn wait_for_file(&self, name: &str) {
        let begin = Instant::now();
        while !self.home().join(name).exists() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{}: there is no {name}", self.alias);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this is not there any more.
    #[track_caller]
    pub fn wait_until_gone(&self, path: &Utf8Path) {
        let begin = Instant::now();
        while path.exists() {
            assert!(begin.elapsed() < Duration::from_secs(90), "{}: {path} is still there", self.alias);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the control script's `ping` reaches the node.
    #[track_caller]
    pub fn wait_for_ping(&self) {
        let begin = Instant::now();
        while !self.run(&format!(". ~/.profile; {}/bin/{} ping", self.root(), self.app)).0 {
            assert!(begin.elapsed() < Duration::from_secs(60), "{}: no pong", self.alias);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends a signal to the node.
    pub fn signal_node(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.node().expect("a node runs").pid).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Exactly one node runs; it is of this version, answers so, and with the files' own cookie.
    #[track_caller]
    pub fn assert_runs(&self, version: &str) {
        let node = self.node().unwrap_or_else(|| panic!("{}: no node runs", self.alias));
        assert_eq!(node.version, version, "{}: version of the process", self.alias);
        assert_eq!(self.control("version"), version, "{}: version by its own answer", self.alias);
        assert_eq!(self.control("pid"), node.pid.to_string(), "{}: process", self.alias);
    }
}
