//! Tells the options of a command line from its words, in whatever order they come.

use clap::{Arg, ArgAction};

use super::error::UsageError;
use super::suggest::nearest;
use super::values::stage_of;

/// A command line, sorted.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// What is no option, in order.
    pub words: Vec<String>,
    /// The options that exist, by their full names.
    pub options: Vec<GivenOption>,
    /// Options that do not exist and resemble none.
    pub unknown: Vec<String>,
    /// Options that say nothing, as `--branch=`.
    pub empty: Vec<String>,
    /// `-h`, `--help` or the word `help` in front.
    pub help: bool,
}

/// An option with its value, if it takes one.
#[derive(Debug, Clone)]
pub(super) struct GivenOption {
    /// The long name, without `--`.
    pub name: String,
    pub value: Option<String>,
}

impl GivenOption {
    /// The one spelling that clap gets.
    pub(super) fn canonical(&self) -> String {
        match &self.value {
            Some(value) => format!("--{}={value}", self.name),
            None => format!("--{}", self.name),
        }
    }
}

/// Every option of every command, each name once.
pub(super) fn every_option(root: &clap::Command) -> Vec<&Arg> {
    let mut options: Vec<&Arg> = Vec::new();
    let mut commands = vec![root];
    while let Some(command) = commands.pop() {
        for option in command.get_arguments().filter(|argument| !argument.is_positional()) {
            if !options.iter().any(|known| known.get_long() == option.get_long()) {
                options.push(option);
            }
        }
        commands.extend(command.get_subcommands());
    }
    options
}

/// Sorts `args`; `root` knows the options and the words that cannot be an option's value.
pub(super) fn scan(args: &[String], root: &clap::Command) -> Result<Scan, UsageError> {
    let options = every_option(root);
    let mut scan = Scan::default();
    let mut args = args.iter().peekable();
    if args.next_if(|arg| *arg == "help").is_some() {
        scan.help = true;
    }
    while let Some(arg) = args.next() {
        if arg == "-h" || arg == "--help" {
            scan.help = true;
        } else if let Some(option) = arg.strip_prefix("--").filter(|option| !option.is_empty()) {
            let next = args.peek().filter(|next| !next.starts_with('-'));
            let next = next.map(|next| Next { text: next, is_grammar: is_grammar(next, root) });
            if scan.long(option, next, &options)? == Value::Next {
                args.next();
            }
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            scan.short(arg, letters, &options)?;
        } else if arg.starts_with('-') {
            scan.unknown.push(arg.clone());
        } else if arg.is_empty() {
            // "$STAGE" with nothing in it: ignored, it would mean the default stage.
            return Err(UsageError::new("an argument is empty").hint("is a variable not set?"));
        } else {
            scan.words.push(arg.clone());
        }
    }
    Ok(scan)
}

/// The argument behind an option.
#[derive(Clone, Copy)]
struct Next<'a> {
    text: &'a str,
    /// It is a word of the grammar: `--version production` may mean two things.
    is_grammar: bool,
}

/// Where an option's value stands.
#[derive(PartialEq, Eq)]
enum Value {
    /// In the same argument, or nowhere.
    Here,
    /// In the next argument: `--branch main`.
    Next,
}

impl Scan {
    /// Reads `option` (without its `--`); `next` may be its value, where it has none of its own.
    fn long(&mut self, option: &str, next: Option<Next>, options: &[&Arg]) -> Result<Value, UsageError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let Some(known) = options.iter().find(|known| is_named(known, name)) else {
            return self.unknown_long(name, option, options).map(|()| Value::Here);
        };
        let name = known.get_long().unwrap_or(name).to_owned();
        if !matches!(known.get_action(), ArgAction::Set) {
            if value.is_some() {
                return Err(UsageError::new(format!("option '--{name}' takes no value")));
            }
            self.options.push(GivenOption { name, value: None });
            return Ok(Value::Here);
        }
        let (value, place) = match (value, next) {
            (Some(value), _) => (value, Value::Here),
            (None, Some(Next { text, is_grammar: false })) => (text.to_owned(), Value::Next),
            (None, Some(Next { text, is_grammar: true })) => {
                let error = UsageError::new(format!("'--{name} {text}' may mean two things"));
                return Err(error.hint(format!("if '{text}' is the value, write --{name}={text}")));
            }
            (None, None) => {
                let placeholder = known.get_value_names().and_then(|names| names.first());
                let placeholder = placeholder.map_or("VALUE", |name| name.as_str());
                return Err(UsageError::new(format!(
                    "option '--{name}' needs a value: --{name}={placeholder}"
                )));
            }
        };
        // CI scripts write --branch="$BRANCH" with nothing in it; the original takes that for
        // "not given". Only where it would make another version it is refused (by clap).
        if value.is_empty() && !["set-version", "increment-version"].contains(&name.as_str()) {
            self.empty.push(format!("--{name}="));
        } else {
            self.options.push(GivenOption { name, value: Some(value) });
        }
        Ok(place)
    }

    fn unknown_long(&mut self, name: &str, option: &str, options: &[&Arg]) -> Result<(), UsageError> {
        let visible = options.iter().filter(|option| !option.is_hide_set());
        let names = visible.filter_map(|option| option.get_long());
        if let Some(meant) = nearest(name, names) {
            return Err(
                UsageError::new(format!("unknown option '--{name}'")).suggest(Some(format!("--{meant}")))
            );
        }
        self.unknown.push(format!("--{option}"));
        Ok(())
    }

    /// Reads short options; `-VF` is `-V -F`.
    fn short(&mut self, arg: &str, letters: &str, options: &[&Arg]) -> Result<(), UsageError> {
        let of = |letter: char| options.iter().find(|option| option.get_short() == Some(letter));
        let known: Option<Vec<&&Arg>> = letters.chars().map(of).collect();
        if let Some(known) = known {
            let names = known.iter().filter_map(|option| option.get_long());
            self.options.extend(names.map(|name| GivenOption { name: name.to_owned(), value: None }));
            return Ok(());
        }
        let upper = letters.to_uppercase();
        if upper.chars().all(|letter| of(letter).is_some()) {
            let error = UsageError::new(format!("unknown option '{arg}'"));
            return Err(error.suggest(Some(format!("-{upper}"))));
        }
        self.unknown.push(arg.to_owned());
        Ok(())
    }
}

fn is_named(option: &Arg, name: &str) -> bool {
    option.get_long() == Some(name) || option.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

/// Whether `arg` has a meaning of its own behind `--opt`, so that it cannot be taken for its value.
fn is_grammar(arg: &str, root: &clap::Command) -> bool {
    let mut commands =
        root.get_subcommands().flat_map(|command| [command].into_iter().chain(command.get_subcommands()));
    ["to", "on", "up", "down", "version", "versions"].contains(&arg)
        || stage_of(arg).is_some()
        || commands.any(|command| {
            command.get_name_and_visible_aliases().contains(&arg)
                || command.get_all_aliases().any(|alias| alias == arg)
        })
}
