//! Which files the project's repository has, and which of them have changed.

use camino::Utf8PathBuf;

use super::{GitError, Repository};

impl Repository {
    /// The newest tag that the checked out commit comes from; none where there is none.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn newest_tag(&self) -> Result<Option<String>, GitError> {
        let output = self
            .git(["describe", "--tags", "--abbrev=0"])
            .stderr_null()
            .stdout_capture()
            .run()
            .map_err(GitError::NotRun)?;
        let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !tag.is_empty()).then_some(tag))
    }

    /// The files in the project's directory that git knows, relative to it.
    ///
    /// # Errors
    /// When this is no repository.
    pub fn files(&self) -> Result<Vec<Utf8PathBuf>, GitError> {
        self.names(&["ls-files", "-z"])
    }

    /// The files in the project's directory that differ between two commits, relative to it.
    ///
    /// # Errors
    /// When one of them does not exist.
    pub fn changed(&self, from: &str, to: &str) -> Result<Vec<Utf8PathBuf>, GitError> {
        let (from, to) = (self.commit(from)?, self.commit(to)?);
        self.names(&["diff", "--name-only", "--relative", "-z", &from, &to])
    }

    /// Names that git prints. One that is not UTF-8 is no file of ours.
    fn names(&self, args: &[&str]) -> Result<Vec<Utf8PathBuf>, GitError> {
        let output = self.read(args)?;
        let names = output.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
        Ok(names.filter(|name| !name.is_empty()).map(Utf8PathBuf::from).collect())
    }
}
