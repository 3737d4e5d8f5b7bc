//! `--plan`: what a deploy or a rollback would do on each host. Changes nothing, and takes no lock.

use std::collections::BTreeMap;

use anyhow::anyhow;
use serde_json::json;

use super::{Context, look};
use crate::deploy::{Job, Preview, Target};
use crate::exit::Failure;
use crate::report::table;
use crate::settings::MigrateOn;

/// Asks every host, and shows a line for each and then the paths that would change.
///
/// # Errors
/// When a host cannot be asked, or the deploy would be refused there.
pub fn run(context: &Context, job: &Job) -> Result<(), Failure> {
    let first = context.deploy_settings()?.hosts.into_iter().next();
    let migrates = |target: &Target| {
        job.migrations.is_some_and(|migrations| match migrations.on {
            MigrateOn::All => true,
            MigrateOn::First => first.as_ref() == Some(target.addr()),
        })
    };
    let looked = look::at_hosts(context, |target: &mut Target| target.preview(job, migrates(target)))?;
    if context.report.is_read_by_programs() {
        context.report.event("plan", json!({ "hosts": looked.to_json(as_json) }));
    } else {
        let headings = ["host", "upload", "add", "replace", "remove", "node", "space needed", "free"];
        let rows = looked.answers().map(|(host, preview)| row(host, preview));
        let rows: Vec<[String; 8]> = [headings.map(str::to_owned)].into_iter().chain(rows).collect();
        context.report.print(&table(&rows));
        context.report.print(&changes(looked.answers()));
    }
    let answers = looked.into_answers()?;
    let problems: Vec<String> = answers
        .iter()
        .filter(|(_, preview)| !preview.problems.is_empty())
        .map(|(host, preview)| format!("\n{host}:\n  {}", preview.problems.join("\n  ")))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(anyhow!("it would be refused:{}", problems.concat())))
}

fn row(host: &str, preview: &Preview) -> [String; 8] {
    let count = |paths: &[String]| if paths.is_empty() { String::new() } else { paths.len().to_string() };
    [
        host.to_owned(),
        size(preview.upload),
        count(&preview.add),
        count(&preview.replace),
        count(&preview.remove),
        preview.node.as_str().to_owned(),
        size(preview.space_needed),
        size(preview.space_free),
    ]
}

/// A number of bytes as people read it.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// The paths that change, once for all hosts where they are the same.
fn changes<'a>(previews: impl Iterator<Item = (&'a str, &'a Preview)>) -> String {
    let mut by_change: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (host, preview) in previews {
        let mut lines = Vec::new();
        for (word, paths) in
            [("add", &preview.add), ("replace", &preview.replace), ("remove", &preview.remove)]
        {
            lines.extend(paths.iter().map(|path| format!("  {word:<8} {path}")));
        }
        lines.extend(preview.unfinished.iter().map(|id| {
            format!("  The unfinished deploy {id} is undone first; what is to be done may differ then.")
        }));
        if preview.decided_by_config {
            lines.push("  What changes shows when the functions of the config have unpacked it.".to_owned());
        } else if lines.is_empty() {
            lines.push("  nothing".to_owned());
        }
        match &preview.migrations {
            None => {}
            Some(Ok(none)) if none.is_empty() => lines.push("  would run no migration".to_owned()),
            Some(Ok(all)) => lines.extend(all.iter().map(|migration| format!("  would run: {migration}"))),
            Some(Err(reason)) => {
                lines.push(format!("  which migrations would run cannot be known: {reason}"))
            }
        }
        by_change.entry(lines.join("\n")).or_default().push(host);
    }
    let blocks: Vec<String> =
        by_change.into_iter().map(|(lines, hosts)| format!("\n{}:\n{lines}", hosts.join(" "))).collect();
    blocks.join("\n")
}

fn as_json(preview: &Preview) -> serde_json::Value {
    json!({
        "upload_bytes": preview.upload,
        "add": preview.add,
        "replace": preview.replace,
        "remove": preview.remove,
        "decided_by_config": preview.decided_by_config,
        "node": preview.node.as_str(),
        "space_needed_bytes": preview.space_needed,
        "space_free_bytes": preview.space_free,
        "problems": preview.problems,
        "migrations": preview.migrations.as_ref().and_then(|known| known.as_ref().ok()),
        "migrations_unknown": preview.migrations.as_ref().and_then(|known| known.as_ref().err()),
        "unfinished": preview.unfinished,
    })
}
