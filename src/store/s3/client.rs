//! Requests to a bucket: signed, and repeated where that may help.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, Body, SendBody};

use super::error::{Refused, S3Error};
use super::sign::{Signer, Unsigned, encode, query};
use super::xml::Refusal;
use crate::settings::S3Settings;
use crate::store::http::{self, TRIES};
use crate::transport::Interrupt;

/// No reason for a refusal is longer.
const LONGEST_REASON: u64 = 64 * 1024;

/// A bucket, reached over HTTP.
pub(super) struct Client {
    settings: S3Settings,
    agent: Agent,
    interrupt: Interrupt,
    /// `https://host[:port]`
    server: String,
    /// What the paths of its objects begin with.
    root: String,
}

/// One request.
pub(super) struct Call<'a> {
    /// What it is for, as messages say it.
    pub action: &'a str,
    pub method: &'static str,
    /// Of the object; empty for the bucket.
    pub key: &'a str,
    pub query: Vec<(&'a str, String)>,
    /// Names in lower case.
    pub headers: Vec<(&'a str, String)>,
    pub body: &'a [u8],
    /// Who is told what has been sent of the body.
    pub sent: Option<&'a Sent<'a>>,
}

/// A good answer.
pub(super) struct Reply {
    headers: HeaderMap,
    pub body: Body,
}

/// Counts what several requests send.
pub(super) struct Sent<'a> {
    bytes: AtomicU64,
    tell: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Sent<'a> {
    pub fn new(tell: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { bytes: AtomicU64::new(0), tell }
    }

    fn add(&self, bytes: u64) {
        (self.tell)(self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes);
    }

    /// It has to be sent again.
    fn take_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl<'a> Call<'a> {
    pub fn new(action: &'a str, method: &'static str, key: &'a str) -> Self {
        Self { action, method, key, query: Vec::new(), headers: Vec::new(), body: b"", sent: None }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The number of bytes that the body should have.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }
}

impl Client {
    pub fn new(settings: S3Settings, interrupt: Interrupt) -> Self {
        // A bucket elsewhere answers with a redirect, and the request would have to be signed anew.
        let agent = http::agent(0);
        let (server, root) = place(&settings);
        Self { settings, agent, interrupt, server, root }
    }

    /// What its messages call it.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn settings(&self) -> &S3Settings {
        &self.settings
    }

    /// Makes the request until there is an answer that stays the same.
    ///
    /// # Errors
    /// When it is refused, when there is no answer, or when the user asks to stop.
    pub fn send(&self, call: &Call<'_>) -> Result<Reply, S3Error> {
        let mut tries = 1;
        loop {
            let passing = match self.attempt(call) {
                Ok(reply) => return Ok(reply),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Passing(error)) => error,
            };
            if tries == TRIES {
                return Err(passing);
            }
            self.pause(tries)?;
            tries += 1;
        }
    }

    /// The same where an object may not be there, which is no error.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn find(&self, call: &Call<'_>) -> Result<Option<Reply>, S3Error> {
        match self.send(call) {
            Ok(reply) => Ok(Some(reply)),
            Err(S3Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// When the user asks to stop.
    pub fn pause(&self, tries: u32) -> Result<(), S3Error> {
        http::pause(tries, &self.interrupt).map_err(S3Error::Interrupted)
    }

    /// # Errors
    /// When the user asks to stop.
    pub fn go_on(&self) -> Result<(), S3Error> {
        self.interrupt.received().map_or(Ok(()), |signal| Err(S3Error::Interrupted(signal)))
    }

    /// Whether so many failures in a row are enough.
    pub fn gives_up(tries: u32) -> bool {
        tries >= TRIES
    }

    pub fn unreachable(&self, tries: u32, reason: impl ToString) -> S3Error {
        S3Error::Unreachable { server: self.server.clone(), tries, reason: reason.to_string() }
    }

    pub fn unreadable(&self, action: &str, reason: impl ToString) -> S3Error {
        S3Error::Unreadable {
            server: self.server.clone(),
            action: action.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// The whole body, as text of XML.
    ///
    /// # Errors
    /// When it does not come whole, or is none.
    pub fn read<T: serde::de::DeserializeOwned>(&self, action: &str, mut reply: Reply) -> Result<T, S3Error> {
        let text = reply.body.read_to_string().map_err(|error| self.unreadable(action, error))?;
        quick_xml::de::from_str(&text).map_err(|error| self.unreadable(action, error))
    }

    /// An address that the object can be fetched from by anybody, for so many seconds.
    pub fn address(&self, key: &str, seconds: u64) -> String {
        let path = self.path(key);
        let request = Unsigned {
            method: "GET",
            host: self.host(),
            path: &path,
            query: Vec::new(),
            headers: Vec::new(),
        };
        let signer = Signer { settings: &self.settings, at: Timestamp::now() };
        format!("{}{path}?{}", self.server, signer.query(&request, seconds))
    }

    fn host(&self) -> &str {
        self.server.split_once("://").map_or(self.server.as_str(), |(_, host)| host)
    }

    fn path(&self, key: &str) -> String {
        format!("{}{}", self.root, encode(key, "/"))
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Reply, Failed> {
        self.go_on().map_err(Failed::Final)?;
        let mut pieces = Pieces { rest: call.body, taken: 0, sent: call.sent, interrupt: &self.interrupt };
        let answer = self.request(call, &mut pieces);
        let taken = pieces.taken;
        let failed = match answer {
            Ok(mut answer) if answer.status().is_success() => {
                let (head, body) = (answer.headers_mut().drain().collect::<Vec<_>>(), answer.into_body());
                return Ok(Reply {
                    headers: head.into_iter().filter_map(|(name, value)| Some((name?, value))).collect(),
                    body,
                });
            }
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let headers = answer.headers().clone();
                let text = answer.body_mut().with_config().limit(LONGEST_REASON).read_to_string();
                // A refusal whose reason cannot be read is one all the same.
                let refusal = text.ok().and_then(|text| quick_xml::de::from_str(&text).ok());
                self.refused(call, status, &headers, refusal.unwrap_or_default())
            }
            Err(error) => self.broken(&error),
        };
        if let Some(sent) = call.sent {
            sent.take_back(taken);
        }
        self.go_on().map_err(Failed::Final)?;
        Err(failed)
    }

    fn request(
        &self,
        call: &Call<'_>,
        pieces: &mut Pieces<'_>,
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let path = self.path(call.key);
        let unsigned = Unsigned {
            method: call.method,
            host: self.host(),
            path: &path,
            query: call.query.clone(),
            headers: call.headers.clone(),
        };
        let signer = Signer { settings: &self.settings, at: Timestamp::now() };
        let mut url = format!("{}{path}", self.server);
        if !call.query.is_empty() {
            url = format!("{url}?{}", query(&call.query));
        }
        let mut request = Request::builder().method(call.method).uri(url).header("host", self.host());
        for (name, value) in signer.headers(&unsigned, call.body) {
            request = request.header(name, value);
        }
        if matches!(call.method, "PUT" | "POST") {
            let request = request.header("content-length", call.body.len());
            self.agent.run(request.body(SendBody::from_reader(pieces))?)
        } else {
            self.agent.run(request.body(())?)
        }
    }

    fn refused(&self, call: &Call<'_>, status: u16, headers: &HeaderMap, refusal: Refusal) -> Failed {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let time = header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let refused = Refused {
            server: &self.server,
            bucket: &self.settings.bucket,
            region: &self.settings.region,
            action: call.action,
            status,
            refusal,
            bucket_region: header("x-amz-bucket-region").map(str::to_owned),
            clock_off: time.map_or(0, |time| time.timestamp().as_second() - Timestamp::now().as_second()),
        };
        if refused.is_passing() {
            Failed::Passing(refused.into_error())
        } else {
            Failed::Final(refused.into_error())
        }
    }

    fn broken(&self, error: &ureq::Error) -> Failed {
        if http::may_pass(error) {
            Failed::Passing(self.unreachable(TRIES, error))
        } else {
            Failed::Final(self.unreachable(1, error))
        }
    }
}

/// Why an attempt failed.
enum Failed {
    /// The next one would, too.
    Final(S3Error),
    /// The next one may not.
    Passing(S3Error),
}

/// The server of a bucket, and what the paths of its objects begin with there.
fn place(settings: &S3Settings) -> (String, String) {
    let S3Settings { bucket, region, endpoint, .. } = settings;
    let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match endpoint {
        Some(endpoint) => (endpoint.clone(), format!("/{bucket}/")),
        // A certificate is good for one name before Amazon's.
        None if bucket.contains('.') => (format!("https://s3.{region}.{end}"), format!("/{bucket}/")),
        None => (format!("https://{bucket}.s3.{region}.{end}"), "/".to_owned()),
    }
}

/// A body on its way. Ctrl-c ends it.
struct Pieces<'a> {
    rest: &'a [u8],
    taken: u64,
    sent: Option<&'a Sent<'a>>,
    interrupt: &'a Interrupt,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.received().is_some() {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.rest.read(buffer)?;
        self.taken += count as u64;
        if let Some(sent) = self.sent {
            sent.add(count as u64);
        }
        Ok(count)
    }
}
