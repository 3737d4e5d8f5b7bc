//! KEEP_RELEASES through the real binary: which releases go after a deploy, and which stay.

mod common;

use common::world::{Host, Release, World};
use fs_err as fs;

const VERSIONS: [&str; 5] = ["1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0"];

/// One host and five releases in the store, of which two are to stay.
fn world() -> World {
    let world = World::new().hosts(1).config("KEEP_RELEASES=2");
    VERSIONS.into_iter().fold(world, World::release)
}

/// The directories in releases/, and the application's own in lib/.
fn releases(host: &Host) -> (Vec<String>, Vec<String>) {
    let names = |dir: &str, prefix: &str| {
        let entries = fs::read_dir(host.root().join(dir)).unwrap().map(Result::unwrap);
        let dirs = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let names = dirs.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            names.filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned())).collect();
        names.sort();
        names
    };
    (names("releases", ""), names("lib", "stand_in-"))
}

// The newest two stay, with the libraries that they share with older ones; a rollback still works.
#[test]
fn the_newest_stay() {
    let world = world();
    for version in VERSIONS {
        world.deploy(version).succeeds();
    }
    let two = ["4.0.0", "5.0.0"].map(str::to_owned).to_vec();
    assert_eq!(releases(world.host(1)), (two.clone(), two));
    for shared in ["lib/dep-1.0.0", "lib/common-1.0.0"] {
        assert!(world.host(1).root().join(shared).exists(), "{shared}");
    }
    world.assert_runs("5.0.0");
    world.edeliver(["rollback", "production"]).succeeds();
    world.assert_runs("4.0.0");
}

// What runs stays, however old it is; so does what was there before us.
#[test]
fn what_runs_and_what_is_not_ours_stays() {
    let world = world().release("0.9.0").running("0.9.0");
    world.deploy("1.0.0").succeeds();
    for version in &VERSIONS[1..] {
        world.edeliver(["deploy", "release", "production", &format!("--version={version}")]).succeeds();
    }
    let stay = ["0.9.0", "1.0.0", "4.0.0", "5.0.0"].map(str::to_owned).to_vec();
    assert_eq!(releases(world.host(1)), (stay.clone(), stay));
    assert_eq!(world.host(1).node().unwrap().version, "1.0.0");
}

// Another release does not say what it consists of: no library goes, as it may use it.
#[test]
fn libraries_stay_when_in_doubt() {
    let world = world();
    world.deploy("1.0.0").succeeds();
    fs::create_dir(world.host(1).root().join("releases/by_hand")).unwrap();
    for version in &VERSIONS[1..4] {
        world.deploy(version).succeeds();
    }
    let (kept, libraries) = releases(world.host(1));
    assert_eq!(kept, ["3.0.0", "4.0.0", "by_hand"]);
    assert_eq!(libraries, ["1.0.0", "2.0.0", "3.0.0", "4.0.0"]);
}

// A deploy that fails removes nothing.
#[test]
fn only_after_a_commit() {
    let world = world();
    for version in &VERSIONS[..2] {
        world.deploy(version).succeeds();
    }
    world.store(Release::of("3.0.0").behaves("start_exits_7"));
    let before = world.snapshot();
    world.deploy("3.0.0").exits(1);
    world.assert_unchanged(&before);
    world.store(Release::of("3.0.0"));
    world.deploy("3.0.0").succeeds();
    assert_eq!(releases(world.host(1)).0, ["2.0.0", "3.0.0"]);
}

// What cannot be removed is told; the deploy is final all the same, and the next one removes it.
#[test]
fn what_cannot_be_removed_is_told() {
    let world = world();
    for version in &VERSIONS[..2] {
        world.deploy(version).succeeds();
    }
    let host = world.host(1);
    host.put_tool(
        "rm",
        r#"case $* in *releases/1.0.0) echo "rm: busy" >&2; exit 1 ;; esac; exec /usr/bin/rm "$@""#,
    );
    world
        .deploy("3.0.0")
        .succeeds()
        .says(&["deployed, but old releases could not be removed", "releases/1.0.0"]);
    assert_eq!(releases(host).0, ["1.0.0", "2.0.0", "3.0.0"]);
    fs::remove_file(host.tools().join("rm")).unwrap();
    world.deploy("4.0.0").succeeds();
    assert_eq!(releases(host).0, ["3.0.0", "4.0.0"]);
}

// No number of releases: refused before anything is touched.
#[test]
fn a_number_that_is_none() {
    for number in ["0", "many", "-1"] {
        let world = World::new().hosts(1).release("1.0.0").config(&format!("KEEP_RELEASES={number}"));
        world.deploy("1.0.0").exits(2).says(&["KEEP_RELEASES", "at least 1"]);
    }
}
