//! One run, and what many of them amount to.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How often a process's memory is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Wall time in seconds.
    pub seconds: f64,
    /// The most memory that the process itself had, in KiB.
    pub peak_kib: u64,
    /// Bytes from the client to all hosts.
    pub sent: u64,
    /// How often it logged in, on all hosts.
    pub logins: usize,
}

impl Sample {
    /// Runs the commands at once until all have ended.
    ///
    /// # Panics
    /// When one of them fails: what does not work is not measured.
    pub fn of(commands: Vec<Command>) -> Self {
        Self::attempt(commands).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// The same, or what those that failed have printed.
    pub fn attempt(commands: Vec<Command>) -> Result<Self, String> {
        let output = tempfile::tempfile().expect("a file for the output");
        let begin = Instant::now();
        let children: Vec<Child> = commands
            .into_iter()
            .map(|mut command| {
                let out = output.try_clone().expect("the same file");
                command.stdout(Stdio::from(out.try_clone().expect("the same file"))).stderr(Stdio::from(out));
                command.spawn().expect("it starts")
            })
            .collect();
        let pids: Vec<u32> = children.iter().map(Child::id).collect();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let sampler = std::thread::spawn(move || {
            let mut peak = 0;
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                peak = pids.iter().copied().map(peak_kib).fold(peak, u64::max);
            }
            peak
        });
        let mut failed = None;
        for mut child in children {
            let status = child.wait().expect("it ends");
            failed = failed.or((!status.success()).then_some(status));
        }
        let seconds = begin.elapsed().as_secs_f64();
        drop(stop);
        let peak_kib = sampler.join().expect("it only reads");
        match failed {
            Some(status) => Err(format!("{status}:\n{}", text(&output))),
            None => Ok(Self { seconds, peak_kib, ..Self::default() }),
        }
    }
}

fn text(file: &std::fs::File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut file = file;
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("its output");
    text
}

/// The process's high-water mark; it only grows, so the last look before the end tells.
fn peak_kib(pid: u32) -> u64 {
    // It may have ended.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// The middle one of these.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
