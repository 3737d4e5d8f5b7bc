//! Every file below `tests/config/` gives the values that bash gives.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::report::ReportOptions;
use edeliver::settings::shellfile::{ShellFile, evaluated_text};
use edeliver::settings::{BeyondStatic, ConfigShell, Origin, ReadByBash, Refusal, Settings};
use edeliver::shell::OnDemand;
use edeliver::transport::Interrupt;

use crate::bash::{World, here, real, real_after};
use crate::user_bash;

/// What an old bash has to know for a config: a script in it that says so itself.
const NEEDS: &str = "# needs ";

/// The config files that are compared: those that this bash can be expected to read.
pub fn configs() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut files: Vec<_> = folder
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension() == Some("config") && is_for_this_bash(path))
        .collect();
    files.sort();
    files
}

fn is_for_this_bash(config: &Utf8Path) -> bool {
    let content = fs_err::read(config).unwrap();
    let text = String::from_utf8_lossy(&content);
    let known = text.lines().filter_map(|line| line.strip_prefix(NEEDS)).all(user_bash::can);
    if !known {
        println!("{config} is left out: this bash is too old for it");
    }
    known
}

/// Bash gets the text without a byte order mark and carriage returns: see `ShellFile::parse`.
fn text(path: &Utf8Path) -> Vec<u8> {
    let content = fs_err::read(path).unwrap();
    evaluated_text(&content).map_or(content, String::into_bytes)
}

/// Copies of these files as bash gets them, below `folder`.
fn copies(files: &[Utf8PathBuf], folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let copy = |path: &Utf8PathBuf| {
        let copy = folder.join(path.file_name().unwrap());
        fs_err::write(&copy, text(path)).unwrap();
        copy
    };
    files.iter().map(copy).collect()
}

fn is_static(path: &Utf8Path) -> bool {
    here(&fs_err::read(path).unwrap()).is_ok()
}

#[test]
fn every_static_config_has_the_values_of_bash() {
    let files: Vec<_> = configs().into_iter().filter(|path| is_static(path)).collect();
    assert!(files.len() >= 85, "only {} files", files.len());
    let folder = tempfile::tempdir().unwrap();
    let texts = copies(&files, Utf8Path::from_path(folder.path()).unwrap());
    for (path, real) in files.iter().zip(real(&texts)) {
        let ours = here(&fs_err::read(path).unwrap()).unwrap();
        assert_eq!(Some(&ours), real.as_ref(), "{path}");
    }
}

/// A project with what the configs of `tests/config/` find there.
fn project() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let project = Utf8Path::from_path(folder.path()).unwrap().canonicalize_utf8().unwrap().join("project");
    fs_err::create_dir_all(project.join(".deliver")).unwrap();
    for (name, text) in [
        ("mix.exs", "def project, do: [app: :shop, version: \"1.2.3\"]\n"),
        (
            ".deliver/shared.sh",
            "SHARED_PREFIX=acme\nSHARED_ROOT=\"/srv/$APP\"\nSHARED_ARGUMENTS=\"$#|$1|$2\"\n",
        ),
        (".deliver/vars.env", "VARS_HOST=acme.org\nVARS_PORT=4001\n"),
    ] {
        fs_err::write(project.join(name), text).unwrap();
    }
    (folder, project)
}

/// Remembers what a config is given to start with.
#[derive(Default)]
struct Capture(BTreeMap<String, String>);

impl ConfigShell for Capture {
    fn read(&mut self, config: &BeyondStatic<'_>) -> Result<ReadByBash, Refusal> {
        let variables = config.variables.iter();
        self.0 = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Err(Refusal::StaticOnly)
    }
}

type Words = [(&'static str, String)];

fn load(
    project: &Utf8Path,
    config: &Utf8Path,
    words: &Words,
    shell: &mut dyn ConfigShell,
) -> Option<Settings> {
    let bash = user_bash::program().into_os_string().into_string().unwrap();
    let environment = [
        ("APP_CONFIG", config.as_str()),
        ("HOME", "/home/tester"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("GREETING", "grüße * ?"),
        ("LC_ALL", "C.UTF-8"),
        // The bash of these tests inherits them from a runner that sets them.
        ("CI", ""),
        ("CI_USER", ""),
        ("BASH_CMD", bash.as_str()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::load_with(project, &environment, words, shell).ok()
}

/// How the settings differ from what bash has after the same variables.
fn differences(
    settings: &Settings,
    start: &BTreeMap<String, String>,
    real: &World,
    words: &Words,
) -> Vec<String> {
    let given = |name: &str| words.iter().any(|(given, _)| *given == name);
    let mut differences = Vec::new();
    for name in real.variables.keys().chain(start.keys()) {
        let bash = real.variables.get(name).filter(|value| !value.is_empty());
        let setting = settings.setting(name).map(|setting| &setting.origin);
        let here = settings.variables().get(name).filter(|value| !value.is_empty());
        // What nobody has given a value gets its default afterwards.
        let defaulted =
            matches!(setting, Some(Origin::Default)) && (bash.is_none() || bash == start.get(name));
        if here != bash.map(String::as_str) && !given(name) && !defaulted {
            differences.push(format!("{name}: {here:?} ({setting:?}), bash {bash:?}"));
        }
    }
    for setting in settings.iter().filter(|setting| matches!(setting.origin, Origin::Config { .. })) {
        if real.variables.get(&setting.name) != Some(&setting.value) && !given(&setting.name) {
            differences.push(format!("{} is set here only", setting.name));
        }
    }
    let functions: Vec<&str> = settings.functions().iter().map(|function| function.name.as_str()).collect();
    let missing = real.functions.iter().filter(|name| !functions.contains(&name.as_str()));
    differences.extend(missing.map(|name| format!("the function {name} is missing")));
    differences
}

/// The settings that the real loader makes of a file are what bash has after sourcing it with the same
/// variables set before.
#[track_caller]
fn compare(words: &Words) {
    let (_folder, project) = project();
    let files = configs();
    assert!(files.len() >= 150, "only {} files", files.len());
    let probe = project.join("probe");
    fs_err::write(&probe, "true\n").unwrap();
    let mut start = Capture::default();
    load(&project, &probe, words, &mut start);
    let texts = copies(&files, &project.join(".deliver"));
    let real =
        real_after(start.0.iter().map(|(name, value)| (name.as_str(), value.as_str())), &texts, &project);
    let mut differing = Vec::new();
    for (path, real) in files.iter().zip(real) {
        let mut shell = OnDemand::new(&project, ReportOptions::default(), Interrupt::default());
        let settings = load(&project, path, words, &mut shell);
        let (settings, mut real) = match (settings, real) {
            (Some(settings), Some(real)) => (settings, real),
            // `${X:?}` without an X.
            (None, None) => continue,
            _ => {
                differing.push(format!("{path}: only one of us can read it"));
                continue;
            }
        };
        // This names the file itself.
        real.variables.remove("APP_CONFIG");
        start.0.remove("APP_CONFIG");
        // Names that begin so are bash's own for the one who lists them.
        start.0.remove("BASH_CMD");
        let differences = differences(&settings, &start.0, &real, words);
        differing.extend(differences.iter().map(|difference| format!("{path}: {difference}")));
        assert_eq!(shell.into_host().is_none(), is_static(path), "{path}: read in bash, or not");
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn words(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[test]
fn every_config_gives_the_settings_of_bash_for_a_build() {
    compare(&words(&[("COMMAND", "build"), ("COMMAND_INFO", "release"), ("MODE", "compact")]));
}

#[test]
fn every_config_gives_the_settings_of_bash_for_a_deploy_to_production() {
    let environment = [("DEPLOY_ENVIRONMENT", "production"), ("NODE_ENVIRONMENT", "production")];
    let others = [("COMMAND", "deploy"), ("MODE", "verbose"), ("VERBOSE", "true"), ("VERSION", "2.1.0")];
    compare(&words(
        &[&environment[..], &others, &[("BRANCH", "release/2"), ("TARGET_MIX_ENV", "demo")]].concat(),
    ));
}

#[test]
fn only_marks_and_carriage_returns_are_left_out() {
    // Latin-1 bytes in comments are replaced.
    for path in configs() {
        let content = fs_err::read(&path).unwrap();
        let Ok(file) = ShellFile::parse(&path, &content) else { continue };
        let named = ["crlf", "bom", "latin1"].iter().any(|name| path.as_str().contains(name));
        assert_eq!(file.text().as_bytes() != content, named, "{path}");
    }
}
