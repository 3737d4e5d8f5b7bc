//! `edeliver increase [major|minor|patch] versions`: raises the versions in the project's source files.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use tempfile::NamedTempFile;

use super::Context;
use crate::cli::Increase;
use crate::exit::{Failure, OrUsage};
use crate::git::Repository;
use crate::release::{Raised, SourceFile};

/// A file that is going to be written.
struct Change {
    path: Utf8PathBuf,
    kind: SourceFile,
    raised: Raised,
}

/// Raises the version of every application that has changed between two commits, and those of the
/// release. Nothing is written unless all of them can be raised.
///
/// # Errors
/// When a version cannot be raised, or there is none.
pub fn run(context: &Context, part: Increase) -> Result<(), Failure> {
    let (settings, report) = (&context.settings, &context.report);
    let app = settings.app().or_usage()?;
    let repository = Repository::of(settings.project());
    let to = settings.get("TO").unwrap_or("HEAD");
    let from = match settings.get("FROM") {
        Some(from) => Some(from.to_owned()),
        None => repository.newest_tag().or_usage()?,
    };
    report.banner(&format!("EDELIVER {} WITH INCREASE COMMAND", app.to_uppercase()));
    let since = from.as_deref().unwrap_or("the beginning");
    report.status(&format!("Increasing application and release versions from {since} to {to}."));
    let all = repository.files().or_usage()?;
    let changed = match &from {
        Some(from) => repository.changed(from, to).or_usage()?,
        None => all.clone(),
    };
    let changes = changes(context, &all, &changed, app, part)?;
    write(settings.project(), &changes)?;
    for applications in [true, false] {
        let of_kind = |change: &&Change| (change.kind == SourceFile::App) == applications;
        report.print("");
        for Change { path, raised, .. } in changes.iter().filter(of_kind) {
            report.print(&format!("{path}: {} -> {}", raised.from, raised.to));
        }
    }
    if let Some(release) = changes.iter().rfind(|change| change.kind != SourceFile::App) {
        let version = &release.raised.to;
        report.hint(&format!("\nNew release version is: {version}"));
        report.hint(&format!(
            "Don't forget to tag the current revision using:\n\ngit tag {version} && git push --tags"
        ));
    }
    report.banner("INCREASE DONE!");
    Ok(())
}

/// What is to be written.
fn changes(
    context: &Context,
    all: &[Utf8PathBuf],
    changed: &[Utf8PathBuf],
    app: &str,
    part: Increase,
) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    for path in all {
        let Some(kind) = SourceFile::of(path.as_str()).filter(|kind| is_meant(*kind, path, changed)) else {
            continue;
        };
        let file = context.settings.project().join(path);
        // One that was deleted and not yet committed says no version.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match kind.raise(&text, app, part).with_context(|| path.to_string())? {
            Some(raised) => changes.push(Change { path: path.clone(), kind, raised }),
            None if kind == SourceFile::App => {
                context.report.hint(&format!("{path} says no version of its own; it stays as it is."));
            }
            None => {}
        }
    }
    if changes.is_empty() {
        let error =
            anyhow!("there is no version to raise: no application has changed, and no release is described");
        return Err(Failure::failed(error).hint("--from=COMMIT looks at what has changed since then."));
    }
    Ok(changes)
}

/// Applications are meant when something in their `src/` has changed, those of an Elixir umbrella when
/// anything of theirs has; releases always.
fn is_meant(kind: SourceFile, path: &Utf8Path, changed: &[Utf8PathBuf]) -> bool {
    let directory = path.parent().unwrap_or(Utf8Path::new(""));
    match kind {
        SourceFile::App => changed.iter().any(|changed| src_of(changed) == Some(directory)),
        SourceFile::Mix if directory != "" => changed.iter().any(|changed| changed.starts_with(directory)),
        SourceFile::Mix | SourceFile::Reltool | SourceFile::Relx => true,
    }
}

/// The innermost `src` that a file lies in.
fn src_of(path: &Utf8Path) -> Option<&Utf8Path> {
    path.ancestors().skip(1).find(|directory| directory.file_name() == Some("src"))
}

/// Replaces the files; each is ready on the disk before the first of them is replaced.
fn write(project: &Utf8Path, changes: &[Change]) -> anyhow::Result<()> {
    let mut ready = Vec::new();
    let mut seen = BTreeSet::new();
    for change in changes.iter().filter(|change| seen.insert(&change.path)) {
        let path = project.join(&change.path);
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(project))?;
        file.write_all(change.raised.text.as_bytes())?;
        file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        ready.push((file, path));
    }
    for (file, path) in ready {
        file.persist(&path).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}
