//! All hosts or none: whatever goes wrong on the way, every host is as it was before, byte for byte,
//! the old version runs with its old identity, nothing is left behind, and the next deploy succeeds.

mod common;

use std::io::{Read, Write};

use common::world::{At, Host, Release, World};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use fs_err as fs;
use rustix::process::geteuid;

/// Three hosts on which 1.0.0 runs. 2.0.0, with another cookie, is in the store.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0")
}

/// A deploy of 2.0.0 fails, says these words, and every host is as before.
#[track_caller]
fn fails(world: &World, words: &[&str]) {
    let before = world.snapshot();
    world.deploy("2.0.0").exits(1).says(words);
    world.assert_unchanged(&before);
}

/// The same where not even a node may have been restarted.
#[track_caller]
fn fails_before_the_stop(world: &World, words: &[&str]) {
    let before = world.snapshot();
    world.deploy("2.0.0").exits(1).says(words);
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

/// Now that the fault is gone, a deploy succeeds.
#[track_caller]
fn then_succeeds(world: &World) {
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

/// What became of the node's starts of 2.0.0 there: that the fault did take place.
fn starts(host: &Host) -> String {
    let all = fs::read_to_string(host.root().join("var/starts")).unwrap();
    all.lines().filter(|line| line.ends_with(" 2.0.0")).collect::<Vec<_>>().join("\n")
}

// An archive that is not whole is found out before any host is asked anything.
#[test]
fn damaged_archives() {
    let world = world();
    let archive = world.archive("2.0.0");
    let good = fs::read(&archive).unwrap();
    let length = good.len();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x08;
        bytes
    };
    let mut damages = vec![
        ("truncated in the middle", good[..length / 2].to_vec()),
        ("truncated by one byte", good[..length - 1].to_vec()),
        ("a bit flip in the compressed data", flipped(length / 2)),
        ("a bit flip in the first compressed block", flipped(40)),
        ("a bit flip in the gzip header's mark", flipped(0)),
        ("a bit flip in the gzip header's method", flipped(2)),
        ("a bit flip in the gzip checksum", flipped(length - 6)),
        ("a bit flip in the gzip length", flipped(length - 2)),
        ("not gzip at all", b"<html>404 Not Found</html>\n".to_vec()),
        ("empty", Vec::new()),
    ];
    // Compressed after the damage: gzip's own checksum is right.
    let mut plain = Vec::new();
    GzDecoder::new(good.as_slice()).read_to_end(&mut plain).unwrap();
    let compress = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let mut header = plain.clone();
    header[1] ^= 0x08;
    damages.push(("a bit flip in a tar header", compress(&header)));
    damages.push(("the tar truncated within a file", compress(&plain[..plain.len() / 2 + 100])));

    let before = world.snapshot();
    for (damage, bytes) in damages {
        fs::write(&archive, bytes).unwrap();
        println!("{damage}");
        let output = world.deploy("2.0.0").exits(1);
        println!("{}", output.stderr);
        let output = output.says(&["stand_in_2.0.0.release.tar.gz"]);
        assert!(output.stderr.starts_with("Error: "), "{damage}: {}", output.shown());
        for (host, before) in world.all().iter().zip(&before) {
            host.assert_untouched(before);
        }
    }
    fs::write(&archive, good).unwrap();
    then_succeeds(&world);
}

// One of three hosts is down before it begins: connection refused.
#[test]
fn a_host_that_is_down() {
    let mut world = world();
    world.host_mut(2).stop();
    fails_before_the_stop(&world, &["host-2", "No host was changed."]);
    world.host_mut(2).start_again();
    then_succeeds(&world);
}

// A host goes down while it is sent the release, and stays away.
#[test]
fn a_host_that_goes_down_while_it_is_sent_the_release() {
    let mut world = world().config("LEASE=3");
    let before = world.snapshot();
    let trap = world.host(2).pause(&At::unpack());
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    world.host_mut(2).stop();
    trap.release();
    running.wait().exits(1).says(&["host-2", "the next deploy does that"]);
    trap.was_reached();
    for number in [1, 3] {
        world.host(number).assert_untouched(&before[number - 1]);
    }
    // What it has still is beside the release, which runs as it did.
    assert_eq!(before[1].diff(&world.host(2).snapshot()), Vec::<String>::new());
    assert_eq!(before[1].node, world.host(2).snapshot().node);
    world.host_mut(2).start_again();
    then_succeeds(&world);
}

/// Fails by a start that behaves like this on host 2.
#[track_caller]
fn fails_to_start(behaviour: &str, words: &[&str]) -> World {
    let world = world().config("START_TIMEOUT=4");
    world.host(2).behave(&format!("2.0.0 {behaviour}"));
    fails(&world, &[&["host-2"], words].concat());
    for number in [1, 3] {
        assert!(starts(world.host(number)).starts_with("started"), "2.0.0 was started on host {number}");
    }
    world
}

// bin/APP exits with 7 on one host.
#[test]
fn a_start_that_fails() {
    let world = fails_to_start("start_exits_7", &["cannot start: init terminating in do_boot"]);
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The node comes up on one host but never answers.
#[test]
fn a_node_that_never_answers() {
    let world = fails_to_start("never_answers", &["does not answer"]);
    assert!(starts(world.host(2)).contains("started"));
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The node answers with another version on one host.
#[test]
fn a_node_of_another_version() {
    let world = fails_to_start("wrong_version", &["9.9.9"]);
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The node answers, and is gone a moment later.
#[test]
fn a_node_that_dies() {
    let world =
        World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0").config("STABLE_FOR=2");
    world.host(2).behave("2.0.0 dies_after_start");
    fails(&world, &["host-2"]);
    assert!(starts(world.host(2)).contains("died"));
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The release fails on all hosts at once.
#[test]
fn a_release_that_fails_everywhere() {
    let world = world();
    world.store(Release::of("2.0.0").behaves("start_exits_7"));
    fails(&world, &["host-1", "host-2", "host-3"]);
    world.store(Release::of("2.0.0"));
    then_succeeds(&world);
}

// The old node of one host ignores every request to stop: it runs on, and so do the others.
#[test]
fn an_old_node_that_does_not_stop() {
    let world = World::new().hosts(3).release("1.0.0").release("2.0.0").config("START_TIMEOUT=4");
    for host in world.all() {
        host.unpack(&world.archive("1.0.0"));
    }
    world.host(2).behave("1.0.0 stop_ignored");
    for host in world.all() {
        host.control("start");
        host.wait_for_node("1.0.0");
    }
    let stubborn = world.host(2).node();
    fails(&world, &["host-2", "does not stop"]);
    assert_eq!(world.host(2).node(), stubborn);
}

/// Each of these renames fails on host 2; a deploy succeeds afterwards.
#[track_caller]
fn failing_renames(at: fn(&Host, usize) -> At, calls: std::ops::RangeInclusive<usize>) {
    let world = world();
    for call in calls {
        println!("rename {call}");
        let trap = world.host(2).fail(&at(world.host(2), call));
        fails_before_the_stop(&world, &["host-2", "Input/output error", "All hosts are back as they were"]);
        trap.was_reached();
    }
    then_succeeds(&world);
}

// The n-th rename of a new file into its place fails, for every n that the switch has.
#[test]
fn a_switch_that_fails_at_a_new_file() {
    failing_renames(At::put_in_place, 1..=6);
}

// The n-th rename of an old file out of its place fails, likewise.
#[test]
fn a_switch_that_fails_at_an_old_file() {
    failing_renames(At::put_aside, 1..=4);
}

// A directory that may not be written. Root may write everywhere, but not what is mounted read-only.
#[test]
fn a_read_only_directory() {
    let world = world();
    let lib = world.host(2).root().join("lib");
    let mode = |mode: &str| duct::cmd!("chmod", mode, lib.as_str()).run().unwrap();
    let mount =
        |args: &[&str]| duct::cmd("mount", args).stderr_null().unchecked().run().unwrap().status.success();
    if !geteuid().is_root() {
        mode("555");
    } else if !mount(&["--bind", lib.as_str(), lib.as_str()]) {
        eprintln!("SKIPPED: this root may not mount, and it may write everywhere");
        return;
    } else {
        assert!(mount(&["-o", "remount,bind,ro", lib.as_str()]));
    }
    let before = world.snapshot();
    let outcome = world.deploy("2.0.0");
    let after = world.snapshot();
    // Before anything is looked at, so that a failing test leaves no mount behind.
    if geteuid().is_root() {
        duct::cmd!("umount", lib.as_str()).run().unwrap();
    }
    outcome.exits(1).says(&["host-2", "lib", "No host was changed."]);
    assert_eq!(before, after);
    if !geteuid().is_root() {
        mode("755");
    }
    then_succeeds(&world);
}

// One host has no space for the new release.
#[test]
fn no_space() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    }
    let world = World::new().hosts(3).release("1.0.0").release(Release::of("2.0.0").size_kb(12 * 1024));
    let app = world.host(2).deliver_to();
    fs::create_dir(&app).unwrap();
    if !duct::cmd!("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", app.as_str())
        .stderr_null()
        .unchecked()
        .run()
        .unwrap()
        .status
        .success()
    {
        eprintln!("SKIPPED: this root may not mount");
        return;
    }
    let _mounted = Unmount(app.to_string());
    let world = world.running("1.0.0");
    fails_before_the_stop(&world, &["host-2", "not enough space"]);
    // It had enough when it was asked; what it is sent does not fit all the same.
    let fill = format!("\"$real\" \"$@\"; dd if=/dev/zero of={app}/.edeliver/full bs=1M 2>/dev/null; exit");
    let df = world.host(2).trap(&At::call("df", "*", 2), &fill);
    let before = world.snapshot();
    world.store("2.0.0".into());
    let outcome = world.deploy("2.0.0");
    fs::remove_file(app.join(".edeliver/full")).unwrap();
    outcome.exits(1).says(&["host-2"]);
    df.was_reached();
    world.assert_unchanged(&before);
    // The disk fills up while the new files are unpacked: there is no place left to write down why.
    let fill = format!("dd if=/dev/zero of={app}/.edeliver/full bs=1M 2>/dev/null\nexec \"$real\" \"$@\"");
    let tar = world.host(2).trap(&At::unpack(), &fill);
    let outcome = world.deploy("2.0.0");
    fs::remove_file(app.join(".edeliver/full")).unwrap();
    outcome.exits(1).says(&["host-2", "No space left on device"]);
    tar.was_reached();
    world.assert_unchanged(&before);
    // The disk fills up in the middle of the switch: the way back needs no more than was set aside.
    let fill = format!("dd if=/dev/zero of={app}/.edeliver/full bs=1M 2>/dev/null; exit 1");
    let trap = world.host(2).trap(&At::put_in_place(world.host(2), 3), &fill);
    let outcome = world.deploy("2.0.0");
    fs::remove_file(app.join(".edeliver/full")).unwrap();
    outcome.exits(1).says(&["host-2", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(&world);
}

/// Unmounts at the end of a test, however it ends.
struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        // Lazily, as a node may still run there.
        drop(duct::cmd!("umount", "-l", &self.0).run());
    }
}

// A file is damaged on its way onto the disk.
#[test]
fn a_file_that_arrives_damaged() {
    let world = world();
    let damage = "echo >>\"$4/lib/stand_in-2.0.0/ebin/stand_in.beam\"";
    let trap = world.host(2).afterwards(&At::unpack(), damage);
    fails_before_the_stop(&world, &["host-2", "lib/stand_in-2.0.0/ebin/stand_in.beam"]);
    trap.was_reached();
    then_succeeds(&world);
}

// tar fails on one host, after it has unpacked some of it.
#[test]
fn an_archive_that_cannot_be_unpacked() {
    let world = world();
    let trap = world.host(2).trap(&At::unpack(), "head -c 300 >/dev/null; echo 'tar: full' >&2; exit 2");
    fails_before_the_stop(&world, &["host-2", "tar: full"]);
    trap.was_reached();
    then_succeeds(&world);
}

// A first deploy that fails: of the release nothing remains, and nothing runs.
#[test]
fn a_first_deploy_that_fails() {
    let world = World::new().hosts(3).release("2.0.0");
    let nothing_remains = || {
        for host in world.all() {
            assert!(!host.root().exists(), "{}: {} remains", host.alias(), host.root());
            assert_eq!(host.node(), None);
            host.assert_no_leftovers();
        }
    };
    world.host(2).behave("2.0.0 start_exits_7");
    world.deploy("2.0.0").exits(1).says(&["host-2"]);
    nothing_remains();
    world.host(2).behave_as_made();

    let trap = world.host(2).fail(&At::put_in_place(world.host(2), 2));
    world.deploy("2.0.0").exits(1).says(&["host-2"]);
    trap.was_reached();
    nothing_remains();

    let trap = world.host(2).pause(&At::unpack());
    let running = world.spawn_deploy("2.0.0");
    trap.wait();
    running.signal(rustix::process::Signal::INT);
    running.wait().exits(130);
    trap.was_reached();
    nothing_remains();
    then_succeeds(&world);
}

// --clean-deploy sets the old release aside as a whole; it comes back as a whole.
#[test]
fn a_clean_deploy_that_fails() {
    let world = world();
    let before = world.snapshot();
    world.host(2).behave("2.0.0 start_exits_7");
    let words =
        ["deploy", "release", "to", "production", "--version=2.0.0", "--start-deploy", "--clean-deploy"];
    world.edeliver(words).exits(1).says(&["host-2"]);
    world.assert_unchanged(&before);
    let trap = world.host(2).fail(&At::put_in_place(world.host(2), 2));
    world.edeliver(words).exits(1).says(&["host-2", "Input/output error"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    world.edeliver(words).succeeds();
    world.assert_runs("2.0.0");
}

// Nothing ran before: nothing runs after a failed deploy.
#[test]
fn a_stopped_node_stays_stopped() {
    let world = world();
    world.host(1).control("stop");
    world.host(2).control("stop");
    world.host(2).behave("2.0.0 start_exits_7");
    fails(&world, &["host-2"]);
    assert_eq!(world.host(1).node(), None);
    assert_eq!(world.host(2).node(), None);
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The switch has made the place for what it replaces, and comes to no journal.
#[test]
fn a_switch_without_a_journal() {
    let world = world();
    let host = world.host(2);
    let refuse = "case $* in *journal.new*) echo 'mv: Input/output error' >&2; exit 1 ;; esac";
    host.put_tool("mv", &format!("{refuse}\nexec /bin/mv \"$@\""));
    fails_before_the_stop(&world, &["host-2", "cannot write", "mv: Input/output error"]);
    fs::remove_file(host.tools().join("mv")).unwrap();
    then_succeeds(&world);
}
