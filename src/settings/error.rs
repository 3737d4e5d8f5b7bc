//! What is wrong with the settings. Always a configuration error: exit status 2.

use camino::Utf8PathBuf;

use super::origin::Setting;
use super::shellfile::ShellFileError;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The config cannot be evaluated.
    #[error(transparent)]
    Config(#[from] ShellFileError),
    /// Bash cannot evaluate the config either, or is not there.
    #[error("{0:#}")]
    Bash(anyhow::Error),
    /// A file is there but cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that must be there is not.
    #[error("the config file {0}, which APP_CONFIG names, does not exist")]
    NoConfig(Utf8PathBuf),
    /// `.deliver/.env` is not what dotenvy reads.
    #[error("cannot read {path}: line {line} is not NAME=value")]
    DotEnv {
        /// The file.
        path: Utf8PathBuf,
        /// The line. Never its content: it may be a secret.
        line: usize,
    },
    /// Settings that the command needs.
    #[error("{purpose} needs {}, which {} not set; set {} in {config} or in the environment",
        .names.join(", "), if .names.len() == 1 { "is" } else { "are" }, if .names.len() == 1 { "it" } else { "them" })]
    Missing {
        /// What needs them.
        purpose: &'static str,
        /// All that are missing.
        names: Vec<String>,
        /// Where to set them.
        config: Utf8PathBuf,
    },
    /// A value that cannot be what it is meant to be.
    #[error("{name}='{value}' ({origin}): {reason}")]
    Invalid {
        /// The setting.
        name: String,
        /// Its value, masked where it is a secret.
        value: String,
        /// Where it came from.
        origin: super::Origin,
        /// What is wrong with it.
        reason: String,
    },
}

impl SettingsError {
    pub(super) fn invalid(setting: &Setting, reason: impl ToString) -> Self {
        Self::Invalid {
            name: setting.name.clone(),
            value: setting.shown(),
            origin: setting.origin.clone(),
            reason: reason.to_string(),
        }
    }
}
