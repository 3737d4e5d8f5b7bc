//! Hosts and a user, on which one scenario is run after the other.

use camino::Utf8PathBuf;
use fs_err as fs;

use crate::bucket::Bucket;
use crate::common::registry::Registry;
use crate::common::sshd::{Client, Sshd};
use crate::common::world::Host;
use crate::docker::{self, Docker};
use crate::normal::Normal;
use crate::project::{self, APP, Templates, write_tool, write_write_down};
use crate::scenario::Scenario;

pub const TOOL: &str = include_str!("tools/tool.sh");
/// The tools of a build host.
pub const TOOLS: [&str; 5] = ["mix", "rebar", "rebar3", "relx", "docker"];
/// What the hosts have in place of those.
const HOST_SSH: &str = include_str!("tools/host_ssh.sh");
pub const HOST_TAR: &str = include_str!("tools/host_tar.sh");
/// What the user's machine has in place of OpenSSH's own, which know nothing of the hosts of a test.
const CLIENT_TOOLS: [(&str, &str); 4] = [
    ("ssh", include_str!("tools/ssh.sh")),
    ("scp", include_str!("tools/scp.sh")),
    ("ssh-keygen", include_str!("tools/ssh-keygen.sh")),
    ("ssh-keyscan", include_str!("tools/ssh-keyscan.sh")),
];

/// Hosts with real sshd's, and a user with a project.
pub struct Lane {
    // Before the client, whose home they know.
    pub hosts: Vec<Host>,
    pub client: Client,
    templates: Templates,
    /// Once a scenario has had one.
    bucket: Option<Bucket>,
    /// That of the scenario.
    registry: Option<Registry>,
    /// What each host's login is before a scenario changes it.
    logins: Vec<String>,
}

impl Lane {
    /// Starts the hosts.
    pub fn new() -> Self {
        let client = Client::new();
        let hosts = ["build", "host-1", "host-2", "store"];
        let hosts: Vec<Host> = hosts
            .iter()
            .map(|alias| Host::new(Sshd::start(&client, alias), (*alias).to_owned(), APP))
            .collect();
        // `deploy release locally` goes through ssh with the original.
        client.add_alias("localhost", hosts[3].port(), "");
        let logins =
            hosts.iter().map(|host| fs::read_to_string(outer(host).join("login")).unwrap()).collect();
        Self { hosts, client, templates: Templates::new(), bucket: None, registry: None, logins }
    }

    /// The project.
    pub fn project(&self) -> Utf8PathBuf {
        self.client.home().join("project")
    }

    /// The tools of the user.
    pub fn tools(&self) -> Utf8PathBuf {
        self.client.home().join("tools")
    }

    /// Makes everything as the scenario has it.
    pub fn lay_out(&mut self, scenario: &Scenario) {
        self.registry = None;
        match &scenario.docker {
            Some(docker) if docker.registry => {
                let (registry, scenario) = docker.start_registry(scenario);
                self.registry = Some(registry);
                self.lay_out_all(&scenario);
            }
            _ => self.lay_out_all(scenario),
        }
    }

    fn lay_out_all(&mut self, scenario: &Scenario) {
        for index in 0..self.hosts.len() {
            self.clear_host(index);
            self.lay_out_host(&self.hosts[index], scenario);
        }
        self.lay_out_client(scenario);
        let homes = [self.hosts[0].home(), self.hosts[1].home()];
        project::lay_out(&self.project(), scenario, &self.templates, [&homes[0], &homes[1]]);
        if let Some(docker) = &scenario.docker {
            self.lay_out_docker(docker, scenario);
        }
        if let Some(archives) = &scenario.bucket {
            self.bucket.get_or_insert_with(Bucket::new).lay_out(archives, &self.templates);
            self.lay_out_tools_of_bucket();
        }
        for host in &self.hosts {
            self.lay_out_release(host, scenario);
        }
        for host in &mut self.hosts {
            if scenario.down.iter().any(|alias| alias == host.alias()) {
                host.stop();
            }
        }
    }

    /// The bucket of this scenario.
    pub fn bucket(&self, scenario: &Scenario) -> Option<&Bucket> {
        self.bucket.as_ref().filter(|_| scenario.bucket.is_some())
    }

    /// What is called what in this scenario.
    pub fn normal(&self) -> Normal {
        let mut normal = Normal::default();
        for host in &self.hosts {
            normal.name(outer(host).join("home"), format!("[home of {}]", host.alias()));
            normal.name(outer(host), format!("[{}]", host.alias()));
            normal.name(format!(":{}", host.port()), ":[port]");
        }
        if let Some(registry) = &self.registry {
            normal.name(format!(":{}", registry.port()), ":[port]");
        }
        if let Some(bucket) = &self.bucket {
            bucket.name(&mut normal);
        }
        normal.name(self.project(), "[project]");
        normal.name(self.client.home().as_str(), "[home]");
        normal.name(self.templates.path().as_str(), "[templates]");
        normal.name_commits(&self.project());
        normal
    }

    fn clear_host(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.kill_connections();
        host.end_processes();
        if !host.is_running() {
            host.start_again();
        }
        for directory in [host.home(), host.tools(), host.temporary()] {
            duct::cmd!("chmod", "-R", "u+rwX", &directory).run().unwrap();
            fs::remove_dir_all(&directory).unwrap();
            fs::create_dir(&directory).unwrap();
        }
        let outer = outer(host);
        for name in ["own", "calls", "reached", "docker"] {
            drop(std::fs::remove_dir_all(outer.join(name)));
            drop(std::fs::remove_file(outer.join(name)));
        }
        fs::write(outer.join("login"), &self.logins[index]).unwrap();
    }

    fn lay_out_host(&self, host: &Host, scenario: &Scenario) {
        let outer = outer(host);
        fs::write(host.home().join(".profile"), "").unwrap();
        write_write_down(&outer);
        fs::create_dir(outer.join("own")).unwrap();
        let names =
            [("@OUTER@", outer.as_str()), ("@APP@", APP), ("@TEMPLATES@", self.templates.path().as_str())];
        for tool in TOOLS {
            write_tool(&host.tools().join(tool), TOOL, &names);
        }
        for tool in ["ssh-keygen", "ssh-keyscan"] {
            write_tool(&host.tools().join(tool), HOST_SSH, &[]);
        }
        write_tool(&host.tools().join("tar"), HOST_TAR, &[]);
        for (tool, script) in &scenario.tools {
            if let Some(tool) = tool.strip_prefix("here/") {
                assert!(!tool.is_empty());
            } else {
                write_tool(&outer.join("own").join(tool), script, &names);
                write_tool(&host.tools().join(tool), TOOL, &names);
            }
        }
        if let Some(shell) = &scenario.login_shell {
            let login = fs::read_to_string(outer.join("login")).unwrap();
            let shell = duct::cmd!("sh", "-c", format!("command -v {shell}")).read().unwrap();
            let bash = duct::cmd!("sh", "-c", "command -v bash").read().unwrap();
            fs::write(outer.join("login"), login.replace(&bash, &shell)).unwrap();
        }
    }

    fn lay_out_client(&self, scenario: &Scenario) {
        let home = self.client.home();
        for name in ["project", "tools", "tmp", "own", "container", "docker"] {
            drop(std::fs::remove_dir_all(home.join(name)));
        }
        for name in ["calls", "edeliver.log"] {
            drop(std::fs::remove_file(home.join(name)));
        }
        fs::create_dir(home.join("tmp")).unwrap();
        fs::create_dir(self.tools()).unwrap();
        write_write_down(home);
        self.client.forget_hosts();
        if !scenario.unknown_hosts {
            for host in &self.hosts {
                self.client.trust(host.port(), host);
            }
        }
        let config = self.client.config();
        let names = [("@CONFIG@", config.as_str()), ("@HOME@", home.as_str())];
        for (tool, script) in CLIENT_TOOLS {
            write_tool(&self.tools().join(tool), script, &names);
        }
        for (tool, script) in &scenario.tools {
            if let Some(tool) = tool.strip_prefix("here/") {
                let script = format!(
                    "#!/bin/sh\n. {home}/write_down.sh\nwrite_down {home}/calls {tool} \"$@\"\n{script}\n"
                );
                write_tool(&self.tools().join(tool), &script, &[]);
            }
        }
    }

    fn lay_out_tools_of_bucket(&self) {
        let (home, config) = (self.client.home(), self.client.config());
        let tools: Vec<_> = self.hosts.iter().map(Host::tools).chain([self.tools()]).collect();
        if let Some(bucket) = &self.bucket {
            bucket.lay_out_tools(&tools, home, config.as_ref());
        }
    }

    fn lay_out_docker(&self, docker: &Docker, scenario: &Scenario) {
        let home = self.client.home();
        docker::lay_out(home, &self.tools(), home);
        if let Some(script) = scenario.tools.get("here/docker") {
            let own = home.join("own");
            fs::create_dir_all(&own).unwrap();
            fs::write(own.join("docker"), script).unwrap();
        }
        for host in &self.hosts {
            docker::lay_out(&outer(host), &host.tools(), home);
        }
        docker::lay_out_images(docker, home, scenario, &self.templates);
    }

    /// Puts the release there which is there before, as the original does.
    fn lay_out_release(&self, host: &Host, scenario: &Scenario) {
        let of_stage = ["host-1", "host-2"].contains(&host.alias());
        if let (Some(version), true) = (&scenario.deployed, of_stage) {
            for place in ["app", "test"] {
                let root = host.home().join(place).join(APP);
                fs::create_dir_all(root.parent().unwrap()).unwrap();
                duct::cmd!("cp", "-R", self.templates.of(version), root).run().unwrap();
            }
        }
        self.templates.of("1.0.0");
        let scripts = [of_stage.then_some(&scenario.before), scenario.on_hosts.get(host.alias())];
        for script in scripts.into_iter().flatten().filter(|script| !script.is_empty()) {
            let script = script.replace("@TEMPLATES@", self.templates.path().as_str());
            let (success, said) = host.run(&script);
            assert!(success, "{}: {script}: {said}", host.alias());
        }
        if !scenario.behaviour.is_empty() {
            host.behave(&scenario.behaviour);
        }
        if scenario.running && of_stage {
            host.control("start");
            host.wait_for_node(scenario.deployed.as_ref().expect("what runs was deployed"));
            // How it came there is nobody's business.
            drop(std::fs::remove_file(outer(host).join("calls")));
        }
    }
}

/// The directory around a host's home.
pub fn outer(host: &Host) -> Utf8PathBuf {
    host.outer()
}
