//! A command for a host, as a value: built by pure functions, quoted in one place.

use std::time::Duration;

use super::path::RemotePath;
use super::quote::quote;

/// A command to run on a host: a program with arguments, or a POSIX script with arguments.
///
/// It mirrors `std::process::Command`. Nothing of it appears on the host's process list before the
/// program itself runs, since the text travels on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCommand {
    body: Body,
    env: Vec<(String, String)>,
    cwd: Option<RemotePath>,
    profile: Option<Profile>,
    deadline: Option<Duration>,
    interruptible: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Program(Vec<Arg>),
    Script { text: String, args: Vec<Arg>, knows_itself: bool },
}

/// One argument of a [`RemoteCommand`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Passed literally.
    Text(String),
    /// A path, whose `~` the host expands.
    Path(RemotePath),
}

impl Arg {
    fn to_shell_word(&self) -> String {
        match self {
            Arg::Text(text) => quote(text),
            Arg::Path(path) => path.to_shell_word(),
        }
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Arg::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Arg::Text(text)
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Arg::Text(text.clone())
    }
}

impl From<RemotePath> for Arg {
    fn from(path: RemotePath) -> Self {
        Arg::Path(path)
    }
}

impl From<&RemotePath> for Arg {
    fn from(path: &RemotePath) -> Self {
        Arg::Path(path.clone())
    }
}

/// The user's profile on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    file: RemotePath,
    /// What of it a command gets.
    pub gives: Gives,
}

/// What a command gets of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// All that it does to the shell.
    All,
    /// The environment that it sets.
    Environment,
}

impl Profile {
    /// What reads it, in the user's shell language.
    pub fn to_script(&self) -> String {
        let file = self.file.to_shell_word();
        format!("if [ -f {file} ]; then . {file} </dev/null >/dev/null 2>&1 || :; fi")
    }
}

impl RemoteCommand {
    /// Runs `program`, found in the host's PATH.
    pub fn new(program: impl Into<Arg>) -> Self {
        Self::of(Body::Program(vec![program.into()]))
    }

    /// Runs a POSIX script; its arguments are `$1`, `$2` ...
    pub fn script(text: impl Into<String>) -> Self {
        Self::of(Body::Script { text: text.into(), args: Vec::new(), knows_itself: false })
    }

    /// The script finds its own text in `$own_text`.
    #[must_use]
    pub fn knowing_itself(mut self) -> Self {
        if let Body::Script { knows_itself, .. } = &mut self.body {
            *knows_itself = true;
        }
        self
    }

    fn of(body: Body) -> Self {
        Self { body, env: Vec::new(), cwd: None, profile: None, deadline: None, interruptible: true }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<Arg>) -> Self {
        match &mut self.body {
            Body::Program(args) | Body::Script { args, .. } => args.push(arg.into()),
        }
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<Arg>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of the command's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets variables of the command's environment.
    #[must_use]
    pub fn envs<N: Into<String>, V: Into<String>>(self, vars: impl IntoIterator<Item = (N, V)>) -> Self {
        vars.into_iter().fold(self, |command, (name, value)| command.env(name, value))
    }

    /// Runs it in `directory`; a directory that is not there is a failure of the command.
    #[must_use]
    pub fn cwd(mut self, directory: &RemotePath) -> Self {
        self.cwd = Some(directory.clone());
        self
    }

    /// Reads the user's profile first, when the host has that file. It is the user's own text, so the
    /// whole command then runs in bash where the host has it (PARITY.md section 2, PROFILE).
    #[must_use]
    pub fn profile(mut self, profile: &RemotePath) -> Self {
        self.profile = Some(Profile { file: profile.clone(), gives: Gives::All });
        self
    }

    /// The same for a command of our own, which needs no more of the profile than the environment: it runs in
    /// sh, which is quicker, and what the profile does to its shell does not reach it.
    #[must_use]
    pub fn profile_environment(mut self, profile: &RemotePath) -> Self {
        self.profile = Some(Profile { file: profile.clone(), gives: Gives::Environment });
        self
    }

    /// Gives up when it has not ended within `time`.
    #[must_use]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = Some(time);
        self
    }

    /// Ctrl-c does not end the wait for it: for steps that must not be cut short.
    #[must_use]
    pub fn uninterruptible(mut self) -> Self {
        self.interruptible = false;
        self
    }

    /// The time it has, where that is limited.
    pub fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether ctrl-c ends the wait for it.
    pub fn is_interruptible(&self) -> bool {
        self.interruptible
    }

    /// The user's profile, where it is to be read.
    pub fn profile_to_read(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// The script that a POSIX shell on the host evaluates, behind the profile.
    pub fn to_script(&self) -> String {
        let mut script = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            script.push_str(&text.to_string());
            script.push('\n');
        };
        for (name, value) in &self.env {
            line(format_args!("export {name}={}", quote(value)));
        }
        if let Some(directory) = &self.cwd {
            line(format_args!("cd -- {} || exit 1", directory.to_shell_word()));
        }
        match &self.body {
            Body::Program(words) => line(format_args!("exec {}", shell_words(words))),
            Body::Script { text, args, knows_itself } => {
                line(format_args!("set -- {}", shell_words(args)));
                match knows_itself {
                    true => line(format_args!("own_text={}\neval \"$own_text\"", quote(text))),
                    false => line(format_args!("{text}")),
                }
            }
        }
        script
    }

    /// The command as a person would type it on the host, for messages.
    pub fn display(&self) -> String {
        let words = match &self.body {
            Body::Program(words) => shell_words(words),
            Body::Script { text, args, .. } => {
                let name = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
                format!("sh: {name} {}", shell_words(args)).trim_end().to_owned()
            }
        };
        match &self.cwd {
            Some(directory) => format!("cd {} && {words}", directory.to_shell_word()),
            None => words,
        }
    }
}

fn shell_words(args: &[Arg]) -> String {
    args.iter().map(Arg::to_shell_word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_quoted() {
        let command = RemoteCommand::new("git")
            .arg("clean")
            .arg("my dir")
            .env("APP", "it's")
            .cwd(&"~/build dir".parse().unwrap());
        assert_eq!(
            command.to_script(),
            "export APP='it'\\''s'\ncd -- ~/'build dir' || exit 1\nexec git clean 'my dir'\n"
        );
        assert_eq!(command.display(), "cd ~/'build dir' && git clean 'my dir'");
    }

    #[test]
    fn a_script_gets_its_arguments() {
        let command = RemoteCommand::script("# say it\necho \"$1\"").arg("a b");
        assert_eq!(command.to_script(), "set -- 'a b'\n# say it\necho \"$1\"\n");
        assert_eq!(command.display(), "sh: say it 'a b'");
    }

    #[test]
    fn a_script_may_know_itself() {
        let command = RemoteCommand::script("echo 'it is' \"$1\"").arg("a").knowing_itself();
        let script = r#"echo '\''it is'\'' "$1""#;
        assert_eq!(command.to_script(), format!("set -- a\nown_text='{script}'\neval \"$own_text\"\n"));
    }
}
