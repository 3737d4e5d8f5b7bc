//! Erlang terms in files (relups, appups), as far as one must understand them to tell a good file from a
//! broken one: every term ends with a dot, brackets and commas are where they belong.

use std::fmt;

/// An Erlang term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `ok`, `'with blanks'`.
    Atom(String),
    /// `"text"`.
    Text(String),
    /// `{a, b}`.
    Tuple(Vec<Term>),
    /// `[a, b]`.
    List(Vec<Term>),
    /// Numbers, binaries and maps: what is in them is of no interest.
    Other,
}

/// What is wrong with a file of terms, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TermError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// In words.
    pub problem: String,
}

/// Reads all terms of a file.
///
/// # Errors
/// At the first place that is not Erlang.
pub fn read(text: &str) -> Result<Vec<Term>, TermError> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    let mut terms = Vec::new();
    loop {
        reader.skip_blank();
        if reader.peek().is_none() {
            return Ok(terms);
        }
        terms.push(reader.term()?);
        reader.expect('.', "a dot at the end of the term")?;
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while let Some(char) = self.peek() {
            if char == '%' {
                self.take_while(|char| char != '\n');
            } else if char.is_whitespace() {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.chars.iter().skip(self.at).take_while(|char| belongs(**char));
        let taken: String = rest.collect();
        self.at += taken.chars().count();
        taken
    }

    fn error<T>(&self, at: usize, problem: impl fmt::Display) -> Result<T, TermError> {
        let before = &self.chars[..at.min(self.chars.len())];
        let line = before.iter().filter(|char| **char == '\n').count() + 1;
        let column = before.iter().rev().take_while(|char| **char != '\n').count() + 1;
        Err(TermError { line, column, problem: problem.to_string() })
    }

    fn expect(&mut self, wanted: char, what: &str) -> Result<(), TermError> {
        self.skip_blank();
        match self.peek() {
            Some(char) if char == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(char) => self.error(self.at, format_args!("'{char}' stands where {what} is expected")),
            None => self.error(self.at, format_args!("the file ends where {what} is expected")),
        }
    }

    fn term(&mut self) -> Result<Term, TermError> {
        self.skip_blank();
        let start = self.at;
        match self.peek() {
            Some('{') => self.items('}').map(Term::Tuple),
            Some('[') => self.items(']').map(Term::List),
            Some('"') => self.text(),
            Some('\'') => self.quoted('\'').map(Term::Atom),
            Some('<') => self.balanced("<<", ">>"),
            Some('#') => self.balanced("#{", "}"),
            Some('$') => {
                // A character; an escaped one is longer, but nobody writes those here.
                self.at += if self.chars.get(start + 1) == Some(&'\\') { 3 } else { 2 };
                Ok(Term::Other)
            }
            Some(char) if char.is_ascii_digit() || char == '-' || char == '+' => {
                self.at += 1;
                self.number();
                Ok(Term::Other)
            }
            Some(char) if char.is_lowercase() => {
                Ok(Term::Atom(self.take_while(|char| char.is_alphanumeric() || char == '_' || char == '@')))
            }
            Some(char) => self.error(start, format_args!("'{char}' begins no term")),
            None => self.error(start, "the file ends where a term is expected"),
        }
    }

    /// Digits, a base, a fraction; the dot that ends the term is none.
    fn number(&mut self) {
        self.take_while(|char| char.is_alphanumeric() || char == '#' || char == '_');
        let fraction = self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit);
        if self.peek() == Some('.') && fraction {
            self.at += 1;
            self.take_while(|char| char.is_alphanumeric() || char == '-');
        }
    }

    /// Terms with commas between them, in the bracket that stands here.
    fn items(&mut self, close: char) -> Result<Vec<Term>, TermError> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            match self.peek() {
                Some(char) if char == close && items.is_empty() => break,
                None => return self.error(open, format_args!("'{}' is never closed", self.chars[open])),
                _ => items.push(self.term()?),
            }
            self.skip_blank();
            match self.peek() {
                Some(',' | '|') => self.at += 1,
                Some(char) if char == close => break,
                None => return self.error(open, format_args!("'{}' is never closed", self.chars[open])),
                Some(char) => {
                    return self
                        .error(self.at, format_args!("'{char}' stands where ',' or '{close}' is expected"));
                }
            }
        }
        self.at += 1;
        Ok(items)
    }

    /// Strings beside each other are one.
    fn text(&mut self) -> Result<Term, TermError> {
        let mut text = String::new();
        while self.peek() == Some('"') {
            text.push_str(&self.quoted('"')?);
            self.skip_blank();
        }
        Ok(Term::Text(text))
    }

    fn quoted(&mut self, quote: char) -> Result<String, TermError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(char) = self.peek() {
            self.at += 1;
            match char {
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                char if char == quote => return Ok(text),
                char => text.push(char),
            }
        }
        self.error(open, format_args!("{quote} is never closed"))
    }

    /// A binary or a map; both may be nested.
    fn balanced(&mut self, open: &str, close: &str) -> Result<Term, TermError> {
        let start = self.at;
        let is_at = |reader: &Self, what: &str| {
            reader.chars[reader.at..].iter().copied().take(what.len()).eq(what.chars())
        };
        if !is_at(self, open) {
            return self.error(start, format_args!("'{}' begins no term", self.chars[start]));
        }
        let mut depth = 0;
        while let Some(char) = self.peek() {
            if is_at(self, close) && depth == 1 {
                self.at += close.len();
                return Ok(Term::Other);
            }
            match char {
                '"' | '\'' => {
                    self.quoted(char)?;
                    continue;
                }
                '{' => depth += usize::from(close == "}"),
                '}' => depth -= usize::from(close == "}" && depth > 1),
                '<' if is_at(self, "<<") => {
                    depth += usize::from(close == ">>");
                    self.at += 1;
                }
                '>' if is_at(self, ">>") => {
                    depth -= usize::from(close == ">>" && depth > 1);
                    self.at += 1;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.error(start, format_args!("{open} is never closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read() {
        let text = "%% coding: utf-8\n{\"0.2.0\", [{\"0.1.0\", [], [point_of_no_return, {update,'my mod',{advanced,[]}}]}],\n []}.\n";
        let Term::Tuple(items) = &read(text).unwrap()[0] else { panic!("no tuple") };
        assert_eq!(items[0], Term::Text("0.2.0".into()));
        assert_eq!(items[2], Term::List(Vec::new()));
        for good in [
            "a. b.",
            "",
            "[1, -2.5e-3, 16#ff, $a, $\\n].",
            "<<\"a>>\">>.",
            "#{a => #{b => {c}}}.",
            "\"a\"\n\"b\".",
        ] {
            assert!(read(good).is_ok(), "{good}: {:?}", read(good));
        }
        assert_eq!(read("\"a\" \"b\".").unwrap(), [Term::Text("ab".into())]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let told = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            told("{a, b}"),
            "line 1, column 7: the file ends where a dot at the end of the term is expected"
        );
        assert_eq!(told("{a,\n [b c]}."), "line 2, column 5: 'c' stands where ',' or ']' is expected");
        assert_eq!(told("{a, [b}."), "line 1, column 7: '}' stands where ',' or ']' is expected");
        assert_eq!(told("\n{a, [b]"), "line 2, column 1: '{' is never closed");
        assert_eq!(told("{a, }."), "line 1, column 5: '}' begins no term");
        assert_eq!(told("{\"a}."), "line 1, column 2: \" is never closed");
        assert_eq!(told("Var."), "line 1, column 1: 'V' begins no term");
    }
}
