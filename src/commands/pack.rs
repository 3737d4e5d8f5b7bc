//! `edeliver unpack|pack release|upgrade`: an archive of the store as a directory, to look at or to change.

use std::io::Write;

use anyhow::{Context as _, anyhow};
use camino::Utf8PathBuf;
use fs_err as fs;

use super::{Context, question, select};
use crate::cli::Selection;
use crate::exit::{Failure, OrUsage};
use crate::release::{ArchiveKind, ArchiveName, ExpectedErts, Manifest, pack_directory, unpack};
use crate::store::{FillError, Store};

/// Unpacks an archive of the store into `.tmp/APP_VERSION.KIND` of the local store.
///
/// # Errors
/// When there is no such archive, it is damaged, or the directory is there already.
pub fn unpack_archive(context: &Context, kind: ArchiveKind, selection: &Selection) -> Result<(), Failure> {
    let (report, app) = (&context.report, context.settings.app().or_usage()?);
    report.banner(&format!("EDELIVER {} WITH UNPACK COMMAND", app.to_uppercase()));
    let store = context.store()?;
    let wanted = selection.version.as_ref().map(crate::release::Version::as_str);
    let archive = select::archive(context, &store, app, wanted, &[kind])?;
    let (kind, version) = (kind.as_str(), &archive.name.version);
    report.status(&format!("Validating {kind} version {version} is in {} release store", store.kind()));
    let opened = store.open(&archive)?;
    let directory = directory(context, &archive.name);
    if directory.exists() {
        question::may_replace(context, &format!("Extracted {kind} dir '{directory}'"))?;
    }
    report.status(&format!("Extracting tar {} to temp dir", archive.name));
    let parent = directory.parent().unwrap_or(&directory);
    fs::create_dir_all(parent)?;
    let beside = tempfile::Builder::new()
        .prefix(&format!(".{}.", archive.name))
        .tempdir_in(parent)
        .with_context(|| format!("cannot write in {parent}"))?;
    let fresh = Utf8PathBuf::try_from(beside.path().join("new"))?;
    let _spinner = report.step(&format!("Extracting {}", archive.name));
    unpack(opened.source.file()?.reader(), &fresh)
        .with_context(|| format!("cannot unpack {}", archive.name))?;
    if directory.exists() {
        fs::rename(&directory, beside.path().join("old"))?;
    }
    fs::rename(&fresh, &directory)?;
    report.status(&format!("Extracted tar to temp dir {directory}"));
    report.banner("UNPACK DONE!");
    Ok(())
}

/// Packs what [`unpack_archive`] has unpacked, and puts it into the store.
///
/// # Errors
/// When nothing is unpacked, it would not boot any more, or the store has such an archive that is not to
/// be replaced.
pub fn pack_archive(context: &Context, kind: ArchiveKind, selection: &Selection) -> Result<(), Failure> {
    let (report, app) = (&context.report, context.settings.app().or_usage()?);
    report.banner(&format!("EDELIVER {} WITH PACK COMMAND", app.to_uppercase()));
    let store = context.store()?;
    let name = unpacked(context, app, kind, selection)?;
    let directory = directory(context, &name);
    report.status(&format!("Creating tar for {directory}"));
    let there = store.find(name.version.as_str(), &[kind])?;
    if there.is_some() {
        question::may_replace(context, &format!("'{name}' in the release store"))?;
    }
    let revision = there.map(|archive| store.open(&archive)).transpose()?.and_then(|opened| opened.revision);
    store_directory(context, &store, &name, &directory, revision)?;
    report.banner("PACK DONE!");
    Ok(())
}

fn store_directory(
    context: &Context,
    store: &Store,
    name: &ArchiveName,
    directory: &Utf8PathBuf,
    revision: Option<String>,
) -> Result<(), Failure> {
    let spinner = context.report.step(&format!("Packing {name}"));
    let received = store.begin(name)?.fill(|to: &mut dyn Write| pack_directory(directory, to)).map_err(
        |error: FillError<std::io::Error>| {
            anyhow::Error::from(error).context(format!("{directory} was not packed"))
        },
    )?;
    drop(spinner);
    check(context, name, received.manifest()).with_context(|| format!("{directory} is not stored"))?;
    context.report.status(&format!("Copying {name} to {} release store", store.kind()));
    let received = match &revision {
        Some(revision) => received.built_from(revision),
        None => received,
    };
    received.commit()?;
    Ok(())
}

/// What could not start, or leads nowhere, does not get into the store.
pub(super) fn check(context: &Context, name: &ArchiveName, manifest: &Manifest) -> anyhow::Result<()> {
    match name.kind {
        ArchiveKind::Release => {
            manifest.boots(context.settings.app()?, ExpectedErts::Optional)?;
        }
        ArchiveKind::Upgrade => {
            manifest.upgrade_version(&name.version)?;
        }
    }
    Ok(())
}

/// Where an archive lies when it is unpacked.
fn directory(context: &Context, name: &ArchiveName) -> Utf8PathBuf {
    let local = context.settings.get("LOCAL_RELEASE_STORE").unwrap_or(".deliver");
    let name = format!("{}_{}.{}", name.app, name.version, name.kind.as_str());
    context.settings.project().join(local).join(".tmp").join(name)
}

/// The unpacked archive that is meant.
fn unpacked(
    context: &Context,
    app: &str,
    kind: ArchiveKind,
    selection: &Selection,
) -> Result<ArchiveName, Failure> {
    if let Some(version) = &selection.version {
        let name = ArchiveName::new(app, version.clone(), kind);
        let directory = directory(context, &name);
        if directory.is_dir() {
            return Ok(name);
        }
        return Err(not_unpacked(format!("{directory} does not exist"), kind, Some(version.as_str())));
    }
    let mut names = all_unpacked(context, app, kind)?;
    names.sort();
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(not_unpacked(format!("no {} is unpacked", kind.as_str()), kind, None)),
        several => {
            let choices: String =
                several.iter().map(|name| format!("\n  --version={}", name.version)).collect();
            Err(Failure::usage(anyhow!("several {}s are unpacked; say which one:{choices}", kind.as_str())))
        }
    }
}

fn all_unpacked(context: &Context, app: &str, kind: ArchiveKind) -> Result<Vec<ArchiveName>, Failure> {
    let any = ArchiveName::new(app, "0".parse()?, kind);
    let place = directory(context, &any);
    let entries = match place.parent().unwrap_or(&place).read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = ArchiveName::parse(app, &format!("{}.tar.gz", entry.file_name()));
        names.extend(name.filter(|name| name.kind == kind && entry.path().is_dir()));
    }
    Ok(names)
}

fn not_unpacked(what: String, kind: ArchiveKind, version: Option<&str>) -> Failure {
    let option = version.map(|version| format!(" --version={version}")).unwrap_or_default();
    let hint = format!("'edeliver unpack {}{option}' unpacks one of the store.", kind.as_str());
    Failure::usage(anyhow!(what)).hint(hint)
}
