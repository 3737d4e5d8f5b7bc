//! Commands that work on this machine alone: `pack`, `unpack`, `check release`, `increase`.

mod common;

use camino::Utf8Path;
use common::world::{Entry, Release, World};
use fs_err as fs;

const UNPACKED: &str = ".deliver/.tmp/stand_in_1.0.0.release";

// What was unpacked, changed and packed again is what the store has: modes and links as well.
#[test]
fn an_archive_is_unpacked_changed_and_packed_again() {
    let release = Release::of("1.0.0").entry("priv/link", 0o777, Entry::Symlink("../bin/stand_in"));
    let world = World::new().release(release);
    let output = world.edeliver(["unpack", "release"]).succeeds();
    insta::assert_snapshot!(output.stdout);
    let unpacked = world.project().join(UNPACKED);
    let script = unpacked.join("bin/stand_in");
    assert_eq!(mode(&script) & 0o111, 0o111);
    assert_eq!(fs::read_link(unpacked.join("priv/link")).unwrap(), Utf8Path::new("../bin/stand_in"));

    fs::write(unpacked.join("priv/new"), "new").unwrap();
    fs::write(unpacked.join(".hidden"), "hidden").unwrap();
    let before = fs::read(world.archive("1.0.0")).unwrap();
    world
        .edeliver(["pack", "release"])
        .exits(1)
        .says(&["already exists, and was left as it is", "--force replaces it"]);
    assert!(fs::read(world.archive("1.0.0")).unwrap() == before, "the archive is as it was");
    let output = world.edeliver(["pack", "release", "--force"]).succeeds();
    insta::assert_snapshot!(output.stdout);

    // The unpacked directory is not replaced unasked, and whole when it is.
    world.edeliver(["unpack", "release"]).exits(1).says(&["was left as it is"]);
    fs::write(unpacked.join("stray"), "").unwrap();
    world.edeliver(["unpack", "release", "--force"]).succeeds();
    assert!(!unpacked.join("stray").exists());
    for (name, text) in [("priv/new", "new"), (".hidden", "hidden")] {
        assert_eq!(fs::read_to_string(unpacked.join(name)).unwrap(), text);
    }
    assert_eq!(mode(&script) & 0o111, 0o111);
    assert_eq!(names(&world.project().join(".deliver/.tmp")), ["stand_in_1.0.0.release"]);
}

fn mode(path: &Utf8Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions())
}

fn names(directory: &Utf8Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// The question comes on a terminal; no answer but yes replaces anything.
#[test]
fn a_person_is_asked_before_something_is_replaced() {
    let world = World::new().release("1.0.0");
    world.edeliver(["unpack", "release"]).succeeds();
    for (answer, status) in [("n\r", 1), ("y\r", 0)] {
        let mut terminal = world.on_terminal((24, 100), ["unpack", "release", "--plain"]);
        terminal.wait_for("Overwrite? (y/n)");
        terminal.press(answer);
        assert_eq!(terminal.ends(), Some(status), "{}", terminal.shown());
    }
}

// What could not start does not get into the store; what is not there is said.
#[test]
fn what_cannot_be_packed_or_unpacked() {
    let world = World::new().release("1.0.0").release("2.0.0");
    world.edeliver(["unpack", "release"]).exits(2).says(&["--version=1.0.0", "--version=2.0.0"]);
    world.edeliver(["unpack", "release", "--version=3.0.0"]).exits(2).says(&["has no release 3.0.0"]);
    world.edeliver(["unpack", "upgrade"]).exits(2).says(&["has no upgrade"]);
    world
        .edeliver(["pack", "release"])
        .exits(2)
        .says(&["no release is unpacked", "'edeliver unpack release'"]);
    world
        .edeliver(["pack", "upgrade", "--version=1.0.0"])
        .exits(2)
        .says(&["stand_in_1.0.0.upgrade does not exist", "'edeliver unpack upgrade --version=1.0.0'"]);

    world.edeliver(["unpack", "release", "--version=1.0.0"]).succeeds();
    let before = fs::read(world.archive("1.0.0")).unwrap();
    fs::remove_file(world.project().join(UNPACKED).join("bin/stand_in")).unwrap();
    world
        .edeliver(["pack", "release", "--force"])
        .exits(1)
        .says(&["is not stored", "the archive has no bin/stand_in"]);
    assert!(fs::read(world.archive("1.0.0")).unwrap() == before, "the archive is as it was");

    fs::write(world.archive("2.0.0"), &before[..before.len() / 2]).unwrap();
    world.edeliver(["unpack", "release", "--version=2.0.0"]).exits(1).says(&["truncated"]);
    assert_eq!(names(&world.project().join(".deliver/.tmp")), ["stand_in_1.0.0.release"]);
}

// All that a release lacks is said at once, and what it has is shown.
#[test]
fn a_release_is_checked() {
    let mut world = World::new().release("1.0.0");
    let output = world.edeliver(["check", "release"]).succeeds();
    let facts = regex::Regex::new(r"(size +|unpacked|sha256 +|bytes, ?)[0-9a-f]*\d[0-9a-f]*").unwrap();
    insta::assert_snapshot!(facts.replace_all(&output.stdout, "$1[n]"));
    world.reconfigure("REQUIRED_FILES=\"lib/*/priv/manifest.json bin/*\"");
    fs::remove_file(world.archive("1.0.0")).unwrap();
    world.edeliver(["check", "release"]).exits(2).says(&["has no release"]);
    world.store(Release::of("1.0.0"));
    world
        .edeliver(["check", "release", "--version=1.0.0"])
        .exits(1)
        .says(&["stand_in_1.0.0.release.tar.gz cannot be deployed:", "lib/*/priv/manifest.json"]);
}

/// Looks like the release, but git does not know it.
const DEPENDENCY: &str = "{release, {'stand_in', \"4.0.1\"}, [other]}.\n";

/// A project with two applications and a release of rebar, tagged v1; only `cart` has changed since.
fn project() -> World {
    let world = World::new();
    for (file, text) in [
        ("apps/cart/src/cart.app.src", "{application, cart, [{vsn, \"1.2.3\"}]}.\n"),
        ("apps/cart/src/cart.erl", "-module(cart).\n"),
        ("apps/till/src/till.app.src", "{application, till, [{vsn, \"0.9\"}]}.\n"),
        (
            "rel/reltool.config",
            "{sys, [{rel, \"stand_in\", \"4.0\", [kernel]}, {rel, \"other\", \"4.0\", []}]}.\n",
        ),
        ("relx.config", "{release, {'stand_in', \"4.0.1\"}, [cart]}.\n"),
        ("mix.exs", "defmodule Shop do\n  def project, do: [\n    version: \"1.2.3\"\n  ]\nend\n"),
        (".gitignore", ".deliver\ndeps\n"),
        ("deps/other/relx.config", DEPENDENCY),
    ] {
        let file = world.project().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    git(&world, &["init", "--quiet", "--initial-branch", "main"]);
    world.commit();
    git(&world, &["tag", "v1"]);
    fs::write(world.project().join("apps/cart/src/cart.erl"), "-module(cart).\n-export([]).\n").unwrap();
    world.commit();
    world
}

fn git(world: &World, args: &[&str]) {
    duct::cmd("git", args).dir(world.project()).env("HOME", world.home()).run().unwrap();
}

fn file(world: &World, name: &str) -> String {
    fs::read_to_string(world.project().join(name)).unwrap()
}

// The applications that have changed, and the release: as the original does, and mix.exs as Elixir counts.
#[test]
fn versions_are_increased() {
    let world = project();
    let output = world.edeliver(["increase", "minor", "versions"]).succeeds();
    insta::assert_snapshot!(output.stdout);
    assert!(file(&world, "apps/cart/src/cart.app.src").contains("{vsn, \"1.2.4\"}"));
    assert!(file(&world, "apps/till/src/till.app.src").contains("{vsn, \"0.9\"}"), "it has not changed");
    assert!(file(&world, "rel/reltool.config").contains("{rel, \"other\", \"4.0\""), "it is another release");
    assert_eq!(file(&world, "deps/other/relx.config"), DEPENDENCY);
    let output = world.edeliver(["increase", "versions"]).succeeds();
    assert!(output.stdout.contains("apps/cart/src/cart.app.src: 1.2.4 -> 2.0\n"), "{}", output.stdout);
}

// Without a tag everything counts as changed; nothing is written unless all of it can be.
#[test]
fn what_cannot_be_increased() {
    let world = project();
    git(&world, &["tag", "--delete", "v1"]);
    let output = world.edeliver(["increase", "patch", "version"]).succeeds();
    let expected = "apps/till/src/till.app.src: 0.9 -> 0.9.1\n";
    assert!(output.stdout.contains(expected), "{}", output.stdout);

    let till = "{application, till, [{vsn, \"0.rc1.9\"}]}.\n";
    fs::write(world.project().join("apps/till/src/till.app.src"), till).unwrap();
    let before = file(&world, "apps/cart/src/cart.app.src");
    world
        .edeliver(["increase", "major", "versions"])
        .exits(1)
        .says(&["apps/till/src/till.app.src", "version 0.rc1.9 cannot be raised: 'rc1' is no number"]);
    assert_eq!(file(&world, "apps/cart/src/cart.app.src"), before);
    world.edeliver(["increase", "versions", "--from=v9"]).exits(2).says(&["no commit 'v9'"]);
    let empty = World::new();
    git(&empty, &["init", "--quiet"]);
    empty.edeliver(["increase"]).exits(1).says(&["there is no version to raise"]);
}
