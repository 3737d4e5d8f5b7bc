//! `deploy release` through the real binary, to real sshd's: what works.

mod common;

use std::os::unix::fs::MetadataExt;

use common::sshd::Sshd;
use common::world::{At, Host, Release, Snapshot, World};
use fs_err as fs;
use rustix::process::Signal;

const DEPLOY: [&str; 4] = ["deploy", "release", "to", "production"];

/// The words of `edeliver deploy release to production` with more of them.
fn deploy(more: &[&'static str]) -> Vec<&'static str> {
    [&DEPLOY, more].concat()
}

/// Time and identity of a file: both change when it is written or replaced.
fn stamp(host: &Host, path: &str) -> (i64, i64, u64) {
    let metadata = fs::metadata(host.root().join(path)).unwrap();
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ino())
}

/// Has the host count the bytes of the archive that it is sent; returns the file that holds them.
fn count_archive_bytes(host: &Host) -> impl Fn() -> u64 {
    let file = host.home().parent().unwrap().join("archive");
    let trap = host.trap(&At::call("zstd", "*", 1), &format!("tee '{file}' | \"$real\" \"$@\""));
    move || if trap.is_reached() { fs::metadata(&file).unwrap().len() } else { 0 }
}

// Hosts that have nothing yet get the release, and it runs.
#[test]
fn first_deploy() {
    let world = World::new().hosts(2).release("1.0.0");
    let outcome = world.deploy("1.0.0").succeeds();
    world.assert_runs("1.0.0");
    assert_eq!(world.host(1).node().unwrap().cookie, "cookie_of_1.0.0");
    insta::assert_snapshot!(outcome.stdout, @r"

    DEPLOYING RELEASE OF STAND_IN APP TO PRODUCTION HOSTS

    -----> Authorizing hosts
    -----> Uploading archive of release 1.0.0 from local release store
    -----> Extracting archive stand_in_1.0.0.tar.gz into ~/app
    -----> Starting deployed release

    DEPLOYED RELEASE TO PRODUCTION!
    ");
    assert_eq!(outcome.stderr, "");
}

// A clean build has another cookie (issue 308 of the original): the old node is stopped all the same.
#[test]
fn second_deploy_with_another_cookie() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    world.deploy("1.0.0").succeeds();
    let old = world.host(1).node().unwrap();
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    let new = world.host(1).node().unwrap();
    assert_ne!((new.pid, new.cookie), (old.pid, old.cookie));
    let history = fs::read_to_string(world.host(1).root().join("var/starts")).unwrap();
    assert!(history.contains(&format!("stopped {} 1.0.0", old.pid)), "{history}");
}

// What the original has deployed is taken over: nothing of ours is there yet.
#[test]
fn after_the_original() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// Without --start-deploy the old version runs on; the new one comes with the next restart, although
// the files have another cookie by then.
#[test]
fn without_start_deploy() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.host(1).node();
    world.edeliver(deploy(&["--version=2.0.0"])).succeeds();
    assert_eq!(world.host(1).node(), before);
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0"]);
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("2.0.0");
}

// rebar's archives begin with APP/, mix's do not: the tree is the same.
#[test]
fn both_layouts_of_archives() {
    let world = World::new().hosts(1).release("1.0.0");
    world.edeliver(deploy(&["--version=1.0.0"])).succeeds();
    world.store(Release::of("1.0.0").prefixed());
    world.edeliver(["deploy", "release", "to", "staging", "--version=1.0.0"]).succeeds();
    let host = world.host(1);
    assert_eq!(Snapshot::tree(&host.root()), Snapshot::tree(&host.home().join("test/stand_in")));
    host.control("start");
    host.wait_for_node("1.0.0");
}

// The staging hosts get it below TEST_AT, and DELIVER_TO stays as it is.
#[test]
fn to_staging() {
    let world = World::new().hosts(1).release("1.0.0");
    world.edeliver(["deploy", "release", "--version=1.0.0"]).succeeds().says(&["TO STAGING HOSTS"]);
    assert!(world.host(1).home().join("test/stand_in/bin/stand_in").exists());
    assert!(!world.host(1).deliver_to().exists());
}

// Older releases go, what the application wrote stays.
#[test]
fn clean_deploy() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    let root = world.host(1).root();
    world.edeliver(deploy(&["--version=2.0.0", "--start-deploy", "--clean-deploy"])).succeeds();
    world.assert_runs("2.0.0");
    assert!(!root.join("lib/stand_in-1.0.0").exists());
    assert!(!root.join("releases/1.0.0").exists());
    let data = fs::read_to_string(root.join("var/data")).unwrap();
    assert!(data.starts_with("written by 1.0.0\n"), "{data}");
}

// Without it they stay, so that they can still be started by hand.
#[test]
fn older_releases_stay() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    world.deploy("2.0.0").succeeds();
    assert!(world.host(1).root().join("lib/stand_in-1.0.0").exists());
    assert!(world.host(1).root().join("releases/1.0.0").exists());
}

// Only that host is touched.
#[test]
fn one_host_only() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.host(1).snapshot();
    let user = common::sshd::user();
    world
        .edeliver(DEPLOY.map(str::to_owned).into_iter().chain([
            format!("--host={user}@host-2"),
            "--version=2.0.0".into(),
            "--start-deploy".into(),
        ]))
        .succeeds();
    world.host(1).assert_untouched(&before);
    world.host(2).assert_runs("2.0.0");
}

// Nobody can be asked: the candidates are named, and nothing is touched.
#[test]
fn several_candidates_without_a_version() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.snapshot();
    world.edeliver(deploy(&["--start-deploy"])).exits(2).says(&["1.0.0", "2.0.0", "--version="]);
    world.host(1).assert_untouched(&before[0]);
    assert_eq!(world.host(1).logins(), 0);
}

// The only archive in the store needs no --version.
#[test]
fn the_only_candidate() {
    let world = World::new().hosts(1).release("1.0.0");
    world.edeliver(deploy(&["--start-deploy"])).succeeds();
    world.assert_runs("1.0.0");
}

// A version that is not there: the ones that are there are named.
#[test]
fn a_version_that_is_not_in_the_store() {
    let world = World::new().hosts(1).release("1.0.0");
    world.edeliver(deploy(&["--version=3.0.0"])).exits(2).says(&["3.0.0", "1.0.0"]);
    assert_eq!(world.host(1).logins(), 0);
}

// Neither time nor inode of a file that both versions have changes; a second deploy of the same
// version sends nothing.
#[test]
fn unchanged_files_are_not_touched() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    let host = world.host(1);
    let unchanged = ["bin/stand_in", "erts-13.1/bin/erl", "lib/dep-1.0.0/ebin/dep.beam"];
    let before = unchanged.map(|path| stamp(host, path));
    world.deploy("2.0.0").succeeds();
    assert_eq!(unchanged.map(|path| stamp(host, path)), before);

    let tree_before = host.snapshot().entries;
    let sent = count_archive_bytes(host);
    world.edeliver(deploy(&["--version=2.0.0", "-S", "--start-deploy"])).succeeds();
    assert!(sent() < 200, "{} bytes were sent", sent());
    world.assert_runs("2.0.0");
    let tree_after = host.snapshot().entries;
    let of_release = |entries: &std::collections::BTreeMap<String, String>| {
        entries.clone().into_iter().filter(|(name, _)| !name.starts_with(".edeliver")).collect::<Vec<_>>()
    };
    assert_eq!(of_release(&tree_before), of_release(&tree_after));
}

// Of two archives of 20 MB that are almost equal, the second costs almost nothing.
#[test]
fn only_what_is_missing_is_sent() {
    let big = |version| Release::of(version).common_kb(20 * 1024);
    let world = World::new().hosts(1).release(big("1.0.0")).release(big("2.0.0")).running("1.0.0");
    let whole = fs::metadata(world.archive("2.0.0")).unwrap().len();
    let sent = count_archive_bytes(world.host(1));
    world.deploy("2.0.0").succeeds();
    println!("sent {} of {whole} bytes: 1/{}", sent(), whole / sent());
    assert!((1..whole / 1000).contains(&sent()), "{} of {whole} bytes were sent", sent());
    world.assert_runs("2.0.0");
}

// The login shell makes no difference.
#[test]
fn login_shells() {
    let world = ["dash", "zsh", "fish"]
        .into_iter()
        .fold(World::new(), |world, shell| world.host_like(Sshd::options().login_shell(shell)))
        .release("1.0.0")
        .release("2.0.0");
    world.deploy("1.0.0").succeeds();
    world.assert_runs("1.0.0");
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    world.edeliver(["ping", "production"]).succeeds().says(&["response: pong"]);
    assert_eq!(Snapshot::tree(&world.host(1).root()), Snapshot::tree(&world.host(3).root()));
}

// What a careless ~/.bashrc prints at every login is not taken for an answer.
#[test]
fn a_host_that_greets() {
    let world =
        World::new().host_like(Sshd::options().greeting("Welcome!").banner("Beware\n")).release("1.0.0");
    world.deploy("1.0.0").succeeds();
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
    assert_eq!(world.host(1).node().map(|node| node.version).as_deref(), Some("1.0.0"));
}

// The second of two deployers is refused and told who the first is.
#[test]
fn two_deployers_at_once() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").release("3.0.0").running("1.0.0");
    let trap = world.host(1).pause(&At::unpack());
    let first = world.spawn_deploy("2.0.0");
    trap.wait();
    let second = world.deploy("3.0.0").exits(1);
    let pid = first.pid();
    trap.release();
    first.wait().succeeds();
    trap.was_reached();
    world.assert_runs("2.0.0");
    let user = common::sshd::user();
    let who = second.says(&[&format!("started by {user} on [machine] (pid [pid]) since [time]")]);
    assert!(!who.stderr.contains(&pid.to_string()), "the process is normalised");
    world.deploy("3.0.0").succeeds();
    world.assert_runs("3.0.0");
}

// A deployer that is killed while it sends leaves its lock: the next one takes it over.
#[test]
fn a_lock_of_a_dead_deployer() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.snapshot();
    let trap = world.host(1).pause(&At::unpack());
    let killed = world.spawn_deploy("2.0.0");
    trap.wait();
    killed.signal(Signal::KILL);
    killed.wait().was_killed();
    trap.release();
    trap.was_reached();
    assert!(world.host(1).state().join("lock/owner").exists(), "the lock is still there");
    assert_eq!(before[0].node, world.host(1).snapshot().node);
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A deployer that is killed in the middle of the switch: the next one first undoes, then deploys.
#[test]
fn a_switch_of_a_dead_deployer() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").release("3.0.0").running("1.0.0");
    let host = world.host(1);
    let trap = host.pause(&At::put_in_place(host, 2));
    let killed = world.spawn_deploy("2.0.0");
    trap.wait();
    killed.signal(Signal::KILL);
    killed.wait().was_killed();
    assert!(host.state().join("journal").exists(), "the switch is under way");
    world.deploy("3.0.0").succeeds().says(&["undoing the unfinished deploy [id]"]);
    trap.was_reached();
    world.assert_runs("3.0.0");
    for host in world.all() {
        assert!(!host.root().join("lib/stand_in-2.0.0").exists(), "2.0.0 was undone");
    }
}
