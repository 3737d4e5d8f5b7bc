//! `edeliver init`: writes a commented `.deliver/config` from what the project and the user say, and sees
//! whether its hosts can be reached.

mod draft;
mod found;

use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::anyhow;
use camino::Utf8Path;

use self::draft::Draft;
use self::found::Remotes;
use super::Context;
use super::question::can_ask;
use crate::cli::Init;
use crate::exit::{Failure, OrUsage as _};
use crate::host::each;
use crate::transport::{HostAddr, Session};

/// Writes the config. One that is there is left as it is.
///
/// # Errors
/// When there is one, an answer is no host, or a host of it cannot be reached.
pub fn run(context: &Context, init: &Init) -> Result<(), Failure> {
    let project = context.settings.project();
    let config = context.settings.config();
    let path = project.join(config);
    if path.exists() {
        let failure = Failure::usage(anyhow!("{config} is there already, and was left as it is"));
        return Err(failure.hint("'edeliver check config' says what it holds, and what is missing."));
    }
    let draft = draft(context, init, project)?;
    if init.plan {
        context.report.print(draft.text().trim_end());
        return Ok(());
    }
    write(&path, &draft.text())?;
    context.report.status(&format!("Wrote {config}"));
    let reached = reach(context, &draft);
    context.report.hint("'edeliver check config' shows every setting; 'edeliver doctor' looks at the hosts.");
    reached
}

fn draft(context: &Context, init: &Init, project: &Utf8Path) -> Result<Draft, Failure> {
    let found = found::look(project);
    let mut draft = Draft {
        build_at: None,
        app: init.app.clone().unwrap_or(found.app),
        build: init.build.clone(),
        staging: init.staging.clone(),
        production: init.production.clone(),
        directory: init.directory.clone(),
        branch: found.branch,
        tool: found.tool,
    };
    take_from(found.remotes, &mut draft);
    if !can_ask() || context.report.is_read_by_programs() {
        return Ok(draft);
    }
    if draft.build.is_none() {
        draft.build = hosts(context, "Where to build ([user@]host; empty: later)?")?.into_iter().next();
    }
    if draft.staging.is_empty() {
        draft.staging = hosts(context, "Staging hosts ([user@]host, with commas; empty: later)?")?;
    }
    if draft.production.is_empty() {
        draft.production = hosts(context, "Production hosts ([user@]host, with commas; empty: later)?")?;
    }
    Ok(draft)
}

/// What the git remotes say, where no option says otherwise.
fn take_from(remotes: Remotes, draft: &mut Draft) {
    if let (None, Some((host, directory))) = (&draft.build, remotes.build) {
        (draft.build, draft.build_at) = (Some(host), Some(directory));
    }
    if draft.staging.is_empty() {
        draft.staging = remotes.staging;
    }
    if draft.production.is_empty() {
        draft.production = remotes.production;
    }
}

fn hosts(context: &Context, question: &str) -> Result<Vec<HostAddr>, Failure> {
    context.report.hint(question);
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let words = answer.split([',', ' ', '\n']).filter(|word| !word.is_empty());
    words.map(str::parse).collect::<Result<_, _>>().or_usage()
}

/// Whole or not at all, and never over another one.
fn write(path: &Utf8Path, text: &str) -> Result<(), Failure> {
    if let Some(directory) = path.parent() {
        fs_err::create_dir_all(directory)?;
    }
    let file = std::fs::File::options().write(true).create_new(true).mode(0o644).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| anyhow!(error).context(format!("cannot write {path}")).into())
}

/// Connects to each host.
fn reach(context: &Context, draft: &Draft) -> Result<(), Failure> {
    let options = context.connect_options(false)?;
    let hosts = draft.hosts();
    let sessions = each(&hosts, |host| Session::connect(host, &options).map(drop));
    let mut unreached = 0;
    for (host, session) in hosts.iter().zip(sessions) {
        match session {
            Ok(()) => context.report.success(&format!("{host}: reached")),
            Err(error) => {
                unreached += 1;
                context.report.error(&error.to_string());
            }
        }
    }
    if unreached == 0 {
        return Ok(());
    }
    let failure = Failure::failed(anyhow!("{unreached} of {} hosts cannot be reached", hosts.len()));
    Err(failure.hint("The config is written all the same. 'ssh -v HOST' says more."))
}
