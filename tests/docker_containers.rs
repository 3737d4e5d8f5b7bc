//! Containers in the transaction: started, verified, and put back on all hosts. No docker engine runs here: a
//! stand-in for its CLI (`stand_in/docker.sh`) has the processes of the containers on this machine.

mod common;

use camino::Utf8PathBuf;
use common::docker::Docker;
use common::world::{APP, Host, Outcome, Release, Running, World};
use fs_err as fs;
use rustix::process::Signal;

/// Two hosts, each with a docker of its own, and the images of 1.0.0 and 2.0.0, which they can pull.
fn on_hosts() -> Docker {
    with_docker(World::new().hosts(2))
}

fn with_docker(world: World) -> Docker {
    let docker = Docker::of(world, "RELEASE_STORE=docker://acme/app\n");
    fs::create_dir_all(docker.state.join("pushed")).unwrap();
    for version in ["1.0.0", "2.0.0"] {
        push(&docker, &Release::of(version));
    }
    for host in docker.world.all() {
        let state = docker_of(host);
        fs::create_dir_all(state.join("home")).unwrap();
        fs::copy(docker.state.join("docker"), state.join("docker")).unwrap();
        std::os::unix::fs::symlink(docker.state.join("pushed"), state.join("pushed")).unwrap();
        install(host);
    }
    docker
}

/// The same with containers of 1.0.0.
fn running() -> Docker {
    let docker = on_hosts();
    docker.start("1.0.0-latest").succeeds();
    docker.world.assert_runs("1.0.0");
    docker
}

/// The image `acme/app:VERSION-latest` of this release is in the registry.
fn push(docker: &Docker, release: &Release) {
    let image = docker.state.join(format!("pushed/acme_app_{}-latest", release.version()));
    let root = image.join("rootfs").join(APP);
    fs::create_dir_all(&root).unwrap();
    duct::cmd!("tar", "-xzf", release.archive().as_str(), "-C", root.as_str()).run().unwrap();
    fs::write(image.join("id"), format!("sha256:{}\n", release.version())).unwrap();
    fs::write(image.join("changes"), "LABEL edeliver.release.command=distillery\n").unwrap();
}

fn docker_of(host: &Host) -> Utf8PathBuf {
    host.home().join("docker")
}

/// Its users find docker.
fn install(host: &Host) {
    host.put_tool("docker", &format!("exec {}/docker \"$@\"", docker_of(host)));
}

/// How releases in containers behave that are started from now on.
fn behave(host: &Host, lines: &str) {
    fs::write(docker_of(host).join("home/.stand-in-behaviour"), format!("{lines}\n")).unwrap();
}

fn container(host: &Host) -> Utf8PathBuf {
    docker_of(host).join("containers").join(APP)
}

impl Docker {
    fn words(tag: &str) -> [String; 7] {
        let version = format!("--version={tag}");
        ["deploy", "release", "to", "production", "--plain", "--start-deploy", &version].map(str::to_owned)
    }

    fn start(&self, tag: &str) -> Outcome {
        self.world.edeliver(Self::words(tag))
    }

    fn spawn_start(&self, tag: &str) -> Running {
        self.world.spawn(Self::words(tag))
    }

    fn node(&self, words: &[&str]) -> Outcome {
        self.world.edeliver([words, &["production", "--plain"]].concat())
    }
}

#[test]
fn containers_are_started_and_verified_with_a_stand_in_for_docker() {
    let docker = running();
    let first = docker.world.snapshot();
    let output = docker.start("2.0.0-latest").succeeds();
    assert!(output.stdout.contains("-----> Starting deployed release"), "{}", output.shown());
    docker.world.assert_runs("2.0.0");
    for host in docker.world.all() {
        assert_eq!(fs::read_to_string(container(host).join("image")).unwrap(), "acme/app:2.0.0-latest\n");
    }
    docker.node(&["version"]).succeeds().says(&["2.0.0-latest (release 2.0.0)"]);
    docker.node(&["status"]).succeeds().says(&["2.0.0-latest"]);
    // And back, with the containers.
    docker.node(&["rollback"]).succeeds();
    docker.world.assert_runs("1.0.0");
    for (host, before) in docker.world.all().iter().zip(&first) {
        let script = format!("/bin/{APP}");
        assert_eq!(host.snapshot().entries[&script], before.entries[&script]);
    }
}

#[test]
fn a_container_that_exits_at_once_brings_all_hosts_back_with_a_stand_in_for_docker() {
    let docker = running();
    let before = docker.world.snapshot();
    behave(docker.world.host(2), "2.0.0 start_exits_7");
    let output = docker.start("2.0.0-latest").exits(1);
    for said in
        ["host-2", "the container stand_in has ended with exit status 7", "cannot start: init terminating"]
    {
        assert!(output.shown().contains(said), "{said}: {}", output.shown());
    }
    docker.world.assert_unchanged(&before);
    for host in docker.world.all() {
        assert_eq!(fs::read_to_string(container(host).join("image")).unwrap(), "acme/app:1.0.0-latest\n");
    }
    // Where nothing was before, nothing is left.
    let docker = on_hosts();
    behave(docker.world.host(1), "* start_exits_7");
    docker.start("1.0.0-latest").exits(1);
    for host in docker.world.all() {
        assert!(!host.root().exists());
        assert!(!container(host).exists());
    }
}

#[test]
fn a_container_that_does_not_stay_brings_all_hosts_back_with_a_stand_in_for_docker() {
    let mut docker = running();
    docker.world = docker.world.config("STABLE_FOR=3\nSTART_TIMEOUT=10\nHEALTH_CHECK=\"test ! -e ~/ill\"");
    let before = docker.world.snapshot();
    for (behaviour, said) in [
        ("dies_after_start", "the container stand_in has ended with exit status 1"),
        ("never_answers", "does not answer"),
    ] {
        behave(docker.world.host(1), &format!("2.0.0 {behaviour}"));
        let output = docker.start("2.0.0-latest").exits(1);
        assert!(output.stderr.contains(said), "{}", output.shown());
        docker.world.assert_unchanged(&before);
    }
    behave(docker.world.host(1), "* normal");
    fs::write(docker.world.host(2).home().join("ill"), "").unwrap();
    let output = docker.start("2.0.0-latest").exits(1);
    assert!(output.stderr.contains("HEALTH_CHECK did not succeed within 10 s"), "{}", output.shown());
    docker.world.assert_unchanged(&before);
}

#[test]
fn a_container_that_docker_starts_again_and_again_with_a_stand_in_for_docker() {
    let mut docker = running();
    docker.world = docker.world.config("STABLE_FOR=3\nSTART_TIMEOUT=10");
    let before = docker.world.snapshot();
    fs::write(docker_of(docker.world.host(1)).join("restart"), "").unwrap();
    behave(docker.world.host(1), "2.0.0 dies_after_start");
    let output = docker.start("2.0.0-latest").exits(1);
    assert!(output.stderr.contains("docker started it again"), "{}", output.shown());
    docker.world.assert_unchanged(&before);
}

#[test]
fn a_host_without_docker_changes_no_host_with_a_stand_in_for_docker() {
    let docker = running();
    let before = docker.world.snapshot();
    docker.world.host(2).lacks(&["docker"]);
    fs::remove_file(docker.world.host(2).tools().join("docker")).unwrap();
    let output = docker.start("2.0.0-latest").exits(1);
    assert!(output.stderr.contains("host-2") && output.stderr.contains("docker"), "{}", output.shown());
    assert!(output.stderr.contains("Nothing was changed on the hosts"), "{}", output.shown());
    let output = docker.node(&["ping"]).exits(1);
    assert!(output.shown().contains("cannot tell whether the node runs"), "{}", output.shown());
    install(docker.world.host(2));
    for (host, before) in docker.world.all().iter().zip(&before) {
        host.assert_untouched(before);
    }
}

/// A deploy that has started containers on all hosts, and waits for their answers.
fn waiting_for_new_containers(docker: &Docker) -> Running {
    for host in docker.world.all() {
        behave(host, "2.0.0 never_answers");
    }
    let running = docker.spawn_start("2.0.0-latest");
    for host in docker.world.all() {
        wait_for_image(host, "acme/app:2.0.0-latest\n");
    }
    running
}

#[test]
fn ctrl_c_brings_the_containers_back_with_a_stand_in_for_docker() {
    let docker = running();
    let before = docker.world.snapshot();
    let running = waiting_for_new_containers(&docker);
    running.signal(Signal::INT);
    running.wait().exits(130).says(&["interrupted"]);
    docker.world.assert_unchanged(&before);
}

#[test]
fn hosts_bring_the_containers_back_on_their_own_with_a_stand_in_for_docker() {
    let mut docker = running();
    docker.world = docker.world.config("LEASE=2");
    let before = docker.world.snapshot();
    let running = waiting_for_new_containers(&docker);
    running.signal(Signal::KILL);
    running.wait().was_killed();
    for host in docker.world.all() {
        host.wait_until_gone(&host.state().join("guard"));
    }
    docker.world.assert_unchanged(&before);
}

#[track_caller]
fn wait_for_image(host: &Host, image: &str) {
    let begin = std::time::Instant::now();
    while std::fs::read_to_string(container(host).join("image")).unwrap_or_default() != image {
        assert!(begin.elapsed().as_secs() < 60, "{}: no container of {image}", host.alias());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_container_of_somebody_else_is_left_alone_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    let host = docker.world.host(2);
    host.run("docker pull acme/app:1.0.0-latest");
    let started = host.run(&format!(
        "docker run --detach --name {APP} --workdir /{APP} acme/app:1.0.0-latest bin/{APP} start"
    ));
    assert!(started.0, "{started:?}");
    let node = loop {
        // The process may not be the node yet.
        if let Some(node) = host.node() {
            break node;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let output = docker.start("2.0.0-latest").exits(1);
    let said = "a container named stand_in runs already, which was not started from";
    assert!(output.stderr.contains(said), "{}", output.shown());
    assert_eq!(host.node(), Some(node), "it runs on");
    assert!(!docker.world.host(1).root().exists());
}

#[test]
fn a_container_that_docker_starts_again_can_be_replaced_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    for host in docker.world.all() {
        fs::write(docker_of(host).join("restart"), "").unwrap();
    }
    docker.start("1.0.0-latest").succeeds();
    docker.start("2.0.0-latest").succeeds();
    docker.world.assert_runs("2.0.0");
    docker.node(&["stop"]).succeeds();
    assert!(docker.world.all().iter().all(|host| host.node().is_none()));
}

#[test]
fn a_node_makes_way_for_a_container_and_comes_back_with_a_stand_in_for_docker() {
    let docker = with_docker(World::new().hosts(2).release("1.0.0").running("1.0.0"));
    let before = docker.world.snapshot();
    behave(docker.world.host(1), "2.0.0 start_exits_7");
    docker.start("2.0.0-latest").exits(1);
    docker.world.assert_unchanged(&before);
    behave(docker.world.host(1), "* normal");
    docker.start("2.0.0-latest").succeeds();
    docker.world.assert_runs("2.0.0");
    docker.node(&["rollback"]).succeeds();
    docker.world.assert_runs("1.0.0");
}

#[test]
fn node_commands_know_how_the_container_is_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    docker.world.edeliver(["deploy", "release", "to", "production", "--version=1.0.0-latest"]).succeeds();
    let says = |words: &[&str], code: i32, said: &str| {
        let output = docker.node(words).exits(code);
        assert!(output.shown().contains(said), "{words:?}: {}", output.shown());
    };
    says(&["ping"], 1, "not running: there is no container stand_in");
    says(&["stop"], 1, "not running: there is no container stand_in");
    says(&["start"], 0, "ok");
    docker.world.assert_runs("1.0.0");
    says(&["start"], 1, "already running");
    says(&["ping"], 0, "pong");
    says(&["version"], 0, "1.0.0-latest (release 1.0.0)");
    says(&["logs"], 0, "");
    let pid = docker.world.host(1).node().unwrap().pid;
    says(&["restart"], 0, "ok");
    assert_ne!(docker.world.host(1).node().unwrap().pid, pid);
    says(&["stop"], 0, "ok");
    says(&["version"], 1, "not running: the container stand_in has ended with exit status 0");
    says(&["start"], 0, "ok");
    behave(docker.world.host(1), "* never_answers");
    docker.world.host(1).signal_node(Signal::KILL);
    says(&["migrate", "up"], 1, "an image is deployed");
}

#[test]
fn a_script_of_the_image_is_used_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    let own = "#!/bin/sh\ncase $1 in\nstart) docker rm stand_in 2>/dev/null\n  exec docker run --detach --name stand_in \
               --workdir /stand_in {{edeliver-docker-image}}:{{edeliver-version}} bin/stand_in console ;;\n\
               *) exec docker exec --workdir /stand_in stand_in bin/stand_in \"$@\" ;;\nesac\n";
    for version in ["1.0.0", "2.0.0"] {
        let bin = docker.state.join(format!("pushed/acme_app_{version}-latest/rootfs/{APP}/bin"));
        fs::write(bin.join("start_container"), own).unwrap();
    }
    docker.start("1.0.0-latest").succeeds();
    // As edeliver for bash has left it: nothing says which version there is, beside the script.
    for host in docker.world.all() {
        fs::remove_dir_all(host.root().join("releases")).unwrap();
        fs::remove_dir_all(host.deliver_to().join(".edeliver")).unwrap();
    }
    let before = docker.world.snapshot();
    behave(docker.world.host(2), "2.0.0 start_exits_7");
    docker.start("2.0.0-latest").exits(1);
    docker.world.assert_unchanged(&before);
    behave(docker.world.host(2), "* normal");
    docker.start("2.0.0-latest").succeeds();
    docker.world.assert_runs("2.0.0");
    // Where the release in the container cannot be found, the script is asked.
    fs::write(docker_of(docker.world.host(1)).join("fail"), "exec --workdir /stand_in stand_in cat").unwrap();
    docker.node(&["restart"]).succeeds();
    docker.node(&["version"]).succeeds().says(&["2.0.0-latest"]);
}
