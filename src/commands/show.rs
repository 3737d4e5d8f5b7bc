//! `edeliver show relup|appups`: what upgrades consist of.

use anyhow::{Context as _, anyhow};
use camino::Utf8Path;

use super::{Context, print};
use crate::exit::{Failure, OrUsage};
use crate::release::relup::relup_path;
use crate::release::{ArchiveKind, ArchiveName, read_member};

/// Prints the relup of an upgrade in the store, as it is.
///
/// # Errors
/// When the store has no such upgrade, or it has no relup.
pub fn relup(context: &Context, file: &Utf8Path) -> Result<(), Failure> {
    let app = context.settings.app().or_usage()?;
    let store = context.store()?;
    let name = file.file_name().and_then(|name| ArchiveName::parse(app, name));
    let name = name.filter(|name| name.kind == ArchiveKind::Upgrade).ok_or_else(|| {
        Failure::usage(anyhow!("{file} is not the name of an upgrade: {app}_VERSION.upgrade.tar.gz"))
    })?;
    let archive = store
        .find(name.version.as_str(), &[ArchiveKind::Upgrade])?
        .ok_or_else(|| Failure::usage(anyhow!("the release store has no {name}")))?;
    let opened = store.open(&archive)?;
    let version = opened.manifest.upgrade_version(&archive.name.version)?;
    let path = relup_path(&version);
    let archive = opened.source.file()?;
    let relup = read_member(archive.reader(), &opened.manifest.layout, &path)
        .with_context(|| opened.place.clone())?;
    print(&relup.unwrap_or_default())
}

/// Lists the appups of the store, by the versions that they lead from and to.
///
/// # Errors
/// When the store cannot be read.
pub fn appups(context: &Context) -> Result<(), Failure> {
    let all = context.store()?.all_appups()?;
    if all.is_empty() {
        context.report.hint("The release store has no appups; 'edeliver build appups' puts some there.");
    }
    for appups in all {
        let versions = appups.directory.file_name().unwrap_or_default();
        context.report.print(&format!("{versions}\n  {}", appups.files.join("\n  ")));
    }
    Ok(())
}
