//! What is to be renamed on a host, in which order: a pure function of what is wanted and what is there.

use super::survey::{Found, Survey};
use super::wanted::{Name, Wanted, WantedKind, cleaned, mode_on_host};

/// The changes on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they are made. Undone in the opposite order.
    pub steps: Vec<Step>,
    /// Which of the wanted entries must be sent, by index: those that the steps put into place.
    pub payload: Vec<usize>,
}

/// One change, by rename within one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What is there is put aside, and nothing takes its place (`--clean-deploy`).
    Aside(String),
    /// Something new comes where nothing was.
    Add(String),
    /// What is there is put aside and something new takes its place.
    Replace(String),
    /// A directory that its owner may not write gets its mode once it is in place.
    Mode(String, u32),
}

impl Step {
    /// The path that it changes.
    pub fn path(&self) -> &str {
        match self {
            Step::Aside(path) | Step::Add(path) | Step::Replace(path) | Step::Mode(path, _) => path,
        }
    }

    /// The line "STEP FLAG NAME" of the journal.
    pub fn to_line(&self) -> String {
        let name = Name(self.path());
        let step = match self {
            Step::Aside(_) => "aside".to_owned(),
            Step::Add(_) => "add".to_owned(),
            Step::Replace(_) => "replace".to_owned(),
            Step::Mode(_, mode) => format!("mode{mode:o}"),
        };
        format!("{step} {} {}\n", name.flag(), name.escaped())
    }
}

impl Plan {
    /// Plans how the host gets from what the survey found to what is wanted.
    ///
    /// Unchanged files are not touched. A directory that is new comes as a whole, with one rename.
    pub fn new(wanted: &[Wanted], survey: &Survey, clean: bool) -> Self {
        let mut steps = Vec::new();
        let mut payload = Vec::new();
        let mut modes = Vec::new();
        let top: Vec<&str> = wanted.iter().map(|entry| entry.path.as_str()).collect();
        let fresh = if clean { asides(&top, wanted, survey, &mut steps) } else { Vec::new() };
        // The path whose whole subtree a step already brings.
        let mut covered: Option<String> = None;
        for (index, (entry, found)) in wanted.iter().zip(&survey.entries).enumerate() {
            let inside = |base: &str| is_inside(&entry.path, base);
            if covered.as_deref().is_some_and(inside) {
                payload.push(index);
            } else {
                let found = if fresh.iter().any(|base| inside(base)) { Found::Absent } else { *found };
                let step = match (found, &entry.kind) {
                    (Found::Same, _) => continue,
                    (Found::Absent, _) => Step::Add(entry.path.clone()),
                    (Found::Different | Found::OtherType, _) => Step::Replace(entry.path.clone()),
                };
                steps.push(step);
                payload.push(index);
                covered = Some(entry.path.clone());
            }
            if let WantedKind::Directory { mode } = entry.kind
                && mode & 0o200 == 0
            {
                modes.push(Step::Mode(entry.path.clone(), mode_on_host(mode, survey.umask)));
            }
        }
        steps.sort_by_key(rank);
        steps.append(&mut modes);
        Self { steps, payload }
    }
}

/// `--clean-deploy`: the directories of the old release go as a whole. Returns their names.
fn asides<'a>(top: &[&'a str], wanted: &[Wanted], survey: &'a Survey, steps: &mut Vec<Step>) -> Vec<&'a str> {
    let there = |name: &str| {
        wanted.iter().zip(&survey.entries).any(|(entry, found)| entry.path == name && *found != Found::Absent)
    };
    let mut fresh: Vec<&str> = cleaned(top.iter().copied()).into_iter().filter(|name| there(name)).collect();
    for erts in &survey.erts {
        if !fresh.contains(&erts.as_str()) {
            fresh.push(erts);
        }
    }
    steps.extend(fresh.iter().map(|name| Step::Aside((*name).to_owned())));
    fresh
}

fn is_inside(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// New code first, then the release's own directory, then the control script; what decides the next
/// boot comes last (`DESIGN.md`, step 3).
fn rank(step: &Step) -> u8 {
    let path = step.path();
    match path.split('/').next().unwrap_or_default() {
        _ if matches!(step, Step::Aside(_)) => 0,
        "lib" => 1,
        top if top.starts_with("erts-") => 1,
        "bin" => 3,
        "releases"
            if ["releases", "releases/start_erl.data", "releases/RELEASES", "releases/COOKIE"]
                .contains(&path) =>
        {
            4
        }
        _ => 2,
    }
}
