//! What was probably meant by a word or an option that is unknown.

use crate::settings::Stage;

use super::values::STAGES;

/// The candidate within edit distance 2 of `word` (PARITY.md section 3), the nearest one first.
///
/// In words of up to four letters 2 is no likeness: `loud` does not mean `long`, nor `x` `to`.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| {
            let length = word.chars().count().min(candidate.chars().count());
            distance <= 2 && distance < length && (distance < 2 || length > 4)
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The stage that `word` misspells, abbreviates or extends: `productoin`, `Production`, `prod`, `staging2`.
///
/// Such a word is never ignored: the command would go to the default stage instead.
pub(super) fn misspelt_stage(word: &str) -> Option<Stage> {
    let word = word.to_lowercase();
    let alike = |stage: &str| word.len() >= 3 && (stage.starts_with(&word) || word.starts_with(stage));
    let near = nearest(&word, STAGES.iter().map(|stage| stage.as_str()));
    STAGES.into_iter().find(|stage| near == Some(stage.as_str()) || alike(stage.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_recognised_however_they_are_misspelt() {
        for (word, stage) in [
            ("productoin", Some(Stage::Production)),
            ("prod", Some(Stage::Production)),
            ("PRODUCTION", Some(Stage::Production)),
            ("production2", Some(Stage::Production)),
            ("stagign", Some(Stage::Staging)),
            ("loca", Some(Stage::Local)),
            ("foo", None),
            ("release", None),
            ("", None),
        ] {
            assert_eq!(misspelt_stage(word), stage, "{word}");
        }
    }

    #[test]
    fn short_words_are_not_alike() {
        assert_eq!(nearest("x", ["to", "tag"].into_iter()), None);
        assert_eq!(nearest("tg", ["to", "tag"].into_iter()), Some("tag"));
        assert_eq!(nearest("loud", ["long"].into_iter()), None);
        assert_eq!(nearest("lnog", ["long"].into_iter()), Some("long"));
    }
}
