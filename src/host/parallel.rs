//! The same step on all hosts at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many hosts are worked on at a time.
pub const PARALLEL: usize = 32;

/// Runs `step` on every item, up to [`PARALLEL`] at a time, and returns the results in the items'
/// order.
pub fn each<T: Send, R: Send>(items: &mut [T], step: impl Fn(&mut T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work: Vec<Mutex<(&mut T, Option<R>)>> =
        items.iter_mut().map(|item| Mutex::new((item, None))).collect();
    std::thread::scope(|scope| {
        for _ in 0..work.len().min(PARALLEL) {
            scope.spawn(|| {
                while let Some(slot) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Each slot is taken by one thread only, so its lock never waits.
                    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                    slot.1 = Some(step(slot.0));
                }
            });
        }
    });
    work.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner).1).collect()
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn keeps_the_order() {
        let mut items: Vec<usize> = (0..100).collect();
        let doubled = each(&mut items, |item| {
            *item += 1;
            *item * 2
        });
        assert_eq!(doubled, (1..=100).map(|n| n * 2).collect::<Vec<_>>());
    }
}
