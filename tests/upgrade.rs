//! Hot upgrades of a real Erlang application on two hosts: built by rebar3 from one version to the next,
//! with hand-written appups, and deployed while the nodes run. One long way, as builds take their time.

mod common;

use common::sshd::user;
use common::world::{Host, Outcome, Output, Snapshot, World};
use fs_err as fs;
use rustix::process::Signal;

const GREETER: &str = "src/hello_rebar3_greeter.erl";

/// A node's process, and how often it has greeted.
type Counts = Vec<(u32, u32)>;

/// `host-1` builds; the nodes run on `host-2` and `host-3`.
fn world() -> World {
    let mut world = World::example("hello_rebar3").hosts(3);
    configure(&mut world, "");
    for host in world.all() {
        host.has_erlang("");
    }
    world
}

fn configure(world: &mut World, more: &str) {
    let user = user();
    world.reconfigure(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2 host-3\"\n\
         START_TIMEOUT=30\nSTABLE_FOR=0.2\nLEASE=6\n{more}"
    ));
}

/// Replaces a text in a file of the project, where it must be.
fn replace(world: &World, file: &str, from: &str, to: &str) {
    let file = world.project().join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

/// The sources get the next version.
fn raise(world: &World, from: &str, to: &str) {
    replace(world, "rebar.config", from, to);
    replace(world, "src/hello_rebar3.app.src", from, to);
}

fn appup(from: &str, to: &str) -> String {
    let instructions = format!("[{{\"{from}\", [{{update, hello_rebar3_greeter, {{advanced, []}}}}]}}]");
    format!("{{\"{to}\", {instructions}, {instructions}}}.\n")
}

/// The sources have this appup; committed.
fn commit_appup(world: &World, from: &str, to: &str) {
    fs::create_dir_all(world.project().join("ebin")).unwrap();
    fs::write(world.project().join("ebin/hello_rebar3.appup"), appup(from, to)).unwrap();
    world.commit();
}

fn targets(world: &World) -> &[Host] {
    &world.all()[1..]
}

/// Has each node greet somebody: it must be of that version.
#[track_caller]
fn greet(world: &World, version: &str) -> Counts {
    let greet = |host: &Host| {
        let said = host.control("eval 'hello_rebar3_greeter:greet(\"you\").'");
        let count = said.split_once(&format!("from {version}\", ")).unwrap_or_else(|| panic!("{said}")).1;
        (host.node().expect("a node runs").pid, count.trim_end_matches('}').parse().unwrap())
    };
    targets(world).iter().map(greet).collect()
}

/// Every node is the process that it was and has its state still.
#[track_caller]
fn assert_runs_on(world: &World, before: &Counts, version: &str) -> Counts {
    let after = greet(world, version);
    let expected: Counts = before.iter().map(|(pid, count)| (*pid, count + 1)).collect();
    assert_eq!(after, expected);
    let answers = world.edeliver(["version", "production"]).succeeds();
    assert_eq!(answers.stdout.matches(&format!("response: {version}\n")).count(), 2, "{}", answers.shown());
    targets(world).iter().for_each(Host::assert_no_leftovers);
    after
}

fn snapshots(world: &World) -> Vec<Snapshot> {
    targets(world).iter().map(Host::snapshot).collect()
}

/// Every file is as it was; but relx's script writes the vm.args anew each time it is called.
#[track_caller]
fn assert_as_before(world: &World, before: &[Snapshot]) {
    for (host, before) in targets(world).iter().zip(before) {
        let mut diff = before.diff(&host.snapshot());
        diff.retain(|line| !line.contains("/vm.args: "));
        assert!(diff.is_empty(), "{}: {}", host.alias(), diff.join("\n"));
        host.assert_no_leftovers();
    }
}

fn upgrade_words(version: &str) -> Vec<String> {
    let words = ["deploy", "upgrade", "to", "production", "--plain"].map(str::to_owned);
    words.into_iter().chain([format!("--version={version}")]).collect()
}

fn deploy_upgrade(world: &World, version: &str) -> Outcome {
    world.edeliver(upgrade_words(version))
}

fn revision(world: &World) -> String {
    duct::cmd!("git", "rev-parse", "HEAD").dir(world.project()).read().unwrap()
}

#[test]
fn from_version_to_version() {
    let mut world = world();
    let counts = a_release_that_runs(&world);
    the_first_upgrade_is_built(&mut world);
    let before = snapshots(&world);
    upgrades_that_need_a_restart(&mut world, &counts, &before);
    let counts = a_way_up_without_a_way_down(&mut world, &counts, &before);
    let counts = a_host_of_the_second_batch_that_is_not_healthy(&mut world, counts, &before);
    let counts = a_client_that_is_killed(&mut world, counts, &before);
    let counts = a_node_that_is_killed(&mut world, counts, &before);
    let counts = the_first_upgrade(&mut world, &counts);
    let counts = one_command_whose_second_batch_fails(&mut world, counts);
    the_second_upgrade_by_one_command(&world, &counts);
    code_that_cannot_change(&world);
    back_by_a_restart(&world);
}

fn a_release_that_runs(world: &World) -> Counts {
    replace(world, GREETER, "handle_cast/2]", "handle_cast/2, code_change/3]");
    let file = world.project().join(GREETER);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}\ncode_change(_Vsn, Count, _Extra) ->\n    {{ok, Count}}.\n")).unwrap();
    world.commit();
    let words = ["update", "to", "production", "--start-deploy", "--plain"];
    world.edeliver(words).succeeds().says(&["UPDATE DONE!"]);
    greet(world, "0.1.0")
}

// Its appup lies in the store. The hooks around the relup are called, and the relup can be looked at
// and changed afterwards.
fn the_first_upgrade_is_built(world: &mut World) {
    let trace = world.home().join("trace");
    configure(
        world,
        &format!(
            "pre_relx_generate_relup() {{ echo pre >>{trace}; }}\n\
             post_relx_generate_relup() {{ echo post >>{trace}; }}\n\
             pre_edit_relup() {{ echo \"patched ${{1##*/releases/}}\" >>{trace}; }}"
        ),
    );
    raise(world, "0.1.0", "0.2.0");
    world.commit();
    let store = world.project().join(".deliver");
    fs::create_dir_all(store.join("appup/0.1.0-0.2.0")).unwrap();
    fs::write(store.join("appup/0.1.0-0.2.0/hello_rebar3.appup"), appup("0.1.0", "0.2.0")).unwrap();
    world.edeliver(["build", "upgrade", "--with=0.1.0", "--plain"]).succeeds();
    let archive = store.join("releases/hello_rebar3_0.2.0.upgrade.tar.gz");
    let list = duct::cmd!("tar", "-tzf", archive.as_str()).read().unwrap();
    assert!(list.contains("/releases/0.2.0/relup\n") && !list.contains("0.1.0"), "{list}");

    let edit = |editor: &str| {
        world.edeliver_with(&[("GIT_EDITOR", editor)], ["edit", "relup", "--version=0.2.0", "--plain"])
    };
    let broken = edit("sed -i 's/point_of_no_return,/point_of_no_return/'").exits(1);
    broken.says(&["cannot be used", "stands where ',' or ']' is expected"]);
    edit("true").succeeds().says(&["The relup has not been changed."]);
    edit("sed -i '1i%% edited'").succeeds().says(&["Storing hello_rebar3_0.2.0.upgrade.tar.gz"]);
    let shown = world.edeliver(["show", "relup", "hello_rebar3_0.2.0.upgrade.tar.gz"]).succeeds().stdout;
    assert!(shown.contains("\n%% edited\n") && shown.contains("{code_change,up,"), "{shown}");
    world.edeliver(["show", "appups"]).succeeds().says(&["0.1.0-0.2.0\n  hello_rebar3.appup"]);
    let traced = "pre\npost\npatched 0.2.0/relup\npatched 0.2.0/relup\npatched 0.2.0/relup\n";
    assert_eq!(fs::read_to_string(&trace).unwrap(), traced);
}

/// Changes the archive of the upgrade to 0.2.0 by a shell command, which is run where it is unpacked;
/// returns it as it was.
fn repack(world: &World, command: &str) -> Vec<u8> {
    let archive = world.project().join(".deliver/releases/hello_rebar3_0.2.0.upgrade.tar.gz");
    let as_built = fs::read(&archive).unwrap();
    let work = tempfile::tempdir().unwrap();
    let script = format!("tar -xzf '{archive}' && {{ {command}; }} && tar -czf '{archive}' hello_rebar3");
    duct::cmd!("sh", "-euc", script).dir(work.path()).run().unwrap();
    as_built
}

fn put_back(world: &World, archive: Vec<u8>) {
    fs::write(world.project().join(".deliver/releases/hello_rebar3_0.2.0.upgrade.tar.gz"), archive).unwrap();
}

// Refused before any host is touched: a relup that restarts the emulator, and another emulator.
fn upgrades_that_need_a_restart(world: &mut World, counts: &Counts, before: &[Snapshot]) {
    let relup = "hello_rebar3/releases/0.2.0/relup";
    for (command, said) in [
        (
            format!("sed -i 's/point_of_no_return,/point_of_no_return, restart_new_emulator,/' {relup}"),
            "the relup from 0.1.0 restarts the node",
        ),
        (
            "cd hello_rebar3 && mv erts-* erts-99.1 && echo '99.1 0.2.0' >releases/start_erl.data && cd .."
                .to_owned(),
            "the upgrade brings another Erlang (erts-99.1)",
        ),
    ] {
        let as_built = repack(world, &command);
        let refused = deploy_upgrade(world, "0.2.0").exits(1);
        refused.says(&[said, "deploy the release instead", "No host was changed."]);
        put_back(world, as_built);
        assert_as_before(world, before);
    }
    let processes: Vec<u32> = targets(world).iter().map(|host| host.node().unwrap().pid).collect();
    assert!(counts.iter().map(|(pid, _)| *pid).eq(processes), "nodes were restarted");
}

/// A host is not healthy while it has a file.
const SICK: &str = "START_TIMEOUT=6\nHEALTH_CHECK='! [ -e ~/sick ]'";

/// While `host-3` is not healthy, this fails, and all hosts are back.
#[track_caller]
fn fails_with_a_sick_host(world: &mut World, deploy: impl Fn(&World) -> Outcome) -> Output {
    configure(world, SICK);
    assert!(world.host(3).run("touch ~/sick").0);
    let failed = deploy(world).exits(1);
    assert!(world.host(3).run("rm ~/sick").0);
    configure(world, "");
    failed.says(&["host-3", "HEALTH_CHECK did not succeed", "All hosts are back as they were before."])
}

// Nodes that cannot go back as they came are started again from the old files.
fn a_way_up_without_a_way_down(world: &mut World, counts: &Counts, before: &[Snapshot]) -> Counts {
    let relup = "hello_rebar3/releases/0.2.0/relup";
    let ways = "{ok, [{V, Up, [_]}]} = file:consult(F), ok = file:write_file(F, io_lib:format(\"~p.~n\", [{V, Up, []}])), halt().";
    let as_built = repack(world, &format!("erl -noinput -eval 'F = \"{relup}\", {ways}'"));
    configure(world, "post_upgrade_release() { return 3; }");
    let failed = deploy_upgrade(world, "0.2.0").exits(1);
    let failed = failed.says(&["post_upgrade_release", "All hosts are back as they were before."]);
    configure(world, "");
    for host in ["host-2", "host-3"] {
        let told = format!("{host}: the node is restarted, since it cannot go back to 0.1.0 without that");
        assert!(failed.stdout.contains(&told), "{}", failed.shown());
    }
    put_back(world, as_built);
    assert_as_before(world, before);
    let after = greet(world, "0.1.0");
    assert!(after.iter().zip(counts).all(|(after, before)| after.0 != before.0 && after.1 == 1), "{after:?}");
    after
}

// The first host had been upgraded and had proven itself before the second one was: both go back without
// a restart, with their state.
fn a_host_of_the_second_batch_that_is_not_healthy(
    world: &mut World,
    counts: Counts,
    before: &[Snapshot],
) -> Counts {
    let words = upgrade_words("0.2.0").into_iter().chain(["--batch=1".to_owned()]);
    let words: Vec<String> = words.collect();
    fails_with_a_sick_host(world, |world| world.edeliver(&words)).says(&["(1 of 2)", "(2 of 2)"]);
    let counts = assert_runs_on(world, &counts, "0.1.0");
    assert_as_before(world, before);
    counts
}

/// The health check waits on `host-2` for as long as a file is there.
const HOLD: &str =
    "HEALTH_CHECK='[ ! -e ~/hold ] || { touch ~/held; while [ -e ~/hold ]; do sleep 0.1; done; }'";

// The hosts go back on their own.
fn a_client_that_is_killed(world: &mut World, counts: Counts, before: &[Snapshot]) -> Counts {
    configure(world, HOLD);
    assert!(world.host(2).run("touch ~/hold").0);
    let running = world.spawn(upgrade_words("0.2.0"));
    world.host(2).wait_for_file("held");
    running.signal(Signal::KILL);
    running.wait().was_killed();
    for host in targets(world) {
        host.wait_until_gone(&host.state().join("lock"));
    }
    assert!(world.host(2).run("rm ~/hold ~/held").0);
    let counts = assert_runs_on(world, &counts, "0.1.0");
    assert_as_before(world, before);
    counts
}

// What boots then is the old release; the other host goes back without a restart.
fn a_node_that_is_killed(world: &mut World, counts: Counts, before: &[Snapshot]) -> Counts {
    let struck = world.host(2);
    assert!(struck.run("touch ~/hold").0);
    let running = world.spawn(upgrade_words("0.2.0"));
    struck.wait_for_file("held");
    let version = || struck.control("eval 'hello_rebar3:version().'");
    assert_eq!(version(), "\"0.2.0\"", "it is upgraded already");
    struck.signal_node(Signal::KILL);
    struck.control("daemon");
    struck.wait_for_ping();
    assert_eq!(version(), "\"0.1.0\"", "it boots the old release");
    assert!(struck.run("rm ~/hold ~/held").0);
    let failed = running.wait().exits(1);
    failed.says(&["the upgrade did not work", "All hosts are back as they were before."]);
    assert_as_before(world, before);
    let after = greet(world, "0.1.0");
    assert!(after[0].0 != counts[0].0 && after[1] == (counts[1].0, counts[1].1 + 1), "{counts:?} {after:?}");
    after
}

fn the_first_upgrade(world: &mut World, counts: &Counts) -> Counts {
    let trace = world.home().join("trace");
    configure(
        world,
        &format!(
            "said() {{ __remote \"cd $DELIVER_TO/hello_rebar3 && . ~/.profile && bin/hello_rebar3 eval 'hello_rebar3:version().'\"; }}\n\
             pre_upgrade_release() {{ echo \"pre $VERSION $(said)\" >>{trace}; }}\n\
             post_upgrade_release() {{ echo \"post $VERSION $(said)\" >>{trace}; [ ! -e {trace}.fails ] || return 3; }}"
        ),
    );
    let before = snapshots(world);
    let planned = world.edeliver(upgrade_words("0.2.0").into_iter().chain(["--plan".to_owned()])).succeeds();
    planned.says(&["upgraded", "add      releases/0.2.0", "add      lib/hello_rebar3-0.2.0"]);
    assert_as_before(world, &before);
    fs::remove_file(&trace).unwrap();
    fs::write(format!("{trace}.fails"), "").unwrap();
    deploy_upgrade(world, "0.2.0").exits(1).says(&["post_upgrade_release", "All hosts are back"]);
    assert_as_before(world, &before);
    fs::remove_file(format!("{trace}.fails")).unwrap();
    deploy_upgrade(world, "0.2.0").succeeds();
    let called = "pre 0.2.0 \"0.1.0\"\n\"0.1.0\"\npost 0.2.0 \"0.2.0\"\n\"0.2.0\"\n";
    assert_eq!(fs::read_to_string(&trace).unwrap(), called.repeat(2));
    configure(world, "");
    let counts = assert_runs_on(world, counts, "0.2.0");
    let refused = deploy_upgrade(world, "0.2.0").exits(1);
    refused.says(&["its node runs 0.2.0 already", "No host was changed."]);
    counts
}

// As above, by the command that builds the upgrade as well.
fn one_command_whose_second_batch_fails(world: &mut World, counts: Counts) -> Counts {
    raise(world, "0.2.0", "0.3.0");
    commit_appup(world, "0.2.0", "0.3.0");
    let before = snapshots(world);
    let words = ["upgrade", "production", "--batch=1", "--plain"];
    fails_with_a_sick_host(world, |world| world.edeliver(words)).says(&["(1 of 2)", "(2 of 2)"]);
    assert_as_before(world, &before);
    assert_runs_on(world, &counts, "0.2.0")
}

// On top of the first one, with a host whose node is down: it gets the whole release.
fn the_second_upgrade_by_one_command(world: &World, counts: &Counts) {
    world.edeliver(["stop", "production", "--host=host-3"]).succeeds();
    let planned = world.edeliver(["upgrade", "production", "--plan", "--plain"]).succeeds();
    planned.says(&[&revision(world), "stopped"]);
    let upgraded = world.edeliver(["upgrade", "production", "--start-deploy", "--plain"]).succeeds();
    upgraded.says(&["UPGRADE DONE!"]);
    let after = greet(world, "0.3.0");
    assert!(after[0] == (counts[0].0, counts[0].1 + 1) && after[1].0 != counts[1].0, "{counts:?} {after:?}");
    let again = world.edeliver(["upgrade", "production", "--plain"]).exits(1);
    again.says(&["is already deployed, as version 0.3.0"]);
    let elsewhere = deploy_upgrade(world, "0.2.0").exits(1);
    elsewhere.says(&["its node runs 0.3.0, but the upgrade leads from 0.1.0", "No host was changed."]);
}

// OTP restarts a node whose upgrade crashes behind the point of no return: it runs the old version.
// What a start script prints behind the answer, as distillery's does, is no part of the reason.
fn code_that_cannot_change(world: &World) {
    for host in targets(world) {
        let talkative = "2i trap '[ \"$1\" != eval ] || echo :ok' EXIT";
        for root in [host.root(), host.state().join("control")] {
            let script = root.join("bin/hello_rebar3");
            if script.exists() {
                duct::cmd!("sed", "-i", talkative, script.as_str()).run().unwrap();
            }
        }
    }
    let before = snapshots(world);
    let from = format!("--from={}", revision(world));
    replace(world, GREETER, "{ok, Count}.", "exit({cannot_change, Count}).");
    raise(world, "0.3.0", "0.4.0");
    commit_appup(world, "0.3.0", "0.4.0");
    world.edeliver(["build", "upgrade", &from, "--plain"]).succeeds();
    let failed = deploy_upgrade(world, "0.4.0").exits(1);
    let failed = failed.says(&["the node did not take the upgrade", "cannot_change", "All hosts are back"]);
    assert!(!failed.stderr.contains(":ok") && !failed.stderr.contains("edeliver-end"), "{}", failed.shown());
    greet(world, "0.3.0");
    assert_as_before(world, &before);
}

fn back_by_a_restart(world: &World) {
    world.edeliver(["rollback", "production", "--host=host-2", "--plain"]).succeeds();
    let said = world.host(2).control("eval 'hello_rebar3:version().'");
    assert_eq!(said, "\"0.2.0\"");
    world.edeliver(["stop", "production"]).succeeds();
}
