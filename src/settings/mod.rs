//! Settings: `.deliver/config`, the environment and the command line as one validated value.
//!
//! `load` decides whose value counts, `defaults` fills in, `building` and `deploying` turn the
//! values into what commands work with. `table` lists all settings there are.

mod beyond;
mod building;
mod defaults;
mod deploying;
mod docker;
mod dotenv;
mod error;
mod load;
mod migrating;
mod origin;
mod registry;
pub mod shellfile;
mod store;
pub mod table;
pub mod typed;
mod values;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

pub use beyond::{BeyondStatic, ConfigShell, ReadByBash, Refusal, StaticOnly};
pub use docker::{ContainerSettings, DeployImage, ImageSettings};
pub use error::SettingsError;
pub use origin::{Origin, Setting};
pub use registry::RegistrySettings;
use shellfile::{Function, Variables};
pub use store::{S3Settings, Secret, StoreLocation, StoreSettings};
pub use typed::*;

use crate::report::Redactor;
use crate::transport::RemotePath;

/// The settings of a project, each with its origin.
#[derive(Debug, Clone)]
pub struct Settings {
    project: Utf8PathBuf,
    config: Utf8PathBuf,
    settings: BTreeMap<String, Setting>,
    variables: Variables,
    functions: Vec<Function>,
}

impl Settings {
    /// A value. None when it is not set, or empty: the two mean the same for every setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|setting| setting.value.as_str())
    }

    /// Whether it is `true`. Nothing else counts as that (PARITY.md section 1).
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// A value with its origin.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }

    /// The settings after functions of the config have run, which have left these values: what
    /// differs from what they were given holds for the steps that follow.
    #[must_use]
    pub fn changed_to<'a>(&self, values: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut changed = self.clone();
        for (name, value) in values {
            if self.variables.get(name) != Some(value) {
                changed.set_by_hook(name, value);
            }
        }
        changed
    }

    /// Sets what a function of the config has set.
    pub fn set_by_hook(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.settings.remove(name);
        } else {
            let setting = Setting { name: name.to_owned(), value: value.to_owned(), origin: Origin::Hook };
            self.settings.insert(name.to_owned(), setting);
        }
    }

    /// Every setting that has a value, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.settings.values()
    }

    /// The project's directory.
    pub fn project(&self) -> &Utf8Path {
        &self.project
    }

    /// The config file, as messages call it. It need not exist.
    pub fn config(&self) -> &Utf8Path {
        &self.config
    }

    /// The functions that the config defines.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Every variable as the project's functions see it.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// What must never be shown (for a [`Redactor`](crate::report::Redactor)).
    pub fn secrets(&self) -> Vec<String> {
        let settings = self.iter().flat_map(Setting::secrets);
        // Those of the environment that are no settings of ours: functions may print them.
        let others = self.variables.iter().filter(|(name, _)| Redactor::is_secret_name(name));
        settings.chain(others.map(|(_, value)| value)).map(str::to_owned).collect()
    }

    /// `LOG_FILE`; none when neither it nor a home directory is set.
    pub fn log_file(&self) -> Option<Utf8PathBuf> {
        self.get("LOG_FILE").map(|file| self.local_path(file))
    }

    /// `APP`, as a name that is safe as a directory's on every host.
    ///
    /// # Errors
    /// When it is no such name.
    pub fn app(&self) -> Result<&str, SettingsError> {
        let Some(app) = self.get("APP") else {
            return Err(self.missing("every command", vec!["APP".to_owned()]));
        };
        let leaves = app.starts_with(['.', '-']) || app.contains(|c: char| c == '/' || c.is_control());
        if leaves {
            return Err(self.invalid("APP", "it cannot be the name of a directory"));
        }
        Ok(app)
    }

    /// What connections need.
    ///
    /// # Errors
    /// When SSH_TIMEOUT is no time that can be waited for.
    pub fn ssh(&self) -> Result<SshSettings, SettingsError> {
        let timeout = self.seconds("SSH_TIMEOUT")?;
        if timeout.is_zero() {
            return Err(self.invalid("SSH_TIMEOUT", "it must be more than 0 seconds"));
        }
        let config = self.get("SSH_CONFIG").map(|file| self.local_path(file));
        Ok(SshSettings { config, timeout })
    }

    /// What is missing for each kind of work, as `check config` lists it; an empty list is complete.
    ///
    /// # Errors
    /// When a list of hosts cannot be read.
    pub fn missing_for_each(&self) -> Result<[(&'static str, Vec<String>); 3], SettingsError> {
        Ok([
            ("build", self.missing_for_build()?),
            ("deploy to staging", self.missing_for_deploy(Stage::Staging)?),
            ("deploy to production", self.missing_for_deploy(Stage::Production)?),
        ])
    }

    /// A path on this machine; relative ones start at the project.
    fn local_path(&self, path: &str) -> Utf8PathBuf {
        match (path.strip_prefix("~/"), self.variables.get("HOME")) {
            (Some(rest), Some(home)) => Utf8Path::new(home).join(rest),
            _ => self.project.join(path),
        }
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn text(&self, name: &str) -> String {
        self.optional(name).unwrap_or_default()
    }

    fn unset(&self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|name| self.get(name).is_none()).map(|name| (*name).to_owned()).collect()
    }

    fn required_path(&self, name: &str, purpose: &'static str) -> Result<RemotePath, SettingsError> {
        self.remote_path(name)?.ok_or_else(|| self.missing(purpose, vec![name.to_owned()]))
    }

    fn missing(&self, purpose: &'static str, names: Vec<String>) -> SettingsError {
        SettingsError::Missing { purpose, names, config: self.config.clone() }
    }

    /// The error that this setting's value is no good.
    fn invalid(&self, name: &str, reason: &str) -> SettingsError {
        let unset = || Setting { name: name.to_owned(), value: String::new(), origin: Origin::Default };
        SettingsError::invalid(&self.setting(name).cloned().unwrap_or_else(unset), reason)
    }
}
