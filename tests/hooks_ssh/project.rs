//! A project that is built by a stand-in for mix, and a file in which all that happens is written down.

use camino::Utf8PathBuf;
use fs_err as fs;

use crate::common::MIX_RELEASE;
use crate::common::sshd::user;
use crate::common::world::World;

/// The beginning of a stand-in for mix: it writes down how it is called.
const MIX: &str = r#"#!/bin/sh
set -eu
echo "mix $*" >>TRACE
[ "$1" = release ] || exit 0
app=stand_in
"#;

/// What every config here has: a function that writes down.
const SETTINGS: &str = r#"
TRACE="@TRACE@"
note() { echo "$*" >>"$TRACE"; }
BUILD_HOST="host-1"
BUILD_USER="@USER@"
BUILD_AT="~/build"
MIX_CMD="./mix"
USING_DISTILLERY=false
RELEASE_CMD=mix
BUILD_CMD=mix
"#;

/// The project with its hosts, of which `host-1` builds.
pub struct Project {
    pub world: World,
}

impl Project {
    /// With this many hosts, and these lines in `.deliver/config`.
    pub fn new(hosts: usize, config: &str) -> Self {
        let world = World::new().hosts(hosts);
        let trace = world.home().join("trace");
        let settings = SETTINGS.replace("@TRACE@", trace.as_str()).replace("@USER@", &user());
        Self { world: world.config(&settings).config(config) }
    }

    /// Can be built.
    pub fn with_sources(self) -> Self {
        let project = self.world.project();
        let mix = MIX.replace("TRACE", self.trace_file().as_str()) + MIX_RELEASE;
        fs::create_dir(project.join("lib")).unwrap();
        fs::write(project.join("lib/version"), "1.0.0\n").unwrap();
        fs::write(project.join("mix"), mix).unwrap();
        duct::cmd!("chmod", "+x", project.join("mix").as_str()).run().unwrap();
        fs::write(project.join(".gitignore"), ".deliver\n").unwrap();
        duct::cmd!("git", "init", "--quiet", "--initial-branch", "main", project.as_str()).run().unwrap();
        self.world.commit();
        self
    }

    /// On every host 1.0.0 runs; 2.0.0 can be deployed.
    pub fn running(mut self) -> Self {
        self.world = self.world.release("1.0.0").release("2.0.0").running("1.0.0");
        self
    }

    /// With these lines more at the end of the config.
    pub fn config(mut self, lines: &str) -> Self {
        self.world = self.world.config(lines);
        self
    }

    /// With this custom strategy.
    pub fn strategy(self, name: &str, text: &str) -> Self {
        let directory = self.world.project().join(".deliver/strategies");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), text).unwrap();
        self
    }

    fn trace_file(&self) -> Utf8PathBuf {
        self.world.home().join("trace")
    }

    /// What was written down since this was asked the last time, with what differs from run to run
    /// replaced.
    pub fn trace(&self) -> String {
        let Ok(text) = fs::read_to_string(self.trace_file()) else { return String::new() };
        fs::remove_file(self.trace_file()).unwrap();
        let head = self.head();
        let text = if head.is_empty() { text } else { text.replace(&head, "[head]") };
        text.replace(&format!("{}@", user()), "[user]@")
            .replace(self.world.home().as_str(), "[home]")
            .trim_end()
            .to_owned()
    }

    /// The commit that is built.
    fn head(&self) -> String {
        let head = duct::cmd!("git", "rev-parse", "HEAD").dir(self.world.project()).stderr_null();
        head.unchecked().read().unwrap()
    }

    /// The names of what is in the store, without what begins with a dot.
    pub fn stored(&self) -> Vec<String> {
        let entries = fs::read_dir(self.world.project().join(".deliver/releases")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with('.')).collect()
    }
}
