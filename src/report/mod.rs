//! What a person, a CI log and the log file see of a command.
//!
//! Events flow one way: the rooms emit, [`Report`] displays.

mod board;
mod event;
mod record;
mod redact;
mod table;
mod terminal;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde_json::Value;

pub use board::Row;
pub use event::seconds;
use record::Record;
pub use record::{HostEnd, HostState, Timing};
pub use redact::Redactor;
pub use table::table;

/// How much is shown, and how.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// Show the output of every step (`-V`).
    pub verbose: bool,
    /// No colours, no progress bars (`--plain`, CI).
    pub plain: bool,
    /// Colours although standard output is no terminal (`--runs-as-mix-task`).
    pub force_colour: bool,
    /// Events for programs on standard output, in place of text for people (`--json`).
    pub json: bool,
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
    pub fn step(&self, label: &str) -> Row {
        self.0.step(label)
    }

    /// A transfer of `total` bytes: a bar on a terminal, until dropped.
    pub fn transfer(&self, label: &str, total: u64) -> Row {
        self.0.transfer(label, total)
    }

    /// Whether programs read along (`--json`): then a command gives its answer as an [`Report::event`].
    pub fn is_read_by_programs(&self) -> bool {
        self.0.json()
    }

    /// Something that only programs are told. `fields` is an object; secrets are taken out of it.
    pub fn event(&self, name: &str, fields: Value) {
        self.0.event(name, fields);
    }

    /// The line of an event, without secrets, for [`Report::pass_line`] and others.
    pub fn line(&self, name: &str, fields: Value) -> String {
        self.0.event_line(name, fields)
    }

    /// Passes the line of an event on to programs.
    pub fn pass_line(&self, line: &str) {
        self.0.pass_line(line);
    }

    /// What a host does in a phase, named as `docs/events.md` has it. How long it takes is written down.
    ///
    /// # Errors
    /// What `run` fails with.
    pub fn phase<T, E>(
        &self,
        host: &impl Display,
        phase: &'static str,
        run: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let began = self.0.enter(&host.to_string(), phase);
        let outcome = run();
        self.0.leave(&host.to_string(), phase, began, outcome.is_ok());
        outcome
    }

    /// How the command leaves a host.
    pub fn host_ended(&self, host: &impl Display, version: Option<&str>, state: HostState) {
        self.0.host_ended(HostEnd { host: host.to_string(), version: version.map(str::to_owned), state });
    }

    /// The hosts that have ended.
    pub fn hosts(&self) -> Vec<HostEnd> {
        self.0.record().hosts()
    }

    /// The phases so far.
    pub fn phases(&self) -> Vec<Timing> {
        self.0.record().phases().collect()
    }

    /// How long the command has run.
    pub fn elapsed(&self) -> Duration {
        self.0.record().elapsed()
    }

    /// How long it all took: on a terminal and in the log, since other output is compared with the original's.
    pub fn summary(&self, text: &str) {
        self.0.summary(text);
    }
}
