//! Steps of the original that a config redefines and that change a release in its place: cleaning and
//! unpacking. Its functions work in a replica of DELIVER_TO on each host, and what they make of the release
//! there is switched to as any other.

use std::collections::BTreeMap;

use super::error::TargetError;
use super::failed::Failed;
use super::job::{Job, Source};
use super::phase::Phase;
use super::plan::Plan;
use super::preflight::locked_directories;
use super::survey::{Survey, octal};
use super::target::Target;
use super::transaction::{Deploy, Opened, Staged};
use super::wanted::{Wanted, WantedKind, unescaped};
use crate::exit::Failure;
use crate::host::agent::{Answer, Unreadable};
use crate::transport::{RemotePath, Session, Stdin};

/// All hosts have a replica of DELIVER_TO, with a copy of the release.
pub struct Replicated;

/// Which of the original's steps the config does in place of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnSteps {
    /// `remote_clean_release_dir`, which is called with `--clean-deploy`.
    pub clean: bool,
    /// `remote_extract_release_archive`.
    pub extract: bool,
}

/// Who unpacks the archive in the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpackedBy {
    /// We do, over what the config has left there.
    Us,
    /// The config has done so.
    Config,
}

impl Job {
    /// Whether the config does a step that changes the release in its place.
    pub fn replicates(&self) -> bool {
        self.own_steps.extract || self.own_steps.clean && self.clean
    }

    /// The replica of this directory, at the same place on all hosts.
    pub fn replica_of(&self, deliver_to: &RemotePath) -> RemotePath {
        deliver_to.join(&format!(".edeliver/{}/replica/{}", self.app, self.claim.id))
    }
}

impl Deploy<Opened> {
    /// Makes the replicas, with the archive at this place in them, unless the config brings it by itself.
    ///
    /// # Errors
    /// When that fails on a host.
    pub fn replicate(self, archive: Option<&str>) -> Result<Deploy<Replicated>, Failed> {
        self.step(|target, job| target.replicate(job, archive))
    }
}

impl Deploy<Replicated> {
    /// Has a function of the config work in the replicas.
    ///
    /// # Errors
    /// When it fails, or has changed the release in its place.
    pub fn work_on(self, run: impl FnOnce(Vec<Session>) -> Result<(), Failure>) -> Result<Self, Failed> {
        self.targets.each(|target, _| target.lend_replica());
        self.between(run)?.step(Target::take_replica_back)
    }

    /// Stages what has become of the releases in the replicas. `archive` is its name.
    ///
    /// # Errors
    /// When it is no release on a host.
    pub fn take(self, archive: &str, unpacked: UnpackedBy) -> Result<Deploy<Staged>, Failed> {
        self.step(|target, job| target.take_replica(job, archive, unpacked))
    }
}

/// The replica on a host.
pub(super) struct Replica {
    /// The release in its place, when the replica was made.
    before: Tree,
    /// A function of the config may have been at work since the release in its place was looked at.
    lent: bool,
}

impl Target {
    fn replicate(&mut self, job: &Job, archive: Option<&str>) -> Result<(), TargetError> {
        let Source::Archive(source) = &job.source else { return Ok(()) };
        let place = archive.unwrap_or_default().to_owned();
        let clean = if job.clean && !job.own_steps.clean { "clean" } else { "" }.to_owned();
        let args = [place, source.manifest.sha256.to_string(), clean];
        let answer = if archive.is_some() {
            self.send_payload(job, Phase::Replicate, &args, "", &source.whole()?)?
        } else {
            self.call(&job.claim, Phase::Replicate, &args, Stdin::Empty)?
        };
        let before = self.tree(&answer)?;
        self.replica = Some(Replica { before, lent: false });
        Ok(())
    }

    fn lend_replica(&mut self) {
        if let Some(replica) = &mut self.replica {
            replica.lent = true;
        }
    }

    /// A function of the config has ended: it must not have changed the release in its place.
    fn take_replica_back(&mut self, job: &Job) -> Result<(), TargetError> {
        let changes = self.changes_in_place(job)?;
        if !changes.is_empty() {
            return Err(TargetError::InPlace { host: self.addr.clone(), changes });
        }
        if let Some(replica) = &mut self.replica {
            replica.lent = false;
        }
        Ok(())
    }

    /// What a function of the config may have done to the release in its place; where that cannot be found
    /// out, why. For a deploy that has failed and gives its replica up.
    pub(super) fn give_replica_up(&mut self, job: &Job) -> Vec<String> {
        let lent = self.replica.as_ref().is_some_and(|replica| replica.lent);
        let changes = if lent { self.changes_in_place(job) } else { Ok(Vec::new()) };
        self.replica = None;
        changes.unwrap_or_else(|error| vec![format!("not known ({error})")])
    }

    fn changes_in_place(&mut self, job: &Job) -> Result<Vec<String>, TargetError> {
        let answer = self.until_known(|target| target.call(&job.claim, Phase::Release, &[], Stdin::Empty))?;
        let now = self.tree(&answer)?;
        Ok(self.replica.as_ref().map_or_else(Vec::new, |replica| replica.before.changes(&now)))
    }

    fn take_replica(&mut self, job: &Job, archive: &str, unpacked: UnpackedBy) -> Result<(), TargetError> {
        let Source::Archive(source) = &job.source else { return Ok(()) };
        let unpack = if unpacked == UnpackedBy::Us { "unpack" } else { "" };
        let args = [archive, unpack, source.prefix()].map(str::to_owned);
        let answer = self.call(&job.claim, Phase::TakeReplica, &args, Stdin::Empty)?;
        let made = self.tree(&answer)?;
        if unpacked == UnpackedBy::Us
            && let Some(path) = made.lacks(&job.wanted)
        {
            return Err(self.unlike(job, format!("{path} is not as it is in the archive")));
        }
        let boots = answer.fact("boots").map_err(|source| self.unreadable(source))?;
        if ![job.version.as_str(), "unknown"].contains(&boots) {
            return Err(self.unlike(job, format!("it boots {boots}")));
        }
        for beside in answer.facts("beside") {
            job.claim.report.hint(&format!(
                "{}: the config has left {beside} in DELIVER_TO, beside {}: that is not deployed",
                self.addr, job.app
            ));
        }
        self.plan_for(job, &made)?;
        self.replica = None;
        Ok(())
    }

    fn unlike(&self, job: &Job, reason: String) -> TargetError {
        TargetError::Made { host: self.addr.clone(), version: job.version.to_string(), reason }
    }

    /// Compares what was made with what is there, and plans the switch to it.
    fn plan_for(&mut self, job: &Job, made: &Tree) -> Result<(), TargetError> {
        let wanted = made.wanted();
        let list: String = wanted.iter().map(|entry| entry.to_entry(0)).collect();
        let args = ["replica".to_owned()];
        let answer = self.call(&job.claim, Phase::Survey, &args, Stdin::Bytes(list.as_bytes()))?;
        let found = Survey::parse(&answer, &wanted).map_err(|source| self.unreadable(source))?;
        // What was there before the deploy was said when it began.
        let node = self.node_before();
        let survey = Survey { node, ..found };
        let gone = self.replica.as_ref().map(|replica| replica.before.gone(made)).unwrap_or_default();
        let plan = Plan::of_replica(&wanted, &survey, &gone);
        let mut problems = survey.problems.clone();
        problems.extend(locked_directories(&wanted, &survey, &plan));
        if !problems.is_empty() {
            return Err(TargetError::Preflight { host: self.addr.clone(), problems });
        }
        (self.survey, self.plan) = (Some(survey), Some(plan));
        Ok(())
    }

    fn tree(&self, answer: &Answer) -> Result<Tree, TargetError> {
        Tree::parse(answer).map_err(|source| self.unreadable(source))
    }
}

/// What a release on a host consists of, by path, with the modes that things have there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tree(BTreeMap<String, WantedKind>);

impl Tree {
    fn parse(answer: &Answer) -> Result<Self, Unreadable> {
        let sum = |text: &str| text.parse().map_err(|_| Unreadable(text.to_owned()));
        let mut sums = BTreeMap::new();
        for line in answer.facts("has_sum") {
            let (text, path) = listed(line)?;
            sums.insert(path, sum(text)?);
        }
        let mut tree = BTreeMap::new();
        for line in answer.facts("has_dir") {
            let (mode, path) = listed(line)?;
            tree.insert(path, WantedKind::Directory { mode: octal(mode)? });
        }
        for line in answer.facts("has_file") {
            let (mode, path) = listed(line)?;
            let Some(&sha256) = sums.get(&path) else {
                return Err(Unreadable(format!("the checksum of {path} is missing")));
            };
            tree.insert(path, WantedKind::File { size: 0, sha256, mode: octal(mode)? });
        }
        for line in answer.facts("has_link") {
            let (text, path) = listed(line)?;
            tree.insert(path, WantedKind::Link { sha256: sum(text)? });
        }
        tree.remove(".");
        Ok(Self(tree))
    }

    /// All of it is wanted.
    fn wanted(&self) -> Vec<Wanted> {
        self.0.iter().map(|(path, kind)| Wanted { path: path.clone(), kind: kind.clone() }).collect()
    }

    /// The first of the wanted entries whose content is not here.
    fn lacks<'w>(&self, wanted: &'w [Wanted]) -> Option<&'w str> {
        let is_here = |entry: &Wanted| match (self.0.get(&entry.path), &entry.kind) {
            (Some(WantedKind::Directory { .. }), WantedKind::Directory { .. }) => true,
            (Some(WantedKind::File { sha256: here, .. }), WantedKind::File { sha256, .. })
            | (Some(WantedKind::Link { sha256: here }), WantedKind::Link { sha256 }) => here == sha256,
            _ => false,
        };
        wanted.iter().find(|entry| !is_here(entry)).map(|entry| entry.path.as_str())
    }

    /// The uppermost paths that are not there any more. What has become something else is not gone.
    fn gone(&self, made: &Self) -> Vec<String> {
        let stands_in_a_directory = |path: &str| match path.rsplit_once('/') {
            None => true,
            Some((parent, _)) => matches!(made.0.get(parent), Some(WantedKind::Directory { .. })),
        };
        let gone = self.0.keys().filter(|path| !made.0.contains_key(*path) && stands_in_a_directory(path));
        gone.cloned().collect()
    }

    /// What is different afterwards, a line for each path.
    fn changes(&self, after: &Self) -> Vec<String> {
        let old = self.0.iter().filter_map(|(path, kind)| match after.0.get(path) {
            Some(now) if now == kind => None,
            Some(_) => Some(format!("changed {path}")),
            None => Some(format!("gone {path}")),
        });
        let new = after.0.keys().filter(|path| !self.0.contains_key(*path)).map(|path| format!("new {path}"));
        old.chain(new).collect()
    }
}

/// Reads "VALUE FLAG NAME", where the name begins with "./".
fn listed(line: &str) -> Result<(&str, String), Unreadable> {
    let unreadable = || Unreadable(format!("an entry of the release: {line}"));
    let mut words = line.splitn(3, ' ');
    let (Some(value), Some(flag), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(unreadable());
    };
    let name = if flag == "e" { unescaped(name).ok_or_else(unreadable)? } else { name.to_owned() };
    Ok((value, name.strip_prefix("./").map(str::to_owned).unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Sha256Sum;

    fn tree(entries: &[&str]) -> Tree {
        let sha256 = |text: &str| Sha256Sum::of(text.as_bytes()).unwrap().0;
        let entry = |entry: &&str| match (entry.split_once('='), entry.strip_suffix('/')) {
            (Some((path, content)), _) => {
                (path.to_owned(), WantedKind::File { size: 0, sha256: sha256(content), mode: 0o644 })
            }
            (None, path) => (path.unwrap_or(entry).to_owned(), WantedKind::Directory { mode: 0o755 }),
        };
        Tree(entries.iter().map(entry).collect())
    }

    #[test]
    fn what_is_gone_is_told_by_its_uppermost_path() {
        let before = tree(&[
            "bin/",
            "bin/app=x",
            "lib/",
            "lib/a-1/",
            "lib/a-1/x=1",
            "lib/b/",
            "lib/b/x=1",
            "log/",
            "log/y=1",
        ]);
        let made = tree(&["bin/", "bin/app=y", "lib/", "lib/b=now a file"]);
        assert_eq!(before.gone(&made), ["lib/a-1", "log"]);
        assert_eq!(
            before.changes(&made),
            [
                "changed bin/app",
                "gone lib/a-1",
                "gone lib/a-1/x",
                "changed lib/b",
                "gone lib/b/x",
                "gone log",
                "gone log/y"
            ]
        );
        assert_eq!(made.changes(&before).last().unwrap(), "new log/y");
        assert_eq!(before.changes(&before), [""; 0]);
    }

    #[test]
    fn names_are_read_as_the_host_lists_them() {
        assert_eq!(listed("644 - ./ lead "), Ok(("644", " lead ".to_owned())));
        assert_eq!(listed("644 e \\0056\\0057\\0141\\0012"), Ok(("644", "a\n".to_owned())));
        assert!(listed("644 e \\09").is_err() && listed("644 -").is_err());
    }
}
