//! What settings are when nobody gives them (PARITY.md section 2).

use super::load::Loader;

/// What the config may read: set before it is evaluated.
pub(super) fn before_config(loader: &mut Loader<'_>) {
    let project = loader.project.as_str().to_owned();
    loader.default("ORIGIN_DIR", &project);
    working_directory(loader, &project);
    loader.default("MODE", "compact");
    if loader.value("MODE") == Some("compact") {
        loader.default("SILENCE", "&> /dev/null");
    } else {
        loader.default("VERBOSE", "true");
    }
    for (name, value) in STATIC {
        loader.default(name, value);
    }
    for (name, value) in CHANGEABLE {
        loader.default(name, value);
    }
}

/// Defaults that depend on nothing.
const STATIC: &[(&str, &str)] = &[
    ("TARGET_MIX_ENV", "prod"),
    ("SSH_TIMEOUT", "3"),
    ("MIX_CMD", "mix"),
    ("RELX_CMD", "./relx"),
    ("LOCAL_RELEASE_STORE", ".deliver"),
    ("DOCKER_BUILD_IMAGE", "elixir:1.13.3"),
];

/// Defaults that the config sees and that follow what it sets.
const CHANGEABLE: &[(&str, &str)] =
    &[("REBAR_CMD", "./rebar "), ("REBAR3_CMD", "./rebar3 "), ("RELEASE_STORE", ".deliver")];

/// What follows from the config: set once it is evaluated.
pub(super) fn after_config(loader: &mut Loader<'_>) {
    for (name, _) in CHANGEABLE {
        loader.forget_default(name);
    }
    for (name, value) in STATIC {
        loader.default(name, value);
    }
    let directory = loader.project.file_name().unwrap_or_default().to_owned();
    loader.default("APP", &directory);
    follow(loader, "APP_USER", "APP", |app| app.to_owned());
    follow(loader, "DELIVER_TO", "APP_USER", |user| format!("~{user}/app"));
    follow(loader, "TEST_AT", "DELIVER_TO", str::to_owned);
    let local = loader.project.join(".local-release");
    loader.default("TEST_LOCALLY_AT", local.as_str());
    follow(loader, "RELEASE_STORE", "LOCAL_RELEASE_STORE", str::to_owned);
    follow(loader, "REBAR_OPTIONS", "REBAR_CONFIG", |config| format!("-C {config}"));
    let options = loader.value("REBAR_OPTIONS").map(|options| format!(" {options}")).unwrap_or_default();
    loader.default("REBAR_CMD", &format!("./rebar{options}"));
    loader.default("REBAR3_CMD", &format!("./rebar3{options}"));
    tools(loader);
    log_file(loader);
    for (name, value) in [
        ("PROFILE", "~/.profile"),
        ("GIT_PUSH", "-f"),
        ("GIT_CLEAN_PATHS", "."),
        ("DEPLOY_ENVIRONMENT", "staging"),
        ("NODE_ENVIRONMENT", "staging"),
        ("START_TIMEOUT", "60"),
        ("STABLE_FOR", "3"),
        ("ON_FAILURE", "rollback"),
        ("LEASE", "15"),
        ("KEEP_RELEASES", "5"),
        ("MIGRATE_WHEN", "after"),
        ("MIGRATE_ON", "first"),
        ("MIGRATE_TIMEOUT", "3600"),
        ("HOOK_ERREXIT", "true"),
        ("DOCKER_RELEASE_BASE_IMAGE", "edeliver/release-base:1.0"),
    ] {
        loader.default(name, value);
    }
    follow(loader, "EDELIVER_EDITOR", "GIT_EDITOR", str::to_owned);
    loader.default("EDELIVER_EDITOR", "vi");
}

/// The tools, by the files that the project has.
fn tools(loader: &mut Loader<'_>) {
    let has = |file: &str| loader.project.join(file).is_file();
    let (rebar, relx, mix, distillery) =
        (has("rebar.config"), has("relx.config"), has("mix.exs"), has("rel/config.exs"));
    let build = match (rebar, relx, mix) {
        (true, false, _) => "rebar3",
        (_, _, true) => "mix",
        _ => "rebar",
    };
    let release = match (relx, rebar, mix) {
        (true, _, _) => "relx",
        (_, true, _) => "rebar3",
        (_, _, true) => "mix",
        _ => "rebar",
    };
    loader.default("BUILD_CMD", build);
    loader.default("RELEASE_CMD", release);
    if distillery && loader.value("RELEASE_CMD") == Some("mix") {
        loader.default("USING_DISTILLERY", "true");
    }
}

/// A private place; the original's was readable by all (PARITY.md section 2).
fn log_file(loader: &mut Loader<'_>) {
    let state = loader.value("XDG_STATE_HOME").filter(|state| state.starts_with('/')).map(str::to_owned);
    let home = || loader.value("HOME").map(|home| format!("{home}/.local/state"));
    if let (Some(state), Some(app)) = (state.or_else(home), loader.value("APP")) {
        let file = format!("{state}/edeliver/{app}.log");
        loader.default("LOG_FILE", &file);
    }
}

/// `$PWD`, as bash has it: what it was told, where that is the same directory.
fn working_directory(loader: &mut Loader<'_>, project: &str) {
    let real = |path: &str| fs_err::canonicalize(path).ok();
    let told = loader.value("PWD").filter(|told| told.starts_with('/'));
    let same = told.is_some_and(|told| real(told).is_some() && real(told) == real(project));
    if !same {
        loader.variables.set_exported("PWD", project);
    }
}

/// Sets `name` by the value of `other`, where that has one.
fn follow(loader: &mut Loader<'_>, name: &str, other: &str, value: impl Fn(&str) -> String) {
    if let Some(value) = loader.value(other).map(value) {
        loader.default(name, &value);
    }
}
