//! Keeps secrets out of everything that is shown or written down.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Secrets that nobody told us of, by the words around them: a node's cookie on a command line or in
/// a log of run_erl, and the password in a URL. `a` and `b` are what stays.
static BY_SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = r"(?P<a>-setcookie[ \t'\x22]+)[^ \t\r\n'\x22]+|(?P<b>[a-z][a-z0-9+.-]*://[^ \t\r\n/:@]*:)[^ \t\r\n/@]+@";
    // It is well formed, as the test below shows.
    Regex::new(shapes).ok()
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

fn by_shape(text: &str) -> Cow<'_, str> {
    // Most texts have neither, and are not searched.
    if !text.contains("://") && !text.contains("-setcookie") {
        return Cow::Borrowed(text);
    }
    let Some(shapes) = BY_SHAPE.as_ref() else { return Cow::Borrowed(text) };
    shapes.replace_all(text, |found: &regex::Captures<'_>| match (found.name("a"), found.name("b")) {
        (Some(before), _) => format!("{}{}", before.as_str(), Redactor::MASK),
        (_, Some(before)) => format!("{}{}@", before.as_str(), Redactor::MASK),
        _ => Redactor::MASK.to_owned(),
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
    fn knows_secret_names() {
        assert!(Redactor::is_secret_name("AWS_SECRET_ACCESS_KEY"));
        assert!(Redactor::is_secret_name("DOCKER_HUB_ACCESS_TOKEN"));
        assert!(!Redactor::is_secret_name("APP"));
    }
}
