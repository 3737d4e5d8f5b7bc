//! What is under way, below what has been said: a row for each host, and not more than fit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How many rows there are at most; the others are counted.
const ROWS: usize = 10;

/// The rows on the terminal.
pub struct Board {
    bars: MultiProgress,
    rows: Mutex<Rows<ProgressBar>>,
    /// Says how many there are beyond the rows.
    more: ProgressBar,
}

/// Which rows are shown, in the order of their labels, and which wait for a place.
struct Rows<T> {
    next: usize,
    shown: Vec<Labelled<T>>,
    waiting: VecDeque<Labelled<T>>,
}

/// A row with what it is ordered by, and what it is known by.
struct Labelled<T> {
    label: String,
    number: usize,
    row: T,
}

impl<T: Clone> Rows<T> {
    fn new() -> Self {
        Self { next: 0, shown: Vec::new(), waiting: VecDeque::new() }
    }

    /// Adds a row. Returns what it is known by, and its place, if there is one.
    fn add(&mut self, label: String, row: T) -> (usize, Option<usize>) {
        let number = self.next;
        self.next += 1;
        let row = Labelled { label, number, row };
        if self.shown.len() < ROWS {
            return (number, Some(self.place(row)));
        }
        self.waiting.push_back(row);
        (number, None)
    }

    /// Removes a row. Returns the one that is shown instead, and its place.
    fn remove(&mut self, number: usize) -> Option<(usize, T)> {
        self.waiting.retain(|row| row.number != number);
        let before = self.shown.len();
        self.shown.retain(|row| row.number != number);
        if self.shown.len() == before {
            return None;
        }
        let next = self.waiting.pop_front()?;
        let row = next.row.clone();
        Some((self.place(next), row))
    }

    fn place(&mut self, row: Labelled<T>) -> usize {
        let place = self.shown.partition_point(|shown| shown.label <= row.label);
        self.shown.insert(place, row);
        place
    }
}

/// A row, until dropped.
#[must_use]
pub struct Row {
    board: Arc<Board>,
    number: usize,
    bar: ProgressBar,
}

impl Board {
    /// A board on standard error, or one that nobody sees.
    pub fn new(is_seen: bool) -> Arc<Self> {
        let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let more = hidden(None).with_style(style("  {msg}"));
        Arc::new(Self { bars: MultiProgress::with_draw_target(target), rows: Mutex::new(Rows::new()), more })
    }

    /// Writes something else to the terminal.
    pub fn suspend(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }

    /// A row with a spinner and the time that has passed.
    pub fn step(self: &Arc<Self>, label: String) -> Row {
        self.row(label, hidden(None).with_style(style("  {spinner} {msg} ({elapsed})")))
    }

    /// A row with a bar, the rate, and the time that is left.
    pub fn transfer(self: &Arc<Self>, label: String, total: u64) -> Row {
        let style = style("  {msg} [{bar:25}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        self.row(label, hidden(Some(total)).with_style(style.progress_chars("=> ")))
    }

    fn row(self: &Arc<Self>, label: String, bar: ProgressBar) -> Row {
        bar.set_message(label.clone());
        let mut rows = self.rows();
        let (number, place) = rows.add(label, bar.clone());
        if let Some(place) = place {
            self.show(place, &bar);
        }
        self.count(&rows);
        drop(rows);
        Row { board: Arc::clone(self), number, bar }
    }

    fn show(&self, place: usize, bar: &ProgressBar) {
        // The line that counts comes behind it again.
        self.bars.remove(&self.more);
        self.bars.insert(place, bar.clone());
        bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn count(&self, rows: &Rows<ProgressBar>) {
        self.bars.remove(&self.more);
        if !rows.waiting.is_empty() {
            self.bars.add(self.more.clone());
            self.more.set_message(format!("and {} more", rows.waiting.len()));
            self.more.tick();
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows<ProgressBar>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// How many bytes are through in all.
    pub fn at(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let mut rows = self.board.rows();
        self.board.bars.remove(&self.bar);
        if let Some((place, next)) = rows.remove(self.number) {
            self.board.show(place, &next);
        }
        self.board.count(&rows);
    }
}

fn hidden(length: Option<u64>) -> ProgressBar {
    ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::{ROWS, Rows};

    #[test]
    fn a_row_that_goes_makes_place_for_one_that_waits() {
        let mut rows = Rows::new();
        // They come in any order.
        let labels = (0..ROWS + 2).rev().map(|host| format!("host-{host:02}"));
        let places: Vec<Option<usize>> = labels.map(|label| rows.add(label, ()).1).collect();
        assert_eq!(places.iter().filter(|place| **place == Some(0)).count(), ROWS);
        assert_eq!(places[ROWS..], [None, None]);
        // host-01 has waited, and comes first.
        assert_eq!(rows.remove(3), Some((0, ())));
        // One that waits may end as well.
        assert_eq!(rows.remove(ROWS + 1), None);
        assert_eq!(rows.remove(0), None);
        assert_eq!((rows.shown.len(), rows.waiting.len()), (ROWS - 1, 0));
    }
}
