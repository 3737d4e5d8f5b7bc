//! Nodes that are restarted some at a time: what the options and settings ask for.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::anyhow;

use super::Context;
use crate::deploy::{Canary, Rolling};
use crate::exit::Failure;
use crate::settings::DeploySettings;

/// How the nodes of this deploy are restarted. `canary`: `--canary` was given.
///
/// # Errors
/// When nobody could say whether the others are to follow the first host: exit status 2.
pub(super) fn rolling(settings: &DeploySettings, canary: bool) -> Result<Rolling, Failure> {
    let canary = match (canary, settings.canary_for) {
        (false, _) => None,
        (true, _) if !settings.start => {
            let error = anyhow!("--canary is about restarting nodes, and this deploy restarts none");
            return Err(Failure::usage(error).hint("Add --start-deploy."));
        }
        (true, Some(time)) => Some(Canary::Watch(time)),
        (true, None) if std::io::stdin().is_terminal() => Some(Canary::Ask),
        (true, None) => {
            let error = anyhow!("--canary asks whether to go on, and there is no terminal to ask on");
            return Err(Failure::usage(error)
                .hint("Set CANARY_FOR to the seconds for which the first host must stay healthy instead."));
        }
    };
    Ok(Rolling { batch: settings.batch, canary })
}

/// Asks whether the other hosts are to follow the first one.
///
/// # Errors
/// When they are not.
pub(super) fn ask_to_go_on(context: &Context) -> Result<(), Failure> {
    context.report.status("The first host runs the new release. Go on with the others? [y/N]");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::failed(anyhow!("stopped behind the first host, as you said"))),
    }
}
