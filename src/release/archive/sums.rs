//! Checksums that are made on other cores while the archive is read on.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use sha2::{Digest, Sha256};

use crate::release::Sha256Sum;

/// How many pieces may wait for a thread: no more of an archive is held than that.
const WAITING: usize = 4;
/// How many threads add up files at most: no core unpacks more than so many add up.
const MOST: usize = 8;

/// A thread that adds up what it is given.
pub(super) struct Adder {
    told: SyncSender<Told>,
}

enum Told {
    /// The next bytes.
    Piece(Vec<u8>),
    /// That was all: what was added up goes there.
    End(Sender<Sha256Sum>),
}

/// A checksum that may not be there yet.
pub(super) struct Pending(Receiver<Sha256Sum>);

impl Adder {
    /// Fails when the system gives us no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (told, hear) = sync_channel(WAITING);
        std::thread::Builder::new().name("adder".to_owned()).spawn(move || add_up(&hear))?;
        Ok(Self { told })
    }

    /// These bytes come next. Fails when the thread has ended before its time.
    pub(super) fn add(&self, bytes: &[u8]) -> io::Result<()> {
        self.tell(Told::Piece(bytes.to_vec()))
    }

    /// That was all. What is added from here on is something else. Fails as [`Adder::add`].
    pub(super) fn end(&self) -> io::Result<Pending> {
        let (sum, pending) = channel();
        self.tell(Told::End(sum))?;
        Ok(Pending(pending))
    }

    fn tell(&self, told: Told) -> io::Result<()> {
        self.told.send(told).map_err(|_| ended())
    }
}

fn add_up(told: &Receiver<Told>) {
    let mut hasher = Sha256::new();
    for told in told {
        match told {
            Told::Piece(bytes) => hasher.update(&bytes),
            // Nobody waits for it when the archive was refused meanwhile: then nothing more is to be done.
            Told::End(sum) if sum.send(std::mem::take(&mut hasher).into()).is_err() => return,
            Told::End(_) => {}
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that adds it up has ended")
}

impl Pending {
    /// Waits until it is there. Fails when the thread has ended before its time.
    pub(super) fn wait(self) -> io::Result<Sha256Sum> {
        self.0.recv().map_err(|_| ended())
    }
}

/// The threads that add up the files of an archive, which come one after the other.
pub(super) struct Adders {
    threads: Vec<Adder>,
    turn: usize,
}

impl Adders {
    /// As many as there are cores. Fails as [`Adder::start`].
    pub(super) fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let threads = (0..cores.min(MOST)).map(|_| Adder::start()).collect::<Result<_, _>>()?;
        Ok(Self { threads, turn: 0 })
    }

    /// The one for the next file.
    pub(super) fn next(&mut self) -> &Adder {
        self.turn = (self.turn + 1) % self.threads.len();
        &self.threads[self.turn]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_several_threads_is_what_one_adds_up() -> io::Result<()> {
        let mut adders = Adders::start()?;
        let files: Vec<Vec<u8>> = (0..100u8).map(|number| vec![number; 1000 * usize::from(number)]).collect();
        let mut sums = Vec::new();
        for file in &files {
            let adder = adders.next();
            file.chunks(777).try_for_each(|piece| adder.add(piece))?;
            sums.push(adder.end()?);
        }
        for (file, sum) in files.iter().zip(sums) {
            assert_eq!(sum.wait()?, Sha256Sum::of(&file[..])?.0);
        }
        Ok(())
    }

    #[test]
    fn a_thread_that_has_ended_is_noticed() {
        let (told, hear) = sync_channel(WAITING);
        drop(hear);
        let adder = Adder { told };
        assert!(adder.add(b"x").is_err() && adder.end().is_err());
        let (sum, pending) = channel();
        drop(sum);
        assert!(Pending(pending).wait().is_err());
    }
}
