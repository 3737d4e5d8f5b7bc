//! What was seen of a run, as text in which two runs of the same thing are the same.

use camino::Utf8PathBuf;
use fs_err as fs;
use similar::TextDiff;

use crate::compat;
use crate::scenario::{Part, Scenario};

/// What was seen of a run.
pub struct Seen {
    pub status: String,
    pub stdout: String,
    pub calls: String,
    pub trees: String,
    /// For people only.
    pub stderr: String,
}

impl Seen {
    /// What of it the scenario compares.
    pub fn text(&self, scenario: &Scenario) -> String {
        let parts = [
            (Part::Status, "status", &self.status),
            (Part::Stdout, "stdout", &self.stdout),
            (Part::Calls, "calls", &self.calls),
            (Part::Trees, "trees", &self.trees),
        ];
        let compared = parts.iter().filter(|(part, ..)| scenario.compares(*part));
        compared.map(|(_, title, text)| format!("=== {title}\n{}\n", text.trim_end())).collect()
    }
}

/// Where the recording of the original is.
pub fn theirs(name: &str) -> Utf8PathBuf {
    compat("recordings").join(format!("{name}.snap"))
}

/// Where stands how we differ.
pub fn difference(name: &str) -> Utf8PathBuf {
    compat("recordings").join(format!("{name}.diff.snap"))
}

/// Writes down what the original did.
pub fn keep(scenario: &Scenario, seen: &Seen) {
    let text = format!("---\nexpression: edeliver {}\n---\n{}", scenario.run, seen.text(scenario));
    fs::write(theirs(&scenario.name), text).unwrap();
}

/// What the original did.
fn kept(name: &str) -> Result<String, String> {
    let file = theirs(name);
    let text = fs::read_to_string(&file).map_err(|_| format!("it was not recorded: there is no {file}"))?;
    let body = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    Ok(body.ok_or_else(|| format!("{file} is no recording"))?.1.to_owned())
}

/// Holds what we did against the recording.
pub fn hold(scenario: &Scenario, seen: &Seen) -> Result<(), String> {
    let (theirs, ours) = (kept(&scenario.name)?, seen.text(scenario));
    let lines = TextDiff::from_lines(&theirs, &ours).unified_diff().context_radius(2).to_string();
    // Where in the file it stands says nothing.
    let lines: Vec<&str> =
        lines.lines().map(|line| if line.starts_with("@@") { "..." } else { line }).collect();
    let lines = lines.join("\n");
    match (scenario.differs.as_slice(), lines.is_empty()) {
        ([], true) => Ok(()),
        ([], false) => Err(format!("- the original, + we:\n{lines}\n{}", seen.stderr)),
        (ids, true) => Err(format!("we do what the original does: take {ids:?} away")),
        (ids, false) => {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(compat("recordings"));
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.set_description(format!("edeliver {} ({})", scenario.run, ids.join(", ")));
            let name = format!("{}.diff", scenario.name);
            let held = || settings.bind(|| insta::assert_snapshot!(name.clone(), lines));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(held)).map_err(|_| {
                format!(
                    "we differ from the original in another way than {name}.snap has it:\n{lines}\n{}",
                    seen.stderr
                )
            })
        }
    }
}
