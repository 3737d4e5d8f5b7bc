//! `init` through the real binary: the first config of a project, and whether its hosts can be reached.

mod common;

use common::sshd::user;
use common::world::World;
use fs_err as fs;

/// A project without a config, and hosts that can be reached.
fn world(hosts: usize) -> World {
    let world = World::new().hosts(hosts);
    // What tells where the hosts are stays, as an environment has it.
    let config = world.project().join(".deliver/config");
    let text = fs::read_to_string(&config).unwrap();
    let ssh: Vec<&str> = text.lines().filter(|line| line.starts_with("SSH_")).collect();
    fs::write(world.project().join(".deliver/.env"), ssh.join("\n") + "\n").unwrap();
    fs::remove_file(config).unwrap();
    fs::write(world.project().join("mix.exs"), "    [\n      app: :shop,\n      version: \"1.0.0\"\n")
        .unwrap();
    world
}

// What is written is a config: every setting in it is as it was asked for.
#[test]
fn writes_a_config_that_holds() {
    let world = world(2);
    let hosts = format!("--production={0}@host-1,{0}@host-2", user());
    let output = world.edeliver(["init", "--build=local", &hosts, "--directory=/srv/it's"]).succeeds();
    output.says(&["Wrote .deliver/config", "host-1: reached", "host-2: reached", "local: reached"]);
    let output = world.edeliver(["check", "config", "--json"]).succeeds();
    let settings = output.event("config")["settings"].clone();
    let value = |name: &str| {
        let found = settings.as_array().unwrap().iter().find(|setting| setting["name"] == name);
        found.map(|setting| setting["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(value("APP").as_deref(), Some("shop"));
    assert_eq!(value("BUILD_HOST").as_deref(), Some("local"));
    assert_eq!(value("PRODUCTION_HOSTS").as_deref(), Some("host-1 host-2"));
    assert_eq!(value("PRODUCTION_USER").as_deref(), Some(user().as_str()));
    assert_eq!(value("DELIVER_TO").as_deref(), Some("/srv/it's"));
    assert_eq!(value("STAGING_HOSTS"), None);
}

// A config that is there stays, whatever is asked for.
#[test]
fn never_overwrites() {
    let world = World::new().hosts(1);
    let before = fs::read_to_string(world.project().join(".deliver/config")).unwrap();
    world.edeliver(["init", "--app=other", "--force"]).exits(2).says(&["was left as it is"]);
    assert_eq!(fs::read_to_string(world.project().join(".deliver/config")).unwrap(), before);
}

// The preview is the whole file; nothing is written.
#[test]
fn preview() {
    let world = world(0);
    let output = world.edeliver(["init", "--staging=deploy@test.acme.com", "--plan"]).succeeds();
    insta::assert_snapshot!(output.stdout);
    assert!(!world.project().join(".deliver/config").exists());
}

// A host that cannot be reached is named; the config is written all the same.
#[test]
fn hosts_that_cannot_be_reached() {
    let mut world = world(2);
    world.host_mut(2).stop();
    let hosts = format!("--staging={0}@host-1,{0}@host-2", user());
    world.edeliver(["init", &hosts]).exits(1).says(&[
        "host-1: reached",
        "host-2",
        "1 of 2 hosts cannot be reached",
    ]);
    assert!(world.project().join(".deliver/config").exists());
}

// At a terminal it asks for the hosts that no option names.
#[test]
fn asks_at_a_terminal() {
    let world = world(1);
    let mut terminal = world.on_terminal((24, 100), ["init"]);
    terminal.wait_for("Where to build");
    terminal.press("local\n");
    terminal.wait_for("Staging hosts");
    terminal.press(&format!("{}@host-1\n", user()));
    terminal.wait_for("Production hosts");
    terminal.press("\n");
    assert_eq!(terminal.ends(), Some(0), "{}", terminal.shown());
    let config = fs::read_to_string(world.project().join(".deliver/config")).unwrap();
    assert!(
        config.contains("\nSTAGING_HOSTS='host-1'\n") && config.contains("\n#PRODUCTION_HOSTS="),
        "{config}"
    );
}

// What the project's git remotes say is taken, unless an option says otherwise; a hosting service is no host.
#[test]
fn hosts_of_git_remotes() {
    let world = world(0);
    duct::cmd!("git", "init", "--quiet").dir(world.project()).run().unwrap();
    for (name, url) in [
        ("origin", "git@git.acme.com:acme/shop.git"),
        ("build.acme.com", "ci@build.acme.com:/srv/builds/shop"),
        ("staging", "ssh://deploy@test.acme.com/srv/git/shop"),
        ("production-1", "deploy@www1.acme.com:shop"),
        ("production-2", "deploy@www2.acme.com:shop"),
    ] {
        duct::cmd!("git", "remote", "add", name, url).dir(world.project()).run().unwrap();
    }
    let output = world.edeliver(["init", "--staging=deploy@other.acme.com", "--plan"]).succeeds();
    let set: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with(char::is_uppercase)).collect();
    insta::assert_snapshot!(set.join("\n"));
}
