//! A release that is an image (PARITY.md section 8): each host fetches it, and what is deployed is the
//! script that controls its container.

use std::fs::File;
use std::io::{self, Write};

use anyhow::{Context as _, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::exit::{Exit, Failure};
use crate::host::each;
use crate::release::{ArchiveFile, Limits, Manifest, read_archive};
use crate::settings::{DeployImage, DeploySettings};
use crate::transport::{ConnectOptions, HostAddr, RemoteCommand, Session, Stdin, TransportError};

const FETCH: &str = include_str!("fetch.sh");
const START_CONTAINER: &str = include_str!("start_container.sh");

/// An image as a host has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    id: String,
    /// The tool that made its release; empty where the image does not say so.
    tool: String,
    /// Its own script; empty where it has none.
    script: String,
}

/// Fetches the image on all hosts, or gives it to them where `saved` has it.
///
/// # Errors
/// When a host cannot, or the hosts have different images under this name. Nothing that runs is touched.
pub fn fetch(
    settings: &DeploySettings,
    options: &ConnectOptions,
    image: &DeployImage,
    saved: Option<&ArchiveFile>,
) -> Result<Fetched, Failure> {
    let command = RemoteCommand::script(FETCH)
        .args([&image.reference(), &image.script])
        .arg(if saved.is_some() { "load" } else { "pull" })
        .profile(&settings.profile);
    let answers = each(&settings.hosts, |host| (host.to_string(), fetch_on(host, options, &command, saved)));
    let mut fetched: Vec<(String, Fetched)> = Vec::new();
    let mut problems = Vec::new();
    for (host, answer) in answers {
        match answer {
            Ok(there) => fetched.push((host, there)),
            Err(TransportError::Interrupted(signal)) => {
                let (exit, error) = (Exit::Interrupted(signal), anyhow!("interrupted"));
                return Err(Failure { exit, error, hints: Vec::new() });
            }
            Err(error) => problems.push(format!("{host}: {error}")),
        }
    }
    let reference = image.reference();
    if !problems.is_empty() {
        let error =
            anyhow!("the image {reference} cannot be had on every host:\n  {}", problems.join("\n  "));
        return Err(Failure::failed(error)
            .hint("Nothing was changed on the hosts. --push gives them the image of this machine."));
    }
    if let Some((_, first)) = fetched.first()
        && fetched.iter().all(|(_, there)| there == first)
    {
        return Ok(first.clone());
    }
    let ids: Vec<String> = fetched.iter().map(|(host, there)| format!("{host}: {}", there.id)).collect();
    let error = anyhow!("the hosts have different images named {reference}:\n  {}", ids.join("\n  "));
    Err(Failure::failed(error).hint(
        "A tag like VERSION-latest moves: deploy VERSION-REVISION, or remove the old image (docker rmi).",
    ))
}

fn fetch_on(
    host: &HostAddr,
    options: &ConnectOptions,
    command: &RemoteCommand,
    saved: Option<&ArchiveFile>,
) -> Result<Fetched, TransportError> {
    let mut session = Session::connect(host, options)?;
    let output = match saved {
        Some(file) => session.output(command, Stdin::Reader(&mut file.reader()))?,
        None => session.output(command, Stdin::Empty)?,
    };
    if !output.status.success() {
        return Err(TransportError::Remote {
            host: session.addr().clone(),
            command: command.display().into(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().into(),
        });
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = text.splitn(3, '\n').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Ok(Fetched { id: next(), tool: next(), script: next() })
}

impl Fetched {
    /// Whether it has a script of its own.
    pub fn has_script(&self) -> bool {
        !self.script.is_empty()
    }

    /// The archive of what is deployed: `bin/APP`, the script that controls containers of this image, and
    /// the file that says which version there is on a host, which names the tag.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn archive(
        &self,
        app: &str,
        image: &DeployImage,
        tool: &str,
    ) -> anyhow::Result<(ArchiveFile, Manifest)> {
        let script = if self.has_script() { self.script.as_str() } else { START_CONTAINER };
        let tool = if self.tool.is_empty() || self.tool == "<no value>" { tool } else { self.tool.as_str() };
        let script = [
            ("{{edeliver-version}}", image.tag.as_str()),
            ("{{edeliver-docker-image}}", image.name.as_str()),
            ("{{edeliver-docker-opts}}", image.options.as_str()),
            ("{{edeliver-release-command}}", tool),
            ("{{edeliver-app}}", app),
        ]
        .into_iter()
        .fold(script.to_owned(), |script, (name, value)| script.replace(name, value));
        let file = pack(app, &script, &image.tag).context("the script that controls containers")?;
        let manifest = read_archive(app, file.reader(), Limits::default())?;
        Ok((file, manifest))
    }
}

fn pack(app: &str, script: &str, tag: &str) -> io::Result<ArchiveFile> {
    let file: File = tempfile::tempfile()?;
    let mut archive = tar::Builder::new(GzEncoder::new(&file, Compression::default()));
    // Its first word is the version of the Erlang beside it, which is in the image.
    let version = format!("container {tag}\n");
    let files = [
        (format!("bin/{app}"), 0o700, script),
        ("releases/start_erl.data".to_owned(), 0o644, version.as_str()),
    ];
    for (path, mode, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(file.into())
}
