//! Wrong usage: what is wrong, how it is written, what was probably meant.

use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A command line that means nothing, or not surely what was meant: exit status 2.
///
/// Displays the message, the usage (or the whole help where no command was given), and hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    message: String,
    usage: String,
    hints: Vec<String>,
}

impl UsageError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), usage: String::new(), hints: Vec::new() }
    }

    /// Says how it is written, unless a more exact usage has been said already.
    #[must_use]
    pub(super) fn usage(mut self, usage: impl Into<String>) -> Self {
        if self.usage.is_empty() {
            self.usage = usage.into();
        }
        self
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// "Did you mean", where something near was found.
    #[must_use]
    pub(super) fn suggest(self, meant: Option<impl fmt::Display>) -> Self {
        match meant {
            Some(meant) => self.hint(format!("did you mean '{meant}'?")),
            None => self,
        }
    }

    /// What clap found wrong with the words and options of `command`.
    pub(super) fn from_clap(error: &clap::Error, command: &str) -> Self {
        if error.kind() == ErrorKind::MissingRequiredArgument
            && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
        {
            let missing = missing.join(" ").replace(['<', '>'], "");
            return Self::new(format!("'{command}' needs {}", missing.replace('|', " or ")));
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // clap adds its own usage and a pointer to --help; ours follow.
        let end = ["\n\nUsage:", "\n\nFor more"].into_iter().filter_map(|mark| text.find(mark)).min();
        Self::new(text[..end.unwrap_or(text.len())].trim_end())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.usage.is_empty() {
            write!(f, "\n\n{}", self.usage.trim_end())?;
        }
        if !self.hints.is_empty() {
            f.write_str("\n")?;
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\nHint: {hint}"))
    }
}

impl std::error::Error for UsageError {}
