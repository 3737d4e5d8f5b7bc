//! What bash makes of shell files, many of them in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::report::{Report, ReportOptions};
use edeliver::settings::shellfile::{Problem, ShellFile, Variables, evaluate};
use edeliver::shell::{NoRequests, ShellHost, ShellOptions, Value};
use edeliver::transport::Interrupt;

use crate::user_bash;

/// The variables and functions there are after a file was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    pub variables: BTreeMap<String, String>,
    pub functions: BTreeSet<String>,
}

/// The variables that every file starts with, as the original sets them before it reads a config.
pub const START: &[(&str, &str)] = &[
    ("HOME", "/home/tester"),
    // A generated file finds no program to run.
    ("PATH", "/nowhere"),
    ("MODE", "compact"),
    ("VERBOSE", ""),
    ("SILENCE", "&> /dev/null"),
    ("TARGET_MIX_ENV", "prod"),
    ("MIX_CMD", "mix"),
    ("REBAR_CMD", "./rebar "),
    ("NODE_ENVIRONMENT", "staging"),
    ("DEPLOY_ENVIRONMENT", "production"),
    ("ORIGIN_DIR", "/home/tester/my app"),
    ("RELEASE_FILE", "releases/my_app_1.2.3.release.tar.gz"),
    ("GREETING", "grüße * ?"),
];

/// What we make of a file without bash, or what stands in the way.
pub fn here(content: &[u8]) -> Result<World, Problem> {
    let file = ShellFile::parse(Utf8Path::new("config"), content).map_err(|error| error.problem().clone())?;
    let mut variables = Variables::default();
    for (name, value) in START {
        variables.set_exported(name, *value);
    }
    let evaluated = evaluate(&file, &mut variables).map_err(|error| error.problem().clone())?;
    Ok(World {
        variables: variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        functions: evaluated.functions.into_iter().map(|function| function.name).collect(),
    })
}

/// One bash of ours for many files, as a command has one.
pub struct Bash {
    options: ShellOptions,
    host: ShellHost,
    before: edeliver::shell::Variables,
}

impl Bash {
    /// One that works in this directory.
    pub fn new(folder: &Utf8Path) -> Self {
        let options = ShellOptions {
            bash: user_bash::program(),
            project: folder.into(),
            report: Report::new(ReportOptions::default()),
            interrupt: Interrupt::default(),
        };
        let (host, before) = Self::start(&options);
        Self { options, host, before }
    }

    fn start(options: &ShellOptions) -> (ShellHost, edeliver::shell::Variables) {
        let mut host = ShellHost::start(options.clone(), "a test").unwrap();
        for (name, value) in START {
            host.variables_mut().export(name, *value);
        }
        // The other one has no such directory to inherit.
        host.call("unset", &["OLDPWD"], &mut NoRequests).unwrap();
        // What it complains about while it reads is of no interest.
        host.call("eval", &["exec >/dev/null 2>&1"], &mut NoRequests).unwrap();
        let before = host.variables().clone();
        (host, before)
    }

    /// What it makes of a file: None when it is not valid, or ends bash.
    pub fn evaluate(&mut self, file: &Utf8Path) -> Option<World> {
        if self.host.load(file, None, &mut NoRequests).is_err() {
            (self.host, self.before) = Self::start(&self.options);
            return None;
        }
        let new = |name: &str| self.before.iter().all(|(known, _)| known != name);
        let given = |name: &str| START.iter().any(|(given, _)| *given == name);
        let now: Vec<(String, Value)> =
            self.host.variables().iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let mut world = World::default();
        for (name, value) in now.iter().filter(|(name, _)| new(name) || given(name)) {
            if let Value::Text { text, .. } = value {
                world.variables.insert(name.clone(), text.clone());
            }
        }
        world.functions = self.host.functions().iter().map(|function| function.name.clone()).collect();
        self.as_before(&now, &world);
        Some(world)
    }

    fn as_before(&mut self, now: &[(String, Value)], world: &World) {
        let new: Vec<&String> = now
            .iter()
            .map(|(name, _)| name)
            .filter(|name| self.before.iter().all(|(known, _)| known != *name))
            .collect();
        for name in new {
            self.host.variables_mut().unset(name);
        }
        for (name, value) in self.before.iter() {
            if let Value::Text { text, exported } = value
                && !now.iter().any(|(known, now)| known == name && now == value)
            {
                // Exported ones stay so.
                self.host.variables_mut().unset(name);
                match exported {
                    true => self.host.variables_mut().export(name, text),
                    false => self.host.variables_mut().set(name, text),
                }
            }
        }
        if !world.functions.is_empty() {
            let names: Vec<&str> = world.functions.iter().map(String::as_str).collect();
            self.host.call("unset", &[&["-f"], &names[..]].concat(), &mut NoRequests).unwrap();
        }
    }
}

/// What bash makes of each file: None where it gave up (`${X:?}`, syntax errors).
pub fn real(files: &[Utf8PathBuf]) -> Vec<Option<World>> {
    let folder = files.first().and_then(|file| file.parent()).expect("a file");
    real_after(START.iter().copied(), files, folder)
}

/// The same after these variables were set, in a project's directory. Of an array, which stays in
/// bash, nothing is said.
pub fn real_after<'a>(
    start: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    files: &[Utf8PathBuf],
    folder: &Utf8Path,
) -> Vec<Option<World>> {
    let names: Vec<&str> = start.clone().map(|(name, _)| name).collect();
    let output = Command::new(user_bash::program())
        .args(["--norc", "--noprofile", "-c", SCRIPT, "bash"])
        .args(files)
        .env_clear()
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("__given", names.join(" "))
        .envs(start)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let text = String::from_utf8(output.stdout).expect("values are UTF-8");
    // Records end with NUL, which no value holds; an empty one starts a file.
    let records: Vec<&str> = text.split_terminator('\0').collect();
    let worlds: Vec<_> = records.split(|record| record.is_empty()).skip(1).map(world).collect();
    assert_eq!(worlds.len(), files.len(), "{}", String::from_utf8_lossy(&output.stderr));
    worlds
}

/// Evaluates each file in a subshell; prints every variable that was not there before, or was given.
/// No process is started for it: that would take most of the time.
const SCRIPT: &str = r#"
__list='__names="'
for __letter in {A..Z} {a..z}; do __list="$__list \${!$__letter@}"; done
__list="$__list \${!_@}\""
eval "$__list"
__known=" $__names "
for __name in $__given; do __known="${__known/ $__name / }"; done
for __file in "$@"; do
  printf '\0'
  (
    set --
    source "$__file" >/dev/null 2>&1
    printf 'end\0'
    unset IFS
    eval "$__list"
    for __name in $__names; do
      case $__name in __*|_|BASH*|FUNCNAME) continue ;; esac
      case $__known in *" $__name "*) continue ;; esac
      __array=$__name[1]
      [ -n "${!__array+set}" ] && continue
      [ -n "${!__name+set}" ] && printf '%s=%s\0' "$__name" "${!__name}"
    done
    printf 'functions\n'
    declare -F
    printf '\0'
  )
done
"#;

fn world(records: &[&str]) -> Option<World> {
    let ["end", variables @ .., functions] = records else { return None };
    let pair =
        |record: &&str| record.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let name = |line: &str| line.split(' ').next_back().unwrap_or(line).to_owned();
    Some(World {
        variables: variables.iter().map(|record| pair(record).expect("NAME=value")).collect(),
        functions: functions.lines().skip(1).map(name).collect(),
    })
}
