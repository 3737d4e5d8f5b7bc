//! Configs beyond the static subset: the user's own bash evaluates them as a whole.

use camino::Utf8Path;

use super::error::SettingsError;
use super::load::Loader;
use super::shellfile::{
    Evaluated, Function, Problem, ShellFile, ShellFileError, Variables, evaluate, evaluated_text,
};

/// The user's own bash, for configs that are more than static.
pub trait ConfigShell {
    /// Reads a config as `source` does.
    ///
    /// # Errors
    /// When there is no bash, or the file is not valid or ends it.
    fn read(&mut self, config: &BeyondStatic<'_>) -> Result<ReadByBash, Refusal>;
}

/// A config that bash has to read.
#[derive(Debug)]
pub struct BeyondStatic<'a> {
    /// The file.
    pub path: &'a Utf8Path,
    /// What is read, where that differs from the file's content (its line ends).
    pub text: Option<&'a str>,
    /// What is set before.
    pub variables: &'a Variables,
    /// What must not be shown of that.
    pub secrets: Vec<String>,
    /// The line and what is on it, for when there is no bash.
    pub needed_by: String,
}

/// Why a config was not read.
#[derive(Debug)]
pub enum Refusal {
    /// No bash is to be used.
    StaticOnly,
    /// It is not valid for bash either.
    Syntax(anyhow::Error),
    /// There is no bash, or the config ended it.
    Other(anyhow::Error),
}

/// What a config has done in bash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadByBash {
    /// The variables that it set: name, value, whether it is exported.
    pub set: Vec<(String, String, bool)>,
    /// The variables that it took away.
    pub unset: Vec<String>,
    /// The functions that it defines, and those of files that it sources. Their texts stay in bash.
    pub functions: Vec<Function>,
}

/// Does without bash: a config beyond the static subset is an error.
pub struct StaticOnly;

impl ConfigShell for StaticOnly {
    fn read(&mut self, _: &BeyondStatic<'_>) -> Result<ReadByBash, Refusal> {
        Err(Refusal::StaticOnly)
    }
}

impl Loader<'_> {
    /// Evaluates the content of a config: natively where that is possible, which nobody can tell
    /// from what bash does, else in bash.
    pub(super) fn evaluate(
        &mut self,
        shown: &Utf8Path,
        content: &[u8],
        shell: &mut dyn ConfigShell,
    ) -> Result<Evaluated, SettingsError> {
        // The grammar knows less than bash does, so that not being understood by it says nothing.
        let parsed = ShellFile::parse(shown, content);
        let problem = match parsed.and_then(|file| evaluate(&file, &mut self.variables)) {
            Ok(evaluated) => return Ok(evaluated),
            Err(problem) => problem,
        };
        if !problem.problem().needs_bash() {
            return Err(problem.into());
        }
        let read = shell.read(&BeyondStatic {
            path: &self.project.join(shown),
            text: evaluated_text(content).as_deref(),
            variables: &self.variables,
            secrets: self.secrets(),
            needed_by: format!("{shown}:{} ({})", problem.line(), problem.problem()),
        });
        let read = read.map_err(|refusal| refused(refusal, &problem))?;
        Ok(self.take_over(read, &String::from_utf8_lossy(content), problem.line()))
    }

    fn take_over(&mut self, read: ReadByBash, text: &str, otherwise: usize) -> Evaluated {
        for (name, value, exported) in read.set {
            let line = line_that_sets(text, &name).unwrap_or(otherwise);
            self.variables.take_over(&name, value, exported, line);
        }
        for name in read.unset {
            self.variables.unset(&name);
        }
        Evaluated { functions: read.functions }
    }
}

/// Where bash only repeats that the text is no program, our own error shows the place.
fn refused(refusal: Refusal, problem: &ShellFileError) -> SettingsError {
    match (refusal, problem.problem()) {
        (Refusal::StaticOnly, _) | (Refusal::Syntax(_), Problem::Syntax(_)) => problem.clone().into(),
        (Refusal::Syntax(error) | Refusal::Other(error), _) => SettingsError::Bash(error),
    }
}

/// The last line that assigns to `name`, counted from 1.
fn line_that_sets(text: &str, name: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let rest = &line[at + name.len()..];
            before.is_none_or(|c| !c.is_ascii_alphanumeric() && !"_$".contains(c))
                && (rest.starts_with('=') || rest.starts_with("+=") || rest.starts_with(":="))
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| sets(line));
    lines.last().map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::line_that_sets;

    #[test]
    fn finds_the_line_of_an_assignment() {
        let text = "APP=x\nif true; then HOSTS=\"$APP\"; fi\nexport MY_APP=y\n: ${BRANCH:=z}\nAPP+=z\n";
        for (name, line) in
            [("APP", Some(5)), ("HOSTS", Some(2)), ("MY_APP", Some(3)), ("BRANCH", Some(4)), ("NONE", None)]
        {
            assert_eq!(line_that_sets(text, name), line, "{name}");
        }
    }
}
