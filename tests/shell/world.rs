//! A project with a config, and the bash that has read it.

use camino::Utf8PathBuf;
use edeliver::report::{Redactor, Report, ReportOptions};
use edeliver::shell::{
    CallOutcome, Ending, RemoteScript, Reply, Requests, ShellError, ShellHost, ShellOptions, Variables,
};
use edeliver::transport::Interrupt;
use tempfile::TempDir;

use crate::user_bash;

/// Serves scripts by running them on this machine, and steps by writing down that they were asked for.
#[derive(Default)]
pub struct Asked {
    pub scripts: Vec<RemoteScript>,
    pub steps: Vec<String>,
    pub logged: Vec<String>,
}

impl Requests for Asked {
    fn remote(&mut self, script: &RemoteScript) -> Reply {
        self.scripts.push(script.clone());
        let text = String::from_utf8(script.text.clone()).unwrap();
        let input = script.stdin.clone().unwrap_or_default();
        let ran = duct::cmd!("bash", "-e", "-c", text)
            .stdin_bytes(input)
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        let output = if script.is_value { ran.stdout } else { Vec::new() };
        Reply { status: u8::try_from(ran.status.code().unwrap()).unwrap(), output }
    }

    fn step(&mut self, name: &str, arguments: &[String], variables: &mut Variables) -> Reply {
        let seen = variables.get("DELIVER_TO").unwrap_or("nothing").to_owned();
        self.steps.push(format!("{name}({}) in {seen}", arguments.join(",")));
        variables.set("RELEASE_VERSION", "9.9.9");
        if name == "git_reset_remote" { Reply::failed(4) } else { Reply::output(b"a step said\n".to_vec()) }
    }

    fn log(&mut self, text: &str) {
        self.logged.push(text.to_owned());
    }
}

/// A project with a config, and the bash that has read it.
pub struct World {
    pub project: TempDir,
    pub host: ShellHost,
    pub asked: Asked,
}

impl World {
    pub fn new(config: &str) -> Self {
        Self::with(config, &[])
    }

    pub fn with(config: &str, variables: &[(&str, &str)]) -> Self {
        let (world, loaded) = Self::load(config, variables);
        loaded.unwrap();
        world
    }

    pub fn load(config: &str, variables: &[(&str, &str)]) -> (Self, Result<CallOutcome, ShellError>) {
        let project = TempDir::new().unwrap();
        let file = Utf8PathBuf::from_path_buf(project.path().join("config")).unwrap();
        std::fs::write(&file, config).unwrap();
        let mut host = ShellHost::start(
            ShellOptions {
                bash: user_bash::program(),
                project: project.path().to_owned(),
                report: Report::new(ReportOptions {
                    plain: true,
                    log_file: Some(file.with_file_name("log")),
                    redactor: Redactor::new(["hunter22".to_owned()]),
                    ..ReportOptions::default()
                }),
                interrupt: Interrupt::default(),
            },
            "a test",
        )
        .unwrap();
        for (name, value) in variables {
            host.variables_mut().set(name, *value);
        }
        let mut asked = Asked::default();
        let loaded = host.load(&file, None, &mut asked);
        (Self { project, host, asked }, loaded)
    }

    pub fn call(&mut self, function: &str) -> CallOutcome {
        self.host.call(function, &[], &mut self.asked).unwrap()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.host.variables().get(name)
    }
}

pub fn ending(body: &str) -> Ending {
    World::new(&format!("foo() {{ :; }}\nhook() {{\n{body}\n}}\n")).call("hook").ending
}
