//! What is built: which commits are pushed, which of them is checked out.

use anyhow::anyhow;

use super::BuildContext;
use crate::exit::Failure;
use crate::git::{GitError, Repository};

/// What git says about its own environment; it would reach the checkout of a `local` build host.
const GIT_ENVIRONMENT: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// What is pushed and checked out.
pub struct Source {
    /// BRANCH or REFSPEC: what is pushed, and what the tools see as BRANCH.
    pub refspec: String,
    /// What is checked out on the build host.
    pub revision: String,
}

impl Source {
    /// Asks the project's repository; nothing is touched.
    ///
    /// # Errors
    /// When it has no such branch, tag or revision: exit status 2.
    pub fn of(context: &BuildContext<'_>) -> Result<Self, Failure> {
        let settings = context.settings;
        let inherited = GIT_ENVIRONMENT.iter().find(|name| std::env::var_os(name).is_some());
        let here = settings.host.is_local() || settings.container.is_some();
        if let (true, Some(name)) = (here, inherited) {
            return Err(Failure::usage(anyhow!(
                "{name} is set (by a git hook?): git would work on that repository instead of BUILD_AT"
            )));
        }
        let repository = Repository::of(context.project);
        let refspec = match &settings.branch {
            Some(branch) => branch.clone(),
            None => repository.default_branch().map_err(Failure::usage)?.to_owned(),
        };
        let revision = match (&settings.tag, &settings.revision) {
            (Some(tag), _) => repository.commit(tag).map_err(Failure::usage)?,
            (None, Some(revision)) => revision_to_reset(&repository, revision).map_err(Failure::usage)?,
            (None, None) => repository.commit(pushed_ref(&refspec)).map_err(Failure::usage)?,
        };
        Ok(Self { refspec, revision })
    }

    /// The commit that an option of `build upgrade` names. Nothing is touched.
    pub(super) fn commit(context: &BuildContext<'_>, name: &str) -> Result<String, Failure> {
        revision_to_reset(&Repository::of(context.project), name).map_err(Failure::usage)
    }
}

/// The left side of a refspec: `+src:dst`.
fn pushed_ref(refspec: &str) -> &str {
    let refspec = refspec.strip_prefix('+').unwrap_or(refspec);
    refspec.split_once(':').map_or(refspec, |(source, _)| source)
}

/// A commit's name is taken as written, since the build host may have what is no longer here. Everything
/// else (`HEAD~1`, a branch) means what it means here.
fn revision_to_reset(repository: &Repository, revision: &str) -> Result<String, GitError> {
    let is_name = (4..=64).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_name { Ok(revision.to_owned()) } else { repository.commit(revision) }
}

#[cfg(test)]
mod tests {
    use super::pushed_ref;

    #[test]
    fn the_pushed_side_of_a_refspec() {
        for (refspec, pushed) in [
            ("main", "main"),
            ("feature/x:master", "feature/x"),
            ("+main:refs/heads/main", "main"),
            ("HEAD:refs/heads/build", "HEAD"),
        ] {
            assert_eq!(pushed_ref(refspec), pushed);
        }
    }
}
