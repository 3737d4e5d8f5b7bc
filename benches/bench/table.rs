//! The Markdown table.

use std::fmt;

use crate::distance;
use crate::sample::{Sample, median};

/// The table's head.
pub const HEAD: &str = "\
| case | edeliver | shell tool | ratio | floor | ratio | sent | of the shell tool's | logins | memory |
|---|---|---|---|---|---|---|---|---|---|";

/// What was run in turn.
pub struct Row {
    /// The case.
    pub name: String,
    /// Ours, one a turn.
    pub ours: Vec<Sample>,
    /// The shell tool's; empty when it was not compared.
    pub theirs: Vec<Sample>,
    /// The floor's; empty when there is none.
    pub floor: Vec<Sample>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs, floor) = (&self.ours, &self.theirs, &self.floor);
        write!(f, "| {} | {}", self.name, seconds(ours))?;
        for others in [theirs, floor] {
            if others.is_empty() {
                write!(f, " | - | -")?;
            } else {
                write!(f, " | {} | {:.2}", seconds(others), ratio(ours, others, |sample| sample.seconds))?;
            }
        }
        let sent = |sample: &Sample| sample.sent as f64;
        write!(f, " | {}", bytes(median(ours.iter().map(sent).collect())))?;
        if theirs.iter().any(|sample| sample.sent > 0) {
            write!(f, " | {:.1} %", 100.0 * ratio(ours, theirs, sent))?;
        } else {
            write!(f, " | -")?;
        }
        let logins =
            |samples: &[Sample]| samples.iter().map(|sample| sample.logins).max().unwrap_or_default();
        write!(f, " | {}", logins(ours))?;
        if !theirs.is_empty() {
            write!(f, " / {}", logins(theirs))?;
        }
        let peak = ours.iter().map(|sample| sample.peak_kib).max().unwrap_or_default();
        write!(f, " | {:.1} MB |", peak as f64 / 1024.0)
    }
}

fn seconds(samples: &[Sample]) -> String {
    let middle = median(samples.iter().map(|sample| sample.seconds).collect());
    if middle < 0.1 { format!("{:.1} ms", middle * 1000.0) } else { format!("{middle:.2} s") }
}

fn ratio(ours: &[Sample], others: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    median(ours.iter().zip(others).map(|(ours, other)| of(ours) / of(other).max(f64::MIN_POSITIVE)).collect())
}

fn bytes(count: f64) -> String {
    if count < 1e6 { format!("{:.1} kB", count / 1e3) } else { format!("{:.1} MB", count / 1e6) }
}

/// What these figures were measured on.
pub fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let name = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = read("/proc/meminfo");
    let kib: Option<u64> = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|total| total.trim().trim_end_matches(" kB").parse().ok());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{cores} cores ({}), {} GiB, Linux {}; client and hosts on the same machine, {}.\n",
        name.map_or("unknown", |(_, name)| name),
        kib.unwrap_or_default() / 1024 / 1024,
        read("/proc/sys/kernel/osrelease").trim(),
        distance::made_by()
    )
}
