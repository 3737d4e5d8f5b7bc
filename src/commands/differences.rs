//! `edeliver check config --differences`: what of `compat/DIFFERENCES.md` concerns this project.

use super::check_config::table;
use crate::settings::shellfile::Function;
use crate::settings::{Origin, Setting, Settings};
use crate::shell::names::{Role, role};

/// What concerns everybody: the ids, what it is about, and what there is to know.
const EVERYWHERE: &[[&str; 3]] = &[
    [
        "D6 D9 D10 D11",
        "exit status",
        "2: a setting is missing; 130, 143: interrupted; 1: failed; 3: a host could not be restored",
    ],
    [
        "D4 D5 D31",
        "words",
        "misspelt stages, and options that are nearly right, are refused with exit status 2",
    ],
    ["D8 D101", "questions", "are asked on a terminal only; in CI give --version= and --force"],
    ["D3 D120", "output", "the log is private, errors stand on standard error"],
    ["D12 D15", "build", "no git remotes are added; a second build in the same BUILD_AT is refused"],
    ["D14", "build", "an archive that cannot boot is not stored"],
    ["D17 D18", "deploy", "all hosts or none (as before: ON_FAILURE=keep-good)"],
    [
        "D22",
        "deploy",
        "a node must come up and stay up (as before: STABLE_FOR=0; for slow ones START_TIMEOUT=600)",
    ],
    ["D25", "deploy", "a second deploy to the same hosts is refused"],
    ["D47", "deploy", "the newest 5 releases stay on the hosts (as before: KEEP_RELEASES=1000)"],
    ["D70 D71", "upgrade", "is made permanent when all nodes have taken it; no archive is left on the hosts"],
    ["D80 D81", "migrate", "runs on the first node only, and says what ran (as before: MIGRATE_ON=all)"],
    ["D86", "nodes", "what is said of a node that does not answer"],
];

/// Settings that an option beats which was ignored beside them.
const BEATEN_BY_OPTIONS: &[(&str, &str)] = &[
    ("TARGET_MIX_ENV", "--mix-env="),
    ("AUTO_VERSION", "--auto-version="),
    ("INCREMENT_RELEASE_VERSION", "--increment-version="),
    ("SET_RELEASE_VERSION", "--set-version="),
    ("RELUP_MODIFICATION_MODULE", "--relup-mod="),
    ("VERSION", "--version="),
    ("FROM", "--from="),
    ("WITH", "--with="),
    ("TO", "--to="),
    ("TAG", "--tag="),
];

/// Settings of a config that have another effect than they had, whatever their value is.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("BRANCH", "D121", "the tools are told the branch that is built, also where --branch= names another one"),
    ("REVISION", "D123", "is resolved here, and not on the build host"),
    ("LOCAL_RELEASE_STORE", "D41", "is the default of RELEASE_STORE, too"),
    ("REBAR_CONFIG", "D41", "rebar and rebar3 are called with it"),
    ("ECTO_REPOSITORY", "D83", "counts, also where the node was started without it"),
    ("LOG_FILE", "D3", "is readable for you alone"),
];

/// Names of commands that were free for strategies of the project.
const COMMANDS: &[(&str, &str)] = &[
    ("status", "D45"),
    ("history", "D45"),
    ("recover", "D45"),
    ("rollback", "D45"),
    ("drill", "D45"),
    ("logs", "D88"),
    ("remote_console", "D88"),
    ("doctor", "D105"),
];

/// The steps of a deploy that run in a copy of the release.
const IN_A_REPLICA: &[&str] =
    &["upload_release_archive", "remote_clean_release_dir", "remote_extract_release_archive"];

/// The hooks of an upgrade whose status did not count.
const OF_AN_UPGRADE: &[&str] = &["pre_erlang_update", "post_erlang_update", "post_erlang_deployed_update"];

/// What differs for this project, by the ids of `compat/DIFFERENCES.md`: its config, its functions and
/// its strategies first, then what concerns every project.
pub fn listing(settings: &Settings) -> String {
    let own = [of_settings(settings), of_functions(settings), of_strategies(settings)].concat();
    let everywhere: Vec<_> = EVERYWHERE.iter().map(|row| row.map(str::to_owned)).collect();
    let own = if own.is_empty() { "nothing".to_owned() } else { table(&own) };
    format!(
        "What is not as with the shell tool; compat/DIFFERENCES.md says why.\n\n\
         With this config:\n{own}\n\nWith every config:\n{}",
        table(&everywhere)
    )
}

type Row = [String; 3];

fn row(id: &str, place: &str, what: impl Into<String>) -> Row {
    [id.to_owned(), place.to_owned(), what.into()]
}

/// The setting, when it is the config that sets it.
fn own<'a>(settings: &'a Settings, name: &str) -> Option<&'a Setting> {
    settings.setting(name).filter(|setting| matches!(setting.origin, Origin::Config { .. }))
}

fn of_settings(settings: &Settings) -> Vec<Row> {
    let at = |setting: &Setting| setting.origin.to_string();
    let beaten = BEATEN_BY_OPTIONS.iter().filter_map(|(name, option)| {
        Some(row("D1", &at(own(settings, name)?), format!("{option} beats {name}; it was ignored")))
    });
    let otherwise = OTHERWISE
        .iter()
        .filter_map(|(name, id, what)| Some(row(id, &at(own(settings, name)?), format!("{name} {what}"))));
    let nodes = settings.iter().filter(|setting| setting.name.ends_with("_NODES"));
    let nodes = nodes.map(|setting| {
        row("D39", &at(setting), format!("--host= picks nodes of {}; it was ignored", setting.name))
    });
    let root = settings.iter().filter(|setting| {
        setting.value == "root" && ["STAGING_USER", "PRODUCTION_USER"].contains(&&*setting.name)
    });
    let root = root.map(|setting| row("D37", &at(setting), "files on the hosts belong to root"));
    let mut rows: Vec<Row> = beaten.chain(otherwise).chain(nodes).chain(root).collect();
    rows.extend(of_file(settings));
    rows.extend(of_tools(settings));
    rows.extend(of_store(settings));
    if own(settings, "PROFILE").is_none() {
        let what =
            "PROFILE is not set: ~/.profile of the user on the host is read, not that of this machine's home";
        rows.push(row("D2", "", what));
    }
    if own(settings, "BRANCH").is_none() {
        rows.push(row("D7", "", "BRANCH is not set: it is main where there is no master"));
    }
    rows
}

/// The bytes of the file.
fn of_file(settings: &Settings) -> Option<Row> {
    // A project need not have a config.
    let bytes = fs_err::read(settings.project().join(settings.config())).unwrap_or_default();
    let strange = bytes.starts_with(b"\xef\xbb\xbf") || bytes.windows(2).any(|pair| pair == b"\r\n");
    strange.then(|| {
        row("D38", settings.config().as_str(), "its BOM and carriage returns are no part of values any more")
    })
}

/// How releases are built.
fn of_tools(settings: &Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    let built_in = settings.get("USING_DISTILLERY") == Some("false");
    match settings.get("RELEASE_CMD") {
        Some("mix") if built_in => {
            rows.push(row("D21", "", "releases of `mix release` land where bin/APP is looked for"));
            rows.push(row("D74", "", "`build upgrade` is refused: no node of `mix release` can take one"));
            rows.push(row("D122", "", "`mix release` is called with --overwrite"));
        }
        Some("rebar3") => {
            rows.push(row(
                "D24",
                "",
                "nodes are spoken to as their release understands it (relx 4: `daemon`)",
            ));
            rows.push(row("D73", "", "`build upgrade` works"));
        }
        _ => {}
    }
    if let Some(setting) = own(settings, "USING_DISTILLERY").filter(|_| built_in)
        && settings.project().join("rel/config.exs").exists()
    {
        let what = "USING_DISTILLERY=false counts, although there is rel/config.exs (as before: true)";
        rows.push(row("D40", &setting.origin.to_string(), what));
    }
    rows
}

/// Where archives are kept.
fn of_store(settings: &Settings) -> Option<Row> {
    let store = settings.setting("RELEASE_STORE")?;
    let place = store.origin.to_string();
    if store.value.starts_with("s3:") {
        return Some(row("D30", &place, "the secrets of the bucket stand on no command line"));
    }
    let remote = !matches!(store.origin, Origin::Default) && store.value.contains(':');
    remote.then(|| row("D29", &place, "an upload that fails fails the command"))
}

fn of_functions(settings: &Settings) -> Vec<Row> {
    let strict = settings.get("HOOK_ERREXIT") != Some("false");
    settings.functions().iter().flat_map(|function| of_function(function, settings, strict)).collect()
}

fn of_function(function: &Function, settings: &Settings, strict: bool) -> Vec<Row> {
    let Function { name, text, line, sourced_from } = function;
    let place = format!("{}:{line}", sourced_from.as_deref().unwrap_or(settings.config()));
    let (role, name) = (role(name), name.as_str());
    let mut rows = Vec::new();
    let mut say = |id: &str, what: &str| rows.push(row(id, &place, format!("{name}: {what}")));
    if matches!(role, Role::Hook | Role::Override) && strict {
        say("D27", "the command fails when it does (as before: HOOK_ERREXIT=false)");
    }
    if IN_A_REPLICA.contains(&name) {
        say("D49", "works in a copy of the release, which is what $DELIVER_TO names meanwhile");
    } else if name == "upgrade_release" {
        say("D76", "`deploy upgrade` refuses a config that redefines it; use its hooks");
    } else if role == Role::Override {
        say("D48", "replaces the step, and its hooks unless it calls them");
    }
    if OF_AN_UPGRADE.contains(&name) {
        say("D76", "one that fails has the hosts go back");
    }
    if role == Role::Answer && name.starts_with("get_") {
        say("D127", "is given paths with the ~ of the host");
    }
    if text.contains("DELIVER_TO=") {
        say("D50", "changes DELIVER_TO, which a deploy takes for a failure");
    }
    let of_deploy = name.contains("extract_release_archive") || name.contains("start_deployed_release");
    if of_deploy && text.contains("__sync_remote") {
        say("D51", "__sync_remote is for one host; with several it says so: use __remote");
    }
    if text.lines().any(|line| line.contains("__remote ") && line.contains('>')) {
        say("D126", "what __remote redirects is written; it was dropped without --verbose");
    }
    rows
}

fn of_strategies(settings: &Settings) -> Vec<Row> {
    let strategies = settings.project().join(".deliver/strategies");
    let shadowed =
        COMMANDS.iter().filter(|(command, _)| strategies.join(format!("erlang-{command}")).exists());
    shadowed
        .map(|(command, id)| {
            let place = format!(".deliver/strategies/erlang-{command}");
            row(id, &place, format!("`{command}` is a command now; rename the strategy"))
        })
        .collect()
}
