//! What reads as if it were for the host, but is expanded on this machine: a `$` that is not escaped
//! in the double quotes around a remote script.

use std::fmt;

/// Names whose value on the host most likely is meant.
const OF_THE_HOST: &[&str] =
    &["HOME", "HOSTNAME", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHELL", "TMPDIR", "USER"];
/// What sends a script to hosts.
const SENDERS: &[&str] = &["__sync_remote \"", "__remote \""];

/// A `$` or backtick that is expanded too early, most likely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there: `$HOME`, `$(`.
    pub what: String,
    /// Whether the script itself sets the variable.
    pub set_by_script: bool,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, .. } = self;
        match self.set_by_script {
            true => {
                write!(f, "{what} is expanded here, before the script sets it on the host; write \\{what}")
            }
            false => write!(f, "{what} is expanded here, not on the host; write \\{what} for the host's"),
        }
    }
}

/// The traps in a config, in its order.
pub fn traps(config: &str) -> Vec<Trap> {
    let mut found = Vec::new();
    for sender in SENDERS {
        for (at, _) in config.match_indices(sender) {
            let line = &config[config[..at].rfind('\n').map_or(0, |end| end + 1)..at];
            if !line.trim_start().starts_with('#') {
                let start = at + sender.len();
                found.extend(in_script(script(&config[start..])).into_iter().map(|(offset, what, set)| {
                    Trap {
                        line: config[..start + offset].matches('\n').count() + 1,
                        what,
                        set_by_script: set,
                    }
                }));
            }
        }
    }
    found.sort_by_key(|trap| trap.line);
    found
}

/// The text up to the quote that ends it.
fn script(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    });
    &text[..end.unwrap_or(text.len())]
}

/// Where what is expanded, and whether the script sets it.
fn in_script(script: &str) -> Vec<(usize, String, bool)> {
    let mut found = Vec::new();
    let mut escaped = false;
    for (at, c) in script.char_indices() {
        if c == '$' && !escaped {
            let rest = &script[at + 1..];
            let name = rest.strip_prefix('{').unwrap_or(rest);
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            let name = &name[..end];
            let set = !name.is_empty() && is_set_by(&script[..at], name);
            if set || OF_THE_HOST.contains(&name) {
                found.push((at, format!("${name}"), set));
            }
        }
        escaped = c == '\\' && !escaped;
    }
    found
}

/// Whether one of these lines assigns to the name.
fn is_set_by(lines: &str, name: &str) -> bool {
    lines.lines().map(str::trim_start).any(|line| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let rest = line.strip_prefix("for ").unwrap_or(line).strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('=') || rest.starts_with(" in "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expanded_too_early_is_told() {
        let config = "APP=$HOME\nhook() {\n  __sync_remote \"\n    cd $HOME && cd \\$HOME && cd '$BUILD_AT'\n    \
                      VSN=\\$(cat v)\n    for f in a; do echo ${f} \\\"\\$f\\\"; done\n    echo $VSN\"\n  echo $HOME\n}\n# __remote \"$HOME\"\n";
        let found: Vec<String> =
            traps(config).iter().map(|trap| format!("{}: {}", trap.line, trap.what)).collect();
        assert_eq!(found, ["4: $HOME", "6: $f", "7: $VSN"]);
        assert!(traps(config)[0].to_string().contains("write \\$HOME"));
        assert!(traps(config)[2].to_string().contains("before the script sets it"));
    }
}
