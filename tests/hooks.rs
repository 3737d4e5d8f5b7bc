//! Hooks, redefined steps and configs beyond the static subset, from the settings to the host.

#[path = "common/bash.rs"]
mod user_bash;

use std::path::PathBuf;

use camino::Utf8PathBuf;
use edeliver::exit::{Exit, Failure};
use edeliver::report::{Report, ReportOptions};
use edeliver::settings::{Origin, Settings, SettingsError};
use edeliver::shell::{
    Hooks, Hosts, NoRequests, OnDemand, Ran, ScriptMode, Serving, ShellOptions, Variables,
};
use edeliver::transport::{ConnectOptions, Interrupt};
use tempfile::TempDir;

struct Project {
    directory: TempDir,
}

impl Project {
    fn new(config: &str) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::create_dir(directory.path().join(".deliver")).unwrap();
        std::fs::write(directory.path().join(".deliver/config"), config).unwrap();
        Self { directory }
    }

    fn path(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().to_owned()).unwrap()
    }

    fn shown(&self) -> ReportOptions {
        ReportOptions { plain: true, log_file: Some(self.path().join("log")), ..ReportOptions::default() }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    fn settings(&self, environment: &[(&str, &str)]) -> (Result<Settings, SettingsError>, OnDemand) {
        let bash = user_bash::program().into_os_string().into_string().unwrap();
        let mut all = vec![("BASH_CMD".to_owned(), bash)];
        all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut shell = OnDemand::new(&self.path(), self.shown(), Interrupt::default());
        let command_line = [("TARGET_MIX_ENV", "staging".to_owned())];
        (Settings::load_with(&self.path(), &all, &command_line, &mut shell), shell)
    }

    fn hooks(&self) -> Hooks {
        self.hooks_with(user_bash::program())
    }

    fn hooks_with(&self, bash: impl Into<PathBuf>) -> Hooks {
        let (settings, shell) = self.settings(&[]);
        let options = ShellOptions {
            bash: bash.into(),
            project: self.path().into(),
            report: Report::new(self.shown()),
            interrupt: Interrupt::default(),
        };
        Hooks::new(&settings.unwrap(), shell.into_host(), options)
    }
}

/// Runs a step named `git_push` of ours and returns what the config and we have written down.
fn around(config: &str) -> (Result<(), Failure>, String) {
    let project = Project::new(config);
    let mut hooks = project.hooks();
    let outcome = hooks.around("git_push", &mut NoRequests, |_, variables| {
        let order = format!("{} ours", variables.get("ORDER").unwrap_or_default());
        variables.set("ORDER", order);
        Ok(())
    });
    let order = hooks.variables().get("ORDER").unwrap_or_default().to_owned();
    (outcome, order)
}

#[test]
fn hooks_run_around_a_step() {
    let (outcome, order) =
        around("pre_git_push() { ORDER=pre; }\npost_git_push() { ORDER=\"$ORDER post\"; }\nAPP=x\n");
    assert!(outcome.is_ok());
    assert_eq!(order, "pre ours post");
}

#[test]
fn a_redefined_step_takes_the_place_of_all_three() {
    let config = "git_push() { __exec_if_defined pre_git_push; ORDER=\"$ORDER theirs\"; }\npre_git_push() { ORDER=pre; }";
    let (outcome, order) = around(config);
    assert!(outcome.is_ok());
    assert_eq!(order, "pre theirs");
}

#[test]
fn a_failing_hook_stops_the_recipe_and_says_where() {
    let (outcome, order) = around("APP=x\n\npre_git_push() {\n  echo almost\n  false\n}\n");
    let failure = outcome.unwrap_err();
    assert_eq!(order, "");
    assert_eq!(failure.exit, Exit::Failed);
    let message = failure.to_string();
    assert!(
        message.starts_with(
            "pre_git_push (.deliver/config:3) returned status 1; the last command that failed is `false` at "
        ),
        "{message}"
    );
    let line = if user_bash::tells_lines() { 5 } else { 3 };
    let end = format!(".deliver/config:{line}\nThe last lines of its output:\n  almost");
    assert!(message.ends_with(&end), "{message}");
    assert!(failure.hints[0].contains("HOOK_ERREXIT=false"));
}

#[test]
fn hook_errexit_false_lets_it_pass() {
    let (outcome, order) = around("HOOK_ERREXIT=false\npre_git_push() { return 3; }");
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(order, " ours");
    // `exit` ended the original, too.
    assert!(around("HOOK_ERREXIT=false\npre_git_push() { exit 3; }").0.is_err());
}

#[test]
fn a_failing_step_stops_the_recipe() {
    let mut hooks = Project::new("post_git_push() { RAN=yes; }").hooks();
    let failing =
        hooks.around("git_push", &mut NoRequests, |_, _| Err(Failure::failed(anyhow::anyhow!("no"))));
    assert!(failing.is_err());
    assert_eq!(hooks.variables().get("RAN"), None);
}

#[test]
fn no_bash_is_started_before_one_is_needed() {
    let project = Project::new("APP=x\n\npre_git_push() { :; }\n");
    let mut hooks = project.hooks_with("no-bash-of-that-name");
    assert_eq!(hooks.run("post_git_push", &[], &mut NoRequests).unwrap(), Ran::NotDefined);
    let failure = hooks.run("pre_git_push", &[], &mut NoRequests).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.to_string().contains("pre_git_push (.deliver/config:3) needs bash"), "{failure}");
}

#[test]
fn static_configs_keep_their_values_and_lines_when_bash_comes_late() {
    let config = "APP=x\nLIST=\"$LIST y\"\nexport SEEN=1\npre_git_push() {\n  NOW=\"$APP$LIST $TARGET_MIX_ENV\"\n  CHILD=$(sh -c 'echo $SEEN')\n  cat /no/such/file\n}\n";
    let project = Project::new(config);
    let mut hooks = project.hooks();
    let message = hooks.run("pre_git_push", &[], &mut NoRequests).unwrap_err().to_string();
    let failed =
        format!("`cat /no/such/file` at .deliver/config:{}", if user_bash::tells_lines() { 7 } else { 4 });
    assert!(message.contains("(.deliver/config:4)") && message.contains(&failed), "{message}");
    assert_eq!(hooks.variables().get("NOW"), Some("x y staging"));
    assert_eq!(hooks.variables().get("CHILD"), Some("1"));
}

#[test]
fn configs_beyond_the_static_subset_are_read_by_bash_in_order() {
    let config = r#"
if [[ "$DEPLOY_ENVIRONMENT" = production ]]; then
  BUILD_HOST=$(echo big.acme.com)
else
  BUILD_HOST=small.acme.com
fi
APP="shop-$TARGET_MIX_ENV"
STAGING_HOSTS="one"; STAGING_HOSTS+=" two"
unset BUILD_USER
GIT_CLEAN_PATHS=(a b)
pre_git_push() { :; }
"#;
    let project = Project::new(config);
    let environment = [
        ("DEPLOY_ENVIRONMENT", "production"),
        ("BUILD_USER", "me"),
        ("HOME", "/home/me"),
        ("GIT_CLEAN_PATHS", "x"),
    ];
    let (settings, shell) = project.settings(&environment);
    let settings = settings.unwrap();
    assert_eq!(settings.get("BUILD_HOST"), Some("big.acme.com"));
    assert_eq!(settings.get("APP"), Some("shop-staging"));
    assert_eq!(settings.get("STAGING_HOSTS"), Some("one two"));
    assert_eq!(settings.get("BUILD_USER"), None);
    let origin = Origin::Config { file: ".deliver/config".into(), line: 8 };
    assert_eq!(settings.setting("STAGING_HOSTS").unwrap().origin, origin);
    let functions: Vec<_> = settings.functions().iter().map(|f| (f.name.as_str(), f.line)).collect();
    assert_eq!(functions, [("pre_git_push", 11)]);
    assert!(shell.into_host().is_some());
}

#[test]
fn what_a_config_prints_is_shown_without_secrets() {
    let project = Project::new("echo \"token $MY_TOKEN\"\nAPP=x\n");
    let (settings, _shell) = project.settings(&[("MY_TOKEN", "verysecret")]);
    settings.unwrap();
    assert!(project.log().contains("token [secret]"), "{}", project.log());
}

#[test]
fn line_ends_and_byte_order_mark_are_fine_for_bash_too() {
    let project =
        Project::new("\u{feff}APP=$(echo shop)\r\nHOOK_RAN=no\r\npre_git_push() {\r\n  HOOK_RAN=yes\r\n}");
    let mut hooks = project.hooks();
    assert_eq!(hooks.variables().get("APP"), Some("shop"));
    assert_eq!(hooks.place("pre_git_push").as_deref(), Some(".deliver/config:3"));
    hooks.run("pre_git_push", &[], &mut NoRequests).unwrap();
    assert_eq!(hooks.variables().get("HOOK_RAN"), Some("yes"));
}

#[test]
fn a_config_that_is_no_program_is_shown_with_its_place() {
    let (settings, _shell) = Project::new("APP=x\nif true; then\nfi fi\n").settings(&[]);
    let error = settings.unwrap_err().to_string();
    assert!(error.contains(".deliver/config:3"), "{error}");
    let (settings, _shell) = Project::new("APP=x\nls >/dev/null\nexit 3\n").settings(&[]);
    let error = settings.unwrap_err().to_string();
    assert!(error.contains("ended bash with status 3"), "{error}");
}

#[test]
fn without_bash_the_line_that_needs_it_is_named() {
    let project = Project::new("APP=x\nHOSTS=$(echo a)\n");
    let (settings, _shell) = project.settings(&[("BASH_CMD", "no-bash-of-that-name")]);
    let error = settings.unwrap_err().to_string();
    assert!(error.starts_with(".deliver/config:2 (") && error.contains("no-bash-of-that-name"), "{error}");
}

/// Runs a hook whose hosts are this machine.
fn on_hosts(config: &str, errexit: bool) -> (Result<Ran, Failure>, Hooks, String) {
    let project = Project::new(&format!("HOSTS_APP_USER=me@local\n{config}"));
    let mut hooks = project.hooks();
    let options = ConnectOptions {
        ssh_config: None,
        timeout: std::time::Duration::from_secs(3),
        forward_agent: false,
        interrupt: Interrupt::default(),
    };
    let mut hosts = Hosts::new(options);
    let mode = ScriptMode { report: Report::new(project.shown()), verbose: false, errexit };
    let mut steps = |name: &str, _: &[String], variables: &mut Variables| {
        variables.set("STEP", name);
        if name == "git_push" {
            Ok(Vec::new())
        } else {
            Err(Failure::usage(anyhow::anyhow!("no {name} here")))
        }
    };
    let mut serving = Serving::new(&mut hosts, mode, &mut steps);
    let ran = hooks.run("hook", &[], &mut serving);
    drop(serving);
    let log = project.log();
    (ran, hooks, log)
}

#[test]
fn scripts_run_in_bash_on_the_host_and_stop_at_the_first_failure() {
    let config = r#"hook() {
      local word="it's \"quoted\" é"
      A=$(__sync_remote "[[ -n \$BASH_VERSION ]] && printf '%s' \"$word\" | sed 's/it/IT/'; printf x; env | grep -c EDELIVER_HOOK || :")
      B=$(echo input | __sync_remote "cat; echo warn >&2")
      C=$(__remote "echo here" "a@local b@local")
      git_push
    }"#;
    let (ran, hooks, _) = on_hosts(config, true);
    assert_eq!(ran.unwrap(), Ran::Yes);
    let get = |name| hooks.variables().get(name).unwrap_or_default();
    // The quotes of the word end the quotes of the script, as in the original.
    assert_eq!(get("A"), "IT's quoted éx0");
    assert_eq!(get("B"), "input\nwarn");
    assert_eq!(get("C"), "here\nhere");
    assert_eq!(get("STEP"), "git_push");

    let (ran, hooks, log) =
        on_hosts("hook() { X=1; __sync_remote \"\n    false\n    echo unreached\n  \"; X=2; }", true);
    let failure = ran.unwrap_err();
    let message = format!("{:#}", failure.error);
    assert!(
        message
            .contains("a script of the config ended with exit status 1 on local:\n  false\n  echo unreached"),
        "{message}"
    );
    assert!(message.contains("hook (.deliver/config:2) ended with exit status 1"), "{message}");
    assert!(!log.contains("\nunreached"), "{log}");
    assert_eq!(hooks.variables().get("X"), None);

    let (ran, ..) = on_hosts("hook() { __sync_remote 'false; true'; }", false);
    assert_eq!(ran.unwrap(), Ran::Yes);
}

#[test]
fn scripts_for_no_host_or_too_many_are_refused() {
    for (hosts, expected) in [("", "HOSTS_APP_USER is empty"), ("a@local b@local", "was given several")] {
        let (ran, ..) =
            on_hosts(&format!("hook() {{ HOSTS_APP_USER='{hosts}'; __sync_remote true; }}"), true);
        let message = format!("{:#}", ran.unwrap_err().error);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_failing_step_that_a_function_calls_keeps_its_reason_and_status() {
    let (ran, ..) = on_hosts("hook() { git_reset_remote; echo unreached; }", true);
    let failure = ran.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.to_string().contains("no git_reset_remote here"), "{failure}");
}

#[test]
fn functions_see_the_hosts_of_the_phase_and_debug_mode_traces_them() {
    let project =
        Project::new("hook() { SEEN=\"$HOSTS|$APP_USER|$HOSTS_APP_USER|$DELIVER_TO\"; }\nMODE=debug\n");
    let mut hooks = project.hooks();
    let hosts = ["me@one", "me@two:2222"].map(|host| host.parse().unwrap());
    hooks.work_on(&hosts, &"~/app".parse().unwrap());
    hooks.run("hook", &[], &mut NoRequests).unwrap();
    assert_eq!(hooks.variables().get("SEEN"), Some("one two|me|me@one me@two:2222|~/app"));
    assert!(project.log().contains("+ hook"), "{}", project.log());
}

#[test]
fn a_custom_strategy_can_be_loaded_and_run() {
    let project = Project::new("APP=shop\n");
    let strategy = project.path().join("erlang-greet");
    std::fs::write(
        &strategy,
        "set_build_hosts\nrun() { GREETED=\"$APP $1 on $HOSTS_APP_USER\"; }\nhelp() { echo how; }\n",
    )
    .unwrap();
    let mut hooks = project.hooks();
    hooks.variables_mut().set("BUILD_HOST", "builder");
    hooks.variables_mut().set("BUILD_USER", "me");
    hooks.load_strategy(&strategy, &mut NoRequests).unwrap();
    hooks.run("run", &["hello"], &mut NoRequests).unwrap();
    assert_eq!(hooks.variables().get("GREETED"), Some("shop hello on me@builder"));
    assert_eq!(hooks.value("help", &[], &mut NoRequests).unwrap().as_deref(), Some("how"));
}
