//! Trees that are not like others: odd names, modes and links, places behind links and mounts, hosts
//! with other clocks and full disks. Failing deploys leave each of them as it was, good ones work.

mod common;

use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;
use common::world::{At, Entry, Release, Snapshot, World};
use fs_err as fs;
use rustix::process::geteuid;

/// What file names may hold.
const NAMES: [&str; 10] = [
    "with space",
    " leading and trailing ",
    "new\nline",
    "-rf",
    "--",
    "snowman ☃ é",
    "back\\slash \\n",
    "$(touch pwned) `touch pwned`; 'quotes\" * ?",
    "tab\there",
    ".hidden",
];

/// A release with odd names, with another content in each version.
fn odd(version: &str, content: &'static str) -> Release {
    let name = |name: &str| format!("lib/odd-1.0.0/priv/{name}");
    let mut release = Release::of(version).entry("lib/odd-1.0.0", 0o755, Entry::Directory).entry(
        "lib/odd-1.0.0/priv",
        0o755,
        Entry::Directory,
    );
    for each in NAMES {
        release = release.entry(&name(each), 0o644, Entry::File(content));
        let inside = format!("lib/{each}/{each}-{version}");
        release = release.entry(&inside, 0o644, Entry::File(content));
    }
    release
        .entry(&name("setuid"), 0o4755, Entry::File(content))
        .entry(&name("setgid"), 0o2755, Entry::File(content))
        .entry(&name("sticky"), 0o1755, Entry::Directory)
        .entry(&name("secret"), 0o600, Entry::File(content))
        .entry(&name("empty"), 0o750, Entry::Directory)
        .entry(&name("fixed"), 0o555, Entry::Directory)
        .entry(&name("fixed/in it"), 0o444, Entry::File(content))
        .entry(&format!("lib/fixed-{version}"), 0o555, Entry::Directory)
        .entry(&format!("lib/fixed-{version}/in it"), 0o444, Entry::File(content))
        .entry(&name("link"), 0o777, Entry::Symlink("with space"))
        .entry(&name("dangling"), 0o777, Entry::Symlink("nowhere\nat all"))
        .entry(&name("hard"), 0o644, Entry::Hardlink("lib/odd-1.0.0/priv/with space"))
}

/// A deploy of this version fails at its start on host 2, and at a rename; every host is as before.
#[track_caller]
fn fails(world: &World, version: &str) {
    let before = world.snapshot();
    world.host(2).behave(&format!("{version} start_exits_7"));
    world.deploy(version).exits(1).says(&["host-2", "All hosts are back as they were"]);
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    let trap = world.host(2).fail(&At::put_in_place(world.host(2), 6));
    world.deploy(version).exits(1).says(&["host-2", "All hosts are back as they were"]);
    trap.was_reached();
    world.assert_unchanged(&before);
}

/// A deploy of this version succeeds; each host has what the archive has, and nothing else in odd-1.0.0.
#[track_caller]
fn succeeds(world: &World, version: &str) {
    world.deploy(version).succeeds();
    world.assert_runs(version);
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8Path::from_path(dir.path()).unwrap();
    duct::cmd!("tar", "-xpf", world.archive(version).as_str(), "-C", dir.as_str()).run().unwrap();
    for part in ["lib/odd-1.0.0", &format!("lib/fixed-{version}"), "lib/-rf"] {
        for host in world.all() {
            let mut there = Snapshot::tree(&host.root().join(part));
            let mut wanted = Snapshot::tree(&dir.join(part));
            // Of the other version.
            there.retain(|name, _| !name.contains("-rf-") || name.ends_with(version));
            wanted.retain(|name, _| !name.contains("-rf-") || name.ends_with(version));
            assert_eq!(there, wanted, "{}: {part}", host.alias());
        }
    }
    let pwned = |host: &common::world::Host| host.home().join("pwned").exists();
    assert!(!world.all().iter().any(pwned));
}

// Odd names, modes and links come, change and go back.
#[test]
fn odd_names_and_modes() {
    let world = World::new()
        .hosts(2)
        .release("1.0.0")
        .release(odd("2.0.0", "one"))
        .release(odd("3.0.0", "another"))
        .running("1.0.0");
    fails(&world, "2.0.0");
    succeeds(&world, "2.0.0");
    fails(&world, "3.0.0");
    succeeds(&world, "3.0.0");
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("2.0.0");
    let words =
        ["deploy", "release", "to", "production", "--version=3.0.0", "--start-deploy", "--clean-deploy"];
    let before = world.snapshot();
    world.host(2).behave("3.0.0 start_exits_7");
    world.edeliver(words).exits(1).says(&["host-2", "All hosts are back as they were"]);
    world.assert_unchanged(&before);
    world.host(2).behave_as_made();
    world.edeliver(words).succeeds();
    world.assert_runs("3.0.0");
}

// What was a file becomes a directory, what was a directory a link, and so on.
#[test]
fn other_types() {
    let place = |name: &str| format!("lib/odd-1.0.0/{name}");
    let old = Release::of("2.0.0")
        .entry(&place("file to directory"), 0o644, Entry::File("a file"))
        .entry(&place("directory to file/x"), 0o644, Entry::File("in a directory"))
        .entry(&place("directory to link/x"), 0o644, Entry::File("in a directory"))
        .entry(&place("link to directory"), 0o777, Entry::Symlink("directory to link"))
        .entry(&place("link to link"), 0o777, Entry::Symlink("here"));
    let new = Release::of("3.0.0")
        .entry(&place("file to directory/y"), 0o644, Entry::File("in it"))
        .entry(&place("directory to file"), 0o600, Entry::File("a file"))
        .entry(&place("directory to link"), 0o777, Entry::Symlink("link to directory"))
        .entry(&place("link to directory/z"), 0o644, Entry::File("in it"))
        .entry(&place("link to link"), 0o777, Entry::Symlink("there"));
    let world = World::new().hosts(2).release(old).release(new).running("2.0.0");
    fails(&world, "3.0.0");
    world.deploy("3.0.0").succeeds();
    world.assert_runs("3.0.0");
    let host = world.host(1);
    assert_eq!(fs::read_to_string(host.root().join(place("file to directory/y"))).unwrap(), "in it");
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("2.0.0");
}

// DELIVER_TO or the release's own directory is a link to another place, on this file system or on another.
#[test]
fn places_behind_links() {
    for (linked, tmpfs) in [("app", false), ("app/stand_in", false), ("app", true), ("app/stand_in", true)] {
        let world = World::new().hosts(2).release("1.0.0").release("2.0.0").release("3.0.0");
        let home = world.host(2).home();
        let (link, place) = (home.join(linked), home.join("else where/deep"));
        fs::create_dir_all(&place).unwrap();
        let _mounted = match tmpfs {
            true => match mount(&place, "size=64m") {
                Some(mounted) => Some(mounted),
                None => return,
            },
            false => None,
        };
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&place, &link).unwrap();
        println!("{linked}, on another file system: {tmpfs}");
        let world = world.running("1.0.0").config("STABLE_FOR=0.2");
        let host = world.host(2);
        host.behave("2.0.0 start_exits_7");
        let before = Snapshot::tree(&place);
        world.deploy("2.0.0").exits(1).says(&["host-2", "All hosts are back as they were"]);
        let mut after = Snapshot::tree(&place);
        // Ours is beside the release, or in it where that is on a file system of its own.
        after.retain(|name, _| !name.contains("/.edeliver"));
        let mut before = before;
        before.retain(|name, _| after.contains_key(name) || !name.contains("/.edeliver"));
        without_data(&mut before);
        without_data(&mut after);
        assert_eq!(before, after);
        host.wait_for_node("1.0.0");
        host.behave_as_made();
        world.deploy("2.0.0").succeeds();
        host.wait_for_node("2.0.0");
        assert_eq!(fs::read_link(&link).unwrap(), place.as_std_path(), "the link is still one");
        world.edeliver(["rollback", "production"]).succeeds();
        host.wait_for_node("1.0.0");
    }
}

/// What the application writes changes all the time.
fn without_data(tree: &mut std::collections::BTreeMap<String, String>) {
    let is_data = |name: &str| ["/log", "/var"].iter().any(|data| name.contains(data));
    tree.retain(|name, _| !is_data(name));
}

/// Unmounts at the end of a test, however it ends.
struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, as a node may still run there.
        drop(duct::cmd!("umount", "-l", &self.0).run());
    }
}

/// A small file system, which only root can make.
fn mount(place: &Utf8Path, options: &str) -> Option<Mounted> {
    let mount = duct::cmd!("mount", "-t", "tmpfs", "-o", options, "tmpfs", place.as_str());
    if geteuid().is_root() && mount.stderr_null().unchecked().run().unwrap().status.success() {
        return Some(Mounted(place.to_string()));
    }
    eprintln!("SKIPPED: only root can mount a file system of its own");
    None
}

// A file that belongs to somebody else is put aside and comes back as it was. Only root can make one.
#[test]
fn a_file_of_somebody_else() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can give files away");
        return;
    }
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").running("1.0.0");
    let file = world.host(2).root().join("lib/common-1.0.0/ebin/x.beam");
    std::os::unix::fs::chown(&file, Some(65534), Some(65534)).unwrap();
    fails(&world, "2.0.0");
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (65534, 65534));
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// An archive names the owners that its files had on the build host: here they belong to who deploys.
#[test]
fn owners_of_the_build_host() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can give files away");
        return;
    }
    let world = World::new().hosts(1).release("1.0.0");
    let (archive, unpacked) = (world.archive("1.0.0"), world.home().join("unpacked"));
    fs::create_dir(&unpacked).unwrap();
    duct::cmd!("tar", "-xzf", &archive, "-C", &unpacked).run().unwrap();
    let entries = unpacked.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
    let names =
        ["--owner=somebody:4711", "--group=somebody:4711", "-czf", archive.as_str(), "-C", unpacked.as_str()];
    duct::cmd("tar", names.map(str::to_owned).into_iter().chain(entries)).run().unwrap();
    world.deploy("1.0.0").succeeds();
    let root = world.host(1).root();
    for path in ["bin", "bin/stand_in", "releases/start_erl.data", "lib/common-1.0.0/ebin/x.beam"] {
        let metadata = fs::metadata(root.join(path)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (0, 0), "{path}");
    }
}

// No inodes are left: before it begins, and in the middle of the switch.
#[test]
fn no_inodes() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    let app = world.host(2).deliver_to();
    fs::create_dir(&app).unwrap();
    let Some(_mounted) = mount(&app, "size=64m,nr_inodes=400") else { return };
    let world = world.running("1.0.0");
    let full = app.join("full");
    let fill = format!("mkdir -p {full}; n=0; while : >{full}/$n; do n=$((n + 1)); done 2>/dev/null");
    duct::cmd!("sh", "-c", &fill).unchecked().run().unwrap();
    let before = world.snapshot();
    let outcome = world.deploy("2.0.0");
    fs::remove_dir_all(&full).unwrap();
    // There is not even room for a lock: nothing was touched.
    outcome.exits(1).says(&["host-2", "No host was changed."]);
    assert_eq!(before, world.snapshot());
    for at in [At::call("mv", "*/agent-*", 1), At::put_in_place(world.host(2), 2)] {
        let trap = world.host(2).trap(&at, &format!("{{ {fill}; }}\nexec \"$real\" \"$@\""));
        let outcome = world.deploy("2.0.0");
        trap.was_reached();
        fs::remove_dir_all(&full).unwrap();
        outcome.exits(1).says(&["host-2"]);
        world.assert_unchanged(&before);
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// The disk is full when the journal is to be written.
#[test]
fn no_space_for_the_journal() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    let app = world.host(2).deliver_to();
    fs::create_dir(&app).unwrap();
    let Some(_mounted) = mount(&app, "size=16m") else { return };
    let world = world.running("1.0.0");
    let before = world.snapshot();
    // The journal as a whole, and a later line of it.
    let fill = format!("dd if=/dev/zero of={app}/full bs=4096 2>/dev/null; exec \"$real\" \"$@\"");
    for at in [At::call("cat", "*/input*", 1), At::call("sync", "*/journal", 1)] {
        let trap = world.host(2).trap(&at, &fill);
        let outcome = world.deploy("2.0.0");
        trap.was_reached();
        fs::remove_file(app.join("full")).unwrap();
        outcome.exits(1).says(&["host-2"]);
        world.assert_unchanged(&before);
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A host that cannot say on which file system the release is: nothing is put into the release for that.
#[test]
fn a_host_that_cannot_be_looked_at() {
    let world = World::new().hosts(1).release("1.0.0").release("2.0.0").running("1.0.0");
    let before = world.snapshot();
    for call in [1, 2] {
        let trap = world.host(1).fail(&At::call("stat", "'-L -c %d '*", call));
        world.deploy("2.0.0").exits(1).says(&["host-1", "cannot look at"]);
        trap.was_reached();
        world.assert_unchanged(&before);
    }
    world.deploy("2.0.0").succeeds();
    world.assert_runs("2.0.0");
}

// A host whose clock is a day ahead, and one whose clock is a day behind.
#[test]
fn clocks_that_are_off() {
    let world = World::new().hosts(2).release("1.0.0").release("2.0.0").config("LEASE=20").running("1.0.0");
    for (number, offset) in [(1, "86400"), (2, "-86400")] {
        let date = format!(
            "case $* in +%s) echo $(($(/usr/bin/date +%s) + {offset})) ;; \
             *) exec /usr/bin/date -d \"@$(($(/usr/bin/date +%s) + {offset}))\" \"$@\" ;; esac"
        );
        world.host(number).put_tool("date", &date);
    }
    fails(&world, "2.0.0");
    world.deploy("2.0.0").succeeds().says(&["host-1: its clock is 86", "host-2: its clock is -86"]);
    world.assert_runs("2.0.0");
}
