//! The settings of the release store (`RELEASE_STORE`, `LOCAL_RELEASE_STORE`, `AWS_*`).

use std::fmt;

use camino::Utf8PathBuf;

use super::error::SettingsError;
use super::registry::RegistrySettings;
use super::{Settings, deploying};
use crate::transport::{HostAddr, RemotePath};

/// The region of a bucket where nothing names one, as with Amazon's own tools.
const REGION: &str = "us-east-1";

/// Where archives are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// `RELEASE_STORE`.
    pub location: StoreLocation,
    /// `LOCAL_RELEASE_STORE`: holds what people edit here (appups), wherever the archives are.
    pub local: Utf8PathBuf,
}

/// The kinds of store that `RELEASE_STORE` can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A directory on this machine; archives lie in its `releases/`.
    Directory(Utf8PathBuf),
    /// `[user@]host:/path`: a directory on a host; archives lie in it.
    Ssh {
        /// The host.
        host: HostAddr,
        /// The directory.
        path: RemotePath,
    },
    /// `s3://bucket[/prefix]`.
    S3(S3Settings),
    /// `docker://[registry/]repository[:tag]`.
    Docker(RegistrySettings),
}

/// A bucket, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// What the keys of our objects begin with: empty, or it ends with a `/`.
    pub prefix: String,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`, default us-east-1.
    pub region: String,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`: a compatible server, without a `/` at its end.
    pub endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: Secret,
    /// `AWS_SESSION_TOKEN`, with temporary credentials.
    pub token: Option<Secret>,
}

/// A text that no `{:?}` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::report::Redactor::MASK)
    }
}

impl StoreSettings {
    /// A store in this directory.
    pub fn directory(directory: impl Into<Utf8PathBuf>) -> Self {
        let local = directory.into();
        Self { location: StoreLocation::Directory(local.clone()), local }
    }
}

impl Settings {
    /// Where archives are kept.
    ///
    /// # Errors
    /// When nothing says where, or what says so is incomplete or means nothing.
    pub fn store(&self) -> Result<StoreSettings, SettingsError> {
        let Some(store) = self.get("RELEASE_STORE") else {
            return Err(self.missing("the release store", vec!["RELEASE_STORE".to_owned()]));
        };
        let local = self.local_path(self.get("LOCAL_RELEASE_STORE").unwrap_or(".deliver"));
        Ok(StoreSettings { location: self.location(store)?, local })
    }

    fn location(&self, store: &str) -> Result<StoreLocation, SettingsError> {
        let Some((scheme, rest)) = store.split_once("://") else {
            return self.plain_location(store);
        };
        match scheme.to_ascii_lowercase().as_str() {
            "s3" => self.bucket(rest).map(StoreLocation::S3),
            "docker" => self.registry(rest).map(StoreLocation::Docker),
            _ => {
                let reason =
                    "it is none of DIRECTORY, [user@]host:/path, s3://bucket, docker://account/image";
                Err(self.invalid("RELEASE_STORE", reason))
            }
        }
    }

    /// `[user@]host:/path`, else a directory. A directory with a `:` in its name is written with a `/`
    /// before it.
    fn plain_location(&self, store: &str) -> Result<StoreLocation, SettingsError> {
        let Some((host, path)) = deploying::split_host(store) else {
            return Ok(StoreLocation::Directory(self.local_path(store)));
        };
        match host.parse::<HostAddr>() {
            Ok(host) => {
                let path =
                    path.parse().map_err(|error| self.invalid("RELEASE_STORE", &format!("{error}")))?;
                Ok(StoreLocation::Ssh { host, path })
            }
            Err(_) if host.contains('/') => Ok(StoreLocation::Directory(self.local_path(store))),
            Err(error) => Err(self.invalid("RELEASE_STORE", &error.to_string())),
        }
    }

    /// `bucket[/prefix]`, or the original's `KEY@SECRET:bucket[/prefix]`.
    fn bucket(&self, text: &str) -> Result<S3Settings, SettingsError> {
        let given = original_credentials(text);
        let (key_id, secret, place) = match given {
            Some((key, secret, place)) => (Some(key), Some(secret), place),
            None => (self.get("AWS_ACCESS_KEY_ID"), self.get("AWS_SECRET_ACCESS_KEY"), text),
        };
        let place = if place.is_empty() { self.get("AWS_BUCKET_NAME").unwrap_or_default() } else { place };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_matches('/');
        let missing: Vec<String> = [
            ("AWS_ACCESS_KEY_ID", key_id.is_none()),
            ("AWS_SECRET_ACCESS_KEY", secret.is_none()),
            ("AWS_BUCKET_NAME", bucket.is_empty()),
        ]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| name.to_owned())
        .collect();
        let (Some(key_id), Some(secret), true) = (key_id, secret, missing.is_empty()) else {
            return Err(self.missing("the release store in S3", missing));
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if !bucket.chars().all(is_name) {
            return Err(
                self.invalid("RELEASE_STORE", "a bucket's name has letters, digits, '.' and '-' only")
            );
        }
        Ok(S3Settings {
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            region: self.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or(REGION).to_owned(),
            endpoint: self.endpoint()?,
            key_id: key_id.to_owned(),
            secret: Secret::new(secret),
            // A token belongs to the key that it came with.
            token: self.get("AWS_SESSION_TOKEN").filter(|_| given.is_none()).map(Secret::new),
        })
    }

    fn endpoint(&self) -> Result<Option<String>, SettingsError> {
        let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        let Some(name) = names.into_iter().find(|name| self.get(name).is_some()) else { return Ok(None) };
        self.parsed(name, |url| {
            let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            match rest.map(|rest| rest.trim_end_matches('/')) {
                Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => {
                    Ok(url.trim_end_matches('/').to_owned())
                }
                _ => Err("it is not http://HOST[:PORT] or https://HOST[:PORT]"),
            }
        })
    }

    fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }
}

/// Key, secret and place of `KEY@SECRET:place`.
fn original_credentials(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.split_once('@')?;
    let (secret, place) = rest.rsplit_once(':')?;
    (!key.is_empty() && !secret.is_empty() && !place.is_empty()).then_some((key, secret, place))
}
