//! `status`, `history`, `recover`, `drill` and `doctor`: what is on the hosts of a stage, and putting it right.

use clap::{Args, ValueEnum};

use super::values;
use crate::settings::Stage;
use crate::transport::HostAddr;

/// Options of the commands that look at the hosts of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Look {
    /// The hosts to look at [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// Look at this host ([user@]host) only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
}

/// Options of `drill`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Drill {
    /// The hosts to rehearse on [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// Rehearse on this host ([user@]host) only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
}

/// Options of `recover`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Recover {
    /// The hosts to put right [default: staging].
    #[arg(id = "DEPLOY_ENVIRONMENT", value_name = "STAGE", value_parser = values::stage())]
    pub stage: Option<Stage>,
    /// Put this host ([user@]host) right only, whichever the stage has.
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
    /// Also take the lock of a deployer on another machine, where you know that it is gone.
    #[arg(id = "force_unlock", long = "force-unlock")]
    pub force_unlock: bool,
}

/// Options of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Doctor {
    /// What to look at [default: all that is configured].
    #[arg(id = "scope", value_name = "WHAT")]
    pub scope: Option<DoctorScope>,
}

/// What `doctor` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorScope {
    /// The build host.
    Build,
    /// The staging hosts.
    Staging,
    /// The production hosts.
    Production,
}
