//! The ids of `compat/DIFFERENCES.md`, and who shows them.

use std::collections::{BTreeMap, BTreeSet};

use fs_err as fs;
use regex::Regex;

use crate::compat;
use crate::scenario::Scenario;

/// What differs everywhere and is left out of recordings, except where a scenario shows it.
pub const MASKS: [&str; 3] = ["D12", "D14", "D46"];

/// The ids.
pub struct Differences {
    all: BTreeSet<String>,
    /// What no recording can show, with the tests that do.
    elsewhere: BTreeMap<String, Vec<String>>,
}

impl Differences {
    /// Reads the tables.
    pub fn read() -> Self {
        let text = fs::read_to_string(compat("DIFFERENCES.md")).unwrap();
        let (tables, elsewhere) =
            text.split_once("## Shown elsewhere").expect("it says what is shown elsewhere");
        let row = |line: &str| {
            let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
            let id = cells.next()?;
            let is_id = id.strip_prefix('D')?.parse::<u32>().is_ok();
            is_id.then(|| (id, cells.collect::<Vec<_>>()))
        };
        let all: Vec<_> = tables.lines().filter_map(row).collect();
        for (id, cells) in &all {
            assert_eq!(cells.len(), 5, "{id} needs five cells behind it");
            assert_eq!(all.iter().filter(|(other, _)| other == id).count(), 1, "{id} stands there twice");
        }
        let tests = |cells: Vec<String>| {
            cells[0].split(',').map(|test| test.trim().trim_matches('`').to_owned()).collect()
        };
        let elsewhere = elsewhere.lines().filter_map(row).map(|(id, cells)| (id, tests(cells))).collect();
        Self { all: all.into_iter().map(|(id, _)| id).collect(), elsewhere }
    }

    /// What is wrong with them: ids that nothing shows, that are shown but are not there, and so on.
    pub fn problems(&self, scenarios: &[Scenario]) -> Vec<String> {
        let mut problems = Vec::new();
        let shown: BTreeSet<&String> =
            scenarios.iter().flat_map(|scenario| scenario.differs.iter()).collect();
        for id in &self.all {
            match (shown.contains(id), self.elsewhere.contains_key(id)) {
                (false, false) => problems.push(format!(
                    "{id}: no scenario shows it; name it in one, or under \"Shown elsewhere\" with its test"
                )),
                (true, true) => {
                    problems.push(format!("{id}: a scenario shows it, so it is not shown elsewhere only"));
                }
                _ => {}
            }
        }
        for scenario in scenarios {
            let strange =
                scenario.differs.iter().chain(&scenario.unmasked).filter(|id| !self.all.contains(*id));
            problems.extend(strange.map(|id| format!("{}: there is no {id}", scenario.name)));
            let unshown = scenario.unmasked.iter().filter(|id| !scenario.differs.contains(id));
            problems.extend(unshown.map(|id| format!("{}: {id} is unmasked, but not named", scenario.name)));
        }
        for id in MASKS {
            if !scenarios.iter().any(|scenario| scenario.unmasked.iter().any(|each| each == id)) {
                problems.push(format!("{id} is masked, and no scenario shows it"));
            }
        }
        for (id, tests) in &self.elsewhere {
            if !self.all.contains(id) {
                problems.push(format!("{id} is shown elsewhere, but there is no {id}"));
            }
            let gone = tests.iter().filter(|test| *test != "not built yet" && !is_test(test));
            problems.extend(gone.map(|test| format!("{id}: there is no test {test}")));
        }
        problems
    }
}

/// Whether this is a test: `tests/FILE.rs::FUNCTION`, or the same below `src/`.
fn is_test(name: &str) -> bool {
    let Some((file, function)) = name.split_once("::") else { return false };
    let source = std::fs::read_to_string(compat("..").join(file)).unwrap_or_default();
    let test = format!(r"#\[test\]\s+fn {}\(\)", regex::escape(function));
    Regex::new(&test).unwrap().is_match(&source)
}
