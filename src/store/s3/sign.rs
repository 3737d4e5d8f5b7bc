//! Signatures of requests, as Amazon's "Signature Version 4" has them for S3.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::settings::S3Settings;

/// Who signs, and when.
pub(super) struct Signer<'a> {
    pub settings: &'a S3Settings,
    pub at: Timestamp,
}

/// What is signed.
pub(super) struct Unsigned<'a> {
    pub method: &'a str,
    /// Host and port, as the request's `Host` header has them.
    pub host: &'a str,
    /// As it stands in the URL.
    pub path: &'a str,
    /// Not encoded yet.
    pub query: Vec<(&'a str, String)>,
    /// Names in lower case.
    pub headers: Vec<(&'a str, String)>,
}

impl Signer<'_> {
    /// The headers that a request with this body is to have, beside `Host`.
    pub fn headers(&self, request: &Unsigned<'_>, body: &[u8]) -> Vec<(String, String)> {
        // The server takes the request only if this is the checksum of what has arrived.
        let sum = hex(&Sha256::digest(body));
        let mut headers = request.headers.clone();
        headers.push(("x-amz-content-sha256", sum.clone()));
        headers.push(("x-amz-date", self.time()));
        if let Some(token) = &self.settings.token {
            headers.push(("x-amz-security-token", token.reveal().to_owned()));
        }
        let mut signed = headers.clone();
        signed.push(("host", request.host.to_owned()));
        signed.sort();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = canonical(request, &query(&request.query), &signed, &names, &sum);
        let credential = format!("{}/{}", self.settings.key_id, self.scope());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={}",
            self.signature(&canonical)
        );
        headers.push(("authorization", authorization));
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The query with which anybody may make this request, without headers of ours, for so many seconds.
    pub fn query(&self, request: &Unsigned<'_>, seconds: u64) -> String {
        let mut fields = request.query.clone();
        fields.push(("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()));
        fields.push(("X-Amz-Credential", format!("{}/{}", self.settings.key_id, self.scope())));
        fields.push(("X-Amz-Date", self.time()));
        fields.push(("X-Amz-Expires", seconds.to_string()));
        fields.push(("X-Amz-SignedHeaders", "host".to_owned()));
        if let Some(token) = &self.settings.token {
            fields.push(("X-Amz-Security-Token", token.reveal().to_owned()));
        }
        let query = query(&fields);
        let signed = [("host", request.host.to_owned())];
        let canonical = canonical(request, &query, &signed, "host", "UNSIGNED-PAYLOAD");
        format!("{query}&X-Amz-Signature={}", self.signature(&canonical))
    }

    fn signature(&self, canonical: &str) -> String {
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.time(),
            self.scope(),
            hex(&Sha256::digest(canonical))
        );
        let secret = format!("AWS4{}", self.settings.secret.reveal());
        let parts = [self.date().as_str(), &self.settings.region, "s3", "aws4_request", &text]
            .map(|part| part.as_bytes().to_vec());
        hex(&parts.iter().fold(secret.into_bytes(), |key, part| hmac(&key, part).to_vec()))
    }

    fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.date(), self.settings.region)
    }

    fn time(&self) -> String {
        self.at.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn date(&self) -> String {
        self.time().split('T').next().unwrap_or_default().to_owned()
    }
}

/// The request in the one form that both sides add up.
fn canonical(
    request: &Unsigned<'_>,
    query: &str,
    signed: &[(&str, String)],
    names: &str,
    payload: &str,
) -> String {
    let headers: String = signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    format!("{}\n{}\n{query}\n{headers}\n{names}\n{payload}", request.method, request.path)
}

/// The fields as a query, sorted and encoded.
pub(super) fn query(fields: &[(&str, String)]) -> String {
    let mut encoded: Vec<(String, String)> =
        fields.iter().map(|(name, value)| (encode(name, ""), encode(value, ""))).collect();
    encoded.sort();
    encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Everything encoded that is not one of RFC 3986's unreserved characters or of `more`.
pub(in crate::store) fn encode(text: &str, more: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || more.contains(c) {
            encoded.push(c);
        } else {
            // A String takes whatever is written to it.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    /// The account, bucket and day of the examples in Amazon's documentation.
    fn settings() -> S3Settings {
        S3Settings {
            bucket: "examplebucket".to_owned(),
            prefix: String::new(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            token: None,
        }
    }

    fn unsigned<'a>(method: &'a str, path: &'a str) -> Unsigned<'a> {
        let host = "examplebucket.s3.amazonaws.com";
        Unsigned { method, host, path, query: Vec::new(), headers: Vec::new() }
    }

    fn signature(request: &Unsigned<'_>, body: &[u8]) -> String {
        let settings = settings();
        let signer = Signer { settings: &settings, at: "2013-05-24T00:00:00Z".parse().unwrap() };
        let headers = signer.headers(request, body);
        let (_, authorization) = headers.into_iter().find(|(name, _)| name == "authorization").unwrap();
        authorization.split_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signs_as_amazons_examples() {
        let headers = vec![("range", "bytes=0-9".to_owned())];
        assert_eq!(
            signature(&Unsigned { headers, ..unsigned("GET", "/test.txt") }, b""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let headers = vec![
            ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
        ];
        assert_eq!(
            signature(
                &Unsigned { headers, ..unsigned("PUT", "/test%24file.text") },
                b"Welcome to Amazon S3."
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let query = vec![("max-keys", "2".to_owned()), ("prefix", "J".to_owned())];
        assert_eq!(
            signature(&Unsigned { query, ..unsigned("GET", "/") }, b""),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn presigns_as_amazons_example() {
        let settings = settings();
        let signer = Signer { settings: &settings, at: "2013-05-24T00:00:00Z".parse().unwrap() };
        assert_eq!(
            signer.query(&unsigned("GET", "/test.txt"), 86400),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn adds_up_as_rfc_4231() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn keys_may_have_any_character() {
        assert_eq!(encode("a/b+c d.ä~", "/"), "a/b%2Bc%20d.%C3%A4~");
    }
}
