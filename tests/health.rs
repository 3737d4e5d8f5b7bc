//! HEALTH_CHECK through the real binary: what the user's own measure says of a node decides.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::world::World;
use fs_err as fs;

/// Two hosts on which 1.0.0 runs, and this check.
fn world(check: &str) -> World {
    let check = format!("HEALTH_CHECK='{check}'");
    World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0").config(&check)
}

/// Answers every request with 503, from the n-th on with 200. Counts them.
fn serve(healthy_from: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://127.0.0.1:{}/health?token=a%20\"b", listener.local_addr().unwrap().port());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            // Whoever has hung up before is of no interest.
            let _ = stream.read(&mut request);
            let status = if counted.fetch_add(1, Ordering::SeqCst) + 1 >= healthy_from {
                "200 OK"
            } else {
                "503 Busy"
            };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, count)
}

// A command is run in DELIVER_TO/APP, with the profile's variables, until it succeeds.
#[test]
fn a_command_is_tried_until_it_succeeds() {
    let world = world(
        r#"echo "$GREETING; $(pwd)" >>"$HOME/tries"; grep -q "2.0.0 started" log/stand_in.log && [ "$(wc -l <"$HOME/tries")" -ge 3 ]"#,
    );
    for host in world.all() {
        fs::write(host.home().join(".profile"), "export GREETING=\"it's me\"\n").unwrap();
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    let tries = fs::read_to_string(world.host(1).home().join("tries")).unwrap();
    let expected = format!("it's me; {}", world.host(1).root());
    assert!(tries.lines().count() == 3 && tries.lines().all(|line| line == expected), "{tries}");
}

// One that fails without a word: the error has no empty lines in place of its output.
#[test]
fn a_command_that_says_nothing() {
    let world = world("false").config("START_TIMEOUT=2");
    let failed = world.deploy("2.0.0").exits(1).says(&["HEALTH_CHECK did not succeed within 2 s: false"]);
    let empty = |line: &str| line.starts_with(' ') && line.trim().is_empty();
    assert!(!failed.shown().lines().any(empty), "{}", failed.shown());
}

// It fails on one host: its output is shown, and every host is as it was.
#[test]
fn a_command_that_fails() {
    let world = world(r#"[ ! -e "$HOME/sick" ] || { echo "the database is down"; exit 3; }"#);
    let world = world.config("START_TIMEOUT=4");
    let before = world.snapshot();
    fs::write(world.host(2).home().join("sick"), "").unwrap();
    let words = ["host-2", "HEALTH_CHECK did not succeed within 4 s", "the database is down"];
    world.deploy("2.0.0").exits(1).says(&words).says(&["All hosts are back as they were"]);
    world.assert_unchanged(&before);
    fs::remove_file(world.host(2).home().join("sick")).unwrap();
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A URL is fetched from the host until it answers well.
#[test]
fn a_url() {
    let (url, count) = serve(5);
    let world = world(&url);
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    assert!(count.load(Ordering::SeqCst) >= 5, "{count:?}");
}

// One that never does fails the deploy, and a rollback as well.
#[test]
fn a_url_that_never_answers_well() {
    let (url, count) = serve(usize::MAX);
    let world = world(&url).config("START_TIMEOUT=4");
    let before = world.snapshot();
    world.deploy("2.0.0").exits(1).says(&["HEALTH_CHECK did not succeed", "503"]);
    world.assert_unchanged(&before);
    assert!(count.load(Ordering::SeqCst) >= 4, "{count:?}");
}

// Nothing to fetch a URL with, and more that is missing: all of it is told before anything is touched.
#[test]
fn a_host_without_tools() {
    let world = world("https://example.org/health");
    let before = world.snapshot();
    world.host(2).lacks(&["curl", "wget", "sha256sum"]);
    let problems = ["it has neither 'curl' nor 'wget', which HEALTH_CHECK needs", "it has no 'sha256sum'"];
    world.deploy("2.0.0").exits(1).says(&["host-2"]).says(&problems);
    for (host, before) in world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}
