//! `init`: the first config of a project.

use clap::Args;

use crate::transport::HostAddr;

/// Options of `init`. They are no settings: they say what the settings are to be.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Init {
    /// The name of the application and its release [default: found in the project].
    #[arg(id = "app", long = "app", value_name = "NAME", require_equals = true)]
    pub app: Option<String>,
    /// Where to build: [user@]host, or 'local'.
    #[arg(id = "build", long = "build", value_name = "HOST", require_equals = true)]
    pub build: Option<HostAddr>,
    /// The staging hosts: [user@]host, separated by commas.
    #[arg(id = "staging", long = "staging", value_name = "HOSTS", require_equals = true)]
    #[arg(value_delimiter = ',', action = clap::ArgAction::Set)]
    pub staging: Vec<HostAddr>,
    /// The production hosts: [user@]host, separated by commas.
    #[arg(id = "production", long = "production", value_name = "HOSTS", require_equals = true)]
    #[arg(value_delimiter = ',', action = clap::ArgAction::Set)]
    pub production: Vec<HostAddr>,
    /// The directory on the hosts to deploy to.
    #[arg(id = "directory", long = "directory", value_name = "PATH", require_equals = true)]
    pub directory: Option<String>,
    /// Only show the file; nothing is written, and no host is asked.
    #[arg(id = "plan", long = "plan")]
    pub plan: bool,
}
