//! The rest of the fault matrix: what a release, an archive or a person can do to a deploy, and a way
//! back that fails itself.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::world::{At, Entry, Fault, Release, World};
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err as fs;
use rustix::process::Signal;

const CLEAN: [&str; 6] = ["deploy", "release", "to", "production", "--start-deploy", "--clean-deploy"];

/// Three hosts on which 1.0.0 runs. 2.0.0, with another cookie, is in the store.
fn world() -> World {
    World::new().hosts(3).release("1.0.0").release("2.0.0").running("1.0.0").config("STABLE_FOR=0.2")
}

/// Now that the fault is gone, a deploy succeeds.
#[track_caller]
fn then_succeeds(world: &World) {
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A release one of whose applications is not started on one host.
#[test]
fn an_application_that_does_not_start() {
    let world = world().config("START_TIMEOUT=4");
    let before = world.snapshot();
    world.host(2).behave("2.0.0 application_missing");
    world.deploy("2.0.0").exits(1).says(&["host-2", "not all applications are started: dep"]);
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// A start script that hangs is ended, and so is what it may have started.
#[test]
fn a_start_that_hangs() {
    let world = world().config("START_TIMEOUT=4");
    let before = world.snapshot();
    world.host(2).behave("2.0.0 slow_launch 60");
    world.deploy("2.0.0").exits(1).says(&["host-2", "bin/stand_in start ended with exit status 124"]);
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    then_succeeds(&world);
}

// The version that runs is deployed again, and does not come up: it runs again as before.
#[test]
fn the_same_version_again() {
    let world = world();
    then_succeeds(&world);
    let before = world.snapshot();
    let trap = world.host(2).trap(&At::call("timeout", "*'bin/stand_in start'", 1), "exit 7");
    world.deploy("2.0.0").exits(1).says(&["host-2", "exit status 7"]);
    trap.was_reached();
    world.assert_unchanged(&before);
    then_succeeds(&world);
}

// The new release has another node name and another cookie: the old node is stopped all the same, and
// runs again with its own when the new one does not.
#[test]
fn another_node_name() {
    let world = world();
    world.store(Release::of("2.0.0").node("renamed"));
    let before = world.snapshot();
    world.host(2).behave("2.0.0 never_answers");
    world.deploy("2.0.0").exits(1).says(&["host-2"]);
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    then_succeeds(&world);
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("1.0.0");
}

// A terminal that is closed ends the deploy as `kill` does.
#[test]
fn a_terminal_that_is_closed() {
    let world = world().config("LEASE=30");
    for (phase, call) in [("session", 48), ("switch", 18), ("stop", 6), ("start", 6), ("start", 20)] {
        let before = world.snapshot();
        let steps = world.host(2).at_step(phase, call, Fault::Pause);
        let mut client = world.spawn_deploy("2.0.0");
        assert!(steps.wait(&mut client), "{phase} {call}");
        client.signal(Signal::HUP);
        steps.release();
        client.wait().exits(143).says(&["interrupted"]);
        drop(steps);
        world.assert_unchanged(&before);
    }
    then_succeeds(&world);
}

// The way back fails, too: status 3, the host and its state are named, and `recover` finishes it.
#[test]
fn a_way_back_that_fails() {
    let world = world().config("LEASE=30");
    let before = world.snapshot();
    world.host(1).behave("2.0.0 start_exits_7");
    let back = At::call("mv", &format!("*/undo/*' {}/'*", world.host(2).root()), 2);
    let trap = world.host(2).fail(&back);
    let output = world.deploy("2.0.0").exits(3).says(&[
        "not all hosts could be put back as they were",
        "host-2: rolling back: cannot put the old files back",
        "Input/output error",
        "host-1: starting and verifying the new release",
        "'edeliver recover production' undoes what is unfinished there",
    ]);
    assert!(!output.stdout.contains("All hosts are back"), "{}", output.shown());
    trap.was_reached();
    world.edeliver(["status", "production"]).succeeds().says(&["2.0.0"]);
    for number in [1, 3] {
        world.host(number).assert_unchanged(&before[number - 1]);
    }
    world.edeliver(["recover", "production"]).succeeds().says(&["host-2: undid the unfinished deploy"]);
    world.assert_unchanged(&before);
    // The old release does not start any more: its files are back, and that is said.
    world.host(2).behave("* start_exits_7");
    world
        .deploy("2.0.0")
        .exits(3)
        .says(&["host-2", "the files are back, but the old release does not start"]);
    world.host(2).behave_as_made();
    world.host(1).behave_as_made();
    world.edeliver(["recover", "production"]).succeeds();
    world.assert_unchanged(&before);
    then_succeeds(&world);
}

// Whatever happens to the release, what the application writes meanwhile is there: no line is lost.
#[test]
fn an_application_that_writes_all_the_time() {
    let world = world().config("START_TIMEOUT=4");
    let file = world.host(2).root().join("var/counter");
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut count = 0_u32;
            while !stop.load(Ordering::SeqCst) {
                let mut counter = std::fs::OpenOptions::new().create(true).append(true).open(&file).unwrap();
                writeln!(counter, "{count}").unwrap();
                count += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            count
        });
        // However this ends, the writer ends too.
        let _stop = StopAtEnd(&stop);
        let clean: Vec<&str> = CLEAN.into_iter().chain(["--version=2.0.0"]).collect();
        world.host(2).behave("2.0.0 start_exits_7");
        world.deploy("2.0.0").exits(1).says(&["host-2"]);
        world.edeliver(&clean).exits(1).says(&["host-2"]);
        world.host(2).behave("2.0.0 never_answers");
        world.deploy("2.0.0").exits(1).says(&["host-2"]);
        world.host(2).behave_as_made();
        world.edeliver(&clean).succeeds();
        world.edeliver(["rollback", "production"]).succeeds();
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    let there = fs::read_to_string(&file).unwrap();
    let wanted: String = (0..written).map(|count| format!("{count}\n")).collect();
    assert!(there == wanted, "of {written} lines {} are there", there.lines().count());
}

/// Raises the flag when it goes out of scope, by a failed assertion too.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A small archive of 10 GB of zeros.
fn bomb() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("lib/zeros").unwrap();
    header.set_mode(0o644);
    header.set_size(10_000_000_000);
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(header.as_bytes()).unwrap();
    gzip.flush().unwrap();
    let begin = gzip.get_ref().len();
    let block = vec![0; 16 << 20];
    gzip.write_all(&block).unwrap();
    gzip.flush().unwrap();
    let first = gzip.get_ref().len();
    gzip.write_all(&block).unwrap();
    gzip.flush().unwrap();
    // Each later block refers to what is before it, which is zeros as well.
    let all = gzip.get_ref();
    let (start, later) = (&all[..first], &all[first..]);
    assert!(begin < first && later.len() < 100_000);
    [start, &later.repeat(600)].concat()
}

// Archives that nobody should make: refused before any host is asked, with --clean-deploy, too.
#[test]
fn hostile_archives() {
    let world = world();
    let archive = world.archive("2.0.0");
    let good = fs::read(&archive).unwrap();
    let place = "lib/odd-1.0.0/x";
    let made = |entries: &[(&str, Entry)]| {
        let release = entries
            .iter()
            .fold(Release::of("2.0.0"), |release, (name, entry)| release.entry(name, 0o644, *entry));
        fs::read(release.archive()).unwrap()
    };
    let cases = [
        ("10 GB of zeros", bomb()),
        ("a device node", made(&[(place, Entry::Device)])),
        ("a link out", made(&[(place, Entry::Symlink("../../../../outside"))])),
        ("an absolute link", made(&[(place, Entry::Symlink("/etc"))])),
        (
            "a link out and a file through it",
            made(&[
                (place, Entry::Symlink("../../../../outside")),
                ("lib/odd-1.0.0/x/y", Entry::File("through it")),
            ]),
        ),
        (
            "a file through a link inside",
            made(&[
                (place, Entry::Symlink("../dep-1.0.0")),
                ("lib/odd-1.0.0/x/y", Entry::File("through it")),
            ]),
        ),
        ("a hard link out", made(&[(place, Entry::Hardlink("../../etc/passwd"))])),
        ("a hard link to nothing", made(&[(place, Entry::Hardlink("lib/nothing"))])),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("not gzip", b"<html>404 Not Found</html>\n".to_vec()),
        ("empty", Vec::new()),
    ];
    let before = world.snapshot();
    let logins = |world: &World| world.all().iter().map(|host| host.logins()).sum::<usize>();
    let logins_before = logins(&world);
    for (name, bytes) in cases {
        println!("{name}: {} bytes", bytes.len());
        fs::write(&archive, bytes).unwrap();
        let begin = Instant::now();
        let clean: Vec<&str> = CLEAN.into_iter().chain(["--version=2.0.0"]).collect();
        for words in [&clean[..], &clean[..5]] {
            let words = words.iter().copied().chain(["--version=2.0.0"]);
            let output = world.edeliver(words).exits(1).says(&["stand_in_2.0.0.release.tar.gz"]);
            println!("  {}", output.stderr);
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{name}: it took {:?}", begin.elapsed());
        for (host, before) in world.all().iter().zip(&before) {
            host.assert_untouched(before);
        }
    }
    assert_eq!(logins(&world), logins_before, "a host was asked");
    fs::write(&archive, good).unwrap();
    then_succeeds(&world);
}

// A clean deploy that fails in every way in which the files can fail to arrive or to get into place.
#[test]
fn a_clean_deploy_whose_files_do_not_arrive() {
    let world = world();
    let words: Vec<&str> = CLEAN.into_iter().chain(["--version=2.0.0"]).collect();
    let host = world.host(2);
    let damage = "echo >>\"$4/lib/stand_in-2.0.0/ebin/stand_in.beam\"";
    let aside = |call| At::call("mv", &format!("'-- {}/'*/undo/*", host.root()), call);
    let traps: [&dyn Fn() -> common::world::Trap; 6] = [
        &|| host.afterwards(&At::unpack(), damage),
        &|| host.trap(&At::unpack(), "head -c 300 >/dev/null; echo 'tar: full' >&2; exit 2"),
        &|| host.fail(&aside(1)),
        &|| host.fail(&aside(3)),
        &|| host.fail(&At::put_in_place(host, 1)),
        &|| host.fail(&At::put_in_place(host, 3)),
    ];
    for set in traps {
        let before = world.snapshot();
        let trap = set();
        world.edeliver(&words).exits(1).says(&["host-2"]);
        trap.was_reached();
        for (host, before) in world.all().iter().zip(&before) {
            host.assert_untouched(before);
        }
    }
    world.edeliver(&words).succeeds();
    world.assert_runs("2.0.0");
}

// Distillery boots by a copy of start_erl.data, and makes it anew only when that is younger: not so when it
// comes from an archive that was made before, nor when it comes back.
#[test]
fn a_release_that_boots_by_a_copy() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").release("3.0.0");
    fs::write(world.host(1).home().join(".stand-in-boots-by-copy"), "").unwrap();
    let deploy = |version: &str| {
        let version = format!("--version={version}");
        world.edeliver(["deploy", "release", "to", "production", "--start-deploy", &version])
    };
    let runs = |version: &str| {
        let answer = format!("response: {version}\n");
        world.edeliver(["version", "production"]).succeeds().says(&[answer.as_str()]);
    };
    deploy("1.0.0").succeeds();
    deploy("2.0.0").succeeds();
    runs("2.0.0");
    world.host(1).behave("3.0.0 start_exits_7");
    deploy("3.0.0").exits(1).says(&["All hosts are back as they were before."]);
    runs("2.0.0");
    world.edeliver(["rollback", "production"]).succeeds();
    runs("1.0.0");
}
