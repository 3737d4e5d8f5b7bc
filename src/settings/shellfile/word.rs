//! Words of a shell file: what is literal in them and what is expanded.
//!
//! The grammar's own word parser gives the operand of `${X:-operand}` as plain text, and reads
//! quotes inside double quotes otherwise than bash does, so words are read here. Where the two
//! disagree about the end of a word, the statement is left to bash (see `grammar`).

use std::ops::Range;

use super::error::{Fault, Problem};
use super::pattern::End;
use super::quoting::ansi_c;

/// A word, before expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    pub pieces: Vec<Piece>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text.
    Text { text: String, quoted: bool },
    /// An unquoted `~`.
    Home { at: usize },
    /// `$X` or `${X..}`.
    Parameter(Box<Parameter>),
}

/// An expansion of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub name: String,
    pub operation: Operation,
    pub quoted: bool,
    pub span: Range<usize>,
}

/// What is made of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// `$X`, `${X}`
    Value,
    /// `${#X}`
    Length,
    /// `${X-word}`, `${X:-word}`
    Default { missing: Missing, word: Word },
    /// `${X=word}`, `${X:=word}`
    Assign { missing: Missing, word: Word },
    /// `${X+word}`, `${X:+word}`
    Alternative { missing: Missing, word: Word },
    /// `${X?word}`, `${X:?word}`
    Require { missing: Missing, word: Word },
    /// `${X#word}`, `${X##word}`, `${X%word}`, `${X%%word}`
    Remove { end: End, longest: bool, pattern: Word },
}

/// When a variable counts as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// When it is not set.
    Unset,
    /// When it is not set, or empty (the operators with a colon).
    UnsetOrEmpty,
}

impl Missing {
    /// Whether this value counts as missing.
    pub(super) fn is(self, value: Option<&str>) -> bool {
        match self {
            Missing::Unset => value.is_none(),
            Missing::UnsetOrEmpty => value.is_none_or(str::is_empty),
        }
    }
}

/// What surrounds a word, which decides where it ends and what is special in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of an assignment.
    Value,
    /// An argument of a command.
    Argument,
    /// The operand of `${X:-operand}`.
    Operand,
    /// The operand of `${X#operand}`.
    Pattern,
}

impl Place {
    fn ends_at(self, c: char) -> bool {
        match self {
            Place::Value | Place::Argument => " \t\n;&|()<>".contains(c),
            Place::Operand | Place::Pattern => c == '}',
        }
    }
}

/// Reads words from the text of a file.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Reads an unquoted word up to where it ends.
    pub(super) fn word(&mut self, place: Place) -> Result<Word, Fault> {
        let mut word = Word::default();
        let mut tilde_possible = true;
        while let Some(c) = self.peek().filter(|c| !place.ends_at(*c)) {
            match c {
                '\\' if self.rest().starts_with("\\\n") => {
                    self.at += 2;
                    continue;
                }
                '\\' => word.push_text(self.escaped()?, true),
                '\'' => word.push_text(self.single_quoted()?, true),
                '"' => self.double_quoted(&mut word)?,
                '$' => self.dollar(&mut word, false)?,
                '`' => return Err(self.unsupported("command substitution", 1)),
                '~' if tilde_possible => self.tilde(&mut word, place)?,
                _ => {
                    self.refuse_special(c, place)?;
                    self.at += c.len_utf8();
                    word.push_text(c.to_string(), false);
                }
            }
            tilde_possible = c == ':' && place == Place::Value;
        }
        Ok(word)
    }

    /// Unquoted characters that mean more than themselves in some place.
    fn refuse_special(&self, c: char, place: Place) -> Result<(), Fault> {
        let rest = self.rest();
        if matches!(place, Place::Operand | Place::Pattern) {
            if c == ':' && rest.starts_with(":~") {
                return Err(self.unsupported("a '~' after ':' in an expansion", 2));
            }
            if rest.starts_with("<(") || rest.starts_with(">(") {
                return Err(self.unsupported("process substitution", 2));
            }
        }
        if place == Place::Pattern && c == '[' {
            return Err(self.unsupported("a '[' in a pattern", 1));
        }
        if place == Place::Argument && c == '{' {
            return Err(self.unsupported("brace expansion", 1));
        }
        Ok(())
    }

    /// `~` where it may stand for a home directory.
    fn tilde(&mut self, word: &mut Word, place: Place) -> Result<(), Fault> {
        let start = self.at;
        let prefix = &self.text[start + 1..];
        let end = prefix
            .find(|c: char| c == '/' || place.ends_at(c) || (c == ':' && place != Place::Argument))
            .unwrap_or(prefix.len());
        let continued = prefix[..end].ends_with('\\') && prefix[end..].starts_with('\n');
        let prefix = &prefix[..end];
        if continued || prefix.contains("\\\n") {
            return Err(self.unsupported("a '~' before a line continuation", 1));
        }
        self.at += 1;
        if prefix.is_empty() && place != Place::Pattern {
            word.pieces.push(Piece::Home { at: start });
        } else if prefix.contains(['\\', '\'', '"', '$', '`']) {
            word.push_text("~".to_owned(), false);
        } else {
            let what = "the home directory of another user (in quotes, '~name' is left to the host)";
            return Err(Fault::unsupported(what, start..start + 1 + end));
        }
        Ok(())
    }

    /// `\c`, outside quotes.
    fn escaped(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else {
            return Err(syntax("the file ends after a '\\'", start..self.at));
        };
        self.at += c.len_utf8();
        Ok(c.to_string())
    }

    /// `'text'`
    fn single_quoted(&mut self) -> Result<String, Fault> {
        let start = self.at + 1;
        let Some(end) = self.text[start..].find('\'') else {
            return Err(syntax("this quote is not closed", self.at..start));
        };
        self.at = start + end + 1;
        Ok(self.text[start..start + end].to_owned())
    }

    /// `$'text'`
    fn ansi_c_quoted(&mut self) -> Result<String, Fault> {
        let start = self.at;
        let mut escaped = false;
        let length = self.text[start + 2..].find(|c| {
            let end = c == '\'' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        let Some(length) = length else {
            return Err(syntax("this quote is not closed", start..start + 2));
        };
        let inside = &self.text[start + 2..start + 2 + length];
        self.at = start + 2 + length + 1;
        ansi_c(inside).map_err(|what| Fault::unsupported(what, start..self.at))
    }

    /// `"text"`
    pub(super) fn double_quoted(&mut self, word: &mut Word) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        // Even an empty pair of quotes keeps the word from being unquoted.
        word.push_text(String::new(), true);
        loop {
            match self.peek() {
                None => return Err(syntax("this quote is not closed", start..start + 1)),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('`') => return Err(self.unsupported("command substitution", 1)),
                Some('$') => self.dollar(word, true)?,
                Some('\\') => word.push_text(self.escaped_in_double_quotes("$`\"\\"), true),
                Some(c) => {
                    self.at += c.len_utf8();
                    word.push_text(c.to_string(), true);
                }
            }
        }
    }

    /// `\c` inside double quotes, where only some characters can be escaped.
    pub(super) fn escaped_in_double_quotes(&mut self, escapable: &str) -> String {
        self.at += 1;
        match self.peek() {
            Some('\n') => {
                self.at += 1;
                String::new()
            }
            Some(c) if escapable.contains(c) => {
                self.at += 1;
                c.to_string()
            }
            _ => "\\".to_owned(),
        }
    }

    /// `$` and what belongs to it.
    pub(super) fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Fault> {
        let start = self.at;
        let next = self.text[start + 1..].chars().next();
        match next {
            Some('{') => word.pieces.push(Piece::Parameter(Box::new(self.braced(quoted)?))),
            Some('(') if self.rest().starts_with("$((") => return Err(self.unsupported("arithmetic", 3)),
            Some('(') => return Err(self.unsupported("command substitution", 2)),
            Some('[') => return Err(self.unsupported("arithmetic", 2)),
            Some('\'') if !quoted => {
                let text = self.ansi_c_quoted()?;
                word.push_text(text, true);
            }
            Some('"') if !quoted => return Err(self.unsupported("translated text ($\"..\")", 2)),
            Some('\\') if self.rest().starts_with("$\\\n") => {
                return Err(self.unsupported("a line continuation after '$'", 1));
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                return Err(self.unsupported("a variable of the shell itself", 2));
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.at += 1;
                let name = self.name()?;
                let span = start..self.at;
                let parameter = Parameter { name, operation: Operation::Value, quoted, span };
                word.pieces.push(Piece::Parameter(Box::new(parameter)));
            }
            _ => {
                self.at += 1;
                word.push_text("$".to_owned(), quoted);
            }
        }
        Ok(())
    }

    /// A variable's name.
    pub(super) fn name(&mut self) -> Result<String, Fault> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.at += end;
        if self.rest().starts_with("\\\n") {
            return Err(self.unsupported("a line continuation after a variable's name", 1));
        }
        Ok(name)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn unsupported(&self, what: &'static str, length: usize) -> Fault {
        Fault::unsupported(what, self.at..self.at + length)
    }
}

impl Word {
    /// Whether this character stands in it literally and without quotes.
    pub(super) fn has_unquoted(&self, c: char) -> bool {
        let unquoted =
            |piece: &Piece| matches!(piece, Piece::Text { text, quoted: false } if text.contains(c));
        self.pieces.iter().any(unquoted)
    }

    /// Adds text, to the last piece where that is of the same kind.
    pub(super) fn push_text(&mut self, text: String, quoted: bool) {
        if let Some(Piece::Text { text: last, quoted: q }) = self.pieces.last_mut()
            && *q == quoted
        {
            last.push_str(&text);
        } else {
            self.pieces.push(Piece::Text { text, quoted });
        }
    }
}

pub(super) fn syntax(message: &str, span: Range<usize>) -> Fault {
    Fault { problem: Problem::Syntax(message.to_owned()), span }
}
