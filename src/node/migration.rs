//! Migrations of the database that a release works with.

/// Which way, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Which way.
    pub direction: Direction,
    /// The last migration to run, or to undo. Without one: all.
    pub to: Option<u64>,
}

/// Which way a database is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Migrations run.
    Up,
    /// They are undone.
    Down,
}

impl Migration {
    /// As the host's side takes it.
    pub(super) fn to_words(self) -> [String; 2] {
        let direction = match self.direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        [direction.to_owned(), self.to.map(|version| version.to_string()).unwrap_or_default()]
    }
}
