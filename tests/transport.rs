//! One suite for all engines of the transport: this machine, libssh2 and OpenSSH over a real sshd.

mod common;

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use common::sshd::{Client, Sshd};
use edeliver::exit::Signal;
use edeliver::transport::{
    ConnectOptions, ExitStatus, HostAddr, Interrupt, Output, RemoteCommand, RemotePath, Session, Stdin,
    Stream, TransportError,
};

/// An engine with a host to use it on.
struct World {
    session: Session,
    interrupt: Interrupt,
    home: Utf8PathBuf,
    host: Option<Sshd>,
    // Its configuration and key are there as long as the session.
    _client: Client,
}

impl World {
    fn local() -> Self {
        let client = Client::new();
        let (session, interrupt) = connect(&client, "local").unwrap();
        let home = client.home().to_owned();
        Self { session, interrupt, home, host: None, _client: client }
    }

    fn libssh2() -> Self {
        Self::ssh(Sshd::start, "libssh2")
    }

    fn openssh() -> Self {
        Self::ssh(via_openssh, "OpenSSH")
    }

    fn ssh(start: fn(&Client, &str) -> Sshd, software: &str) -> Self {
        let client = Client::new();
        let host = start(&client, "host-1");
        let (session, interrupt) = connect(&client, "host-1").unwrap();
        assert!(host.clients()[0].starts_with(software), "{:?}", host.clients());
        Self { session, interrupt, home: host.home(), host: Some(host), _client: client }
    }

    /// A path in the host's home directory.
    fn path(&self, name: &str) -> RemotePath {
        self.home.join(name).as_str().parse().unwrap()
    }

    fn run(&mut self, command: &RemoteCommand) -> Output {
        self.session.output(command, Stdin::Empty).unwrap()
    }

    fn sh(&mut self, script: &str) -> Output {
        self.run(&RemoteCommand::script(script).uninterruptible())
    }

    /// That the session works and nothing of an earlier command comes along.
    fn assert_usable(&mut self) {
        assert_eq!(self.sh("echo usable"), ended(0, "usable\n"));
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs_err::read_dir(&self.home)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".ssh")
            .collect();
        names.sort();
        names
    }
}

/// A host that the client reaches with OpenSSH: libssh2 cannot be told an address family.
fn via_openssh(client: &Client, alias: &str) -> Sshd {
    let host = Sshd::start(client, "host-itself");
    client.add_alias(alias, host.port(), "AddressFamily inet");
    host
}

fn options(client: &Client) -> ConnectOptions {
    ConnectOptions {
        ssh_config: Some(client.config()),
        timeout: Duration::from_secs(10),
        forward_agent: false,
        interrupt: Interrupt::default(),
    }
}

fn connect(client: &Client, host: &str) -> Result<(Session, Interrupt), TransportError> {
    let options = options(client);
    let session = Session::connect(&host.parse().unwrap(), &options)?;
    Ok((session, options.interrupt))
}

fn refused(client: &Client, host: &str) -> TransportError {
    match connect(client, host) {
        Ok(_) => panic!("{host} was connected"),
        Err(error) => error,
    }
}

fn ended(code: i32, stdout: &str) -> Output {
    Output { status: ExitStatus::Code(code), stdout: stdout.as_bytes().to_vec(), stderr: Vec::new() }
}

/// Bytes that repeat nowhere near.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

macro_rules! on_every_engine {
    ($($name:ident),* $(,)?) => {
        mod local { $( #[test] fn $name() { super::$name(&mut super::World::local()) } )* }
        mod libssh2 { $( #[test] fn $name() { super::$name(&mut super::World::libssh2()) } )* }
        mod openssh { $( #[test] fn $name() { super::$name(&mut super::World::openssh()) } )* }
    };
}

macro_rules! on_every_ssh_engine {
    ($($name:ident),* $(,)?) => {
        mod over_libssh2 { $( #[test] fn $name() { super::$name(super::Sshd::start) } )* }
        mod over_openssh { $( #[test] fn $name() { super::$name(super::via_openssh) } )* }
    };
}

on_every_engine!(
    exit_statuses_come_as_they_are,
    signals_are_told,
    a_command_that_kills_its_own_group_is_told,
    five_megabytes_both_ways_at_once,
    input_that_nobody_reads_is_no_failure,
    input_of_any_bytes_and_of_none,
    environment_of_any_text,
    directories_of_any_name,
    a_missing_program_and_a_syntax_error_are_statuses,
    a_profile_is_read_by_bash,
    output_comes_as_it_is_written,
    a_long_silence_is_no_failure,
    a_daemon_that_holds_the_outputs_is_not_waited_for,
    a_deadline_stops_the_command,
    ctrl_c_stops_the_command,
    ctrl_c_leaves_uninterruptible_commands_alone,
    ctrl_c_in_an_upload_leaves_nothing,
    files_arrive_whole_in_both_directions,
    an_upload_replaces_a_file_and_keeps_it_private,
    a_transfer_that_the_host_refuses_says_why,
    an_unreadable_source_leaves_nothing,
    a_full_disk_leaves_nothing,
    nothing_of_a_command_is_in_the_process_list,
);

on_every_ssh_engine!(
    one_login_for_many_commands,
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

fn exit_statuses_come_as_they_are(world: &mut World) {
    for code in [0, 1, 7, 127, 255] {
        assert_eq!(world.sh(&format!("echo out; exit {code}")), ended(code, "out\n"));
    }
}

fn signals_are_told(world: &mut World) {
    for signal in ["TERM", "KILL"] {
        let output = world.run(&RemoteCommand::new("sh").arg("-c").arg(format!("kill -{signal} $$")));
        assert_eq!(output.status, ExitStatus::Signal(signal.to_owned()));
        let output = world.sh(&format!("kill -{signal} $$"));
        assert_eq!(output.status, ExitStatus::Signal(signal.to_owned()));
    }
}

fn a_command_that_kills_its_own_group_is_told(world: &mut World) {
    let output = world.sh("echo before; kill -KILL 0");
    assert_eq!(output.stdout, b"before\n");
    assert!(!output.status.success(), "{output:?}");
    world.assert_usable();
}

fn five_megabytes_both_ways_at_once(world: &mut World) {
    let data = noise(5_000_000);
    let output =
        world.session.output(&RemoteCommand::script("tee /dev/stderr"), Stdin::Bytes(&data)).unwrap();
    assert_eq!(output.status, ExitStatus::Code(0));
    assert!(output.stdout == data, "{} bytes came back", output.stdout.len());
    assert!(output.stderr == data, "{} bytes came back on stderr", output.stderr.len());
}

fn input_that_nobody_reads_is_no_failure(world: &mut World) {
    let data = noise(5_000_000);
    let output = world.session.output(&RemoteCommand::script("exit 3"), Stdin::Bytes(&data)).unwrap();
    assert_eq!(output, ended(3, ""));
    let first = RemoteCommand::script("head -c 4 >/dev/null; exec 0<&-; sleep 1; echo on");
    assert_eq!(world.session.output(&first, Stdin::Bytes(&data)).unwrap(), ended(0, "on\n"));
    world.assert_usable();
}

fn input_of_any_bytes_and_of_none(world: &mut World) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let output = world.session.output(&RemoteCommand::new("cat"), Stdin::Bytes(&every_byte)).unwrap();
    assert_eq!((output.status, output.stdout), (ExitStatus::Code(0), every_byte.clone()));
    let mut reader = every_byte.as_slice();
    let output = world.session.output(&RemoteCommand::new("cat"), Stdin::Reader(&mut reader)).unwrap();
    assert_eq!(output.stdout, every_byte);
    assert_eq!(world.run(&RemoteCommand::new("cat")), ended(0, ""));
    assert_eq!(world.sh("read -r line; echo \"$?\""), ended(0, "1\n"));
}

fn environment_of_any_text(world: &mut World) {
    let value = "it's \"quoted\" $HOME `id` \\n\nsecond line\t*é日本 !x";
    let command = RemoteCommand::script("printf '%s|' \"$VALUE\" \"$1\" \"$2\"").env("VALUE", value);
    assert_eq!(world.run(&command.arg(value).arg("")), ended(0, &format!("{value}|{value}||")));
}

fn directories_of_any_name(world: &mut World) {
    let name = "a dir with 'quotes' and $x";
    fs_err::create_dir(world.home.join(name)).unwrap();
    let inside = world.home.join(name).canonicalize_utf8().unwrap();
    let pwd = RemoteCommand::new("pwd").cwd(&world.path(name));
    assert_eq!(world.run(&pwd), ended(0, &format!("{inside}\n")));
    let home = world.sh("cd; pwd").stdout;
    assert_eq!(world.run(&RemoteCommand::new("pwd").cwd(&"~".parse().unwrap())).stdout, home);
    if world.host.is_some() {
        let below = RemoteCommand::new("pwd").cwd(&format!("~/{name}").parse().unwrap());
        assert_eq!(world.run(&below), ended(0, &format!("{inside}\n")));
    }
    let missing = world.run(&RemoteCommand::script("echo never").cwd(&world.path("missing")));
    assert_eq!((missing.status, missing.stdout.as_slice()), (ExitStatus::Code(1), &b""[..]));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("missing"), "{said}");
}

fn a_missing_program_and_a_syntax_error_are_statuses(world: &mut World) {
    assert_eq!(world.run(&RemoteCommand::new("no-such-program")).status, ExitStatus::Code(127));
    let broken = world.sh("echo before\nif");
    assert_eq!(broken.status, ExitStatus::Code(2));
    world.assert_usable();
}

fn a_profile_is_read_by_bash(world: &mut World) {
    let text = "arr=(one two); export FROM_PROFILE=${arr[1]}; echo noise; cat >/dev/null; false\n";
    fs_err::write(world.home.join("my profile"), text).unwrap();
    let command =
        RemoteCommand::script("[[ $FROM_PROFILE == two ]] && cat; exit 5").profile(&world.path("my profile"));
    let output = world.session.output(&command, Stdin::Bytes(b"input")).unwrap();
    assert_eq!(output, ended(5, "input"));
    let without = RemoteCommand::new("echo").arg("x").profile(&world.path("no profile"));
    assert_eq!(world.run(&without), ended(0, "x\n"));
}

fn output_comes_as_it_is_written(world: &mut World) {
    let flag = world.home.join("flag");
    let command =
        RemoteCommand::script("echo first; until [ -e \"$1\" ]; do sleep 0.05; done; echo second >&2")
            .arg(flag.as_str())
            .deadline(Duration::from_secs(20));
    let mut seen = Vec::new();
    let status = world.session.exec(&command, Stdin::Empty, &mut |stream, bytes| {
        seen.push((stream, String::from_utf8(bytes.to_vec()).unwrap()));
        // The command goes on only when its first line has been seen here.
        fs_err::write(&flag, "").unwrap();
    });
    assert_eq!(status.unwrap(), ExitStatus::Code(0));
    assert_eq!(seen, [(Stream::Stdout, "first\n".to_owned()), (Stream::Stderr, "second\n".to_owned())]);
}

fn a_long_silence_is_no_failure(world: &mut World) {
    assert_eq!(world.sh("sleep 13; echo done"), ended(0, "done\n"));
}

fn a_daemon_that_holds_the_outputs_is_not_waited_for(world: &mut World) {
    let begin = Instant::now();
    assert_eq!(world.sh("sleep 47 & echo $! >pid; echo started; exit 4"), ended(4, "started\n"));
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    assert_eq!(world.sh("kill \"$(cat pid)\" && rm pid"), ended(0, ""), "the daemon lives");
}

/// Runs `script` with a fresh file as `$1`, where it writes its process id; returns that.
fn leaves_nothing_running(world: &mut World, ran: impl FnOnce(&mut World, RemoteCommand)) {
    let pid_file = world.home.join("pid");
    let command = RemoteCommand::script("echo $$ >\"$1\"; sleep 61; echo never").arg(pid_file.as_str());
    let begin = Instant::now();
    ran(world, command);
    assert!(begin.elapsed() < Duration::from_secs(12), "it took {:?}", begin.elapsed());
    let pid = fs_err::read_to_string(&pid_file).unwrap();
    let pid = pid.trim();
    // A process that nobody has reaped yet has no command line any more.
    let left = fs_err::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert_eq!(left, "", "process {pid} still runs");
    world.assert_usable();
}

fn a_deadline_stops_the_command(world: &mut World) {
    leaves_nothing_running(world, |world, command| {
        let command = command.deadline(Duration::from_secs(1));
        match world.session.output(&command, Stdin::Empty) {
            Err(TransportError::Deadline { seconds: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    });
}

fn ctrl_c_stops_the_command(world: &mut World) {
    leaves_nothing_running(world, |world, command| {
        let (interrupt, pid_file) = (world.interrupt.clone(), world.home.join("pid"));
        let ctrl_c = std::thread::spawn(move || {
            while fs_err::read(&pid_file).unwrap_or_default().is_empty() {
                std::thread::sleep(Duration::from_millis(10));
            }
            interrupt.raise();
        });
        match world.session.output(&command, Stdin::Empty) {
            Err(TransportError::Interrupted(Signal::Interrupt)) => {}
            other => panic!("{other:?}"),
        }
        ctrl_c.join().unwrap();
    });
}

fn ctrl_c_leaves_uninterruptible_commands_alone(world: &mut World) {
    world.interrupt.raise();
    world.assert_usable();
    assert!(matches!(
        world.session.output(&RemoteCommand::new("true"), Stdin::Empty),
        Err(TransportError::Interrupted(Signal::Interrupt))
    ));
    world.assert_usable();
}

fn ctrl_c_in_an_upload_leaves_nothing(world: &mut World) {
    let interrupt = world.interrupt.clone();
    let to = world.path("archive");
    let uploaded = world.session.upload(&mut noise(20_000_000).as_slice(), &to, &mut |bytes| {
        if bytes > 5_000_000 {
            interrupt.raise();
        }
    });
    assert!(matches!(uploaded, Err(TransportError::Interrupted(Signal::Interrupt))), "{uploaded:?}");
    assert_eq!(world.files(), [""; 0]);
    world.assert_usable();
}

fn files_arrive_whole_in_both_directions(world: &mut World) {
    let data = noise(20_000_000);
    let to = world.path("a file's name");
    let mut at = 0;
    let size = world.session.upload(&mut data.as_slice(), &to, &mut |bytes| at = bytes).unwrap();
    assert_eq!((size, at), (20_000_000, 20_000_000));
    assert!(fs_err::read(world.home.join("a file's name")).unwrap() == data);
    let mut back = Vec::new();
    let size = world.session.download(&to, &mut back, &mut |bytes| at = bytes).unwrap();
    assert_eq!((size, at), (20_000_000, 20_000_000));
    assert!(back == data);
    let empty = world.path("empty");
    assert_eq!(world.session.upload(&mut &b""[..], &empty, &mut |_| {}).unwrap(), 0);
    assert_eq!(world.session.download(&empty, &mut back, &mut |_| {}).unwrap(), 0);
    assert_eq!(world.files(), ["a file's name", "empty"]);
}

fn an_upload_replaces_a_file_and_keeps_it_private(world: &mut World) {
    use std::os::unix::fs::PermissionsExt;
    let file = world.home.join("secret");
    fs_err::write(&file, "old").unwrap();
    let to = world.path("secret");
    world.session.upload(&mut &b"new"[..], &to, &mut |_| {}).unwrap();
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs_err::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(world.files(), ["secret"]);
}

fn a_transfer_that_the_host_refuses_says_why(world: &mut World) {
    fs_err::create_dir(world.home.join("dir")).unwrap();
    let mut refused = |to: &str, expected: &str| {
        let to = world.path(to);
        let sent = world.session.upload(&mut noise(3_000_000).as_slice(), &to, &mut |_| {}).unwrap_err();
        let said = sent.to_string();
        assert!(matches!(sent, TransportError::Remote { .. }) && said.contains(expected), "{said}");
        let got = world.session.download(&to, &mut Vec::new(), &mut |_| {}).unwrap_err();
        let said = got.to_string();
        assert!(matches!(got, TransportError::Remote { .. }) && said.contains(expected), "{said}");
    };
    refused("missing/file", "missing/file");
    refused("dir", "is a directory");
    assert_eq!(world.files(), ["dir"]);
    world.assert_usable();
}

fn an_unreadable_source_leaves_nothing(world: &mut World) {
    struct Broken(usize);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len();
            if self.0 > 3_000_000 { Err(std::io::Error::other("bad sector")) } else { Ok(buffer.len()) }
        }
    }
    let to = world.path("archive");
    let error = world.session.upload(&mut Broken(0), &to, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("bad sector"), "{error}");
    assert_eq!(world.files(), [""; 0]);
    world.assert_usable();
}

fn a_full_disk_leaves_nothing(world: &mut World) {
    let disk = world.home.join("disk");
    fs_err::create_dir(&disk).unwrap();
    let mount = duct::cmd!("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.as_str());
    if mount.stderr_null().unchecked().run().map_or(true, |output| !output.status.success()) {
        eprintln!("SKIPPED: a full disk needs the right to mount one");
        return;
    }
    let to = world.path("disk/archive");
    let uploaded = world.session.upload(&mut noise(5_000_000).as_slice(), &to, &mut |_| {});
    let left: Vec<_> = fs_err::read_dir(&disk).unwrap().collect();
    duct::cmd!("umount", disk.as_str()).run().unwrap();
    let error = uploaded.unwrap_err();
    assert!(matches!(error, TransportError::Remote { .. }), "{error}");
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert!(left.is_empty(), "{left:?}");
    world.assert_usable();
}

fn nothing_of_a_command_is_in_the_process_list(world: &mut World) {
    let command = RemoteCommand::script("# s3cret-text\nps -ww -eo args").arg("s3cret-argument");
    let command = command.env("PASSWORD", "s3cret-value").cwd(&world.path("."));
    let list = String::from_utf8(world.run(&command).stdout).unwrap();
    assert!(list.contains("ps -ww -eo args"), "{list}");
    assert!(!list.contains("s3cret"), "{list}");
}

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
    let begin = Instant::now();
    let to = "~/big".parse().unwrap();
    session.upload(&mut noise(64 << 20).as_slice(), &to, &mut |_| {}).unwrap();
    println!("64 MiB up: {:?}", begin.elapsed());
    let begin = Instant::now();
    session.download(&to, &mut std::io::sink(), &mut |_| {}).unwrap();
    println!("64 MiB down: {:?}", begin.elapsed());
    assert_eq!(host.logins(), 1);
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
