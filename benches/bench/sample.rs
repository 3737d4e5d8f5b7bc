//! One run, and what many of them amount to.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
        let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
        let pids: Vec<u32> = children.iter().map(Child::id).collect();
        let seconds = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    for &pid in &pids {
                        peak.fetch_max(peak_kib(pid), Ordering::Relaxed);
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            for mut child in children {
                let status = child.wait().expect("it ends");
                assert!(status.success(), "{status}:\n{}", text(&output));
            }
            ended.store(true, Ordering::Relaxed);
            begin.elapsed().as_secs_f64()
        });
        Self { seconds, peak_kib: peak.into_inner(), ..Self::default() }
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
