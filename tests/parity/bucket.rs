//! A bucket, where a scenario has one: on a server that checks signatures.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::common::s3::{S3Server, SECRET};
use crate::normal::Normal;
use crate::project::{Templates, write_tool};
use crate::tree::{self, Tree};

/// Reaches it.
const CURL: &str = include_str!("tools/curl_s3.sh");
/// Looks for its secret.
const SSH: &str = include_str!("tools/ssh_s3.sh");

/// The bucket of a lane.
pub struct Bucket(S3Server);

impl Bucket {
    /// An empty one.
    pub fn new() -> Self {
        Self(S3Server::start())
    }

    /// Puts archives there, and nothing else.
    pub fn lay_out(&self, archives: &[String], templates: &Templates) {
        self.0.clear();
        let place = tempfile::tempdir().unwrap();
        let place = Utf8Path::from_path(place.path()).unwrap();
        for archive in archives {
            templates.archive(archive, place);
        }
        for entry in place.read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            self.0.put(entry.file_name(), &fs::read(entry.path()).unwrap());
        }
    }

    /// Has tools reach it. The last ones are the user's.
    pub fn lay_out_tools(&self, tools: &[Utf8PathBuf], home: &Utf8Path, config: &Utf8Path) {
        let port = self.0.port().to_string();
        for tools in tools {
            write_tool(&tools.join("curl"), CURL, &[("@PORT@", &port)]);
        }
        let names = [("@HOME@", home.as_str()), ("@CONFIG@", config.as_str()), ("@SECRET@", SECRET)];
        if let Some(tools) = tools.last() {
            write_tool(&tools.join("ssh"), SSH, &names);
        }
    }

    /// What is not the same in every run, or nobody's business.
    pub fn name(&self, normal: &mut Normal) {
        normal.name(format!(":{}", self.0.port()), ":[port]");
        normal.name(SECRET, "[secret]");
    }

    /// Where it is, for those who can be told.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }

    /// What is in it.
    pub fn tree(&self) -> Tree {
        let objects = self.0.objects().into_iter();
        objects
            .map(|(key, bytes)| {
                let what = tree::content(&key, &bytes);
                (key, what)
            })
            .collect()
    }
}
