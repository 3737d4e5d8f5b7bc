//! Hosts at some distance, and a project to deploy to them.

use std::process::Command;
use std::time::Duration;

use camino::Utf8Path;
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::proxy::Proxy;
use crate::common::world::{Release, World};
use crate::distance::Network;
use crate::sample::Sample;

/// Hosts behind wires of the same length.
pub struct Lab {
    /// The user, the project, and the hosts.
    pub world: World,
    wires: Vec<Proxy>,
    network: Option<Network>,
    logins: std::cell::Cell<usize>,
}

impl Lab {
    /// That many hosts, a round trip to each of which takes that many milliseconds.
    pub fn new(world: World, hosts: usize, round_trip_ms: u64) -> Self {
        let world = world.hosts(hosts);
        let network = Network::at(Duration::from_millis(round_trip_ms));
        let wire = |port| match &network {
            Some(network) => Proxy::at(network.listener(), port, Duration::ZERO),
            None => Proxy::long(port, Duration::from_micros(round_trip_ms * 500)),
        };
        let wires: Vec<Proxy> = world.all().iter().map(|host| wire(host.port())).collect();
        for (index, wire) in wires.iter().enumerate() {
            world.through(index + 1, wire);
        }
        Self { world, wires, network, logins: std::cell::Cell::new(0) }
    }

    /// Runs this program where the client is.
    pub fn command(&self, program: &Utf8Path) -> Command {
        match &self.network {
            Some(network) => network.command(program),
            None => Command::new(program),
        }
    }

    /// Runs something, with what passed the wires meanwhile.
    pub fn measure(&self, run: impl FnOnce() -> Sample) -> Sample {
        self.sent();
        let sample = run();
        let logins: usize = self.world.all().iter().map(|host| host.logins()).sum();
        Sample { sent: self.sent(), logins: logins - self.logins.replace(logins), ..sample }
    }

    fn sent(&self) -> u64 {
        self.wires.iter().map(Proxy::sent).sum()
    }

    /// Nothing is deployed on any host, and no node runs.
    pub fn clear(&self) {
        for host in self.world.all() {
            // Whoever starts nodes as the shell tool does may have left several.
            for node in host.nodes() {
                // It may have ended by itself.
                if let Some(pid) = Pid::from_raw(node.pid.cast_signed()) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            for name in ["app", ".stand-in", "build"] {
                remove(&host.home().join(name));
            }
        }
    }
}

fn remove(directory: &Utf8Path) {
    if directory.exists() {
        fs::remove_dir_all(directory).expect("what was deployed can be removed");
    }
}

/// A release with that many megabytes that all versions share; its own part is small, as it is where
/// an application is built again and its dependencies are not.
pub fn release(version: &str, megabytes: usize) -> Release {
    Release::of(version).cookie("the_same").common_kb(megabytes * 1024).size_kb(64)
}
