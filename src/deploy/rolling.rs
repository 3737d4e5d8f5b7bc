//! Nodes that are restarted some at a time.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

/// How many nodes are restarted at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rolling {
    /// So many; without it all of them.
    pub batch: Option<NonZeroUsize>,
    /// The first host goes ahead of the others.
    pub canary: Option<Canary>,
}

/// What must be before the others follow the first host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// Somebody says so.
    Ask,
    /// It has stayed healthy for so long.
    Watch(Duration),
}

impl Rolling {
    /// Which of `count` hosts are restarted together, in order.
    pub fn batches(&self, count: usize) -> Vec<Range<usize>> {
        let size = self.batch.map_or(count, NonZeroUsize::get).max(1);
        let first = if self.canary.is_some() { count.min(1) } else { 0 };
        let canary = (first > 0).then_some(0..first);
        let others = (first..count).step_by(size).map(|start| start..(start + size).min(count));
        canary.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(batch: usize, canary: bool, count: usize) -> Vec<String> {
        let canary = canary.then_some(Canary::Ask);
        let batches = Rolling { batch: NonZeroUsize::new(batch), canary }.batches(count);
        batches.iter().map(|batch| format!("{batch:?}")).collect()
    }

    #[test]
    fn every_host_is_in_one_batch() {
        assert_eq!(batches(0, false, 5), ["0..5"]);
        assert_eq!(batches(2, false, 5), ["0..2", "2..4", "4..5"]);
        assert_eq!(batches(9, false, 5), ["0..5"]);
        assert_eq!(batches(2, true, 4), ["0..1", "1..3", "3..4"]);
        assert_eq!(batches(0, true, 4), ["0..1", "1..4"]);
        assert_eq!(batches(0, true, 1), ["0..1"]);
    }
}
