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

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/s3/server.py");

/// A server, until it is dropped.
pub struct S3Server {
    child: Child,
    port: u16,
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
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the S3 server does not start: {line}"));
        Self { child, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
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
