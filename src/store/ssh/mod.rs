//! A store that is a directory on a host, reached over ssh (PARITY.md section 2, `RELEASE_STORE`).
//!
//! Archives lie in the directory itself, where the original puts them; each has its manifest in a hidden
//! file beside it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::shelf::{Download, Parcel, Shelf};
use super::{StoreError, StoredArchive};
use crate::host::agent::nonce;
use crate::release::{ArchiveName, Sha256Sum};
use crate::transport::{ConnectOptions, HostAddr, RemoteCommand, RemotePath, Session, Stdin, TransportError};

const LIST: &str = include_str!("list.sh");
const READ: &str = include_str!("read.sh");
const CHECKSUM: &str = concat!(include_str!("sum.sh"), include_str!("checksum.sh"));
const PREPARE: &str = include_str!("prepare.sh");
const PLACE: &str = concat!(include_str!("sum.sh"), include_str!("place.sh"));

/// How long a host whose link broke is tried to be reached again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often what the link has cut short is begun again.
const ATTEMPTS: usize = 3;

/// A directory on a host.
pub(super) struct HostShelf {
    host: HostAddr,
    directory: RemotePath,
    options: ConnectOptions,
    session: Mutex<Option<Session>>,
}

impl HostShelf {
    /// The directory need not be there yet. Nobody has connected to the host yet.
    pub fn new(host: HostAddr, directory: RemotePath, options: ConnectOptions) -> Self {
        Self { host, directory, options, session: Mutex::new(None) }
    }

    /// Does something on the host that takes place whole or not at all. What a broken link has cut short
    /// is begun again, over a new connection.
    fn on_host<R>(
        &self,
        action: &str,
        mut work: impl FnMut(&mut Session) -> Result<R, TransportError>,
    ) -> Result<R, StoreError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempt = 1;
        let result = loop {
            let connected = match session.take() {
                Some(session) => Ok(session),
                None if attempt == 1 => Session::connect(&self.host, &self.options),
                None => self.reconnect(),
            };
            let result = connected.and_then(|mut connected| {
                let result = work(&mut connected);
                if !matches!(result, Err(TransportError::Lost { .. })) {
                    *session = Some(connected);
                }
                result
            });
            match result {
                Err(TransportError::Lost { .. }) if attempt < ATTEMPTS => attempt += 1,
                result => break result,
            }
        };
        result.map_err(|source| self.failed(action, source))
    }

    fn reconnect(&self) -> Result<Session, TransportError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match Session::connect(&self.host, &self.options) {
                Err(TransportError::Connect { .. } | TransportError::Lost { .. }) if Instant::now() < end => {
                    if let Some(signal) = self.options.interrupt.received() {
                        return Err(TransportError::Interrupted(signal));
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                connected => return connected,
            }
        }
    }

    fn failed(&self, action: &str, source: TransportError) -> StoreError {
        StoreError::Host { store: self.describe(), action: action.to_owned(), cause: Box::new(source) }
    }

    /// The output of a command that must succeed.
    fn ask(&self, action: &str, command: &RemoteCommand) -> Result<Vec<u8>, StoreError> {
        self.on_host(action, |session| {
            let output = session.output(command, Stdin::Empty)?;
            if output.status.success() {
                return Ok(output.stdout);
            }
            Err(TransportError::Remote {
                host: self.host.clone(),
                command: action.into(),
                status: output.status,
                stderr: String::from_utf8_lossy(&output.stderr).trim().into(),
            })
        })
    }
}

impl Shelf for HostShelf {
    fn kind(&self) -> &'static str {
        "remote"
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.host, self.directory)
    }

    fn list(&self, app: &str) -> Result<Vec<StoredArchive>, StoreError> {
        let command = RemoteCommand::script(LIST).arg(&self.directory).arg(app);
        let listed = self.ask("list the archives", &command)?;
        let text = String::from_utf8_lossy(&listed);
        Ok(text.lines().filter_map(|line| listed_archive(app, line)).collect())
    }

    fn sidecar(&self, name: &ArchiveName) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.directory.join(&format!(".{name}.manifest.json"));
        let text =
            self.ask(&format!("read the manifest of {name}"), &RemoteCommand::script(READ).arg(file))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn sha256(&self, name: &ArchiveName) -> Result<Option<Sha256Sum>, StoreError> {
        let command = RemoteCommand::script(CHECKSUM).arg(self.directory.join(&name.to_string()));
        let sum = self.ask(&format!("add up {name}"), &command)?;
        Ok(String::from_utf8_lossy(&sum).trim().parse().ok())
    }

    fn get(&self, archive: &StoredArchive, download: &mut Download<'_>) -> Result<(), StoreError> {
        let from = self.directory.join(&archive.file);
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = match session.take() {
            Some(session) => Ok(session),
            None => Session::connect(&self.host, &self.options),
        }
        .and_then(|connected| session.insert(connected).download(&from, download.sink, download.progress));
        if matches!(fetched, Err(TransportError::Lost { .. })) {
            *session = None;
        }
        fetched.map(drop).map_err(|source| self.failed(&format!("fetch {}", archive.file), source))
    }

    fn put(&self, parcel: &Parcel<'_>) -> Result<(), StoreError> {
        let Parcel { name, archive, manifest, sidecar, progress } = *parcel;
        let action = format!("store {name}");
        self.ask(&action, &RemoteCommand::script(PREPARE).arg(&self.directory))?;
        let arriving = format!(".{name}.{}", nonce());
        let [archive_at, sidecar_at] =
            [format!("{arriving}.incoming"), format!("{arriving}.manifest.incoming")];
        self.on_host(&action, |session| {
            let to = self.directory.join(&archive_at);
            session.upload(&mut archive.reader(), &to, &mut |bytes| progress(bytes)).map(drop)
        })?;
        self.on_host(&action, |session| {
            session.upload(&mut &sidecar[..], &self.directory.join(&sidecar_at), &mut |_| {}).map(drop)
        })?;
        let place = RemoteCommand::script(PLACE)
            .arg(&self.directory)
            .args([archive_at, sidecar_at, name.to_string(), manifest.sha256.to_string()])
            .uninterruptible();
        self.ask(&action, &place).map(drop)
    }

    fn address(&self, _: &ArchiveName) -> Option<String> {
        None
    }
}

/// A line "SIZE SECONDS NAME".
fn listed_archive(app: &str, line: &str) -> Option<StoredArchive> {
    let mut words = line.splitn(3, ' ');
    let (size, seconds, file) = (words.next()?, words.next()?, words.next()?);
    Some(StoredArchive {
        name: ArchiveName::parse(app, file)?,
        file: file.to_owned(),
        size: size.parse().ok(),
        stored_at: seconds.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_hosts_list() {
        let archive = listed_archive("app", "1234 1700000000 app_1.0.0.release.tar.gz").unwrap();
        assert_eq!((archive.name.version.as_str(), archive.size), ("1.0.0", Some(1234)));
        assert_eq!(archive.stored_at.unwrap().to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(listed_archive("app", "1 2 app_1.0.0.tar.gz"), None);
        assert_eq!(listed_archive("app", "Last login: today"), None);
    }
}
