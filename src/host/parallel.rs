//! The same step on all hosts at once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many hosts are worked on at a time: by all of this process, as a machine has one network.
static LIMIT: AtomicUsize = AtomicUsize::new(32);

/// From now on this many hosts are worked on at a time.
pub fn limit_to(hosts: NonZeroUsize) {
    LIMIT.store(hosts.get(), Ordering::Relaxed);
}

/// Runs `step` on every item, on as many at a time as [`limit_to`] says, and returns the results in the items'
/// order.
pub fn each<'a, T: Sync, R: Send>(items: &'a [T], step: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..items.len().min(LIMIT.load(Ordering::Relaxed)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(result)) = (items.get(index), results.get(index)) else { break };
                    let outcome = step(item);
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
                }
            });
        }
    });
    // A panic of a step has been passed on by the scope, so every result is there.
    results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(each(&items, |item| item * 2), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }
}
