//! `edeliver upload|download`: an archive between this machine and the release store (PARITY.md section 3).

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, framed, pack, question};
use crate::cli::{Copy, CopyVersion};
use crate::exit::{Failure, OrUsage};
use crate::release::{ArchiveFile, ArchiveKind, ArchiveName};
use crate::store::{DirectoryStore, FillError, Store, StoreError};

/// An archive on this machine.
struct Found {
    source: ArchiveFile,
    /// The commit that it was built from, where the local store knows it.
    revision: Option<String>,
}

/// Brings an archive from this machine into the store.
///
/// # Errors
/// When there is no such archive, it is damaged, or the store has one of that name that is not to be
/// replaced.
pub fn upload(context: &Context, copy: &Copy) -> Result<(), Failure> {
    framed(context, "UPLOAD", || {
        let store = elsewhere(context, "upload")?;
        let (file, destination) = names(context, copy)?;
        let name = archive_name(context, destination.file_name().unwrap_or_default())?;
        let found = find(context, &file)?;
        if store.contains(&name)? {
            question::may_replace(context, &format!("'{name}' in the release store"))?;
        }
        context.report.status(&format!("Uploading file {file} to {name}"));
        let received = store
            .begin(&name)?
            .fill(|sink: &mut dyn Write| io::copy(&mut found.source.reader(), sink).map(drop))
            .map_err(|error: FillError<io::Error>| {
                anyhow!(error).context(format!("{file} was not uploaded"))
            })?;
        pack::check(context, &name, received.manifest())
            .with_context(|| format!("{file} is not uploaded"))?;
        let received = match &found.revision {
            Some(revision) => received.built_from(revision),
            None => received,
        };
        received.commit()?;
        Ok(())
    })
}

/// Brings an archive of the store to this machine.
///
/// # Errors
/// When there is no such archive, it is damaged, or the file is there and is not to be replaced.
pub fn download(context: &Context, copy: &Copy) -> Result<(), Failure> {
    framed(context, "DOWNLOAD", || {
        let store = elsewhere(context, "download")?;
        let (file, mut destination) = names(context, copy)?;
        let name = archive_name(context, file.as_str())?;
        let project = context.settings.project();
        if project.join(&destination).is_dir() {
            destination = destination.join(&file);
        }
        if project.join(&destination).exists() {
            question::may_replace(context, &format!("'{destination}'"))?;
        }
        let archives = store.list()?;
        let Some(archive) = archives.iter().find(|archive| archive.name == name) else {
            let error = anyhow!("the release store has no {name}");
            return Err(Failure::usage(error).hint("'edeliver show releases' lists what it has."));
        };
        context.report.status(&format!("Downloading {file} to {destination}"));
        let source = store.open(archive)?.source.file().map_err(not_fetched)?;
        write(&project.join(&destination), &source).with_context(|| format!("cannot write {destination}"))?;
        Ok(())
    })
}

/// The store, which must be another place than this machine.
fn elsewhere(context: &Context, command: &str) -> Result<Store, Failure> {
    let store = context.store_announced()?;
    if let Store::Directory(directory) = &store {
        let releases = directory.releases();
        let error =
            anyhow!("cannot {command}: the release store is the directory {releases} on this machine");
        return Err(Failure::usage(error).hint("--store=STORE names another one."));
    }
    Ok(store)
}

/// The file that is copied, and what it is to be called.
fn names(context: &Context, copy: &Copy) -> Result<(Utf8PathBuf, Utf8PathBuf), Failure> {
    let app = context.settings.app().or_usage()?;
    let of = |copy: &CopyVersion, kind| {
        let name = ArchiveName::new(app, copy.version.clone(), kind);
        (Utf8PathBuf::from(name.to_string()), copy.destination.clone())
    };
    let (file, destination) = match copy {
        Copy::Release(copy) => of(copy, ArchiveKind::Release),
        Copy::Upgrade(copy) => of(copy, ArchiveKind::Upgrade),
        Copy::File { file, destination, .. } => (file.clone(), destination.clone()),
    };
    let destination = destination.unwrap_or_else(|| file.clone());
    Ok((file, destination))
}

/// Only what has the name of an archive is listed in a store, and can be deployed from there.
fn archive_name(context: &Context, file: &str) -> Result<ArchiveName, Failure> {
    let app = context.settings.app().or_usage()?;
    ArchiveName::parse(app, file).ok_or_else(|| {
        let error = anyhow!("'{file}' is not the name of an archive");
        Failure::usage(error)
            .hint(format!("They are called {app}_VERSION.release.tar.gz or {app}_VERSION.upgrade.tar.gz."))
    })
}

/// The archive to upload: the file, or what the local store has of that name.
fn find(context: &Context, file: &Utf8Path) -> Result<Found, Failure> {
    let (settings, app) = (&context.settings, context.settings.app().or_usage()?);
    let path = settings.project().join(file);
    if path.is_file() {
        let source = ArchiveFile::open(&path).with_context(|| format!("cannot read {file}"))?;
        return Ok(Found { source, revision: None });
    }
    let local = settings.project().join(settings.get("LOCAL_RELEASE_STORE").unwrap_or(".deliver"));
    let local = Store::Directory(DirectoryStore::new(local, app));
    let there = ArchiveName::parse(app, file.as_str());
    let there = there.map(|name| local.find(name.version.as_str(), &[name.kind])).transpose()?.flatten();
    let Some(archive) = there else {
        let error = anyhow!("there is no file {file}, neither here nor in {}", local.describe());
        return Err(Failure::usage(error));
    };
    let opened = local.open(&archive)?;
    Ok(Found { source: opened.source.file()?, revision: opened.revision })
}

/// What kept an archive from being fetched, out of what its source had to wrap it in.
fn not_fetched(error: io::Error) -> Failure {
    match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => error.into(),
    }
}

/// The file appears whole or not at all.
fn write(path: &Utf8Path, source: &ArchiveFile) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    // Less the umask, as for any new file.
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory)?;
    io::copy(&mut source.reader(), &mut file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
