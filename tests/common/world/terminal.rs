//! The real binary on a terminal of its own, as a person has it.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::names::Names;

/// A terminal with the binary in it.
pub struct Terminal {
    master: OwnedFd,
    child: Child,
    names: Names,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs the command on a new terminal of this many rows and columns.
    pub(super) fn start(mut command: Command, names: Names, (rows, columns): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(rows, columns)).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || Stdio::from(std::fs::File::options().read(true).write(true).open(&name).unwrap());
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (to, mut from) = (Arc::clone(&shown), std::fs::File::from(master.try_clone().unwrap()));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading a terminal that nobody has open any more is an error.
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { master, child, names, shown }
    }

    /// What it shows, and has shown.
    pub fn shown(&self) -> String {
        self.names.normalise(&String::from_utf8_lossy(&self.shown.lock().unwrap()))
    }

    /// Waits until it shows this.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let begin = Instant::now();
        while !self.shown().contains(text) {
            assert!(begin.elapsed() < Duration::from_secs(30), "'{text}' is not shown:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses these keys.
    pub fn press(&self, keys: &str) {
        std::fs::File::from(self.master.try_clone().unwrap()).write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        tcsetwinsize(&self.master, size(rows, columns)).unwrap();
    }

    /// Talks with the console of the stand-in, in a window of this size: the console is the node's, the terminal
    /// is the user's, with its size, also when it changes, and ctrl-c.
    #[track_caller]
    pub fn is_a_console(&mut self, rows: u16, columns: u16) {
        self.wait_for(&format!("console of stand_in, terminal xterm {rows} {columns}"));
        self.press("hello\r");
        self.wait_for("it was told hello");
        self.press("\x03");
        self.wait_for("it was interrupted");
        self.resize(40, 120);
        self.wait_for("it has 40 120");
        self.press("leave\r");
        assert_eq!(self.ends(), Some(0), "{}", self.shown());
    }

    /// Waits for its end, and returns its exit status.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not end:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Most often it has ended; a test that failed may have left it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
