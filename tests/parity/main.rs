//! Proof of parity: what the original does in a scenario was recorded, and what we do is held against it.
//!
//! `compat/scenarios/NAME.toml` says what there is and what is run, `compat/recordings/NAME.snap` what the
//! original did. Where a scenario names differences by their ids in `compat/DIFFERENCES.md`,
//! `compat/recordings/NAME.diff.snap` holds how we differ; elsewhere every byte is equal.
//!
//! `scripts/record-compat PATH [NAME...]` makes the recordings: it runs this with `EDELIVER_ORIGINAL`.
//! `EDELIVER_SCENARIOS="NAME ..."` limits either to some of them.

#[path = "../common/mod.rs"]
mod common;

mod bucket;
mod differences;
mod docker;
mod lane;
mod normal;
mod project;
mod recording;
mod runs;
mod scenario;
mod tree;

use camino::{Utf8Path, Utf8PathBuf};
use differences::Differences;
use scenario::Scenario;

/// What binds us to the original.
fn compat(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("compat").join(name)
}

#[test]
fn every_scenario_is_as_recorded() {
    let all = Scenario::all();
    let chosen = std::env::var("EDELIVER_SCENARIOS").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split_whitespace().collect();
    let unknown: Vec<_> = chosen.iter().filter(|name| !all.iter().any(|each| each.name == **name)).collect();
    assert!(unknown.is_empty(), "no such scenarios: {unknown:?}");
    let all: Vec<_> =
        all.into_iter().filter(|each| chosen.is_empty() || chosen.contains(&&*each.name)).collect();
    let original = std::env::var("EDELIVER_ORIGINAL").ok().filter(|path| !path.is_empty());
    let failed = match &original {
        Some(path) => runs::record(&all, Utf8Path::new(path)),
        None => runs::compare(&all),
    };
    assert!(failed.is_empty(), "{} of {} scenarios:\n\n{}", failed.len(), all.len(), failed.join("\n"));
}

#[test]
fn every_difference_is_shown() {
    let differences = Differences::read();
    let problems = differences.problems(&Scenario::all());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_recording_has_its_scenario() {
    let all = Scenario::all();
    assert!(all.len() >= 90, "{} scenarios", all.len());
    for entry in fs_err::read_dir(compat("recordings")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.trim_end_matches(".snap").trim_end_matches(".diff");
        assert!(all.iter().any(|scenario| scenario.name == name), "{file} is of no scenario");
    }
    for scenario in &all {
        let (own, differs) = (recording::theirs(&scenario.name), recording::difference(&scenario.name));
        assert!(own.exists(), "{} was not recorded", scenario.name);
        assert_eq!(differs.exists(), !scenario.differs.is_empty(), "{differs}");
    }
}
