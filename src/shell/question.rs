//! Reads what a function asks for while it runs.

use super::told::{text, variables};
use super::variables::Told;
use super::{Reach, RemoteScript, ShellError};

/// What came from bash: the records of a question, and what was piped into the one who asks.
pub(super) struct Asked {
    pub records: Vec<Vec<u8>>,
    pub stdin: Option<Vec<u8>>,
}

/// What a function asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    Remote(RemoteScript),
    /// A step with its arguments.
    Step {
        name: String,
        arguments: Vec<String>,
    },
    Log(String),
}

impl Question {
    /// Reads a question: its kind, the number of its words, the words; and the variables as they are
    /// where it is asked.
    pub(super) fn read(asked: Asked) -> Result<(Self, Vec<Told>), ShellError> {
        let garbled = || ShellError::Garbled("a question that is none".to_owned());
        let mut records = asked.records.into_iter();
        let mut word = || records.next().ok_or_else(garbled);
        let kind = text(word()?);
        let count: usize = text(word()?).parse().map_err(|_| garbled())?;
        let question = match kind.as_str() {
            "remote" | "sync_remote" if count == 3 => {
                let (script, hosts, is_value) = (word()?, text(word()?), word()? == b"value");
                let hosts = hosts.split_whitespace().map(str::to_owned).collect();
                let reach = if kind == "remote" { Reach::All } else { Reach::One };
                Question::Remote(RemoteScript { text: script, hosts, reach, is_value, stdin: asked.stdin })
            }
            "step" if count > 0 => {
                let name = text(word()?);
                let arguments = records.by_ref().take(count - 1).map(text).collect();
                Question::Step { name, arguments }
            }
            "log" => Question::Log(records.by_ref().take(count).map(text).collect::<Vec<_>>().join(" ")),
            _ => return Err(garbled()),
        };
        Ok((question, variables(&mut records)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Result<Question, ShellError> {
        let records = records.iter().map(|record| record.as_bytes().to_vec()).collect();
        Question::read(Asked { records, stdin: None }).map(|(question, _)| question)
    }

    #[test]
    fn reads_every_kind() {
        assert_eq!(read(&["log", "2", "a", "b", ""]).unwrap(), Question::Log("a b".to_owned()));
        let step = read(&["step", "2", "git_push", "x", ""]).unwrap();
        let arguments = vec!["x".to_owned()];
        assert_eq!(step, Question::Step { name: "git_push".to_owned(), arguments });
        let remote = read(&["sync_remote", "3", "echo", "a@b  c", "value", ""]).unwrap();
        let Question::Remote(script) = remote else { panic!("{remote:?}") };
        assert_eq!((script.hosts.len(), script.is_value), (2, true));
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        for records in
            [&[][..], &["log"], &["log", "x"], &["step", "1", "a"], &["remote", "1", "a"], &["x", "0"]]
        {
            assert!(read(records).is_err(), "{records:?}");
        }
    }
}
