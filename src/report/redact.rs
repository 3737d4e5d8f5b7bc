//! Keeps secrets out of everything that is shown or written down.

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
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), Self::MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::Redactor;

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
