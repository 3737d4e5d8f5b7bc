//! The same step on all hosts at once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

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

/// Runs `first` on every item, as [`each`] does, and `second` on those that came through it while others are
/// still at their first. Once one has failed, no more `second` begins. Returns how it ended for each item, in
/// the items' order.
pub fn each_then<'a, T: Sync, E: Send>(
    items: &'a [T],
    first: impl Fn(&'a T) -> Result<(), E> + Sync,
    second: impl Fn(&'a T) -> Result<(), E> + Sync,
) -> Vec<Result<(), E>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Vec<Mutex<Result<(), E>>> = items.iter().map(|_| Mutex::new(Ok(()))).collect();
    let note = |index: usize, outcome: Result<(), E>| {
        failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        if let Some(result) = results.get(index) {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        }
    };
    let (through, came_through) = mpsc::channel();
    let came_through = Mutex::new(came_through);
    let next_through = || came_through.lock().unwrap_or_else(PoisonError::into_inner).recv();
    std::thread::scope(|scope| {
        for _ in 0..items.len().min(LIMIT.load(Ordering::Relaxed)) {
            let through = through.clone();
            let (first, second, next, failed, note, next_through) =
                (&first, &second, &next, &failed, &note, &next_through);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    match first(item) {
                        // Who takes them from here lives longer than all threads.
                        Ok(()) => drop(through.send((index, item))),
                        failure => note(index, failure),
                    }
                }
                // When all have done so, also by a panic, there is nothing more to wait for.
                drop(through);
                while let Ok((index, item)) = next_through() {
                    if !failed.load(Ordering::Relaxed) {
                        note(index, second(item));
                    }
                }
            });
        }
        drop(through);
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::{each, each_then};

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(each(&items, |item| item * 2), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_slow_first_holds_up_nobody_s_second() {
        let met = Barrier::new(2);
        let first = |item: &usize| {
            if *item == 0 {
                met.wait();
            }
            Ok::<(), ()>(())
        };
        let second = |item: &usize| {
            if *item == 1 {
                met.wait();
            }
            Ok(())
        };
        assert_eq!(each_then(&[0, 1], first, second), [Ok(()), Ok(())]);
    }
}
