//! The end of a command: how long it took, NOTIFY_COMMAND, and the last event (docs/events.md).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Context, notify};
use crate::cli::{Command, Deploy, Invocation};
use crate::exit::{Exit, Failure};
use crate::report::{Report, ReportOptions, seconds};

/// Tells how the command has ended.
pub fn tell(context: &Context, invocation: &Invocation, outcome: &Result<(), Failure>) {
    let report = &context.report;
    let is_news = is_worth_a_word(&invocation.command, outcome);
    if let Some(summary) = summary(report).filter(|_| is_news) {
        report.summary(&summary);
    }
    let result = report.line("result", result(report, Some(&invocation.command.name()), outcome));
    if let Some(command) = context.settings.get("NOTIFY_COMMAND")
        && is_news
        && let Err(error) = notify::run(command, context.settings.project(), report, &result)
    {
        report.hint(&format!("NOTIFY_COMMAND {error}"));
    }
    report.pass_line(&result);
}

/// The last event of a command line that was refused before it became a command of a project.
pub fn refused(command: Option<&str>, failure: &Failure) {
    let report = Report::new(ReportOptions { json: true, ..ReportOptions::default() });
    report.pass_line(&report.line("result", outcome(&report, command, Some(failure))));
}

fn result(report: &Report, command: Option<&str>, ended: &Result<(), Failure>) -> Value {
    outcome(report, command, ended.as_ref().err())
}

fn outcome(report: &Report, command: Option<&str>, failure: Option<&Failure>) -> Value {
    let exit = failure.map_or(Exit::Success, |failure| failure.exit);
    let causes = |failure: &Failure| failure.error.chain().map(ToString::to_string).collect::<Vec<_>>();
    let phases = report.phases().into_iter();
    json!({
        "command": command,
        "status": word(exit),
        "exit": exit.code(),
        "error": failure.map(causes),
        "hints": failure.map_or(&[][..], |failure| &failure.hints),
        "hosts": report.hosts(),
        "phases": phases.map(|timing| json!({ "phase": timing.phase, "seconds": seconds(timing.time) })).collect::<Value>(),
        "seconds": seconds(report.elapsed()),
    })
}

fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Success => "succeeded",
        Exit::Failed => "failed",
        Exit::Usage => "refused",
        Exit::Unrestored => "unrestored",
        Exit::Interrupted(_) => "interrupted",
    }
}

/// The phases with their times; none where there were none.
fn summary(report: &Report) -> Option<String> {
    let phases: Vec<String> =
        report.phases().iter().map(|timing| format!("{} {}", timing.phase, shown(timing.time))).collect();
    (!phases.is_empty()).then(|| format!("Took {}: {}", shown(report.elapsed()), phases.join(", ")))
}

/// A time for people: tenths of seconds, or minutes when it is long.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        all => format!("{} min {} s", all / 60, all % 60),
    }
}

/// Whether it changed something, or was to. What only looks, and what was refused, is no news.
fn is_worth_a_word(command: &Command, outcome: &Result<(), Failure>) -> bool {
    let only_looks = match command {
        Command::Deploy(Deploy::Release(release)) => release.precautions.plan,
        Command::Deploy(Deploy::Upgrade(upgrade)) => upgrade.precautions.plan,
        Command::Update(update) => update.precautions.plan,
        Command::Upgrade(upgrade) => upgrade.precautions.plan,
        Command::Rollback(rollback) => rollback.precautions.plan,
        Command::Build(_) | Command::Recover(_) | Command::Drill(_) | Command::Custom(_) => false,
        _ => true,
    };
    !only_looks && !matches!(outcome, Err(Failure { exit: Exit::Usage, .. }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::shown;

    #[test]
    fn times() {
        assert_eq!(shown(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(61)), "1 min 1 s");
    }
}
