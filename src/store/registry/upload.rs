//! An archive's way into a repository: its bytes, its description, and at last the tag.

use super::client::{Call, Failed, Payload, encode};
use super::{
    ARTIFACT, Annotations, Artifact, Blob, CONFIG, CREATED, LAYER, MANIFEST, RegistryError, RepositoryShelf,
    TITLE, digest_of,
};
use crate::store::shelf::Parcel;

impl RepositoryShelf {
    pub(super) fn send(&self, parcel: &Parcel<'_>) -> Result<(), RegistryError> {
        let Parcel { name, archive, manifest, sidecar, progress } = *parcel;
        let action = format!("store {name}");
        let layer = Blob {
            media_type: LAYER.to_owned(),
            digest: format!("sha256:{}", manifest.sha256),
            size: manifest.size,
            annotations: Annotations::from([(TITLE.to_owned(), name.to_string())]),
        };
        let config = Blob {
            media_type: CONFIG.to_owned(),
            digest: digest_of(sidecar)?,
            size: sidecar.len() as u64,
            annotations: Annotations::new(),
        };
        self.put_blob(&action, &config, || Payload::Bytes(sidecar))?;
        self.put_blob(&action, &layer, || Payload::Archive(archive, manifest.size, progress))?;
        let created = (CREATED.to_owned(), jiff::Timestamp::now().to_string());
        let artifact = Artifact {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(ARTIFACT.to_owned()),
            config,
            layers: vec![layer],
            annotations: Annotations::from([created]),
        };
        self.put_tag(&action, &self.tag(name), &artifact)
    }

    /// Puts something there under its checksum, unless it is there. The registry compares what arrives.
    fn put_blob<'a>(
        &self,
        action: &str,
        blob: &Blob,
        body: impl Fn() -> Payload<'a>,
    ) -> Result<(), RegistryError> {
        let known = format!("blobs/{}", blob.digest);
        if self.client.send(&Call::new(action, "HEAD", &known))?.is_there() {
            return Ok(());
        }
        // An upload that was cut off is not gone on with: it begins anew, with an address of its own.
        self.client.repeat(|| {
            let begun = self.client.attempt(&Call::new(action, "POST", "blobs/uploads/"))?;
            if !begun.is_there() {
                return Err(Failed::Final(self.no_repository()));
            }
            let place = begun.header("location").ok_or_else(|| {
                Failed::Final(self.client.unreadable(action, "it does not say where an upload goes"))
            })?;
            let joint = if place.contains('?') { '&' } else { '?' };
            let place = format!("{place}{joint}digest={}", encode(&blob.digest));
            let headers = vec![("content-type", "application/octet-stream".to_owned())];
            let put = Call { headers, body: body(), ..Call::new(action, "PUT", &place) };
            if self.client.attempt(&put)?.is_there() {
                return Ok(());
            }
            Err(Failed::Passing(self.client.unreadable(action, "it has forgotten an upload")))
        })
    }

    fn put_tag(&self, action: &str, tag: &str, artifact: &Artifact) -> Result<(), RegistryError> {
        let text = serde_json::to_vec(artifact).map_err(|error| self.client.unreadable(action, error))?;
        let path = format!("manifests/{tag}");
        let headers = vec![("content-type", MANIFEST.to_owned())];
        let put = Call { headers, body: Payload::Bytes(&text), ..Call::new(action, "PUT", &path) };
        let reply = self.client.send(&put)?;
        if !reply.is_there() {
            return Err(self.no_repository());
        }
        let (there, ours) = (reply.header("docker-content-digest"), digest_of(&text)?);
        match there {
            Some(there) if there != ours => Err(RegistryError::Damaged {
                server: self.client.server().to_owned(),
                reason: format!("the tag {tag} has the checksum {there} there instead of {ours}"),
            }),
            _ => Ok(()),
        }
    }

    fn no_repository(&self) -> RegistryError {
        let (server, repository) = (self.client.server().to_owned(), self.client.repository());
        RegistryError::NoRepository { server, repository }
    }
}
