//! What is known of a host's deploys, as the host's side printed it.

use super::history::HistoryEntry;
use super::plan::Step;
use crate::host::LockOwner;
use crate::host::agent::{Answer, Unreadable};
use crate::node::NodeState;

/// What is known of a host's deploys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// DELIVER_TO/APP.
    pub root: String,
    /// The version that boots next; none where the files do not say.
    pub disk: Option<String>,
    /// The node.
    pub node: NodeState,
    /// A deploy that was neither committed nor undone.
    pub unfinished: Option<Unfinished>,
    /// Who holds the lock.
    pub holder: Option<Holder>,
    /// Whether something on the host watches over an unfinished deploy, and will undo it by itself.
    pub guarded: bool,
    /// Whether something that was sent lies about.
    pub has_leftovers: bool,
    /// What a rollback would undo.
    pub last: Option<LastDeploy>,
    /// What was deployed here lately, the oldest first.
    pub history: Vec<HistoryEntry>,
}

/// A deploy that was neither committed nor undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its name.
    pub id: String,
    /// What it was to bring.
    pub version: String,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// This client.
    Owner(LockOwner),
    /// The lock does not say.
    Unknown,
}

/// The last deploy that was committed, as far as it can be gone back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDeploy {
    /// Its name.
    pub id: String,
    /// What it brought.
    pub version: String,
    /// What was there before; none when nothing was.
    pub previous: Option<String>,
    /// The way back.
    pub back: Vec<Step>,
    /// How many of the things that it has put aside are not there any more.
    pub lost: usize,
}

impl HostState {
    /// Reads the host's answer.
    ///
    /// # Errors
    /// When a line is missing or is not what it should be.
    pub fn parse(answer: &Answer) -> Result<Self, Unreadable> {
        let unfinished = answer.facts("unfinished").next().map(|line| {
            let (id, version) = line.split_once(' ').unwrap_or((line, "unknown"));
            Unfinished { id: id.to_owned(), version: version.to_owned() }
        });
        let holder = answer.facts("holder").next();
        Ok(Self {
            root: answer.fact("at")?.to_owned(),
            disk: known(answer.fact("disk")?),
            node: NodeState::parse(answer.fact("node")?)?,
            unfinished,
            holder: holder.map(|line| line.parse().map_or(Holder::Unknown, Holder::Owner)),
            guarded: answer.has("guarded yes"),
            has_leftovers: answer.facts("staged").next().is_some(),
            last: LastDeploy::parse(answer)?,
            history: HistoryEntry::read(answer.facts("history")),
        })
    }

    /// Whether nothing is to be undone or cleared away.
    pub fn is_clean(&self) -> bool {
        self.unfinished.is_none() && self.holder.is_none() && !self.has_leftovers
    }
}

impl LastDeploy {
    /// Reads what the host says of it, if it has one.
    ///
    /// # Errors
    /// When a line is not what it should be.
    pub fn parse(answer: &Answer) -> Result<Option<Self>, Unreadable> {
        let Some(line) = answer.facts("last").next() else { return Ok(None) };
        let [id, version, previous] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(Unreadable(format!("last {line}")));
        };
        Ok(Some(Self {
            id: id.to_owned(),
            version: version.to_owned(),
            previous: (previous != "none").then(|| previous.to_owned()),
            lost: answer.facts("lost").count(),
            back: answer.facts("back").map(Step::parse).collect::<Result<_, _>>()?,
        }))
    }
}

fn known(version: &str) -> Option<String> {
    (version != "unknown").then(|| version.to_owned())
}
