//! `${...}`

use super::error::Fault;
use super::pattern::End;
use super::word::{Missing, Operation, Parameter, Place, Reader, Word, syntax};

const NOT_CLOSED: &str = "this '${' is not closed";

impl Reader<'_> {
    /// Reads `${...}`, which starts here.
    pub(super) fn braced(&mut self, quoted: bool) -> Result<Parameter, Fault> {
        let start = self.at;
        self.at += 2;
        let length = self.rest().starts_with('#');
        if length {
            self.at += 1;
        }
        let name = self.name()?;
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            let what = "an expansion of something else than a named variable";
            return Err(Fault::unsupported(what, start..self.at + 1));
        }
        let operation = if length { Operation::Length } else { self.operation(start, quoted)? };
        match self.peek() {
            Some('}') => self.at += 1,
            Some(_) => return Err(Fault::unsupported("this expansion", start..self.at + 1)),
            None => return Err(syntax(NOT_CLOSED, start..start + 2)),
        }
        Ok(Parameter { name, operation, quoted, span: start..self.at })
    }

    /// The operator and its operand, up to the closing brace.
    fn operation(&mut self, start: usize, quoted: bool) -> Result<Operation, Fault> {
        let rest = self.rest();
        let missing = if rest.starts_with(':') { Missing::UnsetOrEmpty } else { Missing::Unset };
        let colon = usize::from(missing == Missing::UnsetOrEmpty);
        let operator = rest[colon..].chars().next();
        if let Some(operator @ ('-' | '=' | '+' | '?')) = operator {
            self.at += colon + 1;
            let word = self.operand(start, quoted)?;
            return Ok(match operator {
                '-' => Operation::Default { missing, word },
                '=' => Operation::Assign { missing, word },
                '+' => Operation::Alternative { missing, word },
                _ => Operation::Require { missing, word },
            });
        }
        match rest.chars().next() {
            Some('}') | None => Ok(Operation::Value),
            Some(operator @ ('#' | '%')) => {
                let longest = rest[1..].starts_with(operator);
                self.at += if longest { 2 } else { 1 };
                let end = if operator == '#' { End::Prefix } else { End::Suffix };
                self.refuse_quirks_of_patterns(quoted)?;
                Ok(Operation::Remove { end, longest, pattern: self.word(Place::Pattern)? })
            }
            Some('[') => Err(self.unsupported("an array", 1)),
            Some(':') => Err(self.unsupported("a part of a value by position", 1)),
            Some('/') => Err(self.unsupported("replacing in a value", 1)),
            Some('^' | ',' | '@') => Err(self.unsupported("changing a value's letters", 1)),
            Some(c) => Err(self.unsupported("this expansion", c.len_utf8())),
        }
    }

    /// Patterns that several versions of bash read differently inside double quotes.
    fn refuse_quirks_of_patterns(&self, quoted: bool) -> Result<(), Fault> {
        let rest = self.rest();
        let pattern = &rest[..rest.find('}').unwrap_or(rest.len())];
        if quoted && pattern.contains(['\'', '"', '\\', '~']) {
            return Err(self.unsupported("a quoted pattern inside double quotes", pattern.len().max(1)));
        }
        Ok(())
    }

    /// The operand of `-`, `=`, `+` or `?`.
    fn operand(&mut self, start: usize, quoted: bool) -> Result<Word, Fault> {
        if !quoted {
            return self.word(Place::Operand);
        }
        let mut word = Word::default();
        loop {
            match self.peek() {
                None => return Err(syntax(NOT_CLOSED, start..start + 2)),
                Some('}') => return Ok(word),
                Some('"') => self.quotes_inside_quotes(&mut word)?,
                Some('`') => return Err(self.unsupported("command substitution", 1)),
                Some('$') if self.rest().starts_with("$'") || self.rest().starts_with("$\"") => {
                    return Err(self.unsupported("$'..' inside double quotes", 2));
                }
                // Literal, but a `}` between two of them does not end the expansion for bash.
                Some('\'') => return Err(self.unsupported("a single quote in a quoted expansion", 1)),
                // Even here bash looks for its end.
                Some('<' | '>') if self.rest()[1..].starts_with('(') => {
                    return Err(self.unsupported("process substitution", 2));
                }
                Some('$') => self.dollar(&mut word, true)?,
                Some('\\') => word.push_text(self.escaped_in_double_quotes("$`\"\\}"), true),
                Some(c) => {
                    self.at += c.len_utf8();
                    word.push_text(c.to_string(), true);
                }
            }
        }
    }

    /// `"..."` in the operand of an expansion that stands in double quotes itself. Where it is not
    /// the whole operand, bash loses characters (5.2: `X=; echo "${Y-$X"a b"}"` gives ` b`).
    fn quotes_inside_quotes(&mut self, word: &mut Word) -> Result<(), Fault> {
        let start = self.at;
        let alone = word.pieces.is_empty();
        self.double_quoted(word)?;
        if !alone || self.peek() != Some('}') || self.text[start..self.at].contains('\\') {
            let what = "double quotes inside double quotes, in a part of an expansion";
            return Err(Fault::unsupported(what, start..self.at));
        }
        Ok(())
    }
}
