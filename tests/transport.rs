//! One suite for all engines of the transport: this machine, libssh2 and OpenSSH over a real sshd.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use common::session::{connect, ended, noise, via_openssh};
use common::sshd::{Client, Sshd};
use edeliver::exit::Signal;
use edeliver::transport::{
    ExitStatus, Interrupt, Output, RemoteCommand, RemotePath, Session, Stdin, Stream, TransportError,
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

macro_rules! on_every_engine {
    ($($name:ident),* $(,)?) => {
        mod local { $( #[test] fn $name() { super::$name(&mut super::World::local()) } )* }
        mod libssh2 { $( #[test] fn $name() { super::$name(&mut super::World::libssh2()) } )* }
        mod openssh { $( #[test] fn $name() { super::$name(&mut super::World::openssh()) } )* }
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
    let mut ours =
        RemoteCommand::script("[ -z \"$BASH_VERSION$arr\" ] && echo \"$FROM_PROFILE\"; cat; exit 6");
    ours = ours.profile_environment(&world.path("my profile"));
    let output = world.session.output(&ours, Stdin::Bytes(b"input")).unwrap();
    assert_eq!(output, ended(6, "two\ninput"));
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
        // Past the test harness, which shows nothing of a test that passes.
        let mut stderr = std::io::stderr();
        stderr.write_all(b"SKIPPED: a full disk needs the right to mount one\n").unwrap();
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
