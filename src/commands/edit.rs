//! `edeliver edit relup|appups`: the instructions of an upgrade, in the user's editor.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::{Context, select};
use crate::cli::Selection;
use crate::exit::{Failure, OrUsage};
use crate::release::relup::{Relup, relup_path};
use crate::release::{ArchiveKind, read_member, replace_member, term};
use crate::shell::NoRequests;
use crate::store::Appups;

/// Lets the config (`pre_edit_relup FILE`) and then the user change the relup of an upgrade, and stores
/// the upgrade again if they have.
///
/// # Errors
/// When it is no relup afterwards, or the editor fails: then the store is as before.
pub fn relup(context: &Context, selection: &Selection) -> Result<(), Failure> {
    let report = &context.report;
    let app = context.settings.app().or_usage()?;
    let store = context.store()?;
    let wanted = selection.version.as_ref().map(crate::release::Version::as_str);
    let archive = select::archive(context, &store, app, wanted, &[ArchiveKind::Upgrade])?;
    let opened = store.open(&archive)?;
    let version = opened.manifest.upgrade_version(&archive.name.version)?;
    let path = relup_path(&version);
    let layout = &opened.manifest.layout;
    let before = read_member(opened.source.file()?.reader(), layout, &path)?.unwrap_or_default();

    let directory = tempfile::tempdir()?;
    let file = Utf8PathBuf::try_from(directory.path().join(&path))?;
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    fs::write(&file, &before)?;
    context.hooks().run("pre_edit_relup", &[file.as_str()], &mut NoRequests)?;
    if fs::read(&file)? != before {
        report.status(&format!("Patched {path}"));
    }
    edit(context, std::slice::from_ref(&file), |text| {
        let relup = Relup::parse(text)?;
        anyhow::ensure!(relup.version == version.as_str(), "it leads to {}, not {version}", relup.version);
        Ok(())
    })?;
    let after = fs::read(&file)?;
    if after == before {
        report.hint("The relup has not been changed.");
        return Ok(());
    }
    report.status(&format!("Storing {} with the new relup", archive.name));
    let source = opened.source.file()?.reader();
    let received =
        store.begin(&archive.name)?.fill(|to| replace_member(source, layout, &path, &after, to))?;
    let received = match &opened.revision {
        Some(revision) => received.built_from(revision),
        None => received,
    };
    received.commit()?;
    Ok(())
}

/// Lets the user change the appups that lead to a version. The next 'build upgrade' between the same
/// versions takes them.
///
/// # Errors
/// When there are none, or one of them is no Erlang afterwards.
pub fn appups(context: &Context, selection: &Selection) -> Result<(), Failure> {
    let all = context.store()?.all_appups()?;
    let leads_to = |appups: &Appups| match (&selection.version, appups.directory.file_name()) {
        (Some(version), Some(name)) => name.ends_with(&format!("-{version}")),
        (version, _) => version.is_none(),
    };
    let found: Vec<&Appups> = all.iter().filter(|appups| leads_to(appups)).collect();
    match found.as_slice() {
        [appups] => {
            let files: Vec<_> = appups.files.iter().map(|name| appups.directory.join(name)).collect();
            edit(context, &files, |text| Ok(term::read(text).map(drop)?))
        }
        [] => Err(Failure::usage(anyhow!("the release store has no such appups"))
            .hint("'edeliver build appups' puts some there; 'edeliver show appups' lists them.")),
        several => {
            let names: Vec<&str> = several.iter().filter_map(|appups| appups.directory.file_name()).collect();
            let error = anyhow!("the release store has several appups: {}", names.join(", "));
            Err(Failure::usage(error).hint("Say which ones with --version=, the version that they lead to."))
        }
    }
}

/// Opens the files in the editor until all of them are `good`, or the user has had enough.
fn edit(
    context: &Context,
    files: &[Utf8PathBuf],
    good: impl Fn(&str) -> anyhow::Result<()>,
) -> Result<(), Failure> {
    let editor = context.settings.get("EDELIVER_EDITOR").unwrap_or("vi");
    loop {
        open(editor, files)?;
        let Some((file, error)) = files.iter().find_map(|file| Some((file, check(file, &good).err()?)))
        else {
            return Ok(());
        };
        let error = error.context(format!("{file} cannot be used"));
        if !std::io::stdin().is_terminal() {
            return Err(error.into());
        }
        context.report.error(&format!("{error:#}"));
        context.report.hint("Edit again? (y/n)");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if !answer.trim().eq_ignore_ascii_case("y") {
            return Err(error.into());
        }
    }
}

fn check(file: &Utf8Path, good: impl Fn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    good(&fs::read_to_string(file)?)
}

/// The editor is a command line, as git has it.
fn open(editor: &str, files: &[Utf8PathBuf]) -> Result<(), Failure> {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(editor)
        .args(files)
        .status()
        .with_context(|| format!("cannot run the editor {editor} (EDELIVER_EDITOR)"))?;
    if status.success() {
        return Ok(());
    }
    Err(anyhow!("the editor {editor} (EDELIVER_EDITOR) ended with {status}; nothing was stored").into())
}
