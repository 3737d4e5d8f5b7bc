//! `remote_console` on a real terminal, and `logs`.

mod common;

use common::world::World;
use fs_err as fs;
use rustix::process::Signal;

fn running(hosts: usize) -> World {
    World::new().hosts(hosts).release("1.0.0").running("1.0.0")
}

#[test]
fn the_console_of_a_node() {
    let world = running(2);
    let words = ["remote_console", "production", "--host=host-2", "--plain"];
    let mut terminal = world.on_terminal((31, 97), words);
    terminal.is_a_console(31, 97);

    let mut terminal = world.on_terminal((24, 80), words);
    terminal.wait_for("console of stand_in");
    terminal.press("break\r");
    assert_eq!(terminal.ends(), Some(1), "{}", terminal.shown());
    assert!(terminal.shown().contains("host-2: the console ended with"), "{}", terminal.shown());
    let left = fs::read_dir(world.host(2).home().parent().unwrap().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "the script that opened it is gone");
}

// Which node is meant must be clear, and the node must answer.
#[test]
fn no_console() {
    let world = running(2);
    world
        .edeliver(["remote_console", "production"])
        .exits(2)
        .says(&["production has 2 nodes:", "--host=HOST chooses the one whose console is opened"]);
    world.host(1).signal_node(Signal::STOP);
    world.edeliver(["remote_console", "production", "--host=host-1"]).exits(1).says(&["not responding"]);
    world.host(1).signal_node(Signal::CONT);
    world.host(1).control("stop");
    world.edeliver(["remote_console", "production", "--host=host-1"]).exits(1).says(&["not running"]);
}

// On this machine the console has the terminal directly.
#[test]
fn the_console_of_a_node_on_this_machine() {
    let world = World::new().release("1.0.0");
    let mut world = world;
    world.reconfigure("TEST_LOCALLY_AT=\"~/local\"");
    world.edeliver(["deploy", "release", "to", "local", "--start-deploy"]).succeeds();
    let mut terminal = world.on_terminal((20, 70), ["remote_console", "local", "--plain"]);
    terminal.wait_for("console of stand_in, terminal xterm 20 70");
    terminal.press("\x03");
    terminal.wait_for("it was interrupted");
    terminal.press("leave\r");
    assert_eq!(terminal.ends(), Some(0), "{}", terminal.shown());
    world.edeliver(["stop", "local"]).succeeds();
}

// The newest lines of every node, behind its host; then what comes.
#[test]
fn logs_of_all_nodes() {
    let mut world = running(2);
    for host in world.all() {
        host.control("stop");
        let name = host.alias();
        fs::write(host.root().join("log/stand_in.log"), format!("one\ntwo of {name}\nthree of {name}\n"))
            .unwrap();
    }
    let output = world.edeliver(["logs", "production", "--lines=2"]).succeeds();
    let mut lines: Vec<&str> = output.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "host-1 | three of host-1",
            "host-1 | two of host-1",
            "host-2 | three of host-2",
            "host-2 | two of host-2"
        ]
    );

    let following = world.spawn(["logs", "production", "-f", "--lines=1"]);
    let waits = |text: &str| {
        let begin = std::time::Instant::now();
        while !following.printed().contains(text) {
            assert!(begin.elapsed().as_secs() < 20, "{text}: {}", following.printed());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    waits("host-1 | three of host-1");
    waits("host-2 | three of host-2");
    // A log that is replaced is followed on.
    let log = world.host(2).root().join("log/stand_in.log");
    fs::write(log.with_extension("new"), "of another file\n").unwrap();
    fs::rename(log.with_extension("new"), &log).unwrap();
    waits("host-2 | of another file");
    following.signal(Signal::INT);
    let output = following.wait().exits(130);
    assert!(!output.stdout.contains("two of"), "{}", output.shown());

    // One host is down: the others are shown, and the status says that it failed.
    world.host_mut(2).stop();
    world.edeliver(["logs", "production", "--lines=1"]).exits(1).says(&[
        "host-1 | three of host-1\n",
        "cannot connect to [user]@host-2",
        "no logs from 1 of 2 nodes: [user]@host-2",
    ]);
}

// Where nothing is written, it is said where it was looked; NODE_LOGS names other places.
#[test]
fn logs_that_are_elsewhere() {
    let mut world = running(1);
    world.host(1).control("stop");
    let root = world.host(1).root();
    fs::remove_dir_all(root.join("log")).unwrap();
    world.edeliver(["logs", "production"]).exits(1).says(&[
        "there are no logs in [home of host-1]/app/stand_in (tmp/log/erlang.log.*",
        "NODE_LOGS names other files",
    ]);
    fs::write(world.host(1).home().join("elsewhere.log"), "from elsewhere").unwrap();
    world.reconfigure("NODE_LOGS='no.such.log ../../else*.log'");
    let output = world.edeliver(["logs", "production"]).succeeds();
    assert_eq!(output.stdout, "host-1 | from elsewhere\n");
    fs::remove_dir_all(&root).unwrap();
    world
        .edeliver(["logs", "production"])
        .exits(1)
        .says(&["not deployed: there is no [home of host-1]/app/stand_in"]);
}
