//! The project's own repository, asked through the system's git.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::ssh;
use crate::exit::Signal;
use crate::settings::SshSettings;
use crate::transport::{HostAddr, Interrupt};

/// The branches that are built when the config names none, in this order.
const DEFAULT_BRANCHES: [&str; 2] = ["master", "main"];

/// How often a push looks whether it was interrupted.
const TICK: Duration = Duration::from_millis(100);

/// The repository that the project's directory belongs to.
#[derive(Debug, Clone)]
pub struct Repository {
    directory: Utf8PathBuf,
}

/// What is pushed where.
#[derive(Debug)]
pub struct Push<'a> {
    /// GIT_PUSH: options of `git push`.
    pub options: &'a [String],
    /// The build host.
    pub host: &'a HostAddr,
    /// The absolute path of the repository there.
    pub directory: &'a str,
    /// BRANCH or REFSPEC.
    pub refspec: &'a str,
    /// How our sessions connect.
    pub ssh: &'a SshSettings,
}

/// Why git could not answer or push.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("cannot run git: {0}")]
    NotRun(io::Error),
    /// The project is in no repository.
    #[error("{directory} is not in a git repository")]
    NotRepository {
        /// The project's directory.
        directory: Utf8PathBuf,
    },
    /// Neither of the default branches.
    #[error(
        "the repository has neither a branch master nor a branch main: set BRANCH in the config, or --branch="
    )]
    NoDefaultBranch,
    /// A branch, tag or revision that does not exist.
    #[error("the repository has no commit '{revision}'")]
    NoCommit {
        /// As the user wrote it.
        revision: String,
    },
    /// Git failed.
    #[error("`{command}` failed ({status}):\n{stderr}")]
    Failed {
        /// The command as it would be typed.
        command: String,
        /// Its exit status or signal.
        status: ExitStatus,
        /// The end of what it said.
        stderr: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted(Signal),
}

impl Repository {
    /// The repository of the project in `directory`.
    pub fn of(directory: impl Into<Utf8PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The branch to build when none is configured: master, else main.
    ///
    /// # Errors
    /// When there is neither.
    pub fn default_branch(&self) -> Result<&'static str, GitError> {
        for branch in DEFAULT_BRANCHES {
            if self.find_commit(&format!("refs/heads/{branch}"))?.is_some() {
                return Ok(branch);
            }
        }
        Err(GitError::NoDefaultBranch)
    }

    /// The commit (its whole name) that a branch, tag or revision stands for.
    ///
    /// # Errors
    /// When there is none.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        self.find_commit(revision)?.ok_or_else(|| GitError::NoCommit { revision: revision.to_owned() })
    }

    /// The commit that `revision` stands for, if it is here.
    ///
    /// # Errors
    /// When this is no repository.
    pub fn find_commit(&self, revision: &str) -> Result<Option<String>, GitError> {
        let name = format!("{revision}^{{commit}}");
        let output = self
            .git(["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
            .stderr_null()
            .stdout_capture()
            .run()
            .map_err(GitError::NotRun)?;
        match output.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
            Some(1) => Ok(None),
            _ => Err(GitError::NotRepository { directory: self.directory.clone() }),
        }
    }

    /// Pushes commits and tags to the build host. Returns what git said.
    ///
    /// The address is given directly: no remote is left behind in the user's repository.
    ///
    /// # Errors
    /// With the command, its status and the end of its output.
    pub fn push(&self, push: &Push<'_>, interrupt: &Interrupt) -> Result<Vec<u8>, GitError> {
        let url = ssh::push_url(push.host, push.directory);
        let mut args = vec!["push", "--tags"];
        args.extend(push.options.iter().map(String::as_str));
        args.extend([url.as_str(), push.refspec]);
        let command = std::iter::once("git").chain(args.iter().copied()).collect::<Vec<_>>();
        let command = shell_words::join(command);
        let ssh = SshSettings {
            config: push.ssh.config.as_ref().map(|config| self.directory.join(config)),
            timeout: push.ssh.timeout,
        };
        let running = self
            .git(&args)
            // Inside of the capture, so that it captures both.
            .stderr_to_stdout()
            .stdout_capture()
            .env("GIT_SSH_COMMAND", ssh::ssh_command(&self.ssh_base(), &ssh))
            .start()
            .map_err(GitError::NotRun)?;
        let output = loop {
            if let Some(signal) = interrupt.received() {
                running.kill().map_err(GitError::NotRun)?;
                return Err(GitError::Interrupted(signal));
            }
            if let Some(output) = running.wait_timeout(TICK).map_err(GitError::NotRun)? {
                break output;
            }
        };
        if output.status.success() {
            return Ok(output.stdout.clone());
        }
        Err(GitError::Failed { command, status: output.status, stderr: last_lines(&output.stdout) })
    }

    /// What the user has git run as ssh.
    fn ssh_base(&self) -> String {
        let configured = || {
            let output = self.git(["config", "core.sshCommand"]).stderr_null().stdout_capture().run().ok()?;
            let command = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (output.status.success() && !command.is_empty()).then_some(command)
        };
        let environment = std::env::var("GIT_SSH_COMMAND").ok().filter(|command| !command.trim().is_empty());
        environment.or_else(configured).unwrap_or_else(|| "ssh".to_owned())
    }

    pub(super) fn git(&self, args: impl IntoIterator<Item = impl Into<OsString>>) -> duct::Expression {
        duct::cmd("git", args).dir(&self.directory).stdin_null().unchecked()
    }

    /// What git prints.
    pub(super) fn read(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = self.git(args).stderr_capture().stdout_capture().run().map_err(GitError::NotRun)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let command = shell_words::join(std::iter::once("git").chain(args.iter().copied()));
        Err(GitError::Failed { command, status: output.status, stderr: last_lines(&output.stderr) })
    }
}

/// The end of what git said, for an error.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..]
        .iter()
        .map(|line| format!("  {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    struct World {
        dir: tempfile::TempDir,
        repository: Repository,
    }

    impl World {
        fn new(branch: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = Utf8PathBuf::from_path_buf(dir.path().join("project")).unwrap();
            fs::create_dir(&path).unwrap();
            let world = Self { dir, repository: Repository::of(path) };
            world.git(&["init", "--quiet", "--initial-branch", branch]);
            world.git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
            world
        }

        fn git(&self, args: &[&str]) -> String {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@t"];
            let directory = &self.repository.directory;
            duct::cmd("git", identity.iter().chain(args)).dir(directory).read().unwrap()
        }
    }

    #[test]
    fn the_default_branch_is_master_else_main() {
        let world = World::new("main");
        assert_eq!(world.repository.default_branch().unwrap(), "main");
        world.git(&["branch", "master"]);
        assert_eq!(world.repository.default_branch().unwrap(), "master");
        let other = World::new("trunk");
        assert!(matches!(other.repository.default_branch(), Err(GitError::NoDefaultBranch)));
    }

    #[test]
    fn tags_branches_and_short_revisions_are_commits() {
        let world = World::new("main");
        world.git(&["tag", "-a", "-m", "annotated", "v1"]);
        let head = world.git(&["rev-parse", "HEAD"]);
        for revision in ["main", "v1", &head[..8], "HEAD~0"] {
            assert_eq!(world.repository.commit(revision).unwrap(), head, "{revision}");
        }
        for revision in ["v2", "--all", "0123456789012345678901234567890123456789"] {
            let error = world.repository.commit(revision).unwrap_err();
            assert!(matches!(error, GitError::NoCommit { .. }), "{revision}: {error}");
        }
        let outside = Repository::of(Utf8PathBuf::from_path_buf(world.dir.path().to_owned()).unwrap());
        assert!(matches!(outside.commit("main"), Err(GitError::NotRepository { .. })));
    }

    #[test]
    fn a_push_to_this_machine_leaves_no_remote_and_a_failing_one_says_why() {
        let world = World::new("main");
        world.git(&["tag", "v1"]);
        let target = Utf8PathBuf::from_path_buf(world.dir.path().join("build dir")).unwrap();
        duct::cmd!("git", "init", "--quiet", "--bare", &target).run().unwrap();
        let ssh = SshSettings { config: None, timeout: Duration::from_secs(3) };
        let push = |directory: &str| {
            let options = ["-f".to_owned()];
            let host = HostAddr::local();
            let push = Push { options: &options, host: &host, directory, refspec: "main", ssh: &ssh };
            world.repository.push(&push, &Interrupt::default())
        };
        push(target.as_str()).unwrap();
        let pushed = duct::cmd!("git", "rev-parse", "main", "v1").dir(&target).read().unwrap();
        let head = world.git(&["rev-parse", "HEAD"]);
        assert_eq!(pushed, format!("{head}\n{head}"));
        assert_eq!(world.git(&["remote"]), "");
        let error = push("/no/such/dir").unwrap_err().to_string();
        assert!(
            error.starts_with("`git push --tags -f /no/such/dir main` failed (exit status: 128)"),
            "{error}"
        );
        assert!(error.contains("\n  fatal: "), "{error}");
    }
}
