//! `edeliver doctor`: looks at every host that is configured, all at once, and says what would fail and how
//! to mend it. Changes nothing, and takes no lock.

mod findings;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use serde_json::{Value, json};

use self::findings::{Finding, Findings};
use super::Context;
use super::check_config;
use crate::build::StepError;
use crate::build::docker::Docker;
use crate::cli::DoctorScope;
use crate::deploy::{Claim, ExamineError, Examined, Target};
use crate::exit::Failure;
use crate::host::{Facts, FactsError, each};
use crate::report::table;
use crate::settings::{BuildSettings, BuildTool, SettingsError, Stage};
use crate::transport::{ConnectOptions, HostAddr, Session};

/// Tools that a build host may have, in the order of their columns.
const BUILD_TOOLS: [&str; 6] = ["git", "erl", "elixir", "rebar3", "node", "docker"];
/// Tools that are looked for on the hosts of a stage.
const STAGE_TOOLS: [&str; 1] = ["erl"];

/// A host that is looked at.
enum Subject {
    Build(Box<BuildSettings>, ConnectOptions),
    Stage(Stage, Box<Mutex<Target>>),
}

/// What was seen of a host.
enum Seen {
    Build(Box<Facts>),
    Stage(Box<Examined>),
}

/// A host with what was seen of it.
struct Patient<'a> {
    subject: &'a Subject,
    host: HostAddr,
    seen: Result<Seen, ExamineError>,
}

/// Looks at the build host and the hosts of both stages, or at those of `scope`.
///
/// # Errors
/// When something would fail: exit status 1.
pub fn run(context: &Context, scope: Option<DoctorScope>) -> Result<(), Failure> {
    let mut findings = Findings::default();
    findings.extend(check_config::warnings(&context.settings).into_iter().map(Finding::config));
    let subjects = subjects(context, scope, &mut findings)?;
    let claim = Claim::new(context.report.clone());
    let patients = {
        let _spinner = context.report.step(&format!("Looking at {} hosts", subjects.len()));
        let looked = each(&subjects, |subject| look(subject, &claim));
        let patient = |(subject, (host, seen))| Patient { subject, host, seen };
        subjects.iter().zip(looked).map(patient).collect::<Vec<_>>()
    };
    if let Some(signal) = context.interrupt.received() {
        let exit = crate::exit::Exit::Interrupted(signal);
        return Err(Failure { exit, error: anyhow!("interrupted"), hints: Vec::new() });
    }
    for patient in &patients {
        findings.of(patient);
    }
    findings.compare(&patients);
    if context.report.is_read_by_programs() {
        let hosts: Value = patients.iter().map(as_json).collect();
        context.report.event("doctor", json!({ "hosts": hosts, "findings": findings }));
        return findings.verdict();
    }
    if !patients.is_empty() {
        let headings = [
            "for",
            "host",
            "reached",
            "shell",
            "system",
            "machine",
            "C library",
            "Erlang",
            "free",
            "clock",
            "state",
        ];
        let rows: Vec<[String; 11]> =
            [headings.map(str::to_owned)].into_iter().chain(patients.iter().map(row)).collect();
        context.report.print(&table(&rows));
    }
    for patient in &patients {
        if let (Subject::Build(settings, _), Ok(Seen::Build(facts))) = (patient.subject, &patient.seen) {
            context.report.print(&format!("\nTools on {}:\n{}", settings.host, tools(facts)));
        }
    }
    findings.show(&context.report)
}

/// The hosts to look at. What is missing in the settings is a finding.
fn subjects(
    context: &Context,
    scope: Option<DoctorScope>,
    findings: &mut Findings,
) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    let mut in_container = false;
    if scope.is_none_or(|scope| scope == DoctorScope::Build) {
        match context.settings.build() {
            // The container does not run yet; what it needs is an engine.
            Ok(settings) if settings.container.is_some() => {
                in_container = true;
                findings.extend(engine(context));
            }
            Ok(settings) => {
                subjects.push(Subject::Build(Box::new(settings), context.connect_options(true)?));
            }
            Err(error) => findings.incomplete("build", &error, scope.is_some()),
        }
    }
    for (stage, own) in [(Stage::Staging, DoctorScope::Staging), (Stage::Production, DoctorScope::Production)]
    {
        if scope.is_some_and(|scope| scope != own) {
            continue;
        }
        match context.settings.deploy(stage) {
            Ok(settings) => {
                let targets = context.targets(&settings)?;
                subjects.extend(
                    targets.into_iter().map(|target| Subject::Stage(stage, Box::new(Mutex::new(target)))),
                );
            }
            Err(error) => findings.incomplete(stage.as_str(), &error, scope.is_some()),
        }
    }
    if subjects.is_empty() && findings.is_empty() && !in_container {
        let error = anyhow!("no host is configured: neither for builds nor for a stage");
        return Err(Failure::usage(error).hint("'edeliver check config' says what is missing."));
    }
    Ok(subjects)
}

/// What is wrong with the docker engine of this machine.
fn engine(context: &Context) -> Option<Finding> {
    let checked = Docker::new(&context.interrupt, &context.report)
        .map_err(StepError::from)
        .and_then(|mut docker| docker.check());
    let mend = "Install docker here and start its engine: BUILD_HOST=docker builds in its containers.";
    checked.err().map(|error| Finding::problem("docker", &error.to_string(), mend))
}

fn look(subject: &Subject, claim: &Claim) -> (HostAddr, Result<Seen, ExamineError>) {
    match subject {
        Subject::Build(settings, options) => {
            let seen = Session::connect(&settings.host, options).map_err(FactsError::from);
            let seen = seen.and_then(|mut session| {
                Facts::ask(&mut session, &settings.profile, &settings.at, &BUILD_TOOLS)
            });
            let seen = seen.map(Box::new).map(Seen::Build).map_err(ExamineError::from);
            (settings.host.clone(), seen)
        }
        Subject::Stage(_, target) => {
            let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = target.examine(claim, &STAGE_TOOLS).map(Box::new).map(Seen::Stage);
            (target.addr().clone(), seen)
        }
    }
}

impl Subject {
    /// What it is for.
    fn purpose(&self) -> &'static str {
        match self {
            Subject::Build(..) => "build",
            Subject::Stage(stage, _) => stage.as_str(),
        }
    }

    /// The tools without which nothing can be done there.
    fn needed_tools(&self) -> &'static [&'static str] {
        match self {
            Subject::Build(settings, _) if settings.build_tool == BuildTool::Mix => &["git", "erl", "elixir"],
            Subject::Build(..) => &["git", "erl"],
            Subject::Stage(..) => &[],
        }
    }
}

impl Patient<'_> {
    fn facts(&self) -> Option<&Facts> {
        match self.seen.as_ref().ok()? {
            Seen::Build(facts) => Some(facts),
            Seen::Stage(examined) => Some(&examined.facts),
        }
    }
}

fn row(patient: &Patient<'_>) -> [String; 11] {
    let (purpose, host) = (patient.subject.purpose().to_owned(), patient.host.to_string());
    let Some(facts) = patient.facts() else {
        let nothing = String::new;
        return [
            purpose,
            host,
            "no".to_owned(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
        ];
    };
    [
        purpose,
        host,
        "yes".to_owned(),
        facts.shell.rsplit('/').next().unwrap_or_default().to_owned(),
        facts.system.clone(),
        facts.machine.clone(),
        facts.libc.to_string(),
        facts.version_of("erl").unwrap_or_default().to_owned(),
        facts.free_bytes.map(super::plan::size).unwrap_or_default(),
        match facts.clock_ahead {
            -2..=2 => "right".to_owned(),
            ahead => format!("{ahead:+} s"),
        },
        findings::state(patient),
    ]
}

/// The same for programs.
fn as_json(patient: &Patient<'_>) -> Value {
    let (purpose, host) = (patient.subject.purpose(), patient.host.to_string());
    let facts = patient.facts().map(|facts| {
        json!({
            "shell": facts.shell,
            "system": facts.system,
            "machine": facts.machine,
            "libc": facts.libc.to_string(),
            "free_bytes": facts.free_bytes,
            "clock_ahead": facts.clock_ahead,
            "tools": facts.tools.iter().cloned().collect::<BTreeMap<_, _>>(),
        })
    });
    let state = patient.facts().map(|_| findings::state(patient));
    json!({ "for": purpose, "host": host, "facts": facts, "state": state })
}

fn tools(facts: &Facts) -> String {
    let rows = facts
        .tools
        .iter()
        .map(|(name, version)| [name.clone(), version.clone().unwrap_or_else(|| "none".to_owned())]);
    table(&rows.collect::<Vec<_>>())
}

impl Findings {
    /// Settings that are missing for a kind of work. That a project has none of a kind is no finding,
    /// unless it was asked about.
    fn incomplete(&mut self, purpose: &str, error: &SettingsError, asked: bool) {
        match error {
            SettingsError::Missing { .. } if !asked => {}
            error => self.push(Finding::problem(
                purpose,
                &error.to_string(),
                "'edeliver check config' shows what is set, and where.",
            )),
        }
    }
}
