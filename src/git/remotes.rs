//! The remotes of the project's repository that lie on hosts with a login.

use super::{GitError, Repository};
use crate::transport::HostAddr;

/// A remote that is reached over ssh by a user who has a shell there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshRemote {
    /// As `git remote` lists it.
    pub name: String,
    /// Where it is.
    pub host: HostAddr,
    /// The repository there, from `/` or from `~/`.
    pub directory: String,
}

impl Repository {
    /// The remotes over ssh, in the order of git's config. Those of user `git` are left out: hosting services
    /// have that user, and give it no shell.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn ssh_remotes(&self) -> Result<Vec<SshRemote>, GitError> {
        let output = self
            .git(["config", "--null", "--get-regexp", r"^remote\..*\.url$"])
            .stderr_null()
            .stdout_capture()
            .run()
            .map_err(GitError::NotRun)?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split('\0').filter_map(remote).filter(|remote| remote.host.user() != Some("git")).collect())
    }
}

/// `remote.NAME.url`, a newline, and the URL.
fn remote(entry: &str) -> Option<SshRemote> {
    let (key, url) = entry.split_once('\n')?;
    let name = key.strip_prefix("remote.")?.strip_suffix(".url")?;
    let (host, directory) = place(url)?;
    Some(SshRemote { name: name.to_owned(), host: host.parse().ok()?, directory })
}

/// The host and the directory of `ssh://[user@]host[:port]/directory` or `[user@]host:directory`.
fn place(url: &str) -> Option<(&str, String)> {
    if let Some(rest) = url.strip_prefix("ssh://") {
        let (host, directory) = rest.split_at(rest.find('/')?);
        let at_home = directory.strip_prefix('/').filter(|directory| directory.starts_with("~/"));
        return Some((host, at_home.unwrap_or(directory).to_owned()));
    }
    // With a '/' before the colon it is a path, and `//` behind it belongs to another protocol.
    let (host, directory) = url.split_once(':').filter(|(host, _)| !host.contains('/'))?;
    match directory {
        "" => None,
        directory if directory.starts_with("//") => None,
        directory if directory.starts_with(['/', '~']) => Some((host, directory.to_owned())),
        directory => Some((host, format!("~/{directory}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_of_urls() {
        for (url, found) in [
            ("ssh://me@build:2222/srv/app", Some(("me@build:2222", "/srv/app"))),
            ("ssh://build/~/app", Some(("build", "~/app"))),
            ("me@build:/srv/app", Some(("me@build", "/srv/app"))),
            ("build:builds/app", Some(("build", "~/builds/app"))),
            ("build:~/app", Some(("build", "~/app"))),
            ("https://example.com/app.git", None),
            ("file:///srv/app", None),
            ("/srv/a:b", None),
            ("../app", None),
            ("build:", None),
            ("ssh://build", None),
        ] {
            assert_eq!(place(url), found.map(|(host, directory)| (host, directory.to_owned())), "{url}");
        }
    }
}
