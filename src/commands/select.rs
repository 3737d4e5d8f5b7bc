//! Which archive of the store is meant; a person is asked where one is there.

use std::io::{BufRead, IsTerminal, Write};

use super::Context;
use crate::exit::Failure;
use crate::release::ArchiveKind;
use crate::store::{Selection, Store, StoredArchive, select};

/// Selects the archive to deploy, of the first of `kinds` that there is (PARITY.md section 4, "select the archive").
///
/// # Errors
/// When there is none, or several and nobody to ask: exit status 2, nothing was touched.
pub fn archive(
    context: &Context,
    store: &Store,
    app: &str,
    version: Option<&str>,
    kinds: &[ArchiveKind],
) -> Result<StoredArchive, Failure> {
    let stored = store.list()?;
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match select(&stored, app, version, kinds, interactive).map_err(Failure::usage)? {
        Selection::Selected(archive) => Ok(archive.clone()),
        Selection::Ask(candidates) => {
            let version = ask(context, &candidates)?;
            match select(&stored, app, Some(&version), kinds, false).map_err(Failure::usage)? {
                Selection::Selected(archive) => Ok(archive.clone()),
                Selection::Ask(_) => Err(Failure::usage(anyhow::anyhow!("no version was selected"))),
            }
        }
    }
}

fn ask(context: &Context, candidates: &[&StoredArchive]) -> Result<String, Failure> {
    let report = &context.report;
    report.status("Selecting release");
    report.hint(&format!("Found {} different versions to deploy.", candidates.len()));
    report.hint("Type the version you want to deploy");
    report.hint("or set --version=X in the command line.");
    report.hint("Versions:");
    for candidate in candidates {
        report.hint(&format!(" {}", candidate.name.version));
    }
    report.hint("Enter Version:");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
