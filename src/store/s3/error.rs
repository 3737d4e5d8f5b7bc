//! What can go wrong between us and a bucket.

use std::io;

use super::xml::Refusal;
use crate::exit::Signal;

/// Why a bucket did not do what it was asked for. What could be repeated has been.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The server cannot be reached, or the connection breaks again and again.
    #[error("{server} cannot be reached or breaks the connection (tried {tries} times): {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// How often it was tried.
        tries: u32,
        /// What was seen last.
        reason: String,
    },
    /// There is no such bucket.
    #[error("{server} has no bucket '{bucket}'; RELEASE_STORE=s3://BUCKET (or AWS_BUCKET_NAME) names it")]
    NoBucket {
        /// The server.
        server: String,
        /// The bucket.
        bucket: String,
    },
    /// The bucket is in another region than the requests were signed for.
    #[error("the bucket '{bucket}' is not in region {region}: set AWS_REGION={}", .actual.as_deref().unwrap_or("the one that it is in"))]
    Region {
        /// The bucket.
        bucket: String,
        /// The region of the settings.
        region: String,
        /// The bucket's own, where the server says so.
        actual: Option<String>,
    },
    /// The server does not know the key.
    #[error("{server} does not know the key in AWS_ACCESS_KEY_ID")]
    Key {
        /// The server.
        server: String,
    },
    /// The key has another secret.
    #[error("AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID, says {server}")]
    Secret {
        /// The server.
        server: String,
    },
    /// Temporary credentials that are no longer valid.
    #[error(
        "the temporary credentials are not valid (any more), says {server}: get a new AWS_SESSION_TOKEN with its key and secret"
    )]
    Token {
        /// The server.
        server: String,
    },
    /// The clocks differ.
    #[error(
        "the clock of this machine is {seconds} s off that of {server}, which refuses such requests: set it right"
    )]
    Clock {
        /// The server.
        server: String,
        /// How far, where the server says what time it has.
        seconds: i64,
    },
    /// The key is good for other things.
    #[error(
        "the key in AWS_ACCESS_KEY_ID may not {action} in bucket '{bucket}'; a store needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:AbortMultipartUpload"
    )]
    Denied {
        /// What was tried.
        action: String,
        /// The bucket.
        bucket: String,
    },
    /// Refused for another reason.
    #[error("{server} refuses to {action}: {code} ({status}){}", if .message.is_empty() { String::new() } else { format!(": {message}") })]
    Refused {
        /// The server.
        server: String,
        /// What was tried.
        action: String,
        /// The status of HTTP.
        status: u16,
        /// The server's word for it.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// The answer is not one of S3.
    #[error("{server} gave an answer that is not one of S3 when asked to {action}: {reason}")]
    Unreadable {
        /// The server.
        server: String,
        /// What was tried.
        action: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What the bucket has is not what was sent.
    #[error("what {server} has stored is not what was sent: {reason}")]
    Damaged {
        /// The server.
        server: String,
        /// What differs.
        reason: String,
    },
    /// A file on this machine.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted(Signal),
}

/// A request that was refused, and what the answer had to say beside the reason.
pub(super) struct Refused<'a> {
    pub server: &'a str,
    pub bucket: &'a str,
    pub region: &'a str,
    pub action: &'a str,
    pub status: u16,
    pub refusal: Refusal,
    /// The header that names the bucket's region.
    pub bucket_region: Option<String>,
    /// How far the server's clock is off ours.
    pub clock_off: i64,
}

impl Refused<'_> {
    /// Whether the same request may do better in a moment.
    pub fn is_passing(&self) -> bool {
        let code = self.refusal.code.as_str();
        self.status >= 500 || self.status == 429 || matches!(code, "RequestTimeout" | "SlowDown")
    }

    /// The server's word for it, where it has one.
    fn code(&self) -> &str {
        match (self.refusal.code.as_str(), self.status) {
            // An answer without a body, as to HEAD.
            ("", 301) => "PermanentRedirect",
            ("", 403) => "AccessDenied",
            ("", 404) => "NotFound",
            ("", _) => "no reason given",
            (code, _) => code,
        }
    }

    pub fn into_error(self) -> S3Error {
        let (server, bucket) = (self.server.to_owned(), self.bucket.to_owned());
        match self.code() {
            "NoSuchBucket" => S3Error::NoBucket { server, bucket },
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "AuthorizationQueryParametersError"
            | "IllegalLocationConstraintException" => S3Error::Region {
                bucket,
                region: self.region.to_owned(),
                actual: self.bucket_region.or(self.refusal.region),
            },
            "InvalidAccessKeyId" | "NotSignedUp" => S3Error::Key { server },
            "SignatureDoesNotMatch" => S3Error::Secret { server },
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => S3Error::Token { server },
            "RequestTimeTooSkewed" => S3Error::Clock { server, seconds: self.clock_off.abs() },
            "AccessDenied" | "AllAccessDisabled" => {
                S3Error::Denied { action: self.action.to_owned(), bucket }
            }
            code => S3Error::Refused {
                action: self.action.to_owned(),
                status: self.status,
                code: code.to_owned(),
                message: self.refusal.message,
                server,
            },
        }
    }
}
