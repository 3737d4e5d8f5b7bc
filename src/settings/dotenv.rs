//! `.deliver/.env`: secrets that stand in no config.

use camino::Utf8Path;

use super::error::SettingsError;

/// A variable of the file, with its line.
pub(super) struct Entry {
    pub name: String,
    pub value: String,
    pub line: usize,
}

/// The variables of the file; none where there is no file. Of several lines of one name the first
/// counts, as dotenvy has it.
pub(super) fn read(path: &Utf8Path) -> Result<Vec<Entry>, SettingsError> {
    let content = match fs_err::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SettingsError::Read { path: path.to_owned(), source }),
    };
    let mut entries: Vec<Entry> = Vec::new();
    let mut lines = Lines::new(&content);
    for entry in dotenvy::Iter::new(content.as_slice()) {
        let failed = |line| SettingsError::DotEnv { path: path.to_owned(), line };
        let (name, value) = entry.map_err(|_| failed(lines.next_entry()))?;
        let line = lines.of(&name);
        if !entries.iter().any(|earlier| earlier.name == name) {
            entries.push(Entry { name, value, line });
        }
    }
    Ok(entries)
}

/// Finds the lines of entries, which dotenvy does not tell.
struct Lines {
    lines: Vec<String>,
    at: usize,
}

impl Lines {
    fn new(content: &[u8]) -> Self {
        Self { lines: String::from_utf8_lossy(content).lines().map(str::to_owned).collect(), at: 0 }
    }

    /// The next line that sets `name`, counted from 1.
    fn of(&mut self, name: &str) -> usize {
        let sets = |line: &String| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        if let Some(found) = self.lines[self.at..].iter().position(sets) {
            self.at += found + 1;
        }
        self.at
    }

    /// The next line that holds anything, counted from 1.
    fn next_entry(&self) -> usize {
        let holds = |line: &String| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        self.at + self.lines[self.at..].iter().position(holds).unwrap_or(0) + 1
    }
}
