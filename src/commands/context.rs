//! What every command works with.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use camino::Utf8Path;

use crate::cli::Invocation;
use crate::deploy::Target;
use crate::exit::{Failure, OrUsage};
use crate::host::agent::Place;
use crate::host::limit_to;
use crate::report::{Redactor, Report, ReportOptions};
use crate::settings::{DeploySettings, Settings, SettingsError};
use crate::shell::{Hooks, OnDemand, ScriptMode, ShellError, ShellOptions, bash_of};
use crate::store::{Access, Store};
use crate::transport::{ConnectOptions, HostAddr, Interrupt, RemotePath};

/// What the host's side needs to know of the settings.
const ON_HOSTS: [&str; 9] = [
    "START_COMMAND",
    "STOP_COMMAND",
    "STATUS_COMMAND",
    "DRAIN_COMMAND",
    "UNDRAIN_COMMAND",
    "HEALTH_CHECK",
    "NODE_LOGS",
    "MIGRATE_EVAL",
    "ROLLBACK_EVAL",
];

/// What every command works with.
pub struct Context {
    /// The settings, each with its origin.
    pub settings: Settings,
    /// Shows what happens.
    pub report: Report,
    /// Says whether the user has asked to stop.
    pub interrupt: Interrupt,
    hooks: Mutex<Hooks>,
}

/// Settings that cannot be read are wrong usage, unless it was the user who stopped it.
fn refused(error: SettingsError) -> Failure {
    match error {
        SettingsError::Bash(error) => match error.downcast::<ShellError>() {
            Ok(error) => error.into_failure(),
            Err(error) => Failure::usage(error),
        },
        error => Failure::usage(error),
    }
}

impl Context {
    /// Reads the settings of the project for this command. `set` is what the project's own options
    /// have set.
    ///
    /// # Errors
    /// When they cannot be read: exit status 2.
    pub fn new(
        invocation: &Invocation,
        project: &Utf8Path,
        set: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        // What is not UTF-8 can be no setting of ours.
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .chain(set)
            .collect();
        let interrupt = Interrupt::from_signals().context("cannot watch for ctrl-c")?;
        let shown = ReportOptions {
            plain: invocation.common.plain,
            json: invocation.common.json,
            force_colour: invocation.common.runs_as_mix_task,
            ..ReportOptions::default()
        };
        let mut shell = OnDemand::new(project, shown.clone(), interrupt.clone());
        let settings = Settings::load_with(project, &environment, &invocation.settings(), &mut shell)
            .map_err(refused)?;
        if let Some(hosts) = settings.parallel().map_err(refused)? {
            limit_to(hosts);
        }
        let report = Report::new(ReportOptions {
            verbose: matches!(settings.get("MODE"), Some("verbose" | "debug")),
            log_file: settings.log_file(),
            redactor: Redactor::new(settings.secrets()),
            ..shown
        });
        let options = ShellOptions {
            bash: bash_of(settings.get("BASH_CMD")),
            project: project.as_std_path().to_owned(),
            report: report.clone(),
            interrupt: interrupt.clone(),
        };
        let hooks = Mutex::new(Hooks::new(&settings, shell.into_host(), options));
        Ok(Self { settings, report, interrupt, hooks })
    }

    /// The functions of the config.
    pub fn hooks(&self) -> MutexGuard<'_, Hooks> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How scripts of the config are run on hosts.
    pub fn script_mode(&self) -> ScriptMode {
        ScriptMode {
            report: self.report.clone(),
            verbose: self.settings.is_true("VERBOSE"),
            errexit: self.settings.get("HOOK_ERREXIT") != Some("false"),
        }
    }

    /// How hosts are connected to.
    ///
    /// # Errors
    /// When a setting of it is invalid.
    pub fn connect_options(&self, forward_agent: bool) -> Result<ConnectOptions, Failure> {
        let ssh = self.settings.ssh().or_usage()?;
        Ok(ConnectOptions {
            ssh_config: ssh.config,
            timeout: ssh.timeout,
            forward_agent,
            interrupt: self.interrupt.clone(),
        })
    }

    /// Where archives are kept. Nothing is connected to yet.
    ///
    /// # Errors
    /// When a setting of it is missing or invalid.
    pub fn store(&self) -> Result<Store, Failure> {
        let settings = self.settings.store().or_usage()?;
        let access = Access { connect: self.connect_options(false)?, report: self.report.clone() };
        Store::new(&settings, self.settings.project(), self.settings.app().or_usage()?, &access).or_usage()
    }

    /// The same, with the original's line about a store on a host. Its key becomes known as every host's
    /// does, when something is asked there.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub fn store_announced(&self) -> Result<Store, Failure> {
        let store = self.store()?;
        if store.kind() == "remote" {
            self.report.status("Authorizing release store host");
        }
        Ok(store)
    }

    /// Where the release and its node live on a host, below `directory`.
    ///
    /// # Errors
    /// When a setting of it is invalid.
    pub fn place(&self, directory: &RemotePath) -> Result<Place, Failure> {
        let settings = &self.settings;
        Ok(Place {
            deliver_to: directory.clone(),
            app: settings.app().or_usage()?.to_owned(),
            profile: settings.profile().or_usage()?,
            start_timeout: settings.seconds("START_TIMEOUT").or_usage()?,
            stable_for: settings.seconds("STABLE_FOR").or_usage()?,
            lease: settings.seconds("LEASE").or_usage()?,
            migrate_timeout: settings.migrate_timeout().or_usage()?,
            environment: self.environment_on_hosts()?,
        })
    }

    /// The settings that the host's side finds in its environment. ECTO_REPOSITORY has its own name
    /// there, since nodes that edeliver's module is part of look for it.
    fn environment_on_hosts(&self) -> Result<Vec<(String, String)>, Failure> {
        let repository = self.settings.ecto_repository().or_usage()?;
        let repository = repository.map(|name| ("ECTO_REPOSITORY".to_owned(), name.to_owned()));
        let ours = ON_HOSTS.iter().filter_map(|name| {
            let value = self.settings.get(name)?;
            Some((format!("EDELIVER_{name}"), value.to_owned()))
        });
        Ok(ours.chain(repository).collect())
    }

    /// What a deploy to the stage that is meant needs.
    ///
    /// # Errors
    /// When a setting of it is missing or invalid.
    pub fn deploy_settings(&self) -> Result<DeploySettings, Failure> {
        self.settings.deploy(self.settings.stage().or_usage()?).or_usage()
    }

    /// The hosts of the stage. Nobody has connected to them yet.
    ///
    /// # Errors
    /// When a setting of it is invalid.
    pub fn targets(&self, settings: &DeploySettings) -> Result<Vec<Target>, Failure> {
        self.targets_over(settings, &self.connect_options(false)?)
    }

    /// The same, to be connected to like that.
    ///
    /// # Errors
    /// As [`Context::targets`].
    pub fn targets_over(
        &self,
        settings: &DeploySettings,
        options: &ConnectOptions,
    ) -> Result<Vec<Target>, Failure> {
        let place = self.place(&settings.deliver_to)?;
        let target = |host: &HostAddr| Target::new(host.clone(), place.clone(), options.clone());
        Ok(settings.hosts.iter().map(target).collect())
    }
}
