//! The transport over ssh: logins, host keys, login shells, and links that break.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use common::session::{connect, ended, noise, options, refused, via_openssh};
use common::sshd::{Client, Sshd};
use edeliver::transport::{
    ConnectOptions, ExitStatus, HostAddr, Interrupt, RemoteCommand, Session, Stdin, TransportError,
};

macro_rules! on_every_ssh_engine {
    ($($name:ident),* $(,)?) => {
        mod over_libssh2 { $( #[test] fn $name() { super::$name(super::Sshd::start) } )* }
        mod over_openssh { $( #[test] fn $name() { super::$name(super::via_openssh) } )* }
    };
}

on_every_ssh_engine!(
    one_login_for_many_commands,
    sessions_share_a_connection,
    what_breaks_a_connection_breaks_it_for_all_who_share_it,
    login_shells_make_no_difference,
    a_changed_host_key_is_refused,
    an_unknown_host_key_is_added,
    an_unknown_host_key_is_refused_when_ssh_is_strict,
    a_wrong_key_is_refused,
    a_host_that_vanishes_is_noticed,
    a_host_that_vanishes_in_an_upload_is_noticed,
    a_host_that_hangs_is_noticed,
    a_killed_connection_is_noticed_at_once,
    nobody_listens,
);

type Start = fn(&Client, &str) -> Sshd;

fn one_login_for_many_commands(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let begin = Instant::now();
    for turn in 0..20 {
        let output = session.output(&RemoteCommand::new("echo").arg(turn.to_string()), Stdin::Empty).unwrap();
        assert_eq!(output, ended(0, &format!("{turn}\n")));
    }
    println!("20 commands: {:?}", begin.elapsed());
    let data = noise(64 << 20);
    let begin = Instant::now();
    session.output(&RemoteCommand::script("cat >/dev/null"), Stdin::Bytes(&data)).unwrap();
    println!("64 MiB of input: {:?}", begin.elapsed());
    let begin = Instant::now();
    let to = "~/big".parse().unwrap();
    session.upload(&mut data.as_slice(), &to, &mut |_| {}).unwrap();
    println!("64 MiB up: {:?}", begin.elapsed());
    let begin = Instant::now();
    session.download(&to, &mut std::io::sink(), &mut |_| {}).unwrap();
    println!("64 MiB down: {:?}", begin.elapsed());
    assert_eq!(host.logins(), 1);
}

fn sessions_share_a_connection(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let (mut sending, _) = connect(&client, "host-1").unwrap();
    let (mut receiving, mut waiting, mut asking) = (sending.share(), sending.share(), sending.share());
    let (data, asked) = (noise(4 << 20), AtomicBool::new(false));
    let lines = "i=0; while [ $i -lt 2000 ]; do echo $i; echo $i >&2; i=$((i + 1)); done";
    // All of them at once, until the small commands are through.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !asked.load(Ordering::Relaxed) {
                let sent = sending.upload(&mut data.as_slice(), &"~/sent".parse().unwrap(), &mut |_| {});
                assert_eq!(sent.unwrap(), 4 << 20);
            }
        });
        scope.spawn(|| {
            while !asked.load(Ordering::Relaxed) {
                let output = receiving.output(&RemoteCommand::script(lines), Stdin::Empty).unwrap();
                assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 2000);
                assert_eq!(output.stdout, output.stderr);
            }
        });
        scope.spawn(|| {
            let sleep = RemoteCommand::script("exec sleep 60").deadline(Duration::from_secs(1));
            let stopped = waiting.output(&sleep, Stdin::Empty);
            assert!(matches!(stopped, Err(TransportError::Deadline { .. })), "{stopped:?}");
        });
        let ask = |turn: i32| RemoteCommand::new("echo").arg(turn.to_string());
        let answers: Vec<_> = (0..20).map(|turn| asking.output(&ask(turn), Stdin::Empty)).collect();
        asked.store(true, Ordering::Relaxed);
        for (turn, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), ended(0, &format!("{turn}\n")));
        }
    });
    // The connection lasts as long as one of them.
    drop((sending, receiving, asking));
    assert_eq!(waiting.output(&RemoteCommand::new("echo").arg("x"), Stdin::Empty).unwrap(), ended(0, "x\n"));
    assert_eq!(host.logins(), 1);
}

#[test]
fn a_host_with_room_for_one_command_runs_one_after_the_other() {
    let client = Client::new();
    let host = Sshd::options().config("MaxSessions 1\n").start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let mut other = session.share();
    let marks = RemoteCommand::script("mkdir ~/lock && sleep 1 && rmdir ~/lock && echo alone");
    std::thread::scope(|scope| {
        let one = scope.spawn(|| session.output(&marks, Stdin::Empty));
        let two = scope.spawn(|| other.output(&marks, Stdin::Empty));
        for outcome in [one.join().unwrap(), two.join().unwrap()] {
            assert_eq!(outcome.unwrap(), ended(0, "alone\n"));
        }
    });
    assert_eq!(host.logins(), 1);
}

fn what_breaks_a_connection_breaks_it_for_all_who_share_it(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let mut other = session.share();
    let sleeps = RemoteCommand::script("touch ~/\"$1\"; exec sleep 60");
    std::thread::scope(|scope| {
        let one = scope.spawn(|| session.output(&sleeps.clone().arg("one"), Stdin::Empty));
        let two = scope.spawn(|| other.output(&sleeps.clone().arg("two"), Stdin::Empty));
        host.wait_until("asleep", |host| ["one", "two"].iter().all(|name| host.home().join(name).exists()));
        host.kill_connections();
        for outcome in [one.join().unwrap(), two.join().unwrap()] {
            assert!(matches!(outcome, Err(TransportError::Lost { .. })), "{outcome:?}");
        }
    });
}

fn login_shells_make_no_difference(start: Start) {
    let client = Client::new();
    // The engine is told by the alias; the host is another.
    let usual = start(&client, "usual");
    let by_openssh = usual.home().exists() && start as usize == via_openssh as Start as usize;
    for shell in ["bash", "dash", "zsh", "fish"] {
        let options = Sshd::options().login_shell(shell).greeting("Welcome, $USER!").banner("Be good.\n");
        let host = options.start(&client, shell);
        let alias = format!("{shell}-again");
        client.add_alias(&alias, host.port(), if by_openssh { "AddressFamily inet" } else { "" });
        let (mut session, _) = connect(&client, &alias).unwrap();
        let value = "it's $HOME `id` \\ \"x\"\n!";
        let command = RemoteCommand::script("printf '%s,%s,' \"$V\" \"$1\"; cat; exit 9").env("V", value);
        let output = session.output(&command.arg(value), Stdin::Bytes(b"in")).unwrap();
        assert_eq!(output, ended(9, &format!("{value},{value},in")), "{shell}");
        let profile = RemoteCommand::script("[[ x == x ]] && echo yes").profile(&"~/.none".parse().unwrap());
        assert_eq!(session.output(&profile, Stdin::Empty).unwrap(), ended(0, "yes\n"), "{shell}");
        let data = noise(300_000);
        session.upload(&mut data.as_slice(), &"~/file".parse().unwrap(), &mut |_| {}).unwrap();
        let mut back = Vec::new();
        session.download(&"~/file".parse().unwrap(), &mut back, &mut |_| {}).unwrap();
        assert!(back == data, "{shell}");
    }
}

fn a_changed_host_key_is_refused(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let other = Sshd::start(&client, "other");
    client.forget_hosts();
    client.trust(host.port(), &other);
    let before = fs_err::read_to_string(client.known_hosts()).unwrap();
    let error = refused(&client, "host-1");
    let said = error.to_string();
    assert!(matches!(error, TransportError::HostKey { .. }), "{said}");
    assert!(said.contains(client.known_hosts().as_str()), "{said}");
    assert_eq!(fs_err::read_to_string(client.known_hosts()).unwrap(), before);
    assert_eq!(host.logins(), 0);
}

fn an_unknown_host_key_is_added(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    fs_err::remove_file(client.known_hosts()).unwrap();
    connect(&client, "host-1").unwrap();
    let known = fs_err::read_to_string(client.known_hosts()).unwrap();
    assert_eq!(known.trim(), format!("[127.0.0.1]:{} {}", host.port(), host.public_key()));
    connect(&client, "host-1").unwrap();
    assert_eq!(fs_err::read_to_string(client.known_hosts()).unwrap(), known);
    // As `ssh-keygen -H` leaves it.
    duct::cmd!("ssh-keygen", "-q", "-H", "-f", client.known_hosts().as_str())
        .stdout_null()
        .stderr_null()
        .run()
        .unwrap();
    let hashed = fs_err::read_to_string(client.known_hosts()).unwrap();
    assert!(hashed.starts_with("|1|"), "{hashed}");
    connect(&client, "host-1").unwrap();
    assert_eq!(fs_err::read_to_string(client.known_hosts()).unwrap(), hashed);
}

fn an_unknown_host_key_is_refused_when_ssh_is_strict(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    client.forget_hosts();
    let config = fs_err::read_to_string(client.config()).unwrap();
    fs_err::write(client.config(), format!("StrictHostKeyChecking yes\n{config}")).unwrap();
    let error = refused(&client, "host-1");
    assert!(matches!(error, TransportError::HostKey { .. }), "{error}");
    assert_eq!(fs_err::read_to_string(client.known_hosts()).unwrap(), "");
    client.trust(host.port(), &host);
    connect(&client, "host-1").unwrap();
}

fn a_wrong_key_is_refused(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    fs_err::remove_file(client.key()).unwrap();
    fs_err::remove_file(client.key().with_extension("pub")).unwrap();
    common::sshd::generate_key(&client.key(), "ed25519");
    let error = refused(&client, "host-1");
    assert!(matches!(error, TransportError::Authentication { .. }), "{error}");
    assert_eq!(host.logins(), 0);
}

/// A session whose wire can be cut, and that wire.
fn over_a_wire(start: Start) -> (Client, Sshd, common::proxy::Proxy, Session) {
    let client = Client::new();
    let host = start(&client, "direct");
    let wire = common::proxy::Proxy::to(host.port());
    let by_openssh = start as usize == via_openssh as Start as usize;
    client.add_alias("host-1", wire.port(), if by_openssh { "AddressFamily inet" } else { "" });
    client.trust(wire.port(), &host);
    let (session, _) = connect(&client, "host-1").unwrap();
    (client, host, wire, session)
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(ended: Result<T, TransportError>, since: Instant, limit: u64) {
    assert!(matches!(ended, Err(TransportError::Lost { .. })), "{ended:?}");
    assert!(since.elapsed() < Duration::from_secs(limit), "noticed after {:?}", since.elapsed());
}

fn a_host_that_vanishes_is_noticed(start: Start) {
    let (_client, _host, wire, mut session) = over_a_wire(start);
    let mut since = Instant::now();
    let command = RemoteCommand::script("echo up; sleep 62");
    let ended = session.exec(&command, Stdin::Empty, &mut |_, _| {
        wire.fall_silent();
        since = Instant::now();
    });
    assert_lost(ended, since, 15);
    let since = Instant::now();
    assert_lost(session.output(&RemoteCommand::new("true"), Stdin::Empty), since, 15);
}

fn a_host_that_vanishes_in_an_upload_is_noticed(start: Start) {
    let (_client, _host, wire, mut session) = over_a_wire(start);
    let mut since = None;
    let data = noise(100_000_000);
    let ended = session.upload(&mut data.as_slice(), &"~/archive".parse().unwrap(), &mut |bytes| {
        if bytes > 10_000_000 && since.is_none() {
            wire.fall_silent();
            since = Some(Instant::now());
        }
    });
    assert_lost(ended, since.unwrap(), 16);
}

fn a_host_that_hangs_is_noticed(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let since = Instant::now();
    host.freeze();
    assert_lost(session.output(&RemoteCommand::new("true"), Stdin::Empty), since, 15);
    host.thaw();
}

fn a_killed_connection_is_noticed_at_once(start: Start) {
    let client = Client::new();
    let host = start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let since = Instant::now();
    let command = RemoteCommand::script("echo up; sleep 63");
    let ended = session.exec(&command, Stdin::Empty, &mut |_, _| host.kill_connections());
    assert_lost(ended, since, 5);
    assert_lost(session.output(&RemoteCommand::new("true"), Stdin::Empty), since, 6);
}

fn nobody_listens(start: Start) {
    let client = Client::new();
    let mut host = start(&client, "host-1");
    host.stop();
    let error = refused(&client, "host-1");
    assert!(matches!(error, TransportError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("refuse"), "{error}");
    host.start_again();
    connect(&client, "host-1").unwrap();
}

#[test]
fn new_keys_in_the_middle_of_a_transfer_make_no_difference() {
    let client = Client::new();
    let host = Sshd::options().config("RekeyLimit 1M").start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let data = noise(30_000_000);
    session.upload(&mut data.as_slice(), &"~/file".parse().unwrap(), &mut |_| {}).unwrap();
    let mut back = Vec::new();
    session.download(&"~/file".parse().unwrap(), &mut back, &mut |_| {}).unwrap();
    assert!(back == data);
    let both = session.output(&RemoteCommand::new("cat"), Stdin::Bytes(&data)).unwrap();
    assert!(both.stdout == data);
    assert!(host.log().matches("rekey").count() > 20, "{}", host.log());
}

#[test]
fn a_session_outlives_a_server_that_wants_signs_of_life() {
    let client = Client::new();
    let host =
        Sshd::options().config("ClientAliveInterval 2\nClientAliveCountMax 3").start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let idle = RemoteCommand::new("true");
    for wait in [0, 10] {
        std::thread::sleep(Duration::from_secs(wait));
        assert_eq!(session.output(&idle, Stdin::Empty).unwrap(), ended(0, ""), "{}", host.log());
    }
}

// On a busy machine the answers to our questions are there before we wait for them: signs of life all the same.
#[test]
fn a_host_that_answers_at_once_is_there() {
    let (client, busy) = (Client::new(), AtomicBool::new(true));
    let _host = Sshd::start(&client, "host-1");
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let processors = std::thread::available_parallelism().unwrap().get();
    let output = std::thread::scope(|scope| {
        for _ in 0..5 * processors {
            scope.spawn(|| {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let output = session.output(&RemoteCommand::new("sleep").arg("12"), Stdin::Empty);
        busy.store(false, Ordering::Relaxed);
        output
    });
    assert_eq!(output.unwrap(), ended(0, ""));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let client = Client::new();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    client.add_alias("mute", mute.local_addr().unwrap().port(), "");
    let options = ConnectOptions { timeout: Duration::from_secs(1), ..options(&client) };
    let begin = Instant::now();
    let connected = Session::connect(&"mute".parse().unwrap(), &options).map(drop);
    assert!(matches!(connected, Err(TransportError::Connect { .. })), "{connected:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}", begin.elapsed());
}

#[test]
fn a_jump_through_another_host_goes_by_openssh() {
    let client = Client::new();
    let gate = Sshd::start(&client, "gate");
    let inner = Sshd::start(&client, "inner");
    client.add_alias("behind", inner.port(), "ProxyJump gate");
    let config = client.config();
    let command = format!("ProxyCommand ssh -F {config} -W %h:%p gate");
    client.add_alias("behind-command", inner.port(), &command);
    for alias in ["behind", "behind-command"] {
        let (mut session, _) = connect(&client, alias).unwrap();
        let pwd = session.output(&RemoteCommand::new("pwd"), Stdin::Empty).unwrap();
        assert_eq!(pwd, ended(0, &format!("{}\n", inner.home())));
    }
    assert_eq!((gate.logins(), inner.logins()), (2, 2));
    assert!(inner.clients().iter().all(|software| software.starts_with("OpenSSH")));
}

#[test]
fn every_common_kind_of_key_logs_in_by_libssh2() {
    let client = Client::new();
    let host = Sshd::start(&client, "host-1");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        for file in [client.key(), client.key().with_extension("pub")] {
            fs_err::remove_file(file).unwrap();
        }
        common::sshd::generate_key(&client.key(), kind);
        host.authorize(&client.key().with_extension("pub"));
        connect(&client, "host-1").unwrap();
    }
    assert_eq!(host.logins(), 3);
    assert!(host.clients().iter().all(|software| software.starts_with("libssh2")), "{:?}", host.clients());
}

/// An ssh-agent with the client's key, which is not in a file any more.
struct Agent {
    pid: String,
    socket: Utf8PathBuf,
}

impl Agent {
    fn with_key_of(client: &Client) -> Self {
        let socket = client.home().join("agent");
        let said = duct::cmd!("ssh-agent", "-s", "-a", socket.as_str()).read().unwrap();
        let pid = said.split_once("SSH_AGENT_PID=").unwrap().1.split(';').next().unwrap().to_owned();
        duct::cmd!("ssh-add", "-q", client.key().as_str()).env("SSH_AUTH_SOCK", &socket).run().unwrap();
        fs_err::remove_file(client.key()).unwrap();
        Self { pid, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended with an error, which is what is wanted.
        let _ = duct::cmd!("kill", &self.pid).run();
    }
}

#[test]
fn the_agent_logs_in_by_libssh2_and_identities_only_by_openssh() {
    let client = Client::new();
    let host = Sshd::start(&client, "host-1");
    let agent = Agent::with_key_of(&client);
    let options = format!("IdentityAgent {}", agent.socket);
    client.add_alias("any", host.port(), &format!("IdentitiesOnly no\n{options}"));
    client.add_alias("only", host.port(), &options);
    connect(&client, "any").unwrap();
    assert_eq!((host.logins(), host.clients().len()), (1, 1));
    assert!(host.clients()[0].starts_with("libssh2"), "{:?}", host.clients());
    connect(&client, "only").unwrap();
    assert!(host.clients().last().unwrap().starts_with("OpenSSH"), "{:?}", host.clients());
}

/// Whether this is the process that [`run_inside`] has started.
fn is_inside() -> bool {
    std::env::var_os("EDELIVER_TEST_INSIDE").is_some()
}

/// Runs one of these tests again in a process with these variables.
fn run_inside(test: &str, variables: &[(&str, &str)]) {
    let program = std::env::current_exe().unwrap();
    let mut run = duct::cmd!(program, test, "--exact", "--nocapture").env("EDELIVER_TEST_INSIDE", "1");
    for (name, value) in variables {
        run = run.env(name, value);
    }
    let output = run.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_agent_is_forwarded_where_it_is_wanted() {
    let client = Client::new();
    if !is_inside() {
        let agent = Agent::with_key_of(&client);
        let variables = [("SSH_AUTH_SOCK", agent.socket.as_str())];
        return run_inside("the_agent_is_forwarded_where_it_is_wanted", &variables);
    }
    let host = Sshd::start(&client, "plain");
    client.add_alias("host-1", host.port(), "IdentityAgent SSH_AUTH_SOCK");
    let list = RemoteCommand::new("ssh-add").arg("-l");
    let mut options = options(&client);
    for (forward_agent, status, software) in [(false, 2, "libssh2"), (true, 0, "OpenSSH")] {
        options.forward_agent = forward_agent;
        let mut session = Session::connect(&"host-1".parse().unwrap(), &options).unwrap();
        let listed = session.output(&list, Stdin::Empty).unwrap();
        assert_eq!(listed.status, ExitStatus::Code(status), "{listed:?}");
        assert!(host.clients().last().unwrap().starts_with(software), "{:?}", host.clients());
    }
}

#[test]
fn no_ssh_program_is_needed() {
    if !is_inside() {
        let client = Client::new();
        let host = Sshd::start(&client, "host-1");
        let address = format!("{}@127.0.0.1:{}", common::sshd::user(), host.port());
        let variables =
            [("PATH", "/nonexistent"), ("HOME", client.home().as_str()), ("EDELIVER_TEST_ADDRESS", &address)];
        run_inside("no_ssh_program_is_needed", &variables);
        return assert_eq!(host.logins(), 1);
    }
    let address: HostAddr = std::env::var("EDELIVER_TEST_ADDRESS").unwrap().parse().unwrap();
    let options = ConnectOptions {
        ssh_config: None,
        timeout: Duration::from_secs(10),
        forward_agent: false,
        interrupt: Interrupt::default(),
    };
    let mut session = Session::connect(&address, &options).unwrap();
    let output = session.output(&RemoteCommand::new("echo").arg("here"), Stdin::Empty).unwrap();
    assert_eq!(output, ended(0, "here\n"));
}

#[test]
fn an_encrypted_key_without_an_agent_is_refused_with_what_was_tried() {
    let client = Client::new();
    let _host = Sshd::start(&client, "host-1");
    duct::cmd!("ssh-keygen", "-q", "-p", "-N", "passphrase", "-f", client.key().as_str())
        .stdout_null()
        .run()
        .unwrap();
    let error = refused(&client, "host-1");
    assert!(matches!(error, TransportError::Authentication { .. }), "{error}");
    assert!(error.to_string().contains(client.key().as_str()), "{error}");
}

#[test]
fn a_login_shell_that_runs_nothing_is_told() {
    let client = Client::new();
    let host = Sshd::start(&client, "host-1");
    let login = host.home().parent().map(Utf8Path::to_owned).unwrap().join("login");
    fs_err::write(login, "#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n").unwrap();
    let (mut session, _) = connect(&client, "host-1").unwrap();
    let error = session.output(&RemoteCommand::new("true"), Stdin::Empty).unwrap_err();
    assert!(error.to_string().contains("This account is currently not available."), "{error}");
    assert!(matches!(error, TransportError::Shell { status: ExitStatus::Code(1), .. }), "{error}");
}

#[test]
fn a_user_in_the_address_wins_over_the_configuration() {
    let client = Client::new();
    let host = Sshd::start(&client, "host-1");
    let error = refused(&client, "nobody-at-all@host-1");
    assert!(matches!(error, TransportError::Authentication { .. }), "{error}");
    let with_port: HostAddr = format!("{}@127.0.0.1:{}", common::sshd::user(), host.port()).parse().unwrap();
    assert!(Session::connect(&with_port, &options(&client)).is_err(), "no key is configured for it");
}
