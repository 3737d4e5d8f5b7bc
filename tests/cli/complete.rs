//! `completions SHELL` in the real shells, and `__complete`, which they ask.

use std::path::Path;
use std::process::Command;

use assert_fs::TempDir;
use assert_fs::prelude::*;

const CONFIG: &str = r#"
APP=shop
BUILD_HOST=build.acme.com BUILD_USER=build BUILD_AT=/builds
STAGING_HOSTS="test.acme.com" STAGING_USER=deploy
PRODUCTION_HOSTS="web-1.acme.com web-2.acme.com:2222" PRODUCTION_USER=deploy
DELIVER_TO=/srv
DEMO_NODES="deploy@demo.acme.com:/srv"
pre_erlang_clean_compile() { touch ran; }
"#;

/// A project with archives in its store.
fn project() -> TempDir {
    let project = super::project();
    project.child(".deliver/config").write_str(CONFIG).unwrap();
    // Upgrades of mix hold whole releases.
    project.child("mix.exs").write_str("version: \"1.0.0\"\n").unwrap();
    for archive in ["1.9.0.release", "1.10.0.release", "2.0.0.upgrade"] {
        project.child(format!(".deliver/releases/shop_{archive}.tar.gz")).touch().unwrap();
    }
    project
}

/// What `__complete` answers to this line, at whose end the cursor is.
#[track_caller]
fn complete(project: &Path, line: &str) -> Vec<String> {
    let words = line.split(' ');
    let output = super::edeliver(project).arg("__complete").args(words).assert().success().stderr("");
    let output = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    output.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn what_only_the_project_knows() {
    let project = project();
    let completed = |line: &str| complete(project.path(), line);
    assert_eq!(
        completed("deploy release --version="),
        ["2.0.0", "1.10.0", "1.9.0"].map(|v| format!("--version={v}"))
    );
    assert_eq!(completed("deploy upgrade to production --version "), ["2.0.0"]);
    assert_eq!(completed("build upgrade --with=1.1"), ["--with=1.10.0"]);
    assert_eq!(completed("ping "), ["staging", "production", "demo"]);
    let hosts = [
        "build@build.acme.com",
        "deploy@test.acme.com",
        "deploy@web-1.acme.com",
        "deploy@web-2.acme.com:2222",
    ];
    assert_eq!(completed("status production --host "), hosts);
    assert_eq!(completed("pu"), ["publish"]);
    assert!(!project.path().join("ran").exists());
}

// The config's commands are not run, and what cannot be known is left out without a word.
#[test]
fn configs_that_only_bash_can_evaluate() {
    let project = project();
    project.child(".deliver/config").write_str("touch ran\nAPP=$(echo shop)\n").unwrap();
    assert_eq!(complete(project.path(), "deploy release --version="), [""; 0]);
    assert_eq!(complete(project.path(), "deploy release pro"), ["production"]);
    assert!(!project.path().join("ran").exists());
    project.child(".deliver/config").write_str("if then 'fi\n").unwrap();
    assert_eq!(complete(project.path(), "ping "), [""; 0]);
    let elsewhere = TempDir::new().unwrap();
    assert_eq!(complete(elsewhere.path(), "deploy re"), ["release"]);
}

/// Runs a script of a shell in the project; the binary is the `edeliver` of its PATH.
fn in_shell(project: &Path, shell: &str, args: &[&str], script: &str) -> String {
    let binary = assert_cmd::cargo::cargo_bin!("edeliver");
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell)
        .args(args)
        .arg(script)
        .current_dir(project)
        .envs([("PATH", path.as_str()), ("HOME", project.to_str().unwrap()), ("TERM", "dumb")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{shell}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
    String::from_utf8(output.stdout).unwrap()
}

// As bash asks: the line up to the cursor. Behind a = only what follows it is completed.
#[test]
fn in_bash() {
    let project = project();
    for (line, words) in [
        ("edeliver deploy release pro", "production\n"),
        ("edeliver deploy release to ", "staging\nproduction\nlocal\n"),
        ("edeliver deploy release --version=1.", "1.10.0\n1.9.0\n"),
        ("edeliver deploy release --start-d", "--start-deploy\n"),
        ("edeliver status --host=deploy@w", "deploy@web-1.acme.com\ndeploy@web-2.acme.com:2222\n"),
        ("edeliver rem", "remote_console\n"),
    ] {
        let script = format!(
            "source <(edeliver completions bash)
             COMP_WORDBREAKS=$' \\t\\n\"><=;|&('
             COMP_LINE={line:?}; COMP_POINT=${{#COMP_LINE}}; _edeliver
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        assert_eq!(in_shell(project.path(), "bash", &["--norc", "-euc"], &script), words, "{line}");
    }
}

#[test]
fn in_fish() {
    if !Path::new("/usr/bin/fish").exists() {
        return;
    }
    let project = project();
    for (line, words) in [
        ("edeliver deploy release pro", "production\n"),
        ("edeliver deploy release --version=1.", "--version=1.10.0\n--version=1.9.0\n"),
        ("edeliver deploy up", "upgrade\tUpgrades the running nodes of a stage without a restart\n"),
    ] {
        let script = format!("edeliver completions fish | source; complete -C '{line}'");
        let completed = in_shell(project.path(), "fish", &["--no-config", "-c"], &script);
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&completed), sorted(words), "{line}");
    }
}

// zsh completes only at a terminal: there the tab key is pressed, and the line that came of it printed.
#[test]
fn in_zsh() {
    if !Path::new("/usr/bin/zsh").exists() {
        return;
    }
    let project = project();
    for (typed, line) in [
        ("edeliver deploy release pro", "edeliver deploy release production"),
        ("edeliver build upgrade --with=1.1", "edeliver build upgrade --with=1.10.0"),
        ("edeliver deploy release --vers", "edeliver deploy release --version="),
    ] {
        let script = format!(
            r#"zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z "PROMPT= ; autoload -U compinit && compinit -u -D; source <(edeliver completions zsh); bindkey -e; print READY-"
            zpty -r z said '*READY-*READY-*'
            zpty -w -n z '{typed}'$'\t\x01print -r -- "GOT \x05"\n'
            zpty -r z said '*GOT *GOT *'$'\n'
            print -r -- "${{said##*GOT }}"
            zpty -d z"#
        );
        let printed = in_shell(project.path(), "zsh", &["-f", "-c"], &script);
        // Behind the quote the terminal tells what else it does.
        assert_eq!(printed.split('"').next().unwrap().trim_end(), line);
    }
}
