//! The release store through the real binary: `show releases`, `upload` and `download`, and what becomes of
//! a store on a host when the link is cut.

mod common;

use camino::{Utf8Path, Utf8PathBuf};
use common::sshd::user;
use common::world::{At, Host, Release, World};
use fs_err as fs;
use serde_json::Value;

const ARCHIVE: &str = "stand_in_1.0.0.release.tar.gz";

/// A project whose store is the directory `archives` on host 1.
fn remote() -> World {
    let world = World::new().hosts(1);
    world.config(&format!("RELEASE_STORE=\"{}@host-1:archives\"", user()))
}

/// The archive of the release lies in the project.
fn with_file(world: &World, release: &Release, name: &str) -> Utf8PathBuf {
    let path = world.project().join(name);
    fs::copy(release.archive(), &path).unwrap();
    path
}

fn names(directory: &Utf8Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn stored(host: &Host) -> Vec<String> {
    names(&host.home().join("archives"))
}

// The plain list is the original's. With --long and --json comes what is known beside the names, and
// nothing is made up where it is not.
#[test]
fn what_is_known_of_each_archive() {
    let world = World::new().release("1.0.0").release("0.9.0");
    let output = world.edeliver(["show", "releases"]).succeeds();
    insta::assert_snapshot!(output.stdout, @r"

    EDELIVER STAND_IN WITH SHOW COMMAND

    -----> Listing stand_in releases in local release store

     Application | Version | Revision |    Type | File
    -------------+---------+----------+---------+---------------------
        stand_in |   0.9.0 |          | release | stand_in_0.9.0.release.tar.gz
        stand_in |   1.0.0 |          | release | stand_in_1.0.0.release.tar.gz

    SHOW DONE!
    ");
    // Reading it through writes its manifest beside it.
    world.edeliver(["check", "release", "--version=1.0.0"]).succeeds();
    let listed =
        world.edeliver(["show", "releases", "--json"]).succeeds().event("releases")["archives"].clone();
    let (old, new) = (&listed[0], &listed[1]);
    assert_eq!((&old["version"], &old["sha256"]), (&"0.9.0".into(), &Value::Null));
    let bytes = fs::read(world.archive("1.0.0")).unwrap();
    let sum = duct::cmd!("sha256sum", world.archive("1.0.0")).read().unwrap();
    assert_eq!(new["sha256"].as_str(), sum.split(' ').next());
    assert_eq!((new["size"].as_u64(), &new["kind"]), (Some(bytes.len() as u64), &"release".into()));
    assert_eq!(new["stored_at"], "[time]");
    assert_eq!(new.get("deployed"), None, "no host was asked");
    let long = world.edeliver(["show", "releases", "--long"]).succeeds();
    long.says(&["version", "sha256", sum.split(' ').next().unwrap(), &bytes.len().to_string()]);
    // A manifest of another archive says nothing of this one.
    fs::write(world.archive("1.0.0"), "replaced").unwrap();
    let listed =
        world.edeliver(["show", "releases", "--json"]).succeeds().event("releases")["archives"].clone();
    assert_eq!(listed[1]["sha256"], Value::Null);
}

// Hosts are asked only with --deployed; one that is down is a failure, and the list comes all the same.
#[test]
fn where_it_is_deployed() {
    let mut world = World::new().hosts(2).release("1.0.0").release("2.0.0");
    let host = format!("--host={}@host-1", user());
    world.edeliver(["deploy", "release", "to", "production", "--version=2.0.0", &host]).succeeds();
    let output = world.edeliver(["show", "releases", "--deployed"]).succeeds();
    let line = |version: &str| {
        let line = output.stdout.lines().find(|line| line.starts_with(version));
        line.unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("1.0.0"), format!("1.0.0 release - {}", ARCHIVE));
    let file = ARCHIVE.replace("1.0.0", "2.0.0");
    assert_eq!(line("2.0.0"), format!("2.0.0 release production:[user]@host-1 {file}"));
    let listed =
        world.edeliver(["show", "releases", "--deployed", "--json"]).succeeds().event("releases")["archives"]
            .clone();
    let there = &listed[1]["deployed"][0];
    assert_eq!((&there["host"], &there["on_disk"]), (&"[user]@host-1".into(), &true.into()));
    assert_eq!((&there["running"], &listed[0]["deployed"]), (&false.into(), &Value::Array(Vec::new())));
    world.host_mut(2).stop();
    let output = world.edeliver(["show", "releases", "--deployed"]).exits(1).says(&["host-2"]);
    assert!(output.stdout.contains("production:[user]@host-1"), "{}", output.stdout);
    world.edeliver(["show", "releases"]).succeeds();
}

// What is uploaded is listed with its checksum and comes back the same, byte for byte.
#[test]
fn an_archive_is_uploaded_and_downloaded() {
    let world = remote();
    let path = with_file(&world, &Release::of("1.0.0"), ARCHIVE);
    world.edeliver(["upload", "release", "1.0.0"]).succeeds().says(&[
        "Authorizing release store host",
        &format!("Uploading file {ARCHIVE} to {ARCHIVE}"),
        "UPLOAD DONE!",
    ]);
    assert_eq!(stored(world.host(1)), [format!(".{ARCHIVE}.manifest.json").as_str(), ARCHIVE]);
    let listed =
        world.edeliver(["show", "releases", "--json"]).succeeds().event("releases")["archives"].clone();
    let sum = duct::cmd!("sha256sum", &path).read().unwrap();
    assert_eq!(listed[0]["sha256"].as_str(), sum.split(' ').next());
    // It is asked before anything is replaced, here and there.
    world.edeliver(["upload", "release", "1.0.0"]).exits(1).says(&["already exists", "--force"]);
    world.edeliver(["download", "release", "1.0.0"]).exits(1).says(&["already exists", "--force"]);
    let bytes = fs::read(&path).unwrap();
    fs::create_dir(world.project().join("into")).unwrap();
    world.edeliver(["download", ARCHIVE, "into"]).succeeds();
    assert!(fs::read(world.project().join("into").join(ARCHIVE)).unwrap() == bytes);
    assert_eq!(names(&world.project().join("into")), [ARCHIVE], "nothing else is left");
    fs::write(&path, "other").unwrap();
    world.edeliver(["download", "release", "1.0.0", "--force"]).succeeds();
    assert!(fs::read(&path).unwrap() == bytes);
}

// From the local store, with the commit that it was built from, to a store that the command line names.
#[test]
fn an_archive_of_the_local_store_is_uploaded_to_another_one() {
    let world = World::new().hosts(1).release("1.0.0");
    world.edeliver(["check", "release"]).succeeds();
    let manifest = world.archive("1.0.0").with_file_name(format!(".{ARCHIVE}.manifest.json"));
    let kept = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, kept.replacen('{', "{\"revision\":\"0123abc\",", 1)).unwrap();
    let store = format!("--store={}@host-1:archives", user());
    world.edeliver(["upload", "release", "1.0.0", &store]).succeeds();
    let listed =
        world.edeliver(["show", "releases", "--json", &store]).succeeds().event("releases")["archives"]
            .clone();
    assert_eq!((&listed[0]["file"], &listed[0]["revision"]), (&ARCHIVE.into(), &"0123abc".into()));
    // Without it the store is a directory here, and there is nothing to copy.
    world.edeliver(["upload", "release", "1.0.0"]).exits(2).says(&["on this machine", "--store="]);
    world.edeliver(["download", "release", "1.0.0"]).exits(2).says(&["on this machine", "--store="]);
}

// What is no archive, or has no name of one, does not get into the store; what is not there is said.
#[test]
fn what_cannot_be_copied() {
    let world = remote();
    let damaged = with_file(&world, &Release::of("1.0.0"), ARCHIVE);
    let bytes = fs::read(&damaged).unwrap();
    fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    world.edeliver(["upload", "release", "1.0.0"]).exits(1).says(&[ARCHIVE, "was not uploaded"]);
    world.edeliver(["upload", ARCHIVE, "notes.txt"]).exits(2).says(&["'notes.txt' is not the name of"]);
    world.edeliver(["upload", "release", "7.0.0"]).exits(2).says(&["there is no file stand_in_7.0.0"]);
    world
        .edeliver(["download", "release", "7.0.0"])
        .exits(2)
        .says(&["has no stand_in_7.0.0", "show releases"]);
    assert_eq!(stored(world.host(1)), [""; 0]);
    // What was damaged in the store does not get here.
    fs::write(&damaged, &bytes).unwrap();
    world.edeliver(["upload", "release", "1.0.0"]).succeeds();
    fs::write(world.host(1).home().join("archives").join(ARCHIVE), &bytes[..bytes.len() - 9]).unwrap();
    fs::remove_file(&damaged).unwrap();
    world.edeliver(["download", "release", "1.0.0"]).exits(1).says(&[ARCHIVE]);
    assert!(!damaged.exists());
}

/// When the host has received the beginning of the archive, and not the rest.
fn in_the_middle(host: &Host) -> common::world::Trap {
    let at = At::call("cat", "''", 1);
    host.trap(&at, "dd bs=1000 count=1 2>/dev/null\nread -r _ <\"$dir/go\"\nexec \"$real\" \"$@\"")
}

// The link is cut in the middle of an upload and the host stays away: nothing is listed, what was there
// is as it was, and the next upload succeeds.
#[test]
fn a_link_that_is_cut_leaves_nothing_in_the_list() {
    let mut world = remote();
    let file = with_file(&world, &Release::of("1.0.0").size_kb(4000), "new.tar.gz");
    with_file(&world, &Release::of("0.9.0"), "old.tar.gz");
    let old = ARCHIVE.replace("1.0.0", "0.9.0");
    world.edeliver(["upload", "old.tar.gz", &old]).succeeds();
    let trap = in_the_middle(world.host(1));
    let running = world.spawn(["upload", "new.tar.gz", ARCHIVE]);
    trap.wait();
    world.host_mut(1).stop();
    trap.release();
    running.wait().exits(1).says(&["host-1", &format!("store {ARCHIVE}")]);
    trap.was_reached();
    world.host_mut(1).start_again();
    let listed =
        world.edeliver(["show", "releases", "--json"]).succeeds().event("releases")["archives"].clone();
    let files: Vec<&str> =
        listed.as_array().unwrap().iter().map(|each| each["file"].as_str().unwrap()).collect();
    assert_eq!(files, [old.as_str()]);
    assert!(!stored(world.host(1)).contains(&ARCHIVE.to_owned()));
    world.edeliver(["upload", "new.tar.gz", ARCHIVE]).succeeds();
    let there = fs::read(world.host(1).home().join("archives").join(ARCHIVE)).unwrap();
    assert!(there == fs::read(file).unwrap());
}

// The link is cut and the host can be reached again at once: the upload is begun again by itself.
#[test]
fn a_link_that_is_cut_for_a_moment() {
    let world = remote();
    let file = with_file(&world, &Release::of("1.0.0").size_kb(4000), ARCHIVE);
    let trap = in_the_middle(world.host(1));
    let running = world.spawn(["upload", "release", "1.0.0"]);
    trap.wait();
    world.host(1).kill_connections();
    trap.release();
    running.wait().succeeds();
    trap.was_reached();
    let there = fs::read(world.host(1).home().join("archives").join(ARCHIVE)).unwrap();
    assert!(there == fs::read(file).unwrap());
}
