//! `edeliver history`: who deployed what when, and how it ended, as each host has written it down.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Context, look};
use crate::deploy::{Claim, HistoryEntry, Target};
use crate::exit::Failure;
use crate::report::table;

/// Asks every host of the stage, and shows a line for each deploy.
///
/// # Errors
/// When a host cannot be asked. The others are shown all the same.
pub fn run(context: &Context) -> Result<(), Failure> {
    let claim = Claim::new(context.report.clone());
    let looked = look::at_hosts(context, |target: &mut Target| target.history(&claim))?;
    if context.report.is_read_by_programs() {
        let hosts = looked.to_json(|entries| json!({ "history": entries }));
        context.report.event("history", json!({ "hosts": hosts }));
        return looked.into_failure();
    }
    let listing = listing(looked.answers().flat_map(|(_, entries)| entries.iter()), usize::MAX);
    context.report.print(if listing.is_empty() { "Nothing was deployed yet." } else { &listing });
    looked.into_failure()
}

/// A table of the newest deploys, the newest first. What ended in the same way on several hosts is one
/// line.
pub fn listing<'a>(entries: impl Iterator<Item = &'a HistoryEntry>, count: usize) -> String {
    let mut deploys: BTreeMap<(&str, String), (&HistoryEntry, Vec<&str>)> = BTreeMap::new();
    for entry in entries {
        let ending = format!("{}{}", entry.result, entry.reason.as_deref().unwrap_or_default());
        deploys.entry((&entry.id, ending)).or_insert((entry, Vec::new())).1.push(&entry.host);
    }
    if deploys.is_empty() {
        return String::new();
    }
    let headings = ["when", "version", "revision", "ended", "hosts", "by", "why"].map(str::to_owned);
    let rows = deploys.into_values().rev().take(count).map(|(entry, hosts)| row(entry, &hosts));
    table(&[headings].into_iter().chain(rows).collect::<Vec<_>>())
}

fn row(entry: &HistoryEntry, hosts: &[&str]) -> [String; 7] {
    let at = entry.at.parse::<jiff::Timestamp>();
    let at = at.map_or(entry.at.clone(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let why = entry.reason.clone().unwrap_or_default();
    // As git itself shortens it.
    let revision = entry.revision.as_deref().map_or("", |revision| revision.get(..7).unwrap_or(revision));
    [
        at,
        entry.version.clone(),
        revision.to_owned(),
        entry.result.to_string(),
        hosts.join(" "),
        entry.by.clone(),
        why,
    ]
}
