//! Whose value counts, and the values that commands get.

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::settings::{
    BuildTool, Origin, ReleaseTool, Secret, Settings, SettingsError, Stage, StoreLocation, StoreSettings,
    table,
};

/// A project directory with files in it, and what else gives settings.
#[must_use]
pub struct Project {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    command_line: Vec<(&'static str, String)>,
}

impl Project {
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("my_app/.deliver")).unwrap();
        let environment = vec![("HOME".to_owned(), "/home/tester".to_owned())];
        Self { folder, environment, command_line: Vec::new() }.file(".deliver/config", config)
    }

    pub fn path(&self) -> Utf8PathBuf {
        Utf8PathBuf::try_from(self.folder.path().join("my_app")).unwrap()
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        let path = self.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn option(mut self, name: &'static str, value: &str) -> Self {
        self.command_line.push((name, value.to_owned()));
        self
    }

    pub fn load(&self) -> Result<Settings, SettingsError> {
        Settings::load(&self.path(), &self.environment, &self.command_line)
    }

    pub fn settings(&self) -> Settings {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The value and the origin of one setting.
fn value(project: &Project, name: &str) -> (String, String) {
    let settings = project.settings();
    settings.setting(name).map_or_else(Default::default, |s| (s.value.clone(), s.origin.to_string()))
}

#[test]
fn the_command_line_beats_the_config_beats_the_environment() {
    let config = "TARGET_MIX_ENV=dev\nBUILD_HOST=config\n";
    let plain = || Project::new(config).environment("TARGET_MIX_ENV", "env").environment("BUILD_HOST", "env");
    let expect = |project: &Project, name, expected: (&str, &str)| {
        assert_eq!(value(project, name), (expected.0.to_owned(), expected.1.to_owned()), "{name}");
    };
    expect(&plain(), "TARGET_MIX_ENV", ("dev", ".deliver/config:1"));
    expect(&plain(), "BUILD_HOST", ("config", ".deliver/config:2"));
    expect(&plain().option("TARGET_MIX_ENV", "test"), "TARGET_MIX_ENV", ("test", "command line"));
    expect(&Project::new("").environment("TARGET_MIX_ENV", "env"), "TARGET_MIX_ENV", ("env", "environment"));
    expect(&Project::new(""), "TARGET_MIX_ENV", ("prod", "default"));
}

#[test]
fn seven_names_of_the_environment_beat_the_config() {
    for name in ["HOSTS", "GIT_PUSH", "REFSPEC", "BRANCH", "REVISION", "LOG_FILE", "APP", "STRATEGY"] {
        let project = Project::new(&format!("{name}=config\n")).environment(name, "env");
        assert_eq!(value(&project, name), ("env".to_owned(), "environment".to_owned()));
        let project = Project::new(&format!("{name}=config\n")).environment(name, "");
        assert_eq!(value(&project, name).0, "config", "an empty {name} is none");
        let project =
            Project::new(&format!("{name}=config\n")).file(".deliver/.env", &format!("{name}=dotenv\n"));
        assert_eq!(value(&project, name), ("dotenv".to_owned(), ".deliver/.env:1".to_owned()));
    }
    let servers = Project::new("HOSTS=config").environment("SERVER", "a,b").environment("SERVERS", "c a");
    assert_eq!(value(&servers, "HOSTS").0, "a b c");
    let project = Project::new("APP=config\n").environment("APP", "env").option("APP", "option");
    assert_eq!(value(&project, "APP").0, "option");
}

#[test]
fn a_config_sees_the_environment_and_the_command_line() {
    let config = "A=${BUILD_HOST:-default}\nB=${DEPLOY_ENVIRONMENT:-none}\nC=\"$COMMAND $MODE $TARGET_MIX_ENV\"\nD=$PWD\n";
    let project = Project::new(config)
        .environment("BUILD_HOST", "env")
        .option("DEPLOY_ENVIRONMENT", "production")
        .option("COMMAND", "deploy")
        .option("MODE", "verbose");
    let settings = project.settings();
    let got: Vec<_> = ["A", "B", "C"].map(|name| settings.get(name).unwrap_or_default().to_owned()).into();
    assert_eq!(got, ["env", "production", "deploy verbose prod"]);
    assert_eq!(settings.get("D"), Some(project.path().as_str()));
    assert_eq!(Project::new(config).settings().get("B"), Some("none"));
    assert_eq!(Project::new("S=$SILENCE\n").settings().get("S"), Some("&> /dev/null"));
    assert_eq!(Project::new("S=$SILENCE\n").option("MODE", "verbose").settings().get("S"), None);
}

#[test]
fn the_environment_beats_dot_env_and_the_config_beats_both() {
    let env = "# secrets\nexport TOKEN='a b'\nBUILD_HOST=dotenv\n\nBUILD_USER=dotenv\nBUILD_USER=second\n";
    let project =
        Project::new("BUILD_AT=$BUILD_USER\n").file(".deliver/.env", env).environment("BUILD_HOST", "env");
    assert_eq!(value(&project, "BUILD_HOST"), ("env".to_owned(), "environment".to_owned()));
    assert_eq!(value(&project, "BUILD_USER"), ("dotenv".to_owned(), ".deliver/.env:5".to_owned()));
    assert_eq!(value(&project, "BUILD_AT"), ("dotenv".to_owned(), ".deliver/config:1".to_owned()));
    let settings = project.settings();
    assert_eq!(settings.get("TOKEN"), Some("a b"));
    assert!(settings.variables().is_exported("TOKEN"), "hooks see it");
    assert!(settings.secrets().contains(&"a b".to_owned()));
}

#[test]
fn a_broken_dot_env_is_an_error_without_its_content() {
    let error =
        Project::new("").file(".deliver/.env", "A=1\nhunter2 is it\n").load().unwrap_err().to_string();
    assert!(error.ends_with("line 2 is not NAME=value"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn app_config_names_another_file() {
    let project =
        Project::new("APP=first\n").file("other", "APP=second\n").environment("APP_CONFIG", "other");
    assert_eq!(value(&project, "APP"), ("second".to_owned(), "other:1".to_owned()));
    let error = Project::new("").environment("APP_CONFIG", "gone").load().unwrap_err();
    assert!(matches!(error, SettingsError::NoConfig(_)), "{error}");
}

#[test]
fn a_project_without_a_config_lives_from_the_environment() {
    let project = Project::new("").environment("BUILD_HOST", "b").environment("BUILD_USER", "u");
    fs_err::remove_file(project.path().join(".deliver/config")).unwrap();
    let build = project.environment("BUILD_AT", "/b").settings().build().unwrap();
    assert_eq!((build.app.as_str(), build.host.to_string().as_str()), ("my_app", "u@b"));
}

const COMPLETE: &str = "BUILD_HOST=b BUILD_USER=u BUILD_AT=/b\nSTAGING_HOSTS='s1, s2 s1' STAGING_USER=s TEST_AT=/t\n\
    PRODUCTION_HOSTS='p1 p2' PRODUCTION_USER=p DELIVER_TO=/p\n";

#[test]
fn host_takes_the_place_of_all_hosts() {
    let settings = Project::new(COMPLETE).option("HOST", "x@one").settings();
    assert_eq!(settings.build().unwrap().host.to_string(), "x@one");
    for stage in [Stage::Staging, Stage::Production] {
        assert_eq!(settings.deploy(stage).unwrap().hosts, ["x@one".parse().unwrap()]);
    }
    let settings = Project::new(COMPLETE).option("HOST", "one").settings();
    assert_eq!(settings.deploy(Stage::Production).unwrap().hosts, ["p@one".parse().unwrap()]);
}

#[test]
fn deploys_go_to_the_hosts_of_their_stage() {
    let settings = Project::new(COMPLETE).option("START_DEPLOY", "true").option("VERSION", "1.2").settings();
    let staging = settings.deploy(settings.stage().unwrap()).unwrap();
    assert_eq!(staging.hosts, ["s@s1", "s@s2"].map(|host| host.parse().unwrap()));
    assert_eq!(staging.deliver_to.as_str(), "/t");
    assert!(staging.start && !staging.clean);
    assert_eq!(staging.version.as_deref(), Some("1.2"));
    let production = settings.deploy(Stage::Production).unwrap();
    assert_eq!(production.hosts.len(), 2);
    assert_eq!(production.deliver_to.as_str(), "/p");
    let local = settings.deploy(Stage::Local).unwrap();
    assert!(local.hosts[0].is_local());
    assert!(local.deliver_to.as_str().ends_with("/my_app/.local-release"));
}

#[test]
fn local_and_named_users_need_no_user() {
    let settings = Project::new("BUILD_HOST=local BUILD_AT=/b STAGING_HOSTS='a@x local'\n").settings();
    assert!(settings.build().unwrap().host.is_local());
    assert_eq!(settings.deploy(Stage::Staging).unwrap().hosts.len(), 2);
    assert_eq!(settings.deploy(Stage::Staging).unwrap().deliver_to.as_str(), "~my_app/app");
    let localhost = Project::new("BUILD_HOST=localhost BUILD_AT=/b BUILD_USER=me\n").settings();
    assert_eq!(localhost.build().unwrap().host.to_string(), "me@localhost");
}

#[test]
fn everything_missing_is_named_at_once() {
    let settings = Project::new("BUILD_AT=/b\n").settings();
    insta::assert_snapshot!(settings.build().unwrap_err(), @"a build needs BUILD_HOST, BUILD_USER, which are not set; set them in .deliver/config or in the environment");
    insta::assert_snapshot!(settings.deploy(Stage::Production).unwrap_err(), @"a deploy to production needs PRODUCTION_HOSTS, PRODUCTION_USER, which are not set; set them in .deliver/config or in the environment");
    insta::assert_snapshot!(settings.nodes("demo").unwrap_err(), @"controlling nodes needs DEMO_NODES (or DEMO_HOSTS), which is not set; set it in .deliver/config or in the environment");
    let one = Project::new("STAGING_HOSTS=a\n").settings();
    insta::assert_snapshot!(one.deploy(Stage::Staging).unwrap_err(), @"a deploy to staging needs STAGING_USER, which is not set; set it in .deliver/config or in the environment");
}

#[test]
fn values_that_are_no_good_are_refused_with_their_place() {
    for (config, message) in [
        (
            "BUILD_HOST='a b'\nBUILD_AT=/b\nBUILD_USER=u\n",
            "BUILD_HOST='a b' (.deliver/config:1): a build takes place on one host; name only one",
        ),
        (
            "BUILD_HOST=a\nBUILD_AT=/b\nBUILD_USER=u\nBUILD_CMD=make\n",
            "BUILD_CMD='make' (.deliver/config:4): it must be one of mix, rebar3, rebar",
        ),
        (
            "BUILD_HOST=a\nBUILD_AT=/b\nBUILD_USER=u\nGIT_PUSH=\"'x\"\n",
            "GIT_PUSH=''x' (.deliver/config:4): a quote is not closed",
        ),
        ("BUILD_HOST=-oProxyCommand=x\nBUILD_AT=/b\nBUILD_USER=u\n", "it starts with '-'"),
        ("APP=../x\nBUILD_HOST=a\nBUILD_AT=/b\nBUILD_USER=u\n", "it cannot be the name of a directory"),
    ] {
        let error = Project::new(config).settings().build().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = Project::new("SSH_TIMEOUT=soon\n").settings().ssh().unwrap_err().to_string();
    assert_eq!(
        error,
        "SSH_TIMEOUT='soon' (.deliver/config:1): it must be a number of seconds, such as 3 or 0.5"
    );
}

#[test]
fn the_tools_follow_from_the_files() {
    let tools = |files: &[&str]| {
        let project = files.iter().fold(Project::new(COMPLETE), |project, file| project.file(file, ""));
        let build = project.settings().build().unwrap();
        (build.build_tool, build.release_tool)
    };
    assert_eq!(tools(&["mix.exs"]), (BuildTool::Mix, ReleaseTool::Distillery));
    assert_eq!(tools(&["mix.exs", "rel/config.exs"]), (BuildTool::Mix, ReleaseTool::Distillery));
    assert_eq!(tools(&["rebar.config"]), (BuildTool::Rebar3, ReleaseTool::Rebar3));
    assert_eq!(tools(&["rebar.config", "mix.exs"]), (BuildTool::Rebar3, ReleaseTool::Rebar3));
    assert_eq!(tools(&["rebar.config", "relx.config"]), (BuildTool::Rebar, ReleaseTool::Relx));
    assert_eq!(tools(&["mix.exs", "relx.config"]), (BuildTool::Mix, ReleaseTool::Relx));
    assert_eq!(tools(&[]), (BuildTool::Rebar, ReleaseTool::Rebar));
    let own = Project::new(&format!("{COMPLETE}USING_DISTILLERY=false\n")).file("mix.exs", "").settings();
    assert_eq!(own.build().unwrap().release_tool, ReleaseTool::MixRelease);
}

#[test]
fn a_build_gets_what_the_original_would_use() {
    let config = format!(
        "{COMPLETE}REBAR_CONFIG=my.config\nMIX_CMD='A=1 mix'\nAUTO_VERSION=git-revision\nREFSPEC=develop\n"
    );
    let project = Project::new(&config)
        .option("INCREMENT_RELEASE_VERSION", "patch")
        .option("AUTO_RELEASE_VERSION", "commit-count+branch");
    let build = project.settings().build().unwrap();
    assert_eq!(build.rebar3, ["./rebar3", "-C", "my.config"]);
    assert_eq!(build.mix, ["A=1", "mix"]);
    assert_eq!(build.version_arguments, ["patch", "commit-count+branch"]);
    assert_eq!(build.auto_version, "git-revision");
    assert_eq!(build.branch.as_deref(), Some("develop"));
    assert_eq!((build.git_push.join(" "), build.clean_paths.join(" ")), ("-f".to_owned(), ".".to_owned()));
    assert_eq!((build.profile.as_str(), build.mix_env.as_str()), ("~/.profile", "prod"));
    for set in ["set 1.2.3", "1.2.3"] {
        let build = Project::new(COMPLETE).option("SET_RELEASE_VERSION", set).settings().build().unwrap();
        assert_eq!(build.version_arguments, ["set", "1.2.3"]);
    }
    let tagged =
        Project::new(&format!("{COMPLETE}REVISION=old\n")).option("TAG", "v1").settings().build().unwrap();
    assert_eq!((tagged.tag.as_deref(), tagged.revision), (Some("v1"), None));
}

#[test]
fn nodes_come_from_their_list_or_from_hosts() {
    let list = "PRODUCTION_NODES=\"a@x:/srv b@y:2222:~/app|b.config\n a@x:/srv\"\n";
    let nodes = Project::new(list).settings().nodes("production").unwrap();
    let shown: Vec<_> = nodes
        .iter()
        .map(|node| (node.host.to_string(), node.path.as_str(), node.config.as_deref()))
        .collect();
    assert_eq!(shown, [("a@x".to_owned(), "/srv", None), ("b@y:2222".to_owned(), "~/app", Some("b.config"))]);
    let only = Project::new(list).option("HOST", "y").settings().nodes("production").unwrap();
    assert_eq!(only.len(), 1);
    assert!(Project::new(list).option("HOST", "z").settings().nodes("production").is_err());
    let derived = Project::new(COMPLETE).settings();
    assert_eq!(derived.nodes("production").unwrap()[1].host.to_string(), "p@p2");
    assert_eq!(derived.nodes("staging").unwrap()[0].path.as_str(), "/t");
    let demo = Project::new(&format!("{COMPLETE}DEMO_HOSTS=d\n")).settings().nodes("demo").unwrap();
    assert_eq!((demo[0].host.to_string().as_str(), demo[0].path.as_str()), ("s@d", "/t"));
    let error = Project::new("STAGING_NODES=a@b\n").settings().nodes("staging").unwrap_err().to_string();
    assert!(error.contains("'a@b' has no path"), "{error}");
}

#[test]
fn stores_are_told_apart_as_before() {
    let store = |config: &str| {
        let project = Project::new(config);
        (project.settings().store().unwrap(), project.path())
    };
    let (default, path) = store("");
    assert_eq!(default, StoreSettings::directory(path.join(".deliver")));
    let (local, path) = store("LOCAL_RELEASE_STORE=store\n");
    assert_eq!(local, StoreSettings::directory(path.join("store")));
    let (home, path) = store("RELEASE_STORE='~/store'\n");
    assert_eq!(home.location, StoreLocation::Directory("/home/tester/store".into()));
    assert_eq!(home.local, path.join(".deliver"), "what people edit stays here");
    for (text, host, path) in [
        ("me@host:/store", "me@host", "/store"),
        ("host:/store", "host", "/store"),
        ("me@host:2222:~/store", "me@host:2222", "~/store"),
        ("me@host:store", "me@host", "store"),
        ("local/a:/store", "local/a", "/store"),
    ] {
        let expected = StoreLocation::Ssh { host: host.parse().unwrap(), path: path.parse().unwrap() };
        assert_eq!(store(&format!("RELEASE_STORE='{text}'\n")).0.location, expected);
    }
    let (colon, path) = store("RELEASE_STORE=./a:b\n");
    assert_eq!(colon.location, StoreLocation::Directory(path.join("./a:b")));
}

/// The repository that this config names, in words.
fn repository(config: &str) -> String {
    match Project::new(config).settings().store().map(|store| store.location) {
        Ok(StoreLocation::Docker(found)) => {
            let secret = |secret: &Option<Secret>| secret.as_ref().map_or("", Secret::reveal).to_owned();
            let opened = [secret(&found.token), secret(&found.hub_token)].concat();
            let registry = found.registry.as_deref().unwrap_or("hub");
            format!("{registry}|{}|{}|{opened}", found.repository, found.tag.as_deref().unwrap_or("versions"))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn repositories_of_registries() {
    for (config, expected) in [
        ("RELEASE_STORE=docker://acme/app\n", "hub|acme/app|versions|"),
        ("RELEASE_STORE=docker://docker.io/acme/app\n", "hub|acme/app|versions|"),
        ("RELEASE_STORE=docker://gcr.io/a/b\n", "gcr.io|a/b|versions|"),
        ("RELEASE_STORE=docker://localhost:5000/a/b/c:live\n", "localhost:5000|a/b/c|live|"),
        ("RELEASE_STORE=docker://a/b\nDOCKER_HUB_ACCESS_TOKEN=t\n", "hub|a/b|versions|t"),
        ("RELEASE_STORE=docker://r.io/a\nDOCKER_REGISTRY_TOKEN=b\n", "r.io|a|versions|b"),
        (
            "RELEASE_STORE=docker://Acme/app\n",
            "RELEASE_STORE='docker://Acme/app' (.deliver/config:1): an image's name has small letters, digits, '.', '_', '-' and '/' only",
        ),
        (
            "RELEASE_STORE=docker://acme/app:\n",
            "RELEASE_STORE='docker://acme/app:' (.deliver/config:1): a tag has letters, digits, '.', '_' and '-' only",
        ),
    ] {
        assert_eq!(repository(config), expected, "{config}");
    }
}

/// The bucket that this config names, in words.
fn bucket(config: &str) -> String {
    match Project::new(config).settings().store().map(|store| store.location) {
        Ok(StoreLocation::S3(s3)) => {
            let token = s3.token.as_ref().map_or("", Secret::reveal);
            let endpoint = s3.endpoint.as_deref().unwrap_or("amazon");
            let opened = format!("{} {} {token}", s3.key_id, s3.secret.reveal());
            assert_eq!(format!("{:?}", s3.secret), "[secret]");
            format!("{}|{}|{}|{endpoint}|{}", s3.bucket, s3.prefix, s3.region, opened.trim())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn buckets_are_named_as_before_or_by_amazons_own_settings() {
    const KEYS: &str = "AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=se/cr+et\n";
    for (config, expected) in [
        ("RELEASE_STORE=s3://AK@se/cr+et:b\n".to_owned(), "b||us-east-1|amazon|AK se/cr+et"),
        ("RELEASE_STORE=S3://AK@se:b/some/dir/\n".to_owned(), "b|some/dir/|us-east-1|amazon|AK se"),
        (format!("{KEYS}RELEASE_STORE=s3://b\n"), "b||us-east-1|amazon|AK se/cr+et"),
        (format!("{KEYS}RELEASE_STORE=s3://\nAWS_BUCKET_NAME=b/x\n"), "b|x/|us-east-1|amazon|AK se/cr+et"),
        (
            format!("{KEYS}RELEASE_STORE=s3://b\nAWS_SESSION_TOKEN=tok\nAWS_DEFAULT_REGION=eu-west-1\n"),
            "b||eu-west-1|amazon|AK se/cr+et tok",
        ),
        (
            format!(
                "{KEYS}RELEASE_STORE=s3://b\nAWS_REGION=r1\nAWS_DEFAULT_REGION=r2\nAWS_ENDPOINT_URL=http://h:9000/\n"
            ),
            "b||r1|http://h:9000|AK se/cr+et",
        ),
    ] {
        assert_eq!(bucket(&config), expected, "{config}");
    }
}

#[test]
fn stores_that_mean_nothing_are_refused() {
    for (config, expected) in [
        (
            "RELEASE_STORE=s3://b\n",
            "the release store in S3 needs AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, which are not set; set them in .deliver/config or in the environment",
        ),
        (
            "RELEASE_STORE=ftp://b\n",
            "RELEASE_STORE='ftp://b' (.deliver/config:1): it is none of DIRECTORY, [user@]host:/path, s3://bucket, docker://account/image",
        ),
        (
            "RELEASE_STORE=docker://\n",
            "RELEASE_STORE='docker://' (.deliver/config:1): it names no image: docker://account/image",
        ),
        (
            "RELEASE_STORE=s3://KEY@SECRET:b?x\n",
            "RELEASE_STORE='s3://[secret]@[secret]:b?x' (.deliver/config:1): a bucket's name has letters, digits, '.' and '-' only",
        ),
        (
            "AWS_ENDPOINT_URL_S3=minio:9000\nRELEASE_STORE=s3://KEY@SECRET:b\n",
            "AWS_ENDPOINT_URL_S3='minio:9000' (.deliver/config:1): it is not http://HOST[:PORT] or https://HOST[:PORT]",
        ),
    ] {
        assert_eq!(Project::new(config).settings().store().unwrap_err().to_string(), expected);
    }
}

#[test]
fn only_true_is_true() {
    for (given, expected) in [("true", true), ("TRUE", false), ("1", false), ("yes", false), ("", false)] {
        let settings = Project::new(&format!("START_DEPLOY={given}\n")).settings();
        assert_eq!(settings.is_true("START_DEPLOY"), expected, "{given}");
    }
}

#[test]
fn the_log_is_below_the_users_state_directory() {
    let log = |project: Project| project.settings().log_file().unwrap();
    assert_eq!(log(Project::new("")), "/home/tester/.local/state/edeliver/my_app.log");
    assert_eq!(log(Project::new("APP=x\n").environment("XDG_STATE_HOME", "/state")), "/state/edeliver/x.log");
    let project = Project::new("LOG_FILE=log/deliver\n");
    assert_eq!(project.settings().log_file().unwrap(), project.path().join("log/deliver"));
}

#[test]
fn the_example_loads_and_shows_every_setting_that_a_config_can_have() {
    let example = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(".deliver/config.example");
    let example = fs_err::read_to_string(example).unwrap();
    let settings = Project::new(&example).settings();
    assert!(settings.build().is_ok() && settings.deploy(Stage::Staging).is_ok());
    assert!(settings.deploy(Stage::Production).is_ok());
    assert!(!settings.functions().is_empty());
    for known in table::SETTINGS {
        let for_configs = !matches!(known.group, table::Group::Command | table::Group::Unused);
        let other = [
            "APP_CONFIG",
            "AUTO_RELEASE_VERSION",
            "INCREMENT_RELEASE_VERSION",
            "SET_RELEASE_VERSION",
            "REFSPEC",
            "REVISION",
            "TAG",
            "REBAR_OPTIONS",
            "LOCAL_RELEASE_STORE",
            "MODE",
        ]
        .contains(&known.name);
        let shown = example.contains(&format!("\n{}=", known.name))
            || example.contains(&format!("\n#{}=", known.name));
        assert_eq!(shown, for_configs && !other, "{}", known.name);
    }
    // What is commented out can be switched on as it is.
    let all: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.split_once('=').is_some_and(|(name, _)| table::known(name).is_some()) => {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let settings = Project::new(&all).settings();
    assert!(settings.build().is_ok() && settings.nodes("production").is_ok() && settings.ssh().is_ok());
    for setting in settings.iter().filter(|setting| matches!(setting.origin, Origin::Config { .. })) {
        assert!(table::known(&setting.name).is_some(), "{}", setting.name);
    }
}
