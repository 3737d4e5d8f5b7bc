//! A user with a project, and hosts: everything that a run of the real binary touches, and nothing else.
//!
//! ```ignore
//! let world = World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0");
//! let before = world.snapshot();
//! world.deploy("2.0.0").succeeds();
//! ```

mod host;
mod names;
mod outcome;
mod release;
mod snapshot;
mod steps;
mod terminal;
mod trap;

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::bash;
use super::proxy::Proxy;
use super::sshd::{Client, Sshd, SshdOptions, user};
pub use host::{Host, Node};
use names::Names;
pub use outcome::{Outcome, Output, Running};
pub use release::{APP, Entry, Release};
pub use snapshot::Snapshot;
pub use steps::{Fault, Steps};
pub use terminal::Terminal;
pub use trap::{At, Trap};

/// A user with a home directory of their own, a project with its store, and hosts.
pub struct World {
    // Before the client, whose home they know.
    hosts: Vec<Host>,
    client: Client,
    app: String,
    /// Of `.deliver/config`: what comes before the hosts and what comes after them.
    settings: [String; 2],
}

impl World {
    /// A user with a project whose releases are stand-ins, without hosts and without releases.
    pub fn new() -> Self {
        Self::of(APP)
    }

    /// The same with a project of this name, whose releases are its own.
    pub fn of(app: &str) -> Self {
        let world = Self::with_app(app, "");
        fs::create_dir_all(world.project().join(".deliver/releases")).unwrap();
        world.write_config();
        world
    }

    /// A user with a copy of `examples/NAME`, committed.
    pub fn example(name: &str) -> Self {
        let example = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let world = Self::with_app(name, &fs::read_to_string(example.join(".deliver/config")).unwrap());
        duct::cmd!("cp", "-R", example, world.project()).run().unwrap();
        world.git(&["init", "--quiet", "--initial-branch", "main"]);
        world.commit();
        world
    }

    fn with_app(app: &str, config: &str) -> Self {
        let (hosts, client) = (Vec::new(), Client::new());
        Self { hosts, client, app: app.to_owned(), settings: [config.to_owned(), String::new()] }
    }

    /// Commits everything in the project.
    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let git = duct::cmd("git", identity.iter().chain(args)).dir(self.project());
        git.env("HOME", self.home()).run().unwrap();
    }

    /// With this many hosts more, of the usual kind: `host-1`, `host-2` and so on, all of them in
    /// production and in staging.
    pub fn hosts(mut self, count: usize) -> Self {
        for _ in 0..count {
            self = self.host_like(Sshd::options());
        }
        self
    }

    /// With one more host, which is like that.
    pub fn host_like(mut self, options: SshdOptions) -> Self {
        let alias = format!("host-{}", self.hosts.len() + 1);
        self.hosts.push(Host::new(options.start(&self.client, &alias), alias, &self.app));
        self.write_config();
        self
    }

    /// With this archive in the store.
    pub fn release(self, release: impl Into<Release>) -> Self {
        self.store(release.into());
        self
    }

    /// Puts this archive into the store, in place of one of the same version.
    pub fn store(&self, release: Release) {
        fs::copy(release.archive(), self.archive(release.version())).unwrap();
    }

    /// With these lines at the end of `.deliver/config`.
    pub fn config(mut self, lines: &str) -> Self {
        self.settings[1] += lines;
        self.settings[1].push('\n');
        self.write_config();
        self
    }

    /// Has these lines in place of all that [`config`](World::config) has added.
    pub fn reconfigure(&mut self, lines: &str) {
        lines.clone_into(&mut self.settings[1]);
        self.write_config();
    }

    /// On every host the release of this version runs, from the archive in the store, put there as
    /// the original did: unpacked below DELIVER_TO, with nothing else beside it.
    pub fn running(self, version: &str) -> Self {
        for host in &self.hosts {
            host.unpack(&self.archive(version));
            host.control("start");
        }
        for host in &self.hosts {
            host.wait_for_node(version);
        }
        self
    }

    /// The user's home directory.
    pub fn home(&self) -> &Utf8Path {
        self.client.home()
    }

    /// The project, in which commands are run.
    pub fn project(&self) -> Utf8PathBuf {
        self.home().join("project")
    }

    /// The archive of this version in the store.
    pub fn archive(&self, version: &str) -> Utf8PathBuf {
        self.project().join(format!(".deliver/releases/{}_{version}.release.tar.gz", self.app))
    }

    /// A host, by its number: 1 is `host-1`.
    pub fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    /// The same, to stop or start it.
    pub fn host_mut(&mut self, number: usize) -> &mut Host {
        &mut self.hosts[number - 1]
    }

    /// From now on this host is reached through the proxy.
    pub fn through(&self, number: usize, proxy: &Proxy) {
        let host = self.host(number);
        let config = fs::read_to_string(self.client.config()).unwrap();
        let (direct, proxied) = (format!("Port {}\n", host.port()), format!("Port {}\n", proxy.port()));
        assert!(config.contains(&direct), "{config}");
        fs::write(self.client.config(), config.replace(&direct, &proxied)).unwrap();
        self.client.trust(proxy.port(), host);
    }

    /// All hosts.
    pub fn all(&self) -> &[Host] {
        &self.hosts
    }

    /// Runs the real binary in the project.
    pub fn edeliver<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Outcome {
        self.spawn(args).wait()
    }

    /// `deploy release to production --start-deploy` of this version.
    pub fn deploy(&self, version: &str) -> Outcome {
        self.spawn_deploy(version).wait()
    }

    /// The same for tests that act while it runs.
    pub fn spawn_deploy(&self, version: &str) -> Running {
        let version = format!("--version={version}");
        self.spawn(["deploy", "release", "to", "production", "--start-deploy", "--plain", &version])
    }

    /// Runs the real binary in the project, with this in its environment.
    pub fn edeliver_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        environment: &[(&str, &str)],
        args: I,
    ) -> Outcome {
        self.spawn_with(environment, args).wait()
    }

    /// The same for tests that act while it runs.
    pub fn spawn_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        environment: &[(&str, &str)],
        args: I,
    ) -> Running {
        let mut command = self.command(Command::new(env!("CARGO_BIN_EXE_edeliver")), args);
        command.envs(environment.iter().copied());
        Running::start(command, self.names())
    }

    /// Starts the real binary in the project, for tests that act while it runs.
    pub fn spawn<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Running {
        self.start(Command::new(env!("CARGO_BIN_EXE_edeliver")), args)
    }

    /// Starts the real binary on a terminal of this many rows and columns.
    pub fn on_terminal<I: IntoIterator<Item: AsRef<OsStr>>>(&self, size: (u16, u16), args: I) -> Terminal {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_edeliver")]);
        let mut command = self.command(command, args);
        command.env("TERM", "xterm");
        Terminal::start(command, self.names(), size)
    }

    /// Makes the project one of Mix that depends on `compat/mix`, in the way that its README says.
    pub fn vendor_package(&self) {
        let package = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/mix");
        let vendored = self.project().join("vendor/edeliver");
        fs::create_dir_all(&vendored).unwrap();
        for entry in ["bin", "lib", "src", "mix.exs"] {
            duct::cmd!("cp", "-R", package.join(entry), &vendored).run().unwrap();
        }
        let file = self.project().join("mix.exs");
        let own = "defmodule App.MixProject do\n  use Mix.Project\n  \
                   def project, do: [app: :app, version: \"1.0.0\", deps: []]\nend\n";
        let text = if file.exists() { fs::read_to_string(&file).unwrap() } else { own.to_owned() };
        assert!(text.contains("deps: []"), "{text}");
        fs::write(&file, text.replace("deps: []", "deps: [{:edeliver, path: \"vendor/edeliver\"}]")).unwrap();
    }

    /// Runs `mix edeliver` in the project.
    pub fn mix_edeliver<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Outcome {
        self.spawn_mix_edeliver(args).wait()
    }

    /// The same for tests that act while it runs.
    pub fn spawn_mix_edeliver<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Running {
        let mut command = Command::new("mix");
        command.arg("edeliver");
        Running::start(self.below_mix(command, args), self.names())
    }

    /// Starts `mix edeliver` on a terminal of this many rows and columns.
    pub fn mix_edeliver_on_terminal<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        size: (u16, u16),
        args: I,
    ) -> Terminal {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "mix", "edeliver"]);
        let mut command = self.below_mix(command, args);
        command.env("TERM", "xterm");
        Terminal::start(command, self.names(), size)
    }

    fn below_mix<I: IntoIterator<Item: AsRef<OsStr>>>(&self, command: Command, args: I) -> Command {
        let mut command = self.command(command, args);
        command.env("EDELIVER_BIN", env!("CARGO_BIN_EXE_edeliver"));
        command
    }

    /// Runs the real binary and has a shell command read its output; the status is the binary's.
    pub fn piped_into<I: IntoIterator<Item: AsRef<OsStr>>>(&self, reader: &str, args: I) -> Outcome {
        let mut shell = Command::new("bash");
        let binary = env!("CARGO_BIN_EXE_edeliver");
        shell.args(["-c", &format!("'{binary}' \"$@\" | {reader}; exit \"${{PIPESTATUS[0]}}\""), "bash"]);
        self.start(shell, args).wait()
    }

    fn start<I: IntoIterator<Item: AsRef<OsStr>>>(&self, command: Command, args: I) -> Running {
        Running::start(self.command(command, args), self.names())
    }

    /// The same command with these arguments, as the user of this world calls it.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, mut command: Command, args: I) -> Command {
        command
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", bash::path_before("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"))
            .env("USER", user())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// All that is on all hosts.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        self.hosts.iter().map(Host::snapshot).collect()
    }

    /// Every host is as it was: each file, mode, link and time, the version that runs and its
    /// identity; and nothing of the failed deploy is left.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &[Snapshot]) {
        for (host, before) in self.hosts.iter().zip(before) {
            host.assert_unchanged(before);
        }
    }

    /// Every host runs exactly this version, once, from files that are those of the archive.
    #[track_caller]
    pub fn assert_runs(&self, version: &str) {
        for host in &self.hosts {
            host.assert_runs(version);
            host.assert_no_leftovers();
        }
    }

    /// What differs from run to run, and what it is shown as.
    /// The text without what differs from run to run.
    pub fn normalise(&self, text: &str) -> String {
        self.names().normalise(text)
    }

    fn names(&self) -> Names {
        let mut names = Vec::new();
        for host in &self.hosts {
            names.push((host.home().to_string(), format!("[home of {}]", host.alias())));
            names.push((format!(":{}", host.port()), ":[port]".to_owned()));
        }
        names.push((self.project().to_string(), "[project]".to_owned()));
        names.push((self.home().to_string(), "[home]".to_owned()));
        Names(names)
    }

    fn write_config(&self) {
        let hosts = self.hosts.iter().map(Host::alias).collect::<Vec<_>>().join(" ");
        let (user, ssh) = (user(), self.client.config());
        let [before, after] = &self.settings;
        let config = format!(
            "{before}\nAPP=\"{}\"\nPRODUCTION_HOSTS=\"{hosts}\"\nPRODUCTION_USER=\"{user}\"\nDELIVER_TO=\"~/app\"\n\
             STAGING_HOSTS=\"{hosts}\"\nSTAGING_USER=\"{user}\"\nTEST_AT=\"~/test\"\n\
             SSH_CONFIG=\"{ssh}\"\nSTART_TIMEOUT=12\nSTABLE_FOR=0.1\n{after}",
            self.app
        );
        fs::write(self.project().join(".deliver/config"), config).unwrap();
    }
}
