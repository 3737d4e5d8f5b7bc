//! Where the symbolic links of a release lead.

/// A chain of links longer than this is a loop, as for the kernel.
const MOST_LINKS: usize = 40;

/// Where `path` leads when every symbolic link on the way is followed, relative to the release root.
/// Nothing when it leaves the release or goes in circles.
///
/// `link_at` says the target of the link at a path, if there is one.
pub(super) fn destination<'a>(path: &str, link_at: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut links = 0;
    let mut reached: Vec<String> = Vec::new();
    // The parts that are still to be walked, the next one last.
    let mut ahead: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
    while let Some(part) = ahead.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                reached.pop()?;
                continue;
            }
            _ => reached.push(part),
        }
        if let Some(target) = link_at(&reached.join("/")) {
            links += 1;
            if links > MOST_LINKS || target.starts_with('/') {
                return None;
            }
            reached.pop();
            ahead.extend(target.rsplit('/').map(str::to_owned));
        }
    }
    Some(reached.join("/"))
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn follows_links_within_the_release_only() {
        let links = [
            ("current", "releases/1.0"),
            ("bin/app", "app-1.0"),
            ("s/up", ".."),
            ("out", "s/up/.."),
            ("far", "s/up/s/up/x"),
            ("loop", "loop"),
            ("absolute", "/etc/passwd"),
        ];
        let link_at = |path: &str| links.iter().find(|(from, _)| *from == path).map(|(_, to)| *to);
        for (path, leads_to) in [
            ("bin/app", Some("bin/app-1.0")),
            ("current/start.boot", Some("releases/1.0/start.boot")),
            ("lib/../bin/app", Some("bin/app-1.0")),
            ("s/up", Some("")),
            ("far", Some("x")),
            // Each link stays inside when read by itself; together they leave.
            ("out", None),
            ("loop", None),
            ("absolute", None),
            ("../x", None),
        ] {
            assert_eq!(destination(path, link_at).as_deref(), leads_to, "{path}");
        }
    }
}
