//! Files to and from a host, whole or not at all, on top of commands.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::{Output, RemoteCommand, RemotePath, Session, Stdin, Stream, TransportError};

const RECEIVE: &str = include_str!("receive.sh");
const PUBLISH: &str = include_str!("publish.sh");
const SEND: &str = include_str!("send.sh");

/// Copies `source` to the new private file `to`. See [`Session::upload`].
pub(super) fn upload(
    session: &mut Session,
    source: &mut dyn Read,
    to: &RemotePath,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, TransportError> {
    let nonce = RandomState::new().build_hasher().finish();
    let temporary = to.with_suffix(&format!(".part-{nonce:016x}"));
    let mut source = Counted { source, bytes: 0, digest: Sha256::new(), progress };
    let uploaded = receive(session, &mut source, &temporary, to).and_then(|landed| {
        let sent = hex(&source.digest.finalize_reset());
        if landed != sent {
            return Err(TransportError::Damaged {
                host: session.addr().clone(),
                path: to.clone(),
                reason: format!("its sha256 is {landed}, that of what was sent is {sent}"),
            });
        }
        let publish = RemoteCommand::script(PUBLISH).arg(&temporary).arg(to);
        run(session, &publish, format!("upload to {to}"), &mut io::empty()).map(drop)
    });
    if uploaded.is_err() {
        let remove = RemoteCommand::new("rm").args(["-f", "--"]).arg(&temporary).uninterruptible();
        // The first error is the one to tell; where the link is gone this one fails too.
        let _ = session.output(&remove, Stdin::Empty);
    }
    uploaded.map(|()| source.bytes)
}

/// Has the host write what `source` gives to `temporary`; returns the sha256 of what landed there.
fn receive(
    session: &mut Session,
    source: &mut Counted<'_>,
    temporary: &RemotePath,
    to: &RemotePath,
) -> Result<String, TransportError> {
    let command = RemoteCommand::script(RECEIVE).arg(temporary);
    let output = run(session, &command, format!("upload to {to}"), source)?;
    Ok(sum(&output.stdout))
}

/// Copies the file `from` into `sink`. See [`Session::download`].
pub(super) fn download(
    session: &mut Session,
    from: &RemotePath,
    sink: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, TransportError> {
    let host = session.addr().clone();
    let command = RemoteCommand::script(SEND).arg(from);
    let (mut bytes, mut digest, mut written, mut stderr) = (0, Sha256::new(), Ok(()), Vec::new());
    let status = session.exec(&command, Stdin::Empty, &mut |stream, piece| match stream {
        Stream::Stdout if written.is_ok() => {
            bytes += piece.len() as u64;
            digest.update(piece);
            written = sink.write_all(piece);
            progress(bytes);
        }
        Stream::Stdout => {}
        Stream::Stderr => stderr.extend_from_slice(piece),
    })?;
    written.map_err(|source| TransportError::Io { host: host.clone(), source })?;
    if !status.success() {
        return Err(refused(
            session,
            format!("download of {from}"),
            Output { status, stdout: Vec::new(), stderr },
        ));
    }
    let (there, here) = (sum(&stderr), hex(&digest.finalize()));
    if there != here {
        let reason = format!("its sha256 is {there} on the host, that of what came is {here}");
        return Err(TransportError::Damaged { host, path: from.clone(), reason });
    }
    Ok(bytes)
}

/// Runs a command whose failure is an error.
fn run(
    session: &mut Session,
    command: &RemoteCommand,
    what: String,
    input: &mut dyn Read,
) -> Result<Output, TransportError> {
    let output = session.collect(command, input)?;
    if output.status.success() { Ok(output) } else { Err(refused(session, what, output)) }
}

fn refused(session: &Session, what: String, output: Output) -> TransportError {
    TransportError::Remote {
        host: session.addr().clone(),
        command: what.into(),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().into(),
    }
}

/// A source that is counted and summed as it is read.
struct Counted<'a> {
    source: &'a mut dyn Read,
    bytes: u64,
    digest: Sha256,
    progress: &'a mut dyn FnMut(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.digest.update(&buffer[..length]);
        self.bytes += length as u64;
        (self.progress)(self.bytes);
        Ok(length)
    }
}

/// The sum that a checksum program printed, last or alone.
fn sum(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let line = text.trim_end().lines().last().unwrap_or_default();
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
