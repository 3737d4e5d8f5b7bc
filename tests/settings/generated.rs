//! Generated configs: ours against bash, and arbitrary bytes against panics and hangs.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::settings::shellfile::{ShellFile, Variables, evaluate};
use proptest::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::against_bash::configs;
use crate::bash::{World, ours, real};

const BATCH: usize = 250;

/// How many configs are compared: `EDELIVER_FUZZ_CASES`.
fn cases() -> usize {
    std::env::var("EDELIVER_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// `EDELIVER_FUZZ_SEED` repeats a run.
fn seed() -> u64 {
    let given = std::env::var("EDELIVER_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64;
    given.unwrap_or_else(now)
}

fn name() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec![
        "APP",
        "A",
        "B",
        "_c",
        "MODE",
        "RELEASE_FILE",
        "DELIVER_TO",
        "GREETING",
        "UNSET",
        "VERBOSE",
        "HOME",
        "X1",
    ])
    .prop_map(str::to_owned)
}

/// Characters that lie close to some rule of the grammar.
fn bare() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z0-9/._@:=,+-]{1,6}",
        2 => prop::sample::select(vec![
            "~", "~/x", ":~", ":~/y", "=~", "#", "a#b", "{", "}", "{a,b}", "*", "?", "[x]", "!", "%", "^", "$", "é",
            "\\\n", "\\ ", "\\$", "\\\\", "\\n", "\\\"", "\\'", "\\~", "\r",
        ]).prop_map(str::to_owned),
    ]
}

fn piece(depth: u32) -> BoxedStrategy<String> {
    let flat = prop_oneof![
        4 => bare(),
        2 => "[^'\0]{0,8}".prop_map(|text| format!("'{text}'")),
        1 => r#"([a-z ;#"]|\\[abefnrtv\\'"?qz]|\\x[2-7][0-9a-f]|\\[01][0-7][1-7]){0,5}"#
            .prop_map(|text| format!("$'{text}'")),
        3 => name().prop_map(|name| format!("${name}")),
        2 => name().prop_map(|name| format!("${{{name}}}")),
        1 => name().prop_map(|name| format!("${{#{name}}}")),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        6 => flat,
        3 => double_quoted(depth - 1),
        2 => expansion(depth - 1, false),
    ]
    .boxed()
}

fn double_quoted(depth: u32) -> BoxedStrategy<String> {
    let text = prop_oneof![
        6 => "[^\"`$\\\\\0]{0,8}",
        3 => prop::sample::select(vec![
            "$", "$ ", "\\$", "\\\"", "\\\\", "\\`", "\\n", "\\\n", "\\}", "'", "#", "~", "it's", "{", "}", "\\'",
        ]).prop_map(str::to_owned),
        3 => name().prop_map(|name| format!("${{{name}}}")),
        2 => name().prop_map(|name| format!("${name}")),
        3 => expansion(depth.saturating_sub(1), true),
    ];
    prop::collection::vec(text, 0..4).prop_map(|texts| format!("\"{}\"", texts.concat())).boxed()
}

fn expansion(depth: u32, quoted: bool) -> BoxedStrategy<String> {
    let operator = prop::sample::select(vec!["-", ":-", "=", ":=", "+", ":+", "?", ":?", "-", ":-", ":="]);
    let remove = prop::sample::select(vec!["#", "##", "%", "%%"]);
    let operand = if quoted {
        prop_oneof![
            4 => "[^\"`$\\\\}'\0]{0,6}",
            1 => prop::sample::select(vec!["\\}", "\\$", "\\a", "'", "it's", "\"a b\"", "\"~\"", "{", "$", "\\\n"])
                .prop_map(str::to_owned),
            2 => name().prop_map(|name| format!("${name}")),
            1 => name().prop_map(|name| format!("\"${name}\"")),
        ]
        .boxed()
    } else {
        prop_oneof![4 => piece(depth), 1 => Just(" ".to_owned()), 1 => Just("a b;c|d".to_owned())].boxed()
    };
    let operand = prop::collection::vec(operand, 0..3).prop_map(|texts| texts.concat());
    let pattern = prop::collection::vec(
        prop_oneof![
            4 => "[a-z._/]{1,2}",
            3 => Just("*".to_owned()),
            1 => Just("?".to_owned()),
            1 => prop::sample::select(vec!["'*'", "\"?\"", "\\*", "$A", "\"$A\"", "é", "~", "~/", " "])
                .prop_map(str::to_owned),
        ],
        0..4,
    )
    .prop_map(|parts| parts.concat());
    prop_oneof![
        3 => (name(), operator, operand).prop_map(|(name, operator, operand)| format!("${{{name}{operator}{operand}}}")),
        1 => (name(), remove, pattern).prop_map(|(name, operator, operand)| format!("${{{name}{operator}{operand}}}")),
    ]
    .boxed()
}

fn word() -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(piece(3), 0..4).prop_map(|pieces| pieces.concat())
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        1 => r#" # [a-z'"$({`\\é]{0,12}"#,
    ]
}

fn statement() -> impl Strategy<Value = String> {
    let assignment = (name(), prop::sample::select(vec!["=", "=", "=", "+="]), word())
        .prop_map(|(name, operator, word)| format!("{name}{operator}{word}"));
    let several = prop::collection::vec(assignment.clone(), 2..4);
    let body = prop::sample::select(vec![
        "echo \"it's\"",
        "__sync_remote \"\n  [ -f $PROFILE ] && source $PROFILE\n  set -e\n\"",
        "[[ $A =~ ^a(b|c)$ ]]",
        "if true; then :; fi",
        "case $A in (a) :;; b|c) :;; esac",
        "cat <<EOT\n$(x) ' \" }\nEOT",
        "local a=$(date) # '",
        "status 'a'",
        "A=changed",
        "for i in 1 2; do echo \"${A%'x'}\"; done",
        "echo ${A/a/b} \\' \"\\\"\"",
    ]);
    prop_oneof![
        8 => (assignment.clone(), comment()).prop_map(|(assignment, comment)| format!("{assignment}{comment}")),
        2 => several.clone().prop_map(|all| all.join("; ")),
        1 => several.prop_map(|all| all.join(" ")),
        1 => assignment.clone().prop_map(|assignment| format!("  export {assignment}")),
        1 => name().prop_map(|name| format!("export {name}")),
        1 => (name(), word()).prop_map(|(name, word)| format!(": \"${{{name}:=a}}\" {word}")),
        1 => comment(),
        1 => (name(), body.clone()).prop_map(|(name, body)| format!("pre_{name}() {{\n  {body}\n}}")),
        1 => (name(), body).prop_map(|(name, body)| format!("function post_{name} {{\n  {body}\n}}")),
    ]
}

fn config() -> impl Strategy<Value = String> {
    (prop::collection::vec(statement(), 1..8), prop::bool::ANY).prop_map(|(statements, newline)| {
        let text = statements.join("\n").replace('\u{feff}', "");
        // Lone carriage returns stay; before a line end ours are left out, bash's are not.
        let text = text.split('\n').map(|line| line.trim_end_matches('\r')).collect::<Vec<_>>().join("\n");
        if newline { text + "\n" } else { text }
    })
}

/// How the two sides differ, if they do. What we leave to bash cannot differ.
fn difference(text: &str, real: Option<&World>) -> Result<bool, String> {
    match (ours(Utf8Path::new("config"), text.as_bytes()), real) {
        (Ok(ours), Some(real)) if ours == *real => Ok(true),
        (Ok(ours), real) => Err(format!("ours: {ours:#?}\nbash: {real:#?}")),
        (Err(_), _) => Ok(false),
    }
}

fn compare(folder: &Utf8Path, texts: &[String]) -> Vec<Result<bool, String>> {
    let paths: Vec<Utf8PathBuf> = (0..texts.len()).map(|at| folder.join(at.to_string())).collect();
    for (path, text) in paths.iter().zip(texts) {
        fs_err::write(path, text).unwrap();
    }
    let real = real(&paths);
    texts.iter().zip(&real).map(|(text, real)| difference(text, real.as_ref())).collect()
}

/// The smallest config on the way down from `tree` that still differs.
fn smallest(folder: &Utf8Path, mut tree: impl ValueTree<Value = String>) -> String {
    let mut smallest = tree.current();
    let mut more = tree.simplify();
    let until = Instant::now() + Duration::from_secs(20);
    while more && Instant::now() < until {
        if compare(folder, &[tree.current()])[0].is_err() {
            smallest = tree.current();
            more = tree.simplify();
        } else {
            more = tree.complicate();
        }
    }
    smallest
}

#[test]
fn generated_configs_have_the_values_of_bash() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let seed = seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = config();
    let (mut compared, mut native) = (0, 0);
    while compared < cases() {
        let mut trees: Vec<_> = (0..BATCH).map(|_| strategy.new_tree(&mut runner).unwrap()).collect();
        let texts: Vec<String> = trees.iter().map(ValueTree::current).collect();
        for (at, result) in compare(folder, &texts).into_iter().enumerate() {
            match result {
                Ok(evaluated) => native += usize::from(evaluated),
                Err(_) => {
                    let text = smallest(folder, trees.swap_remove(at));
                    let difference = compare(folder, std::slice::from_ref(&text)).remove(0);
                    panic!("seed {seed}:\n{text}\n--\n{text:?}\n{}", difference.unwrap_err());
                }
            }
        }
        compared += BATCH;
    }
    assert!(native * 2 > compared, "only {native} of {compared} were evaluated here");
    println!("{native} of {compared} configs evaluated here, the others left to bash; seed {seed}");
}

fn survives(content: &[u8]) {
    let start = Instant::now();
    match ShellFile::parse(Utf8Path::new("config"), content) {
        Ok(file) => {
            let evaluated = evaluate(&file, &mut Variables::default());
            drop(evaluated.map_err(|error| error.to_string()));
        }
        Err(error) => assert!(error.to_string().starts_with("config:")),
    }
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_it_panic_or_hang(content in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&content);
    }

    #[test]
    fn no_shell_like_text_makes_it_panic_or_hang(
        parts in prop::collection::vec(prop::sample::select(vec![
            "X=", "${", "}", "$(", ")", "(", "\"", "'", "`", "\\", "\n", "#", "if ", "fi", "case a in ", "esac", "<<E\n",
            "a", " ", ";", "&", "|", "$", "f() {", "[[ ", " ]]", "é", "\u{feff}", "\0", "$'", "!", "~", "do ", "done", "<(",
            "for ", "{", ":-", "%", "#", "export ", ": ", "=", "\r\n", "\u{2028}", "\t",
        ]), 0..60),
    ) {
        survives(parts.concat().as_bytes());
    }
}

/// A config of `tests/config/` with pieces cut out and inserted.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let inserted = "[${}()'\"`\\\\\n#;=&|<a ~:]{0,3}";
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), 0usize..6, inserted), 1..3);
    (prop::sample::select(configs()), cuts).prop_map(|(path, cuts)| {
        let mut content = fs_err::read(path).unwrap();
        for (at, length, inserted) in cuts {
            let start = at.index(content.len() + 1);
            let end = (start + length).min(content.len());
            content.splice(start..end, inserted.into_bytes());
        }
        content
    })
}

#[test]
fn damaged_configs_have_the_values_of_bash_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let mut runner = TestRunner::default();
    let strategy = damaged();
    let contents: Vec<Vec<u8>> =
        (0..cases() / 2).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    contents.iter().for_each(|content| survives(content));
    // Bash runs only what we take for harmless.
    let evaluated = |content: &Vec<u8>| {
        let file = ShellFile::parse(Utf8Path::new("config"), content).ok()?;
        ours(Utf8Path::new("config"), content).ok().map(|_| file.text().to_owned())
    };
    let texts: Vec<String> = contents.iter().filter_map(evaluated).collect();
    assert!(texts.len() * 10 > contents.len(), "only {} of {}", texts.len(), contents.len());
    for texts in texts.chunks(BATCH) {
        for (text, result) in texts.iter().zip(compare(folder, texts)) {
            // An error inside a function is one for us when the function is called.
            let gave_up = result.as_ref().is_err_and(|difference| difference.ends_with("bash: None"));
            assert!(gave_up || result.is_ok(), "{text}\n--\n{text:?}\n{}", result.unwrap_err());
        }
    }
    println!("{} of {} damaged configs evaluated here", texts.len(), contents.len());
}

#[test]
fn ten_thousand_of_anything_end_in_an_answer() {
    for part in [
        "${",
        "(",
        "{ ",
        "$(",
        "\"",
        "'",
        "`",
        "\"${X:-",
        "if a; then ",
        "case a in b) ",
        "$((",
        "[[ ! ",
        "\\",
        "f() {",
        "<<A\n",
        "X=a ",
        "X=a\n",
        "#",
        "~",
        "!",
        "a && ",
        "a | ",
    ] {
        survives(format!("X={}", part.repeat(10_000)).as_bytes());
        survives(part.repeat(10_000).as_bytes());
    }
}
