//! Questions that somebody at a terminal answers with yes or no.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::Context;
use crate::exit::Failure;

/// Whether somebody can be asked.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks, and waits for the answer. No answer is a no.
///
/// # Errors
/// When the terminal cannot be read.
pub fn confirmed(context: &Context, question: &str) -> Result<bool, Failure> {
    context.report.hint(&format!("{question} (y/n)"));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

/// Lets somebody who can be asked, or `--force`, agree that this is replaced.
///
/// # Errors
/// When it is not to be replaced.
pub fn may_replace(context: &Context, what: &str) -> Result<(), Failure> {
    if context.settings.is_true("FORCE") {
        return Ok(());
    }
    if can_ask() && confirmed(context, &format!("{what} already exists. Overwrite?"))? {
        return Ok(());
    }
    let error = anyhow::anyhow!("{what} already exists, and was left as it is");
    Err(Failure::failed(error).hint("--force replaces it."))
}
