//! Generated configs: ours against bash, and arbitrary bytes against panics and hangs.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::settings::shellfile::{ShellFile, Variables, evaluate};
use proptest::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use crate::against_bash::configs;
use crate::bash::{Bash, World, here, real};
use crate::generator::{Generator, config};
use crate::user_bash;

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

/// Evaluates configs as the program does: here where that is possible, else in a bash.
struct Evaluator {
    folder: TempDir,
    bash: Bash,
}

/// Where a config was evaluated. What is not valid for bash either is evaluated nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Us,
    Bash,
    Nobody,
}

/// Whether a config uses what is different in every bash: its process, its options, its last command.
fn tells_processes_apart(text: &str) -> bool {
    let text = text.replace("\\\n", "");
    ["$$", "$-", "$!", "$0", "$_", "{!", "{0", "{_"].iter().any(|special| text.contains(special))
}

impl Evaluator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bash = Bash::new(Utf8Path::from_path(folder.path()).unwrap());
        Self { folder, bash }
    }

    /// How the two sides differ, if they do.
    fn compare(&mut self, texts: &[String]) -> Vec<Result<By, String>> {
        let folder = Utf8Path::from_path(self.folder.path()).unwrap().to_owned();
        let paths: Vec<Utf8PathBuf> = (0..texts.len()).map(|at| folder.join(at.to_string())).collect();
        for (path, text) in paths.iter().zip(texts) {
            fs_err::write(path, text).unwrap();
        }
        let real = real(&paths);
        texts.iter().zip(&paths).zip(&real).map(|((text, path), real)| self.one(text, path, real)).collect()
    }

    fn one(&mut self, text: &str, path: &Utf8Path, real: &Option<World>) -> Result<By, String> {
        let (by, ours) = match here(text.as_bytes()) {
            Ok(world) => (By::Us, Some(world)),
            Err(problem) if problem.needs_bash() => match self.bash.evaluate(path) {
                Some(world) => (By::Bash, Some(world)),
                None => (By::Nobody, None),
            },
            Err(_) => (By::Nobody, None),
        };
        match (ours, real) {
            (Some(ours), Some(real)) if ours == *real => Ok(by),
            // A config that cannot be read to its end is refused, whatever it had set until then.
            (None, _) => Ok(by),
            // Some errors of expansion end a subshell of bash, in which it is asked here, but not bash.
            (Some(_), None) if by == By::Bash => Ok(By::Nobody),
            (Some(_), _) if by == By::Bash && tells_processes_apart(text) => Ok(By::Nobody),
            (ours, real) => Err(format!("{by:?}: {ours:#?}\nbash: {real:#?}")),
        }
    }

    /// A config that still differs when nothing more can be left out of it.
    fn smallest(&mut self, mut statements: Vec<String>) -> String {
        let mut differs = |statements: &[String]| self.compare(&[config(statements)])[0].is_err();
        for at in (0..statements.len()).rev() {
            let mut fewer = statements.clone();
            fewer.remove(at);
            if differs(&fewer) {
                statements = fewer;
            }
        }
        for at in 0..statements.len() {
            let mut chars: Vec<char> = statements[at].chars().collect();
            for length in [16, 4, 1] {
                let mut from = 0;
                while from + length <= chars.len() {
                    let mut shorter = chars.clone();
                    shorter.drain(from..from + length);
                    let mut all = statements.clone();
                    all[at] = shorter.iter().collect();
                    if differs(&all) {
                        (chars, statements) = (shorter, all);
                    } else {
                        from += length;
                    }
                }
            }
        }
        config(&statements)
    }

    /// Compares this many configs; returns how many were evaluated here, and how many in bash.
    fn run(&mut self, cases: usize, seed: u64) -> (usize, usize) {
        let mut generator = Generator::new(seed);
        let (mut by_us, mut by_bash, mut left) = (0, 0, cases);
        while left > 0 {
            let batch: Vec<Vec<String>> = (0..left.min(BATCH)).map(|_| generator.statements()).collect();
            left -= batch.len();
            let texts: Vec<String> = batch.iter().map(|statements| config(statements)).collect();
            for (statements, result) in batch.into_iter().zip(self.compare(&texts)) {
                match result {
                    Ok(by) => {
                        by_us += usize::from(by == By::Us);
                        by_bash += usize::from(by == By::Bash);
                    }
                    Err(_) => {
                        let text = self.smallest(statements);
                        let difference = self.compare(std::slice::from_ref(&text)).remove(0);
                        panic!("seed {seed}:\n{text}\n--\n{text:?}\n{}", difference.unwrap_err());
                    }
                }
            }
        }
        (by_us, by_bash)
    }
}

/// Quotes and braces within braces have other rules before bash 4.3, and the generator is full of them.
fn has_rules_of_today() -> bool {
    user_bash::can("[ \"${X-\\}}\" = '}' ]")
}

#[test]
fn generated_configs_have_the_values_of_bash() {
    if !has_rules_of_today() {
        return println!("skipped: this bash is too old");
    }
    let (seed, threads) =
        (seed(), std::thread::available_parallelism().map_or(1, |count| count.get().min(8)));
    let (cases, seeds) = (cases().div_ceil(threads), seed..seed + threads as u64);
    let evaluated: Vec<_> = std::thread::scope(|scope| {
        let run = |seed| scope.spawn(move || Evaluator::new().run(cases, seed));
        let running: Vec<_> = seeds.map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("no difference")).collect()
    });
    let by_us: usize = evaluated.iter().map(|(us, _)| us).sum();
    let by_bash: usize = evaluated.iter().map(|(_, bash)| bash).sum();
    let all = cases * threads;
    assert!(by_us * 2 > all, "only {by_us} of {all} were evaluated here");
    assert!(by_bash * 20 > all, "only {by_bash} of {all} were left to bash");
    println!("{by_us} of {all} configs evaluated here, {by_bash} in bash; seed {seed}");
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
    if !has_rules_of_today() {
        return println!("skipped: this bash is too old");
    }
    let mut evaluator = Evaluator::new();
    let mut runner = TestRunner::default();
    let strategy = damaged();
    let contents: Vec<Vec<u8>> =
        (0..cases() / 4).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    contents.iter().for_each(|content| survives(content));
    // Bash runs only what we take for harmless.
    let evaluated = |content: &Vec<u8>| {
        here(content).ok()?;
        ShellFile::parse(Utf8Path::new("config"), content).ok().map(|file| file.text().to_owned())
    };
    let texts: Vec<String> = contents.iter().filter_map(evaluated).collect();
    assert!(texts.len() * 10 > contents.len(), "only {} of {}", texts.len(), contents.len());
    for texts in texts.chunks(BATCH) {
        for (text, result) in texts.iter().zip(evaluator.compare(texts)) {
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
