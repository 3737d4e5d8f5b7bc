//! The exact commands of every tool.

use super::*;
use crate::release::ExpectedErts;
use crate::transport::{HostAddr, RemoteCommand};

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn settings(build_tool: BuildTool, release_tool: ReleaseTool) -> BuildSettings {
    BuildSettings {
        container: None,
        app: "my_app".into(),
        host: HostAddr::local(),
        at: "/srv/build".parse().unwrap(),
        build_tool,
        release_tool,
        mix: words("mix"),
        rebar: words("./rebar -C prod.config"),
        rebar3: words("./rebar3"),
        relx: words("./relx"),
        release_options: Vec::new(),
        rebar_profile: String::new(),
        profile: "~/.profile".parse().unwrap(),
        mix_env: "prod".into(),
        branch: None,
        revision: None,
        tag: None,
        git_push: words("-f"),
        clean_paths: words("."),
        skip_git_clean: false,
        skip_mix_clean: false,
        version_arguments: Vec::new(),
        appended_arguments: Vec::new(),
        auto_version: String::new(),
        passed_on: vec![
            ("USING_DISTILLERY".into(), "false".into()),
            ("LINK_VM_ARGS".into(), "/etc/my app/vm.args".into()),
        ],
        release_dir: None,
        release_version: None,
        required_files: Vec::new(),
    }
}

/// What the host is told, without the profile and the directory, which are the same for all.
fn told(command: &RemoteCommand) -> String {
    let script = command.to_script();
    let profile = command.profile_to_read().expect("every tool runs after the profile");
    assert_eq!(
        profile.to_script(),
        "if [ -f ~/.profile ]; then . ~/.profile </dev/null >/dev/null 2>&1 || :; fi"
    );
    assert!(script.contains("cd -- /srv/build || exit 1\n"), "{script}");
    script.replace("cd -- /srv/build || exit 1\n", "").replace("exec ", "").replace("export ", "")
}

fn all(tasks: Vec<Task>) -> String {
    tasks.iter().map(|task| told(&task.command)).collect()
}

fn with<T>(settings: &BuildSettings, verbose: bool, ask: impl FnOnce(&Project<'_>) -> T) -> T {
    let at = "/srv/build".parse().unwrap();
    ask(&Project { settings, at: &at, branch: "main", verbose, purpose: Purpose::Release })
}

/// The same for an upgrade from 1.0.0.
fn upgrading<T>(settings: &BuildSettings, ask: impl FnOnce(&Project<'_>) -> T) -> T {
    let (at, base) = ("/srv/build".parse().unwrap(), "1.0.0".parse().unwrap());
    let purpose = Purpose::UpgradeFrom(&base);
    ask(&Project { settings, at: &at, branch: "main", verbose: false, purpose })
}

#[test]
fn mix_with_its_own_release() {
    let settings = settings(BuildTool::Mix, ReleaseTool::MixRelease);
    let dependencies = with(&settings, false, |project| project.fetch_dependencies());
    assert!(
        told(&dependencies[0].command)
            .starts_with("APP=my_app\nMIX_ENV=prod\nset -- mix local.rebar --force\n")
    );
    insta::assert_snapshot!(all(dependencies[1..].to_vec()), @r"
    APP=my_app
    MIX_ENV=prod
    mix local.hex --force
    APP=my_app
    MIX_ENV=prod
    mix deps.get --only prod
    ");
    insta::assert_snapshot!(with(&settings, false, |project| all(project.compile())), @r"
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    USING_DISTILLERY=false
    mix do clean, compile
    ");
    insta::assert_snapshot!(with(&settings, false, |project| all(project.generate())), @r"
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    USING_DISTILLERY=false
    LINK_VM_ARGS='/etc/my app/vm.args'
    mix release --quiet --overwrite
    ");
}

#[test]
fn mix_sets_the_version() {
    let mut settings = settings(BuildTool::Mix, ReleaseTool::MixRelease);
    settings.passed_on.clear();
    settings.skip_mix_clean = true;
    settings.version_arguments = words("append git-revision");
    insta::assert_snapshot!(with(&settings, false, |project| all(project.compile()) + &all(project.generate())), @r"
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    mix do release.version append git-revision , compile
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    mix do release.version append git-revision, release --quiet --overwrite
    ");
    settings.version_arguments.clear();
    settings.auto_version = "git-revision".into();
    let last = |text: String| text.lines().last().unwrap_or_default().to_owned();
    let compile = with(&settings, true, |project| last(all(project.compile())));
    assert_eq!(compile, "mix do release.version --verbose, compile");
    let generate = with(&settings, true, |project| last(all(project.generate())));
    assert_eq!(generate, "mix do release.version --verbose, release --overwrite");
}

#[test]
fn mix_with_distillery_and_mix_without_a_mix_release() {
    let last = |text: String| text.lines().last().unwrap_or_default().to_owned();
    let distillery = settings(BuildTool::Mix, ReleaseTool::Distillery);
    let generate = with(&distillery, false, |project| last(all(project.generate())));
    assert_eq!(generate, "mix distillery.release --verbose '--env=prod' '--name=my_app'");
    let mut relx = settings(BuildTool::Mix, ReleaseTool::Relx);
    let compile = |settings: &BuildSettings| with(settings, false, |project| last(all(project.compile())));
    assert_eq!(compile(&relx), "mix do clean, deps.compile, compile");
    relx.skip_mix_clean = true;
    assert_eq!(compile(&relx), "mix do deps.compile, compile");
}

#[test]
fn the_rebars_and_relx() {
    let mut settings = settings(BuildTool::Rebar3, ReleaseTool::Rebar3);
    settings.rebar_profile = "prod".into();
    settings.release_options = words("as prod");
    let text = with(&settings, false, |project| {
        all(project.fetch_dependencies()[1..].to_vec()) + &all(project.compile()) + &all(project.generate())
    });
    insta::assert_snapshot!(text, @r"
    ./rebar3 update get-deps
    ./rebar3 clean
    ./rebar3 compile
    REBAR_PROFILE=prod
    ./rebar3 as prod release -n my_app
    ");
    (settings.build_tool, settings.release_tool) = (BuildTool::Rebar, ReleaseTool::Rebar);
    settings.release_options.clear();
    let everything = |project: &Project<'_>| {
        all(project.fetch_dependencies()) + &all(project.compile()) + &all(project.generate())
    };
    insta::assert_snapshot!(with(&settings, false, everything), @r"
    ./rebar -C prod.config update-deps get-deps
    ./rebar -C prod.config clean 'skip_deps=true'
    ./rebar -C prod.config compile
    ./rebar -C prod.config -f generate
    ");
    settings.release_tool = ReleaseTool::Relx;
    settings.skip_mix_clean = true;
    insta::assert_snapshot!(with(&settings, false, everything), @r"
    ./rebar -C prod.config update-deps get-deps
    ./rebar -C prod.config compile
    ./relx release
    ");
}

#[test]
fn a_tool_s_name_reads_as_a_shell_reads_it() {
    let mut settings = settings(BuildTool::Mix, ReleaseTool::MixRelease);
    settings.mix = ["ELIXIR_ERL_OPTIONS=+fnu", "~/.asdf/shims/mix", "it's=fine"].map(str::to_owned).into();
    let tasks = with(&settings, false, |project| project.fetch_dependencies());
    insta::assert_snapshot!(told(&tasks[2].command), @r"
    ELIXIR_ERL_OPTIONS=+fnu
    APP=my_app
    MIX_ENV=prod
    ~/.asdf/shims/mix 'it'\''s=fine' deps.get --only prod
    ");
}

fn release(directory: &str) -> BuiltRelease {
    BuiltRelease {
        directory: directory.parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        erts: ExpectedErts::InRelease,
    }
}

#[test]
fn archives_lie_where_the_original_puts_them() {
    let mut table = String::new();
    for (tool, directory) in [
        (ReleaseTool::MixRelease, "/srv/build/_build/prod/rel/my_app"),
        (ReleaseTool::Distillery, "/srv/build/_build/prod/rel/my_app"),
        (ReleaseTool::Rebar3, "/srv/build/_build/default/rel/my_app"),
        (ReleaseTool::Rebar, "/srv/build/rel/my_app"),
        (ReleaseTool::Relx, "/srv/build/_rel/my_app"),
    ] {
        let settings = settings(BuildTool::Mix, tool);
        let release = release(directory);
        let told = with(&settings, false, |project| all(archive::tasks(project, &release)));
        let file = with(&settings, false, |project| archive::file(project, &release));
        table += &format!("{tool:?}:\n{told}-> {file}\n");
    }
    insta::assert_snapshot!(table, @r"
    MixRelease:
    tar '--exclude=my_app.tar.gz' -zcpf /srv/build/_build/prod/rel/my_app.tar.gz -C /srv/build/_build/prod/rel my_app
    mv -f /srv/build/_build/prod/rel/my_app.tar.gz /srv/build/_build/prod/rel/my_app/releases/1.0.0/my_app.tar.gz
    -> /srv/build/_build/prod/rel/my_app/releases/1.0.0/my_app.tar.gz
    Distillery:
    -> /srv/build/_build/prod/rel/my_app/releases/1.0.0/my_app.tar.gz
    Rebar3:
    tar -zcpf /srv/build/_build/default/rel/my_app_1.0.0.tar.gz -C /srv/build/_build/default/rel my_app
    -> /srv/build/_build/default/rel/my_app_1.0.0.tar.gz
    Rebar:
    tar -zcpf /srv/build/rel/my_app_1.0.0.tar.gz -C /srv/build/rel my_app
    -> /srv/build/rel/my_app_1.0.0.tar.gz
    Relx:
    ./relx tar
    -> /srv/build/_rel/my_app/my_app-1.0.0.tar.gz
    ");
}

#[test]
fn exactly_one_release_with_one_version_is_found() {
    let mut settings = settings(BuildTool::Mix, ReleaseTool::MixRelease);
    let read =
        |settings: &BuildSettings, answer: &str| with(settings, false, |p| search::read_answer(p, answer));
    let one = "erts optional\nrelease /b/my_app\nversion 1.0.0\n";
    let found = read(&settings, one).unwrap();
    assert_eq!((found.directory.as_str(), found.version.as_str()), ("/b/my_app", "1.0.0"));
    assert_eq!(found.erts, ExpectedErts::Optional);
    let two = "release /b/my_app\nversion 1.0.0\nversion 1.1.0\n";
    let error = |settings: &BuildSettings, answer: &str| read(settings, answer).unwrap_err().to_string();
    insta::assert_snapshot!(error(&settings, ""),
        @"the build has left no release of my_app below /srv/build/_build: is APP the release's name? If so, set RELEASE_DIR");
    insta::assert_snapshot!(error(&settings, "release /b/my_app\n"), @"/b/my_app/releases has no version");
    insta::assert_snapshot!(error(&settings, two), @r"
    /b/my_app/releases has several versions: build without --skip-git-clean, or set RELEASE_VERSION to one of:
      1.0.0
      1.1.0
    ");
    insta::assert_snapshot!(error(&settings, &format!("{one}release /c/my_app\nversion 1.0.0\n")), @r"
    several directories hold a release of my_app; set RELEASE_DIR to the right one:
      /b/my_app
      /c/my_app
    ");
    settings.release_version = Some("1.1.0".into());
    assert_eq!(read(&settings, two).unwrap().version.as_str(), "1.1.0");
    insta::assert_snapshot!(error(&settings, one), @r"
    RELEASE_VERSION=1.1.0, but /b/my_app/releases has:
      1.0.0
    ");
}

#[test]
fn upgrades_of_every_tool() {
    let base = "1.0.0".parse().unwrap();
    let relup = |tool| {
        let mut settings = settings(BuildTool::Rebar3, tool);
        settings.rebar_profile = "prod".into();
        let new = BuiltRelease {
            directory: "/srv/build/rel/my_app".parse().unwrap(),
            version: "1.1.0".parse().unwrap(),
            erts: ExpectedErts::InRelease,
        };
        upgrading(&settings, |project| {
            let tasks = [upgrade::appups(project, &base), upgrade::relup(project, &new, &base)].concat();
            let directory = upgrade::base_directory(project, &base);
            // What removes the old release is a script of ours.
            let tools = tasks.into_iter().filter(|task| !told(&task.command).contains("# remove"));
            format!("from {directory}\n{}", all(tools.collect()))
        })
    };
    insta::assert_snapshot!(relup(ReleaseTool::Rebar3), @r"
    from /srv/build/_build/prod/rel/my_app
    REBAR_PROFILE=prod
    ./rebar3 relup -n my_app -v 1.1.0 -u 1.0.0
    ");
    insta::assert_snapshot!(relup(ReleaseTool::Relx), @r"
    from /srv/build/_rel/my_app
    ./relx relup
    ");
    insta::assert_snapshot!(relup(ReleaseTool::Rebar), @r"
    from /srv/build/rel/my_app_1.0.0
    ./rebar -C prod.config generate-appups 'previous_release=my_app_1.0.0'
    ./rebar -C prod.config generate-upgrade 'previous_release=my_app_1.0.0'
    ");
    insta::assert_snapshot!(relup(ReleaseTool::Distillery), @"from /srv/build/_build/prod/rel/my_app");
}

#[test]
fn distillery_makes_the_relup_with_the_release() {
    let mut settings = settings(BuildTool::Mix, ReleaseTool::Distillery);
    settings.passed_on = vec![("RELUP_MODIFICATION_MODULE".into(), "Acme.Relup".into())];
    insta::assert_snapshot!(upgrading(&settings, |project| all(project.generate())), @r"
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    RELUP_MODIFICATION_MODULE=Acme.Relup
    mix distillery.release --verbose '--env=prod' '--name=my_app' --upgrade '--upfrom=1.0.0'
    ");
    // The release that it starts from keeps its version, but for what is appended to every version.
    settings.version_arguments = words("minor append-git-revision");
    settings.appended_arguments = words("append-git-revision");
    let at = "/srv/build".parse().unwrap();
    let base =
        Project { settings: &settings, at: &at, branch: "main", verbose: false, purpose: Purpose::Base };
    insta::assert_snapshot!(all(base.generate()), @r"
    APP=my_app
    MIX_ENV=prod
    AUTO_VERSION=''
    BRANCH=main
    RELUP_MODIFICATION_MODULE=Acme.Relup
    mix do release.version append-git-revision, distillery.release --verbose '--env=prod' '--name=my_app'
    ");
}

#[test]
fn an_upgrade_to_the_same_version_is_none() {
    let settings = settings(BuildTool::Rebar3, ReleaseTool::Rebar3);
    let found = |answer: &str| {
        upgrading(&settings, |project| search::read_answer(project, answer))
            .map(|release| release.version.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(found("release /x/my_app\nversion 1.0.0\nversion 1.1.0\n"), Ok("1.1.0".to_owned()));
    insta::assert_snapshot!(found("release /x/my_app\nversion 1.0.0\n").unwrap_err(), @"the new release has the version 1.0.0, as the one that the upgrade starts from: raise it in the sources, or use --auto-version=revision (or AUTO_VERSION in .deliver/config)");
}
