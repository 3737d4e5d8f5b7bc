//! Reads what bash tells about itself: its variables and functions.

use std::path::{Path, PathBuf};

use super::variables::Told;
use super::{ShellError, Value};

/// A function that the project defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    /// Its name.
    pub name: String,
    /// The file that defines it.
    pub file: PathBuf,
    /// The line where it begins, counted from 1.
    pub line: usize,
}

/// A record as text. Where it is none, what is shown in its place says so.
pub(super) fn text(record: Vec<u8>) -> String {
    String::from_utf8(record).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The next variable of a list: name, kind, value. None at its end.
pub(super) fn next_variable(
    mut next: impl FnMut() -> Result<Vec<u8>, ShellError>,
) -> Result<Option<Told>, ShellError> {
    let name = text(next()?);
    if name.is_empty() {
        return Ok(None);
    }
    let (kind, value) = (next()?, next()?);
    let value = match (kind.as_slice(), String::from_utf8(value)) {
        (b"s", Ok(text)) => Value::Text { text, exported: false },
        (b"x", Ok(text)) => Value::Text { text, exported: true },
        (b"a" | b"s" | b"x", _) => Value::Kept,
        _ => return Err(ShellError::Garbled(format!("a variable {name} of an unknown kind"))),
    };
    Ok(Some(Told { name, value }))
}

/// All variables of a list.
pub(super) fn variables(records: &mut impl Iterator<Item = Vec<u8>>) -> Result<Vec<Told>, ShellError> {
    let mut next = || records.next().ok_or_else(|| ShellError::Garbled("a list without an end".to_owned()));
    let mut variables = Vec::new();
    while let Some(variable) = next_variable(&mut next)? {
        variables.push(variable);
    }
    Ok(variables)
}

/// The functions in bash's listing, one `name line file` a line, without those of the prelude,
/// which lies in `own`.
pub(super) fn functions(listing: &str, own: &Path) -> Vec<Defined> {
    let prelude = own.join("prelude.bash");
    let lines = listing.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ' ');
        let (name, line, file) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        Some(Defined { name: name.to_owned(), file: PathBuf::from(file), line })
    });
    lines.filter(|function| function.file != prelude).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_functions_in_files_with_spaces() {
        let listing = "status 12 /tmp/x/prelude.bash\ngit_push 3 /home/me/my app/.deliver/config\nbroken\n";
        let file = PathBuf::from("/home/me/my app/.deliver/config");
        let expected = [Defined { name: "git_push".to_owned(), file, line: 3 }];
        assert_eq!(functions(listing, Path::new("/tmp/x")), expected);
    }

    #[test]
    fn a_list_that_breaks_off_is_an_error() {
        let mut records = [b"APP".to_vec(), b"s".to_vec()].into_iter();
        assert!(matches!(variables(&mut records), Err(ShellError::Garbled(_))));
    }
}
