//! What bash makes of shell files, many of them in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::settings::shellfile::{ShellFile, Variables, evaluate};

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

/// What we make of a file; None with the message where it is left to bash.
pub fn ours(path: &Utf8Path, content: &[u8]) -> Result<World, String> {
    let file = ShellFile::parse(path, content).map_err(|error| error.to_string())?;
    let mut variables = Variables::default();
    for (name, value) in START {
        variables.set_exported(name, *value);
    }
    let evaluated = evaluate(&file, &mut variables).map_err(|error| error.to_string())?;
    Ok(World {
        variables: variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        functions: evaluated.functions.into_iter().map(|function| function.name).collect(),
    })
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
    let output = Command::new("/bin/bash")
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
