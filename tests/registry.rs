//! A repository of a registry as release store, with a real registry: CNCF's Distribution.

mod common;

use common::registry::{Gate, Registry};
use common::sshd::user;
use common::world::{APP, Release, World};
use fs_err as fs;

/// `me:secret`, as HTTP has it.
const BASIC: &str = "Basic bWU6c2VjcmV0";

/// A project that builds on this machine with a mix that is a stand-in.
fn building(store: &str) -> World {
    let world = World::new();
    let at = world.home().join("build");
    let world = world.config(&format!(
        "BUILD_HOST=local\nBUILD_AT=\"{at}\"\nRELEASE_CMD=mix\nBUILD_CMD=mix\nUSING_DISTILLERY=false\nMIX_CMD=./mix\n\
         RELEASE_STORE=docker://{store}"
    ));
    let project = world.project();
    let mix =
        format!("#!/bin/sh\nset -eu\n[ \"$1\" = release ] || exit 0\napp={APP}\n{}", common::MIX_RELEASE);
    fs::create_dir_all(project.join("lib")).unwrap();
    fs::write(project.join("mix"), mix).unwrap();
    fs::write(project.join("lib/version"), "1.0.0").unwrap();
    fs::write(project.join(".gitignore"), ".deliver\n").unwrap();
    duct::cmd!("chmod", "+x", project.join("mix")).run().unwrap();
    duct::cmd!("git", "init", "--quiet", "--initial-branch", "main").dir(&project).run().unwrap();
    world.commit();
    world
}

fn build(world: &World) -> common::world::Outcome {
    world.edeliver(["build", "release", "--plain"])
}

/// What `docker login` leaves behind.
fn log_in(world: &World, host: &str, auth: &str) {
    let directory = world.home().join(".docker");
    fs::create_dir_all(&directory).unwrap();
    let config = format!("{{\"auths\": {{\"{host}\": {{\"auth\": \"{auth}\"}}}}}}");
    fs::write(directory.join("config.json"), config).unwrap();
}

/// The tags of `acme/app`.
fn tags(registry: &Registry) -> Vec<String> {
    let directory = registry.data().join("repositories/acme/app/_manifests/tags");
    let Ok(entries) = directory.read_dir_utf8() else { return Vec::new() };
    let mut tags: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
    tags.sort();
    tags
}

#[test]
fn an_archive_goes_from_the_build_host_by_a_registry_to_the_hosts() {
    let registry = Registry::open();
    let world = World::new().hosts(2);
    let (user, store) = (user(), registry.host());
    let world = world.config(&format!(
        "BUILD_HOST=host-1\nBUILD_USER={user}\nBUILD_AT=build\nRELEASE_CMD=mix\nBUILD_CMD=mix\n\
         USING_DISTILLERY=false\nMIX_CMD=./mix\nRELEASE_STORE=docker://{store}/acme/app"
    ));
    let project = world.project();
    // The release that the stand-in for mix "makes" is a whole one, so that it can be started.
    let make = |version: &str| {
        let archive = project.join("release.tar.gz");
        fs::copy(Release::of(version).archive(), archive).unwrap();
        fs::write(project.join(".gitignore"), ".deliver\n").unwrap();
        let mix = format!(
            "#!/bin/sh\nset -eu\n[ \"$1\" = release ] || exit 0\nmkdir -p _build/prod/rel/{APP}\n\
             tar -xzf release.tar.gz -C _build/prod/rel/{APP}\n\
             mkdir -p _build/prod/rel/{APP}/erts-1/bin\necho emulator >_build/prod/rel/{APP}/erts-1/bin/beam.smp\n"
        );
        fs::write(project.join("mix"), mix).unwrap();
        duct::cmd!("chmod", "+x", project.join("mix")).run().unwrap();
        world.commit();
        build(&world).succeeds().says(&["to docker release store"]);
    };
    duct::cmd!("git", "init", "--quiet", "--initial-branch", "main").dir(&project).run().unwrap();
    for version in ["1.10.0", "1.9.0"] {
        make(version);
    }
    assert_eq!(tags(&registry), ["1.10.0", "1.9.0"]);
    world.deploy("1.9.0").succeeds().says(&["from docker release store"]);
    world.assert_runs("1.9.0");
    world.deploy("1.10.0").succeeds();
    world.assert_runs("1.10.0");
    // By version, not by letter.
    let missing = world.deploy("3.0.0").exits(2);
    let listed = missing.stderr.find("1.9.0").zip(missing.stderr.find("1.10.0"));
    assert!(listed.is_some_and(|(first, second)| first < second), "{}", missing.shown());
}

#[test]
fn the_images_of_a_registry_are_listed() {
    let registry = Registry::open();
    let image = format!("{}/acme/app", registry.host());
    let world = World::new().config(&format!("BUILD_HOST=docker\nRELEASE_STORE=docker://{image}"));
    world.edeliver(["show", "releases"]).succeeds();
    for tag in ["1.0.0-latest", "1.0.0-master", "1.10.0"] {
        registry.tag("acme/app", tag);
    }
    let output = world.edeliver(["show", "releases", "--plain"]).succeeds();
    output.says(&[
        "in docker release store",
        " Application | Version | Revision |    Type | Image\n",
        &format!("    stand_in |   1.0.0 |   latest | release | {image}:1.0.0-latest\n"),
        &format!("    stand_in |   1.0.0 |   master | release | {image}:1.0.0-master\n"),
        &format!("    stand_in |  1.10.0 |          | release | {image}:1.10.0\n"),
    ]);
    let listed = world.edeliver(["show", "releases", "--json"]).succeeds().event("releases");
    assert_eq!(listed["archives"][0]["version"], "1.0.0-latest");
    assert_eq!(listed["archives"][2]["file"], format!("{image}:1.10.0"));
}

#[test]
fn a_damaged_layer_reaches_no_host() {
    let registry = Registry::open();
    let world = World::new().hosts(1).release("1.0.0").running("1.0.0");
    let builder = building(&format!("{}/acme/app", registry.host()));
    build(&builder).succeeds();
    let world = world.config(&format!("RELEASE_STORE=docker://{}/acme/app", registry.host()));
    let before = world.snapshot();
    // The largest blob is the archive's or the configuration's: all are damaged, one after the other.
    let blobs = registry.data().join("blobs/sha256");
    let files = duct::cmd!("find", &blobs, "-name", "data").read().unwrap();
    assert_eq!(files.lines().count(), 3);
    for file in files.lines() {
        let whole = fs::read(file).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(file, damaged).unwrap();
        let output = world.deploy("1.0.0").ended();
        assert_ne!(output.0, Some(0), "{}", output.1.shown());
        world.assert_unchanged(&before);
        fs::write(file, whole).unwrap();
    }
}

#[test]
fn the_credentials_of_docker_login_open_a_registry() {
    let registry = Registry::with_password();
    let world = building(&format!("{}/acme/app", registry.host()));
    let output = build(&world).exits(1);
    let wanted = format!("wants to know who asks: run 'docker login {}'", registry.host());
    assert!(output.stderr.contains(&wanted), "{}", output.shown());
    log_in(&world, &registry.host(), "bWU6d3Jvbmc=");
    let output = build(&world).exits(1);
    let refused = format!("does not take the credentials of 'docker login {}'", registry.host());
    assert!(output.stderr.contains(&refused), "{}", output.shown());
    assert_eq!(tags(&registry), Vec::<String>::new());
    log_in(&world, &registry.host(), "bWU6c2VjcmV0");
    let output = build(&world).succeeds();
    assert!(
        !output.shown().contains("secret") && !output.shown().contains("bWU6c2VjcmV0"),
        "{}",
        output.shown()
    );
    assert_eq!(tags(&registry), ["1.0.0"]);
}

#[test]
fn a_credential_helper_is_asked() {
    let registry = Registry::with_password();
    let world = building(&format!("{}/acme/app", registry.host()));
    let bin = world.home().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let helper = "#!/bin/sh\n[ \"$1\" = get ] || exit 1\ncat >\"$0.asked\"\n\
                  echo '{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"secret\"}'\n";
    fs::write(bin.join("docker-credential-test"), helper).unwrap();
    duct::cmd!("chmod", "+x", bin.join("docker-credential-test")).run().unwrap();
    fs::create_dir_all(world.home().join(".docker")).unwrap();
    let config = format!("{{\"credHelpers\": {{\"{}\": \"test\"}}}}", registry.host());
    fs::write(world.home().join(".docker/config.json"), config).unwrap();
    let path = format!("{bin}:/usr/local/bin:/usr/bin:/bin");
    world.edeliver_with(&[("PATH", &path)], ["build", "release", "--plain"]).succeeds();
    assert_eq!(fs::read_to_string(bin.join("docker-credential-test.asked")).unwrap(), registry.host());
    assert_eq!(tags(&registry), ["1.0.0"]);
}

#[test]
fn a_token_is_had_where_the_registry_says_and_goes_nowhere_else() {
    let registry = Registry::open();
    let gate = Gate::with_tokens(registry.port(), BASIC);
    let world = building(&format!("{}/acme/app", gate.host()));
    let output = build(&world).exits(1);
    assert!(output.stderr.contains("wants to know who asks"), "{}", output.shown());
    log_in(&world, &gate.host(), "bWU6d3Jvbmc=");
    let output = build(&world).exits(1);
    assert!(output.stderr.contains("does not take the credentials"), "{}", output.shown());
    log_in(&world, &gate.host(), "bWU6c2VjcmV0");
    let output = build(&world).succeeds();
    assert!(!output.shown().contains("a-token-of-the-gate"), "{}", output.shown());
    assert_eq!(tags(&registry), ["1.0.0"]);
    let asked = gate.heads().into_iter().find(|head| head.starts_with("GET /token")).unwrap();
    assert!(asked.starts_with("GET /token?service=gate&scope=repository%3Ax%3Apull%2Cpush "), "{asked}");
    // A token of the settings needs no login.
    fs::remove_dir_all(world.home().join(".docker")).unwrap();
    let words = ["build", "release", "--plain"];
    world.edeliver_with(&[("DOCKER_REGISTRY_TOKEN", "a-token-of-the-gate")], words).succeeds();
    let output = world.edeliver_with(&[("DOCKER_REGISTRY_TOKEN", "another")], words).exits(1);
    assert!(
        output.stderr.contains("does not take the credentials of DOCKER_REGISTRY_TOKEN"),
        "{}",
        output.shown()
    );
}

#[test]
fn what_is_cut_off_is_sent_and_fetched_again() {
    let registry = Registry::open();
    let gate = Gate::breaking(registry.port(), 2);
    let world = building(&format!("{}/acme/app", gate.host()));
    // A release that a connection has more than one piece of.
    let noise = "head -c 3000000 /dev/urandom >_build/prod/rel/$app/noise\n";
    let mix = fs::read_to_string(world.project().join("mix")).unwrap() + noise;
    fs::write(world.project().join("mix"), mix).unwrap();
    world.commit();
    build(&world).succeeds();
    assert_eq!(gate.cuts_left(), 0);
    assert_eq!(tags(&registry), ["1.0.0"]);

    let gate = Gate::breaking(registry.port(), 3);
    let world = World::new().hosts(1).config(&format!("RELEASE_STORE=docker://{}/acme/app", gate.host()));
    world.edeliver(["deploy", "release", "to", "production", "--version=1.0.0", "--plain"]).succeeds();
    assert_eq!(gate.cuts_left(), 0);
    let there = world.host(1).root().join("noise");
    assert_eq!(fs::metadata(there).unwrap().len(), 3_000_000);
}

#[test]
fn a_registry_that_breaks_every_connection_is_given_up() {
    let registry = Registry::open();
    let gate = Gate::breaking(registry.port(), 1000);
    let world = building(&format!("{}/acme/app", gate.host()));
    let output = build(&world).exits(1);
    assert!(
        output.stderr.contains("cannot be reached or breaks the connection (tried 7 times)"),
        "{}",
        output.shown()
    );
    assert_eq!(tags(&registry), Vec::<String>::new());
}

#[test]
fn images_and_archives_of_others_are_left_alone() {
    let registry = Registry::open();
    let store = format!("{}/acme/app", registry.host());
    let world = building(&store);
    build(&world).succeeds();
    // A manifest that no archive of ours has, under a tag that looks like a version.
    let blobs = format!("http://{}/v2/acme/app", registry.host());
    let begun = duct::cmd!("curl", "-sf", "-D-", "-o/dev/null", "-XPOST", format!("{blobs}/blobs/uploads/"))
        .read()
        .unwrap();
    let place = begun.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim();
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    duct::cmd!(
        "curl",
        "-sf",
        "-XPUT",
        "-d{}",
        "-HContent-Type: application/octet-stream",
        format!("{place}&digest={empty}")
    )
    .run()
    .unwrap();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{empty}\",\"size\":2}},\"layers\":[]}}"
    );
    duct::cmd!(
        "curl",
        "-sf",
        "-XPUT",
        format!("-d{manifest}"),
        format!("-HContent-Type: {kind}"),
        format!("{blobs}/manifests/2.0.0")
    )
    .run()
    .unwrap();
    assert_eq!(tags(&registry), ["1.0.0", "2.0.0"]);
    let deployer = World::new().hosts(1).config(&format!("RELEASE_STORE=docker://{store}"));
    let output =
        deployer.edeliver(["deploy", "release", "to", "production", "--version=2.0.0", "--plain"]).exits(2);
    assert!(output.stderr.contains("1.0.0"), "{}", output.shown());
    // The only archive there is.
    deployer.edeliver(["deploy", "release", "to", "production", "--plain"]).succeeds();
}

#[test]
fn one_tag_can_stand_for_every_version() {
    let registry = Registry::open();
    let world = building(&format!("{}/acme/app:live", registry.host()));
    build(&world).succeeds();
    fs::write(world.project().join("lib/version"), "1.1.0").unwrap();
    world.commit();
    build(&world).succeeds();
    assert_eq!(tags(&registry), ["live"]);
    let deployer =
        World::new().hosts(1).config(&format!("RELEASE_STORE=docker://{}/acme/app:live", registry.host()));
    let deployed = deployer.edeliver(["deploy", "release", "to", "production", "--plain"]).succeeds();
    assert!(deployed.stdout.contains("1.1.0"), "{}", deployed.shown());
}
