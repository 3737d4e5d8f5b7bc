//! Deploys behind a real load balancer, under load: nobody is turned away, not even when one of them
//! fails half way and all nodes go back.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::Utf8PathBuf;
use common::sshd::{free_port, user};
use common::world::{Host, World};
use fs_err as fs;

/// How many clients ask at the same time.
const CLIENTS: usize = 4;

/// `host-1` builds; the nodes run on the three others, which a file takes out of the balancing. A host
/// waits until the balancer has seen it.
fn world(ports: &[u16; 3], balancer: u16) -> World {
    let user = user();
    let until = |state: &str| {
        let seen = format!(
            "curl -fsS \"http://127.0.0.1:{balancer}/stats;csv\" | grep -q \"^nodes,node-$PORT,.*,{state}\""
        );
        format!("until {seen}; do sleep 0.1; done; sleep 0.5")
    };
    let world = World::example("hello_rebar3").hosts(4).config(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2 host-3 host-4\"\n\
         START_TIMEOUT=20\nSTABLE_FOR=0.2\nDEPLOY_BATCH=1\n\
         DRAIN_COMMAND='touch ~/drained; {}'\nUNDRAIN_COMMAND='rm -f ~/drained; {}'\n\
         HEALTH_CHECK='[ ! -e ~/sick ] && curl -fsS http://127.0.0.1:$PORT/'",
        until("DOWN"),
        until("UP")
    ));
    for (host, port) in world.all().iter().zip([&0].into_iter().chain(ports)) {
        host.has_erlang(&format!("PORT={port}"));
    }
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/balanced/hello_rebar3_web.erl");
    fs::copy(source, world.project().join("src/hello_rebar3_web.erl")).unwrap();
    let web = "#{id => web, start => {hello_rebar3_web, start_link, []}}, Greeter]";
    replace(&world, "src/hello_rebar3_sup.erl", "Greeter]", web);
    world.commit();
    world
}

fn targets(world: &World) -> &[Host] {
    &world.all()[1..]
}

/// Replaces a text in a file of the project, where it must be.
fn replace(world: &World, file: &str, from: &str, to: &str) {
    let file = world.project().join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

/// The load balancer, which ends with the test.
struct Balancer {
    process: Child,
    port: u16,
}

impl Balancer {
    fn start(world: &World, nodes: &[u16; 3], port: u16) -> Self {
        let servers: String =
            nodes.iter().map(|node| format!("  server node-{node} 127.0.0.1:{node}\n")).collect();
        // No request is tried a second time: a node that is gone while it is asked is a failure.
        let config = format!(
            "defaults\n  mode http\n  retries 0\n  timeout connect 2s\n  timeout client 10s\n  timeout server 10s\n  timeout check 5s\n\
             frontend all\n  bind 127.0.0.1:{port}\n  stats uri /stats\n  default_backend nodes\n\
             backend nodes\n  balance roundrobin\n  option httpchk GET /health\n\
               default-server check inter 200ms fall 3 rise 1\n{servers}"
        );
        let file: Utf8PathBuf = world.home().join("haproxy.cfg");
        fs::write(&file, config).unwrap();
        let log = std::fs::File::create(world.home().join("haproxy.log")).unwrap();
        let process = Command::new("/usr/sbin/haproxy")
            .args(["-db", "-f", file.as_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, port }
    }

    /// Who answers a request: the version of a node.
    fn ask(&self) -> Result<String, String> {
        let told = |error: std::io::Error| error.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(told)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(told)?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(told)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(told)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, version)) if head.starts_with("HTTP/1.1 200") => Ok(version.to_owned()),
            _ => Err(answer.lines().next().unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Raises the flag when it goes out of scope, by a failed assertion too.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn nobody_is_turned_away() {
    let ports = [free_port(), free_port(), free_port()];
    let port = free_port();
    let world = world(&ports, port);
    let deploy = |version: &str| {
        let words = ["deploy", "release", "to", "production", "--start-deploy", "--plain"].map(str::to_owned);
        world.edeliver(words.into_iter().chain([format!("--version={version}")]))
    };
    let assert_runs = |version: &str| {
        for host in targets(&world) {
            assert_eq!(host.node().expect("a node runs").version, version, "{}", host.alias());
            assert!(!host.home().join("drained").exists(), "{}", host.alias());
            host.assert_no_leftovers();
        }
    };
    world.edeliver(["build", "release", "--plain"]).succeeds();
    replace(&world, "rebar.config", "0.1.0", "0.2.0");
    replace(&world, "src/hello_rebar3.app.src", "0.1.0", "0.2.0");
    world.commit();
    world.edeliver(["build", "release", "--plain"]).succeeds();
    deploy("0.1.0").succeeds();
    let balancer = Balancer::start(&world, &ports, port);
    targets(&world)[0].wait_until("balanced", |_| balancer.ask().is_ok());

    let (stop, answers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let answer = balancer.ask();
                    answers.lock().unwrap().push(answer);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        deploy("0.2.0").succeeds();
        assert_runs("0.2.0");
        deploy("0.1.0").succeeds();
        assert_runs("0.1.0");
        // The third one is ill with the new release, when the two others have it already.
        fs::write(targets(&world)[2].home().join("sick"), "").unwrap();
        deploy("0.2.0").exits(1).says(&["host-4", "HEALTH_CHECK did not succeed", "All hosts are back"]);
        assert_runs("0.1.0");
    });
    let answers = answers.into_inner().unwrap();
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), answers.len());
    for version in ["0.1.0", "0.2.0"] {
        assert!(answers.iter().any(|answer| answer.as_deref() == Ok(version)), "{version} never answered");
    }
    println!("{} requests, none failed", answers.len());
    world.edeliver(["stop", "production"]).succeeds();
}
