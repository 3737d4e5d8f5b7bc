//! Who we are for a registry: what `docker login` has been told, or the settings.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::RegistryError;
use crate::settings::{RegistrySettings, Secret};

/// What `docker login` calls Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Who we are.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// Nobody.
    None,
    /// A bearer token of the settings.
    Token(Secret),
    /// A user.
    User { name: String, password: Secret, origin: String },
}

impl Credentials {
    /// What messages call them.
    pub fn origin(&self) -> &str {
        match self {
            Credentials::None => "nobody",
            Credentials::Token(_) => "DOCKER_REGISTRY_TOKEN",
            Credentials::User { origin, .. } => origin,
        }
    }

    /// The value of an Authorization header, for a user.
    pub fn basic(&self) -> Option<String> {
        let Credentials::User { name, password, .. } = self else { return None };
        Some(format!("Basic {}", STANDARD.encode(format!("{name}:{}", password.reveal()))))
    }

    /// Those for this registry: the settings', else those of `docker login`.
    ///
    /// # Errors
    /// When there should be some that cannot be read.
    pub fn of(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        if let Some(token) = &settings.token {
            return Ok(Credentials::Token(token.clone()));
        }
        if let (None, Some(password)) = (&settings.registry, &settings.hub_token) {
            let name = settings.repository.split('/').next().unwrap_or_default().to_owned();
            let origin = "DOCKER_HUB_ACCESS_TOKEN".to_owned();
            return Ok(Credentials::User { name, password: password.clone(), origin });
        }
        let Some(directory) = &settings.login else { return Ok(Credentials::None) };
        let file = Path::new(directory).join("config.json");
        let text = match fs_err::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::None),
            Err(error) => return Err(error.into()),
        };
        let login: Login = serde_json::from_slice(&text)
            .map_err(|error| RegistryError::Login(format!("{}: {error}", file.display())))?;
        login.of(settings.registry.as_deref().unwrap_or(DOCKER_HUB))
    }
}

/// What we need of docker's `config.json`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Login {
    auths: HashMap<String, Entry>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
}

/// What a credential helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Login {
    fn of(&self, server: &str) -> Result<Credentials, RegistryError> {
        let origin = format!("'docker login {}'", server.trim_start_matches("https://"));
        if let Some(helper) = self.cred_helpers.get(server).or(self.creds_store.as_ref())
            && let Some(Answer { username, secret }) = ask(helper, server)?
        {
            return Ok(Credentials::User { name: username, password: Secret::new(secret), origin });
        }
        let host = |key: &str| {
            let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        let entry = self.auths.get(server).or_else(|| {
            let same = |(key, _): &(&String, &Entry)| host(key) == host(server);
            self.auths.iter().find(same).map(|(_, entry)| entry)
        });
        let Some(entry) = entry.filter(|entry| !entry.auth.is_empty()) else { return Ok(Credentials::None) };
        let decoded = STANDARD.decode(entry.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((name, password)) => {
                let password = Secret::new(password.trim_end_matches('\0'));
                Ok(Credentials::User { name: name.to_owned(), password, origin })
            }
            None => Err(RegistryError::Login(format!("the entry for {server} is no user and password"))),
        }
    }
}

/// Asks a credential helper, which reads the server on its standard input. One that knows nothing of the
/// server fails and says so.
fn ask(helper: &str, server: &str) -> Result<Option<Answer>, RegistryError> {
    let program = format!("docker-credential-{helper}");
    let failed = |what: String| RegistryError::Login(format!("{program}: {what}"));
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read it answers all the same, or fails.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout).map(Some).map_err(|_| failed("no answer".to_owned()));
    }
    // The words of the protocol for "none".
    if String::from_utf8_lossy(&output.stdout).contains("credentials not found") {
        return Ok(None);
    }
    Err(failed(output.status.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, server: &str) -> String {
        let login: Login = serde_json::from_str(json).unwrap();
        match login.of(server) {
            Ok(Credentials::User { name, password, .. }) => format!("{name} {}", password.reveal()),
            Ok(_) => "nobody".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn docker_login_is_understood() {
        let auths = format!(
            r#"{{"auths": {{"r.example:5000": {{"auth": "{}"}}, "https://index.docker.io/v1/": {{"auth": "{}"}}, "bad": {{"auth": "?"}}, "kept": {{}}}}}}"#,
            STANDARD.encode("me:a:b"),
            STANDARD.encode("hub:x")
        );
        assert_eq!(of(&auths, "r.example:5000"), "me a:b");
        assert_eq!(of(&auths, DOCKER_HUB), "hub x");
        assert_eq!(of(&auths, "kept"), "nobody");
        assert_eq!(of(&auths, "other"), "nobody");
        assert_eq!(of("{}", "other"), "nobody");
        assert!(of(&auths, "bad").contains("no user and password"));
        let gone = of(r#"{"credHelpers": {"r": "not-there-at-all"}}"#, "r");
        assert!(gone.contains("docker-credential-not-there-at-all: "), "{gone}");
    }
}
