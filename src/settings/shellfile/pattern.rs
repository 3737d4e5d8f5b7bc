//! `${X#pattern}` and its kin, for the patterns that mean the same in every locale and bash.

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// This character.
    Literal(char),
    /// Any one character: `?`.
    One,
    /// Any text: `*`.
    Any,
}

/// Where a match is removed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Prefix,
    Suffix,
}

/// The value without the shortest or longest match at one of its ends; the value as it is where
/// nothing matches.
pub(super) fn remove(value: &str, pattern: &[Part], end: End, longest: bool) -> String {
    let chars: Vec<char> = value.chars().collect();
    let lengths: Box<dyn Iterator<Item = usize>> =
        if longest { Box::new((0..=chars.len()).rev()) } else { Box::new(0..=chars.len()) };
    for length in lengths {
        let (removed, kept) = match end {
            End::Prefix => chars.split_at(length),
            End::Suffix => {
                let (kept, removed) = chars.split_at(chars.len() - length);
                (removed, kept)
            }
        };
        if matches(removed, pattern) {
            return kept.iter().collect();
        }
    }
    value.to_owned()
}

/// Whether the pattern matches the whole text. It goes back only to the last `*`, so it is never
/// slower than the text's length times the pattern's.
fn matches(text: &[char], pattern: &[Part]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Part::Any) => {
                retry = Some((t, p));
                p += 1;
            }
            Some(Part::One) => (t, p) = (t + 1, p + 1),
            Some(Part::Literal(c)) if *c == text[t] => (t, p) = (t + 1, p + 1),
            _ => match &mut retry {
                Some((from, star)) => {
                    *from += 1;
                    (t, p) = (*from, *star + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Vec<Part> {
        text.chars()
            .map(|c| match c {
                '*' => Part::Any,
                '?' => Part::One,
                c => Part::Literal(c),
            })
            .collect()
    }

    #[test]
    fn removes_the_shortest_or_longest_match() {
        for (end, longest, text, expected) in [
            (End::Prefix, false, "*/", "b/c.tar.gz"),
            (End::Prefix, true, "*/", "c.tar.gz"),
            (End::Suffix, false, ".*", "a/b/c.tar"),
            (End::Suffix, true, ".*", "a/b/c"),
            (End::Suffix, true, "x*", "a/b/c.tar.gz"),
            (End::Prefix, false, "?", "/b/c.tar.gz"),
            (End::Suffix, true, "*", ""),
        ] {
            assert_eq!(remove("a/b/c.tar.gz", &pattern(text), end, longest), expected, "{text}");
        }
    }
}
