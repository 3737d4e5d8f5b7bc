//! Faults at an observed moment: a host's tool that does something else at its n-th call.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use fs_err as fs;

use super::Host;

/// At which calls of which tool.
pub struct At {
    tool: &'static str,
    pattern: String,
    call: usize,
}

/// A trap that is set on a host.
#[must_use]
pub struct Trap {
    tool: Utf8PathBuf,
    dir: Utf8PathBuf,
    name: String,
}

impl At {
    /// At the n-th call of this tool whose arguments match the shell pattern.
    pub fn call(tool: &'static str, pattern: &str, call: usize) -> Self {
        Self { tool, pattern: pattern.to_owned(), call }
    }

    /// At the n-th rename of something new into its place (or back, when a switch is undone).
    pub fn put_in_place(host: &Host, call: usize) -> Self {
        Self::call("mv", &format!("*/staging/*' {}/'*", host.root()), call)
    }

    /// At the n-th rename of something old out of its place.
    pub fn put_aside(host: &Host, call: usize) -> Self {
        Self::call("mv", &format!("'-- {}/'*/undo/*", host.root()), call)
    }

    /// When the archive is unpacked.
    pub fn unpack() -> Self {
        Self::call("tar", "*", 1)
    }
}

impl Host {
    /// The tool fails.
    pub fn fail(&self, at: &At) -> Trap {
        self.trap(at, &format!("echo '{}: Input/output error' >&2\nexit 1", at.tool))
    }

    /// The tool waits until the trap is [released](Trap::release), and then does its work.
    pub fn pause(&self, at: &At) -> Trap {
        self.trap(at, "read -r _ <\"$dir/go\"\nexec \"$real\" \"$@\"")
    }

    /// The tool does its work, then the script runs (with the tool's arguments).
    pub fn afterwards(&self, at: &At, script: &str) -> Trap {
        self.trap(at, &format!("\"$real\" \"$@\"\nstatus=$?\n{script}\nexit \"$status\""))
    }

    /// The script runs in place of the tool, which is `$real`.
    pub fn trap(&self, at: &At, action: &str) -> Trap {
        let real = duct::cmd!("sh", "-c", format!("command -v {}", at.tool)).read().unwrap();
        let trap = Trap {
            tool: self.tools().join(at.tool),
            dir: self.tools().join(".of"),
            name: self.alias().into(),
        };
        fs::create_dir_all(&trap.dir).unwrap();
        duct::cmd!("mkfifo", trap.dir.join("go").as_str()).run().unwrap();
        let (dir, pattern, call) = (&trap.dir, &at.pattern, at.call);
        let script = format!(
            "#!/bin/sh\nreal={real} dir={dir}\ncase $* in\n{pattern}) ;;\n*) exec \"$real\" \"$@\" ;;\nesac\n\
             echo >>\"$dir/calls\"\n[ \"$(wc -l <\"$dir/calls\")\" -eq {call} ] || exec \"$real\" \"$@\"\n\
             echo \"$*\" >\"$dir/reached\"\n{action}\n"
        );
        // As in `put_tool`.
        drop(std::fs::remove_file(&trap.tool));
        fs::write(&trap.tool, script).unwrap();
        fs::set_permissions(&trap.tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        trap
    }
}

impl Trap {
    /// Whether the moment has come.
    pub fn is_reached(&self) -> bool {
        // The line is there when it has its end.
        std::fs::read_to_string(self.dir.join("reached")).is_ok_and(|text| text.ends_with('\n'))
    }

    /// Waits for the moment.
    #[track_caller]
    pub fn wait(&self) {
        let begin = Instant::now();
        while !self.is_reached() {
            assert!(begin.elapsed() < Duration::from_secs(30), "{}: {} is not reached", self.name, self.tool);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets a paused tool go on. It may be gone, with all that waited for it.
    pub fn release(&self) {
        let go = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        if let Ok(fifo) = rustix::fs::open(self.dir.join("go").as_std_path(), go, rustix::fs::Mode::empty()) {
            rustix::io::write(fifo, b"\n").unwrap();
        }
    }

    /// Takes the trap away; it must have been reached.
    #[track_caller]
    pub fn was_reached(self) {
        assert!(self.is_reached(), "{}: the fault did not take place ({})", self.name, self.tool);
        fs::remove_file(&self.tool).unwrap();
        fs::remove_dir_all(&self.dir).unwrap();
    }
}
