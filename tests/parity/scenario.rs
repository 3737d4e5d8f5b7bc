//! What a scenario is: what there is, what is run, what is compared.

use std::collections::BTreeMap;

use fs_err as fs;
use serde::Deserialize;
use toml::{Table, Value};

use crate::compat;
use crate::docker::Docker;

/// A part of what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The exit status.
    Status,
    /// Standard output.
    Stdout,
    /// Which tools were called on which host, and what nodes were told.
    Calls,
    /// What is on each host and in the project afterwards.
    Trees,
}

/// A scenario. Its fields are described in `compat/scenarios/README.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(skip)]
    pub name: String,
    pub fact: String,
    pub run: String,
    #[serde(default = "everything")]
    pub compare: Vec<Part>,
    #[serde(default)]
    pub differs: Vec<String>,
    #[serde(default)]
    pub unmasked: Vec<String>,
    #[serde(default)]
    pub waits_for: Option<String>,
    #[serde(default)]
    pub config: String,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub commits: Vec<String>,
    #[serde(default)]
    pub in_project: String,
    #[serde(default)]
    pub store: Vec<String>,
    #[serde(default)]
    pub tools: BTreeMap<String, String>,
    #[serde(default)]
    pub bucket: Option<Vec<String>>,
    #[serde(default)]
    pub docker: Option<Docker>,
    #[serde(default)]
    pub deployed: Option<String>,
    #[serde(default)]
    pub running: bool,
    #[serde(default)]
    pub behaviour: String,
    #[serde(default)]
    pub before: String,
    #[serde(default)]
    pub on_hosts: BTreeMap<String, String>,
    #[serde(default)]
    pub down: Vec<String>,
    #[serde(default)]
    pub login_shell: Option<String>,
    #[serde(default)]
    pub unknown_hosts: bool,
    #[serde(default)]
    pub input: String,
    #[serde(default)]
    pub interrupt: Option<String>,
    #[serde(default)]
    pub colours: bool,
}

fn everything() -> Vec<Part> {
    vec![Part::Status, Part::Stdout, Part::Calls, Part::Trees]
}

impl Scenario {
    /// All of them, by name.
    pub fn all() -> Vec<Self> {
        let files = fs::read_dir(compat("scenarios")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.to_str()?.strip_suffix(".toml")?.to_owned())).collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    fn read(name: &str) -> Self {
        let scenario: Result<Self, _> = Value::Table(table(name)).try_into();
        Self { name: name.to_owned(), ..scenario.unwrap_or_else(|error| panic!("{name}: {error}")) }
    }

    /// The command as one types it.
    pub fn words(&self) -> Vec<String> {
        shell_words::split(&self.run).unwrap()
    }

    /// Whether this is compared.
    pub fn compares(&self, part: Part) -> bool {
        self.compare.contains(&part)
    }
}

/// What stands in the file, on top of its base.
fn table(name: &str) -> Table {
    let file = compat("scenarios").join(format!("{name}.toml"));
    let mut own: Table =
        fs::read_to_string(file).unwrap().parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    match own.remove("base") {
        None => own,
        Some(base) => over(table(&format!("bases/{}", base.as_str().unwrap())), own),
    }
}

/// Tables are joined and configs follow each other; everything else takes the base's place.
fn over(mut base: Table, own: Table) -> Table {
    for (key, value) in own {
        let joined = match (base.remove(&key), value) {
            (Some(Value::Table(base)), Value::Table(own)) => Value::Table(over(base, own)),
            (Some(Value::String(base)), Value::String(own)) if key == "config" => {
                Value::String(format!("{base}\n{own}"))
            }
            (_, own) => own,
        };
        base.insert(key, joined);
    }
    base
}
