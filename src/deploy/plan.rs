//! What is to be renamed on a host, in which order: a pure function of what is wanted and what is there.

use std::collections::HashSet;

use super::survey::{Found, Survey};
use super::wanted::{Name, Wanted, WantedKind, cleaned, mode_on_host, unescaped};
use crate::host::agent::Unreadable;
use crate::release::Version;

/// The changes on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// A file that the node itself is going to change is copied aside (hot upgrades).
    Keep(String),
    /// A step that waits until all hosts have verified (hot upgrades).
    Later(Box<Step>),
    /// A directory that its owner may not write gets its mode once it is in place.
    Mode(String, u32),
}

impl Step {
    /// The path that it changes.
    pub fn path(&self) -> &str {
        match self {
            Step::Aside(path)
            | Step::Add(path)
            | Step::Replace(path)
            | Step::Keep(path)
            | Step::Mode(path, _) => path,
            Step::Later(step) => step.path(),
        }
    }

    /// The line "STEP FLAG NAME" of the journal.
    pub fn to_line(&self) -> String {
        let name = Name(self.path());
        let step = match self {
            Step::Aside(_) => "aside".to_owned(),
            Step::Add(_) => "add".to_owned(),
            Step::Replace(_) => "replace".to_owned(),
            Step::Keep(_) => "keep".to_owned(),
            Step::Later(step) => return format!("later-{}", step.to_line()),
            Step::Mode(_, mode) => format!("mode{mode:o}"),
        };
        format!("{step} {} {}\n", name.flag(), name.escaped())
    }

    /// Reads a line that says how to go back.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(line: &str) -> Result<Self, Unreadable> {
        let unreadable = || Unreadable(format!("step {line}"));
        let (step, rest) = line.split_once(' ').ok_or_else(unreadable)?;
        let (flag, name) = rest.split_once(' ').ok_or_else(unreadable)?;
        let path = if flag == "e" { unescaped(name).ok_or_else(unreadable)? } else { name.to_owned() };
        match step {
            "aside" => Ok(Step::Aside(path)),
            "add" => Ok(Step::Add(path)),
            "replace" => Ok(Step::Replace(path)),
            _ => Err(unreadable()),
        }
    }
}

impl Plan {
    /// Plans how the host gets from what the survey found to what is wanted.
    ///
    /// Unchanged files are not touched. A directory that is new comes as a whole, with one rename.
    pub fn new(wanted: &[Wanted], survey: &Survey, clean: bool) -> Self {
        Self::of(wanted, survey, clean, &|_| true)
    }

    /// Plans how the host gets to a release that it has made itself, and of which nothing need be sent.
    /// `gone` are the paths that the release does not have any more.
    pub fn of_replica(wanted: &[Wanted], survey: &Survey, gone: &[String]) -> Self {
        let mut steps: Vec<Step> = gone.iter().cloned().map(Step::Aside).collect();
        steps.append(&mut Self::new(wanted, survey, false).steps);
        Self { steps, payload: Vec::new() }
    }

    /// The same for `wanted` entries of which only those that `belongs` says are to come.
    fn of(wanted: &[Wanted], survey: &Survey, clean: bool, belongs: &dyn Fn(&str) -> bool) -> Self {
        let mut steps = Vec::new();
        let mut payload = Vec::new();
        let mut modes = Vec::new();
        let top: Vec<&str> = wanted.iter().map(|entry| entry.path.as_str()).collect();
        let fresh = if clean { asides(&top, wanted, survey, &mut steps) } else { Vec::new() };
        // The paths whose whole subtree a step already brings. Between a directory and what is in it may
        // stand others: `js`, `js.map`, `js/app.js`.
        let mut covered: HashSet<&str> = HashSet::new();
        for (index, (entry, found)) in wanted.iter().zip(&survey.entries).enumerate() {
            let inside = |base: &str| is_inside(&entry.path, base);
            if parents(&entry.path).any(|parent| covered.contains(parent)) {
                payload.push(index);
            } else if !belongs(&entry.path) {
                continue;
            } else {
                let found = if fresh.iter().any(|base| inside(base)) { Found::Absent } else { *found };
                let step = match (found, &entry.kind) {
                    (Found::Same, _) => continue,
                    (Found::Absent, _) => Step::Add(entry.path.clone()),
                    (Found::Different | Found::OtherType, _) => Step::Replace(entry.path.clone()),
                };
                steps.push(step);
                payload.push(index);
                covered.insert(&entry.path);
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

    /// Plans a hot upgrade to `version`: the release comes beside the one that runs, of which nothing is
    /// changed before all hosts have verified. What decides the next boot is the release handler's to
    /// write, and is only kept.
    pub fn upgrade(wanted: &[Wanted], survey: &Survey, version: &Version) -> Self {
        let own = format!("releases/{version}");
        let mut plan = Self::of(wanted, survey, false, &|path| !BOOT.contains(&path));
        plan.steps = std::mem::take(&mut plan.steps)
            .into_iter()
            .map(|step| {
                let path = step.path();
                let unused =
                    library(path).is_some_and(|library| !survey.uses.iter().any(|used| used == library));
                if unused || is_inside(path, &own) { step } else { Step::Later(Box::new(step)) }
            })
            .collect();
        plan.steps.extend(BOOT.map(|path| Step::Keep(path.to_owned())));
        plan
    }

    /// The way back over what the last deploy has done, in the same order: what decides the next boot
    /// comes last. Nothing is sent.
    pub fn back(steps: &[Step]) -> Self {
        let mut steps = steps.to_vec();
        steps.sort_by_key(rank);
        Self { steps, payload: Vec::new() }
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

/// What the release handler writes when a release is unpacked or made permanent.
const BOOT: [&str; 2] = ["releases/RELEASES", "releases/start_erl.data"];

/// The NAME-VERSION of the library that the path is or lies in.
fn library(path: &str) -> Option<&str> {
    path.strip_prefix("lib/")?.split('/').next()
}

/// The directories that a path lies in.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::payload::Packing;
    use crate::deploy::survey::Found::{Absent, Different, OtherType, Same};
    use crate::node::NodeState;
    use crate::release::{Libc, Sha256Sum};

    fn plan(entries: &[(&str, Found)], erts: &[&str], clean: bool) -> Vec<String> {
        plan_by(entries, erts, &[], |wanted, survey| Plan::new(wanted, survey, clean))
    }

    fn plan_by(
        entries: &[(&str, Found)],
        erts: &[&str],
        uses: &[&str],
        make: impl FnOnce(&[Wanted], &Survey) -> Plan,
    ) -> Vec<String> {
        let sha256 = Sha256Sum::of(&b""[..]).unwrap().0;
        let kind = |path: &str| match path.strip_suffix('/') {
            Some(_) => WantedKind::Directory { mode: if path.contains("fixed") { 0o555 } else { 0o755 } },
            None => WantedKind::File { size: 1, sha256, mode: 0o644 },
        };
        let wanted: Vec<Wanted> = entries
            .iter()
            .map(|(path, _)| Wanted { path: path.trim_end_matches('/').to_owned(), kind: kind(path) })
            .collect();
        let survey = Survey {
            root: "/opt/app".into(),
            root_present: true,
            machine: "x86_64".into(),
            libc: Libc::Other,
            clock_ahead: 0,
            umask: 0o022,
            free_bytes: 0,
            free_inodes: None,
            copy: (0, 0),
            problems: Vec::new(),
            read_only: Vec::new(),
            unpacks: Packing::Gzip,
            fetches: true,
            erts: erts.iter().map(|name| (*name).to_owned()).collect(),
            disk: "1".into(),
            uses: uses.iter().map(|name| (*name).to_owned()).collect(),
            obstacles: Vec::new(),
            last: None,
            node: NodeState::Stopped,
            entries: entries.iter().map(|(_, found)| *found).collect(),
            doubt: None,
        };
        let plan = make(&wanted, &survey);
        let sent =
            plan.payload.iter().map(|&index| wanted[index].path.as_str()).collect::<Vec<_>>().join(" ");
        plan.steps.iter().map(|step| step.to_line().trim().to_owned()).chain([sent]).collect()
    }

    #[test]
    fn what_decides_the_next_boot_comes_last_and_what_is_the_same_stays() {
        let entries = [
            ("bin/", Same),
            ("bin/app", Different),
            ("erts-14/", Absent),
            ("erts-14/bin", Absent),
            ("lib/", Same),
            ("lib/app-2/", Absent),
            ("lib/app-2/ebin", Absent),
            ("lib/dep-1/", Same),
            ("lib/dep-1/x.beam", Same),
            ("lib/dep-1/y.beam", Different),
            ("releases/", Same),
            ("releases/2/", Absent),
            ("releases/2/start.boot", Absent),
            ("releases/COOKIE", Different),
            ("releases/start_erl.data", Different),
        ];
        assert_eq!(
            plan(&entries, &["erts-13"], false),
            [
                "add - erts-14",
                "add - lib/app-2",
                "replace - lib/dep-1/y.beam",
                "add - releases/2",
                "replace - bin/app",
                "replace - releases/COOKIE",
                "replace - releases/start_erl.data",
                "bin/app erts-14 erts-14/bin lib/app-2 lib/app-2/ebin lib/dep-1/y.beam releases/2 \
                 releases/2/start.boot releases/COOKIE releases/start_erl.data",
            ]
        );
    }

    #[test]
    fn a_new_directory_comes_as_a_whole_whatever_stands_beside_it() {
        let entries = [
            ("lib/", Same),
            ("lib/js/", Absent),
            ("lib/js.map", Absent),
            ("lib/js/app.js", Absent),
            ("lib/jsx", Different),
        ];
        assert_eq!(
            plan(&entries, &[], false),
            [
                "add - lib/js",
                "add - lib/js.map",
                "replace - lib/jsx",
                "lib/js lib/js.map lib/js/app.js lib/jsx"
            ]
        );
    }

    #[test]
    fn a_clean_deploy_puts_the_old_release_aside_as_a_whole() {
        let entries = [
            ("bin/", Same),
            ("bin/app", Same),
            ("erts-14/", Same),
            ("erts-14/bin/", Same),
            ("lib/", Same),
            ("lib/x", Same),
            ("releases/", Absent),
        ];
        assert_eq!(
            plan(&entries, &["erts-13", "erts-14"], true),
            [
                "aside - erts-14",
                "aside - lib",
                "aside - erts-13",
                "add - erts-14",
                "add - lib",
                "add - releases",
                "erts-14 erts-14/bin lib lib/x releases",
            ]
        );
    }

    #[test]
    fn an_upgrade_leaves_what_runs_as_it_is_until_all_have_verified() {
        let entries = [
            ("bin/", Same),
            ("bin/app", Different),
            ("bin/app-2", Absent),
            ("lib/", Same),
            ("lib/app-2/", Absent),
            ("lib/app-2/ebin", Absent),
            ("lib/dep-1/", Same),
            ("lib/dep-1/x.beam", Different),
            ("lib/left-3/", Same),
            ("lib/left-3/x.beam", Different),
            ("releases/", Same),
            ("releases/2/", Same),
            ("releases/2/relup", Different),
            ("releases/RELEASES", Different),
            ("releases/start_erl.data", Different),
        ];
        let upgrade =
            |wanted: &[Wanted], survey: &Survey| Plan::upgrade(wanted, survey, &"2".parse().unwrap());
        assert_eq!(
            plan_by(&entries, &[], &["app-1", "dep-1"], upgrade),
            [
                "add - lib/app-2",
                "later-replace - lib/dep-1/x.beam",
                "replace - lib/left-3/x.beam",
                "replace - releases/2/relup",
                "later-replace - bin/app",
                "later-add - bin/app-2",
                "keep - releases/RELEASES",
                "keep - releases/start_erl.data",
                "bin/app bin/app-2 lib/app-2 lib/app-2/ebin lib/dep-1/x.beam lib/left-3/x.beam releases/2/relup",
            ]
        );
    }

    #[test]
    fn steps_are_read_as_they_were_written() {
        for path in ["lib/a-1", "lib/x y", " é\\\n"] {
            for step in [Step::Aside(path.into()), Step::Add(path.into()), Step::Replace(path.into())] {
                assert_eq!(Step::parse(step.to_line().trim_end_matches('\n')).unwrap(), step);
            }
        }
        for line in ["", "add", "add -", "mode555 - x", "add e \\09"] {
            assert!(Step::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_way_back_has_the_same_order() {
        let steps = ["replace - releases/start_erl.data", "add - lib", "aside - lib", "replace - bin/app"];
        let back = Plan::back(&steps.map(|line| Step::parse(line).unwrap()));
        let lines: Vec<String> = back.steps.iter().map(Step::to_line).collect();
        assert_eq!(
            lines.concat(),
            "aside - lib\nadd - lib\nreplace - bin/app\nreplace - releases/start_erl.data\n"
        );
    }

    #[test]
    fn another_type_is_replaced_and_a_directory_gets_its_read_only_mode_at_the_end() {
        let entries =
            [("lib/", Same), ("lib/fixed/", OtherType), ("lib/fixed/x", Absent), ("lib/fixed2", Same)];
        assert_eq!(
            plan(&entries, &[], false),
            ["replace - lib/fixed", "mode555 - lib/fixed", "lib/fixed lib/fixed/x"]
        );
    }
}
