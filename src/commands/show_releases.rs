//! `edeliver show releases`: what is in the release store (PARITY.md section 3).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Context, framed, look};
use crate::cli::ShowReleases;
use crate::deploy::{Claim, Target};
use crate::exit::{Failure, OrUsage};
use crate::host::each;
use crate::node::NodeState;
use crate::release::{ArchiveKind, ArchiveName};
use crate::report::table;
use crate::settings::{ImageSettings, Stage, StoreLocation};
use crate::store::{self, Provenance, Store, StoreError, StoredArchive};

/// A host, and the version that is on it.
struct Deployed {
    stage: Stage,
    host: String,
    disk: Option<String>,
    running: Option<String>,
}

/// An archive with what was asked for beside its name.
struct Shown<'a> {
    archive: &'a StoredArchive,
    provenance: Option<Provenance>,
    on: Vec<&'a Deployed>,
}

/// Lists the archives, sorted by version.
///
/// # Errors
/// When the store cannot be read, or a host that is to be asked cannot. The list is shown all the same
/// then.
pub fn run(context: &Context, options: &ShowReleases) -> Result<(), Failure> {
    framed(context, "SHOW", || {
        let store = context.store_announced()?;
        let (app, kind) = (context.settings.app().or_usage()?, store.kind());
        context.report.status(&format!("Listing {app} releases in {kind} release store"));
        list(context, options, &store)
    })
}

fn list(context: &Context, options: &ShowReleases, store: &Store) -> Result<(), Failure> {
    let app = context.settings.app().or_usage()?;
    let image = context.settings.release_image().or_usage()?;
    let archives = match &image {
        Some(image) => images(context, app, image)?,
        None => store.list()?,
    };
    let (deployed, asked) = if options.deployed { ask_hosts(context)? } else { (Vec::new(), Ok(())) };
    let in_whole = image.is_none() && (options.long || context.report.is_read_by_programs());
    // A store elsewhere answers many at a time.
    let shown = each(&archives, |archive| {
        let provenance = if in_whole { store.provenance(archive)? } else { None };
        let on = deployed.iter().filter(|host| host.has(archive)).collect();
        Ok(Shown { archive, provenance, on })
    });
    let shown = shown.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
    if context.report.is_read_by_programs() {
        let each: Value = shown.iter().map(|shown| shown.to_json(options.deployed)).collect();
        context.report.event("releases", json!({ "archives": each }));
        return asked;
    }
    let text = match options {
        ShowReleases { long: false, deployed: false, .. } => {
            as_the_original(app, if image.is_some() { "Image" } else { "File" }, &archives)
        }
        ShowReleases { long, deployed, .. } => in_columns(&shown, *long, *deployed),
    };
    context.report.print(&text);
    asked
}

/// The images of the registry, sorted by version. Their tags are the versions; a tag that none can be is not
/// edeliver's.
fn images(context: &Context, app: &str, image: &ImageSettings) -> Result<Vec<StoredArchive>, Failure> {
    let StoreLocation::Docker(registry) = context.settings.store().or_usage()?.location else {
        return Ok(Vec::new());
    };
    let stored = |tag: &String| {
        let name = ArchiveName::new(app, tag.parse().ok()?, ArchiveKind::Release);
        Some(StoredArchive { name, file: format!("{}:{tag}", image.name), size: None, stored_at: None })
    };
    let tags = store::tags(registry, context.interrupt.clone())?;
    let mut images: Vec<_> = tags.iter().filter_map(stored).collect();
    images.sort();
    Ok(images)
}

impl Deployed {
    fn has(&self, archive: &StoredArchive) -> bool {
        let version = Some(archive.name.version.as_str());
        self.disk.as_deref() == version || self.running.as_deref() == version
    }
}

/// Asks the hosts of every stage that is configured. What they said comes with the failure of those that
/// could not be asked.
fn ask_hosts(context: &Context) -> Result<(Vec<Deployed>, Result<(), Failure>), Failure> {
    let claim = Claim::new(context.report.clone());
    let (mut deployed, mut asked) = (Vec::new(), Ok(()));
    let mut configured = false;
    for stage in [Stage::Staging, Stage::Production] {
        // A project need not have both.
        let Ok(settings) = context.settings.deploy(stage) else { continue };
        configured = true;
        let looked = look::at_hosts_of(context, &settings, |target: &mut Target| target.state(&claim))?;
        deployed.extend(looked.answers().map(|(host, state)| Deployed {
            stage,
            host: host.to_owned(),
            disk: state.disk.clone(),
            running: match &state.node {
                NodeState::Running { version, .. } => version.clone(),
                NodeState::Stopped => None,
            },
        }));
        asked = asked.and(looked.into_failure());
    }
    if !configured {
        context.report.hint("No stage has hosts; 'edeliver check config' says what is missing.");
    }
    Ok((deployed, asked))
}

/// The version and revision that the name carries: `1.2.0-a1b2c3d` has both.
fn version_and_revision(archive: &StoredArchive) -> (&str, &str) {
    let full = archive.name.version.as_str();
    match (full.split_once('-'), full.rsplit_once('-')) {
        (Some((version, _)), Some((_, revision))) => (version, revision),
        _ => (full, ""),
    }
}

/// The original's table, to the letter: scripts search it.
fn as_the_original(app: &str, heading: &str, archives: &[StoredArchive]) -> String {
    let width = app.chars().count().max("Application".len());
    let mut text = format!(
        "\n {:>width$} | Version | Revision |    Type | {heading}\n{}+---------+----------+---------+---------------------",
        "Application",
        "-".repeat(width + 2)
    );
    for archive in archives {
        let ((version, revision), kind) = (version_and_revision(archive), archive.name.kind.as_str());
        // A String takes whatever is written to it.
        let _ =
            write!(text, "\n {app:>width$} | {version:>7} | {revision:>8} | {kind:>7} | {}", archive.file);
    }
    text
}

fn in_columns(shown: &[Shown<'_>], long: bool, deployed: bool) -> String {
    let (always, more) = (["version", "type"], ["size", "date", "revision", "sha256"]);
    let headings = always.iter().chain(more.iter().filter(|_| long));
    let headings = headings.chain(["deployed"].iter().filter(|_| deployed)).chain(["file"].iter());
    let mut rows: Vec<Vec<String>> = vec![headings.map(|&heading| heading.to_owned()).collect()];
    rows.extend(shown.iter().map(|shown| shown.row(long, deployed)));
    format!("\n{}", table(&rows))
}

impl Shown<'_> {
    fn row(&self, long: bool, deployed: bool) -> Vec<String> {
        let StoredArchive { name, file, size, stored_at } = self.archive;
        let mut row = vec![name.version.to_string(), name.kind.as_str().to_owned()];
        if long {
            let date = stored_at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
            let sum = self.provenance.as_ref().map(|provenance| provenance.sha256.to_string());
            row.extend([
                size.map(|bytes| bytes.to_string()).unwrap_or_default(),
                date.unwrap_or_default(),
                self.revision().unwrap_or_default().to_owned(),
                sum.unwrap_or_default(),
            ]);
        }
        if deployed {
            let hosts = self.on.iter().map(|on| format!("{}:{}", on.stage.as_str(), on.host));
            row.push(hosts.collect::<Vec<_>>().join(" "));
        }
        row.push(file.clone());
        row
    }

    /// The commit, or what the name has for it.
    fn revision(&self) -> Option<&str> {
        let kept = self.provenance.as_ref().and_then(|provenance| provenance.revision.as_deref());
        kept.or_else(|| Some(version_and_revision(self.archive).1).filter(|revision| !revision.is_empty()))
    }

    fn to_json(&self, deployed: bool) -> Value {
        let StoredArchive { name, file, size, stored_at } = self.archive;
        let mut value = json!({
            "app": name.app,
            "version": name.version.as_str(),
            "kind": name.kind.as_str(),
            "file": file,
            "size": size,
            "stored_at": stored_at.map(|at| at.to_string()),
            "revision": self.revision(),
            "sha256": self.provenance.as_ref().map(|provenance| provenance.sha256.to_string()),
        });
        if deployed {
            let version = Some(name.version.as_str());
            let hosts = self.on.iter().map(|on| {
                json!({
                    "stage": on.stage.as_str(),
                    "host": on.host,
                    "on_disk": on.disk.as_deref() == version,
                    "running": on.running.as_deref() == version,
                })
            });
            value["deployed"] = hosts.collect();
        }
        value
    }
}
