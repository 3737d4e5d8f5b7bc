//! `deploy release` through the real binary, to real sshd's: what works.

mod common;

use common::world::World;

#[test]
fn the_world_is_what_it_says() {
    let world = World::new().hosts(2).release("1.0.0").running("1.0.0");
    let before = world.snapshot();
    world.assert_runs("1.0.0");
    world.assert_unchanged(&before);
    let (success, text) = world.host(1).run("echo $HOME; command -v tar");
    assert!(success);
    assert!(text.contains(world.host(1).home().as_str()), "{text}");
    let trap = world.host(1).fail(&common::world::At::call("tar", "*", 1));
    assert!(!world.host(1).run("tar --version").0);
    trap.was_reached();
    assert!(world.host(1).run("tar --version").0);
}
