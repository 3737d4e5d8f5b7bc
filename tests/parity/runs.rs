//! Runs scenarios, several at a time, and takes down what is to be seen.

use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::bucket::Bucket;
use crate::common::bash;
use crate::common::sshd::user;
use crate::common::world::{Host, Node};
use crate::docker;
use crate::lane::{Lane, outer};
use crate::normal::Normal;
use crate::project::APP;
use crate::recording::{self, Seen};
use crate::scenario::{Part, Scenario};
use crate::tree::{self, Tree};

/// So many at a time: each has four hosts, and waits most of its time.
const LANES: usize = 3;
/// No command takes longer, also where the machine has much else to do.
const LIMIT: Duration = Duration::from_secs(300);

/// Records what the original does. Returns what went wrong.
pub fn record(scenarios: &[Scenario], original: &Utf8Path) -> Vec<String> {
    let program = original.join("bin/edeliver");
    assert!(program.exists(), "there is no {program}");
    let program = program.canonicalize_utf8().unwrap();
    each(scenarios, |lane, scenario| {
        recording::keep(scenario, &see(lane, scenario, Command::new(bash::program()).arg(&program)));
        Ok(())
    })
}

/// Holds what we do against the recordings. Returns what is not as it should be.
pub fn compare(scenarios: &[Scenario]) -> Vec<String> {
    each(scenarios, |lane, scenario| match &scenario.waits_for {
        Some(_) => Ok(()),
        None => {
            let seen = see(lane, scenario, &mut Command::new(env!("CARGO_BIN_EXE_edeliver")));
            recording::hold(scenario, &seen)
        }
    })
}

fn each(
    scenarios: &[Scenario],
    act: impl Fn(&mut Lane, &Scenario) -> Result<(), String> + Sync,
) -> Vec<String> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(scenarios.len()) {
            scope.spawn(|| {
                let mut lane = Lane::new();
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let acted = catch_unwind(AssertUnwindSafe(|| act(&mut lane, scenario)));
                    let acted = acted.unwrap_or_else(|_| {
                        // Whatever it has left behind.
                        lane = Lane::new();
                        Err("it could not be run, see above".to_owned())
                    });
                    if let Err(why) = acted {
                        let why = format!("--- {}: {}\n{why}\n", scenario.name, scenario.fact);
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    failed
}

/// Runs the scenario with this program.
fn see(lane: &mut Lane, scenario: &Scenario, program: &mut Command) -> Seen {
    lane.lay_out(scenario);
    let before = Before {
        project: tree::below(&lane.project()),
        hosts: lane.hosts.iter().map(|host| tree::below(&host.home())).collect(),
        engines: engines(lane, scenario),
        bucket: lane.bucket(scenario).map(Bucket::tree).unwrap_or_default(),
    };
    let normal = lane.normal();
    let (status, stdout, stderr) = run(lane, scenario, program);
    Seen {
        stderr: normal.text(&stderr),
        status,
        stdout: normal.output(&stdout, scenario.colours),
        calls: calls(lane, &normal),
        trees: if scenario.compares(Part::Trees) {
            trees(lane, scenario, &before, &normal)
        } else {
            String::new()
        },
    }
}

fn run(lane: &Lane, scenario: &Scenario, program: &mut Command) -> (String, String, String) {
    let home = lane.client.home();
    let file = |name: &str| home.join("tmp").join(name);
    fs::write(file("stdin"), &scenario.input).unwrap();
    let open = |name| std::fs::File::create(file(name)).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", lane.tools());
    let terminal = if scenario.colours { "xterm" } else { "dumb" };
    program
        .args(scenario.words())
        .current_dir(lane.project())
        .env_clear()
        .envs([("HOME", home.as_str()), ("LANG", "C.UTF-8"), ("TERM", terminal), ("USER", &user())])
        .envs([("LOG_FILE", home.join("edeliver.log").as_str()), ("TMPDIR", home.join("tmp").as_str())])
        .env("PATH", bash::path_before(&path))
        // Only we know these: the hosts of this test, and not to wait for long.
        .envs([("SSH_CONFIG", lane.client.config().as_str()), ("START_TIMEOUT", "8"), ("STABLE_FOR", "0.2")])
        .envs(lane.bucket(scenario).map(|bucket| ("AWS_ENDPOINT_URL_S3", bucket.endpoint())))
        .envs(&scenario.environment)
        .stdin(std::fs::File::open(file("stdin")).unwrap())
        .stdout(open("stdout"))
        .stderr(open("stderr"))
        .process_group(0);
    if scenario.input.is_empty() {
        program.stdin(Stdio::null());
    }
    let mut child = program.spawn().unwrap();
    let group = Pid::from_child(&child);
    let (begin, mut interrupt) = (Instant::now(), scenario.interrupt.as_deref());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if interrupt.is_some() && lane.hosts.iter().any(|host| outer(host).join("reached").exists()) {
            let signal = if interrupt.take() == Some("TERM") { Signal::TERM } else { Signal::INT };
            kill_process_group(group, signal).unwrap();
        }
        if begin.elapsed() > LIMIT {
            kill_process_group(group, Signal::KILL).unwrap();
            panic!("{} does not end:\n{}", scenario.name, fs::read_to_string(file("stdout")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |name| String::from_utf8_lossy(&fs::read(file(name)).unwrap()).into_owned();
    let status = status.code().map_or_else(|| status.to_string(), |code| code.to_string());
    (status, text("stdout"), text("stderr"))
}

/// What was called where.
fn calls(lane: &Lane, normal: &Normal) -> String {
    let here = ("here", lane.client.home().join("calls"), lane.client.home().to_string());
    let container = docker::container(lane.client.home());
    let in_container = ("container", container.join("calls"), "/no home".to_owned());
    let of_host = |host| {
        let host: &Host = host;
        (host.alias(), outer(host).join("calls"), host.home().to_string())
    };
    let mut text = String::new();
    for (name, file, home) in [here, in_container].into_iter().chain(lane.hosts.iter().map(of_host)) {
        // There is none where nothing was called.
        let calls = std::fs::read_to_string(file).unwrap_or_default();
        if !calls.is_empty() {
            let lines: String = calls.lines().map(|line| format!("  {line}\n")).collect();
            text.push_str(&format!("{name}:\n{}", normal.text(&lines.replace(&home, "~"))));
        }
    }
    text
}

/// What there was.
struct Before {
    project: Tree,
    hosts: Vec<Tree>,
    engines: Vec<(String, Tree)>,
    bucket: Tree,
}

/// What has changed where, and what runs.
fn trees(lane: &Lane, scenario: &Scenario, before: &Before, normal: &Normal) -> String {
    let shown = |id: &str| scenario.unmasked.iter().any(|each| each == id);
    let mut project = tree::below(&lane.project());
    if !shown("D14") {
        project.retain(|path, _| !path.ends_with(".tar.gz.manifest.json"));
    }
    if !shown("D46") {
        project.retain(|path, _| !path.contains(".edeliver/"));
    }
    let mut lines = tree::changes(&before.project, &project);
    if shown("D12") {
        let remotes = duct::cmd!("git", "-C", lane.project(), "remote", "-v").read().unwrap();
        lines.push_str(&remotes.lines().map(|line| format!("  remote {line}\n")).collect::<String>());
    }
    if scenario.unknown_hosts {
        let known = fs::read_to_string(lane.client.known_hosts()).unwrap();
        let hosts = lane.hosts.iter().filter(|host| known.contains(&host.public_key()));
        let hosts: Vec<&str> = hosts.map(Host::alias).collect();
        lines.push_str(&format!("  known hosts: {}\n", hosts.join(" ")));
    }
    let mut text = if lines.is_empty() { String::new() } else { format!("project:\n{lines}") };
    let mut last = String::new();
    for (host, before) in lane.hosts.iter().zip(&before.hosts) {
        let mut tree = tree::below(&host.home());
        if !shown("D14") {
            tree.retain(|path, _| !path.ends_with(".tar.gz.manifest.json"));
        }
        if !shown("D46") {
            tree.retain(|path, _| !path.contains(".edeliver/"));
        }
        let running = host.nodes().into_iter().map(|node| format!("  runs {}\n", version_of(host, &node)));
        let lines = tree::changes(before, &tree) + &running.collect::<String>();
        if lines.is_empty() {
            continue;
        }
        let same = lines == last && lines.lines().count() > 1;
        let shown = if same { "  the same\n" } else { &lines };
        text.push_str(&format!("{}:\n{shown}", host.alias()));
        last = lines;
    }
    text.push_str(&engines_and_bucket(lane, scenario, before));
    normal.text(&text)
}

/// What has changed in the engines and in the bucket, where there are any.
fn engines_and_bucket(lane: &Lane, scenario: &Scenario, before: &Before) -> String {
    let mut bucket = lane.bucket(scenario).map(Bucket::tree).unwrap_or_default();
    if !scenario.unmasked.iter().any(|id| id == "D14") {
        bucket.retain(|key, _| !key.starts_with(".manifests/"));
    }
    let engines = engines(lane, scenario);
    let engines = engines.iter().zip(&before.engines);
    let engines = engines.map(|((machine, after), (_, before))| (machine.as_str(), before, after));
    let all = engines.chain([("bucket", &before.bucket, &bucket)]);
    let changed = all.map(|(place, before, after)| (place, tree::changes(before, after)));
    let changed = changed.filter(|(_, lines)| !lines.is_empty());
    changed.map(|(place, lines)| format!("{place}:\n{lines}")).collect()
}

/// What the engines have, where there are any.
fn engines(lane: &Lane, scenario: &Scenario) -> Vec<(String, Tree)> {
    if scenario.docker.is_none() {
        return Vec::new();
    }
    let here = ("docker here".to_owned(), docker::tree(lane.client.home()));
    let on_hosts =
        lane.hosts.iter().map(|host| (format!("docker on {}", host.alias()), docker::tree(&outer(host))));
    std::iter::once(here).chain(on_hosts).collect()
}

/// What a node runs, which need not be what it has booted.
fn version_of(host: &Host, node: &Node) -> String {
    let registered = std::fs::read_to_string(host.home().join(".stand-in").join(APP)).unwrap_or_default();
    let mut lines = registered.lines();
    let is_it = lines.next() == Some(&*node.pid.to_string());
    lines.next().filter(|_| is_it).map_or_else(|| node.version.clone(), str::to_owned)
}
