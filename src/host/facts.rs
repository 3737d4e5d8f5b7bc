//! What a host is and has (`edeliver doctor`), found out without changing anything.

use std::time::Duration;

use super::LockOwner;
use crate::release::Libc;
use crate::transport::{RemoteCommand, RemotePath, Session, Stdin, TransportError};

const SCRIPT: &str = include_str!("facts.sh");

/// Some tools start slowly, one after the other.
const TIME: Duration = Duration::from_secs(120);

/// What a host is and has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The login shell.
    pub shell: String,
    /// The operating system, with its version.
    pub system: String,
    /// The kernel, as `uname -s` says.
    pub kernel: String,
    /// The processor architecture, as `uname -m` says.
    pub machine: String,
    /// The C library.
    pub libc: Libc,
    /// How far the host's clock is ahead of ours, in seconds.
    pub clock_ahead: i64,
    /// Free bytes where the directory is, or is going to be; none where the host does not say.
    pub free_bytes: Option<u64>,
    /// A directory that would have to be written, and may not be.
    pub read_only: Option<String>,
    /// Who builds there, where it is a build directory; the text where it is no owner's line.
    pub build_lock: Option<Result<LockOwner, String>>,
    /// The tools that were asked for: name, and what it says of its version. None where there is none.
    pub tools: Vec<(String, Option<String>)>,
}

/// A tool that is there and does not say its version.
pub const BROKEN: &str = "broken";

/// Why the facts are not known.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The link failed.
    #[error(transparent)]
    Link(#[from] TransportError),
    /// The host's answer lacks something.
    #[error("{host} does not say its '{missing}'; it said:\n{said}")]
    Incomplete {
        /// The host.
        host: String,
        /// What is not there.
        missing: &'static str,
        /// The end of what it said.
        said: String,
    },
}

impl Facts {
    /// Asks the host, with the environment that `profile` sets.
    ///
    /// # Errors
    /// When the link fails, or the answer is not whole.
    pub fn ask(
        session: &mut Session,
        profile: &RemotePath,
        directory: &RemotePath,
        tools: &[&str],
    ) -> Result<Self, FactsError> {
        let command = RemoteCommand::script(SCRIPT).arg(directory).args(tools.iter().copied());
        let command = command.profile_environment(profile).deadline(TIME);
        // The host says its time before anything that may take long.
        let now = jiff::Timestamp::now().as_second();
        let output = session.output(&command, Stdin::Empty)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Self::parse(&said, now).map_err(|missing| FactsError::Incomplete {
            host: session.addr().to_string(),
            missing,
            said: super::tail(said.as_bytes(), 10).join("\n"),
        })
    }

    /// Reads the answer; profiles may print what they like between its lines. The error is what is missing.
    fn parse(said: &str, now: i64) -> Result<Self, &'static str> {
        let facts = || said.lines().filter_map(|line| line.strip_prefix("fact "));
        let all =
            |key: &'static str| facts().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '));
        let one = |key: &'static str| all(key).next().ok_or(key);
        if !facts().any(|line| line == "end") {
            return Err("end");
        }
        let tools = facts().filter_map(|line| {
            let (key, tool) = line.split_once(' ')?;
            let (name, version) = tool.split_once(' ').unwrap_or((tool, BROKEN));
            match key {
                "tool" => Some((name.to_owned(), Some(version.to_owned()))),
                "lacks" => Some((tool.to_owned(), None)),
                _ => None,
            }
        });
        let clock: i64 = one("clock")?.parse().map_err(|_| "clock")?;
        Ok(Self {
            shell: one("shell")?.to_owned(),
            system: one("system")?.to_owned(),
            kernel: one("kernel")?.to_owned(),
            machine: one("machine")?.to_owned(),
            libc: Libc::parse(one("libc")?),
            clock_ahead: clock - now,
            free_bytes: all("free_kb").next().and_then(|kb| kb.parse::<u64>().ok()).map(|kb| kb * 1024),
            read_only: all("read_only").next().map(str::to_owned),
            build_lock: all("build_lock").next().map(|line| line.parse().map_err(|_| line.to_owned())),
            tools: tools.collect(),
        })
    }

    /// What a tool says of its version.
    pub fn version_of(&self, tool: &str) -> Option<&str> {
        self.tools.iter().find(|(name, _)| name == tool)?.1.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Welcome!\nfact shell /bin/zsh\nfact kernel Linux\nfact machine x86_64\n\
        fact system Debian GNU/Linux 12\nfact libc glibc 2.36\nfact clock 1010\nfact free_kb 2048\n\
        fact tool git git version 2.39.5\nfact lacks erl\nfact tool node broken\nfact end\n";

    #[test]
    fn reads_what_a_host_says() {
        let facts = Facts::parse(SAID, 1000).unwrap();
        assert_eq!((facts.shell.as_str(), facts.clock_ahead), ("/bin/zsh", 10));
        assert_eq!((facts.libc, facts.free_bytes), (Libc::Glibc(2, 36), Some(2048 * 1024)));
        assert_eq!(facts.version_of("git"), Some("git version 2.39.5"));
        assert_eq!((facts.version_of("erl"), facts.version_of("node")), (None, Some(BROKEN)));
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        assert_eq!(Facts::parse(SAID.trim_end_matches("fact end\n"), 0), Err("end"));
        assert_eq!(Facts::parse(&SAID.replace("fact clock 1010\n", ""), 0), Err("clock"));
    }
}
