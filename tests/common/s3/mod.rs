//! A server that speaks S3, with one bucket.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// The one key that the server knows.
pub const KEY: &str = "AKIATESTTESTTESTTEST";
/// Its secret.
pub const SECRET: &str = "s3-5ecr3t/+with=slashes";
/// The one bucket.
pub const BUCKET: &str = "archives";

/// moto looks at no signature, but there has to be one.
const ANY: &str = "AWS4-HMAC-SHA256 Credential=any/20240101/us-east-1/s3/aws4_request";

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/s3/server.py");

/// A server, until it is dropped.
pub struct S3Server {
    child: Child,
    port: u16,
    /// Where it asks for no signature.
    open: u16,
}

impl S3Server {
    /// With an empty bucket.
    pub fn start() -> Self {
        Self::with_clock_ahead(0)
    }

    /// The same, its clock being so many seconds ahead.
    pub fn with_clock_ahead(seconds: i64) -> Self {
        let python = python();
        let mut child =
            Command::new(&python).arg(SERVER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // It stays open: the server ends with us.
        let input = child.stdin.as_mut().unwrap();
        writeln!(input, "{KEY} {SECRET} {BUCKET} {seconds}").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Option<(u16, u16)> = line
            .trim()
            .split_once(' ')
            .and_then(|(port, open)| Some((port.parse().ok()?, open.parse().ok()?)));
        let (port, open) = ports.unwrap_or_else(|| panic!("the S3 server does not start: {line}"));
        Self { child, port, open }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is in the bucket, by its key.
    pub fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let list = ureq::get(self.url(""))
            .header("authorization", ANY)
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let keys = list.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let object = |key: &str| {
            ureq::get(self.url(key))
                .header("authorization", ANY)
                .call()
                .unwrap()
                .body_mut()
                .read_to_vec()
                .unwrap()
        };
        keys.map(|key| (key.to_owned(), object(key))).collect()
    }

    /// Puts something into the bucket.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let request = ureq::put(self.url(key)).header("authorization", ANY);
        request.header("content-type", "application/gzip").send(bytes).unwrap();
    }

    /// Empties the bucket.
    pub fn clear(&self) {
        for (key, _) in self.objects() {
            ureq::delete(self.url(&key)).header("authorization", ANY).call().unwrap();
        }
    }

    fn url(&self, key: &str) -> String {
        format!("http://127.0.0.1:{}/{BUCKET}/{}", self.open, key.replace('+', "%2B"))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has the server. There is no test of S3 without it, and none is left out.
fn python() -> Utf8PathBuf {
    let target = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("s3-server/bin/python");
    assert!(
        python.exists(),
        "these tests need a server that speaks S3; scripts/test installs it, or:\n  \
         python3 -m venv {target}/s3-server && {target}/s3-server/bin/pip install 'moto[server]==5.2.5'"
    );
    python
}
