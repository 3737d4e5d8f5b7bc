//! Migrations of a real database by real Elixir releases: `migrate`, `migrations`, and `--migrate` in a
//! deploy, with what becomes of them when it fails.

mod common;

use camino::{Utf8Path, Utf8PathBuf};
use common::world::World;
use fs_err as fs;
use sha2::{Digest, Sha256};

/// What is in each release: its version, its migrations by the beginnings of their names.
const RELEASES: [(&str, &[&str]); 4] = [
    ("1.0.0", &["20240101"]),
    ("2.0.0", &["20240101", "20240202", "20240303"]),
    // The last one fails half way.
    ("3.0.0", &["20240101", "20240404", "20240505"]),
    // The last one cannot be undone.
    ("4.0.0", &["20240101", "20240606"]),
];

/// The release of `tests/shop` of this version. It is made at the first use; later runs find it.
fn archive(version: &str, with_edeliver: bool) -> Utf8PathBuf {
    let shop = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shop");
    let all_of = |dir: &Utf8Path| {
        let find =
            "find . -name '.*' ! -name . -prune -o -name _build -prune -o -type f -print | sort | xargs cat";
        duct::cmd!("sh", "-c", find).dir(dir).read().unwrap()
    };
    let package = if with_edeliver { all_of(&package()) } else { String::new() };
    let kind = format!("{}{package}{version}{with_edeliver}{RELEASES:?}", all_of(&shop));
    let name: String = Sha256::digest(kind).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let archive = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shop-{name}.tar.gz"));
    if !archive.exists() {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = Utf8Path::from_path(dir.path()).unwrap();
        build(&shop, made, version, with_edeliver);
        // In one step, as tests that run at the same time may want it too.
        fs::rename(made.join("archive"), &archive).unwrap();
    }
    archive
}

/// The Elixir package.
fn package() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/mix")
}

/// Builds a copy of the shop below `dir`, and leaves `dir/archive`.
fn build(shop: &Utf8Path, dir: &Utf8Path, version: &str, with_edeliver: bool) {
    let project = dir.join("shop");
    duct::cmd!("cp", "-R", shop, &project).run().unwrap();
    fs::create_dir(project.join("edeliver")).unwrap();
    for part in ["bin", "lib", "src", "mix.exs"] {
        duct::cmd!("cp", "-R", package().join(part), project.join("edeliver")).run().unwrap();
    }
    let (_, chosen) = RELEASES.iter().find(|(of, _)| *of == version).unwrap();
    for migration in fs::read_dir(project.join("priv/repo/migrations")).unwrap() {
        let file = migration.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        if !chosen.iter().any(|begin| name.starts_with(begin)) {
            fs::remove_file(&file).unwrap();
        }
    }
    duct::cmd!("mix", "release", "--quiet")
        .dir(&project)
        .env("SHOP_VERSION", version)
        .env("SHOP_WITH_EDELIVER", with_edeliver.to_string())
        .env("MIX_ENV", "prod")
        .env("MIX_HOME", dir.join("mix"))
        .env("LANG", "C.UTF-8")
        .stdout_capture()
        .stderr_to_stdout()
        .run()
        .unwrap();
    let release = project.join("_build/prod/rel/shop");
    duct::cmd!("tar", "-czf", dir.join("archive"), "-C", &release, "bin", "lib", "releases").run().unwrap();
}

/// Hosts that share a database, and these releases in the store.
fn shop(hosts: usize, versions: &[&str], with_edeliver: bool) -> World {
    let world = World::of("shop").hosts(hosts).config(SETTINGS);
    for version in versions {
        fs::copy(archive(version, with_edeliver), world.archive(version)).unwrap();
    }
    for host in world.all() {
        host.has_erlang(&format!("SHOP_DATABASE={}", world.home().join("database")));
    }
    world
}

const SETTINGS: &str = "START_TIMEOUT=30\nSTABLE_FOR=0.1";

/// The tables of the application.
fn tables(world: &World) -> String {
    let database = world.home().join("database");
    let ask = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master \
               WHERE type = 'table' AND name <> 'schema_migrations' ORDER BY name)";
    duct::cmd!("sqlite3", "-cmd", ".timeout 5000", database, ask).read().unwrap()
}

fn deploy(version: &str, options: &[&str]) -> Vec<String> {
    let words = ["deploy", "release", "to", "production", "--start-deploy", "--plain"];
    let version = format!("--version={version}");
    words.into_iter().chain(options.iter().copied()).chain([version.as_str()]).map(str::to_owned).collect()
}

/// Undoes by hand what a test has left of later migrations.
fn only_products(world: &World) {
    let sql = "DROP TABLE orders; DELETE FROM schema_migrations WHERE version > 20240101000000";
    duct::cmd!("sqlite3", world.home().join("database"), sql).run().unwrap();
}

// A release with its own Release module, as Ecto's users have it: it migrates in a VM of its own.
#[test]
fn by_the_release() {
    let world = shop(2, &["1.0.0", "2.0.0"], false);
    let output = world.edeliver(deploy("1.0.0", &["--migrate"])).succeeds();
    let told = "-----> Migrating the database\n  [user]@host-1: migrated up 20240101000000 create_products\n";
    assert!(output.stdout.contains(told), "{}", output.shown());
    assert_eq!(tables(&world), "products");
    world.edeliver(["migrations", "production"]).succeeds().says(&["response: none pending\n"]);
    world.edeliver(["migrate", "production"]).succeeds().says(&["response: nothing to migrate\n"]);

    world.edeliver(deploy("2.0.0", &[])).succeeds();
    assert_eq!(tables(&world), "products");
    world.edeliver(["show", "migrations", "on", "production"]).succeeds().says(&[
        "EDELIVER SHOP WITH MIGRATIONS COMMAND",
        "-----> getting pending migrations from production servers\n",
        "response: pending: create_prices (20240202000000)\n            pending: create_stock (20240303000000)\n\n",
        "MIGRATIONS DONE!",
    ]);
    world
        .edeliver(["migrate", "production", "up", "--version=20240202000000"])
        .succeeds()
        .says(&["response: up 20240202000000 create_prices\n"]);
    assert_eq!(tables(&world), "prices products");
    // No node is needed for it.
    world.edeliver(["stop", "production"]).succeeds();
    world
        .edeliver(["migrate", "production"])
        .succeeds()
        .says(&["response: up 20240303000000 create_stock\n"]);
    world.edeliver(["migrate", "production", "down", "--version=20240202000000"]).succeeds().says(&[
        "response: down 20240202000000 create_prices\n            down 20240303000000 create_stock\n",
    ]);
    assert_eq!(tables(&world), "products");

    // A plan asks the database what ran, by way of the release that is there.
    let plan = |world: &World, version: &str| {
        world.edeliver(deploy(version, &["--migrate", "--plan"])).succeeds().stdout
    };
    let planned = plan(&world, "2.0.0");
    let both = "  would run: 20240202000000 create_prices\n  would run: 20240303000000 create_stock\n";
    assert!(planned.contains(both) && planned.matches("would run").count() == 2, "{planned}");
    let planned = plan(&world, "1.0.0");
    assert!(planned.contains("  would run no migration\n"), "{planned}");
    assert_eq!(tables(&world), "products");

    // In other words of the project's own.
    let mut world = world;
    world.reconfigure(&format!("{SETTINGS}\nMIGRATE_EVAL='Shop.Elsewhere.migrate()'"));
    world
        .edeliver(["migrate", "production"])
        .exits(1)
        .says(&["migrating up failed", "function Shop.Elsewhere.migrate/0 is undefined"]);
    world.reconfigure(&format!("{SETTINGS}\nMIGRATE_EVAL='Shop.Release.migrate(version || 20240202000000)'"));
    world
        .edeliver(["migrate", "production"])
        .succeeds()
        .says(&["response: up 20240202000000 create_prices\n"]);
}

// A migration that fails rolls the release back. Those before it stay, unless they are to be undone.
#[test]
fn a_migration_that_fails_in_a_deploy() {
    let mut world = shop(1, &["1.0.0", "3.0.0"], false);
    world.edeliver(deploy("1.0.0", &["--migrate"])).succeeds();
    let before = world.snapshot();
    let output = world.edeliver(deploy("3.0.0", &["--migrate"])).exits(1);
    insta::assert_snapshot!(output.shown(), @r#"
    edeliver deploy release to production --start-deploy --plain --migrate --version=3.0.0
    exit status: 1
    --- stdout

    DEPLOYING RELEASE OF SHOP APP TO PRODUCTION HOSTS

    -----> Authorizing hosts
    -----> Uploading archive of release 3.0.0 from local release store
    -----> Extracting archive shop_3.0.0.tar.gz into ~/app
    -----> Starting deployed release
    -----> Migrating the database
    -----> Rolling back all hosts
    All hosts are back as they were before.
    --- stderr
    Error: [user]@host-1: migrating the database: a migration failed
      migrated up 20240404000000 create_orders
      ** (RuntimeError) the database refuses: Error: in prepare, no such table: no_such_table
          lib/migrator.ex:52: Ecto.Migrator.execute!/2
          lib/migrator.ex:32: anonymous fn/4 in Ecto.Migrator.run/4
          (elixir 1.14.0) lib/enum.ex:2468: Enum."-reduce/3-lists^foldl/2-0-"/3
    Hint: Migrations that ran stay; --rollback-migrations would undo them with the deploy.
    "#);
    world.assert_unchanged(&before);
    assert_eq!(tables(&world), "orders products", "nothing of the failing one is left");

    // Before the switch: the old node runs on.
    only_products(&world);
    let pid = world.host(1).control("pid");
    world.reconfigure(&format!("{SETTINGS}\nMIGRATE_WHEN=before\nROLLBACK_MIGRATIONS=true\nMIGRATE=true"));
    world.edeliver(deploy("3.0.0", &[])).exits(1).says(&[
        "migrated up 20240404000000 create_orders",
        "no such table: no_such_table",
        "[user]@host-1: migrated down 20240404000000 create_orders",
        "All hosts are back as they were before.",
    ]);
    assert_eq!(tables(&world), "products");
    assert_eq!(world.host(1).control("pid"), pid);
    world.edeliver(["version", "production"]).succeeds().says(&["response: 1.0.0\n"]);
}

// Before the switch the new release migrates from where it was sent to, and the old one is in place.
#[test]
fn before_anything_is_switched() {
    let mut world = shop(2, &["1.0.0", "2.0.0", "3.0.0", "4.0.0"], false);
    let config = format!(
        "{SETTINGS}\nMIGRATE=true\nMIGRATE_WHEN=before\nMIGRATE_ON=all\n\
         MIGRATE_EVAL='File.cp!(\"releases/start_erl.data\", \"../../seen\"); Shop.Release.migrate()'"
    );
    // Nothing is there yet.
    world.reconfigure(&format!("{SETTINGS}\nMIGRATE=true\nMIGRATE_WHEN=before"));
    world.edeliver(deploy("1.0.0", &[])).succeeds().says(&[
        "-----> Migrating the database\n  [user]@host-1: migrated up 20240101000000 create_products\n",
    ]);
    let before = world.snapshot();
    world.reconfigure(&config);

    // The second host has no database that it could migrate: the first one's is as it was, too.
    let profile = world.host(2).home().join(".profile");
    let shared = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, format!("{shared}export SHOP_DATABASE=/nowhere/database\n")).unwrap();
    world.edeliver(deploy("2.0.0", &["--rollback-migrations"])).exits(1).says(&[
        "Error: [user]@host-2: migrating the database: cannot tell which migrations are pending",
        "[user]@host-1: migrated down 20240202000000 create_prices\n",
        "[user]@host-1: migrated down 20240303000000 create_stock\n",
        "All hosts are back as they were before.",
    ]);
    assert_eq!(tables(&world), "products");
    world.assert_unchanged(&before);
    let leftovers = |world: &World| -> usize {
        world.all().iter().map(|host| fs::read_dir(host.state().join("staging")).unwrap().count()).sum()
    };
    assert_eq!(leftovers(&world), 0);
    let seen = |world: &World| fs::read_to_string(world.host(1).home().join("seen")).unwrap();
    assert!(seen(&world).ends_with(" 1.0.0"), "{}", seen(&world));

    fs::write(&profile, shared).unwrap();
    world.edeliver(deploy("2.0.0", &[])).succeeds();
    assert_eq!(tables(&world), "prices products stock");
    assert!(seen(&world).ends_with(" 1.0.0"), "{}", seen(&world));
    // Undone are this deploy's alone: orders is, prices and stock are not.
    world
        .edeliver(deploy("3.0.0", &["--rollback-migrations"]))
        .exits(1)
        .says(&["no such table: no_such_table"]);
    assert_eq!(tables(&world), "prices products stock");
    assert!(seen(&world).ends_with(" 2.0.0"), "{}", seen(&world));
    world.edeliver(deploy("4.0.0", &["--clean-deploy"])).succeeds();
    assert_eq!(tables(&world), "for_good prices products stock");
    world.edeliver(["version", "production"]).succeeds().says(&["response: 4.0.0\n"]);
    assert_eq!(leftovers(&world), 0);
}

// A deploy that fails after its migrations undoes them. What cannot be undone is told, with status 3; the
// files and nodes are back all the same.
#[test]
fn a_deploy_that_fails_after_its_migrations() {
    let mut world = shop(1, &["1.0.0", "2.0.0", "4.0.0"], false);
    world.edeliver(deploy("1.0.0", &["--migrate"])).succeeds();
    let before = world.snapshot();
    world.reconfigure(
        "START_TIMEOUT=10\nSTABLE_FOR=0.1\nMIGRATE_WHEN=before\nHEALTH_CHECK='test ! -d lib/shop-2.0.0'",
    );
    world.edeliver(deploy("2.0.0", &["--migrate", "--rollback-migrations"])).exits(1).says(&[
        "migrated up 20240202000000 create_prices",
        "HEALTH_CHECK did not succeed",
        "migrated down 20240202000000 create_prices",
        "migrated down 20240303000000 create_stock",
    ]);
    assert_eq!(tables(&world), "products");
    world.assert_unchanged(&before);

    world.reconfigure(
        "START_TIMEOUT=10\nSTABLE_FOR=0.1\nMIGRATE_WHEN=before\nHEALTH_CHECK='test ! -d lib/shop-4.0.0'",
    );
    world.edeliver(deploy("4.0.0", &["--migrate", "--rollback-migrations"])).exits(3).says(&[
        "Error: the hosts are back as they were, but migrations of this deploy could not be undone:\n  \
         [user]@host-1: 20240606000000 create_for_good\n",
    ]);
    assert_eq!(tables(&world), "for_good products");
    world.assert_unchanged(&before);
    world.reconfigure("ON_FAILURE=keep-good");
    world
        .edeliver(deploy("2.0.0", &["--migrate", "--rollback-migrations"]))
        .exits(2)
        .says(&["ON_FAILURE=keep-good keeps the new release on some hosts"]);
}

// The deployer is interrupted in the middle of a migration, or dies: then the host itself ends it, undoes
// the one before, and goes back.
#[test]
fn a_deployer_that_is_killed_while_it_migrates() {
    let world = shop(1, &["1.0.0", "3.0.0"], false);
    world.edeliver(deploy("1.0.0", &["--migrate"])).succeeds();
    let before = world.snapshot();
    let world = world.config("LEASE=3\nMIGRATE_WHEN=before");
    let host = world.host(1);
    let reached = host.home().join("../reached");
    host.put_tool(
        "sqlite3",
        "case $* in *half*) touch ~/../reached && sleep 300 ;; esac\nexec /usr/bin/sqlite3 \"$@\"",
    );
    let migrating = || {
        let deployer = world.spawn(deploy("3.0.0", &["--migrate", "--rollback-migrations"]));
        wait_until(|| reached.exists(), || deployer.printed());
        assert_eq!(tables(&world), "orders products");
        fs::remove_file(&reached).unwrap();
        deployer
    };
    let deployer = migrating();
    deployer.signal(rustix::process::Signal::INT);
    deployer.wait().exits(130).says(&["migrated down 20240404000000 create_orders"]);
    assert_eq!(tables(&world), "products");
    world.assert_unchanged(&before);

    let deployer = migrating();
    deployer.signal(rustix::process::Signal::KILL);
    deployer.wait().was_killed();
    // The guard goes last.
    wait_until(|| !host.state().join("guard").exists(), || tables(&world));
    assert_eq!(tables(&world), "products");
    world.assert_unchanged(&before);
}

#[track_caller]
fn wait_until(reached: impl Fn() -> bool, state: impl Fn() -> String) {
    let begin = std::time::Instant::now();
    while !reached() {
        assert!(begin.elapsed().as_secs() < 60, "{}", state());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

// With edeliver's own module in the release, migrations run in the node.
#[test]
fn by_edelivers_module() {
    let mut world = shop(1, &["1.0.0", "2.0.0", "3.0.0"], true);
    world
        .edeliver(["deploy", "release", "to", "production", "--migrate", "--version=1.0.0"])
        .exits(2)
        .says(&["--migrate needs --start-deploy and MIGRATE_WHEN=after"]);
    world
        .edeliver(deploy("1.0.0", &["--migrate"]))
        .succeeds()
        .says(&["migrated up 20240101000000 create_products"]);
    world.edeliver(deploy("3.0.0", &["--migrate", "--rollback-migrations"])).exits(1).says(&[
        "migrated up 20240404000000 create_orders",
        "the database refuses: Error: in prepare, no such table: no_such_table",
        "migrated down 20240404000000 create_orders",
        "All hosts are back as they were before.",
    ]);
    assert_eq!(tables(&world), "products");
    world.edeliver(deploy("2.0.0", &[])).succeeds();
    world.edeliver(["migrations", "production"]).succeeds().says(&[
        "response: pending: create_prices (20240202000000)\n            pending: create_stock (20240303000000)\n",
    ]);
    world
        .edeliver(["migrate", "production", "--version=20240202000000"])
        .succeeds()
        .says(&["response: up 20240202000000 create_prices\n\n"]);
    world.reconfigure(&format!("{SETTINGS}\nECTO_REPOSITORY=Shop.Repo"));
    world
        .edeliver(["migrate", "production"])
        .succeeds()
        .says(&["response: up 20240303000000 create_stock\n"]);
    world
        .edeliver(["migrate", "production", "down", "--version=20240303000000"])
        .succeeds()
        .says(&["response: down 20240303000000 create_stock\n"]);
    assert_eq!(tables(&world), "prices products");
    // Longer than a busy machine takes to ask it once.
    world.reconfigure("START_TIMEOUT=120\nSTABLE_FOR=0.1\nECTO_REPOSITORY=Shop.Repo");
    let profile = world.host(1).home().join(".profile");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, text + "export SHOP_START_TAKES=20000\n").unwrap();
    world
        .edeliver(["restart", "production", "-V"])
        .succeeds()
        .says(&["  [user]@host-1: Started application 'shop'.\n", "response: ok\n"]);
    let plan =
        ["deploy", "release", "to", "production", "--migrate", "--start-deploy", "--version=3.0.0", "--plan"];
    world
        .edeliver(plan)
        .succeeds()
        .says(&["  would run: 20240404000000 create_orders\n  would run: 20240505000000 break_half_way\n"]);
    // Not the first lines of its stack trace.
    world.reconfigure(&format!("{SETTINGS}\nECTO_REPOSITORY=Shop.Elsewhere"));
    let told = "==> Shop.Elsewhere is not an ecto repository: set ECTO_REPOSITORY to one, or to nothing\n";
    for command in ["migrations", "migrate"] {
        let output = world.edeliver([command, "production"]).exits(1);
        assert!(output.stdout.contains(told) && !output.shown().contains("throw"), "{}", output.shown());
    }
    world.reconfigure(&format!("{SETTINGS}\nECTO_REPOSITORY='x; y'"));
    world.edeliver(["migrate", "production"]).exits(2).says(&["ECTO_REPOSITORY", "the name of a module"]);
    world.reconfigure(SETTINGS);
    world.edeliver(["stop", "production"]).succeeds();
    world.edeliver(["migrate", "production"]).exits(1).says(&["not running"]);
    world
        .edeliver(plan)
        .succeeds()
        .says(&["  which migrations would run cannot be known: ", "the node does not run, which could tell"]);
}

// What an earlier release had in lib/ is not what this one has.
#[test]
fn after_a_release_with_edelivers_module() {
    let world = shop(1, &["1.0.0"], true);
    world.edeliver(deploy("1.0.0", &["--migrate"])).succeeds();
    fs::copy(archive("2.0.0", false), world.archive("2.0.0")).unwrap();
    world
        .edeliver(deploy("2.0.0", &["--migrate"]))
        .succeeds()
        .says(&["migrated up 20240303000000 create_stock"]);
    assert!(
        fs::read_dir(world.host(1).root().join("lib"))
            .unwrap()
            .any(|library| { library.unwrap().file_name().to_string_lossy().starts_with("edeliver-") })
    );
    world.edeliver(["migrations", "production"]).succeeds().says(&["response: none pending\n"]);
}
