//! `edeliver check config`: every setting, its value, and where it came from.

use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::report::Report;
use crate::settings::shellfile::Function;
use crate::settings::table::{SETTINGS, known};
use crate::settings::{Origin, Setting, Settings, SettingsError, Stage};
use crate::shell::names::role;
use crate::shell::traps::traps;

/// Prints the settings that have a value, the functions of the config, and what is missing for
/// which command. Programs get the settings only. Secrets are masked.
///
/// # Errors
/// When a value is no good, and when neither a build nor any deploy has all it needs.
pub fn run(settings: &Settings, report: &Report) -> Result<(), Failure> {
    if report.is_read_by_programs() {
        report.event("config", json!({ "settings": as_json(settings) }));
        return Ok(());
    }
    report.print(&listing(settings));
    for warning in warnings(settings) {
        report.hint(&warning);
    }
    let each = settings.missing_for_each().map_err(Failure::usage)?;
    check_values(settings).map_err(Failure::usage)?;
    let incomplete = each.iter().filter(|(_, missing)| !missing.is_empty()).count();
    if incomplete == 0 {
        report.banner("READY TO DELIVER!");
        return Ok(());
    }
    report.print(&readiness(&each));
    if incomplete < each.len() {
        return Ok(());
    }
    let error = anyhow::anyhow!("the settings are complete neither for a build nor for a deploy");
    Err(Failure::usage(error)
        .hint(format!("set what is missing in {} or in the environment", settings.config())))
}

/// What a config does not do although it looks as if.
pub fn warnings(settings: &Settings) -> Vec<String> {
    // A project need not have a config, and one that cannot be read has been told about before.
    let text = fs_err::read_to_string(settings.project().join(settings.config())).unwrap_or_default();
    let traps = traps(&text).into_iter().map(|trap| format!("{}:{}: {trap}", settings.config(), trap.line));
    let unread = settings
        .iter()
        .filter(|setting| is_unread(setting, settings, &text))
        .map(|setting| format!("{}: nothing reads {}{}", setting.origin, setting.name, meant(&setting.name)));
    traps.chain(unread).collect()
}

/// Whether neither we nor the config itself, nor a program that it exports it to, reads a setting.
fn is_unread(setting: &Setting, settings: &Settings, text: &str) -> bool {
    let Setting { name, origin, .. } = setting;
    let used = [format!("${name}"), format!("${{{name}"), format!("${{#{name}"), format!("${{!{name}")];
    matches!(origin, Origin::Config { .. })
        && known(name).is_none()
        && !settings.variables().is_exported(name)
        && !used.iter().any(|used| text.contains(used.as_str()))
}

/// The setting that this name is a slip away from.
fn meant(name: &str) -> String {
    let near = SETTINGS.iter().map(|known| (strsim::osa_distance(name, known.name), known.name));
    let near = near.filter(|(distance, _)| *distance <= 2 && *distance < name.len()).min();
    near.map_or_else(String::new, |(_, meant)| format!("; is {meant} meant?"))
}

/// The settings, the functions of the config, and the settings that nothing reads.
pub fn listing(settings: &Settings) -> String {
    let (used, unused): (Vec<&Setting>, Vec<&Setting>) =
        settings.iter().partition(|setting| !setting.is_unused());
    let place = |function: &Function| {
        format!("{}:{}", function.sourced_from.as_deref().unwrap_or(settings.config()), function.line)
    };
    let functions = settings.functions().iter();
    let functions = functions
        .map(|function| [function.name.clone(), place(function), role(&function.name).to_string()])
        .collect();
    [
        table(&used.into_iter().map(row).collect::<Vec<_>>()),
        section("Functions", functions),
        section("Set, but unused", unused.into_iter().map(row).collect()),
    ]
    .concat()
}

/// What is ready, and what is missing for what.
pub fn readiness(each: &[(&str, Vec<String>)]) -> String {
    let rows = each.iter().map(|(what, missing)| {
        let state =
            if missing.is_empty() { "ready".to_owned() } else { format!("missing: {}", missing.join(", ")) };
        [(*what).to_owned(), state, String::new()]
    });
    section("Commands", rows.collect()).trim_start().to_owned()
}

/// Reads every value that some command would refuse.
fn check_values(settings: &Settings) -> Result<(), SettingsError> {
    fn unless_missing<T>(result: Result<T, SettingsError>) -> Result<(), SettingsError> {
        match result {
            Ok(_) | Err(SettingsError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
    unless_missing(settings.ssh())?;
    unless_missing(settings.stage())?;
    unless_missing(settings.build())?;
    unless_missing(settings.store())?;
    for stage in [Stage::Staging, Stage::Production] {
        unless_missing(settings.deploy(stage))?;
        unless_missing(settings.nodes(stage.as_str()))?;
    }
    Ok(())
}

fn section(title: &str, rows: Vec<[String; 3]>) -> String {
    if rows.is_empty() { String::new() } else { format!("\n\n{title}:\n{}", table(&rows)) }
}

fn row(setting: &Setting) -> [String; 3] {
    // One line for each setting, whatever its value holds.
    let value = setting.shown().replace('\n', "\\n").replace('\r', "\\r");
    [setting.name.clone(), value, setting.origin.to_string()]
}

/// The rows with aligned columns. A very long value does not push the others away.
pub(super) fn table(rows: &[[String; 3]]) -> String {
    const WIDEST: usize = 60;
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count()).filter(|width| *width <= WIDEST);
        widths.max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let lines =
        rows.iter().map(|[name, value, origin]| format!("{name:first$}   {value:second$}   {origin}"));
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[derive(Serialize)]
struct JsonSetting<'a> {
    name: &'a str,
    value: String,
    origin: JsonOrigin<'a>,
}

#[derive(Serialize)]
struct JsonOrigin<'a> {
    kind: &'static str,
    file: Option<&'a str>,
    line: Option<usize>,
}

/// The settings as a JSON array, sorted by name.
pub fn as_json(settings: &Settings) -> Value {
    settings.iter().map(|setting| json!(json_setting(setting))).collect()
}

fn json_setting(setting: &Setting) -> JsonSetting<'_> {
    let (file, line) = setting.origin.place().unzip();
    let origin = JsonOrigin { kind: setting.origin.kind(), file: file.map(|file| file.as_str()), line };
    JsonSetting { name: &setting.name, value: setting.shown(), origin }
}
