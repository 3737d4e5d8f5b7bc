//! The steps of a build, by the names that configs know them by.

/// The steps of a build. Each has the name of the original's function, by which hooks and overriding
/// functions of a config know it (PARITY.md section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStep {
    /// BUILD_AT becomes a repository that takes pushes.
    InitAppRemotely,
    /// The commits go to the build host.
    GitPush,
    /// The revision is checked out.
    GitResetRemote,
    /// What the last build left is removed.
    GitCleanRemote,
    /// Submodules are brought to their commits.
    GitSubmodules,
    /// The revision is checked out beside what was built before (upgrades).
    GitCheckoutRemote,
    /// Dependencies are fetched.
    ErlangGetAndUpdateDeps,
    /// The sources are compiled.
    ErlangCleanCompile,
    /// The release is made.
    ErlangGenerateRelease,
    /// Appups are generated (rebar).
    RebarGenerateAppup,
    /// Appups of the store take the place of generated ones.
    CopyAppupsFromReleaseStoreToBuildHost,
    /// Appups come into the store.
    CopyAppupsToReleaseStore,
    /// The relup is made (rebar3, relx).
    RelxGenerateRelup,
    /// The relup is made, and packed with the release (rebar).
    RebarGenerateUpgrade,
    /// The release is packed.
    ErlangArchiveRelease,
    /// The archive comes into the store.
    CopyReleaseToReleaseStore,
}

impl BuildStep {
    /// The phase that it is, as the events name it (docs/events.md).
    pub fn phase(self) -> &'static str {
        match self {
            BuildStep::InitAppRemotely => "prepare",
            BuildStep::GitPush => "push",
            BuildStep::GitResetRemote | BuildStep::GitCheckoutRemote => "checkout",
            BuildStep::GitCleanRemote => "clean",
            BuildStep::GitSubmodules => "submodules",
            BuildStep::ErlangGetAndUpdateDeps => "dependencies",
            BuildStep::ErlangCleanCompile => "compile",
            BuildStep::ErlangGenerateRelease => "release",
            BuildStep::RebarGenerateAppup
            | BuildStep::CopyAppupsFromReleaseStoreToBuildHost
            | BuildStep::CopyAppupsToReleaseStore => "appups",
            BuildStep::RelxGenerateRelup | BuildStep::RebarGenerateUpgrade => "relup",
            BuildStep::ErlangArchiveRelease => "archive",
            BuildStep::CopyReleaseToReleaseStore => "store",
        }
    }

    /// What every build begins with.
    pub const CHECKOUT: [BuildStep; 5] = [
        BuildStep::InitAppRemotely,
        BuildStep::GitPush,
        BuildStep::GitResetRemote,
        BuildStep::GitCleanRemote,
        BuildStep::GitSubmodules,
    ];

    /// From the sources to a release.
    pub const MAKE: [BuildStep; 3] =
        [BuildStep::ErlangGetAndUpdateDeps, BuildStep::ErlangCleanCompile, BuildStep::ErlangGenerateRelease];

    /// From the release into the store.
    pub const STORE: [BuildStep; 2] = [BuildStep::ErlangArchiveRelease, BuildStep::CopyReleaseToReleaseStore];

    /// What only upgrades and appups need.
    const UPGRADE: [BuildStep; 6] = [
        BuildStep::GitCheckoutRemote,
        BuildStep::RebarGenerateAppup,
        BuildStep::CopyAppupsFromReleaseStoreToBuildHost,
        BuildStep::CopyAppupsToReleaseStore,
        BuildStep::RelxGenerateRelup,
        BuildStep::RebarGenerateUpgrade,
    ];

    /// The recipe of a release.
    pub fn recipe() -> impl Iterator<Item = Self> {
        Self::CHECKOUT.into_iter().chain(Self::MAKE).chain(Self::STORE)
    }

    /// The step that the original's function of this name is.
    pub fn of_function(name: &str) -> Option<Self> {
        Self::recipe().chain(Self::UPGRADE).find(|step| step.function() == name)
    }

    /// The name of the original's function.
    pub fn function(self) -> &'static str {
        match self {
            BuildStep::InitAppRemotely => "init_app_remotely",
            BuildStep::GitPush => "git_push",
            BuildStep::GitResetRemote => "git_reset_remote",
            BuildStep::GitCleanRemote => "git_clean_remote",
            BuildStep::GitSubmodules => "git_submodules",
            BuildStep::GitCheckoutRemote => "git_checkout_remote",
            BuildStep::ErlangGetAndUpdateDeps => "erlang_get_and_update_deps",
            BuildStep::ErlangCleanCompile => "erlang_clean_compile",
            BuildStep::ErlangGenerateRelease => "erlang_generate_release",
            BuildStep::RebarGenerateAppup => "rebar_generate_appup",
            BuildStep::CopyAppupsFromReleaseStoreToBuildHost => {
                "copy_appups_from_release_store_to_build_host"
            }
            BuildStep::CopyAppupsToReleaseStore => "copy_appups_to_release_store",
            BuildStep::RelxGenerateRelup => "relx_generate_relup",
            BuildStep::RebarGenerateUpgrade => "rebar_generate_upgrade",
            BuildStep::ErlangArchiveRelease => "erlang_archive_release",
            BuildStep::CopyReleaseToReleaseStore => "copy_release_to_release_store",
        }
    }
}
