//! The settings of migrations.

use std::time::Duration;

use super::error::SettingsError;
use super::{DeployMigrations, MigrateOn, MigrateWhen, Settings};

impl Settings {
    /// The nodes that migrations run on.
    ///
    /// # Errors
    /// When MIGRATE_ON is neither `first` nor `all`.
    pub fn migrate_on(&self) -> Result<MigrateOn, SettingsError> {
        let choices = [("first", MigrateOn::First), ("all", MigrateOn::All)];
        Ok(self.one_of("MIGRATE_ON", &choices)?.unwrap_or(MigrateOn::First))
    }

    /// How long migrations may take.
    ///
    /// # Errors
    /// When MIGRATE_TIMEOUT is no number of seconds.
    pub fn migrate_timeout(&self) -> Result<Duration, SettingsError> {
        self.seconds("MIGRATE_TIMEOUT")
    }

    /// The module name in ECTO_REPOSITORY, which ends up in code for the node.
    ///
    /// # Errors
    /// When it is no name of a module.
    pub fn ecto_repository(&self) -> Result<Option<&str>, SettingsError> {
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        match self.get("ECTO_REPOSITORY") {
            Some(name) if !plain(name) => {
                Err(self.invalid("ECTO_REPOSITORY", "it must be the name of a module, such as MyApp.Repo"))
            }
            name => Ok(name),
        }
    }

    /// The migrations of a deploy; none when it runs none.
    pub(super) fn deploy_migrations(&self) -> Result<Option<DeployMigrations>, SettingsError> {
        let choices = [("after", MigrateWhen::After), ("before", MigrateWhen::Before)];
        let when = self.one_of("MIGRATE_WHEN", &choices)?.unwrap_or(MigrateWhen::After);
        let on = self.migrate_on()?;
        let undo = self.is_true("ROLLBACK_MIGRATIONS");
        Ok(self.is_true("MIGRATE").then_some(DeployMigrations { when, on, undo }))
    }
}
