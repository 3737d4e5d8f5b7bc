//! What a person, a CI log and the log file see of a command.
//!
//! Events flow one way: the rooms emit, [`Report`] displays.

mod redact;
mod table;
mod terminal;

use std::sync::Arc;

use camino::Utf8PathBuf;

pub use redact::Redactor;
pub use table::table;
pub use terminal::{Step, Transfer};

/// How much is shown, and how.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// Show the output of every step (`-V`).
    pub verbose: bool,
    /// No colours, no progress bars (`--plain`, CI).
    pub plain: bool,
    /// Colours although standard output is no terminal (`--runs-as-mix-task`).
    pub force_colour: bool,
    /// Where everything is written down (`LOG_FILE`).
    pub log_file: Option<Utf8PathBuf>,
    /// What must never be shown.
    pub redactor: Redactor,
}

/// Where output of the user's own commands goes on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Our standard output.
    Output,
    /// Our standard error.
    Errors,
}

/// What a part of a line means, shown as a colour where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It goes well.
    Good,
    /// Worth a look.
    Notice,
    /// Failed, or not to be done by mistake.
    Alarm,
}

/// Shows what happens. Clones show in the same place; it may be used from several threads.
#[derive(Clone)]
pub struct Report(Arc<terminal::Terminal>);

impl Report {
    /// Shows on standard output (what a command says) and standard error (progress).
    pub fn new(options: ReportOptions) -> Self {
        Self(Arc::new(terminal::Terminal::new(options)))
    }

    /// The line that a command begins or ends with, between empty lines.
    pub fn banner(&self, text: &str) {
        self.0.banner(&[(Tone::Good, text)]);
    }

    /// The same, of parts that mean different things.
    pub fn banner_of(&self, parts: &[(Tone, &str)]) {
        self.0.banner(parts);
    }

    /// The text as part of a line that is printed: in its colour, where there are colours.
    pub fn toned(&self, tone: Tone, text: &str) -> String {
        self.0.toned(tone, text)
    }

    /// A step of the recipe: `-----> text`.
    pub fn status(&self, text: &str) {
        self.0.status(text);
    }

    /// A detail, shown with `-V` only.
    pub fn info(&self, text: &str) {
        self.0.info(text);
    }

    /// Plain text of the command's result.
    pub fn print(&self, text: &str) {
        self.0.print(text);
    }

    /// Something the user may want to do or know.
    pub fn hint(&self, text: &str) {
        self.0.hint(text);
    }

    /// Something that went well.
    pub fn success(&self, text: &str) {
        self.0.success(text);
    }

    /// Something that went wrong.
    pub fn error(&self, text: &str) {
        self.0.error(text);
    }

    /// Output of a command on a host: streams with `-V`, else only its tail is kept for an error.
    pub fn output(&self, bytes: &[u8]) {
        self.0.output(bytes);
    }

    /// Output of the user's own commands on this machine: shown as it is, always, without secrets.
    pub fn passed_on(&self, to: To, bytes: &[u8]) {
        self.0.passed_on(to, bytes);
    }

    /// Text for the log file only.
    pub fn log(&self, text: &str) {
        self.0.note(text);
    }

    /// The text without the secrets, for messages that are shown elsewhere.
    pub fn redact(&self, text: &str) -> String {
        self.0.redact(text)
    }

    /// Hides these values from now on.
    pub fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        self.0.hide(secrets);
    }

    /// Whether what is shown has colours.
    pub fn has_colour(&self) -> bool {
        self.0.has_colour()
    }

    /// A step that may take long: a spinner with elapsed time on a terminal, until dropped.
    pub fn step(&self, label: &str) -> Step {
        self.0.step(label)
    }

    /// A transfer of `total` bytes: a bar on a terminal, until dropped.
    pub fn transfer(&self, label: &str, total: u64) -> Transfer {
        self.0.transfer(label, total)
    }
}
