//! The user's side: a project with its repository, its config and its store.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::common::sshd::user;
use crate::common::world::Release;
use crate::docker;
use crate::scenario::Scenario;

/// The application.
pub const APP: &str = "my_app";

const WRITE_DOWN: &str = include_str!("tools/write_down.sh");
const TOLD: &str = include_str!("tools/told.sh");
const OTHER_TOOLS: &str = include_str!("../stand_in/other_tools.sh");

/// Releases of the application, unpacked: by version.
pub struct Templates(tempfile::TempDir);

impl Templates {
    /// None is made yet.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The directory of all.
    pub fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    /// The root of this release.
    pub fn of(&self, version: &str) -> Utf8PathBuf {
        let root = self.path().join(version);
        if !root.exists() {
            let archive = Release::of(version).of_app(APP).cookie("a_cookie").archive();
            fs::create_dir_all(&root).unwrap();
            duct::cmd!("tar", "-xzf", archive, "-C", &root).run().unwrap();
            // What a release is known by that brings its Erlang along.
            fs::write(root.join("erts-13.1/bin/beam.smp"), "an emulator\n").unwrap();
            let script = root.join("bin").join(APP);
            // Recordings know a release by its digest, so that it stays what it was when they were made.
            let text = fs::read_to_string(&script).unwrap().replace(OTHER_TOOLS, "");
            let main = "\nmain \"$@\"\n";
            assert!(text.ends_with(main), "bin/APP of the stand-in ends otherwise");
            fs::write(&script, text.replace(main, &format!("\n{TOLD}{main}"))).unwrap();
        }
        root
    }

    /// Makes an archive: `[prefixed|truncated] VERSION.release|upgrade`.
    pub fn archive(&self, what: &str, store: &Utf8Path) {
        let (how, name) = what.split_once(' ').unwrap_or(("", what));
        let (version, kind) = name.rsplit_once('.').unwrap();
        let dir = tempfile::tempdir_in(self.path()).unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap().join(APP);
        duct::cmd!("cp", "-R", self.of(version), &root).run().unwrap();
        if kind == "upgrade" {
            let relup = format!("{{\"{version}\",[{{\"1.0.0\",[],[]}}],[{{\"1.0.0\",[],[]}}]}}.\n");
            fs::write(root.join(format!("releases/{version}/relup")), relup).unwrap();
        }
        let file = store.join(format!("{APP}_{version}.{kind}.tar.gz"));
        let (directory, entries) = match how {
            "prefixed" => (root.parent().unwrap().to_owned(), vec![APP]),
            _ => (root, vec!["bin", "erts-13.1", "lib", "releases"]),
        };
        let args = ["-czf", file.as_str(), "-C", directory.as_str()];
        duct::cmd("tar", args.into_iter().chain(entries)).run().unwrap();
        if how == "truncated" {
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
}

/// The script with these names in place.
pub fn write_tool(file: &Utf8Path, script: &str, names: &[(&str, &str)]) {
    let text = names.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value));
    fs::write(file, text).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(file, executable).unwrap();
}

/// Has tools write down their calls below this directory.
pub fn write_write_down(directory: &Utf8Path) {
    fs::write(directory.join("write_down.sh"), WRITE_DOWN).unwrap();
}

/// Lays out the project of a scenario.
pub fn lay_out(project: &Utf8Path, scenario: &Scenario, templates: &Templates, homes: [&Utf8Path; 2]) {
    fs::create_dir_all(project.join(".deliver/releases")).unwrap();
    git(project, &["init", "--quiet", "--initial-branch", "master"]);
    fs::write(project.join(".git/info/exclude"), ".deliver\n").unwrap();
    for (name, content) in &scenario.files {
        let file = project.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if content.starts_with("#!") {
            write_tool(&file, content, &[]);
        } else {
            fs::write(file, content).unwrap();
        }
    }
    let one = ["1.0.0".to_owned()];
    let versions = if scenario.commits.is_empty() { &one[..] } else { &scenario.commits };
    for version in versions {
        // Tools on the build host put these into a release.
        templates.of(version);
        templates.of(&format!("{version}+of_auto_version"));
        fs::write(project.join("VERSION"), format!("{version}\n")).unwrap();
        git(project, &["add", "--all"]);
        git(project, &["commit", "--quiet", "--message", &format!("version {version}")]);
        git(project, &["tag", &format!("v{version}")]);
    }
    let user = user();
    let config = format!(
        "APP=\"{APP}\"\nBUILD_HOST=\"build\"\nBUILD_USER=\"{user}\"\nBUILD_AT=\"~/build\"\n\
         STAGING_HOSTS=\"host-1\"\nSTAGING_USER=\"{user}\"\nTEST_AT=\"~/test\"\n\
         PRODUCTION_HOSTS=\"host-1 host-2\"\nPRODUCTION_USER=\"{user}\"\nDELIVER_TO=\"~/app\"\n{}\n",
        scenario
            .config
            .replace("@USER@", &user)
            .replace("@BUILD_HOME@", homes[0].as_str())
            .replace("@CONTAINER@", docker::container(project.parent().unwrap()).as_str())
            .replace("@HOME@", homes[1].as_str())
    );
    fs::write(project.join(".deliver/config"), config).unwrap();
    if !scenario.in_project.is_empty() {
        duct::cmd!("sh", "-ec", &scenario.in_project).dir(project).env("HOME", project).run().unwrap();
    }
    for archive in &scenario.store {
        templates.archive(archive, &project.join(".deliver/releases"));
    }
}

fn git(project: &Utf8Path, args: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let mut git = duct::cmd("git", identity.iter().chain(args)).dir(project);
    for when in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
        git = git.env(when, "2024-01-01T00:00:00Z");
    }
    git.env("HOME", project).run().unwrap();
}
