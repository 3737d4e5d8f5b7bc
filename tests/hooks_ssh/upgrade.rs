//! The hooks of `update`, and the steps of `build upgrade` with distillery (a stand-in for it).

use fs_err as fs;

use crate::common::MIX_RELEASE;
use crate::project::Project;

const UPDATE: &str = r#"
pre_erlang_update() { note "pre_erlang_update: $HOSTS $DELIVER_TO"; }
post_git_submodules() { note "post_git_submodules: $HOSTS $DELIVER_TO"; }
pre_extract_release_archive() { note "pre_extract_release_archive: $HOSTS $DELIVER_TO $VERSION"; }
post_erlang_deployed_update() { note "post_erlang_deployed_update: $VERSION $(__remote "ls $DELIVER_TO/stand_in/releases" | sort -u)"; }
post_erlang_update() { note "post_erlang_update: $HOSTS $DELIVER_TO $VERSION"; [ ! -e "$TRACE.fails" ] || return 4; }
"#;

#[test]
fn an_update_calls_its_hooks_and_goes_back_when_the_last_one_fails() {
    let project = Project::new(2, UPDATE).with_sources();
    let fails = project.world.home().join("trace.fails");
    fs::write(&fails, "").unwrap();
    let failed = project.world.edeliver(["update", "production", "--plain"]).exits(1);
    failed.says(&["post_erlang_update", "All hosts are back as they were before."]);
    for host in project.world.all() {
        assert!(!host.root().exists(), "{}", host.alias());
    }
    project.trace();
    fs::remove_file(fails).unwrap();
    project.world.edeliver(["update", "production", "--plain"]).succeeds().says(&["UPDATE DONE!"]);
    insta::assert_snapshot!(project.trace(), @"
    pre_erlang_update: host-1 host-2 ~/app
    post_git_submodules: host-1 ~/build
    mix local.rebar --force
    mix local.hex --force
    mix deps.get --only prod
    mix do clean, compile
    mix release --quiet --overwrite
    pre_extract_release_archive: host-1 host-2 ~/app 1.0.0
    post_erlang_deployed_update: 1.0.0 1.0.0
    start_erl.data
    post_erlang_update: host-1 host-2 ~/app 1.0.0
    ");
    for host in project.world.all() {
        assert!(host.root().join("releases/1.0.0/start.boot").exists(), "{}", host.alias());
    }
}

#[test]
fn an_update_whose_first_hook_fails_has_built_nothing() {
    let project = Project::new(1, "pre_erlang_update() { return 7; }").with_sources();
    project.world.edeliver(["update", "production", "--plain"]).exits(1).says(&["pre_erlang_update"]);
    assert!(project.stored().is_empty());
    assert_eq!(project.trace(), "");
}

/// Makes a release, and a relup where it finds the one that is named by --upfrom.
const DISTILLERY: &str = r#"#!/bin/sh
set -eu
echo "mix $*" >>TRACE
case $* in *distillery.release*) ;; *) exit 0 ;; esac
app=stand_in
MIX_RELEASEecho "[]." >"$root/releases/RELEASES"
for word in "$@"; do
  case $word in --upfrom=*)
    from=${word#--upfrom=}
    [ -f "$root/releases/$from/start.boot" ] || { echo "no release $from" >&2; exit 1; }
    printf '{"%s",[{"%s",[],[]}],[{"%s",[],[]}]}.\n' "$version" "$from" "$from" >"$root/releases/$version/relup"
    ;;
  esac
done
tar -czf "../archive.tar.gz" -C "$root" bin erts-1 releases/RELEASES releases/start_erl.data "releases/$version"
mv "../archive.tar.gz" "$root/releases/$version/stand_in.tar.gz"
"#;

/// What was called to make releases, without what comes before it in every build.
fn made(project: &Project) -> String {
    let trace = project.trace();
    let before = ["mix local.", "mix deps."];
    let lines = trace.lines().filter(|line| !before.iter().any(|begin| line.starts_with(begin)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_upgrade_by_distillery() {
    let config = "USING_DISTILLERY=true\n\
        pre_erlang_generate_release() { note \"pre_erlang_generate_release\"; }\n";
    let project = Project::new(1, config).with_sources();
    let script = DISTILLERY.replace("TRACE", project.world.home().join("trace").as_str());
    let script = script.replace("MIX_RELEASE", MIX_RELEASE);
    let next = |version: &str| {
        fs::write(project.world.project().join("mix"), &script).unwrap();
        fs::write(project.world.project().join("lib/version"), format!("{version}\n")).unwrap();
        project.world.commit();
    };
    next("1.0.0");
    project.world.edeliver(["build", "release", "--plain"]).succeeds();
    project.trace();
    let same = project.world.edeliver(["build", "upgrade", "--with=1.0.0", "--plain"]).exits(1);
    same.says(&["the new release has the version 1.0.0, as the one that the upgrade starts from"]);
    project
        .world
        .edeliver(["build", "upgrade", "--with=0.9.0", "--plain"])
        .exits(2)
        .says(&["no release 0.9.0"]);
    project.trace();
    next("1.1.0");
    let words = ["build", "upgrade", "--with=1.0.0", "--relup-mod=Acme.Relup", "--plain"];
    project.world.edeliver(words).succeeds();
    insta::assert_snapshot!(made(&project), @"
    mix do clean, compile
    pre_erlang_generate_release
    mix distillery.release --verbose --env=prod --name=stand_in --upgrade --upfrom=1.0.0
    ");
    project
        .world
        .edeliver(["build", "upgrade", "--from=HEAD~1", "--increment-version=minor", "--plain"])
        .succeeds();
    insta::assert_snapshot!(made(&project), @"
    mix do clean, compile
    pre_erlang_generate_release
    mix distillery.release --verbose --env=prod --name=stand_in
    mix do clean, release.version minor , compile
    pre_erlang_generate_release
    mix do release.version minor, distillery.release --verbose --env=prod --name=stand_in --upgrade --upfrom=1.0.0
    ");
    let mut stored = project.stored();
    stored.sort();
    assert_eq!(stored, ["stand_in_1.0.0.release.tar.gz", "stand_in_1.1.0.upgrade.tar.gz"]);
    // Where mix makes it, an upgrade is a release as well.
    let planned = ["deploy", "release", "to", "production", "--version=1.1.0", "--plan", "--plain"];
    project.world.edeliver(planned).succeeds();
}

#[test]
fn appups_of_the_store() {
    let project = Project::new(0, "");
    let world = &project.world;
    let edit = |editor: &str, version: &str| {
        let version = format!("--version={version}");
        world.edeliver_with(&[("GIT_EDITOR", editor)], ["edit", "appups", "--plain", &version])
    };
    edit("true", "1.1.0").exits(2).says(&["the release store has no such appups"]);
    world.edeliver(["show", "appups", "--plain"]).succeeds().says(&["The release store has no appups"]);
    for versions in ["1.0.0-1.1.0", "1.1.0-1.2.0"] {
        let directory = world.project().join(".deliver/appup").join(versions);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("app.appup"), "{\"1.1.0\", [], []}.\n").unwrap();
    }
    edit("sed -i 's/]}/]/'", "1.1.0")
        .exits(1)
        .says(&["app.appup cannot be used", "stands where ',' or '}' is expected"]);
    edit("sed -i 's/$/ % edited/; s/]\\./]}./'", "1.1.0").succeeds();
    let edited = |versions: &str| {
        fs::read_to_string(world.project().join(".deliver/appup").join(versions).join("app.appup")).unwrap()
    };
    assert_eq!(edited("1.0.0-1.1.0"), "{\"1.1.0\", [], []}. % edited\n");
    assert_eq!(edited("1.1.0-1.2.0"), "{\"1.1.0\", [], []}.\n");
    edit("exit 3;", "1.2.0").exits(1).says(&["the editor exit 3;", "nothing was stored"]);
    world
        .edeliver(["edit", "appups", "--plain"])
        .exits(2)
        .says(&["several appups: 1.0.0-1.1.0, 1.1.0-1.2.0"]);
    let shown = world.edeliver(["show", "appups", "--plain"]).succeeds().stdout;
    assert!(shown.contains("\n1.0.0-1.1.0\n  app.appup\n1.1.0-1.2.0\n  app.appup\n"), "{shown}");
    for words in [
        ["show", "relup", "stand_in_1.0.0.release.tar.gz"],
        ["show", "relup", "stand_in_1.0.0.upgrade.tar.gz"],
    ] {
        world.edeliver(words).exits(2);
    }
    world
        .edeliver(["build", "appups", "--with=1.0.0", "--plain"])
        .exits(2)
        .says(&["`mix release` makes releases only"]);
    world
        .edeliver(["build", "upgrade", "--with=1.0.0", "--plain"])
        .exits(2)
        .says(&["`mix release` makes releases only"]);
}
