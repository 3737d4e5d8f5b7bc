//! Values of settings as what they mean: lists, words, seconds, paths, hosts.

use std::time::Duration;

use super::Settings;
use super::error::SettingsError;
use super::origin::Setting;
use crate::transport::{HostAddr, RemotePath};

/// Nothing that a deploy waits for takes longer.
const MOST_SECONDS: f64 = 86_400.0;

/// The items of a list that is separated by spaces or commas, each once.
pub(super) fn words_of_list(text: &str) -> Vec<&str> {
    let mut items: Vec<&str> = Vec::new();
    for item in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

impl Settings {
    /// A value as words, split as a shell splits them; none when it is not set.
    ///
    /// # Errors
    /// When a quote in it is not closed.
    pub fn words(&self, name: &str) -> Result<Vec<String>, SettingsError> {
        self.parsed(name, |value| shell_words::split(value).map_err(|_| "a quote is not closed"))
            .map(Option::unwrap_or_default)
    }

    /// A number of seconds, whole or decimal. It has a default or the table would be wrong.
    ///
    /// # Errors
    /// When it is no number of seconds up to a day.
    pub fn seconds(&self, name: &str) -> Result<Duration, SettingsError> {
        self.parsed(name, seconds).map(Option::unwrap_or_default)
    }

    /// The hosts of a list, with a user for those that name none.
    pub(super) fn hosts(&self, name: &str, user: Option<&str>) -> Result<Vec<HostAddr>, SettingsError> {
        self.parsed(name, |value| {
            let mut hosts = Vec::new();
            for item in words_of_list(value) {
                let host: HostAddr = item.parse().map_err(|error| format!("{error}"))?;
                let host = host.with_default_user(user.unwrap_or_default());
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
            Ok::<_, String>(hosts)
        })
        .map(Option::unwrap_or_default)
    }

    pub(super) fn remote_path(&self, name: &str) -> Result<Option<RemotePath>, SettingsError> {
        self.parsed(name, str::parse)
    }

    /// The value as `parse` reads it, or an error that says where the value came from.
    pub(super) fn parsed<T, E: ToString>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(setting) = self.setting(name) else { return Ok(None) };
        parse(&setting.value).map(Some).map_err(|reason| SettingsError::invalid(setting, reason))
    }

    /// One of several words, each with its meaning.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, SettingsError> {
        self.parsed(name, |value| {
            let chosen = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            chosen.ok_or_else(|| format!("it must be one of {}", words.join(", ")))
        })
    }
}

impl Setting {
    /// Its value split at white space.
    pub(super) fn items(&self) -> impl Iterator<Item = &str> {
        self.value.split_whitespace()
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    const REASON: &str = "it must be a number of seconds, such as 3 or 0.5";
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = text.parse().map_err(|_| REASON)?;
    if !plain || number > MOST_SECONDS {
        return Err(REASON);
    }
    Duration::try_from_secs_f64(number).map_err(|_| REASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_separated_by_spaces_and_commas() {
        assert_eq!(words_of_list(" a,b  c,,a\n d "), ["a", "b", "c", "d"]);
    }

    #[test]
    fn seconds_are_plain_numbers() {
        assert_eq!(seconds("3"), Ok(Duration::from_secs(3)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "-1", "3s", "1e3", "inf", "NaN", ".", "999999", "+3"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
