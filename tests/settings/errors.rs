//! What cannot be evaluated, and how it is said.

use camino::Utf8Path;
use edeliver::settings::shellfile::{Problem, ShellFile, ShellFileError, Variables, evaluate};

fn error(content: impl AsRef<[u8]>) -> ShellFileError {
    let content = content.as_ref();
    let evaluated = ShellFile::parse(Utf8Path::new(".deliver/config"), content)
        .and_then(|file| evaluate(&file, &mut Variables::default()));
    match evaluated {
        Ok(evaluated) => panic!("{:?} was evaluated: {evaluated:?}", String::from_utf8_lossy(content)),
        Err(error) => error,
    }
}

#[test]
fn command_substitution() {
    insta::assert_snapshot!(error("APP=x\nBUILD_HOST=\"build-$(hostname)\" # here\n"), @r#"
    .deliver/config:2: command substitution is not supported here
     --> .deliver/config:2:19
      |
    2 | BUILD_HOST="build-$(hostname)" # here
      |                   ^^ only assignments and functions are evaluated
    "#);
}

#[test]
fn commands() {
    insta::assert_snapshot!(error("APP=x\n  source ./more \"$APP\"\n"), @r#"
    .deliver/config:2: running the command 'source' while the configuration is read is not supported here
     --> .deliver/config:2:3
      |
    2 |   source ./more "$APP"
      |   ^^^^^^ only assignments and functions are evaluated
    "#);
}

#[test]
fn blocks() {
    insta::assert_snapshot!(error("APP=x\nif [ -n \"$APP\" ]; then\n  B=1\nfi\n"), @r#"
    .deliver/config:2: 'if' is not supported here
     --> .deliver/config:2:1
      |
    2 | if [ -n "$APP" ]; then
      | ^^ only assignments and functions are evaluated
    "#);
}

#[test]
fn arrays() {
    insta::assert_snapshot!(error("HOSTS=(\"a\" \"b\")\n"), @r#"
    .deliver/config:1: an array is not supported here
     --> .deliver/config:1:1
      |
    1 | HOSTS=("a" "b")
      | ^^^^^^^^^^^^^^^ only assignments and functions are evaluated
    "#);
}

#[test]
fn quotes_that_are_not_closed() {
    insta::assert_snapshot!(error("APP=x\nBUILD_HOST=\"build\nBUILD_USER=me\n"), @r#"
    .deliver/config:2: this quote is not closed
     --> .deliver/config:2:12
      |
    2 | BUILD_HOST="build
      |            ^ detected here
    "#);
}

#[test]
fn functions_that_are_not_closed() {
    insta::assert_snapshot!(error("APP=x\npre_git_push() {\n  echo\n"), @r#"
    .deliver/config:3: the file ends inside a block or function that is not closed
     --> .deliver/config:3:7
      |
    3 |   echo
      |       ^ detected here
    "#);
}

#[test]
fn users_homes() {
    insta::assert_snapshot!(error("DELIVER_TO=~deploy/app\n"), @r#"
    .deliver/config:1: the home directory of another user (in quotes, '~name' is left to the host) is not supported here
     --> .deliver/config:1:12
      |
    1 | DELIVER_TO=~deploy/app
      |            ^^^^^^^ only assignments and functions are evaluated
    "#);
}

#[test]
fn required_values() {
    insta::assert_snapshot!(error("A=1\nBUILD_HOST=${BUILD_HOST:?set it in the environment}\n"), @r#"
    .deliver/config:2: BUILD_HOST: set it in the environment
     --> .deliver/config:2:12
      |
    2 | BUILD_HOST=${BUILD_HOST:?set it in the environment}
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ required here
    "#);
}

#[test]
fn nul_bytes() {
    insta::assert_snapshot!(error(b"APP=x\nB=a\0b\n"), @r#"
    .deliver/config:2: there is a NUL byte; this is no text file
     --> .deliver/config:2:4
      |
    2 | B=a␀b
      |    ^ here
    "#);
}

#[test]
fn other_encodings() {
    insta::assert_snapshot!(error(b"APP=gr\xfc\xdfe\n"), @r#"
    .deliver/config:1: these bytes are not UTF-8 text
     --> .deliver/config:1:8
      |
    1 | APP=gr��e
      |        ^ save the file as UTF-8
    "#);
}

#[test]
fn wide_characters_before_the_place() {
    insta::assert_snapshot!(error("A=日本語${A[0]}\n"), @r#"
    .deliver/config:1: an array is not supported here
     --> .deliver/config:1:9
      |
    1 | A=日本語${A[0]}
      |            ^ only assignments and functions are evaluated
    "#);
}

#[test]
fn each_construct_has_its_line_and_is_left_to_bash() {
    for (text, line, what) in [
        ("A=1\nB=`date`\n", 2, "command substitution"),
        ("A=$((1 + 2))\n", 1, "arithmetic"),
        ("\n\n[[ -n $A ]] && B=1\n", 3, "'&&' and '||'"),
        ("[[ -n $A ]]\n", 1, "'[['"),
        ("case $A in a) B=1 ;; esac\n", 1, "'case'"),
        ("for i in 1 2; do A=$i; done\n", 1, "'for'"),
        ("while false; do :; done\n", 1, "'while'"),
        ("A=1 | B=2\n", 1, "a pipeline"),
        ("A=1 &\n", 1, "a command in the background"),
        ("A=1 > file\n", 1, "a redirection"),
        ("(A=1)\n", 1, "a subshell"),
        ("{ A=1; }\n", 1, "a block in braces"),
        ("A[1]=x\n", 1, "an array"),
        ("A=${B:1:2}\n", 1, "a part of a value by position"),
        ("A=${B/x/y}\n", 1, "replacing in a value"),
        ("A=${B^^}\n", 1, "changing a value's letters"),
        ("A=${!B}\n", 1, "an expansion of something else than a named variable"),
        ("A=$1\n", 1, "a variable of the shell itself"),
        ("A=$RANDOM\n", 1, "a variable of bash itself"),
        ("A=$HOSTNAME\n", 1, "a variable of bash itself"),
        ("A=$\"x\"\n", 1, "translated text ($\"..\")"),
        ("A=é\nB=${#A}\n", 2, "the length of a text that is not ASCII (it depends on the locale)"),
        ("A=x\nB=${A%[xy]}\n", 2, "a '[' in a pattern"),
        ("export -n A\n", 1, "this argument of export"),
        ("UID=1\n", 1, "setting a variable of bash itself"),
        ("export() { :; }\nexport A=1\n", 2, "calling a function of this file while it is read"),
    ] {
        let error = error(text);
        assert_eq!(error.line(), line, "{text}");
        assert_eq!(*error.problem(), Problem::Unsupported(what), "{text}");
        assert!(error.problem().needs_bash());
    }
}

#[test]
fn a_failed_evaluation_changes_nothing() {
    let file = ShellFile::parse(Utf8Path::new("config"), b"A=new\nB=$(date)\n").unwrap();
    assert!(!file.is_static());
    assert_eq!(file.first_beyond().map(|error| error.line()), Some(2));
    let mut variables = Variables::default();
    variables.set("A", "old");
    evaluate(&file, &mut variables).unwrap_err();
    assert_eq!(variables.get("A"), Some("old"));
}

#[test]
fn functions_are_kept_as_they_are_written() {
    let text = "A=1\n# a hook\nfunction pre_git_push() { # it's\n  echo \"x }\"\n}\nb () ( c )\n";
    let file = ShellFile::parse(Utf8Path::new("config"), text.as_bytes()).unwrap();
    let mut variables = Variables::default();
    let functions = evaluate(&file, &mut variables).unwrap().functions;
    let found: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.line, f.text.as_str())).collect();
    let first = "function pre_git_push() { # it's\n  echo \"x }\"\n}";
    assert_eq!(found, [("pre_git_push", 3, first), ("b", 6, "b () ( c )")]);
    assert_eq!(variables.line("A"), Some(1));
}

// A program for the grammar, not for bash: nothing of it may be taken for evaluated.
#[test]
fn redirections_that_bash_refuses_are_left_to_it() {
    for redirection in [">/dev/n#a< 2>&1", "< 2>&1", ">12<x", "> 2>x"] {
        let error = error(format!("f() {{\n  echo x\n}} {redirection}\nA=after"));
        assert!(error.problem().needs_bash(), "{error}");
        let error = self::error(format!("f() {{\n  echo x {redirection}\n}}\nA=after"));
        assert!(error.problem().needs_bash(), "{error}");
    }
    for redirection in [">/dev/null 2>&1", "2>x 3<y", ">&2", "<>x 2>&-", "<<<2"] {
        let file = format!("f() {{\n  echo x {redirection}\n}}\nA=after");
        let file = ShellFile::parse(Utf8Path::new("config"), file.as_bytes()).unwrap();
        assert!(file.is_static(), "{redirection}");
    }
}

// What is redirected for a whole function must not get lost on the way to where it runs.
#[test]
fn redirected_functions_are_left_to_bash() {
    let error = error("f() {\n  echo x\n} 2>/dev/null\nA=after");
    assert!(error.problem().needs_bash(), "{error}");
}
