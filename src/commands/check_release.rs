//! `edeliver check release`: what is in a release of the store, and what it lacks.

use anyhow::anyhow;

use super::{Context, select};
use crate::cli::Selection;
use crate::exit::{Failure, OrUsage};
use crate::release::{ExpectedErts, Manifest, RequiredFiles, Version};
use crate::store::{OpenArchive, release_kinds};

/// Reads a release of the store through, shows what is in it, and says all that it lacks.
///
/// # Errors
/// When it is damaged, would not boot, or lacks what REQUIRED_FILES asks for.
pub fn run(context: &Context, selection: &Selection) -> Result<(), Failure> {
    let (settings, report) = (&context.settings, &context.report);
    let app = settings.app().or_usage()?;
    let required = RequiredFiles::parse(&settings.words("REQUIRED_FILES").or_usage()?).or_usage()?;
    let store = context.store()?;
    let wanted = selection.version.as_ref().map(Version::as_str);
    let kinds = release_kinds(settings.release_tool().or_usage()?);
    let archive = select::archive(context, &store, app, wanted, kinds)?;
    report.status(&format!("Checking {} in {} release store", archive.name, store.kind()));
    let opened = {
        let _spinner = report.step(&format!("Reading {}", archive.name));
        let opened = store.open(&archive)?;
        // What a store elsewhere says of it is one thing, what it has another.
        opened.source.file()?;
        opened
    };
    let boots = opened.manifest.boots(app, ExpectedErts::Optional);
    let booted = boots.as_ref().ok().map(|facts| (facts.version.to_string(), facts.erts.clone()));
    report.print(&facts(&opened, booted));
    let lacks = [
        boots.err().map(|error| error.to_string()),
        required.check(&opened.manifest).err().map(|error| error.to_string()),
    ];
    let lacks: Vec<String> = lacks.into_iter().flatten().collect();
    if lacks.is_empty() {
        report.success(&format!("{} is whole and boots.", archive.name));
        return Ok(());
    }
    Err(Failure::failed(anyhow!("{} cannot be deployed:\n  {}", archive.name, lacks.join("\n  "))))
}

fn facts(opened: &OpenArchive, booted: Option<(String, Option<String>)>) -> String {
    let manifest: &Manifest = &opened.manifest;
    let (version, erts) = booted.unzip();
    let platform = manifest.platform.as_ref();
    let rows = [
        ("boots version", version.unwrap_or_else(|| "none".to_owned())),
        ("Erlang", erts.flatten().map_or("of the host".to_owned(), |erts| format!("its own, erts-{erts}"))),
        ("machine", platform.map_or("any".to_owned(), |platform| platform.machine.clone())),
        ("C library", platform.map_or("any".to_owned(), |platform| platform.libc.to_string())),
        ("built from", opened.revision.clone().unwrap_or_else(|| "an unknown commit".to_owned())),
        ("files", manifest.files().count().to_string()),
        ("size", format!("{} bytes, {} unpacked", manifest.size, manifest.unpacked_size())),
        ("sha256", manifest.sha256.to_string()),
    ];
    rows.map(|(name, value)| format!("{name:<14} {value}")).join("\n")
}
