//! The conversation with bash: three pipes with names in a private directory. Texts travel as
//! records that end with NUL, which no shell variable can hold.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use tempfile::TempDir;

use super::question::Asked;
use super::requests::Reply;

/// What bash ran before anything else.
const PRELUDE: &str = include_str!("../../compat/prelude.bash");
/// Our ends of the conversation.
pub(super) struct Channel {
    directory: TempDir,
    /// None once nothing more will be told.
    commands: Option<File>,
    /// What has not fitted into the pipe yet.
    unsent: Vec<u8>,
    answers: Records,
    bell: Records,
}

/// A short message that anybody in bash may send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bell {
    /// A function asks for something; this is the number of its question.
    Request(u32),
    /// The function returned this status. What else there is to know comes as answers.
    Done(i32),
    /// The function ended bash with this status.
    Exit(i32),
}

/// A pipe that records are read from, without waiting.
struct Records {
    pipe: File,
    unread: Vec<u8>,
}

impl Channel {
    /// Makes the pipes, and puts the prelude beside them.
    pub(super) fn open() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("edeliver-").tempdir()?;
        let path = directory.path();
        fs_err::write(path.join("prelude.bash"), PRELUDE)?;
        let names = ["commands", "answers", "bell"].map(|name| path.join(name));
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).args(&names).status()?;
        if !made.success() {
            return Err(io::Error::other(format!("mkfifo in {} ended with {made}", path.display())));
        }
        // For reading and writing, so that neither side waits for the other one to come.
        let open = |name: &Path| {
            let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
            File::options().read(true).write(true).custom_flags(flags).open(name)
        };
        let [commands, answers, bell] = &names;
        Ok(Self {
            commands: Some(open(commands)?),
            unsent: Vec::new(),
            answers: Records::of(open(answers)?),
            bell: Records::of(open(bell)?),
            directory,
        })
    }

    /// The private directory.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The pipes that say when there is something to do, and what to wait for on each.
    pub(super) fn pipes(&self) -> impl Iterator<Item = PollFd<'_>> {
        let unsent = self.commands.as_ref().filter(|_| !self.unsent.is_empty());
        let out = unsent.map(|commands| PollFd::new(commands, PollFlags::OUT));
        let bell = PollFd::new(&self.bell.pipe, PollFlags::IN);
        let answers = PollFd::new(&self.answers.pipe, PollFlags::IN);
        [Some(bell), Some(answers), out].into_iter().flatten()
    }

    /// Tells bash something, once there is room for it.
    pub(super) fn tell(&mut self, records: &[&str]) {
        self.unsent.extend(joined(records));
    }

    /// Sends as much of that as bash takes now.
    pub(super) fn send(&mut self) -> io::Result<()> {
        let Some(commands) = &mut self.commands else { return Err(ErrorKind::BrokenPipe.into()) };
        while !self.unsent.is_empty() {
            match commands.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells bash that nothing more will come.
    pub(super) fn close(&mut self) {
        self.commands = None;
    }

    /// The next message, if one has come.
    pub(super) fn rung(&mut self) -> io::Result<Option<Bell>> {
        let Some(record) = self.bell.next()? else { return Ok(None) };
        let text = String::from_utf8_lossy(&record);
        let rung = match text.split_once(' ') {
            Some(("request", id)) => id.parse().ok().map(Bell::Request),
            Some(("done", status)) => status.parse().ok().map(Bell::Done),
            Some(("exit", status)) => status.parse().ok().map(Bell::Exit),
            _ => None,
        };
        rung.map(Some).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("bell {text:?}")))
    }

    /// The next record of an answer, if it has come.
    pub(super) fn answer(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.answers.next()
    }

    /// The records of a question, and what was piped into the function that asks.
    pub(super) fn request(&self, id: u32) -> io::Result<Asked> {
        let request = taken(self.path("request", id))?;
        let stdin = match taken(self.path("stdin", id)) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            other => Some(other?),
        };
        let mut records: Vec<Vec<u8>> = request.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        // Behind the last NUL there is nothing.
        records.pop();
        Ok(Asked { records, stdin })
    }

    /// Answers a question. One who does not listen any more has been killed, which is its own business.
    pub(super) fn reply(&self, id: u32, reply: &Reply, set: &[(String, String)]) -> io::Result<()> {
        let mut bytes = joined(&[&reply.status.to_string()]);
        for (name, value) in set {
            bytes.extend(joined(&[name, value]));
        }
        bytes.extend(joined(&["", &reply.output.len().to_string()]));
        bytes.extend_from_slice(&reply.output);
        let path = self.path("reply", id);
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
        let opened = File::options().write(true).custom_flags(flags).open(&path);
        // The name is free again once the pipe is open.
        fs_err::remove_file(&path)?;
        let mut pipe = match opened {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => return Ok(()),
            opened => opened?,
        };
        fcntl_setfl(&pipe, OFlags::empty())?;
        std::thread::Builder::new().name("reply".to_owned()).spawn(move || {
            // A long answer is read as fast as the function uses it, and others must not wait for
            // that. One who stops reading, as `head` does, has had enough.
            let _ = pipe.write_all(&bytes);
        })?;
        Ok(())
    }

    fn path(&self, what: &str, id: u32) -> PathBuf {
        self.directory.path().join(format!("{what}.{id}"))
    }
}

fn joined(records: &[&str]) -> Vec<u8> {
    records.iter().flat_map(|record| record.bytes().chain([0])).collect()
}

/// Reads a file and removes it: it may hold secrets.
fn taken(path: PathBuf) -> io::Result<Vec<u8>> {
    let content = fs_err::read(&path)?;
    fs_err::remove_file(&path)?;
    Ok(content)
}

impl Records {
    fn of(pipe: File) -> Self {
        Self { pipe, unread: Vec::new() }
    }

    /// The next record, if all of it has come.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut seen = 0;
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(record) = self.cut(seen) {
                return Ok(Some(record));
            }
            seen = self.unread.len();
            match self.pipe.read(&mut piece) {
                Ok(length) => self.unread.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn cut(&mut self, from: usize) -> Option<Vec<u8>> {
        let end = from + self.unread[from..].iter().position(|byte| *byte == 0)?;
        let mut record: Vec<u8> = self.unread.drain(..=end).collect();
        record.pop();
        Some(record)
    }
}
