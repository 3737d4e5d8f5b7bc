//! The one place where a text becomes a word of a shell on a host.

/// `text` as one word of a POSIX shell. It reads the same in bash, dash, zsh and ksh.
///
/// Words of plain characters stay as they are, so that messages show commands as people type them.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;
    use proptest::prelude::*;

    fn through(shell: &str, text: &str) -> String {
        let script = format!("printf %s {}", quote(text));
        duct::cmd!(shell, "-c", script).read().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn survives_every_posix_shell(text in "[^\0\r]{0,40}") {
            let text = text.trim_end_matches('\n').to_owned();
            for shell in ["sh", "bash"] {
                prop_assert_eq!(&through(shell, &text), &text);
            }
        }
    }
}
