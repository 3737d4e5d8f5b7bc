//! Keeps secrets out of everything that is shown or written down.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Secrets that nobody told us of, by the words around them: a node's cookie on a command line or in
/// a log of run_erl, the password in a URL, and what a variable with a secret name is said to hold.
/// `a`, `b` and `c` are what stays.
static BY_SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = concat!(
        r"(?P<a>-setcookie[ \t'\x22]+)[^ \t\r\n'\x22]+|",
        r"(?P<b>[a-z][a-z0-9+.-]*://[^ \t\r\n/:@]*:)[^ \t\r\n/@]+@|",
        r"(?P<c>\b[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|KEY|COOKIE|CREDENTIAL)[A-Z0-9_]*=)",
        r"(?:'[^'\n]*'|\x22[^\x22\n]*\x22|[^\s'\x22;&|()<>\[]+)",
    );
    // It is well formed, as the test below shows.
    Regex::new(shapes).ok()
});

/// A line of bash's trace (`set -x`) that gives a variable its value.
static TRACED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // It is well formed, as the test below shows.
    Regex::new(
        r"^\++ (?:(?:export|local|readonly|declare|typeset) (?:-\S+ )*)?('?)([A-Za-z_][A-Za-z0-9_]*)=(.+)",
    )
    .ok()
});

/// Replaces known secret values wherever they appear.
#[derive(Debug, Clone, Default)]
pub struct Redactor(Vec<String>);

impl Redactor {
    /// Shown instead of a secret.
    pub const MASK: &'static str = "[secret]";

    /// Hides these values. Very short ones are left out: they would mask ordinary text.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut redactor = Self::default();
        redactor.hide(secrets);
        redactor
    }

    /// Hides these values as well, and each line of those that have several: what is shown passes
    /// by line by line.
    pub fn hide(&mut self, secrets: impl IntoIterator<Item = String>) {
        for secret in secrets.into_iter().filter(|secret| secret.len() >= 4) {
            let lines = secret.lines().filter(|line| line.len() >= 8 && line.len() < secret.len());
            self.0.extend(lines.map(str::to_owned));
            if secret.contains('\'') {
                // As bash traces it, in single quotes.
                self.0.push(secret.replace('\'', "'\\''"));
            }
            self.0.push(secret);
        }
        // The longest first, so that a secret inside another one leaves no rest.
        self.0.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.0.dedup();
    }

    /// Whether it hides this value already.
    pub fn hides(&self, secret: &str) -> bool {
        self.0.iter().any(|known| known == secret)
    }

    /// Whether a setting or variable of this name holds a secret.
    pub fn is_secret_name(name: &str) -> bool {
        let name = name.to_ascii_uppercase();
        ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY", "COOKIE", "CREDENTIAL"]
            .iter()
            .any(|word| name.split('_').any(|part| part.contains(word)))
    }

    /// The secrets that a trace of bash (`set -x`) shows being set.
    pub fn traced(trace: &str) -> Vec<String> {
        let values = secret_assignments(trace).map(|set| &set.rest[..set.end().unwrap_or(set.rest.len())]);
        values.map(|value| value.trim_matches('\'').replace("'\\''", "'")).collect()
    }

    /// Where the line begins in a trace whose end is still to come: a secret of several lines.
    pub fn open_trace(trace: &str) -> Option<usize> {
        secret_assignments(trace).find(|set| set.end().is_none()).map(|set| set.line)
    }

    /// The text without the secrets.
    pub fn redact(&self, text: &str) -> String {
        let text =
            self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), Self::MASK));
        match by_shape(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => masked,
        }
    }
}

/// A line of a trace that sets a variable with a secret name.
struct TracedSecret<'a> {
    /// Where the line begins.
    line: usize,
    /// The trace from the value on.
    rest: &'a str,
    /// Whether it is within quotes there already: `export 'KEY=a b'`.
    quoted: bool,
}

fn secret_assignments(trace: &str) -> impl Iterator<Item = TracedSecret<'_>> {
    let mut at = 0;
    let lines = trace.split_inclusive('\n').map(move |line| {
        at += line.len();
        (at - line.len(), line)
    });
    lines.filter(|(_, line)| line.starts_with('+')).filter_map(|(at, line)| {
        let set = TRACED.as_ref()?.captures(line)?;
        let value = set.get(3).filter(|_| Redactor::is_secret_name(&set[2]))?;
        Some(TracedSecret { line: at, rest: &trace[at + value.start()..], quoted: !set[1].is_empty() })
    })
}

impl TracedSecret<'_> {
    /// Where the value ends: with its line, which is one outside of quotes. None when that is to come.
    fn end(&self) -> Option<usize> {
        let (mut quoted, mut escaped) = (self.quoted, false);
        for (at, c) in self.rest.char_indices() {
            match c {
                '\n' if !quoted => return Some(at),
                '\'' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = c == '\\' && !quoted;
        }
        (!quoted).then_some(self.rest.len())
    }
}

fn by_shape(text: &str) -> Cow<'_, str> {
    // Most texts have none of them, and are not searched.
    if !["://", "-setcookie", "="].iter().any(|part| text.contains(part)) {
        return Cow::Borrowed(text);
    }
    let Some(shapes) = BY_SHAPE.as_ref() else { return Cow::Borrowed(text) };
    shapes.replace_all(text, |found: &regex::Captures<'_>| {
        match (found.name("a").or(found.name("c")), found.name("b")) {
            (Some(before), _) => format!("{}{}", before.as_str(), Redactor::MASK),
            (_, Some(before)) => format!("{}{}@", before.as_str(), Redactor::MASK),
            _ => Redactor::MASK.to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn hides_what_looks_like_a_secret() {
        let redactor = Redactor::default();
        for (text, shown) in [
            ("beam.smp -sname a -setcookie abc -boot x", "beam.smp -sname a -setcookie [secret] -boot x"),
            ("ecto://app:pw@db/app and http://host:80/x", "ecto://app:[secret]@db/app and http://host:80/x"),
            ("git push ssh://me@host:22/x", "git push ssh://me@host:22/x"),
            ("+ export DB_PASSWORD='a b' X=1", "+ export DB_PASSWORD=[secret] X=1"),
            ("API_TOKEN=abc;", "API_TOKEN=[secret];"),
            (
                "RELEASE_COOKIE=[secret] KEY= StrictHostKeyChecking=no",
                "RELEASE_COOKIE=[secret] KEY= StrictHostKeyChecking=no",
            ),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn hides_the_longest_secret_first() {
        let redactor = Redactor::new(["hunter2".to_owned(), "hunter2extra".to_owned(), "abc".to_owned()]);
        assert_eq!(redactor.redact("x hunter2extra hunter2 abc"), "x [secret] [secret] abc");
    }

    #[test]
    fn hides_the_lines_of_a_key() {
        let mut redactor = Redactor::default();
        redactor.hide(["-----BEGIN-----\nMIIEpAIBAAKCAQEA\nx\n".to_owned()]);
        assert_eq!(redactor.redact("line MIIEpAIBAAKCAQEA\nx"), "line [secret]\nx");
        assert!(redactor.hides("MIIEpAIBAAKCAQEA") && !redactor.hides("x"));
    }

    #[test]
    fn reads_secrets_from_a_trace() {
        let trace = "++ echo x\n+ api_token=abcd\n+ APP=shop\n+ export 'DB_PASSWORD=it'\\''s'\n+ local X_KEY=k=v\nNO_KEY=1\n";
        assert_eq!(Redactor::traced(trace), ["abcd", "it's", "k=v"]);
        let lines = "++ X_KEY='a\nb'\n++ export 'Y_KEY=c\n";
        assert_eq!(Redactor::traced(lines), ["a\nb", "c\n"]);
        assert_eq!(Redactor::open_trace(lines), Some(15));
        assert_eq!(Redactor::open_trace(trace), None);
        let mut redactor = Redactor::default();
        redactor.hide(["it's".to_owned()]);
        assert_eq!(redactor.redact("+ echo 'it'\\''s'"), "+ echo '[secret]'");
    }

    #[test]
    fn knows_secret_names() {
        assert!(Redactor::is_secret_name("AWS_SECRET_ACCESS_KEY"));
        assert!(Redactor::is_secret_name("DOCKER_HUB_ACCESS_TOKEN"));
        assert!(!Redactor::is_secret_name("APP"));
    }
}
