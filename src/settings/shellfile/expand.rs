//! Evaluates the statements of a shell file, in order, as bash does.

use super::error::{Fault, Problem};
use super::pattern::{Part, remove};
use super::variables::{Variables, bash_fills_in, belongs_to_bash};
use super::word::{Missing, Operation, Parameter, Piece, Word};

/// Expands words, with the variables as they are at this moment.
pub(super) struct Expander<'a> {
    pub variables: &'a mut Variables,
    /// The line of the statement, kept with what it assigns.
    pub line: usize,
}

/// A character of an expanded word, and whether it is protected from being a pattern.
type Marked = (char, bool);

impl Expander<'_> {
    /// The text of a word.
    pub(super) fn text(&mut self, word: &Word) -> Result<String, Fault> {
        let mut text = String::new();
        for piece in &word.pieces {
            match piece {
                Piece::Text { text: literal, .. } => text.push_str(literal),
                Piece::Home { at } => text.push_str(&self.home(*at)?),
                Piece::Parameter(parameter) => text.push_str(&self.parameter(parameter)?),
            }
        }
        Ok(text)
    }

    /// Sets a variable.
    pub(super) fn assign(
        &mut self,
        name: &str,
        value: String,
        at: std::ops::Range<usize>,
    ) -> Result<(), Fault> {
        if belongs_to_bash(name) {
            return Err(Fault::unsupported("setting a variable of bash itself", at));
        }
        self.variables.assign(name, value, self.line);
        Ok(())
    }

    fn home(&self, at: usize) -> Result<String, Fault> {
        let home = self.variables.get("HOME").map(str::to_owned);
        home.ok_or_else(|| Fault::unsupported("'~' without HOME in the environment", at..at + 1))
    }

    fn value(&self, parameter: &Parameter) -> Result<Option<&str>, Fault> {
        let (name, value) = (parameter.name.as_str(), self.variables.get(&parameter.name));
        if belongs_to_bash(name) || (bash_fills_in(name) && value.is_none()) {
            return Err(Fault::unsupported("a variable of bash itself", parameter.span.clone()));
        }
        Ok(value)
    }

    fn parameter(&mut self, parameter: &Parameter) -> Result<String, Fault> {
        let value = self.value(parameter)?.map(str::to_owned);
        let missing = |when: Missing| when.is(value.as_deref());
        match &parameter.operation {
            Operation::Value => Ok(value.unwrap_or_default()),
            Operation::Length => {
                let value = value.unwrap_or_default();
                if !value.is_ascii() {
                    let what = "the length of a text that is not ASCII (it depends on the locale)";
                    return Err(Fault::unsupported(what, parameter.span.clone()));
                }
                Ok(value.len().to_string())
            }
            Operation::Default { missing: when, word } if missing(*when) => self.text(word),
            Operation::Assign { missing: when, word } if missing(*when) => {
                let text = self.text(word)?;
                self.assign(&parameter.name, text.clone(), parameter.span.clone())?;
                Ok(text)
            }
            Operation::Require { missing: when, word } if missing(*when) => {
                let message = match self.text(word)? {
                    text if text.is_empty() => "it is not set".to_owned(),
                    text => text,
                };
                let problem = Problem::Required { name: parameter.name.clone(), message };
                Err(Fault { problem, span: parameter.span.clone() })
            }
            Operation::Default { .. } | Operation::Assign { .. } | Operation::Require { .. } => {
                Ok(value.unwrap_or_default())
            }
            Operation::Alternative { missing: when, .. } if missing(*when) => Ok(String::new()),
            Operation::Alternative { word, .. } => self.text(word),
            Operation::Remove { end, longest, pattern } => {
                let value = value.unwrap_or_default();
                let pattern = self.pattern(pattern, &value, parameter)?;
                Ok(remove(&value, &pattern, *end, *longest))
            }
        }
    }

    /// The parts of a pattern that is matched against `value`.
    fn pattern(&mut self, word: &Word, value: &str, parameter: &Parameter) -> Result<Vec<Part>, Fault> {
        let unsupported = |what| Err(Fault::unsupported(what, parameter.span.clone()));
        let mut parts = Vec::new();
        for (c, quoted) in self.marked(word)? {
            parts.push(match c {
                c if quoted => Part::Literal(c),
                '*' => Part::Any,
                '?' if value.is_ascii() => Part::One,
                '?' => return unsupported("a '?' against text that is not ASCII (it depends on the locale)"),
                '[' | '\\' => return unsupported("a '[' or '\\' in a pattern that comes from a variable"),
                c => Part::Literal(c),
            });
        }
        Ok(parts)
    }

    fn marked(&mut self, word: &Word) -> Result<Vec<Marked>, Fault> {
        let mut marked = Vec::new();
        for piece in &word.pieces {
            let (text, quoted) = match piece {
                Piece::Text { text, quoted } => (text.clone(), *quoted),
                Piece::Home { at } => (self.home(*at)?, true),
                Piece::Parameter(inner) => {
                    let nested = !matches!(inner.operation, Operation::Value | Operation::Length);
                    if nested {
                        let what = "an expansion with an operator inside a pattern";
                        return Err(Fault::unsupported(what, inner.span.clone()));
                    }
                    (self.parameter(inner)?, inner.quoted)
                }
            };
            marked.extend(text.chars().map(|c| (c, quoted)));
        }
        Ok(marked)
    }
}
