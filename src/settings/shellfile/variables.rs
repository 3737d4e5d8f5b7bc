//! The variables that a shell file sees and sets.

use std::collections::BTreeMap;

/// Shell variables, each with the line that assigned it last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, Variable>);

/// One shell variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Variable {
    /// None for a name that is exported but not set.
    value: Option<String>,
    exported: bool,
    line: Option<usize>,
}

impl Variables {
    /// The value of a variable that is set (it may be empty).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.value.as_deref()
    }

    /// The line of the shell file that assigned it last; None when it came from outside the file.
    pub fn line(&self, name: &str) -> Option<usize> {
        self.0.get(name)?.line
    }

    /// Whether programs that are started see it.
    pub fn is_exported(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|variable| variable.exported)
    }

    /// Sets a variable from outside a shell file. A name that no variable can have is ignored, as
    /// bash ignores it in its environment.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        if is_name(name) {
            let variable = self.0.entry(name.to_owned()).or_default();
            variable.value = Some(value.into());
            variable.line = None;
        }
    }

    /// Sets a variable as the environment does: programs that are started see it too.
    pub fn set_exported(&mut self, name: &str, value: impl Into<String>) {
        self.set(name, value);
        self.export(name);
    }

    /// Every variable that is set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, variable)| Some((name.as_str(), variable.value.as_deref()?)))
    }

    /// Takes over what bash has made of a variable; `line` of the file is where it did.
    pub(in crate::settings) fn take_over(&mut self, name: &str, value: String, exported: bool, line: usize) {
        if is_name(name) {
            self.0.insert(name.to_owned(), Variable { value: Some(value), exported, line: Some(line) });
        }
    }

    /// Takes a variable away.
    pub(in crate::settings) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn assign(&mut self, name: &str, value: String, line: usize) {
        let variable = self.0.entry(name.to_owned()).or_default();
        variable.value = Some(value);
        variable.line = Some(line);
    }

    pub(super) fn export(&mut self, name: &str) {
        if is_name(name) {
            self.0.entry(name.to_owned()).or_default().exported = true;
        }
    }
}

/// Whether a text can be the name of a shell variable.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether bash makes up the value itself, differently in each process or at each reading, or lets
/// nobody set it: only bash knows what it is.
pub fn belongs_to_bash(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "_",
        "COMP_WORDBREAKS",
        "DIRSTACK",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTCMD",
        "IFS",
        "LINENO",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "PPID",
        "RANDOM",
        "SECONDS",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "UID",
    ];
    NAMES.contains(&name) || name.starts_with("BASH")
}

/// Whether bash gives it a value where the environment has none.
pub(super) fn bash_fills_in(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "HOME", "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "PATH", "PS1", "PS2", "PS4", "PWD", "SHELL",
        "TERM",
    ];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_bash_takes_for_one() {
        for (text, name) in
            [("APP", true), ("_x1", true), ("1x", false), ("", false), ("a-b", false), ("é", false)]
        {
            assert_eq!(is_name(text), name, "{text}");
        }
    }
}
