//! The variables that we share with bash.

use std::collections::BTreeMap;

use crate::settings::shellfile::{belongs_to_bash, is_name};

/// Shell variables, and which of them bash has not heard of yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    known: BTreeMap<String, Value>,
    changed: BTreeMap<String, Change>,
}

/// The value of a shell variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// Whether programs that are started see it.
        exported: bool,
    },
    /// An array, or bytes that are no text: it stays in bash.
    Kept,
}

/// What bash has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Set(String),
    Export(String),
    Unset,
}

/// A variable that bash has set, as it tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub name: String,
    pub value: Value,
}

impl Variables {
    /// The text of a variable that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.known.get(name)? {
            Value::Text { text, .. } => Some(text),
            Value::Kept => None,
        }
    }

    /// Sets a variable. Whether programs see it stays as it is.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        let exported = matches!(self.known.get(name), Some(Value::Text { exported: true, .. }));
        self.put(name, text.into(), exported);
    }

    /// Sets a variable that programs see too.
    pub fn export(&mut self, name: &str, text: impl Into<String>) {
        self.put(name, text.into(), true);
    }

    /// A variable that bash has inherited with this value.
    pub(super) fn know(&mut self, name: &str, text: &str) {
        if is_shared(name) {
            self.known.insert(name.to_owned(), Value::Text { text: text.to_owned(), exported: true });
        }
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        if self.known.remove(name).is_some() {
            self.changed.insert(name.to_owned(), Change::Unset);
        }
    }

    /// Every variable with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.known.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Every variable that is a text, by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().filter_map(|(name, value)| match value {
            Value::Text { text, .. } => Some((name.as_str(), text.as_str())),
            Value::Kept => None,
        })
    }

    fn put(&mut self, name: &str, text: String, exported: bool) {
        let value = Value::Text { text: text.clone(), exported };
        if !is_shared(name) || self.known.get(name) == Some(&value) {
            return;
        }
        let change = if exported { Change::Export(text) } else { Change::Set(text) };
        self.known.insert(name.to_owned(), value);
        self.changed.insert(name.to_owned(), change);
    }

    /// What bash has not heard of; it will have after this.
    pub(super) fn take_changes(&mut self) -> BTreeMap<String, Change> {
        std::mem::take(&mut self.changed)
    }

    /// Takes over all that bash has. What it has not heard of yet stays to be told.
    pub(super) fn replace(&mut self, told: Vec<Told>) {
        let mut known: BTreeMap<String, Value> = told
            .into_iter()
            .filter(|told| is_shared(&told.name))
            .map(|told| (told.name, told.value))
            .collect();
        for (name, change) in &self.changed {
            match change {
                Change::Unset => known.remove(name),
                Change::Set(text) => {
                    known.insert(name.clone(), Value::Text { text: text.clone(), exported: false })
                }
                Change::Export(text) => {
                    known.insert(name.clone(), Value::Text { text: text.clone(), exported: true })
                }
            };
        }
        self.known = known;
    }
}

/// Whether a text can be the name of a variable that both sides may set: bash makes up the values
/// of some itself, and those of ours are private.
fn is_shared(name: &str) -> bool {
    is_name(name) && !belongs_to_bash(name) && name != "PWD" && !name.starts_with("__edeliver_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_only_what_changed() {
        let mut variables = Variables::default();
        variables.set("APP", "shop");
        variables.export("MIX_ENV", "prod");
        variables.set("BASH_VERSION", "9");
        variables.set("no name", "x");
        assert_eq!(variables.take_changes().len(), 2);
        variables.set("APP", "shop");
        assert!(variables.take_changes().is_empty());
        variables.set("MIX_ENV", "dev");
        let changes: Vec<_> = variables.take_changes().into_iter().collect();
        assert_eq!(changes, [("MIX_ENV".to_owned(), Change::Export("dev".to_owned()))]);
    }

    #[test]
    fn what_bash_has_not_heard_of_survives_what_it_tells() {
        let mut variables = Variables::default();
        variables.set("VERSION", "2");
        let value = Value::Text { text: "1".to_owned(), exported: false };
        variables.replace(vec![Told { name: "VERSION".to_owned(), value }]);
        assert_eq!(variables.get("VERSION"), Some("2"));
    }
}
