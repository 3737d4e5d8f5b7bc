//! Who is measured: edeliver, the shell tool, and the floor.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::common::world::World;
use crate::lab::Lab;

/// A run of edeliver.
pub fn ours(lab: &Lab, args: &[&str]) -> Command {
    lab.world.command(lab.command(Utf8Path::new(env!("CARGO_BIN_EXE_edeliver"))), args)
}

/// A run of the shell tool with the same arguments, in the same project.
pub fn theirs(lab: &Lab, original: &Utf8Path, args: &[&str]) -> Command {
    let tools = ssh_tools(&lab.world);
    let mut command = lab.world.command(lab.command(original), args);
    command.env("PATH", format!("{tools}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"));
    command
}

/// What no deploy tool can do without: the archive through one ssh to each host, unpacked there.
pub fn floor(lab: &Lab, archive: &Utf8Path) -> Vec<Command> {
    let tools = ssh_tools(&lab.world);
    lab.world
        .all()
        .iter()
        .map(|host| {
            let mut command = lab.command(&tools.join("ssh"));
            command.args([host.alias(), "mkdir -p app/floor && exec tar -xz -C app/floor"]);
            command.stdin(Stdio::from(fs::File::open(archive).expect("the archive").into_parts().0));
            command
        })
        .collect()
}

/// `ssh` and `scp` look for their configuration in the home directory that the system knows, not in
/// $HOME: these name it.
fn ssh_tools(world: &World) -> Utf8PathBuf {
    let tools = world.home().join("ssh-tools");
    if !tools.exists() {
        fs::create_dir(&tools).expect("a directory");
        let config = world.home().join(".ssh/config");
        // -O: sftp knows nothing of the home that a host's login shell has here.
        for (tool, options) in [("ssh", ""), ("scp", "-O ")] {
            let text = format!("#!/bin/sh\nexec /usr/bin/{tool} {options}-F {config} \"$@\"\n");
            fs::write(tools.join(tool), text).expect("a script");
        }
        // It would look for the aliases in the DNS; the hosts are known already.
        fs::write(tools.join("ssh-keyscan"), "#!/bin/sh\n").expect("a script");
        for tool in ["ssh", "scp", "ssh-keyscan"] {
            fs::set_permissions(tools.join(tool), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        }
    }
    tools
}
