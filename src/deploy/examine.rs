//! A host of a stage as `edeliver doctor` looks at it. Nothing is changed, and no lock is taken.

use super::claim::Claim;
use super::error::TargetError;
use super::phase::Phase;
use super::state::HostState;
use super::survey::Survey;
use super::target::Target;
use crate::host::agent::PhaseError;
use crate::host::{Facts, FactsError};
use crate::transport::Stdin;

/// What a host of a stage is and has.
pub struct Examined {
    /// What any host is and has.
    pub facts: Facts,
    /// What is known of its deploys.
    pub state: HostState,
    /// What speaks against any deploy, in words.
    pub problems: Vec<String>,
}

/// Why a host could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// A phase of ours failed.
    #[error(transparent)]
    Target(#[from] Box<TargetError>),
    /// The host did not say what it is.
    #[error(transparent)]
    Facts(#[from] FactsError),
}

impl Target {
    /// Looks at the host, and for these tools.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub fn examine(&mut self, claim: &Claim, tools: &[&str]) -> Result<Examined, ExamineError> {
        let state = self.state(claim).map_err(Box::new)?;
        let answer = self.call(claim, Phase::Survey, &[String::new()], Stdin::Empty).map_err(boxed)?;
        let survey = Survey::parse(&answer, &[]).map_err(|source| Box::new(self.unreadable(source)))?;
        let (profile, directory) = (self.place.profile.clone(), self.place.deliver_to.clone());
        // The state has been asked over this connection.
        let mut session = match self.share() {
            Some(session) => session,
            None => {
                crate::transport::Session::connect(&self.addr, &self.options).map_err(FactsError::from)?
            }
        };
        let facts = Facts::ask(&mut session, &profile, &directory, tools)?;
        Ok(Examined { facts, state, problems: survey.problems })
    }
}

fn boxed(error: PhaseError) -> Box<TargetError> {
    Box::new(error.into())
}
