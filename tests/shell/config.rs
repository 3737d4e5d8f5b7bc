//! How a config is read.

use camino::Utf8PathBuf;
use edeliver::report::{Report, ReportOptions};
use edeliver::shell::{ShellError, ShellHost, ShellOptions, Value};
use edeliver::transport::Interrupt;

use super::world::World;

#[test]
fn a_config_is_evaluated_in_order_with_what_was_set_before() {
    let config = r#"
        FIRST="$DEPLOY_ENVIRONMENT-$VERSION"
        if [[ $DEPLOY_ENVIRONMENT = production ]]; then HOSTS="a b"; else HOSTS=c; fi
        VERSION=$(printf '%s' "$VERSION" | tr 1 2)
        SECOND=$VERSION
        export MIX_ENV=prod
        LIST=(x y)
        declare DECLARED=yes
    "#;
    let world = World::with(config, &[("DEPLOY_ENVIRONMENT", "production"), ("VERSION", "1.1")]);
    assert_eq!(world.get("FIRST"), Some("production-1.1"));
    assert_eq!(world.get("SECOND"), Some("2.2"));
    assert_eq!(world.get("HOSTS"), Some("a b"));
    assert_eq!(world.get("DECLARED"), Some("yes"));
    let all: Vec<_> = world.host.variables().iter().collect();
    let exported = Value::Text { text: "prod".to_owned(), exported: true };
    assert!(all.contains(&("MIX_ENV", &exported)));
    assert!(all.contains(&("LIST", &Value::Kept)));
    assert!(all.iter().all(|(name, _)| !name.starts_with("__edeliver")));
}

#[test]
fn functions_are_known_with_their_lines() {
    let world = World::new("APP=x\n\npre_git_push() {\n  :\n}\nfunction git_push { :; }\n");
    let known: Vec<_> = world.host.functions().iter().map(|f| (f.name.as_str(), f.line)).collect();
    assert_eq!(known, [("git_push", 6), ("pre_git_push", 3)]);
}

#[test]
fn a_syntax_error_is_told_with_its_line() {
    let (_world, loaded) = World::load("APP=x\nif true; then\n  fi fi\n", &[]);
    let Err(ShellError::Syntax { file, message }) = loaded else { panic!("{loaded:?}") };
    assert!(message.contains(&format!("{file}: line 3: syntax error")), "{message}");
    let (_world, loaded) = World::load("APP=x\nf() {\n", &[]);
    assert!(matches!(loaded, Err(ShellError::Syntax { .. })), "{loaded:?}");
}

#[test]
fn how_a_config_may_end() {
    let (_world, loaded) = World::load("APP=x\nexit 5\n", &[]);
    assert!(matches!(loaded, Err(ShellError::Exited { status: 5, .. })), "{loaded:?}");
    let (_world, loaded) = World::load("set -e\n\nfalse\n", &[]);
    let Err(ShellError::Exited { failed: Some(failed), .. }) = loaded else { panic!("{loaded:?}") };
    assert!(failed.contains("`false`") && failed.ends_with(":3"), "{failed}");
    // `return` and a last command that fails are no errors.
    assert_eq!(World::new("A=1\nreturn 3\nA=2\n").get("A"), Some("1"));
    assert_eq!(World::new("A=1\n[ -n \"$NOPE\" ] && A=2\n").get("A"), Some("1"));
}

#[test]
fn what_prints_while_loading_is_shown() {
    let (_world, loaded) = World::load("echo loading\nstatus 'Hello'\n", &[]);
    assert_eq!(loaded.unwrap().tail, ["loading", "-----> Hello"]);
}

#[test]
fn text_that_replaces_the_file_goes_by_its_name() {
    let (mut world, _) = World::load("", &[]);
    let file = Utf8PathBuf::from("/project/.deliver/config");
    world.host.load(&file, Some("A=1\nhook() {\n  false\n}\n"), &mut world.asked).unwrap();
    assert_eq!(world.host.function("hook").unwrap().file, file.as_std_path());
    assert_eq!(world.get("A"), Some("1"));
}

#[test]
fn without_bash_the_error_says_what_needs_it() {
    let options = ShellOptions {
        bash: "no-bash-of-that-name".into(),
        project: std::env::temp_dir(),
        report: Report::new(ReportOptions::default()),
        interrupt: Interrupt::default(),
    };
    let Err(error) = ShellHost::start(options, "pre_git_push (.deliver/config:3)") else {
        panic!("it started")
    };
    assert!(matches!(error, ShellError::NoBash { .. }));
    assert!(error.to_string().contains("pre_git_push (.deliver/config:3) needs bash"), "{error}");
}
