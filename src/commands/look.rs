//! Asking all hosts of a stage something at once.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::Context;
use crate::deploy::{Target, TargetError};
use crate::exit::Failure;
use crate::host::each;
use crate::settings::DeploySettings;

/// What each host said, in the order of the settings.
pub struct Looked<T>(Vec<(String, Result<T, TargetError>)>);

/// Asks every host of the stage, all at once.
///
/// # Errors
/// When a setting is missing or invalid.
pub fn at_hosts<T: Send>(
    context: &Context,
    ask: impl Fn(&mut Target) -> Result<T, TargetError> + Sync,
) -> Result<Looked<T>, Failure> {
    at_hosts_of(context, &context.deploy_settings()?, ask)
}

/// Asks the hosts of these settings, all at once.
///
/// # Errors
/// When a setting is invalid.
pub fn at_hosts_of<T: Send>(
    context: &Context,
    settings: &DeploySettings,
    ask: impl Fn(&mut Target) -> Result<T, TargetError> + Sync,
) -> Result<Looked<T>, Failure> {
    let targets: Vec<Mutex<Target>> = context.targets(settings)?.into_iter().map(Mutex::new).collect();
    let answers = each(&targets, |target| {
        let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
        (target.addr().to_string(), ask(&mut target))
    });
    Ok(Looked(answers))
}

impl<T> Looked<T> {
    /// The hosts that have answered.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().filter_map(|(host, answer)| Some((host.as_str(), answer.as_ref().ok()?)))
    }

    /// An object for each host, with "error" where it could not be asked.
    pub fn to_json(&self, describe: impl Fn(&T) -> Value) -> Value {
        let each = self.0.iter().map(|(host, answer)| {
            let mut value = match answer {
                Ok(answer) => describe(answer),
                Err(error) => json!({ "error": error.to_string() }),
            };
            value["host"] = json!(host);
            value
        });
        each.collect()
    }

    /// What all hosts said, or a failure that names those that did not.
    ///
    /// # Errors
    /// When a host could not be asked.
    pub fn into_answers(self) -> Result<Vec<(String, T)>, Failure> {
        let mut answers = Vec::new();
        let mut errors = Vec::new();
        for (host, answer) in self.0 {
            match answer {
                Ok(answer) => answers.push((host, answer)),
                Err(error) => errors.push(error),
            }
        }
        match TargetError::failure(&errors) {
            None => Ok(answers),
            Some(failure) => Err(failure),
        }
    }

    /// The same where the answers have been shown.
    ///
    /// # Errors
    /// As [`Looked::into_answers`].
    pub fn into_failure(self) -> Result<(), Failure> {
        self.into_answers().map(drop)
    }
}
