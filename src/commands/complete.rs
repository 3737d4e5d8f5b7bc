//! `edeliver __complete`: the words that may stand at the cursor. It is quick and silent: it evaluates only
//! what a config says outright, runs nothing of it, and asks no host.

use std::io::Write as _;

use camino::Utf8Path;

use crate::cli::{self, Candidate, FromProject};
use crate::release::ArchiveKind;
use crate::settings::{Settings, Stage, StoreLocation};
use crate::store::{DirectoryStore, base_kinds};

/// Prints the words that may stand in place of the last of `words`, a line each, with what each means
/// behind a tab. What the project cannot tell is left out.
pub fn run(words: &[String], project: &Utf8Path) {
    // Some shells cannot pass an empty word on, and pass a blank.
    let words: Vec<String> = words.iter().map(|word| word.trim_end().to_owned()).collect();
    let current = words.last().map_or("", String::as_str);
    let completion = cli::complete(&words);
    let more = completion.from_project.map(|what| from_project(what, project)).unwrap_or_default();
    let more = more
        .into_iter()
        .map(|word| Candidate { word: format!("{}{word}", completion.prefix), about: String::new() });
    let lines: String = completion
        .known
        .into_iter()
        .chain(more)
        .filter(|candidate| candidate.word.starts_with(current))
        .map(|Candidate { word, about }| format!("{word}\t{}\n", about.lines().next().unwrap_or_default()))
        .collect();
    // A shell that does not wait for the answer does not want it.
    let _ = std::io::stdout().write_all(lines.as_bytes());
}

fn from_project(what: FromProject, project: &Utf8Path) -> Vec<String> {
    if what == FromProject::Strategies {
        return strategies(project);
    }
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let Ok(settings) = Settings::load(project, &environment, &[]) else { return Vec::new() };
    match what {
        FromProject::Strategies => Vec::new(),
        FromProject::Environments => environments(&settings),
        FromProject::Hosts => hosts(&settings),
        FromProject::Releases => settings.build().map_or_else(
            |_| versions(&settings, &ArchiveKind::ALL),
            |build| versions(&settings, base_kinds(build.release_tool)),
        ),
        FromProject::Upgrades => versions(&settings, &[ArchiveKind::Upgrade]),
    }
}

/// `.deliver/strategies/erlang-NAME`.
fn strategies(project: &Utf8Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(project.join(".deliver/strategies")) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_prefix("erlang-").map(str::to_owned)).collect();
    names.sort();
    names
}

/// The two that every project has, and those with nodes of their own.
fn environments(settings: &Settings) -> Vec<String> {
    let mut all = vec!["staging".to_owned(), "production".to_owned()];
    let own = settings.iter().filter_map(|setting| setting.name.strip_suffix("_NODES"));
    all.extend(own.map(str::to_lowercase).filter(|name| name != "staging" && name != "production"));
    all
}

fn hosts(settings: &Settings) -> Vec<String> {
    let of_stage = |stage| settings.deploy(stage).map(|deploy| deploy.hosts).unwrap_or_default();
    let stages = [Stage::Staging, Stage::Production].into_iter().flat_map(of_stage);
    let build = settings.build().ok().map(|build| build.host);
    let mut all: Vec<String> = stages.chain(build).map(|host| host.to_string()).collect();
    all.sort();
    all.dedup();
    all
}

/// What the store holds, the newest first, if it is a directory here.
fn versions(settings: &Settings, kinds: &[ArchiveKind]) -> Vec<String> {
    let (Ok(store), Ok(app)) = (settings.store(), settings.app()) else { return Vec::new() };
    let StoreLocation::Directory(directory) = store.location else { return Vec::new() };
    let store = DirectoryStore::new(settings.project().join(directory), app);
    let mut archives = store.list().unwrap_or_default();
    archives.sort();
    let archives = archives.into_iter().rev();
    let mut versions: Vec<String> = archives
        .filter(|archive| kinds.contains(&archive.name.kind))
        .map(|archive| archive.name.version.to_string())
        .collect();
    versions.dedup();
    versions
}
