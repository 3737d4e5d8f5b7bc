//! What is refused: the message and the exit status.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use predicates::prelude::*;

use super::{assert_parsed, edeliver, project};

#[test]
fn usage_errors() {
    assert_parsed(
        "usage_errors",
        r#"
        deploy release to productoin
        deploy release productoin
        deploy release Production
        deploy release prod
        deploy release to production2
        deploy release to foo
        deploy release to
        deploy release to --start-deploy
        deploy release to ''
        deploy release ''
        stop on
        deploy release staging production
        update prodution
        build release stagign
        restart prodcution
        restart staging production
        restart staging produciton
        migrate production up down
        ping eu-west
        deplyo release
        build-release
        frobnicate
        build
        build relase
        build --verbose
        build --with=1.4.0
        deploy
        deploy production
        show
        show me
        show relup
        upload
        upload release
        upload release 1.5/0
        edit
        edit release
        check
        check cofnig
        pack
        unpack all
        increase minro versions
        completions
        completions tcsh
        build upgrade
        build appups --to=v1.5.0
        build release --brnach=main
        build release --verbos
        build release -v
        build release --force=yes
        build release --branch
        build release --branch release
        build release --branch staging
        deploy release --version production
        deploy release --version=../1
        deploy release --host=web-1;reboot
        build release --branch=-x
        build release --auto-version=revison
        build release --auto-version=date+
        build release --increment-version=huge
        build release --set-version=1.5.0 --increment-version=minor
        build release --set-version=1.5.0 --skip-mix-clean
        build release --increment-version=minor --skip-mix-clean
        build release --auto-version=date --skip-mix-clean
        ping --auto-version=nonsense
        migrate production --version=latest
    "#,
    );
}

/// What the program says, on which stream, with which status.
fn outcome(project: &Path, arguments: &[&str]) -> String {
    let output = edeliver(project).args(arguments).output().unwrap();
    let status = output.status.code();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    format!("status: {status:?}\nstdout:\n{out}stderr:\n{err}")
}

#[test]
fn a_usage_error_is_told_once_with_status_2() {
    let project = project();
    insta::assert_snapshot!(outcome(project.path(), &["deploy", "release", "to", "productoin"]));
    insta::assert_snapshot!(outcome(project.path(), &["biuld-release"]));
    insta::assert_snapshot!(outcome(project.path(), &["build", "upgrade"]));
}

#[test]
fn without_arguments_the_help_is_shown_with_status_2() {
    let project = project();
    let help = edeliver(project.path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    edeliver(project.path())
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::starts_with(format!("Error: no command given\n\n{help}")));
}

#[test]
fn an_argument_that_is_no_utf8_is_a_usage_error() {
    edeliver(project().path())
        .args([OsString::from("deploy"), OsString::from_vec(b"rel\xffease".to_vec())])
        .assert()
        .code(2)
        .stderr(predicate::str::contains(r#"argument "rel\xFFease" is not valid UTF-8"#));
}
