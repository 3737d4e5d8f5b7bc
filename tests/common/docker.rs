//! Docker for tests. No engine runs here: a stand-in for its CLI (`stand_in/docker.sh`) records the calls, runs
//! the commands on this machine, and fails when it is told to.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::world::{APP, Outcome, World};

/// A project whose mix is a stand-in too, and a docker of its own.
pub struct Docker {
    /// The project and its hosts.
    pub world: World,
    /// The directory of the stand-in.
    pub state: Utf8PathBuf,
}

impl Docker {
    pub fn new(config: &str) -> Self {
        Self::of(World::new(), config)
    }

    pub fn of(world: World, config: &str) -> Self {
        let state = world.home().join("docker");
        let mount = world.home().join("container/build");
        let world = world.config(&format!("BUILD_HOST=docker\nBUILD_AT=\"{mount}\"\n{config}"));
        let docker = Self { state, world };
        fs::create_dir(&docker.state).unwrap();
        let stand_in = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/docker.sh");
        fs::copy(stand_in, docker.state.join("docker")).unwrap();
        duct::cmd!("chmod", "+x", docker.state.join("docker")).run().unwrap();
        docker
    }

    /// The project has a mix that makes a release without Elixir.
    pub fn with_fake_mix(self) -> Self {
        let mix =
            format!("#!/bin/sh\nset -eu\n[ \"$1\" = release ] || exit 0\napp={APP}\n{}", super::MIX_RELEASE);
        self.write("mix", &mix);
        self.write("lib/version", "1.0.0");
        self.write(".gitignore", ".deliver\n.docker-build\n");
        duct::cmd!("chmod", "+x", self.world.project().join("mix")).run().unwrap();
        self.git(&["init", "--quiet", "--initial-branch", "main"]);
        self.world.commit();
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.world.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        duct::cmd("git", args).dir(self.world.project()).read().unwrap()
    }

    pub fn edeliver(&self, args: &[&str]) -> Outcome {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.state);
        self.world.edeliver_with(&[("PATH", &path)], args)
    }

    pub fn build(&self, options: &[&str]) -> Outcome {
        self.edeliver(&[&["build", "release", "--plain"], options].concat())
    }

    /// The calls since the last time, with the names of containers as they are in every run.
    pub fn calls(&self) -> Vec<String> {
        let file = self.state.join("calls");
        let text = fs::read_to_string(&file).unwrap_or_default();
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
        let home = self.world.home().as_str();
        let mut calls: Vec<String> = text
            .lines()
            .map(|line| {
                let word = |word: &str| match word.find("edeliver-build-").or(word.find("edeliver-release-"))
                {
                    Some(at) => {
                        let kind = if word.contains("-build-") { "BUILD" } else { "RELEASE" };
                        let end = word[at..].find([':', '$']).map_or("", |end| &word[at + end..]);
                        format!("{}{kind}{end}", &word[..at])
                    }
                    None => word.replace(home, "~"),
                };
                line.split(' ').map(word).collect::<Vec<_>>().join(" ")
            })
            .collect();
        calls.dedup();
        calls
    }

    pub fn fail(&self, call: &str) {
        fs::write(self.state.join("fail"), call).unwrap();
    }

    /// What is in a directory of the stand-in.
    pub fn listed(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = self.state.join(directory).read_dir_utf8() else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }

    /// No container is left, and nothing is mounted.
    #[track_caller]
    pub fn assert_no_container(&self) {
        assert_eq!(self.listed("containers"), Vec::<String>::new());
        assert!(!self.world.home().join("container/build").is_symlink());
    }
}
