//! A store that is a bucket of S3 or of a server that speaks its language.
//!
//! Archives lie below the prefix under their names, where the original puts them. Manifests have names
//! that no listing of archives matches.

mod client;
mod error;
mod multipart;
mod sign;
mod xml;

use std::io::Read as _;

use super::shelf::{Download, Parcel, Shelf};
use super::{StoreError, StoredArchive};
use crate::release::{ArchiveName, Manifest, Sha256Sum};
use crate::settings::S3Settings;
use crate::transport::Interrupt;
use client::{Call, Client, Sent};
pub use error::S3Error;
use multipart::{Multipart, PART};
pub(super) use sign::encode;
use xml::Listing;

/// How long an address of an archive is good: hosts begin to fetch it right away, and may have to try
/// again.
const ADDRESS_SECONDS: u64 = 900;
/// The header under which an object has its checksum.
const SHA256: &str = "x-amz-meta-sha256";

/// A bucket.
pub(super) struct BucketShelf {
    client: Client,
}

impl BucketShelf {
    /// Nobody has connected to it yet.
    pub fn new(settings: S3Settings, interrupt: Interrupt) -> Self {
        Self { client: Client::new(settings, interrupt) }
    }

    fn key(&self, name: &ArchiveName) -> String {
        format!("{}{name}", self.client.settings().prefix)
    }

    fn sidecar_key(&self, name: &ArchiveName) -> String {
        let ArchiveName { app, version, kind } = name;
        format!("{}.manifests/{app}/{version}.{}.json", self.client.settings().prefix, kind.as_str())
    }

    fn failed(&self) -> impl FnOnce(S3Error) -> StoreError {
        let store = self.describe();
        move |error| StoreError::Bucket { store, cause: Box::new(error) }
    }

    fn pages(&self, app: &str) -> Result<Vec<StoredArchive>, S3Error> {
        let (action, prefix) = ("list the archives", &self.client.settings().prefix);
        let mut archives = Vec::new();
        let mut page = None;
        loop {
            let mut query = vec![
                ("list-type", "2".to_owned()),
                ("delimiter", "/".to_owned()),
                ("prefix", format!("{prefix}{app}_")),
            ];
            query.extend(page.map(|token| ("continuation-token", token)));
            let reply = self.client.send(&Call { query, ..Call::new(action, "GET", "") })?;
            let listing: Listing = self.client.read(action, reply)?;
            archives.extend(listing.contents.iter().filter_map(|object| {
                let file = object.key.strip_prefix(prefix.as_str())?;
                Some(StoredArchive {
                    name: ArchiveName::parse(app, file)?,
                    file: file.to_owned(),
                    size: Some(object.size),
                    stored_at: object.last_modified.parse().ok(),
                })
            }));
            page = listing.next_continuation_token;
            if page.is_none() {
                return Ok(archives);
            }
        }
    }

    fn read_sidecar(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, S3Error> {
        let (action, key) = (format!("read the manifest of {name}"), self.sidecar_key(name));
        let Some(mut reply) = self.client.find(&Call::new(&action, "GET", &key))? else { return Ok(None) };
        let mut text = Vec::new();
        // One that does not come whole is as good as none: then the archive is read.
        let read = reply.body.as_reader().read_to_end(&mut text);
        Ok(read.is_ok().then_some(text))
    }

    fn stored_sum(&self, name: &ArchiveName) -> Result<Option<Sha256Sum>, S3Error> {
        let action = format!("look at {name}");
        let reply = self.client.find(&Call::new(&action, "HEAD", &self.key(name)))?;
        Ok(reply.and_then(|reply| reply.header(SHA256)?.parse().ok()))
    }

    /// Fetches the object from where it was cut off, as often as there is progress.
    fn fetch(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), S3Error> {
        let (action, key) = (format!("fetch {}", archive.file), self.key(&archive.name));
        let (mut tag, mut tries) = (None, 1);
        loop {
            let begin = download.arrived;
            let mut call = Call::new(&action, "GET", &key);
            if let Some(tag) = &tag {
                // The rest of the same object, not of one that has taken its place.
                call.headers = vec![("if-match", String::clone(tag)), ("range", format!("bytes={begin}-"))];
            }
            let mut reply = self.client.send(&call)?;
            let end = reply.length().map(|length| begin + length);
            tag = tag.or(reply.header("etag").map(str::to_owned));
            let reason = match download.take(reply.body.as_reader(), 0, || self.client.go_on())? {
                None if end.is_none_or(|end| end == download.arrived) => return Ok(()),
                None => "the connection ended early".to_owned(),
                Some(reason) => reason,
            };
            tries = if download.arrived > begin { 1 } else { tries + 1 };
            if Client::gives_up(tries) || tag.is_none() {
                return Err(self.client.unreachable(tries, reason));
            }
            self.client.pause(tries)?;
        }
    }

    fn send(&self, parcel: &Parcel<'_>) -> Result<(), S3Error> {
        let Parcel { name, archive, manifest, sidecar, progress } = *parcel;
        let (action, key) = (format!("store {name}"), self.key(name));
        let json = vec![("content-type", "application/json".to_owned())];
        let beside = self.sidecar_key(name);
        // The archive comes last: a manifest that does not fit its archive is read anew, an archive counts.
        self.client.send(&Call { headers: json, body: sidecar, ..Call::new(&action, "PUT", &beside) })?;
        let headers =
            vec![("content-type", "application/gzip".to_owned()), (SHA256, manifest.sha256.to_string())];
        let sent = Sent::new(progress);
        if manifest.size > PART {
            let (client, size) = (&self.client, manifest.size);
            Multipart { client, action: &action, key: &key, archive, size, sent: &sent }.send(headers)?;
        } else {
            let body = archive.part(0, usize::try_from(manifest.size).unwrap_or(usize::MAX))?;
            let call = Call { headers, body: &body, sent: Some(&sent), ..Call::new(&action, "PUT", &key) };
            self.client.send(&call)?;
        }
        self.check(&key, &action, manifest)
    }

    /// Looks at what is there now.
    fn check(&self, key: &str, action: &str, manifest: &Manifest) -> Result<(), S3Error> {
        let reply = self.client.send(&Call::new(action, "HEAD", key))?;
        let there = (reply.length(), reply.header(SHA256).map(str::to_owned));
        if there == (Some(manifest.size), Some(manifest.sha256.to_string())) {
            return Ok(());
        }
        let (size, sum) = (there.0.unwrap_or_default(), there.1.unwrap_or_default());
        let reason =
            format!("{size} bytes with sha256 {sum} in place of {} with {}", manifest.size, manifest.sha256);
        Err(S3Error::Damaged { server: self.client.server().to_owned(), reason })
    }
}

impl Shelf for BucketShelf {
    fn kind(&self) -> &'static str {
        "s3"
    }

    fn describe(&self) -> String {
        let S3Settings { bucket, prefix, .. } = self.client.settings();
        format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned()
    }

    fn list(&self, app: &str) -> Result<Vec<StoredArchive>, StoreError> {
        self.pages(app).map_err(self.failed())
    }

    fn sidecar(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_sidecar(name).map_err(self.failed())
    }

    fn sha256(&self, name: &ArchiveName) -> Result<Option<Sha256Sum>, StoreError> {
        self.stored_sum(name).map_err(self.failed())
    }

    fn get(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), StoreError> {
        self.fetch(archive, download).map_err(self.failed())
    }

    fn put(&self, parcel: &Parcel<'_>) -> Result<(), StoreError> {
        self.send(parcel).map_err(self.failed())
    }

    fn address(&self, name: &ArchiveName) -> Option<String> {
        Some(self.client.address(&self.key(name), ADDRESS_SECONDS))
    }
}
