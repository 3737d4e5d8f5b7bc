//! The order in which values count (PARITY.md section 1).

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::beyond::{ConfigShell, StaticOnly};
use super::defaults;
use super::dotenv;
use super::error::SettingsError;
use super::origin::{Origin, Setting};
use super::shellfile::{Evaluated, Variables};
use super::table::known;
use super::{Settings, values};

/// Given in the environment, these beat the config.
const ENVIRONMENT_WINS: &[&str] =
    &["HOSTS", "GIT_PUSH", "REFSPEC", "BRANCH", "REVISION", "LOG_FILE", "APP", "STRATEGY"];

/// The file that is read without `APP_CONFIG`.
const CONFIG: &str = ".deliver/config";

/// Values on their way to becoming settings.
pub(super) struct Loader<'a> {
    pub project: &'a Utf8Path,
    pub variables: Variables,
    /// Where values came from that the config did not assign.
    given: BTreeMap<String, Origin>,
}

impl Settings {
    /// Reads the settings of the project in `project`: the environment, `.deliver/.env`, the config
    /// (which sees those and the command line), and again the command line, which has the last word.
    ///
    /// # Errors
    /// When a file cannot be read or the config cannot be evaluated. A missing config is none.
    pub fn load(
        project: &Utf8Path,
        environment: &[(String, String)],
        command_line: &[(&'static str, String)],
    ) -> Result<Self, SettingsError> {
        Self::load_with(project, environment, command_line, &mut StaticOnly)
    }

    /// The same for configs that are more than static, which `shell` evaluates.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_with(
        project: &Utf8Path,
        environment: &[(String, String)],
        command_line: &[(&'static str, String)],
        shell: &mut dyn ConfigShell,
    ) -> Result<Self, SettingsError> {
        let mut loader = Loader::start(project, environment, command_line)?;
        let config = loader.config_path();
        let outside = loader.outside_values();
        let evaluated = loader.read_config(&config, shell)?;
        for (name, value, origin) in outside {
            loader.set(name, &value, origin);
        }
        for (name, value) in command_line {
            loader.set(name, value, Origin::CommandLine);
        }
        loader.apply_host();
        defaults::after_config(&mut loader);
        Ok(loader.finish(config, evaluated))
    }
}

impl<'a> Loader<'a> {
    /// What the config sees: defaults, `.deliver/.env`, the environment, the command line.
    fn start(
        project: &'a Utf8Path,
        environment: &[(String, String)],
        command_line: &[(&'static str, String)],
    ) -> Result<Self, SettingsError> {
        let mut loader = Self { project, variables: Variables::default(), given: BTreeMap::new() };
        let file = Utf8PathBuf::from(".deliver/.env");
        for entry in dotenv::read(&project.join(&file))? {
            let origin = Origin::DotEnv { file: file.clone(), line: entry.line };
            loader.variables.set_exported(&entry.name, entry.value);
            loader.given.insert(entry.name, origin);
        }
        for (name, value) in environment {
            loader.variables.set_exported(name, value.as_str());
            loader.given.insert(name.clone(), Origin::Environment);
        }
        for (name, value) in command_line {
            loader.set(name, value, Origin::CommandLine);
        }
        loader.join_aliases();
        defaults::before_config(&mut loader);
        Ok(loader)
    }

    /// BRANCH and REFSPEC are one setting with two names, and so are HOSTS, SERVER and SERVERS.
    fn join_aliases(&mut self) {
        for (name, other) in [("BRANCH", "REFSPEC"), ("REFSPEC", "BRANCH")] {
            if let (None, Some(value)) = (self.value(name), self.value(other)) {
                let (value, origin) = (value.to_owned(), self.origin(other));
                self.set(name, &value, origin);
            }
        }
        let names = ["SERVER", "SERVERS", "HOSTS"];
        let hosts: Vec<&str> = names.iter().filter_map(|name| self.value(name)).collect();
        if let Some(first) = names.iter().find(|name| self.value(name).is_some()) {
            let hosts = values::words_of_list(&hosts.join(" ")).join(" ");
            self.set("HOSTS", &hosts, self.origin(first));
        }
    }

    fn config_path(&self) -> Utf8PathBuf {
        Utf8PathBuf::from(self.value("APP_CONFIG").unwrap_or(CONFIG))
    }

    fn read_config(
        &mut self,
        config: &Utf8Path,
        shell: &mut dyn ConfigShell,
    ) -> Result<Evaluated, SettingsError> {
        let shown = config.strip_prefix(self.project).unwrap_or(config);
        let content = match fs_err::read(self.project.join(config)) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let asked_for = self.given.contains_key("APP_CONFIG");
                return if asked_for {
                    Err(SettingsError::NoConfig(shown.to_owned()))
                } else {
                    Ok(Evaluated::default())
                };
            }
            Err(source) => return Err(SettingsError::Read { path: shown.to_owned(), source }),
        };
        let evaluated = self.evaluate(shown, &content, shell)?;
        for (name, _) in self.variables.iter() {
            if let Some(line) = self.variables.line(name) {
                self.given.insert(name.to_owned(), Origin::Config { file: shown.to_owned(), line });
            }
        }
        Ok(evaluated)
    }

    /// What beats the config although it does not stand on the command line.
    fn outside_values(&self) -> Vec<(&'static str, String, Origin)> {
        let given = |name: &&'static str| {
            let origin = self.given.get(*name)?;
            let outside = matches!(origin, Origin::Environment | Origin::DotEnv { .. });
            Some((*name, self.value(name).filter(|_| outside)?.to_owned(), origin.clone()))
        };
        ENVIRONMENT_WINS.iter().filter_map(given).collect()
    }

    /// `HOST` (`--host=[user@]host`) takes the place of every configured host.
    fn apply_host(&mut self) {
        let Some(host) = self.value("HOST").map(str::to_owned) else { return };
        let origin = self.origin("HOST");
        let (user, host) = match host.split_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, host.as_str()),
        };
        for name in ["BUILD_HOST", "STAGING_HOSTS", "PRODUCTION_HOSTS"] {
            self.set(name, host, origin.clone());
        }
        for name in ["BUILD_USER", "STAGING_USER", "PRODUCTION_USER"] {
            if let Some(user) = user {
                self.set(name, user, origin.clone());
            }
        }
    }

    /// The value of a variable that is set and not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// What must never be shown of the variables.
    pub(super) fn secrets(&self) -> Vec<String> {
        let setting = |(name, value): (&str, &str)| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            origin: self.origin(name),
        };
        let settings: Vec<Setting> = self.variables.iter().map(setting).collect();
        settings.iter().flat_map(Setting::secrets).map(str::to_owned).collect()
    }

    /// Sets a value that nobody gave, where there is none yet.
    pub(super) fn default(&mut self, name: &str, value: &str) {
        if self.value(name).is_none() && !value.is_empty() {
            self.variables.set(name, value);
            self.given.insert(name.to_owned(), Origin::Default);
        }
    }

    /// Whether somebody gave it a value.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.value(name).is_some() && self.given.get(name).is_some_and(|origin| *origin != Origin::Default)
    }

    /// Forgets a default that was only for the config to see.
    pub(super) fn forget_default(&mut self, name: &str) {
        if !self.is_given(name) {
            self.variables.set(name, "");
        }
    }

    fn set(&mut self, name: &str, value: &str, origin: Origin) {
        self.variables.set(name, value);
        self.given.insert(name.to_owned(), origin);
    }

    fn origin(&self, name: &str) -> Origin {
        self.given.get(name).cloned().unwrap_or(Origin::Default)
    }

    /// The settings among the variables: those that are known, and those that the project gave.
    fn finish(self, config: Utf8PathBuf, evaluated: Evaluated) -> Settings {
        let mut settings = BTreeMap::new();
        for (name, value) in self.variables.iter() {
            let origin = self.origin(name);
            let given = !matches!(origin, Origin::Environment | Origin::Default);
            if !value.is_empty() && (given || known(name).is_some()) {
                let setting = Setting { name: name.to_owned(), value: value.to_owned(), origin };
                settings.insert(name.to_owned(), setting);
            }
        }
        Settings {
            project: self.project.to_owned(),
            config,
            settings,
            variables: self.variables,
            functions: evaluated.functions,
        }
    }
}
