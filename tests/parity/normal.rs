//! What differs from run to run, and what stands in its place.

use camino::Utf8Path;
use regex::Regex;

use crate::common::sshd::user;

/// The names of a lane: paths, ports, commits.
#[derive(Default)]
pub struct Normal {
    names: Vec<(String, String)>,
}

impl Normal {
    /// Says that this stands for that from now on.
    pub fn name(&mut self, text: impl Into<String>, name: impl Into<String>) {
        self.names.push((text.into(), name.into()));
    }

    /// Gives the commits of a repository names in the order in which they were made.
    pub fn name_commits(&mut self, repository: &Utf8Path) {
        let list =
            duct::cmd!("git", "-C", repository, "log", "--all", "--topo-order", "--reverse", "--format=%H");
        for (index, hash) in list.read().unwrap().lines().enumerate() {
            let name = format!("[commit {}]", index + 1);
            self.name(hash, &*name);
            self.name(&hash[..7], name);
        }
    }

    /// The text as it is in every run.
    pub fn text(&self, text: &str) -> String {
        let text = text.replace('\r', "");
        let text = self.names.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let patterns = [
            (r"\d{8}T\d{6}Z-[0-9a-f]{8}", "[id]"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000| \+00:00)?", "[time]"),
            (r"(?m)^edeliver \d+\.\d+\.\d+$", "edeliver [version]"),
            (r"\b(pid|process) \d+", "$1 [pid]"),
            (r"\bedeliver-(build|release)-\d+-\d+", "edeliver-$1-[id]"),
            (r"\bport \d+", "port [port]"),
            (r"/\.tmp[A-Za-z0-9]{6}\b", "/[temporary]"),
            (r"\.(release|upgrade|upgrade\.tar\.gz)\.[A-Za-z0-9]{6}\b", ".$1.[temporary]"),
        ];
        let text = patterns.iter().fold(text, |text, (pattern, name)| {
            Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
        });
        let user = user();
        let text = text.replace(&format!("{user}@"), "[user]@");
        text.replace(&format!("user    : {user}\n"), "user    : [user]\n")
    }

    /// The text of a command's output: the blocks of nodes, which are shown as the answers come, in their order.
    pub fn output(&self, text: &str, colours: bool) -> String {
        let text = if colours { named_colours(text) } else { without_colours(text) };
        sort_blocks(&without_scripts(&self.text(&text)))
    }
}

/// What failed is shown by the original as the whole of its own script.
fn without_scripts(text: &str) -> String {
    let script = Regex::new(r"(?s)(FAILED with exit status \d+:\n).*").unwrap();
    script.replace(text, "${1}[the script]\n").into_owned()
}

fn without_colours(text: &str) -> String {
    Regex::new(r"\x1b(\[[0-9;]*m|\(B)").unwrap().replace_all(text, "").into_owned()
}

/// Colours as what one sees: `{bold green}text{}`.
fn named_colours(text: &str) -> String {
    let code = Regex::new(r"\x1b\[([0-9;]*)m|\x1b\(B").unwrap();
    let (mut bold, mut colour, mut named) = (false, None, String::new());
    let (mut shown, mut last) = (String::new(), 0);
    for found in code.captures_iter(text) {
        let whole = found.get(0).unwrap();
        push_styled(&mut named, &mut shown, &text[last..whole.start()], bold, colour);
        last = whole.end();
        for number in found.get(1).map_or("", |codes| codes.as_str()).split(';') {
            match number {
                "1" => bold = true,
                "" | "0" if found.get(1).is_some() => (bold, colour) = (false, None),
                _ => colour = colour_of(number).or(colour),
            }
        }
    }
    push_styled(&mut named, &mut shown, &text[last..], bold, colour);
    push_styled(&mut named, &mut shown, "\n", false, None);
    named
}

/// The text, behind the name of its style where that has changed. Empty lines have no style.
fn push_styled(named: &mut String, shown: &mut String, text: &str, bold: bool, colour: Option<&str>) {
    let style = [bold.then_some("bold"), colour].into_iter().flatten().collect::<Vec<_>>().join(" ");
    for part in text.split_inclusive('\n') {
        let content = part.trim_end_matches('\n');
        if !content.is_empty() && style != *shown {
            named.push_str(&format!("{{{style}}}"));
            shown.clone_from(&style);
        }
        named.push_str(part);
    }
}

fn colour_of(number: &str) -> Option<&'static str> {
    let names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    names.get(number.parse::<usize>().ok()?.checked_sub(30)?).copied()
}

/// Nodes answer in any order. A block begins with `ENVIRONMENT node: NUMBER`.
fn sort_blocks(text: &str) -> String {
    let begin = Regex::new(r"(?m)^.*\bnode: (\d+)$").unwrap();
    let starts: Vec<usize> = begin.find_iter(text).map(|found| found.start()).collect();
    let (Some(&first), Some(&last)) = (starts.first(), starts.last()) else { return text.to_owned() };
    // The last block ends where an empty line follows its response.
    let rest = &text[last..];
    let end = Regex::new(r"(?m)^  (response|error   ): .*\n(            .*\n)*").unwrap();
    let end = end.find_iter(rest).last().map_or(text.len(), |found| last + found.end());
    let ends = starts.iter().skip(1).copied().chain([end]);
    let mut blocks: Vec<&str> =
        starts.iter().zip(ends).map(|(start, end)| text[*start..end].trim_end()).collect();
    blocks.sort_unstable();
    // Nodes that answer at the same time may each begin with the empty lines of all.
    let before = Regex::new(r"\n{4,}\z").unwrap().replace(&text[..first], "\n\n\n");
    format!("{before}{}\n{}", blocks.join("\n\n"), &text[end..])
}
