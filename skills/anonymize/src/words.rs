//! Word lists: first names to give out, invented surnames, names that real people have, syllables.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use crate::leak::is_invisible;
use crate::pseudonym::Stream;

/// First names that masks give out.
pub(crate) static FIRST_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("data/first_names.txt").lines().collect());
/// Surnames that nobody has.
pub(crate) static INVENTED_SURNAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("data/invented_surnames.txt").lines().collect());
static KNOWN_NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let surnames = include_str!("data/known_surnames.txt").lines();
    surnames
        .chain(FIRST_NAMES.iter().copied())
        .map(str::to_lowercase)
        .collect()
});
/// Lower-case words that the output of masks may hold by chance of choice.
static OUTPUT_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let lists = FIRST_NAMES.iter().chain(INVENTED_SURNAMES.iter());
    lists.map(|name| name.to_lowercase()).collect()
});

const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// A word of the text is a first name or surname of the dictionary.
pub(crate) fn has_known_name(text: &str) -> bool {
    let is_mark = |c: &char| unicode_normalization::char::is_combining_mark(*c);
    let words = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| KNOWN_NAMES.contains(&word.to_lowercase()))
    };
    if text.is_ascii() {
        return words(text);
    }
    // Accents, wide letters and characters that are not seen make no other name.
    let seen = text.chars().filter(|c| !is_invisible(*c));
    words(&seen.nfkd().filter(|c| !is_mark(c)).collect::<String>())
}

/// Masks give out this lower-case word whoever the person is.
pub(crate) fn is_output_word(word: &str) -> bool {
    OUTPUT_WORDS.contains(word)
}

pub(crate) fn is_first_name(text: &str) -> bool {
    FIRST_NAMES.binary_search(&text).is_ok()
}

pub(crate) fn is_invented_surname(text: &str) -> bool {
    INVENTED_SURNAMES.binary_search(&text).is_ok()
}

/// Two letters that can be spoken.
pub(crate) fn push_syllable(stream: &mut Stream, out: &mut String) {
    out.push(char::from(*stream.pick(CONSONANTS)));
    out.push(char::from(*stream.pick(VOWELS)));
}

/// The word consists of our syllables, the last perhaps cut short; upper or lower case.
pub(crate) fn is_invented_word(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().enumerate().all(|(at, byte)| {
            let set = if at % 2 == 0 { CONSONANTS } else { VOWELS };
            set.contains(&byte.to_ascii_lowercase())
        })
}

/// An item of the list that is at most so long and is not the given text, chosen by the stream.
pub(crate) fn pick_fitting(
    stream: &mut Stream,
    list: &[&'static str],
    max_length: usize,
    own: &str,
) -> Option<&'static str> {
    let fits = |name: &&&str| name.len() <= max_length && !name.eq_ignore_ascii_case(own);
    if max_length >= 12 {
        // Every name of the lists fits.
        let drawn = *stream.pick(list);
        if !drawn.eq_ignore_ascii_case(own) {
            return Some(drawn);
        }
    }
    let fitting: Vec<&&str> = list.iter().filter(fits).collect();
    (!fitting.is_empty()).then(|| **stream.pick(&fitting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_short_and_apart() {
        for list in [&*FIRST_NAMES, &*INVENTED_SURNAMES] {
            assert!(list.is_sorted() && list.iter().all(|name| (2..=12).contains(&name.len())));
            assert!(list.iter().all(|name| name.is_ascii()));
        }
        assert!(INVENTED_SURNAMES.iter().all(|name| !has_known_name(name)));
        assert!(INVENTED_SURNAMES.len() > 400 && FIRST_NAMES.len() > 200);
    }

    #[test]
    fn the_dictionary_finds_names_inside_texts() {
        assert!(has_known_name("Mr. MARTINEZ"));
        assert!(!has_known_name("present"));
    }
}
