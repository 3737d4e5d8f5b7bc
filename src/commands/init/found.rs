//! What a project says of itself.

use camino::Utf8Path;
use regex::Regex;

use crate::git::{Repository, SshRemote};
use crate::transport::HostAddr;

/// What was found.
pub struct Found {
    /// The name of the release.
    pub app: String,
    /// The branch that is checked out, where it is not one that is built without being named.
    pub branch: Option<String>,
    /// The file that says how it is built, with the tool.
    pub tool: Option<(&'static str, &'static str)>,
    /// What the git remotes say of hosts.
    pub remotes: Remotes,
}

/// The hosts that are told by the names of git remotes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remotes {
    /// The build host, and the repository on it.
    pub build: Option<(HostAddr, String)>,
    /// The staging hosts.
    pub staging: Vec<HostAddr>,
    /// The production hosts.
    pub production: Vec<HostAddr>,
}

/// Files that say how a project is built, in the order in which they count.
const TOOLS: [(&str, &str); 4] =
    [("rebar.config", "rebar3"), ("mix.exs", "mix"), ("relx.config", "relx"), ("reltool.config", "rebar")];

/// Where the release's name stands in such a file, the surest place first.
const NAMES: [&str; 4] = [
    r"(?m)^\s*releases:\s*\[\s*([a-z][a-z0-9_]*):",
    r"\{release,\s*\{\s*'?([a-z][a-z0-9_]*)'?\s*,",
    r"(?m)^\s*app:\s*:([a-z][a-z0-9_]*)",
    r"\{rel,\s*\x22([a-z][a-z0-9_]*)\x22",
];

/// Looks at the project's files. What cannot be read says nothing.
pub fn look(project: &Utf8Path) -> Found {
    let read = |file: &str| fs_err::read_to_string(project.join(file)).unwrap_or_default();
    let tool = TOOLS.into_iter().find(|(file, _)| project.join(file).is_file());
    let texts = TOOLS.map(|(file, _)| read(file));
    let name = texts.iter().find_map(|text| name_in(text));
    let directory = || project.file_name().unwrap_or("app").replace('-', "_");
    let head = read(".git/HEAD");
    let branch =
        head.trim().strip_prefix("ref: refs/heads/").filter(|branch| !["master", "main"].contains(branch));
    let remotes = Repository::of(project).ssh_remotes().unwrap_or_default();
    let remotes = Remotes::of(remotes);
    Found { app: name.unwrap_or_else(directory), branch: branch.map(str::to_owned), tool, remotes }
}

impl Remotes {
    /// `build`, `staging`, `production`, also with more behind it, as in `production-2`. The original names the
    /// remote of its build host like the host (its libexec/common).
    fn of(remotes: Vec<SshRemote>) -> Self {
        let mut told = Self::default();
        for SshRemote { name, host, directory } in remotes {
            if name.starts_with("build") || name == host.host() {
                told.build.get_or_insert((host, directory));
            } else if name.starts_with("stag") {
                told.staging.push(host);
            } else if name.starts_with("prod") {
                told.production.push(host);
            }
        }
        told
    }
}

fn name_in(text: &str) -> Option<String> {
    NAMES.iter().find_map(|name| Some(Regex::new(name).ok()?.captures(text)?[1].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn names_of_releases() {
        for (text, name) in [
            ("def project do\n    [\n      app: :shop,\n      version: \"1.0.0\"", Some("shop")),
            ("  app: :umbrella,\n  releases: [\n    web: [", Some("web")),
            ("{relx, [{release, {shop, \"1.0.0\"}, [shop]}]}.", Some("shop")),
            ("{sys, [{rel, \"shop\", \"1\", []}]}.", Some("shop")),
            ("{erl_opts, []}.", None),
        ] {
            assert_eq!(name_in(text).as_deref(), name, "{text}");
        }
    }
}
