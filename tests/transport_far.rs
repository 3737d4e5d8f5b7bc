//! The transport to a host that is far away.

mod common;

use std::time::Duration;

use common::proxy::Proxy;
use common::session::{connect, ended};
use common::sshd::{Client, Sshd};
use edeliver::transport::{RemoteCommand, Stdin};

/// How often the host has said so.
fn count(host: &Sshd, words: &str) -> usize {
    host.log().lines().filter(|line| line.contains(words)).count()
}

// A channel and a shell in it take a round trip each, and a short command one: shells wait ahead of the commands,
// and more of them are started while those run.
#[test]
fn a_command_finds_a_shell_that_waits() {
    let client = Client::new();
    let host = Sshd::start(&client, "direct");
    let wire = Proxy::long(host.port(), Duration::from_millis(25));
    client.add_alias("far", wire.port(), "");
    client.trust(wire.port(), &host);
    let (mut session, _) = connect(&client, "far").unwrap();
    duct::cmd!("mkfifo", host.home().join("go").as_str()).run().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| session.output(&RemoteCommand::script("cat ~/go"), Stdin::Empty).unwrap());
        host.wait_until("three shells wait", |host| count(host, "Starting session") == 4);
        std::fs::write(host.home().join("go"), "").unwrap();
    });
    for _ in 0..8 {
        assert_eq!(session.output(&RemoteCommand::new("true"), Stdin::Empty).unwrap(), ended(0, ""));
    }
    let log = host.log();
    let moments = |words| log.lines().enumerate().filter(move |(_, line)| line.contains(words));
    let begun: Vec<usize> = moments("Starting session").map(|(moment, _)| moment).collect();
    let closed: Vec<usize> = moments("Close session").map(|(moment, _)| moment).collect();
    // While one command runs, the shell of the next one waits, and that of the one after it is started.
    for (command, (begun, closed)) in begun.iter().skip(2).zip(&closed).enumerate() {
        assert!(begun < closed, "too late for the second one after command {command}:\n{log}");
    }
    assert!(closed.len() >= 8, "{log}");
}
