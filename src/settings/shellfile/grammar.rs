//! Splits a shell file into statements with the grammar of bash.

use std::io::Cursor;
use std::ops::Range;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use brush_parser::ast::{self, CommandPrefixOrSuffixItem as Item, CompoundCommand, SourceLocation};
use brush_parser::{ParseError, SourcePosition, TokenizerError};

use super::Function;
use super::error::{Fault, Problem};
use super::nesting;
use super::word::{Place, Reader, Word, syntax};

/// A statement of a shell file, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub kind: Kind,
    pub span: Range<usize>,
    pub line: usize,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `X=a Y=b`
    Assign(Vec<Assignment>),
    /// `export X=a Y`
    Export(Vec<Exported>),
    /// `: ${X:=a}`, which expands its words and does nothing with them.
    Expand(Vec<Word>),
    /// `name() { .. }`
    Define(Function),
    /// Anything else.
    Beyond(Fault),
}

/// `X=word` or `X+=word`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub name: String,
    pub append: bool,
    pub word: Word,
    pub span: Range<usize>,
    pub line: usize,
}

/// An argument of `export`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exported {
    Name(String),
    Assignment(Assignment),
}

/// Far more than any configuration takes; only text made for it takes longer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Measured: a level of nesting takes less than this of the parser's stack in a debug build.
const STACK_PER_LEVEL: usize = 64 << 10;
const STACK: usize = 8 << 20;

/// The statements of a file, in order.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, Fault> {
    let openings = nesting::check(text)?;
    let (send, receive) = mpsc::channel();
    let owned = text.to_owned();
    // A thread of its own: its stack is as large as the nesting needs, and it can be left behind.
    let parse = move || {
        let parsed = statements_of(&owned);
        // Nobody listens any more only when the deadline has passed.
        let _ = send.send(parsed);
    };
    let whole = 0..text.len();
    let spawned = thread::Builder::new().stack_size(STACK + openings * STACK_PER_LEVEL).spawn(parse);
    if let Err(error) = spawned {
        return Err(syntax(&format!("there is no memory to read the file: {error}"), whole));
    }
    receive.recv_timeout(DEADLINE).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(Fault { problem: Problem::TooDeep, span: whole }),
        RecvTimeoutError::Disconnected => Err(syntax("the grammar fails on this file", whole)),
    })
}

fn statements_of(text: &str) -> Result<Vec<Statement>, Fault> {
    let offsets = Offsets::new(text);
    let program = brush_parser::Parser::builder()
        .build(Cursor::new(text))
        .parse_program()
        .map_err(|error| offsets.fault(error))?;
    let items = program.complete_commands.iter().flat_map(|list| &list.0);
    Ok(items.map(|item| Builder { text, offsets: &offsets }.statement(item)).collect())
}

/// From the grammar's positions, counted in characters, to byte offsets.
struct Offsets {
    bytes: Vec<usize>,
    newlines: Vec<usize>,
    end: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let bytes = text.char_indices().map(|(at, _)| at).collect();
        let newlines = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { bytes, newlines, end: text.len() }
    }

    /// The line of a byte offset, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }

    fn byte(&self, position: &SourcePosition) -> usize {
        self.bytes.get(position.index).copied().unwrap_or(self.end)
    }

    fn fault(&self, error: ParseError) -> Fault {
        let at = |position: &SourcePosition| self.byte(position)..self.byte(position) + 1;
        match error {
            ParseError::ParsingNear(position) => syntax("this cannot stand here", at(&position)),
            ParseError::ParsingAtEndOfInput => {
                syntax("the file ends inside a block or function that is not closed", self.end..self.end)
            }
            ParseError::Tokenizing { inner, position } => {
                let position = match &inner {
                    TokenizerError::UnterminatedSingleQuote(start)
                    | TokenizerError::UnterminatedAnsiCQuote(start)
                    | TokenizerError::UnterminatedDoubleQuote(start)
                    | TokenizerError::UnterminatedBackquote(start) => Some(start),
                    _ => position.as_ref(),
                };
                let span = position.map_or(self.end..self.end, at);
                syntax(tokenizer_message(&inner), span)
            }
        }
    }
}

fn tokenizer_message(error: &TokenizerError) -> &'static str {
    match error {
        TokenizerError::UnterminatedSingleQuote(_)
        | TokenizerError::UnterminatedAnsiCQuote(_)
        | TokenizerError::UnterminatedDoubleQuote(_) => "this quote is not closed",
        TokenizerError::UnterminatedBackquote(_) => "this '`' is not closed",
        TokenizerError::UnterminatedVariable => "a '${' is not closed",
        TokenizerError::UnterminatedCommandSubstitution => "a '$(' is not closed",
        TokenizerError::UnterminatedExpansion => "an expansion is not closed",
        TokenizerError::UnterminatedHereDocuments(..)
        | TokenizerError::MissingHereTag(_)
        | TokenizerError::MissingHereTagForDocumentBody => "a here-document is not closed",
        TokenizerError::UnterminatedEscapeSequence => "the file ends after a '\\'",
        _ => "this cannot be read",
    }
}

/// Builds statements from the grammar's tree and the text that it was read from.
struct Builder<'a> {
    text: &'a str,
    offsets: &'a Offsets,
}

impl Builder<'_> {
    fn statement(&self, item: &ast::CompoundListItem) -> Statement {
        let end = self.text.len();
        let span = self.span(item).or_else(|| self.beginning(item)).unwrap_or(end..end);
        let kind = self.kind(item, &span).unwrap_or_else(Kind::Beyond);
        Statement { kind, line: self.offsets.line(span.start), span }
    }

    fn kind(&self, item: &ast::CompoundListItem, span: &Range<usize>) -> Result<Kind, Fault> {
        let unsupported = |what| Err(Fault::unsupported(what, span.clone()));
        let ast::CompoundListItem(list, separator) = item;
        let pipeline = &list.first;
        let [command] = pipeline.seq.as_slice() else { return unsupported("a pipeline") };
        if pipeline.timed.is_some() || pipeline.bang {
            return unsupported("a command");
        }
        if !list.additional.is_empty() {
            return unsupported("'&&' and '||'");
        }
        if matches!(separator, ast::SeparatorOperator::Async) {
            return unsupported("a command in the background");
        }
        match command {
            ast::Command::Simple(command) => self.simple(command, span),
            ast::Command::Function(function) => self.function(function, span),
            ast::Command::ExtendedTest(..) => unsupported("'[['"),
            ast::Command::Compound(compound, _) => unsupported(compound_name(compound)),
        }
    }

    fn simple(&self, command: &ast::SimpleCommand, span: &Range<usize>) -> Result<Kind, Fault> {
        let prefix = command.prefix.as_ref().map_or(&[][..], |prefix| &prefix.0);
        let suffix = command.suffix.as_ref().map_or(&[][..], |suffix| &suffix.0);
        let Some(name) = &command.word_or_name else {
            let assignments = prefix.iter().map(|item| self.assignment(item, span));
            return Ok(Kind::Assign(assignments.collect::<Result<_, _>>()?));
        };
        match name.value.as_str() {
            "export" if prefix.is_empty() => {
                let arguments = suffix.iter().map(|item| self.exported(item, span));
                Ok(Kind::Export(arguments.collect::<Result<_, _>>()?))
            }
            ":" if prefix.is_empty() => {
                let words = suffix.iter().map(|item| self.argument(item, span));
                Ok(Kind::Expand(words.collect::<Result<_, _>>()?))
            }
            other => {
                let at = self.span(name).unwrap_or_else(|| span.clone());
                Err(Fault { problem: Problem::Command(other.to_owned()), span: at })
            }
        }
    }

    fn assignment(&self, item: &Item, span: &Range<usize>) -> Result<Assignment, Fault> {
        let Item::AssignmentWord(assignment, _) = item else {
            return Err(Fault::unsupported("a redirection", span.clone()));
        };
        let span = self.span(assignment).unwrap_or_else(|| span.clone());
        let ast::AssignmentName::VariableName(name) = &assignment.name else {
            return Err(Fault::unsupported("an array", span));
        };
        if matches!(assignment.value, ast::AssignmentValue::Array(_)) {
            return Err(Fault::unsupported("an array", span));
        }
        let operator = if assignment.append { "+=" } else { "=" };
        let head = format!("{name}{operator}");
        if !self.text[span.start..].starts_with(&head) {
            return Err(Fault::unsupported("this form of assignment", span));
        }
        let word = self.word(span.start + head.len(), &span, Place::Value)?;
        let line = self.offsets.line(span.start);
        Ok(Assignment { name: name.clone(), append: assignment.append, word, span, line })
    }

    fn exported(&self, item: &Item, span: &Range<usize>) -> Result<Exported, Fault> {
        let at = self.span(item).unwrap_or_else(|| span.clone());
        match item {
            Item::AssignmentWord(..) => {
                let assignment = self.assignment(item, span)?;
                // Whether braces are expanded here depends on the version of bash.
                if assignment.word.has_unquoted('{') {
                    return Err(Fault::unsupported("braces in an argument of export", at));
                }
                Ok(Exported::Assignment(assignment))
            }
            Item::Word(word) if super::variables::is_name(&word.value) => {
                Ok(Exported::Name(word.value.clone()))
            }
            _ => Err(Fault::unsupported("this argument of export", at)),
        }
    }

    fn argument(&self, item: &Item, span: &Range<usize>) -> Result<Word, Fault> {
        let at = self.span(item).unwrap_or_else(|| span.clone());
        match item {
            Item::Word(_) => self.word(at.start, &at, Place::Argument),
            _ => Err(Fault::unsupported("this argument of ':'", at)),
        }
    }

    /// The first assignment of a statement whose end the grammar does not tell.
    fn beginning(&self, item: &ast::CompoundListItem) -> Option<Range<usize>> {
        let ast::Command::Simple(command) = item.0.first.seq.first()? else { return None };
        command.prefix.as_ref()?.0.iter().find_map(|item| self.span(item))
    }

    /// Reads a word, which must end where the grammar says.
    fn word(&self, start: usize, span: &Range<usize>, place: Place) -> Result<Word, Fault> {
        let mut reader = Reader::new(self.text, start);
        let word = reader.word(place)?;
        if reader.at != span.end {
            return Err(Fault::unsupported("this combination of quotes", span.clone()));
        }
        Ok(word)
    }

    fn function(&self, function: &ast::FunctionDefinition, span: &Range<usize>) -> Result<Kind, Fault> {
        let before = self.text[..span.start].trim_end();
        let start = match before.strip_suffix("function") {
            Some(rest) if !rest.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => rest.len(),
            _ => span.start,
        };
        if function.body.1.is_some() {
            // The grammar does not tell where it ends.
            return Err(Fault::unsupported("a function whose output or input is redirected", span.clone()));
        }
        let text = &self.text[start..span.end];
        if let Some(quote) = ambiguous_quote(text) {
            let at = start + quote;
            return Err(Fault::unsupported("a single quote inside '${..}' in a function", at..at + 1));
        }
        if let Some(mark) = ambiguous_here_document(text) {
            let at = start + mark;
            return Err(Fault::unsupported(
                "a '\\' that continues a line of a here-document or stands in its end mark",
                at..at + 2,
            ));
        }
        if let Some(number) = numbered_target(text) {
            let at = start + number;
            return Err(Fault::unsupported(
                "a redirection to a number that is redirected itself",
                at..at + 1,
            ));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        if !function.fname.value.chars().all(plain) {
            return Err(Fault::unsupported("a function of such a name", span.clone()));
        }
        let line = self.offsets.line(start);
        let (name, text) = (function.fname.value.clone(), text.to_owned());
        Ok(Kind::Define(Function { name, sourced_from: None, line, text }))
    }

    fn span(&self, node: &impl SourceLocation) -> Option<Range<usize>> {
        let location = node.location()?;
        let (mut start, end) = (self.offsets.byte(&location.start), self.offsets.byte(&location.end));
        // After a line continuation the grammar counts the blanks before a word to the word.
        let blanks = [" ", "\t", "\\\n"];
        while let Some(blank) = blanks.iter().find(|blank| self.text[start..].starts_with(**blank)) {
            start += blank.len();
        }
        (start <= end).then_some(start..end)
    }
}

/// Where a lone `'` stands inside `${..}`: inside double quotes it is literal for bash, while the
/// grammar takes it for the start of a quoted text and may go astray.
fn ambiguous_quote(text: &str) -> Option<usize> {
    text.match_indices("${").find_map(|(start, _)| {
        let inside = &text[start..start + text[start..].find('}').unwrap_or(text.len() - start)];
        let quotes = inside.matches('\'').count();
        (quotes % 2 == 1).then(|| start + inside.find('\'').unwrap_or_default())
    })
}

/// Where a `\` stands in a here-document's end mark (the grammar drops it even inside quotes) or
/// continues a line in it (bash joins the lines before it looks for the mark).
fn ambiguous_here_document(text: &str) -> Option<usize> {
    text.match_indices("<<").map(|(at, _)| at).find(|at| {
        let rest = &text[at + 2..];
        let tag = rest.trim_start_matches(['-', ' ', '\t']);
        let tag = tag.split(['\n', ' ', '\t', ';', '|', '&', '<', '>', ')']).next().unwrap_or_default();
        !rest.starts_with('<') && (tag.contains('\\') || rest.contains("\\\n"))
    })
}

/// Where a redirection is followed by digits that belong to a redirection of their own, as in
/// `< 2>&1`: no program for bash, while the grammar takes the digits for the name of a file.
fn numbered_target(text: &str) -> Option<usize> {
    text.match_indices(['<', '>']).map(|(at, operator)| at + operator.len()).find_map(|after| {
        let target = text[after..].trim_start_matches([' ', '\t', '&', '|', '\\', '\n']);
        let rest = target.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = rest.len() < target.len() && rest.starts_with(['<', '>']);
        numbered.then(|| text.len() - target.len())
    })
}

fn compound_name(compound: &CompoundCommand) -> &'static str {
    match compound {
        CompoundCommand::Arithmetic(_) => "arithmetic",
        CompoundCommand::BraceGroup(_) => "a block in braces",
        CompoundCommand::Subshell(_) => "a subshell",
        CompoundCommand::CaseClause(_) => "'case'",
        CompoundCommand::IfClause(_) => "'if'",
        CompoundCommand::ForClause(_) | CompoundCommand::ArithmeticForClause(_) => "'for'",
        CompoundCommand::WhileClause(_) => "'while'",
        CompoundCommand::UntilClause(_) => "'until'",
        CompoundCommand::Coprocess(_) => "a coprocess",
    }
}
