//! What is on a host before a deploy, as the host's side printed it.

use super::payload::Packing;
use super::state::LastDeploy;
use super::wanted::{Wanted, WantedKind, mode_on_host};
use crate::host::agent::{Answer, Unreadable};
use crate::node::NodeState;
use crate::release::Libc;

/// What is on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// DELIVER_TO/APP, absolute and without links.
    pub root: String,
    /// Whether it is there.
    pub root_present: bool,
    /// The processor architecture, as `uname -m` says.
    pub machine: String,
    /// The C library.
    pub libc: Libc,
    /// How far the host's clock is ahead of ours, in seconds.
    pub clock_ahead: i64,
    /// New files get no permission bit of this.
    pub umask: u32,
    /// Free space in bytes where the release and its undo data go.
    pub free_bytes: u64,
    /// Free inodes there, where the file system counts them.
    pub free_inodes: Option<u64>,
    /// What a copy of the release takes, in bytes and in files, where one is to be made.
    pub copy: (u64, u64),
    /// What speaks against a deploy, in words.
    pub problems: Vec<String>,
    /// The best that it unpacks.
    pub unpacks: Packing,
    /// Whether it has a tool that fetches URLs.
    pub fetches: bool,
    /// Which wanted directories are there and may not be written, by index.
    pub read_only: Vec<usize>,
    /// The erts-* directories that are there.
    pub erts: Vec<String>,
    /// The version that boots next, "unknown" where the files do not say.
    pub disk: String,
    /// The libraries that the release which boots next uses, where a hot upgrade asked for them.
    pub uses: Vec<String>,
    /// What speaks against a hot upgrade, in words.
    pub obstacles: Vec<String>,
    /// What a rollback would undo.
    pub last: Option<LastDeploy>,
    /// The node.
    pub node: NodeState,
    /// For each wanted entry what is there now.
    pub entries: Vec<Found>,
    /// Why it is not known what the files there have in them; they count as different then.
    pub doubt: Option<String>,
}

/// What is at the place of a wanted entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// Exactly what is wanted.
    Same,
    /// Something else of the same type: a directory is always the same directory.
    Different,
    /// Something of another type.
    OtherType,
}

impl Survey {
    /// Reads the host's answer about `wanted`.
    ///
    /// # Errors
    /// When a line is missing or is not what it should be.
    pub fn parse(answer: &Answer, wanted: &[Wanted]) -> Result<Self, Unreadable> {
        let umask = octal(answer.fact("umask")?)?;
        let mut problems: Vec<String> =
            answer.facts("missing_tool").map(|tool| format!("it has no '{tool}'")).collect();
        problems.extend(answer.facts("read_only").map(|place| format!("no permission to write in {place}")));
        let root = answer.fact("at")?.to_owned();
        let presence = answer.fact("root")?;
        if presence == "blocked" {
            problems.push(format!("{root} is not a directory"));
        }
        let device = answer.fact("device")?;
        if answer.fact("state_device")? != device {
            problems.push(format!("{root} and the directory beside it are on different file systems"));
        }
        for line in answer.facts("inner_device") {
            if let Some((inner, place)) = line.split_once(' ')
                && inner != device
            {
                problems.push(format!(
                    "{place} is on another file system than {root}: nothing can be renamed into it"
                ));
            }
        }
        let (entries, doubt) = entries(answer, wanted, umask)?;
        Ok(Self {
            root,
            root_present: presence == "present",
            machine: answer.fact("machine")?.to_owned(),
            libc: Libc::parse(answer.fact("libc")?),
            clock_ahead: number(answer.fact("clock")?)?.cast_signed() - jiff::Timestamp::now().as_second(),
            umask,
            free_bytes: number(answer.fact("free_kb")?)? * 1024,
            free_inodes: answer.facts("free_inodes").next().and_then(|count| count.parse().ok()),
            copy: (sum(answer, "release_kb")? * 1024, sum(answer, "release_files")?),
            problems,
            read_only: read_only(answer, wanted),
            unpacks: if answer.has("zstd yes") { Packing::Zstd } else { Packing::Gzip },
            fetches: answer.has("fetches yes"),
            erts: answer.facts("erts").map(str::to_owned).collect(),
            disk: answer.fact("disk")?.to_owned(),
            uses: answer.facts("uses").map(str::to_owned).collect(),
            obstacles: answer.facts("obstacle").map(str::to_owned).collect(),
            last: LastDeploy::parse(answer)?,
            node: NodeState::parse(answer.fact("node")?)?,
            entries,
            doubt,
        })
    }
}

/// The permission bits that a host has written.
pub(super) fn octal(text: &str) -> Result<u32, Unreadable> {
    u32::from_str_radix(text, 8).map_err(|_| Unreadable(text.to_owned()))
}

/// Adds up what the lines with this key say.
fn sum(answer: &Answer, key: &str) -> Result<u64, Unreadable> {
    answer.facts(key).map(|count| number(count.trim())).sum()
}

fn number(text: &str) -> Result<u64, Unreadable> {
    text.parse().map_err(|_| Unreadable(text.to_owned()))
}

/// What is there for each entry. When the host cannot compare them, by their types only: then all files are to be
/// sent. Beside it: why.
fn entries(
    answer: &Answer,
    wanted: &[Wanted],
    umask: u32,
) -> Result<(Vec<Found>, Option<String>), Unreadable> {
    let types: Vec<char> = types(answer).collect();
    if types.is_empty() {
        return Ok((vec![Found::Absent; wanted.len()], None));
    }
    // An answer about more or less than was asked for is about something else.
    if types.len() != wanted.len() {
        return Err(Unreadable(format!("it tells of {} entries, not of {}", types.len(), wanted.len())));
    }
    match compared(answer, wanted, &types, umask) {
        Ok(found) => Ok((found, None)),
        Err(Unreadable(doubt)) => {
            let different = |_: &Wanted| Ok(false);
            Ok((by_type(wanted, &types, different, different)?, Some(doubt)))
        }
    }
}

/// Joins the host's lists: types for all, then checksums, modes and links for those that have them.
fn compared(
    answer: &Answer,
    wanted: &[Wanted],
    types: &[char],
    umask: u32,
) -> Result<Vec<Found>, Unreadable> {
    let outcomes = |key| answer.facts(key).flat_map(str::chars).map(|outcome| outcome == '+');
    let (mut sums, mut links) = (outcomes("sums"), outcomes("links"));
    let mut modes = answer.facts("modes").flat_map(str::split_whitespace);
    let missing = |what: &str| Unreadable(format!("the {what} of an entry is missing"));
    let file = |entry: &Wanted| {
        let same_sum = sums.next().ok_or_else(|| missing("checksum"))?;
        let there = octal(modes.next().ok_or_else(|| missing("mode"))?)?;
        let WantedKind::File { mode, .. } = entry.kind else { return Ok(false) };
        Ok(same_sum && there == mode_on_host(mode, umask))
    };
    let link = |_: &Wanted| links.next().ok_or_else(|| missing("link"));
    let found = by_type(wanted, types, file, link)?;
    match (sums.next(), modes.next(), links.next()) {
        (None, None, None) => Ok(found),
        _ => Err(Unreadable("it tells of files that nobody has asked for".to_owned())),
    }
}

/// What is there, where somebody knows of each file and link whether it is the same.
fn by_type(
    wanted: &[Wanted],
    types: &[char],
    mut file: impl FnMut(&Wanted) -> Result<bool, Unreadable>,
    mut link: impl FnMut(&Wanted) -> Result<bool, Unreadable>,
) -> Result<Vec<Found>, Unreadable> {
    let found = |(entry, there): (&Wanted, &char)| {
        Ok(match (there, &entry.kind) {
            ('-', _) => Found::Absent,
            ('d' | 'r', WantedKind::Directory { .. }) => Found::Same,
            ('f', WantedKind::File { .. }) => same(file(entry)?),
            ('l', WantedKind::Link { .. }) => same(link(entry)?),
            _ => Found::OtherType,
        })
    };
    wanted.iter().zip(types).map(found).collect()
}

/// What is there, one letter for each wanted entry. Nothing where there is no release.
fn types(answer: &Answer) -> std::iter::Peekable<impl Iterator<Item = char>> {
    answer.facts("types").flat_map(str::chars).peekable()
}

/// The wanted directories that are there and may not be written.
fn read_only(answer: &Answer, wanted: &[Wanted]) -> Vec<usize> {
    let there = wanted.iter().zip(types(answer)).enumerate();
    let locked = there
        .filter(|(_, (entry, there))| *there == 'r' && matches!(entry.kind, WantedKind::Directory { .. }));
    locked.map(|(index, _)| index).collect()
}

fn same(yes: bool) -> Found {
    if yes { Found::Same } else { Found::Different }
}
