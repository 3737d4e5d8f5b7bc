//! Upgrade archives: a release with a relup, the instructions that take a running node to it.

use super::term::{self, Term, TermError};
use super::{Manifest, Version};

/// Why an archive is no upgrade.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnUpgrade {
    /// No version has a relup.
    #[error("the archive has no releases/VERSION/relup: it is no upgrade, but a release")]
    NoRelup,
    /// Several have.
    #[error("the archive has relups of several versions: {}", .0.join(", "))]
    Several(Vec<String>),
    /// A version that no host could have as a directory.
    #[error(transparent)]
    Version(#[from] super::version::InvalidVersion),
}

/// The relup's path in a release.
pub fn relup_path(version: &Version) -> String {
    format!("releases/{version}/relup")
}

impl Manifest {
    /// The version that the upgrade in the archive leads to: the one that has a relup. Of several (an
    /// archive of distillery may hold older upgrades) it is the one that the archive is `named` after.
    ///
    /// # Errors
    /// When there is none, or several and none of that name.
    pub fn upgrade_version(&self, named: &Version) -> Result<Version, NotAnUpgrade> {
        if self.get(&relup_path(named)).is_some() {
            return Ok(named.clone());
        }
        let children = self.children("releases");
        let with_relup = children.iter().filter(|name| self.get(&format!("releases/{name}/relup")).is_some());
        match with_relup.collect::<Vec<_>>().as_slice() {
            [] => Err(NotAnUpgrade::NoRelup),
            [version] => Ok(version.parse()?),
            several => {
                Err(NotAnUpgrade::Several(several.iter().map(|version| (**version).to_owned()).collect()))
            }
        }
    }
}

/// What a relup says of itself: `{Version, [{From, Description, Instructions}], [{To, ...}]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relup {
    /// The version that it leads to.
    pub version: String,
    /// The versions that it leads from.
    pub up_from: Vec<String>,
    /// Those of them from where it restarts the node, which is no upgrade of a running one.
    pub restarts_from: Vec<String>,
    /// The versions that it leads back to.
    pub down_to: Vec<String>,
}

/// What a relup restarts a node by.
const RESTARTS: [&str; 2] = ["restart_emulator", "restart_new_emulator"];

/// From or to which version a relup leads, and what it does on the way.
type Way<'t> = (&'t str, &'t [Term]);

/// Why a text is no relup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRelup {
    /// It is no Erlang.
    #[error(transparent)]
    Term(#[from] TermError),
    /// It is Erlang, but something else.
    #[error(
        "it must be {{\"VERSION\", [{{\"FROM\", [], [INSTRUCTIONS]}}], [{{\"TO\", [], [INSTRUCTIONS]}}]}}."
    )]
    Shape,
}

impl Relup {
    /// Reads the text of a relup.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BadRelup> {
        let terms = term::read(text)?;
        let [Term::Tuple(parts)] = terms.as_slice() else { return Err(BadRelup::Shape) };
        let [Term::Text(version), Term::List(up), Term::List(down)] = parts.as_slice() else {
            return Err(BadRelup::Shape);
        };
        let (up, down) = (ways(up)?, ways(down)?);
        let restarts = |(_, steps): &&Way<'_>| {
            let is_restart = |step: &Term| matches!(step, Term::Atom(name) if RESTARTS.contains(&&**name));
            steps.iter().any(is_restart)
        };
        Ok(Self {
            version: version.clone(),
            up_from: versions(up.iter()),
            restarts_from: versions(up.iter().filter(restarts)),
            down_to: versions(down.iter()),
        })
    }
}

fn versions<'t>(ways: impl Iterator<Item = &'t Way<'t>>) -> Vec<String> {
    ways.map(|(version, _)| (*version).to_owned()).collect()
}

fn ways(terms: &[Term]) -> Result<Vec<Way<'_>>, BadRelup> {
    terms.iter().map(way).collect()
}

fn way(term: &Term) -> Result<Way<'_>, BadRelup> {
    match term {
        Term::Tuple(parts) => match parts.as_slice() {
            [Term::Text(version), _, Term::List(steps)] => Ok((version, steps)),
            _ => Err(BadRelup::Shape),
        },
        _ => Err(BadRelup::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relup_says_where_it_leads() {
        let relup = Relup::parse(
            "{\"2\",[{\"1\",[],[point_of_no_return]},{\"0\",[],[restart_new_emulator]}],[{\"1\",[],[]}]}.",
        );
        assert_eq!(
            relup.unwrap(),
            Relup {
                version: "2".into(),
                up_from: vec!["1".into(), "0".into()],
                restarts_from: vec!["0".into()],
                down_to: vec!["1".into()],
            }
        );
        for text in ["", "ok.", "{\"2\",[],[]}. more.", "{\"2\",[{\"1\",[]}],[]}."] {
            assert_eq!(Relup::parse(text), Err(BadRelup::Shape), "{text}");
        }
        assert!(matches!(Relup::parse("{\"2\",[}"), Err(BadRelup::Term(_))));
    }
}
