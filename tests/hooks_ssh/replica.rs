//! Steps that a config redefines and that change a release in its place: they work in a replica of
//! DELIVER_TO, and what they make of the release there is switched to, verified and undone as any other.

use fs_err as fs;
use rustix::process::Signal;

use crate::common::world::{Release, Snapshot};
use crate::project::Project;

/// The archive of 2.0.0 has another directory around it than edeliver knows.
const ELSEWHERE: &str = r#"
STABLE_FOR=0.2
remote_extract_release_archive() {
  __exec_if_defined "pre_extract_release_archive"
  status "Extracting by the config"
  __remote "
    set -e
    cd $DELIVER_TO/$APP $SILENCE
    tar -xzf ${APP}_$VERSION.tar.gz --strip-components=1
    rm ${APP}_$VERSION.tar.gz
    echo \"made by the config\" >releases/$VERSION/note"
  __exec_if_defined "post_extract_release_archive"
}
seen() { note "$1 $(__remote "cut -d' ' -f2 ~/app/stand_in/releases/start_erl.data")"; }
pre_extract_release_archive() { seen pre_extract_release_archive; }
post_extract_release_archive() { seen post_extract_release_archive; }
"#;

/// Packs the archive of this version anew, with everything below another directory.
fn pack_below(project: &Project, directory: &str, version: &str) {
    let archive = project.world.archive(version);
    let work = tempfile::tempdir().unwrap();
    let inner = work.path().join(directory);
    fs::create_dir(&inner).unwrap();
    duct::cmd!("tar", "-xzf", archive.as_str(), "-C", &inner).run().unwrap();
    duct::cmd!("tar", "-czf", archive.as_str(), "-C", work.path(), directory).run().unwrap();
}

/// Nobody was restarted, and no file is another one.
#[track_caller]
fn assert_untouched(project: &Project, before: &[Snapshot]) {
    for (host, before) in project.world.all().iter().zip(before) {
        host.assert_untouched(before);
    }
}

#[test]
fn a_config_unpacks_an_archive_that_nobody_else_could() {
    let project = Project::new(2, ELSEWHERE).running();
    pack_below(&project, "shop-2.0.0", "2.0.0");
    let before = project.world.snapshot();
    let output = project.world.deploy("2.0.0").succeeds();
    let text = output.says(&["-----> Extracting by the config"]).stdout;
    assert!(!text.contains("Extracting archive"), "{text}");
    // The hooks are the function's own to call; the old release is in its place all the while.
    assert_eq!(
        project.trace(),
        "pre_extract_release_archive 1.0.0\n1.0.0\npost_extract_release_archive 1.0.0\n1.0.0"
    );
    project.world.assert_runs("2.0.0");
    for host in project.world.all() {
        let root = host.root();
        assert_eq!(fs::read_to_string(root.join("releases/2.0.0/note")).unwrap(), "made by the config\n");
        assert_eq!(
            fs::read_to_string(root.join("lib/common-1.0.0/ebin/x.beam")).unwrap(),
            "common for 2.0.0\n"
        );
        // What was there before stays, without --clean-deploy.
        assert!(root.join("releases/1.0.0").exists() && !root.join("stand_in_2.0.0.tar.gz").exists());
    }
    project.world.edeliver(["rollback", "production", "--plain"]).succeeds();
    project.world.assert_runs("1.0.0");
    for (host, before) in project.world.all().iter().zip(&before) {
        let mut diff = before.diff(&host.snapshot());
        diff.retain(|line| !line.contains(".edeliver/"));
        assert!(diff.is_empty(), "{}", diff.join("\n"));
    }
}

#[test]
fn a_config_that_does_not_unpack_a_release_leaves_the_host_as_it_was() {
    let mut project = Project::new(1, ELSEWHERE).running();
    pack_below(&project, "shop-2.0.0", "2.0.0");
    let before = project.world.snapshot();
    for (broken, said) in [
        ("__remote \"rm $DELIVER_TO/$APP/bin/$APP\"", "have left no program stand_in/bin/stand_in"),
        ("__remote \"rm -r $DELIVER_TO/$APP\"", "have left no directory stand_in in DELIVER_TO"),
        ("__remote \"echo 13.1 9.9.9 >$DELIVER_TO/$APP/releases/start_erl.data\"", "it boots 9.9.9"),
        ("return 3", "returned status 3"),
        ("DELIVER_TO=/tmp", "has changed DELIVER_TO to /tmp"),
        (":\n}\npost_start_deployed_release() {\n  return 5", "post_start_deployed_release"),
    ] {
        println!("{broken}");
        let function = ELSEWHERE.replace("  __exec_if_defined \"post_", &format!("  {broken}\n  : \"post_"));
        project = project.config(&function);
        project.world.deploy("2.0.0").exits(1).says(&[said]);
        if broken.contains("post_start") {
            project.world.assert_unchanged(&before);
        } else {
            assert_untouched(&project, &before);
        }
    }
}

/// Keeps what the next release shall find.
const KEEPS: &str = r#"
STABLE_FOR=0.2
remote_clean_release_dir() {
  note "theirs"
  __remote "
    set -e
    cd $DELIVER_TO/$APP
    rm -rf releases erts-*
    for library in lib/*; do
      case \$library in lib/plugin-*) ;; *) rm -rf \$library ;; esac
    done"
}
pre_extract_release_archive() { note "$(__remote "ls $DELIVER_TO/$APP")"; }
post_extract_release_archive() { note "$(__remote "ls $DELIVER_TO/$APP/lib")"; }
"#;

#[test]
fn a_config_cleans_and_keeps_a_directory() {
    let mut project = Project::new(1, KEEPS).running();
    let root = project.world.host(1).root();
    for file in ["lib/plugin-1/ebin/plugin.beam", "lib/left-1/ebin/left.beam", "etc/data"] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), "there before\n").unwrap();
    }
    let before = project.world.snapshot();
    let deploy = |project: &Project, option: &str| {
        let words = ["deploy", "release", "to", "production", "--start-deploy", "--plain", "--version=2.0.0"];
        project.world.edeliver(words.into_iter().chain([option]))
    };
    deploy(&project, "--clean-deploy").succeeds();
    assert_eq!(
        project.trace(),
        "theirs\nbin\nerts-13.1\netc\nlib\nlog\nreleases\nvar\ncommon-1.0.0\ndep-1.0.0\nplugin-1\nstand_in-2.0.0"
    );
    project.world.assert_runs("2.0.0");
    assert_eq!(fs::read_to_string(root.join("etc/data")).unwrap(), "there before\n");
    assert!(root.join("lib/plugin-1/ebin/plugin.beam").exists());
    for gone in ["lib/left-1", "lib/stand_in-1.0.0", "releases/1.0.0"] {
        assert!(!root.join(gone).exists(), "{gone}");
    }
    project.world.edeliver(["rollback", "production", "--plain"]).succeeds();
    let mut diff = before[0].diff(&project.world.host(1).snapshot());
    diff.retain(|line| !line.contains(".edeliver/"));
    assert!(diff.is_empty(), "{}", diff.join("\n"));
    // Without --clean-deploy nobody cleans.
    let planned = deploy(&project, "--plan").succeeds().says(&["replace  lib/common-1.0.0/ebin/x.beam"]);
    assert!(!planned.stdout.contains("What changes shows"), "{}", planned.shown());
    let before = project.world.snapshot();
    for (broken, said) in [
        (KEEPS.replace("note \"theirs\"", "return 6"), "returned status 6"),
        (format!("{KEEPS}pre_extract_release_archive() {{ return 7; }}"), "returned status 7"),
        (format!("{KEEPS}post_extract_release_archive() {{ return 8; }}"), "returned status 8"),
    ] {
        project = project.config(&broken);
        deploy(&project, "--clean-deploy").exits(1).says(&[said]);
        assert_untouched(&project, &before);
    }
}

// The original of rebar3: an archive with APP/ lies in DELIVER_TO, and both functions find it there. So
// does one of the config that brings it by itself.
#[test]
fn a_config_does_it_all_by_itself() {
    let config = r#"
STABLE_FOR=0.2
RELEASE_CMD=rebar3
TEST_AT=$DELIVER_TO
upload_release_archive() {
  note "upload to ${DELIVER_TO%/*}"
  __remote "mkdir -p $DELIVER_TO"
  for host in $HOSTS_APP_USER; do
    __remote "cat >$DELIVER_TO/${APP}_$VERSION.tar.gz" "$host" <"$RELEASE_STORE/releases/$RELEASE_FILE"
  done
}
remote_clean_release_dir() { __remote "cd $DELIVER_TO && tar -tzf ${APP}_$VERSION.tar.gz >/dev/null && rm -rf $APP/lib $APP/releases"; }
remote_extract_release_archive() {
  __remote "cd $DELIVER_TO && tar -xzf ${APP}_$VERSION.tar.gz && rm ${APP}_$VERSION.tar.gz && touch beside"
}
"#;
    let project = Project::new(2, config);
    let world =
        project.world.release(Release::of("1.0.0").prefixed()).release(Release::of("2.0.0").prefixed());
    let project = Project { world };
    let before = project.world.snapshot();
    // Nothing is there yet, and nothing is left of a deploy that fails.
    let project = project.config("pre_start_deployed_release() { return 9; }");
    let failed = project.world.deploy("1.0.0").exits(1);
    failed.says(&["pre_start_deployed_release", "the config has left beside in DELIVER_TO, beside stand_in"]);
    project.world.assert_unchanged(&before);
    let project = project.config("pre_start_deployed_release() { :; }");
    project.world.deploy("1.0.0").succeeds();
    project.world.assert_runs("1.0.0");
    let words = ["deploy", "release", "to", "production", "--start-deploy", "--plain", "--version=2.0.0"];
    project.world.edeliver(words.into_iter().chain(["--clean-deploy"])).succeeds();
    project.world.assert_runs("2.0.0");
    for host in project.world.all() {
        assert!(
            !host.root().join("releases/1.0.0").exists() && !host.root().join("lib/stand_in-1.0.0").exists()
        );
        assert!(!host.deliver_to().join("beside").exists());
    }
    let trace = project.trace();
    assert!(trace.contains("upload to ~/app/.edeliver/stand_in/replica"), "{trace}");
    // What comes of it shows only then.
    let planned = project.world.edeliver(words.into_iter().chain(["--plan"])).succeeds();
    planned.says(&["What changes shows when the functions of the config have unpacked it."]);
    project.world.edeliver(["drill", "staging"]).exits(2).says(&["remote_extract_release_archive"]);
}

/// Unpacks into a directory that it names by itself.
const IN_PLACE: &str = r#"
remote_extract_release_archive() {
  __remote "cd ~/app/stand_in && echo new >lib/common-1.0.0/ebin/x.beam && rm -r lib/dep-1.0.0 && echo new >releases/new"
  FAILS
}
"#;

#[test]
fn a_config_that_changes_the_release_in_its_place_is_found_out() {
    for (fails, said) in [(":", "the release in its place was changed"), ("return 3", "returned status 3")] {
        println!("{fails}");
        let project = Project::new(2, &IN_PLACE.replace("FAILS", fails)).running();
        let node = project.world.host(1).node();
        let failed = project.world.deploy("2.0.0").exits(3);
        let failed = failed.says(&[
            said,
            "host-1: changed lib/common-1.0.0/ebin/x.beam",
            "host-2: gone lib/dep-1.0.0",
            "host-2: new releases/new",
            "must name what they change by it",
        ]);
        assert!(!failed.stdout.contains("No host was changed"), "{}", failed.shown());
        assert_eq!(project.world.host(1).node(), node, "the node runs on");
        for host in project.world.all() {
            host.assert_no_leftovers();
        }
        // As the message says.
        let project = project.config("unset -f remote_extract_release_archive");
        let words = ["deploy", "release", "to", "production", "--plain", "--version=1.0.0", "--clean-deploy"];
        project.world.edeliver(words).succeeds();
        for host in project.world.all() {
            assert!(host.root().join("lib/dep-1.0.0/ebin/dep.beam").exists());
            assert!(!host.root().join("releases/new").exists());
        }
    }
}

#[test]
fn a_replica_of_a_client_that_was_killed_goes_with_the_next_deploy() {
    let config = r#"
remote_extract_release_archive() { __remote "cd $DELIVER_TO/$APP && tar -xzf *.gz && rm *.gz"; WAITS; }
"#;
    let waits = "touch \"$HOME/waits\"; while [ -e \"$HOME/waits\" ]; do sleep 0.1; done";
    let mut project = Project::new(1, &config.replace("WAITS", waits)).running();
    let before = project.world.snapshot();
    let waiting = project.world.home().join("waits");
    let running = project.world.spawn_deploy("2.0.0");
    while !waiting.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.signal(Signal::INT);
    let interrupted = running.wait().exits(130);
    interrupted.says(&["No host was changed"]);
    assert_untouched(&project, &before);
    let running = project.world.spawn_deploy("2.0.0");
    let replica = project.world.host(1).state().join("replica");
    while !waiting.exists() || !replica.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.signal(Signal::KILL);
    running.wait().was_killed();
    assert!(replica.exists());
    fs::remove_file(&waiting).unwrap();
    project = project.config(&config.replace("WAITS", ":"));
    project.world.deploy("2.0.0").succeeds();
    project.world.assert_runs("2.0.0");
    assert!(!replica.exists());
}
