//! `edeliver recover`: undoes what is unfinished on the hosts of a stage, and nothing else.

use super::{Context, look};
use crate::cli;
use crate::deploy::{Claim, Recovered, Target};
use crate::exit::Failure;

/// Puts right every host of the stage, and says for each what there was to do.
///
/// # Errors
/// When somebody still deploys there, or a host could not be put right.
pub fn run(context: &Context, recover: &cli::Recover) -> Result<(), Failure> {
    let mut claim = Claim::new(context.report.clone());
    claim.force_unlock = recover.force_unlock;
    let looked = look::at_hosts(context, |target: &mut Target| target.recover(&claim))?;
    for (host, recovered) in looked.answers() {
        let text = match recovered {
            Recovered::Nothing => "nothing to do".to_owned(),
            Recovered::Cleared => {
                "gave back the lock of a dead deployer; the release was not touched".to_owned()
            }
            Recovered::Undone(id) => {
                format!("undid the unfinished deploy {id}: the host is as it was before")
            }
        };
        context.report.print(&format!("{host}: {text}"));
    }
    looked.into_failure()
}
