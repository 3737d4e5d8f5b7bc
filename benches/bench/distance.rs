//! How far the hosts are away: by netem, where the system has it and lets us, else by the proxy.

use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use camino::Utf8Path;
use fs_err as fs;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::common::proxy::Proxy;

/// Why there is no netem; nothing where there is.
static NO_NETEM: LazyLock<Option<String>> =
    LazyLock::new(|| Network::new("try", Duration::from_millis(1)).err());

/// As the table's head names it.
pub fn made_by() -> String {
    match &*NO_NETEM {
        None => "distance by netem".to_owned(),
        Some(reason) => format!("distance by a proxy (no netem: {reason})"),
    }
}

/// A network of its own for the client, in which each packet takes its time. The hosts are outside: what
/// they are asked comes in by listeners that we have in there.
pub struct Network {
    name: String,
}

impl Network {
    /// One that is that far away; none where it is no distance, and where there is no netem.
    pub fn at(round_trip: Duration) -> Option<Self> {
        if round_trip.is_zero() || NO_NETEM.is_some() {
            return None;
        }
        // Each packet passes it once.
        Some(Self::new("far", round_trip / 2).expect("what was possible before"))
    }

    fn new(name: &str, delay: Duration) -> Result<Self, String> {
        let network = Self { name: format!("edeliver-bench-{}-{name}", std::process::id()) };
        let name = network.name.as_str();
        ip(&["netns", "add", name])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        let delay = format!("{}us", delay.as_micros());
        // By itself it would hold no more packets than come in on a long way.
        let netem = ["-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", &delay];
        run("tc", &[&netem[..], &["limit", "1000000"]].concat())?;
        Ok(network)
    }

    /// Whoever connects to it is in there.
    pub fn listener(&self) -> TcpListener {
        let path = format!("/run/netns/{}", self.name);
        let bind = move || {
            let network = fs::File::open(path).expect("the network that was made");
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root's right");
            Proxy::listener()
        };
        // The thread alone is in there.
        std::thread::spawn(bind).join().expect("a listener")
    }

    /// Runs this program in there.
    pub fn command(&self, program: &Utf8Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg("--").arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It may not have come into being.
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    run("ip", args)
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = duct::cmd(program, args).stderr_to_stdout().stdout_capture().unchecked().run();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let first = said.lines().next().unwrap_or_default().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {first}")) }
}
