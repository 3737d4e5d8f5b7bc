//! `build release` with real git, real shells and real build tools, on this machine and over ssh.

mod common;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use common::sshd::{Client, Sshd};
use edeliver::build::{BuildHost, BuildLock};
use edeliver::commands::build_release::{self, BuildContext};
use edeliver::exit::{Exit, Failure, Signal};
use edeliver::release::{ArchiveKind, ExpectedErts, Layout, Manifest};
use edeliver::report::{Report, ReportOptions};
use edeliver::settings::{BuildSettings, BuildTool, ReleaseTool, SshSettings, StoreSettings};
use edeliver::store::{Access, OpenArchive, Store, StoredArchive};
use edeliver::transport::{ConnectOptions, HostAddr, Interrupt};
use fs_err as fs;

/// The beginning of a stand-in for mix: it writes down how it is called, and does what `fake-mix.d/TASK`
/// says.
const FAKE_MIX: &str = r#"#!/bin/sh
set -eu
echo "mix $*" >>../calls
for task in local.hex deps.get do release; do
  if [ "$1" = "$task" ] && [ -f "fake-mix.d/$task" ]; then . "./fake-mix.d/$task"; fi
done
[ "$1" = release ] || exit 0
app=my_app
"#;

/// The stand-in for mix as a whole.
fn fake_mix() -> String {
    format!("{FAKE_MIX}{}", common::MIX_RELEASE)
}

/// A project, a place to build it and a store.
struct World {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
    settings: BuildSettings,
    ssh: SshSettings,
    interrupt: Interrupt,
}

impl World {
    /// A project with these files, built on this machine.
    fn new(app: &str, tools: (BuildTool, ReleaseTool), files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        fs::create_dir_all(root.join("home")).unwrap();
        // The tools find a home of their own, so that they neither see nor change that of the developer.
        fs::write(root.join("profile"), format!("export HOME={}/home\n", root)).unwrap();
        let settings = settings(app, tools, &root);
        let ssh = SshSettings { config: None, timeout: Duration::from_secs(10) };
        let world = Self { _dir: dir, root, settings, ssh, interrupt: Interrupt::default() };
        fs::create_dir(world.project()).unwrap();
        world.git(&["init", "--quiet", "--initial-branch", "main"]);
        world.commit(files);
        world
    }

    /// A project whose mix is the stand-in.
    fn with_fake_mix(files: &[(&str, &str)]) -> Self {
        let mix = fake_mix();
        let mut all = vec![("mix", mix.as_str()), ("lib/version", "1.0.0")];
        all.extend(files);
        let mut world = Self::new("my_app", (BuildTool::Mix, ReleaseTool::MixRelease), &all);
        world.settings.mix = vec!["./mix".to_owned()];
        world
    }

    fn project(&self) -> Utf8PathBuf {
        self.root.join("project")
    }

    fn build_at(&self) -> Utf8PathBuf {
        self.root.join("build at")
    }

    fn git(&self, args: &[&str]) -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        duct::cmd("git", identity.iter().chain(args)).dir(self.project()).read().unwrap()
    }

    fn commit(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.project().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            if text.starts_with("#!") {
                duct::cmd!("chmod", "+x", &path).run().unwrap();
            }
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn build(&self) -> Result<StoredArchive, Failure> {
        let log_file = Some(self.root.join("log"));
        // Each build has a log of its own.
        if self.root.join("log").exists() {
            fs::remove_file(self.root.join("log")).unwrap();
        }
        let report = Report::new(ReportOptions { plain: true, log_file, ..ReportOptions::default() });
        build_release::run(&BuildContext {
            settings: &self.settings,
            store: &StoreSettings::directory(".deliver"),
            image: None,
            ssh: &self.ssh,
            report: &report,
            interrupt: &self.interrupt,
            project: &self.project(),
            verbose: false,
            push: false,
            hooked: None,
        })
        .map(|stored| stored.expect("without a config it is ours to store"))
    }

    /// The error of a build that must fail, with this exit; nothing may be stored by it.
    fn failure(&self, exit: Exit) -> String {
        let failure = self.build().expect_err("the build must fail");
        assert_eq!(failure.exit, exit, "{failure}");
        assert_eq!(self.stored(), [""; 0]);
        assert!(!self.build_at().join(".git/edeliver-build.lock").exists(), "it is unlocked");
        failure.to_string().replace(self.root.as_str(), "ROOT")
    }

    /// What the user was told, in order.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.root.join("log")).unwrap();
        log.lines().map(|line| line.split_once(' ').unwrap_or(("", line)).1.to_owned()).collect()
    }

    /// Every file in the store, hidden ones too.
    fn stored(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.project().join(".deliver/releases")) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn open(&self, archive: &StoredArchive) -> OpenArchive {
        let settings = StoreSettings::directory(".deliver");
        let (ssh, report) = (&self.ssh, Report::new(ReportOptions::default()));
        let connect = ConnectOptions {
            ssh_config: ssh.config.clone(),
            timeout: ssh.timeout,
            forward_agent: false,
            interrupt: self.interrupt.clone(),
        };
        let access = Access { connect, report };
        let store = Store::new(&settings, &self.project(), &self.settings.app, &access).unwrap();
        store.open(archive).unwrap()
    }
}

fn settings(
    app: &str,
    (build_tool, release_tool): (BuildTool, ReleaseTool),
    root: &Utf8Path,
) -> BuildSettings {
    let words = |text: &str| vec![text.to_owned()];
    BuildSettings {
        container: None,
        app: app.to_owned(),
        host: HostAddr::local(),
        at: root.join("build at").as_str().parse().unwrap(),
        build_tool,
        release_tool,
        mix: words("mix"),
        rebar: words("./rebar"),
        rebar3: words("rebar3"),
        relx: words("./relx"),
        release_options: Vec::new(),
        rebar_profile: String::new(),
        profile: root.join("profile").as_str().parse().unwrap(),
        mix_env: "prod".to_owned(),
        branch: None,
        revision: None,
        tag: None,
        git_push: words("-f"),
        clean_paths: words("."),
        skip_git_clean: false,
        skip_mix_clean: false,
        version_arguments: Vec::new(),
        appended_arguments: Vec::new(),
        auto_version: String::new(),
        passed_on: Vec::new(),
        release_dir: None,
        release_version: None,
        required_files: Vec::new(),
    }
}

/// The status lines of the original, in its order.
fn assert_statuses(log: &[String], expected: &[&str]) {
    let mut lines = log.iter();
    for status in expected {
        assert!(lines.any(|line| line == status), "'{status}' is missing or too early in {log:#?}");
    }
}

fn boots(manifest: &Manifest, app: &str) -> String {
    manifest.boots(app, ExpectedErts::InRelease).unwrap().version.to_string()
}

#[test]
fn a_mix_project_is_built_and_built_again() {
    let mix_exs = |version: &str| {
        format!(
            "defmodule Tiny.MixProject do\n  use Mix.Project\n  def project do\n    [app: :tiny_mix, \
             version: \"{version}\", elixir: \"~> 1.10\", deps: []]\n  end\n  def application, do: \
             [extra_applications: [:logger]]\nend\n"
        )
    };
    let files =
        [("mix.exs", &*mix_exs("0.1.0")), ("lib/tiny.ex", "defmodule Tiny do\n  def x, do: 1\nend\n")];
    let mut world = World::new("tiny_mix", (BuildTool::Mix, ReleaseTool::MixRelease), &files);
    let stored = world.build().unwrap_or_else(|failure| panic!("{failure}\n{:#?}", world.log()));
    assert_eq!(stored.file, "tiny_mix_0.1.0.release.tar.gz");
    let manifest = world.open(&stored).manifest;
    assert_eq!(boots(&manifest, "tiny_mix"), "0.1.0");
    assert_eq!(manifest.layout, Layout::Prefixed("tiny_mix".into()));
    let head = world.git(&["rev-parse", "HEAD"]);
    assert_statuses(
        &world.log(),
        &[
            "BUILDING RELEASE OF TINY_MIX APP ON BUILD HOST",
            "Authorizing hosts",
            "Ensuring hosts are ready to accept git pushes",
            "Pushing new commits with git to: local",
            &format!("Resetting remote hosts to {head}"),
            "Cleaning generated files from last build",
            "Updating git submodules",
            "Fetching / Updating dependencies",
            "Compiling sources",
            "Generating release",
            "Building archive of release 0.1.0",
            "Copying release 0.1.0 to local release store",
            "Copying tiny_mix.tar.gz to release store",
            "RELEASE BUILD OF TINY_MIX WAS SUCCESSFUL!",
        ],
    );
    world.commit(&[("mix.exs", &mix_exs("0.2.0"))]);
    // What the first build left is the second one's to overwrite.
    (world.settings.skip_git_clean, world.settings.clean_paths) = (true, Vec::new());
    world.settings.release_version = Some("0.2.0".to_owned());
    let second = world.build().unwrap_or_else(|failure| panic!("{failure}\n{:#?}", world.log()));
    assert_eq!(second.name.version.as_str(), "0.2.0");
    assert_eq!(boots(&world.open(&second).manifest, "tiny_mix"), "0.2.0");
    assert_statuses(&world.log(), &["Skipped cleaning generated files from last build"]);
    assert_eq!(world.git(&["remote"]), "");
}

#[test]
fn a_rebar3_project_is_built() {
    let config = "{erl_opts, []}.\n{deps, []}.\n{relx, [{release, {tiny, \"0.1.0\"}, [tiny, sasl]}, \
                  {dev_mode, false}, {include_erts, true}, {extended_start_script, true}]}.\n";
    let app =
        "{application, tiny, [{vsn, \"0.1.0\"}, {registered, []}, {applications, [kernel, stdlib]}]}.\n";
    let files = [("rebar.config", config), ("src/tiny.app.src", app), ("src/tiny.erl", "-module(tiny).\n")];
    let world = World::new("tiny", (BuildTool::Rebar3, ReleaseTool::Rebar3), &files);
    let stored = world.build().unwrap_or_else(|failure| panic!("{failure}\n{:#?}", world.log()));
    assert_eq!(stored.name.to_string(), "tiny_0.1.0.release.tar.gz");
    assert_eq!(boots(&world.open(&stored).manifest, "tiny"), "0.1.0");
    assert!(world.build_at().join("_build/default/rel/tiny_0.1.0.tar.gz").is_file());
    assert_statuses(&world.log(), &["Generating release", "Building archive of release 0.1.0"]);
}

#[test]
fn a_build_over_ssh_is_pushed_and_fetched() {
    let client = Client::new();
    let host = Sshd::start(&client, "build-host");
    for (at, lands_in) in [("~/builds/my app", "builds/my app"), ("relative", "relative")] {
        let mut world = World::with_fake_mix(&[]);
        world.settings.host = "build-host".parse().unwrap();
        world.ssh.config = Some(client.config());
        world.settings.at = at.parse().unwrap();
        let stored = world.build().unwrap_or_else(|failure| panic!("{failure}\n{:#?}", world.log()));
        assert_eq!(boots(&world.open(&stored).manifest, "my_app"), "1.0.0");
        let built = host.home().join(lands_in);
        assert_eq!(fs::read_to_string(built.join("lib/version")).unwrap(), "1.0.0");
        assert!(!built.join(".git/edeliver-build.lock").exists());
        assert_statuses(&world.log(), &["Pushing new commits with git to: build-host"]);
    }
}

#[test]
fn the_tools_are_called_in_order() {
    let world = World::with_fake_mix(&[]);
    world.build().unwrap();
    let calls = fs::read_to_string(world.root.join("calls")).unwrap();
    insta::assert_snapshot!(calls, @r"
    mix local.rebar --force
    mix local.hex --force
    mix deps.get --only prod
    mix do clean, compile
    mix release --quiet --overwrite
    ");
    assert_eq!(world.stored(), [".my_app_1.0.0.release.tar.gz.manifest.json", "my_app_1.0.0.release.tar.gz"]);
}

#[test]
fn a_tag_or_an_older_revision_is_built() {
    let mut world = World::with_fake_mix(&[]);
    world.git(&["tag", "-a", "-m", "first", "v1"]);
    world.commit(&[("lib/version", "2.0.0")]);
    world.commit(&[("lib/version", "3.0.0")]);
    let version = |world: &World| world.build().unwrap().name.version.to_string();
    assert_eq!(version(&world), "3.0.0");
    world.settings.revision = Some("main~1".to_owned());
    assert_eq!(version(&world), "2.0.0");
    world.settings.tag = Some("v1".to_owned());
    let stored = world.build().unwrap();
    assert_eq!(stored.name.version.to_string(), "1.0.0");
    // The store remembers the commit.
    let commit = duct::cmd!("git", "rev-parse", "v1^{commit}").dir(world.project()).read().unwrap();
    assert_eq!(world.open(&stored).revision, Some(commit));
    world.settings.tag = Some("v9".to_owned());
    let failure = world.build().unwrap_err();
    assert_eq!(
        (failure.exit, failure.to_string().as_str()),
        (Exit::Usage, "the repository has no commit 'v9'")
    );
    (world.settings.tag, world.settings.revision) = (None, Some("0123456789abcdef".to_owned()));
    let failure = world.build().unwrap_err();
    assert_eq!(failure.hints, ["The revision must be in the branch that was pushed, main (--branch=)."]);
}

#[test]
fn what_the_network_does_not_give_is_decided_by_the_dependencies() {
    let world = World::with_fake_mix(&[("fake-mix.d/local.hex", "echo no network >&2; exit 1\n")]);
    world.build().unwrap();
    let hint = "mix local.hex failed (no network?): going on with what the build host has";
    assert_statuses(&world.log(), &[hint, "Compiling sources"]);
    world.commit(&[("fake-mix.d/deps.get", "echo cannot find Hex; exit 1\n")]);
    let failure = world.build().unwrap_err().to_string();
    assert!(failure.contains("mix deps.get --only prod") && failure.contains("cannot find Hex"), "{failure}");
}

#[test]
fn a_failing_step_says_what_where_how_and_why() {
    let world =
        World::with_fake_mix(&[("fake-mix.d/do", "echo compiling; echo 'error: boom' >&2; exit 7\n")]);
    insta::assert_snapshot!(world.failure(Exit::Failed), @r"
    Compiling sources failed on local with exit status 7
      command: cd 'ROOT/build at' && ./mix do clean, compile
      the end of its output:
        compiling
        error: boom
    ");
}

#[test]
fn a_release_that_lacks_something_is_not_stored() {
    let mut world = World::with_fake_mix(&[]);
    world.settings.required_files = vec!["bin/my_app".into(), "lib/*/priv/static/cache_manifest.json".into()];
    let failure = world.failure(Exit::Failed);
    assert!(failure.ends_with("REQUIRED_FILES asks for: lib/*/priv/static/cache_manifest.json"), "{failure}");
    assert!(failure.contains("is not stored"), "{failure}");
    world.settings.required_files.clear();
    world.commit(&[("fake-mix.d/release", "FAKE=1\n"), ("mix", &fake_mix().replace("chmod +x", "chmod -x"))]);
    let failure = world.failure(Exit::Failed);
    assert!(failure.ends_with("bin/my_app is not an executable file"), "{failure}");
    world.commit(&[("mix", &fake_mix().replace("erts-1/bin", "other"))]);
    let failure = world.failure(Exit::Failed);
    assert!(failure.contains("no erts-* directory"), "{failure}");
    world.commit(&[("mix.exs", "# releases: [my_app: [include_erts: false]]\n")]);
    world.build().unwrap();
}

#[test]
fn a_release_is_found_or_the_places_are_listed() {
    let other = fake_mix().replace("rel/$app", "rel/other");
    let mut world = World::with_fake_mix(&[("mix", &other)]);
    insta::assert_snapshot!(world.failure(Exit::Failed),
        @"the build has left no release of my_app below ROOT/build at/_build: is APP the release's name? If so, set RELEASE_DIR");
    let two = fake_mix() + "cp -r _build/prod _build/copy\n";
    world.commit(&[("mix", &two)]);
    insta::assert_snapshot!(world.failure(Exit::Failed), @r"
    several directories hold a release of my_app; set RELEASE_DIR to the right one:
      ROOT/build at/_build/copy/rel/my_app
      ROOT/build at/_build/prod/rel/my_app
    ");
    let directory = world.build_at().join("_build/copy/rel/my_app");
    world.settings.release_dir = Some(directory.as_str().parse().unwrap());
    world.build().unwrap();
    assert!(directory.join("releases/1.0.0/my_app.tar.gz").is_file());
}

#[test]
fn a_directory_with_other_things_is_never_taken_for_a_checkout() {
    let world = World::with_fake_mix(&[]);
    fs::create_dir(world.build_at()).unwrap();
    fs::write(world.build_at().join("precious"), "data").unwrap();
    let failure = world.failure(Exit::Failed);
    assert!(failure.contains("ROOT/build at has files but is no git repository"), "{failure}");
    assert_eq!(fs::read_to_string(world.build_at().join("precious")).unwrap(), "data");
    assert!(!world.build_at().join(".git").exists());
    // An empty directory inside another repository, which must not be taken for it.
    fs::remove_file(world.build_at().join("precious")).unwrap();
    duct::cmd!("git", "init", "--quiet", &world.root).run().unwrap();
    world.build().unwrap();
    assert!(world.build_at().join(".git").is_dir());
    let parent = duct::cmd!("git", "rev-list", "--all").dir(&world.root).read().unwrap();
    assert_eq!(parent, "", "nothing was pushed to the repository above");
}

#[test]
fn the_project_itself_is_never_reset() {
    let mut world = World::with_fake_mix(&[]);
    world.settings.at = world.project().as_str().parse().unwrap();
    fs::write(world.project().join("uncommitted"), "work").unwrap();
    let failure = world.failure(Exit::Failed);
    insta::assert_snapshot!(failure, @"BUILD_AT (ROOT/project) is the project itself: it would be reset and cleaned");
    assert_eq!(fs::read_to_string(world.project().join("uncommitted")).unwrap(), "work");
}

#[test]
fn a_second_build_is_refused_and_told_who_builds() {
    let world = World::with_fake_mix(&[]);
    world.build().unwrap();
    let report = Report::new(ReportOptions { plain: true, ..ReportOptions::default() });
    let mut host =
        BuildHost::connect(&HostAddr::local(), &world.ssh, &Interrupt::default(), &report).unwrap();
    let at = world.build_at().as_str().parse().unwrap();
    let lock = BuildLock::take(&mut host, &at).unwrap();
    let failure = world.build().unwrap_err();
    let pid = std::process::id();
    assert!(failure.to_string().contains(&format!("(pid {pid}) since ")), "{failure}");
    assert!(failure.to_string().contains("on local: wait for it, or"), "{failure}");
    let file = world.build_at().join(".git/edeliver-build.lock");
    assert!(file.exists(), "the lock of the other build stays");
    assert!(!fs::read_to_string(world.root.join("log")).unwrap().contains("Pushing"));
    lock.release(&mut host).unwrap();
    world.build().unwrap();
    // A build that was killed, on this machine: its process is gone.
    let lock = BuildLock::take(&mut host, &at).unwrap();
    let owner = fs::read_to_string(&file).unwrap();
    let mut dead: serde_json::Value = serde_json::from_str(&owner).unwrap();
    dead["started"] = 1.into();
    fs::write(&file, dead.to_string()).unwrap();
    world.build().unwrap();
    assert!(!file.exists());
    lock.release(&mut host).unwrap();
    let left: Vec<_> = fs::read_dir(world.build_at().join(".git"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("edeliver"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn ctrl_c_ends_a_build_and_unlocks() {
    let wait = "echo started >../started\nwhile :; do sleep 0.1; done\n";
    let world = World::with_fake_mix(&[("fake-mix.d/do", wait)]);
    let (interrupt, started) = (world.interrupt.clone(), world.root.join("started"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !started.exists() {
                std::thread::sleep(Duration::from_millis(20));
            }
            interrupt.raise();
        });
        world.failure(Exit::Interrupted(Signal::Interrupt));
    });
}

#[test]
fn submodules_are_brought_along() {
    let client = Client::new();
    let host = Sshd::start(&client, "build-host");
    let mut world = World::with_fake_mix(&[]);
    world.settings.host = "build-host".parse().unwrap();
    world.ssh.config = Some(client.config());
    world.settings.at = "build".parse().unwrap();
    let module = World::with_fake_mix(&[("inside", "submodule")]);
    // Git takes submodules from other directories only when told so.
    let allow = ["-c", "protocol.file.allow=always"];
    let add = ["submodule", "--quiet", "add", module.project().as_str(), "sub"].map(str::to_owned);
    duct::cmd("git", allow.map(str::to_owned).into_iter().chain(add)).dir(world.project()).run().unwrap();
    world.commit(&[]);
    let failure = world.failure(Exit::Failed);
    assert!(failure.starts_with("Updating git submodules failed on build-host"), "{failure}");
    assert!(failure.contains("transport 'file' not allowed"), "{failure}");
    fs::write(host.home().join(".gitconfig"), "[protocol \"file\"]\nallow = always\n").unwrap();
    let stored = world.build().unwrap();
    assert_eq!(stored.name.kind, ArchiveKind::Release);
    assert_eq!(fs::read_to_string(host.home().join("build/sub/inside")).unwrap(), "submodule");
}
