//! A store that is a repository of a container registry, reached through the registry's HTTP API (v2).
//!
//! Each archive is an artifact of its own: its bytes are a layer, its manifest and revision the artifact's
//! configuration. The tag is the version, and comes last: what has no tag cannot be seen. Images of the
//! same repository are left alone.

mod challenge;
mod client;
mod credentials;
mod error;
mod upload;

use serde::{Deserialize, Serialize};

use super::shelf::{Download, Parcel, Shelf};
use super::{StoreError, StoredArchive};
use crate::release::{ArchiveKind, ArchiveName, Sha256Sum};
use crate::settings::RegistrySettings;
use crate::store::http::TRIES;
use crate::transport::Interrupt;
use client::{Call, Client, header};
pub use error::RegistryError;

/// The media types of an artifact of ours, of what describes its archive, and of the archive.
const ARTIFACT: &str = "application/vnd.edeliver.release.v1";
const CONFIG: &str = "application/vnd.edeliver.release.manifest.v1+json";
const LAYER: &str = "application/vnd.edeliver.release.v1.tar+gzip";
/// The media type of the artifact's own manifest, which every registry knows.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The annotations that an archive's name and the time of its storing stand in.
const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";
/// No manifest is larger: registries refuse them.
const LONGEST_MANIFEST: u64 = 4 * 1024 * 1024;
/// A release with very many files has a long description.
const LONGEST_CONFIG: u64 = 256 * 1024 * 1024;

/// A repository.
pub(super) struct RepositoryShelf {
    client: Client,
}

/// The manifest of an artifact, as the OCI image specification has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    schema_version: u32,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Blob,
    layers: Vec<Blob>,
    #[serde(default)]
    annotations: Annotations,
}

type Annotations = std::collections::BTreeMap<String, String>;

/// Something that is kept by its checksum.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
}

/// A page of tags.
#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Blob {
    fn sha256(&self) -> Option<Sha256Sum> {
        self.digest.strip_prefix("sha256:")?.parse().ok()
    }
}

impl Artifact {
    /// The archive in it, when it is one of ours.
    fn archive(&self) -> Option<&Blob> {
        (self.config.media_type == CONFIG).then(|| self.layers.first())?
    }

    /// The archive as the store lists it.
    fn listed(&self, app: &str) -> Option<StoredArchive> {
        let archive = self.archive()?;
        let file = archive.annotations.get(TITLE)?;
        Some(StoredArchive {
            name: ArchiveName::parse(app, file)?,
            file: file.clone(),
            size: Some(archive.size),
            stored_at: self.annotations.get(CREATED).and_then(|time| time.parse().ok()),
        })
    }
}

/// The tags of a repository, in no order, whatever they stand for.
///
/// # Errors
/// When the registry cannot be asked, or refuses.
pub fn tags(settings: RegistrySettings, interrupt: Interrupt) -> Result<Vec<String>, StoreError> {
    let shelf = RepositoryShelf::new(settings, interrupt);
    shelf.tags().map_err(shelf.failed())
}

impl RepositoryShelf {
    /// Nobody has connected to it yet.
    pub fn new(settings: RegistrySettings, interrupt: Interrupt) -> Self {
        Self { client: Client::new(settings, interrupt) }
    }

    /// The tag of an archive. Upgrades have their own, and what no tag can have is a `_` in it: the
    /// name itself is in the artifact.
    fn tag(&self, name: &ArchiveName) -> String {
        if let Some(tag) = &self.client.settings().tag {
            return tag.clone();
        }
        let kind = match name.kind {
            ArchiveKind::Release => "",
            ArchiveKind::Upgrade => ".upgrade",
        };
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let tag = format!("{}{kind}", name.version);
        let tag: String = tag.chars().map(|c| if is_tag(c) { c } else { '_' }).take(128).collect();
        // A tag does not begin with these.
        if tag.starts_with(['.', '-']) { format!("_{}", &tag[1..]) } else { tag }
    }

    fn failed(&self) -> impl FnOnce(RegistryError) -> StoreError {
        let store = self.describe();
        move |source| StoreError::Repository { store, source: Box::new(source) }
    }

    fn tags(&self) -> Result<Vec<String>, RegistryError> {
        if let Some(tag) = &self.client.settings().tag {
            return Ok(vec![tag.clone()]);
        }
        let action = "list the tags";
        let (mut all, mut page) = (Vec::new(), Some("tags/list?n=1000".to_owned()));
        while let Some(path) = page {
            let call = Call::new(action, "GET", &path);
            // A repository comes with the first thing that is put there.
            let Some((headers, text)) = self.client.read(&call, LONGEST_MANIFEST)? else { return Ok(all) };
            page = header(&headers, "link").and_then(next_page);
            let tags: Tags =
                serde_json::from_slice(&text).map_err(|error| self.client.unreadable(action, error))?;
            all.extend(tags.tags.unwrap_or_default());
        }
        Ok(all)
    }

    /// What a tag stands for, when it is an artifact.
    fn artifact(&self, tag: &str) -> Result<Option<Artifact>, RegistryError> {
        let (action, path) = (format!("read the tag {tag}"), format!("manifests/{tag}"));
        let headers = vec![("accept", MANIFEST.to_owned())];
        let call = Call { headers, ..Call::new(&action, "GET", &path) };
        let Some((headers, text)) = self.client.read(&call, LONGEST_MANIFEST)? else { return Ok(None) };
        if let Some(said) =
            header(&headers, "docker-content-digest").filter(|said| said.starts_with("sha256:"))
        {
            self.compare(&action, said, &text)?;
        }
        // Images have manifests of other kinds.
        Ok(serde_json::from_slice(&text).ok())
    }

    fn compare(&self, action: &str, digest: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let came = digest_of(bytes)?;
        if came == digest {
            return Ok(());
        }
        let reason = format!("what came, to {action}, has the checksum {came} instead of {digest}");
        Err(RegistryError::Damaged { server: self.client.server().to_owned(), reason })
    }

    fn archives(&self, app: &str) -> Result<Vec<StoredArchive>, RegistryError> {
        let mut archives = Vec::new();
        for tag in self.tags()? {
            archives.extend(self.artifact(&tag)?.and_then(|artifact| artifact.listed(app)));
        }
        Ok(archives)
    }

    /// The artifact of an archive, when the tag is that of this archive.
    fn find(&self, name: &ArchiveName) -> Result<Option<Artifact>, RegistryError> {
        let artifact = self.artifact(&self.tag(name))?;
        Ok(artifact.filter(|artifact| artifact.listed(&name.app).is_some_and(|listed| listed.name == *name)))
    }

    fn config(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(artifact) = self.find(name)? else { return Ok(None) };
        let digest = &artifact.config.digest;
        let (action, path) = (format!("read the manifest of {name}"), format!("blobs/{digest}"));
        let call = Call::new(&action, "GET", &path);
        let Some((_, text)) = self.client.read(&call, LONGEST_CONFIG)? else { return Ok(None) };
        self.compare(&action, digest, &text)?;
        Ok(Some(text))
    }

    /// Fetches the archive, from where it was cut off, as often as there is progress.
    fn fetch(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), RegistryError> {
        let action = format!("fetch {}", archive.file);
        let gone = || RegistryError::Damaged {
            server: self.client.server().to_owned(),
            reason: format!("{} is no longer there", archive.file),
        };
        let artifact = self.find(&archive.name)?.ok_or_else(gone)?;
        let blob = artifact.archive().ok_or_else(gone)?;
        let path = format!("blobs/{}", blob.digest);
        let mut tries = 1;
        loop {
            let begin = download.arrived;
            let headers = if begin > 0 { vec![("range", format!("bytes={begin}-"))] } else { Vec::new() };
            let mut reply = self.client.send(&Call { headers, ..Call::new(&action, "GET", &path) })?;
            if !reply.is_there() {
                return Err(gone());
            }
            // One that does not know ranges begins anew.
            let skip = if reply.status == 206 { 0 } else { begin };
            let ended = download.take(reply.body.as_reader(), skip, || self.client.go_on())?;
            if download.arrived >= blob.size {
                return Ok(());
            }
            tries = if download.arrived > begin { 1 } else { tries + 1 };
            if tries >= TRIES {
                return Err(self
                    .client
                    .unreachable(tries, ended.unwrap_or_else(|| "the connection ended early".to_owned())));
            }
            self.client.pause(tries)?;
        }
    }
}

/// The checksum of these bytes, as registries write it.
fn digest_of(bytes: &[u8]) -> Result<String, RegistryError> {
    Ok(format!("sha256:{}", Sha256Sum::of(bytes)?.0))
}

/// Where the next page is: `<PATH>; rel="next"`.
fn next_page(link: &str) -> Option<String> {
    let (path, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| path.to_owned())
}

impl Shelf for RepositoryShelf {
    fn kind(&self) -> &'static str {
        "docker"
    }

    fn describe(&self) -> String {
        let settings = self.client.settings();
        let tag = settings.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("docker://{}{tag}", settings.image())
    }

    fn list(&self, app: &str) -> Result<Vec<StoredArchive>, StoreError> {
        self.archives(app).map_err(self.failed())
    }

    fn sidecar(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, StoreError> {
        self.config(name).map_err(self.failed())
    }

    fn sha256(&self, name: &ArchiveName) -> Result<Option<Sha256Sum>, StoreError> {
        let artifact = self.find(name).map_err(self.failed())?;
        Ok(artifact.and_then(|artifact| artifact.archive()?.sha256()))
    }

    fn get(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), StoreError> {
        self.fetch(archive, download).map_err(self.failed())
    }

    fn put(&self, parcel: &Parcel<'_>) -> Result<(), StoreError> {
        self.send(parcel).map_err(self.failed())
    }

    fn address(&self, _: &ArchiveName) -> Option<String> {
        // A blob is had with a token only, which is good for the whole repository.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(tag: Option<&str>) -> RepositoryShelf {
        let settings = RegistrySettings {
            registry: Some("localhost:5000".to_owned()),
            repository: "acme/app".to_owned(),
            tag: tag.map(str::to_owned),
            token: None,
            hub_token: None,
            login: None,
        };
        RepositoryShelf::new(settings, Interrupt::default())
    }

    #[test]
    fn the_tag_is_the_version() {
        for (version, kind, tag) in [
            ("1.0.0", ArchiveKind::Release, "1.0.0"),
            ("1.0.0", ArchiveKind::Upgrade, "1.0.0.upgrade"),
            ("1.0.0+82a5834-main", ArchiveKind::Release, "1.0.0_82a5834-main"),
        ] {
            let name = ArchiveName::new("app", version.parse().unwrap(), kind);
            assert_eq!(shelf(None).tag(&name), tag);
            assert_eq!(shelf(Some("live")).tag(&name), "live");
        }
        assert_eq!(shelf(Some("live")).describe(), "docker://localhost:5000/acme/app:live");
    }

    #[test]
    fn pages_are_followed() {
        assert_eq!(
            next_page("</v2/a/tags/list?n=2&last=x>; rel=\"next\"").as_deref(),
            Some("/v2/a/tags/list?n=2&last=x")
        );
        assert_eq!(next_page("garbage"), None);
    }
}
