//! Status lines and colours on the terminal, events for programs, and the log file.

use std::fs::{DirBuilder, File};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use camino::Utf8Path;
use serde_json::{Value, json};

use super::board::{Board, Row};
use super::{HostEnd, Record, Redactor, ReportOptions, To, Tone, event};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const ARROW: Style = AnsiColor::Yellow.on_default();
const TITLE: Style = AnsiColor::White.on_default().bold();

/// The one place that writes to standard output, standard error and the log file.
pub struct Terminal {
    options: ReportOptions,
    /// Learns what functions of the config come to know.
    redactor: RwLock<Redactor>,
    colour: bool,
    /// Whether somebody looks on: progress is shown.
    moving: bool,
    bars: Arc<Board>,
    log: Option<Mutex<File>>,
    record: Mutex<Record>,
}

impl Terminal {
    pub(super) fn new(options: ReportOptions) -> Self {
        let redactor = RwLock::new(options.redactor.clone());
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal();
        let colour = !options.plain && !no_colour && (terminal || options.force_colour);
        let moving = !options.plain && std::io::stderr().is_terminal();
        // A log that cannot be written must not keep anybody from deploying.
        let log = options.log_file.as_ref().and_then(|path| open_log(path).ok()).map(Mutex::new);
        let (bars, record) = (Board::new(moving), Mutex::new(Record::new()));
        Self { options, redactor, colour, moving, bars, log, record }
    }

    pub(super) fn banner(&self, parts: &[(Tone, &str)]) {
        let text: String = parts.iter().map(|(_, text)| self.redact(text)).collect();
        let shown: String = parts.iter().map(|(tone, text)| self.toned(*tone, text)).collect();
        self.say("banner", &text, &format!("\n{shown}\n"));
        self.log(&text);
    }

    pub(super) fn toned(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => GREEN,
            Tone::Notice => YELLOW,
            Tone::Alarm => RED,
        };
        self.styled(style, &self.redact(text))
    }

    pub(super) fn status(&self, text: &str) {
        let text = self.redact(text);
        self.say("step", &text, &format!("{}{}", self.styled(ARROW, "-----> "), self.styled(TITLE, &text)));
        self.log(&text);
    }

    pub(super) fn info(&self, text: &str) {
        let text = self.redact(text);
        if self.options.verbose {
            self.say("info", &text, &text);
        }
        self.log(&text);
    }

    pub(super) fn print(&self, text: &str) {
        let text = self.redact(text);
        self.say("text", &text, &text);
    }

    pub(super) fn hint(&self, text: &str) {
        self.coloured("hint", YELLOW, text);
    }

    pub(super) fn success(&self, text: &str) {
        self.coloured("success", GREEN, text);
    }

    /// Errors go to standard error, where scripts look for them.
    pub(super) fn error(&self, text: &str) {
        let text = self.redact(text);
        let colour = !self.options.plain && self.colour;
        let shown = if colour { format!("{RED}{text}{RED:#}") } else { text.clone() };
        self.bars.suspend(|| {
            // A closed standard error leaves nobody to tell.
            drop(writeln!(std::io::stderr().lock(), "{shown}"));
        });
        self.event("message", json!({ "kind": "error", "text": text }));
        self.log(&text);
    }

    pub(super) fn output(&self, bytes: &[u8]) {
        let text = self.redact(&String::from_utf8_lossy(bytes));
        if self.options.verbose {
            self.raw("output", &text, text.as_bytes());
        }
        self.log(text.trim_end());
    }

    pub(super) fn passed_on(&self, to: To, bytes: &[u8]) {
        let said = String::from_utf8_lossy(bytes);
        let text = self.redact(&said);
        // Without secrets in it, it need not be text.
        let shown = if text == said { bytes } else { text.as_bytes() };
        match to {
            To::Output => self.raw("output", &text, shown),
            // A closed standard error leaves nobody to tell.
            To::Errors => self.bars.suspend(|| drop(write_whole(&mut std::io::stderr().lock(), shown))),
        }
        self.log(text.trim_end());
    }

    pub(super) fn note(&self, text: &str) {
        self.log(&self.redact(text));
    }

    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.read().unwrap_or_else(PoisonError::into_inner).redact(text)
    }

    pub(super) fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let known =
            |secret: &&str| self.redactor.read().unwrap_or_else(PoisonError::into_inner).hides(secret);
        let new: Vec<String> =
            secrets.into_iter().filter(|secret| !known(secret)).map(str::to_owned).collect();
        if !new.is_empty() {
            self.redactor.write().unwrap_or_else(PoisonError::into_inner).hide(new);
        }
    }

    pub(super) fn has_colour(&self) -> bool {
        self.colour
    }

    pub(super) fn step(&self, label: &str) -> Row {
        self.bars.step(self.redact(label))
    }

    pub(super) fn transfer(&self, label: &str, total: u64) -> Row {
        self.bars.transfer(self.redact(label), total)
    }

    pub(super) fn json(&self) -> bool {
        self.options.json
    }

    pub(super) fn event(&self, name: &str, fields: Value) {
        if self.options.json {
            self.pass_line(&self.event_line(name, fields));
        }
    }

    pub(super) fn event_line(&self, name: &str, fields: Value) -> String {
        event::line(name, event::reworded(fields, &|text| self.redact(text)))
    }

    pub(super) fn pass_line(&self, line: &str) {
        if self.options.json {
            self.write(line.as_bytes());
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, host: &str, phase: &'static str) -> Instant {
        self.record().enter(phase);
        self.event("phase", json!({ "host": host, "phase": phase, "state": "begins" }));
        Instant::now()
    }

    pub(super) fn leave(&self, host: &str, phase: &'static str, began: Instant, well: bool) {
        self.record().leave(phase);
        let (state, seconds) = (if well { "done" } else { "failed" }, event::seconds(began.elapsed()));
        self.event("phase", json!({ "host": host, "phase": phase, "state": state, "seconds": seconds }));
    }

    pub(super) fn host_ended(&self, end: HostEnd) {
        self.event("host", json!(end));
        self.record().end(end);
    }

    pub(super) fn summary(&self, text: &str) {
        if self.moving && !self.options.json {
            self.write(format!("{text}\n").as_bytes());
        }
        self.log(text);
    }

    fn coloured(&self, kind: &str, style: Style, text: &str) {
        let text = self.redact(text);
        self.say(kind, &text, &self.styled(style, &text));
        self.log(&text);
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A line: a message of this kind for programs, the text `shown` for people.
    fn say(&self, kind: &str, text: &str, shown: &str) {
        if self.options.json {
            self.event("message", json!({ "kind": kind, "text": text }));
        } else {
            self.write(format!("{shown}\n").as_bytes());
        }
    }

    /// Output of others, which need not be whole lines.
    fn raw(&self, kind: &str, text: &str, shown: &[u8]) {
        if self.options.json {
            self.event("message", json!({ "kind": kind, "text": text }));
        } else {
            self.write(shown);
        }
    }

    fn write(&self, bytes: &[u8]) {
        // A reader that went away (`| head`) must not fail the deploy.
        self.bars.suspend(|| drop(write_whole(&mut std::io::stdout().lock(), bytes)));
    }

    fn log(&self, text: &str) {
        if let Some(log) = &self.log
            && let Ok(mut log) = log.lock()
        {
            let now = jiff::Timestamp::now();
            // A full disk under the log must not fail the deploy.
            drop(writeln!(log, "{now} {text}"));
        }
    }
}

fn write_whole(sink: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    sink.write_all(bytes)?;
    sink.flush()
}

/// Private: commands and their output are nobody else's business.
fn open_log(path: &Utf8Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    File::options().create(true).append(true).mode(0o600).open(path)
}
