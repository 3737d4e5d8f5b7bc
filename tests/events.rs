//! `--json` and NOTIFY_COMMAND (docs/events.md) through the real binary on real hosts.

mod common;

use common::world::{At, Output, World};
use fs_err as fs;
use rustix::process::Signal;
use serde_json::{Value, json};

const DEPLOY: [&str; 6] = ["deploy", "release", "production", "--version=2.0.0", "--start-deploy", "--json"];

fn world(hosts: usize) -> World {
    World::new().hosts(hosts).release("1.0.0").release("2.0.0").running("1.0.0")
}

/// The last event, which is the result, without what differs from run to run.
#[track_caller]
fn result(output: &Output) -> Value {
    let mut last = output.events().pop().unwrap();
    assert_eq!(last["event"], "result", "{}", output.shown());
    assert!(last["at"].take().is_string() && last["seconds"].take().is_number());
    for phase in last["phases"].as_array_mut().unwrap() {
        assert!(phase["seconds"].is_number());
        *phase = phase["phase"].take();
    }
    last
}

/// The names of the phases that a host went through, with how each ended.
fn phases(output: &Output, host: &str) -> Vec<String> {
    let of_host =
        |event: &&Value| event["event"] == "phase" && event["host"].as_str().unwrap().ends_with(host);
    let events = output.events();
    events
        .iter()
        .filter(of_host)
        .filter(|event| event["state"] != "begins")
        .map(|event| format!("{} {}", event["phase"].as_str().unwrap(), event["state"].as_str().unwrap()))
        .collect()
}

// Standard output holds events only: what is said, the phases of each host, and last the result.
#[test]
fn of_a_deploy() {
    let world = world(2);
    let output = world.edeliver(DEPLOY).succeeds();
    assert_eq!(output.stderr, "");
    let said = output.events().into_iter().filter(|event| event["event"] == "message");
    let said: Vec<String> = said
        .map(|event| format!("{}: {}", event["kind"].as_str().unwrap(), event["text"].as_str().unwrap()))
        .collect();
    insta::assert_snapshot!(said.join("
"), @r"
    banner: DEPLOYING RELEASE OF STAND_IN APP TO PRODUCTION HOSTS
    step: Authorizing hosts
    step: Uploading archive of release 2.0.0 from local release store
    step: Extracting archive stand_in_2.0.0.tar.gz into ~/app
    step: Starting deployed release
    banner: DEPLOYED RELEASE TO PRODUCTION!
    ");
    let names = ["open", "stage", "switch", "restart", "confirm", "commit", "abandon"];
    for host in ["host-1", "host-2"] {
        assert_eq!(phases(&output, host), names.map(|name| format!("{name} done")));
    }
    let deployed = |host| json!({ "host": host, "version": "2.0.0", "state": "deployed" });
    let expected = json!({
        "event": "result",
        "at": null,
        "command": "deploy release",
        "status": "succeeded",
        "exit": 0,
        "error": null,
        "hints": [],
        "hosts": [deployed("[user]@host-1"), deployed("[user]@host-2")],
        "phases": names,
        "seconds": null,
    });
    assert_eq!(result(&output), expected);
    world.assert_runs("2.0.0");
}

// One host fails: the phase says so, the result says what became of each, the error is for people, too.
#[test]
fn of_a_deploy_that_fails() {
    let world = world(2);
    world.host(2).behave("2.0.0 start_exits_7");
    let output = world.edeliver(DEPLOY).exits(1).says(&["Error: "]);
    assert!(phases(&output, "host-2").contains(&"restart failed".to_owned()), "{}", output.shown());
    let result = result(&output);
    assert_eq!((&result["status"], &result["exit"]), (&json!("failed"), &json!(1)));
    assert_eq!(result["hosts"][1]["state"], "restored");
    assert_eq!(result["hosts"][1]["version"], "1.0.0");
    assert!(result["error"][0].as_str().unwrap().contains("ended with exit status 7"), "{result}");
    world.assert_runs("1.0.0");
}

#[test]
fn of_a_deploy_that_is_interrupted() {
    let world = world(1);
    let trap = world.host(1).pause(&At::put_in_place(world.host(1), 1));
    let running = world.spawn(DEPLOY);
    trap.wait();
    running.signal(Signal::INT);
    trap.release();
    let output = running.wait().exits(130);
    let result = result(&output);
    assert_eq!((&result["status"], &result["exit"]), (&json!("interrupted"), &json!(130)));
    assert_eq!(result["hosts"][0]["state"], "restored");
}

// A command line that means nothing, and settings that are missing, have a result as well.
#[test]
fn of_what_is_refused() {
    let world = World::new().hosts(0);
    for (words, command) in [
        (&["deploy", "release", "productoin", "--json"][..], Value::Null),
        (&["deploy", "release", "--json"], json!("deploy release")),
    ] {
        let output = world.edeliver(words).exits(2).says(&["Error: "]);
        let result = result(&output);
        assert_eq!(
            (&result["status"], &result["exit"], &result["command"]),
            (&json!("refused"), &json!(2), &command)
        );
    }
    world.edeliver(["remote_console", "staging", "--json"]).exits(2).says(&["a console is for people"]);
}

// What nodes answer; the output of steps with -V.
#[test]
fn of_nodes() {
    let world = world(2);
    let output = world.edeliver(["version", "production", "--json"]).succeeds();
    let answers: Vec<Value> = output.events().into_iter().filter(|event| event["event"] == "node").collect();
    assert_eq!(answers.iter().map(|answer| &answer["response"]).collect::<Vec<_>>(), ["1.0.0", "1.0.0"]);
    world.host(2).control("stop");
    let output = world.edeliver(["ping", "production", "--json"]).exits(1);
    let states: Vec<Value> =
        result(&output)["hosts"].as_array().unwrap().iter().map(|host| host["state"].clone()).collect();
    assert_eq!(states, ["done", "failed"]);
}

// The commands that answer a question answer in one event, on one line.
#[test]
fn of_questions() {
    let world = world(1);
    for (words, event) in [
        (&["status", "production"][..], "status"),
        (&["history", "production"], "history"),
        (&["check", "config"], "config"),
        (&["rollback", "production", "--version=2.0.0", "--plan"], "plan"),
        (&["doctor", "production"], "doctor"),
    ] {
        let output = world.edeliver(words.iter().chain(&["--json"])).succeeds();
        assert_eq!(
            output.events().iter().filter(|line| line["event"] == event).count(),
            1,
            "{}",
            output.shown()
        );
        assert!(output.events().iter().all(|line| line["event"] != "message"), "{}", output.shown());
        assert_eq!(result(&output)["status"], "succeeded");
    }
}

// A hook's output is an event, and a secret in it is none.
#[test]
fn have_no_secrets() {
    let world = world(1).config(
        "DB_PASSWORD='hun\"ter2'\npost_extract_release_archive() {\n  echo \"it is $DB_PASSWORD\"\n}\n",
    );
    let output = world.edeliver(DEPLOY).succeeds();
    let said = output.events().into_iter().find(|event| event["kind"] == "output").unwrap();
    assert_eq!(said["text"], "it is [secret]\n");
    assert!(!output.stdout.contains("ter2"), "{}", output.shown());
}

// NOTIFY_COMMAND gets the same object, once, whichever way it ended; not for what only looks.
#[test]
fn notify_command_gets_the_result() {
    let world = world(1).config("NOTIFY_COMMAND='cat >>notified'");
    let notified = world.project().join("notified");
    world.edeliver(["status", "production"]).succeeds();
    world.edeliver(DEPLOY.into_iter().chain(["--plan"])).succeeds();
    world.edeliver(["deploy", "release", "productoin"]).exits(2);
    assert!(!notified.exists());
    let output = world.edeliver(DEPLOY).succeeds();
    let told: Value = serde_json::from_str(&fs::read_to_string(&notified).unwrap()).unwrap();
    let last = output.event("result");
    assert_eq!(told["hosts"][0]["state"], "deployed");
    // It is the same, with the times to the millisecond.
    assert_eq!((&told["phases"], &told["seconds"]), (&last["phases"], &last["seconds"]));
    fs::remove_file(&notified).unwrap();
    world.host(1).behave("1.0.0 start_exits_7");
    world.edeliver(["rollback", "production"]).exits(1);
    let told: Value = serde_json::from_str(&fs::read_to_string(&notified).unwrap()).unwrap();
    assert_eq!((&told["command"], &told["exit"]), (&json!("rollback"), &json!(1)));
}

// One that fails is worth a hint, with what it said; the deploy is what it is.
#[test]
fn notify_command_may_fail() {
    let world = world(1).config("NOTIFY_COMMAND='echo no such channel >&2; exit 3'");
    let words = ["deploy", "release", "production", "--version=2.0.0", "--start-deploy"];
    let output = world.edeliver(words).succeeds();
    let hint = "NOTIFY_COMMAND ended with exit status: 3\n  no such channel\n";
    assert!(output.stdout.ends_with(hint), "{}", output.shown());
    world.assert_runs("2.0.0");
}

// The log has how long it took; what is no terminal shows what the original shows.
#[test]
fn summary_in_the_log() {
    let world = world(1).config("LOG_FILE=log");
    let output = world.edeliver(&DEPLOY[..5]).succeeds();
    assert!(!output.stdout.contains("Took "), "{}", output.shown());
    let log = fs::read_to_string(world.project().join("log")).unwrap();
    let summary = log.lines().find(|line| line.contains(" Took ")).unwrap_or_else(|| panic!("{log}"));
    assert!(summary.contains(": open ") && summary.contains(", commit "), "{summary}");
}
