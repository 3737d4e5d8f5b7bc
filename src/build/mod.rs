//! Building on the build host: one module per tool, each step a typed command.

pub mod archive;
pub mod docker;
pub mod host;
pub mod lock;
mod mix;
mod rebar;
mod rebar3;
mod relx;
pub mod search;
mod task;
pub mod upgrade;

pub use host::{BuildHost, FailedStep, StepError};
pub use lock::{BuildLock, LockError};
pub use search::{BuiltRelease, SearchError};
pub use task::{OnFailure, Task};

use crate::release::Version;
use crate::settings::{BuildSettings, BuildTool, ReleaseTool};
use crate::transport::RemotePath;

/// What the tools need to know.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// The settings.
    pub settings: &'a BuildSettings,
    /// The checkout on the build host, an absolute path.
    pub at: &'a RemotePath,
    /// The branch that is built (BRANCH).
    pub branch: &'a str,
    /// The tools shall say what they do (`-V`).
    pub verbose: bool,
    /// What the release is for.
    pub purpose: Purpose<'a>,
}

/// What a release is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// To be deployed.
    Release,
    /// To be the one that an upgrade starts from: its version is the sources' own.
    Base,
    /// To be what an upgrade from this version leads to.
    UpgradeFrom(&'a Version),
}

impl Project<'_> {
    /// Fetches the dependencies.
    pub fn fetch_dependencies(&self) -> Vec<Task> {
        match self.settings.build_tool {
            BuildTool::Mix => mix::fetch_dependencies(self),
            BuildTool::Rebar3 => rebar3::fetch_dependencies(self),
            BuildTool::Rebar => rebar::fetch_dependencies(self),
        }
    }

    /// Compiles.
    pub fn compile(&self) -> Vec<Task> {
        match self.settings.build_tool {
            BuildTool::Mix => mix::compile(self),
            BuildTool::Rebar3 => rebar3::compile(self),
            BuildTool::Rebar => rebar::compile(self),
        }
    }

    /// Makes the release.
    pub fn generate(&self) -> Vec<Task> {
        match self.settings.release_tool {
            ReleaseTool::MixRelease => mix::release(self),
            ReleaseTool::Distillery => mix::distillery_release(self),
            ReleaseTool::Rebar3 => rebar3::generate(self),
            ReleaseTool::Rebar => rebar::generate(self),
            ReleaseTool::Relx => relx::generate(self),
        }
    }
}

#[cfg(test)]
mod tests;
