//! Refuses what would exhaust the parser's stack or its time.
//!
//! The grammar is a recursive one, and it tries `(` and `case` in several ways each: a failure deep
//! inside many of them takes time that doubles with each level.

use super::error::{Fault, Problem};

/// Real configurations stay below ten.
const DEPTH: usize = 200;
/// Of these, the parser's time doubles with each level.
const COSTLY_DEPTH: usize = 12;
/// More openings than this are no configuration.
const OPENINGS: usize = 8000;
/// No configuration comes near this many bytes.
const BYTES: usize = 1 << 20;

/// Words that open a block, and the words that close one.
const OPENING_WORDS: &[&str] = &["if", "for", "while", "until", "select"];
const CLOSING_WORDS: &[&str] = &["fi", "done"];

/// How many constructs the text opens: an upper bound for the depth that the parser can reach, and
/// what its stack is made for. The depth itself is an estimate, since quotes are not looked at; it
/// refuses at once what the parser would run into.
pub(super) fn check(text: &str) -> Result<usize, Fault> {
    if text.len() > BYTES {
        return Err(Fault { problem: Problem::TooLarge, span: 0..0 });
    }
    let mut depth = Depth::default();
    let mut openings = 0;
    let (mut word_start, mut comment) = (None, false);
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word_start.get_or_insert(at);
            continue;
        }
        let word = word_start.take().map_or("", |start| &text[start..at]);
        openings +=
            usize::from("({`![".contains(c)) + usize::from(OPENING_WORDS.contains(&word) || word == "case");
        match c {
            '\n' => comment = false,
            '#' if text[..at].ends_with(['\n', ' ', '\t']) || at == 0 => comment = true,
            _ => {}
        }
        // A function's end: brackets that stood in its quotes count no longer.
        if c == '}' && text[..at].ends_with('\n') {
            depth = Depth::default();
        } else if !comment {
            depth.word(word);
            depth.bracket(c);
        }
        if depth.is_too_deep() || openings > OPENINGS {
            return Err(Fault { problem: Problem::TooDeep, span: at..at + c.len_utf8() });
        }
    }
    Ok(openings)
}

#[derive(Default)]
struct Depth {
    parentheses: usize,
    cases: usize,
    others: usize,
}

impl Depth {
    fn bracket(&mut self, c: char) {
        match c {
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            '{' => self.others += 1,
            '}' => self.others = self.others.saturating_sub(1),
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        match word {
            "case" => self.cases += 1,
            "esac" => self.cases = self.cases.saturating_sub(1),
            _ if OPENING_WORDS.contains(&word) => self.others += 1,
            _ if CLOSING_WORDS.contains(&word) => self.others = self.others.saturating_sub(1),
            _ => {}
        }
    }

    fn is_too_deep(&self) -> bool {
        self.parentheses + self.cases > COSTLY_DEPTH || self.others > DEPTH
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_ten_thousand_of_anything_that_nests() {
        for opening in
            ["${", "(", "{ ", "$(", "\"${X:-", "if a; then ", "case a in b) ", "$(( ", "((", "while "]
        {
            assert!(check(&format!("X={}", opening.repeat(10_000))).is_err(), "{opening}");
        }
    }

    #[test]
    fn accepts_long_configurations() {
        let hook = "pre_git_push() {\n  if [ \"${X}\" = 'a' ]; then\n    sed 's/(//' # (if\n  fi\n}\n";
        assert!(check(&hook.repeat(500)).is_ok());
    }
}
