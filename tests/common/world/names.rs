//! Output as it is in every run.

use regex::Regex;

/// What is in the way of comparing two runs: paths and ports, with what stands in their place.
#[derive(Debug, Clone)]
pub struct Names(pub Vec<(String, String)>);

impl Names {
    /// The text with names for paths, ports, times, processes, this user and this machine.
    pub fn normalise(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        let text = [
            (r"\d{8}T\d{6}Z-[0-9a-f]{8}", "[id]"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+00:00)?", "[time]"),
            (r"\b(pid|process) \d+", "$1 [pid]"),
        ]
        .iter()
        .fold(text, |text, (pattern, name)| {
            Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
        });
        let user = crate::common::sshd::user();
        let text = text.replace(&format!("{user}@"), "[user]@");
        let text = text.replace(&format!("user    : {user}\n"), "user    : [user]\n");
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        text.replace(&format!(" on {machine} "), " on [machine] ")
    }
}
