//! Builds in containers and release images. No docker engine runs here: a stand-in for its CLI
//! (`stand_in/docker.sh`) records the calls, runs the commands on this machine, and fails when it is told to.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use common::docker::Docker;
use common::world::{APP, Host, Outcome, World};
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

/// Two hosts, each with a docker of its own, which pulls what was pushed.
fn on_hosts() -> Docker {
    let docker = Docker::of(World::new().hosts(2), &format!("{MIX}{IMAGE}")).with_fake_mix();
    fs::create_dir_all(docker.state.join("pushed")).unwrap();
    for host in docker.world.all() {
        let state = host.home().join("docker");
        fs::create_dir(&state).unwrap();
        fs::copy(docker.state.join("docker"), state.join("docker")).unwrap();
        std::os::unix::fs::symlink(docker.state.join("pushed"), state.join("pushed")).unwrap();
        fs::write(host.home().join(".profile"), format!("PATH={state}:$PATH\n")).unwrap();
    }
    docker
}

impl Docker {
    fn deploy(&self, tag: &str, options: &[&str]) -> Outcome {
        let version = format!("--version={tag}");
        self.edeliver(&[&["deploy", "release", "to", "production", "--plain", &version], options].concat())
    }

    /// The script that is on each host, where it can be run.
    fn scripts(&self) -> Vec<Option<String>> {
        let script = |host: &Host| {
            let file = host.root().join(format!("bin/{APP}"));
            let mode = fs::metadata(&file).ok()?.permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{file}");
            fs::read_to_string(file).ok()
        };
        self.world.all().iter().map(script).collect()
    }
}

/// The calls of a host's docker.
fn calls_on(host: &Host) -> String {
    fs::read_to_string(host.home().join("docker/calls")).unwrap_or_default()
}

const MIX: &str = "RELEASE_CMD=mix\nBUILD_CMD=mix\nUSING_DISTILLERY=false\nMIX_CMD=./mix\n";
const IMAGE: &str = "RELEASE_STORE=docker://acme/app\n";

#[test]
fn a_build_in_a_container_is_stored_with_a_stand_in_for_docker() {
    let docker = Docker::new(MIX).with_fake_mix();
    let output = docker.build(&[]).succeeds();
    assert!(docker.world.archive("1.0.0").exists(), "{}", output.shown());
    assert_eq!(
        docker.calls(),
        [
            "run --detach --name BUILD --mount type=bind,source=~/project/.docker-build,target=~/container/build \
             elixir:1.13.3 tail -f /dev/null",
            "exec BUILD",
            "ps --all --quiet --filter name=^/?BUILD$",
            "rm --force BUILD",
        ]
    );
    docker.assert_no_container();
    // The next one finds the checkout.
    docker.write("lib/version", "1.1.0");
    docker.world.commit();
    docker.build(&[]).succeeds();
    assert!(docker.world.archive("1.1.0").exists());
}

#[test]
fn hooks_and_redefined_steps_run_in_the_container_of_a_stand_in_for_docker() {
    let functions = "pre_erlang_clean_compile() {\n  status \"In the container\"\n  __sync_remote \"\n    \
                     [ -f ~/.profile ] && source ~/.profile\n    cd $BUILD_AT\n    pwd -P > ~/hook-was-here\n    \
                     echo HOME=$HOME > hook\n    cp ~/hook-was-here $DELIVER_TO/../../seen\n  \"\n}\n\
                     git_submodules() {\n  __sync_remote \"cd $DELIVER_TO && touch redefined\"\n}\n";
    let docker = Docker::new(&format!("{MIX}DOCKER_BUILD_IMAGE=acme/build:1\n{functions}")).with_fake_mix();
    docker.build(&[]).succeeds();
    let checkout = docker.world.project().join(".docker-build");
    assert!(checkout.join("redefined").exists());
    assert!(checkout.join("hook").exists());
    let calls = docker.calls();
    assert!(calls[0].contains(" acme/build:1 tail"), "{calls:?}");
    // What is the container's own goes with it.
    assert!(!docker.world.home().join("hook-was-here").exists());
    docker.assert_no_container();
}

#[test]
fn a_release_becomes_an_image_with_a_stand_in_for_docker() {
    let docker = Docker::new(&format!("{MIX}{IMAGE}")).with_fake_mix();
    docker.git(&["branch", "--move", "main", "my-feature"]);
    let revision = docker.git(&["rev-parse", "--short", "HEAD"]);
    let output = docker.build(&["--branch=my-feature", "--push"]).succeeds();
    output.says(&[
        "-----> Copying release 1.0.0 to docker release store\n-----> Generating docker image with release\n",
        "-----> Pushing release image to registry\n\nRELEASE BUILD OF STAND_IN WAS SUCCESSFUL!\n\n\
         -----> Removing build container\n",
    ]);
    let calls = docker.calls();
    let from = calls.iter().position(|call| call.starts_with("images")).expect("it looks for the base image");
    let tagged = |call: &str, tag: &str| format!("{call} acme/app:1.0.0-{tag}");
    assert_eq!(
        calls[from..calls.len() - 3],
        [
            "images --quiet edeliver/release-base:1.0".to_owned(),
            "pull edeliver/release-base:1.0".to_owned(),
            "image inspect --format {{.Config.WorkingDir}} edeliver/release-base:1.0".to_owned(),
            "create --name RELEASE edeliver/release-base:1.0".to_owned(),
            "cp - RELEASE:/".to_owned(),
            format!(
                "commit --change LABEL edeliver.release.command=mix --change WORKDIR /{APP} RELEASE \
                 acme/app:1.0.0-latest"
            ),
            "ps --all --quiet --filter name=^/?RELEASE$".to_owned(),
            "rm --force RELEASE".to_owned(),
            format!("tag acme/app:1.0.0-latest acme/app:1.0.0-{revision}"),
            "tag acme/app:1.0.0-latest acme/app:1.0.0-my_feature".to_owned(),
            tagged("push", "latest"),
            tagged("push", &revision),
            tagged("push", "my_feature"),
        ]
    );
    let image = docker.state.join("pushed/acme_app_1.0.0-latest/rootfs").join(APP);
    assert_eq!(fs::read_to_string(image.join("releases/start_erl.data")).unwrap(), "1 1.0.0\n");
    assert_eq!(docker.listed("pushed").len(), 3);
    assert!(!docker.world.archive("1.0.0").exists());
    docker.assert_no_container();
    // It is here now, and is not pushed without being asked.
    docker.build(&["--branch=my-feature"]).succeeds();
    let calls = docker.calls();
    assert!(!calls.iter().any(|call| call.starts_with("pull") || call.starts_with("push")), "{calls:?}");
}

#[test]
fn whatever_call_fails_no_container_is_left_with_a_stand_in_for_docker() {
    let docker = Docker::new(&format!("{MIX}{IMAGE}")).with_fake_mix();
    docker.build(&["--push"]).succeeds();
    let whole = fs::read_to_string(docker.state.join("calls")).unwrap();
    let numbers = |exec: bool| {
        let calls = whole.lines().zip(1..).filter(move |(call, _)| call.starts_with("exec ") == exec);
        calls.map(|(_, number)| number).collect::<Vec<usize>>()
    };
    // The commands in the container are alike: the first, one in the middle, and what gives the lock back.
    let execs = numbers(true);
    let some = [execs[0], execs[execs.len() / 2], execs[execs.len() - 1]];
    for number in numbers(false).into_iter().chain(some) {
        fs::remove_file(docker.state.join("calls")).unwrap();
        // As it was before the first build.
        fs::remove_dir_all(docker.state.join("images")).unwrap();
        fs::write(docker.state.join("fail-at"), number.to_string()).unwrap();
        let outcome = docker.build(&["--push"]);
        let call = fs::read_to_string(docker.state.join("calls")).unwrap();
        let call = call.lines().nth(number - 1).unwrap_or_default().to_owned();
        let (code, output) = outcome.ended();
        fs::remove_file(docker.state.join("fail-at")).unwrap();
        if ["ps ", "rm "].iter().any(|word| call.starts_with(word)) {
            // The engine does not remove it: the user is told, and what was made is made.
            assert!(
                output.stdout.contains("may still be there") || output.stderr.contains("may still be there"),
                "{call}: {}",
                output.shown()
            );
            let left = docker.listed("containers");
            assert_eq!(left.len(), 1, "{call}");
            duct::cmd!(docker.state.join("docker").as_std_path(), "rm", "--force", &left[0]).run().unwrap();
        } else if call.starts_with("exec ") && code == Some(0) {
            // What gives the lock back is told, too.
            assert!(output.shown().contains("stays locked"), "{call}: {}", output.shown());
        } else {
            assert_eq!(code, Some(1), "call {number}, {call}: {}", output.shown());
            assert!(output.stderr.contains("told to fail"), "{call}: {}", output.shown());
        }
        docker.assert_no_container();
    }
}

#[test]
fn ctrl_c_ends_what_runs_in_the_container_of_a_stand_in_for_docker() {
    let docker = Docker::new(MIX).with_fake_mix();
    let reached = docker.world.home().join("reached");
    let mix = format!(
        "#!/bin/sh\n[ \"$1\" = do ] || exit 0\necho $$ >{reached}.new\nmv {reached}.new {reached}\nsleep 300\n"
    );
    docker.write("mix", &mix);
    docker.world.commit();
    let binary = Command::new(env!("CARGO_BIN_EXE_edeliver"));
    let mut command = docker.world.command(binary, ["build", "release", "--plain"]);
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", docker.state));
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while !reached.exists() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it does not get there");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    docker.assert_no_container();
    let pid = fs::read_to_string(reached).unwrap();
    assert!(!Utf8Path::new("/proc").join(pid.trim()).exists(), "what ran in the container is gone");
}

#[test]
fn a_strategy_builds_in_a_container_of_a_stand_in_for_docker() {
    let docker = Docker::new(MIX).with_fake_mix();
    let strategy = "set_build_hosts\nrun() {\n  init_app_remotely\n  git_push\n  git_reset_remote\n  \
                    __sync_remote \"cd $BUILD_AT && cp mix copied\"\n  [ -n \"$DOCKER_BUILD_CONTAINER\" ]\n}\n";
    docker.write(".deliver/strategies/erlang-look", strategy);
    docker.edeliver(&["look", "--plain"]).succeeds();
    assert!(docker.world.project().join(".docker-build/copied").exists());
    docker.assert_no_container();
}

#[test]
fn the_doctor_asks_for_an_engine_with_a_stand_in_for_docker() {
    let docker = Docker::new(MIX).with_fake_mix();
    docker.edeliver(&["doctor", "build", "--plain"]).succeeds();
    docker.fail("version");
    let output = docker.edeliver(&["doctor", "build", "--plain"]).exits(1);
    assert!(output.shown().contains("Install docker here and start its engine"), "{}", output.shown());
}

#[test]
fn a_failure_says_which_call_failed_with_a_stand_in_for_docker() {
    let docker = Docker::new(&format!("{MIX}{IMAGE}")).with_fake_mix();
    for (call, said) in [
        (
            "run",
            "Creating build container failed on local with exit status 1\n  command: docker run --detach",
        ),
        (
            "commit",
            "Committing the image failed on local with exit status 1\n  command: docker commit --change",
        ),
        (
            "push acme/app:1.0.0-main",
            "Pushing the image failed on local with exit status 1\n  command: docker push acme/app:1.0.0-main",
        ),
    ] {
        docker.fail(call);
        let output = docker.build(&["--push"]).exits(1);
        assert!(output.stderr.contains(said), "{}", output.shown());
        assert!(output.stderr.contains("Error response from daemon: told to fail"), "{}", output.shown());
        docker.assert_no_container();
    }
}

#[test]
fn what_no_container_can_do_is_refused_before_one_is_started() {
    let distillery = MIX.replace("false", "true");
    let docker = Docker::new(&format!("{distillery}{IMAGE}")).with_fake_mix();
    let output = docker.edeliver(&["build", "upgrade", "--from=main", "--plain"]).exits(2);
    assert!(output.stderr.contains("an image holds a whole release"), "{}", output.shown());
    let docker = Docker::new(&format!("{MIX}CONTAINER_BUILD_DIR=~other/build\n")).with_fake_mix();
    let output = docker.build(&[]).exits(2);
    assert!(output.stderr.contains("in a container it must be an absolute path"), "{}", output.shown());
    assert_eq!(docker.calls(), Vec::<String>::new());
}

#[test]
fn an_example_is_built_in_a_container_of_a_stand_in_for_docker() {
    let docker = Docker::of(World::example("hello_mix"), "RELEASE_STORE=.deliver\n");
    docker.build(&[]).succeeds();
    assert!(docker.world.archive("0.1.0").exists());
    docker.assert_no_container();
}

#[test]
fn hosts_pull_an_image_and_get_its_start_script_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    docker.build(&["--push"]).succeeds();
    let output = docker.deploy("1.0.0-latest", &[]).succeeds();
    assert!(
        output.stdout.contains("-----> Having hosts pull image acme/app:1.0.0-latest"),
        "{}",
        output.shown()
    );
    assert!(output.shown().contains("The image has no /stand_in/bin/start_container"), "{}", output.shown());
    for script in docker.scripts() {
        let script = script.unwrap();
        for line in ["app='stand_in'", "image='acme/app'", "tool='mix'", "tag=${TAG:-'1.0.0-latest'}"] {
            assert!(script.contains(line), "{line}: {script}");
        }
        assert!(!script.contains("{{"), "{script}");
    }
    assert_eq!(
        calls_on(docker.world.host(1)),
        "images --quiet acme/app:1.0.0-latest\npull acme/app:1.0.0-latest\n\
         image inspect --format {{.Id}} acme/app:1.0.0-latest\n\
         image inspect --format {{index .Config.Labels \"edeliver.release.command\"}} acme/app:1.0.0-latest\n\
         run --rm --entrypoint cat acme/app:1.0.0-latest /stand_in/bin/start_container\n"
    );
    // The next version has a script of its own.
    docker.write("lib/version", "1.1.0");
    docker.world.commit();
    let files = docker.state.join("files").join(APP).join("bin");
    fs::create_dir_all(&files).unwrap();
    let own = "own script: {{edeliver-app}} {{edeliver-docker-image}}:{{edeliver-version}} {{edeliver-release-command}}\n";
    fs::write(files.join("start_container"), own).unwrap();
    docker.build(&["--push"]).succeeds();
    docker.deploy("1.1.0-main", &[]).succeeds();
    let expected = Some("own script: stand_in acme/app:1.1.0-main mix\n".to_owned());
    assert_eq!(docker.scripts(), [expected.clone(), expected]);
    docker.edeliver(&["status", "production", "--plain"]).succeeds().says(&["1.1.0-main"]);
    // And back.
    docker.edeliver(&["rollback", "production", "--plain"]).succeeds();
    assert!(docker.scripts().iter().flatten().all(|script| script.contains("1.0.0-latest")));
}

#[test]
fn an_image_that_a_host_cannot_have_changes_no_host_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    docker.build(&[]).succeeds();
    // It was not pushed.
    let output = docker.deploy("1.0.0-latest", &[]).exits(1);
    assert!(output.stderr.contains("manifest for acme/app:1.0.0-latest not found"), "{}", output.shown());
    assert!(output.stderr.contains("--push gives them the image of this machine"), "{}", output.shown());
    assert_eq!(docker.scripts(), [None, None]);
    // So it is given to them; one of them does not take it.
    fs::write(docker.world.host(2).home().join("docker/fail"), "load").unwrap();
    let output = docker.deploy("1.0.0-latest", &["--push"]).exits(1);
    assert!(output.stderr.contains("host-2") && output.stderr.contains("told to fail"), "{}", output.shown());
    assert_eq!(docker.scripts(), [None, None]);
    fs::remove_file(docker.world.host(2).home().join("docker/fail")).unwrap();
    docker.deploy("1.0.0-latest", &["--push"]).succeeds();
    assert!(docker.scripts().iter().all(Option::is_some));
    // Another image takes the tag, and the hosts do not agree any more.
    docker.build(&["--push"]).succeeds();
    fs::remove_dir_all(docker.world.host(1).home().join("docker/images/acme_app_1.0.0-latest")).unwrap();
    let output = docker.deploy("1.0.0-latest", &[]).exits(1);
    assert!(
        output.stderr.contains("the hosts have different images named acme/app:1.0.0-latest"),
        "{}",
        output.shown()
    );
}

#[test]
fn what_images_do_not_have_is_refused_before_a_host_is_asked() {
    let docker = on_hosts();
    for (options, said) in [
        (
            vec!["--version=1.0.0-latest", "--start-deploy", "--migrate"],
            "a deploy of an image does not migrate",
        ),
        (vec![], "--version=TAG names it"),
        (vec!["--version=1.0.0-latest", "--plan"], "--plan cannot look at images"),
    ] {
        let words = [vec!["deploy", "release", "to", "production", "--plain"], options].concat();
        let output = docker.edeliver(&words).exits(2);
        assert!(output.stderr.contains(said), "{}", output.shown());
    }
    let words = ["deploy", "upgrade", "to", "production", "--plain", "--version=1.0.0-latest"];
    let output = docker.edeliver(&words).exits(2);
    assert!(output.stderr.contains("is no upgrade of what runs"), "{}", output.shown());
    assert_eq!(calls_on(docker.world.host(1)), "");
}

#[test]
fn an_update_builds_pushes_and_deploys_an_image_with_a_stand_in_for_docker() {
    let docker = on_hosts();
    docker.edeliver(&["update", "production", "--push", "--plain"]).succeeds();
    assert!(docker.scripts().iter().flatten().all(|script| script.contains("'1.0.0-latest'")));
}

#[test]
fn the_start_script_runs_a_container_with_a_stand_in_for_docker() {
    let options = "DOCKER_OPTS=\"--publish 8080:8080\"\nLINK_VM_ARGS=/etc/vm.args\n";
    let mut docker = on_hosts();
    docker.world = docker.world.config(options);
    docker.build(&["--push"]).succeeds();
    docker.deploy("1.0.0-main", &[]).succeeds();
    let host = docker.world.host(1);
    let control = |words: &[&str]| {
        fs::remove_file(host.home().join("docker/calls")).unwrap();
        let path = format!("{}/docker:/usr/bin:/bin", host.home());
        // The stand-in cannot run such a container; it has been told to.
        let run = duct::cmd(host.root().join("bin").join(APP).as_std_path(), words).env("PATH", path);
        let run = run
            .env("HOME", host.home())
            .env("HOST_NAME", "web-1")
            .env_remove("CONTAINER_NAME")
            .stdin_null()
            .stderr_capture();
        run.unchecked().run().unwrap();
        calls_on(host)
    };
    let home = host.home();
    assert_eq!(
        control(&["start"]),
        format!(
            "ps --all --quiet --filter name=^/?stand_in$\n\
             run --detach --tty --publish 8080:8080 \
             --mount type=bind,source=/etc/vm.args,target=/stand_in/releases/1.0.0/vm.args --name stand_in \
             --hostname web-1 --workdir /stand_in --publish 127.0.0.1:4321:4321 \
             --env INET_DIST_USE_INTERFACE={{0,0,0,0}} --env ERL_DIST_PORT=4321 --env DEFAULT_DIST_PORT=4321 \
             --env HOST_NAME=web-1 --env REPLACE_OS_VARS=true --env RELEASE_DISTRIBUTION=name \
             --env RELEASE_NODE=stand_in@web-1 \
             --env ERL_ZFLAGS=-start_epmd false -epmd_module edeliver_epmd  \
             --mount type=bind,source={home}/.erlang.cookie,target=/stand_in/releases/COOKIE \
             acme/app:1.0.0-main bin/stand_in start\n"
        )
    );
    assert_eq!(fs::metadata(home.join(".erlang.cookie")).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(control(&["ping"]), "exec ERL_DIST_PORT=0\n");
    assert!(control(&["console", "-x"]).ends_with(" acme/app:1.0.0-main bin/stand_in console -x\n"));
}
