//! Requests to a registry: with its token, and repeated where that may help.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body, SendBody};

use super::RegistryError;
use super::challenge::Challenge;
use super::credentials::Credentials;
use crate::release::{ArchiveFile, ArchiveReader};
use crate::settings::RegistrySettings;
use crate::store::http::{self, TRIES};
use crate::transport::Interrupt;

/// Where the API of Docker Hub is.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// Blobs lie elsewhere with some registries.
const REDIRECTS: u32 = 5;
/// No reason for a refusal, and no token, is longer.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// A repository, reached over HTTP.
pub(super) struct Client {
    settings: RegistrySettings,
    agent: Agent,
    interrupt: Interrupt,
    /// `https://host[:port]`
    server: String,
    /// What the registry wants to be shown, once it has said so.
    authorization: Mutex<Option<String>>,
    /// Read when they are asked for.
    credentials: Mutex<Option<Credentials>>,
}

/// One request.
pub(super) struct Call<'a> {
    /// What it is for, as messages say it.
    pub action: &'a str,
    pub method: &'static str,
    /// Below the repository, or a whole address that the registry has named.
    pub path: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Payload<'a>,
}

/// What is sent.
pub(super) enum Payload<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// An archive, and who is told how much of it is through.
    Archive(&'a ArchiveFile, u64, &'a (dyn Fn(u64) + Sync)),
}

/// What was answered: a success, or that it is not there.
pub(super) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    pub fn is_there(&self) -> bool {
        self.status != 404
    }
}

/// A header of an answer.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl<'a> Call<'a> {
    pub fn new(action: &'a str, method: &'static str, path: &'a str) -> Self {
        Self { action, method, path, headers: Vec::new(), body: Payload::Nothing }
    }
}

/// Why an attempt failed.
pub(super) enum Failed {
    /// The next one would, too.
    Final(RegistryError),
    /// The next one may not.
    Passing(RegistryError),
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusals {
    errors: Vec<Refusal>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    code: String,
    message: String,
}

impl Client {
    pub fn new(settings: RegistrySettings, interrupt: Interrupt) -> Self {
        let host = settings.registry.as_deref().unwrap_or(DOCKER_HUB);
        let server = format!("{}://{host}", if is_this_machine(host) { "http" } else { "https" });
        Self {
            settings,
            agent: http::agent(REDIRECTS),
            interrupt,
            server,
            authorization: Mutex::new(None),
            credentials: Mutex::new(None),
        }
    }

    pub fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// What its messages call it.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Makes the request until there is an answer that stays the same.
    ///
    /// # Errors
    /// When it is refused, when there is no answer, or when the user asks to stop. That something is not
    /// there is an answer.
    pub fn send(&self, call: &Call<'_>) -> Result<Reply, RegistryError> {
        self.repeat(|| self.attempt(call))
    }

    /// The whole of an answer that has at most so many bytes; nothing when it is not there.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn read(&self, call: &Call<'_>, limit: u64) -> Result<Option<(HeaderMap, Vec<u8>)>, RegistryError> {
        self.repeat(|| {
            let mut reply = self.attempt(call)?;
            if !reply.is_there() {
                return Ok(None);
            }
            match reply.body.with_config().limit(limit).read_to_vec() {
                Ok(bytes) => Ok(Some((reply.headers, bytes))),
                Err(error @ ureq::Error::BodyExceedsLimit(_)) => {
                    Err(Failed::Final(self.unreadable(call.action, error)))
                }
                Err(error) => Err(Failed::Passing(self.unreachable(TRIES, error))),
            }
        })
    }

    /// Does it until it works, or it is clear that it will not.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn repeat<T>(&self, attempt: impl Fn() -> Result<T, Failed>) -> Result<T, RegistryError> {
        let mut tries = 1;
        loop {
            let passing = match attempt() {
                Ok(done) => return Ok(done),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Passing(error)) => error,
            };
            self.go_on()?;
            if tries == TRIES {
                return Err(passing);
            }
            self.pause(tries)?;
            tries += 1;
        }
    }

    /// # Errors
    /// When the user asks to stop.
    pub fn go_on(&self) -> Result<(), RegistryError> {
        self.interrupt.received().map_or(Ok(()), |signal| Err(RegistryError::Interrupted(signal)))
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// When the user asks to stop.
    pub fn pause(&self, tries: u32) -> Result<(), RegistryError> {
        http::pause(tries, &self.interrupt).map_err(RegistryError::Interrupted)
    }

    pub fn unreachable(&self, tries: u32, reason: impl ToString) -> RegistryError {
        RegistryError::Unreachable { server: self.server.clone(), tries, reason: reason.to_string() }
    }

    pub fn unreadable(&self, action: &str, reason: impl ToString) -> RegistryError {
        let (server, action) = (self.server.clone(), action.to_owned());
        RegistryError::Unreadable { server, action, reason: reason.to_string() }
    }

    /// The whole address of what the registry has named, which may leave out its own.
    pub fn address(&self, place: &str) -> String {
        if place.contains("://") {
            place.to_owned()
        } else if place.starts_with('/') {
            format!("{}{place}", self.server)
        } else {
            format!("{}/v2/{}/{place}", self.server, self.repository())
        }
    }

    /// The repository; images of Docker Hub without an account are its own.
    pub fn repository(&self) -> String {
        let repository = &self.settings.repository;
        match self.settings.registry {
            None if !repository.contains('/') => format!("library/{repository}"),
            _ => repository.clone(),
        }
    }

    /// One try, and another one where the registry wants to know who asks.
    ///
    /// # Errors
    /// Which say whether another one may help.
    pub fn attempt(&self, call: &Call<'_>) -> Result<Reply, Failed> {
        self.go_on().map_err(Failed::Final)?;
        let shown = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.request(call, shown.as_deref())?;
        if answer.status().as_u16() != 401 {
            return self.judge(call, answer);
        }
        let challenge = header(answer.headers(), "www-authenticate");
        let wanted = challenge.and_then(Challenge::parse).ok_or_else(|| {
            Failed::Final(self.unreadable(call.action, "it wants credentials of a kind that is not known"))
        })?;
        // A token that it no longer takes was for something else, or is too old.
        let authorization = self.authorize(&wanted)?;
        let answer = self.request(call, Some(&authorization))?;
        if answer.status().as_u16() == 401 {
            return Err(Failed::Final(self.not_taken().map_err(Failed::Final)?));
        }
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        self.judge(call, answer)
    }

    fn request(&self, call: &Call<'_>, authorization: Option<&str>) -> Result<Response<Body>, Failed> {
        let address = self.address(call.path);
        let mut request = Request::builder().method(call.method).uri(&address);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        // What the registry has named need not be its own, and must not learn who we are then.
        let own = address.strip_prefix(&self.server).is_some_and(|rest| rest.starts_with('/'));
        if let Some(authorization) = authorization.filter(|_| own) {
            request = request.header("authorization", authorization);
        }
        let built = |error: ureq::http::Error| Failed::Final(self.unreadable(call.action, error));
        let ran = match &call.body {
            Payload::Nothing if matches!(call.method, "PUT" | "POST") => {
                self.agent.run(request.header("content-length", 0).body(&b""[..]).map_err(built)?)
            }
            Payload::Nothing => self.agent.run(request.body(()).map_err(built)?),
            Payload::Bytes(bytes) => self.agent.run(request.body(*bytes).map_err(built)?),
            Payload::Archive(archive, size, tell) => {
                let mut pieces =
                    Pieces { archive: archive.reader(), tell: *tell, interrupt: &self.interrupt };
                let request = request.header("content-length", *size);
                self.agent.run(request.body(SendBody::from_reader(&mut pieces)).map_err(built)?)
            }
        };
        ran.map_err(|error| match http::may_pass(&error) {
            true => Failed::Passing(self.unreachable(TRIES, error)),
            false => Failed::Final(self.unreachable(1, error)),
        })
    }

    fn judge(&self, call: &Call<'_>, mut answer: Response<Body>) -> Result<Reply, Failed> {
        let status = answer.status().as_u16();
        if answer.status().is_success() || status == 404 {
            let headers = answer.headers().clone();
            return Ok(Reply { status, headers, body: answer.into_body() });
        }
        if status == 403 {
            let origin = self.credentials().map_err(Failed::Final)?.origin().to_owned();
            let (server, action) = (self.server.clone(), call.action.to_owned());
            let repository = self.repository();
            return Err(Failed::Final(RegistryError::Denied { server, origin, action, repository }));
        }
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
        // A refusal whose reason cannot be read is one all the same.
        let refusals: Refusals =
            text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let reason = refusals.errors.first().map_or_else(
            || "it gives no reason".to_owned(),
            |refusal| format!("{} {}", refusal.code, refusal.message).trim().to_owned(),
        );
        let (server, action) = (self.server.clone(), call.action.to_owned());
        let error = RegistryError::Refused { server, action, reason, status };
        Err(if status == 429 || status >= 500 { Failed::Passing(error) } else { Failed::Final(error) })
    }

    /// What the registry wants to be shown.
    fn authorize(&self, wanted: &Challenge) -> Result<String, Failed> {
        let credentials = self.credentials().map_err(Failed::Final)?;
        if let Credentials::Token(token) = &credentials {
            return Ok(format!("Bearer {}", token.reveal()));
        }
        match wanted {
            Challenge::Basic => match credentials.basic() {
                Some(basic) => Ok(basic),
                None => Err(Failed::Final(self.not_taken().map_err(Failed::Final)?)),
            },
            Challenge::Bearer { realm, parameters } => {
                let query: Vec<String> =
                    parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
                let joint = if realm.contains('?') { '&' } else { '?' };
                let mut request = Request::builder().uri(format!("{realm}{joint}{}", query.join("&")));
                if let Some(basic) = credentials.basic() {
                    request = request.header("authorization", basic);
                }
                let action = "get a token";
                let request =
                    request.body(()).map_err(|error| Failed::Final(self.unreadable(action, error)))?;
                let mut answer = self
                    .agent
                    .run(request)
                    .map_err(|error| Failed::Passing(self.unreachable(TRIES, error)))?;
                match answer.status().as_u16() {
                    401 | 403 => return Err(Failed::Final(self.not_taken().map_err(Failed::Final)?)),
                    status if status >= 500 => {
                        return Err(Failed::Passing(self.unreachable(TRIES, format!("{realm}: {status}"))));
                    }
                    _ => {}
                }
                let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
                let token = text.ok().and_then(|text| serde_json::from_str::<Token>(&text).ok());
                token
                    .and_then(|token| token.token.or(token.access_token))
                    .map(|token| format!("Bearer {token}"))
                    .ok_or_else(|| Failed::Final(self.unreadable(action, format!("{realm} gives none"))))
            }
        }
    }

    fn not_taken(&self) -> Result<RegistryError, RegistryError> {
        let server = self.server.clone();
        Ok(match self.credentials()? {
            Credentials::None => {
                let login = self.settings.registry.as_ref().map(|registry| format!(" {registry}"));
                RegistryError::Anonymous { server, login: login.unwrap_or_default() }
            }
            known => RegistryError::Credentials { server, origin: known.origin().to_owned() },
        })
    }

    fn credentials(&self) -> Result<Credentials, RegistryError> {
        let mut kept = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credentials) = &*kept {
            return Ok(credentials.clone());
        }
        Ok(kept.insert(Credentials::of(&self.settings)?).clone())
    }
}

/// Docker itself speaks HTTP without TLS to registries of this machine only.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "[::1]" || name.starts_with("127.")
}

/// `text` as a value in a query.
pub(super) fn encode(text: &str) -> String {
    crate::store::s3::encode(text, "")
}

/// An archive on its way. Ctrl-c ends it.
struct Pieces<'a> {
    archive: ArchiveReader,
    tell: &'a (dyn Fn(u64) + Sync),
    interrupt: &'a Interrupt,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.received().is_some() {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.archive.read(buffer)?;
        (self.tell)(self.archive.position());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for (host, here) in [
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("localhost", true),
            ("r.example:5000", false),
            ("registry-1.docker.io", false),
            ("localhost.example", false),
        ] {
            assert_eq!(is_this_machine(host), here, "{host}");
        }
    }
}
