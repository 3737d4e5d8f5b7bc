//! The steps on the build host's checkout, as commands.

use crate::transport::{RemoteCommand, RemotePath};

const INIT: &str = include_str!("init.sh");
const SUBMODULES: &str = include_str!("submodules.sh");

/// The same path, with a relative one put below the home directory of the user who logs in, where ssh
/// starts its commands and `local` does not.
pub fn from_home(path: &RemotePath) -> RemotePath {
    let text = path.as_str();
    let anchored = text.starts_with(['/', '~']) || text.starts_with("$HOME") || text.starts_with("${HOME}");
    match format!("~/{text}").parse() {
        Ok(below) if !anchored => below,
        _ => path.clone(),
    }
}

/// Makes `at` a repository that takes pushes, if it is none yet.
pub fn init(at: &RemotePath) -> RemoteCommand {
    RemoteCommand::script(INIT).arg(at)
}

/// Prints the absolute path of `at`.
pub fn locate(at: &RemotePath) -> RemoteCommand {
    RemoteCommand::new("pwd").arg("-P").cwd(at)
}

/// Checks out `revision`.
pub fn reset(at: &RemotePath, revision: &str) -> RemoteCommand {
    RemoteCommand::new("git").args(["reset", "--hard", revision]).cwd(at)
}

/// Removes what git does not know in one of GIT_CLEAN_PATHS.
pub fn clean(at: &RemotePath, path: &str, profile: &RemotePath) -> RemoteCommand {
    RemoteCommand::new("git").args(["clean", "-ffdx", path]).cwd(at).profile(profile)
}

/// Brings the submodules to the commits that the checkout names.
pub fn submodules(at: &RemotePath) -> RemoteCommand {
    RemoteCommand::script(SUBMODULES).cwd(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RemotePath {
        text.parse().unwrap()
    }

    #[test]
    fn each_command_is_the_original_s() {
        let (at, profile) = (path("/srv/my build"), path("~/.profile"));
        assert_eq!(reset(&at, "82a5834").display(), "cd '/srv/my build' && git reset --hard 82a5834");
        let clean = clean(&at, "rel", &profile);
        assert_eq!(clean.to_script(), "cd -- '/srv/my build' || exit 1\nexec git clean -ffdx rel\n");
        assert!(clean.profile_to_read().is_some_and(|profile| profile.to_script().contains(". ~/.profile")));
        assert_eq!(locate(&path("~build/app")).to_script(), "cd -- ~build/app || exit 1\nexec pwd -P\n");
        assert!(init(&path("~/build")).to_script().starts_with("set -- ~/build\n# prepare"));
    }

    #[test]
    fn relative_paths_are_below_the_home_directory() {
        for (written, meant) in [
            ("builds/app", "~/builds/app"),
            ("/srv/app", "/srv/app"),
            ("~/app", "~/app"),
            ("~build/app", "~build/app"),
            ("$HOME/app", "$HOME/app"),
            ("${HOME}", "${HOME}"),
        ] {
            assert_eq!(from_home(&path(written)).as_str(), meant);
        }
    }
}
