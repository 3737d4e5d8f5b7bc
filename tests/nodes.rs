//! `ping`, `version`, `start`, `stop` and `restart` through the real binary: what is said is what was
//! seen on the host.

mod common;

use std::os::unix::process::ExitStatusExt as _;

use common::world::World;
use fs_err as fs;
use rustix::process::Signal;

/// A host on which 1.0.0 runs.
fn running() -> World {
    World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0")
}

/// A host on which 1.0.0 is deployed and does not run.
fn stopped() -> World {
    let world = running();
    world.host(1).control("stop");
    world
}

/// The command fails and says this; what runs is what ran before.
#[track_caller]
fn refuses(world: &World, command: &str, words: &str) {
    let before = world.host(1).nodes();
    world.edeliver([command, "production"]).exits(1).says(&[
        "response: failed",
        words,
        "failed on 1 of 1 nodes",
    ]);
    assert_eq!(world.host(1).nodes(), before, "{command}");
}

// Each command on a node that runs, in the words of the original.
#[test]
fn a_node_that_runs() {
    let world = running();
    let old = world.host(1).node().unwrap();
    let output = world.edeliver(["version", "production"]).succeeds();
    insta::assert_snapshot!(output.stdout, @r"

    EDELIVER STAND_IN WITH VERSION COMMAND

    -----> getting release versions from production servers

    production node:

      user    : [user]
      host    : host-1
      path    : ~/app
      response: 1.0.0

    VERSION DONE!
    ");
    world
        .edeliver(["ping", "production"])
        .succeeds()
        .says(&["pinging production servers", "response: pong\n"]);
    refuses(&world, "start", "already running (process [pid])");

    world.edeliver(["restart", "production"]).succeeds().says(&["response: ok\n", "RESTART DONE!"]);
    world.assert_runs("1.0.0");
    assert_ne!(world.host(1).node().unwrap().pid, old.pid);

    world.edeliver(["stop", "production"]).succeeds().says(&["response: ok\n"]);
    assert_eq!(world.host(1).node(), None);
}

// A node that does not run cannot be asked or stopped, but started.
#[test]
fn a_node_that_does_not_run() {
    let world = stopped();
    for command in ["ping", "version", "stop"] {
        refuses(&world, command, "not running");
    }
    world.edeliver(["start", "production"]).succeeds().says(&["response: ok\n"]);
    world.assert_runs("1.0.0");
    world.edeliver(["stop", "production"]).succeeds();
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("1.0.0");
}

/// The release has edeliver's own module, which migrates in the running node.
fn with_the_module(world: &World) {
    let root = world.host(1).root();
    fs::create_dir(root.join("lib/edeliver-1.9.2")).unwrap();
    let resource = root.join("releases/1.0.0/stand_in.rel");
    let listed = fs::read_to_string(&resource).unwrap().replace("[{", "[{edeliver,\"1.9.2\"},{");
    fs::write(resource, listed).unwrap();
    amend_script(world, ": as that of mix release: --rpc-eval");
}

/// The start script gets another line.
fn amend_script(world: &World, line: &str) {
    let script = world.host(1).root().join("bin/stand_in");
    let text = fs::read_to_string(&script).unwrap();
    fs::write(&script, text.replacen("set -eu\n", &format!("set -eu\n{line}\n"), 1)).unwrap();
}

// Start scripts ask the node by way of an escript, a VM that names the release on its command line. One that
// somebody else runs is no node: it is neither waited for nor ended.
#[test]
fn an_escript_of_the_release() {
    let world = running();
    let beam = world.host(1).home().join("beam.smp");
    fs::os::unix::fs::symlink("/bin/sh", &beam).unwrap();
    let nodetool = world.host(1).root().join("bin/nodetool");
    let words = ["-c", "read -r line", "-boot", "no_dot_erlang", "-run", "escript", "start", "-extra"];
    let escript = duct::cmd(beam.as_std_path(), words.into_iter().chain([nodetool.as_str(), "ping"]));
    let (reader, writer) = std::io::pipe().unwrap();
    let escript = escript.stdin_file(reader).start().unwrap();
    world.edeliver(["restart", "production"]).succeeds().says(&["response: ok\n"]);
    world.deploy("2.0.0").succeeds();
    world.edeliver(["stop", "production"]).succeeds();
    refuses(&world, "ping", "not running");
    assert!(escript.try_wait().unwrap().is_none(), "it was ended");
    drop(writer);
    escript.into_output().unwrap_err();
}

// Other VMs come and go on a busy host. Those that end while the processes are looked at, one after the other
// here, are no reason not to know.
#[test]
fn processes_that_end_while_they_are_looked_at() {
    let world = running();
    let vm = world.host(1).home().join("beam.other");
    fs::os::unix::fs::symlink("/bin/sh", &vm).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let others: Vec<_> = (0..12)
        .map(|_| {
            let other =
                duct::cmd!(vm.as_std_path(), "-c", "read -r line; :").stdin_file(reader.try_clone().unwrap());
            let other = other.unchecked().start().unwrap();
            // One that nobody waits for would still be there.
            std::thread::spawn(move || other.into_output().unwrap().status)
        })
        .collect();
    world.host(1).put_tool(
        "grep",
        "case $* in *' /proc/'*)
             for file; do
                 read -r name 2>/dev/null <${file%cmdline}comm && [ \"$name\" = beam.other ] || continue
                 pid=${file#/proc/}
                 kill \"${pid%/cmdline}\"
                 while [ -e \"$file\" ]; do sleep 0.01; done
                 break
             done ;;
         esac
         exec /bin/grep \"$@\"",
    );
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
    drop(writer);
    let ended = others.into_iter().map(|other| other.join().unwrap());
    assert!(ended.filter(|status| status.signal().is_some()).count() > 10, "they did not end meanwhile");
}

// How a node is asked depends on the start script: on what it does, not on what it is compared with.
#[test]
fn a_start_script_that_names_other_tools_in_comments() {
    let world = running();
    amend_script(
        &world,
        "# unlike distillery's NAME_rc_exec.sh, daemon_boot of relx and --rpc-eval of mix release",
    );
    amend_script(&world, "echo 'made without distillery' >/dev/null");
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("1.0.0");
}

// As those of old releases are: what it tells of its usage is an answer, so it is not asked that way again.
#[test]
fn a_start_script_that_knows_no_eval() {
    let world = running();
    let asked = world.host(1).home().join("asked");
    let usage = format!("echo \"$1\" >>{asked}; echo 'Usage: stand_in {{start|stop|rpc}}'; exit 1");
    amend_script(&world, &format!("case ${{1:-}} in eval) {usage} ;; esac"));
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
    assert_eq!(fs::read_to_string(asked).unwrap(), "eval\n");
}

/// The commands that need an answer of the node.
const QUESTIONS: [&str; 4] = ["ping", "version", "migrate", "migrations"];

/// The commands that show a block for each node.
const ALL: [&str; 7] = ["ping", "version", "start", "stop", "restart", "migrate", "migrations"];

// What migrates in the node needs the node.
#[test]
fn migrations_of_a_node_that_does_not_run() {
    let world = stopped();
    for command in ["migrate", "migrations"] {
        refuses(&world, command, "a release without Elixir migrates by MIGRATE_EVAL, which is not set");
    }
    with_the_module(&world);
    for command in ["migrate", "migrations"] {
        refuses(&world, command, "not running");
    }
}

// A node that hangs is told from one that does not run. It does not stop in good order.
#[test]
fn a_node_that_hangs() {
    let world = running();
    with_the_module(&world);
    world.host(1).signal_node(Signal::STOP);
    for command in QUESTIONS {
        refuses(&world, command, "not responding: it runs as process [pid], which was halted by a signal");
    }
    refuses(&world, "start", "already running (process [pid])");
    refuses(&world, "stop", "it does not stop (process [pid])");
    world.host(1).signal_node(Signal::CONT);
}

// A node that was started with another cookie than the files have now is reached all the same.
#[test]
fn a_node_with_another_cookie() {
    let world = running();
    fs::write(world.host(1).root().join("releases/COOKIE"), "of_another_build").unwrap();
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
    world.edeliver(["restart", "production"]).succeeds();
    let node = world.host(1).node().expect("one node runs");
    assert_eq!(node.cookie, "of_another_build");
    world.assert_runs("1.0.0");
}

// A node with a cookie that stands nowhere is no hanging one: it answers, and refuses. It can be stopped
// all the same, and so be replaced.
#[test]
fn a_node_that_refuses_the_cookie() {
    let world = running();
    with_the_module(&world);
    let host = world.host(1);
    let registration = host.home().join(".stand-in/stand_in");
    let text = fs::read_to_string(&registration).unwrap();
    fs::write(&registration, text.replace("cookie_of_1.0.0", "set_at_run_time")).unwrap();
    for command in QUESTIONS {
        refuses(
            &world,
            command,
            "wrong cookie: it runs as process [pid], but refuses the cookie of [home of host-1]/app/stand_in",
        );
    }
    refuses(&world, "start", "already running (process [pid])");
    fs::remove_dir(host.root().join("lib/edeliver-1.9.2")).unwrap();
    host.unpack(&world.archive("1.0.0"));
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("1.0.0");
}

// Nothing is deployed, or not all of it: the message says what is missing.
#[test]
fn nothing_to_control() {
    let world = stopped();
    let root = world.host(1).root();
    fs::remove_file(root.join("bin/stand_in")).unwrap();
    for command in ALL {
        refuses(&world, command, "not deployed: there is no [home of host-1]/app/stand_in/bin/stand_in");
    }
    fs::remove_dir_all(&root).unwrap();
    for command in ALL {
        refuses(&world, command, "not deployed: there is no [home of host-1]/app/stand_in\n");
    }
    assert!(!root.exists(), "a question leaves nothing behind");
}

// A start that fails, in each way that a start can.
#[test]
fn a_node_that_does_not_come_up() {
    let world = stopped().config("START_TIMEOUT=4");
    for (behaviour, words) in [
        ("start_exits_7", "cannot start: init terminating in do_boot"),
        ("never_answers", "does not answer"),
        ("wrong_version", "9.9.9"),
    ] {
        world.host(1).behave(&format!("* {behaviour}"));
        world.edeliver(["start", "production"]).exits(1).says(&["response: failed", words]);
        if let Some(node) = world.host(1).node() {
            assert_ne!(behaviour, "start_exits_7", "{node:?}");
            world.host(1).signal_node(Signal::KILL);
        }
    }
}

// It answered, and once it did not, as on a host that is very busy: it runs all the same.
#[test]
fn a_node_that_misses_a_question() {
    let world = stopped();
    world.host(1).behave("* misses_a_question");
    world.edeliver(["start", "production"]).succeeds().says(&["response: ok"]);
    let asked = fs::read_to_string(world.host(1).home().join(".stand-in-asked")).unwrap();
    assert!(asked.lines().count() > 2, "{asked}");
}

// One of two hosts is down: the other answers, each has its block, and the status says that it failed.
#[test]
fn a_host_that_is_down() {
    let mut world = World::new().hosts(2).release("1.0.0").running("1.0.0");
    world.host_mut(2).stop();
    let output = world.edeliver(["ping", "production"]).exits(1);
    insta::assert_snapshot!(output.stdout, @r"

    EDELIVER STAND_IN WITH PING COMMAND

    -----> pinging production servers


    production node: 0

      user    : [user]
      host    : host-1
      path    : ~/app
      response: pong


    production node: 1

      user    : [user]
      host    : host-2
      path    : ~/app
      response: failed
      error   : cannot connect to [user]@host-2: 127.0.0.1:[port] refuses: no ssh server listens there
    ");
    insta::assert_snapshot!(output.stderr, @"Error: ping failed on 1 of 2 nodes: [user]@host-2");
    for command in ALL {
        let words = [command, "production", "--host=host-2"];
        world.edeliver(words).exits(1).says(&["cannot connect to [user]@host-2: 127.0.0.1:[port] refuses"]);
    }
}

// Several nodes of one environment, one of them with a config of its own.
#[test]
fn nodes_by_name() {
    let world = World::new().hosts(2).release("1.0.0").running("1.0.0");
    let user = common::sshd::user();
    let world =
        world.config(&format!("DEMO_NODES=\"{user}@host-1:~/app {user}@host-2:~/app|/etc/demo.config\""));
    let output = world.edeliver(["ping", "demo"]).succeeds();
    insta::assert_snapshot!(output.stdout, @r"

    EDELIVER STAND_IN WITH PING COMMAND

    -----> pinging demo servers


    demo node: 0

      user    : [user]
      host    : host-1
      path    : ~/app
      response: pong


    demo node: 1

      user    : [user]
      host    : host-2
      path    : ~/app
      config  : /etc/demo.config
      response: pong


    PING DONE!
    ");
}

// A node that a service manager owns is started and stopped by it, and looked at as any other.
#[test]
fn a_node_of_a_service_manager() {
    let mut world = stopped();
    let manager = "#!/bin/sh\n# As a service manager: it starts, stops and knows what it has done.\n\
        echo \"$1\" >>~/asked\ncase $1 in\nstart) ~/app/stand_in/bin/stand_in start && touch ~/is_up ;;\n\
        stop) kill $(pgrep -f -- \"-root $HOME/app/stand_in \") && rm ~/is_up ;;\nstatus) [ -e ~/is_up ] ;;\n\
        fail) echo 'no such unit'; exit 5 ;;\nesac\n";
    let home = world.host(1).home().to_owned();
    fs::write(home.join("manager"), manager).unwrap();
    let commands = |start: &str| {
        format!(
            "START_COMMAND='sh ~/manager {start}'\nSTOP_COMMAND='sh ~/manager stop'\n\
             STATUS_COMMAND='sh ~/manager status'\nSTART_TIMEOUT=5"
        )
    };
    let asked = || {
        let text = fs::read_to_string(home.join("asked")).unwrap();
        fs::remove_file(home.join("asked")).unwrap();
        let mut words: Vec<String> = text.lines().map(str::to_owned).collect();
        words.dedup();
        words.join(" ")
    };
    world.reconfigure(&commands("start"));
    world.edeliver(["start", "production"]).succeeds().says(&["response: ok\n"]);
    world.assert_runs("1.0.0");
    assert_eq!(asked(), "start status");
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("1.0.0");
    assert_eq!(asked(), "stop status start status");

    // A deploy does the same, and its way back, too.
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    assert_eq!(asked(), "stop status start status");
    world.host(1).behave("1.0.0 never_answers");
    world.deploy("1.0.0").exits(1).says(&["All hosts are back as they were before."]);
    world.assert_runs("2.0.0");
    assert_eq!(asked(), "stop status start stop start status");

    world.edeliver(["stop", "production"]).succeeds();
    assert_eq!(world.host(1).nodes(), []);
    world.reconfigure(&commands("fail"));
    world.edeliver(["start", "production"]).exits(1).says(&[
        "cd [home of host-1]/app/stand_in && sh ~/manager fail ended with exit status 5",
        "no such unit",
    ]);
    // It says that it has started it, and has not.
    world.reconfigure("START_TIMEOUT=2\nSTART_COMMAND=true");
    world.edeliver(["start", "production"]).exits(1).says(&["no process of the node appeared within 2 s"]);
    // It has, but does not say so.
    world.reconfigure("START_TIMEOUT=3\nSTART_COMMAND='bin/stand_in start'\nSTATUS_COMMAND=false");
    world.edeliver(["start", "production"]).exits(1).says(&["STATUS_COMMAND does not succeed: false"]);
}

// As systemd with Restart=always: the manager is the node's parent, and starts it again when it ends, unless it
// was told to stop it.
#[test]
fn a_service_manager_that_restarts_what_ends() {
    let mut world = stopped();
    let manager = "#!/bin/sh\ncase $1 in\n\
        supervise) while [ -e ~/wanted ]; do ~/app/stand_in/bin/stand_in foreground; echo ended >>~/ended; done ;;\n\
        start) touch ~/wanted; setsid sh ~/manager supervise </dev/null >/dev/null 2>&1 & ;;\n\
        stop) rm -f ~/wanted; ~/app/stand_in/bin/stand_in stop ;;\n\
        status) [ -e ~/wanted ] && ~/app/stand_in/bin/stand_in ping ;;\nesac\n";
    let home = world.host(1).home().to_owned();
    fs::write(home.join("manager"), manager).unwrap();
    let commands = |stop: &str| {
        format!(
            "START_COMMAND='sh ~/manager start'\nSTOP_COMMAND='{stop}'\n\
             STATUS_COMMAND='sh ~/manager status'\nSTART_TIMEOUT=6"
        )
    };
    world.reconfigure(&commands("sh ~/manager stop"));
    world.edeliver(["start", "production"]).succeeds();
    let first = world.host(1).node().unwrap().pid;
    world.host(1).signal_node(Signal::KILL);
    world.host(1).wait_for_node("1.0.0");
    assert_ne!(world.host(1).node().unwrap().pid, first, "the manager has started it again");
    world.edeliver(["ping", "production"]).succeeds();
    world.edeliver(["restart", "production"]).succeeds();
    world.assert_runs("1.0.0");

    // A deploy has one node in the end, and so has one that fails.
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
    world.host(1).behave("1.0.0 never_answers");
    world.deploy("1.0.0").exits(1).says(&["All hosts are back as they were before."]);
    world.assert_runs("2.0.0");

    // What only ends the process does not stop the node.
    let ends = commands("pkill -KILL -f -- \"-root $HOME/app/stand_in \"");
    world.reconfigure(&format!("{ends}\nSTABLE_FOR=5"));
    world.edeliver(["stop", "production"]).exits(1).says(&[
        "response: failed",
        "it was stopped, but has been started again (process [pid]): STOP_COMMAND must tell the service manager",
    ]);
    world.host(1).wait_for_node("2.0.0");
    world.reconfigure(&commands("sh ~/manager stop"));
    world.edeliver(["stop", "production"]).succeeds();
    assert_eq!(world.host(1).nodes(), []);
}

// The two environments have directories of their own.
#[test]
fn staging_is_not_production() {
    let world = running();
    world.edeliver(["ping"]).exits(1).says(&["staging node", "there is no [home of host-1]/test/stand_in"]);
}
