//! `edeliver check config`.

use edeliver::commands::check_config::{as_json, listing, readiness, run};
use edeliver::exit::Exit;
use edeliver::report::{Report, ReportOptions};

use crate::precedence::Project;

fn project() -> Project {
    Project::new(
        "APP=shop\nBUILD_HOST=build.acme.com\nBUILD_USER=ci\nBUILD_AT=/srv/build\n\nTEST_LOCALLY_AT=/tmp/local\nRELEASE_STORE=s3://AKIA@geheim:shop\n\
         RAILS_ENV=production\npre_git_push() {\n  :\n}\n",
    )
    .file(".deliver/.env", "HEX_API_KEY=hunter2\nEXTRA=hunter3\n")
    .environment("PRODUCTION_HOSTS", "www1")
    .option("TARGET_MIX_ENV", "test")
}

#[test]
fn every_value_with_its_origin() {
    let settings = project().settings();
    insta::assert_snapshot!(listing(&settings));
    insta::assert_snapshot!(readiness(&settings.missing_for_each().unwrap()), @r#"
    Commands:
    build                  ready
    deploy to staging      missing: STAGING_HOSTS, STAGING_USER
    deploy to production   missing: PRODUCTION_USER
    "#);
}

#[test]
fn json_has_the_same() {
    let settings = project().settings();
    let json = as_json(&settings);
    let entries = json.as_array().unwrap();
    assert_eq!(entries.len(), settings.iter().count());
    let entry = |name: &str| entries.iter().find(|entry| entry["name"] == name).unwrap().clone();
    insta::assert_json_snapshot!(
        ["BUILD_HOST", "TARGET_MIX_ENV", "PRODUCTION_HOSTS", "HEX_API_KEY", "GIT_PUSH", "RELEASE_STORE"].map(entry), @r#"
        [
          {
            "name": "BUILD_HOST",
            "origin": {
              "file": ".deliver/config",
              "kind": "config",
              "line": 2
            },
            "value": "build.acme.com"
          },
          {
            "name": "TARGET_MIX_ENV",
            "origin": {
              "file": null,
              "kind": "command line",
              "line": null
            },
            "value": "test"
          },
          {
            "name": "PRODUCTION_HOSTS",
            "origin": {
              "file": null,
              "kind": "environment",
              "line": null
            },
            "value": "www1"
          },
          {
            "name": "HEX_API_KEY",
            "origin": {
              "file": ".deliver/.env",
              "kind": ".env",
              "line": 1
            },
            "value": "[secret]"
          },
          {
            "name": "GIT_PUSH",
            "origin": {
              "file": null,
              "kind": "default",
              "line": null
            },
            "value": "-f"
          },
          {
            "name": "RELEASE_STORE",
            "origin": {
              "file": ".deliver/config",
              "kind": "config",
              "line": 7
            },
            "value": "s3://[secret]@[secret]:shop"
          }
        ]
        "#);
    assert!(!json.to_string().contains("hunter") && !json.to_string().contains("geheim"));
}

#[test]
fn exit_statuses() {
    let report = Report::new(ReportOptions { plain: true, ..ReportOptions::default() });
    let exit = |config: &str| run(&Project::new(config).settings(), &report).map_err(|failure| failure.exit);
    let build = "BUILD_HOST=b BUILD_USER=u BUILD_AT=/b\n";
    assert_eq!(exit(build), Ok(()));
    assert_eq!(exit(""), Err(Exit::Usage));
    assert_eq!(exit(&format!("{build}BUILD_CMD=make\n")), Err(Exit::Usage));
    assert_eq!(exit(&format!("{build}STAGING_NODES=nonsense\n")), Err(Exit::Usage));
}
