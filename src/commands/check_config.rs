//! `edeliver check config`: every setting, its value, and where it came from.

use serde::Serialize;

use crate::exit::Failure;
use crate::report::Report;
use crate::settings::{Setting, Settings, SettingsError, Stage};

/// Prints the settings that have a value, the functions of the config, and what is missing for
/// which command. With `json` the settings only, for programs. Secrets are masked.
///
/// # Errors
/// When a list of hosts cannot be read, and when neither a build nor any deploy has all it needs.
pub fn run(settings: &Settings, report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        report.print(&as_json(settings)?);
        return Ok(());
    }
    let (used, unused): (Vec<&Setting>, Vec<&Setting>) =
        settings.iter().partition(|setting| !setting.is_unused());
    report.print(&table(used.iter().map(|setting| row(setting)).collect()));
    let functions = settings.functions().iter();
    section(
        report,
        "Functions",
        functions
            .map(|f| [f.name.clone(), format!("{}:{}", settings.config(), f.line), String::new()])
            .collect(),
    );
    section(report, "Set, but unused", unused.iter().map(|setting| row(setting)).collect());
    conclude(settings, report)
}

/// Says what is ready and what is missing for what.
fn conclude(settings: &Settings, report: &Report) -> Result<(), Failure> {
    let each = settings.missing_for_each().map_err(Failure::usage)?;
    let incomplete: Vec<_> = each.iter().filter(|(_, missing)| !missing.is_empty()).collect();
    if incomplete.is_empty() {
        check_values(settings).map_err(Failure::usage)?;
        report.banner("READY TO DELIVER!");
        return Ok(());
    }
    let rows = each.iter().map(|(what, missing)| {
        let state =
            if missing.is_empty() { "ready".to_owned() } else { format!("missing: {}", missing.join(", ")) };
        [(*what).to_owned(), state, String::new()]
    });
    section(report, "Commands", rows.collect());
    check_values(settings).map_err(Failure::usage)?;
    if incomplete.len() < each.len() {
        return Ok(());
    }
    let error = anyhow::anyhow!("the settings are complete neither for a build nor for a deploy");
    Err(Failure::usage(error)
        .hint(format!("set what is missing in {} or in the environment", settings.config())))
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

fn section(report: &Report, title: &str, rows: Vec<[String; 3]>) {
    if !rows.is_empty() {
        report.print(&format!("\n{title}:\n{}", table(rows)));
    }
}

fn row(setting: &Setting) -> [String; 3] {
    // One line for each setting, whatever its value holds.
    let value = setting.shown().replace('\n', "\\n").replace('\r', "\\r");
    [setting.name.clone(), value, setting.origin.to_string()]
}

/// The rows with aligned columns. A very long value does not push the others away.
fn table(rows: Vec<[String; 3]>) -> String {
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

fn as_json(settings: &Settings) -> Result<String, Failure> {
    let all: Vec<JsonSetting<'_>> = settings.iter().map(json_setting).collect();
    Ok(serde_json::to_string_pretty(&all)?)
}

fn json_setting(setting: &Setting) -> JsonSetting<'_> {
    let place = setting.origin.place();
    let origin = JsonOrigin {
        kind: setting.origin.kind(),
        file: place.map(|(file, _)| file.as_str()),
        line: place.map(|(_, line)| line),
    };
    JsonSetting { name: &setting.name, value: setting.shown(), origin }
}
