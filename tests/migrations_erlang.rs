//! Migrations by an Erlang release without Elixir, made by rebar3: its running node is told to.

mod common;

use common::sshd::user;
use common::world::{Outcome, World};
use fs_err as fs;

const MIGRATIONS: &str = r#"
-module(hello_rebar3_migrations).
-export([migrate/0, migrate/1, rollback/1, migrations/0]).
all() -> [{20240101, "create_words"}, {20240102, "create_names_with_quite_a_long_name_that_needs_a_line_of_its_own"}].
migrate() -> migrate(99999999).
migrate(To) -> [up(V) || {down, V, _} <- migrations(), V =< To], ok.
rollback(To) -> [note(lists:delete(V, done())) || {up, V, _} <- lists:reverse(migrations()), V >= To], ok.
migrations() -> [{case lists:member(V, done()) of true -> up; false -> down end, V, N} || {V, N} <- all()].
up(20240303) -> error({the_database, refuses});
up(V) -> note(done() ++ [V]).
done() -> case file:consult(file()) of {ok, [Done]} -> Done; _ -> [] end.
note(Done) -> ok = file:write_file(file(), io_lib:format("~w.~n", [Done])).
file() -> filename:join(os:getenv("HOME"), "database").
"#;

/// `host-1` builds; the node runs on `host-2`.
fn world() -> World {
    let mut world = World::example("hello_rebar3").hosts(2);
    configure(&mut world, "");
    for host in world.all() {
        host.has_erlang("");
    }
    world
}

fn configure(world: &mut World, more: &str) {
    let user = user();
    world.reconfigure(&format!(
        "BUILD_HOST=\"host-1\"\nBUILD_USER=\"{user}\"\nPRODUCTION_HOSTS=\"host-2\"\n\
         START_TIMEOUT=60\nSTABLE_FOR=0.2\n{more}"
    ));
}

fn build(world: &World) {
    world.commit();
    world.edeliver(["build", "release"]).succeeds();
}

fn deploy(world: &World, version: &str, options: &[&str]) -> Outcome {
    let version = format!("--version={version}");
    let words = ["deploy", "release", "to", "production", "--plain", &version];
    world.edeliver(words.iter().chain(options))
}

fn done(world: &World) -> String {
    fs::read_to_string(world.host(2).home().join("database")).unwrap()
}

#[test]
fn by_the_running_node() {
    let mut world = world();
    let source = world.project().join("src/hello_rebar3_migrations.erl");
    fs::write(&source, MIGRATIONS).unwrap();
    build(&world);
    let start = ["--start-deploy", "--migrate"];

    deploy(&world, "0.1.0", &start).exits(2).says(&["nothing says how it migrates", "Set MIGRATE_EVAL"]);
    let by_name = "MIGRATE_EVAL=hello_rebar3_migrations:migrate\n";
    configure(&mut world, &format!("{by_name}MIGRATE_WHEN=before\n"));
    deploy(&world, "0.1.0", &start).exits(2).says(&["it migrates in the running new node"]);
    configure(&mut world, by_name);
    deploy(&world, "0.1.0", &["--migrate"]).exits(2).says(&["--migrate needs --start-deploy"]);
    deploy(&world, "0.1.0", &start).succeeds().says(&[
        "migrated up 20240101 create_words\n",
        "migrated up 20240102 create_names_with_quite_a_long_name_that_needs_a_line_of_its_own\n",
    ]);

    world
        .edeliver(["migrate", "production", "down", "--version=20240102"])
        .succeeds()
        .says(&["response: down 20240102 create_names"]);
    assert_eq!(done(&world), "[20240101].\n");
    world.edeliver(["migrations", "production"]).succeeds().says(&["response: pending: create_names"]);
    world
        .edeliver(["migrate", "production", "up", "--version=20240101"])
        .succeeds()
        .says(&["response: nothing to migrate\n"]);
    world.edeliver(["migrate", "production"]).succeeds().says(&["response: up 20240102 create_names"]);
    world.edeliver(["migrations", "production"]).succeeds().says(&["response: none pending\n"]);

    // The next release has one more that works, and one that does not.
    for file in ["rebar.config", "src/hello_rebar3.app.src"] {
        let file = world.project().join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("0.1.0", "0.2.0")).unwrap();
    }
    let more = "}, {20240202, \"create_prices\"}, {20240303, \"break\"}].";
    fs::write(&source, MIGRATIONS.replacen("}].\n", &format!("{more}\n"), 1)).unwrap();
    build(&world);
    deploy(&world, "0.2.0", &["--start-deploy", "--migrate", "--rollback-migrations"]).exits(1).says(&[
        "migrated up 20240202 create_prices\n",
        "error: {the_database,refuses}",
        "migrated down 20240202 create_prices\n",
        "All hosts are back as they were before.",
    ]);
    assert_eq!(done(&world), "[20240101,20240102].\n");
    world.edeliver(["version", "production"]).succeeds().says(&["response: 0.1.0\n"]);

    // An expression: what it does, only itself knows.
    configure(&mut world, "MIGRATE_EVAL='M = hello_rebar3_migrations, M:migrate()'\n");
    world
        .edeliver(["migrate", "production"])
        .succeeds()
        .says(&["response: up: which migrations ran is not known\n"]);
    world
        .edeliver(["migrate", "production", "down", "--version=20240102"])
        .exits(1)
        .says(&["set ROLLBACK_EVAL, which undoes down to Version"]);
    configure(
        &mut world,
        "MIGRATE_EVAL='M = hello_rebar3_migrations, M:migrate()'\nROLLBACK_EVAL='hello_rebar3_migrations:rollback(Version), ok'\n",
    );
    world.edeliver(["migrate", "production", "down", "--version=20240102"]).succeeds();
    assert_eq!(done(&world), "[20240101].\n");
    world.edeliver(["stop", "production"]).succeeds();
    world.edeliver(["migrate", "production"]).exits(1).says(&["not running"]);
}
