//! Checksums that are made on other cores while the archive is read on.

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
    pub(super) fn start() -> Self {
        let (told, hear) = sync_channel(WAITING);
        std::thread::spawn(move || add_up(&hear));
        Self { told }
    }

    /// These bytes come next.
    pub(super) fn add(&self, bytes: &[u8]) {
        self.tell(Told::Piece(bytes.to_vec()));
    }

    /// That was all. What is added from here on is something else.
    pub(super) fn end(&self) -> Pending {
        let (sum, pending) = channel();
        self.tell(Told::End(sum));
        Pending(pending)
    }

    fn tell(&self, told: Told) {
        // The thread listens as long as there is somebody to tell it something.
        let _ = self.told.send(told);
    }
}

fn add_up(told: &Receiver<Told>) {
    let mut hasher = Sha256::new();
    for told in told {
        match told {
            Told::Piece(bytes) => hasher.update(&bytes),
            Told::End(sum) => {
                // An archive that was refused meanwhile needs none.
                let _ = sum.send(std::mem::take(&mut hasher).into());
            }
        }
    }
}

impl Pending {
    /// Waits until it is there.
    pub(super) fn wait(self) -> Sha256Sum {
        self.0.recv().expect("a thread ends when it has told all that it was asked for")
    }
}

/// The threads that add up the files of an archive, which come one after the other.
pub(super) struct Adders {
    threads: Vec<Adder>,
    turn: usize,
}

impl Adders {
    /// As many as there are cores.
    pub(super) fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Self { threads: (0..cores.min(MOST)).map(|_| Adder::start()).collect(), turn: 0 }
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
    fn what_goes_to_several_threads_is_what_one_adds_up() {
        let mut adders = Adders::start();
        let files: Vec<Vec<u8>> = (0..100u8).map(|number| vec![number; 1000 * usize::from(number)]).collect();
        let sums: Vec<Pending> = files
            .iter()
            .map(|file| {
                let adder = adders.next();
                file.chunks(777).for_each(|piece| adder.add(piece));
                adder.end()
            })
            .collect();
        for (file, sum) in files.iter().zip(sums) {
            assert_eq!(sum.wait(), Sha256Sum::of(&file[..]).unwrap().0);
        }
    }
}
