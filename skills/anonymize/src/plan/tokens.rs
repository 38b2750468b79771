//! Splits a column's name into words: `ElectronicMailAddress`, `firstName`, `LAST_SURNAME`,
//! `home_phone`, `dateofbirth`, `address1`. Words are whole: `hourly` holds no `url`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words that run together in names written without separators.
static KNOWN_WORDS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    "account address addr birth birthday cell city code contact country date day email \
     emergency employee family father fax first full given guardian home id identifier last line \
     login mail maiden middle mobile mother name nick no national number of parent password person phone \
     postal preferred primary secondary security sex social ssn staff state street student sur \
     surname teacher tel telephone user work zip display official legal"
        .split_whitespace()
        .collect()
});

/// The words of a name in lower case, in order; digits are words of their own.
pub(crate) fn tokens(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        for word in humps(part) {
            let word = word.to_lowercase();
            match segments(&word) {
                Some(segments) => words.extend(segments),
                None => words.push(word),
            }
        }
    }
    words
}

/// Splits at `aB`, at the last capital of `ABc`, and between letters and digits.
fn humps(part: &str) -> Vec<String> {
    let chars: Vec<char> = part.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = before.is_some_and(|before| {
            (c.is_uppercase() && before.is_lowercase())
                || (c.is_uppercase()
                    && before.is_uppercase()
                    && after.is_some_and(|after| after.is_lowercase()))
                || c.is_numeric() != before.is_numeric()
        });
        if begins {
            words.push(std::mem::take(&mut word));
        }
        word.push(*c);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A word that is no known one but consists of known ones.
fn segments(word: &str) -> Option<Vec<String>> {
    if word.len() < 5 || KNOWN_WORDS.contains(word) {
        return None;
    }
    // ends[i]: where the last known word of word[..i] begins, if word[..i] consists of known ones.
    let mut begins: Vec<Option<usize>> = vec![None; word.len() + 1];
    begins[0] = Some(0);
    for end in 1..=word.len() {
        begins[end] = (0..end).find(|begin| {
            begins[*begin].is_some()
                && word
                    .get(*begin..end)
                    .is_some_and(|part| KNOWN_WORDS.contains(part))
        });
    }
    let mut parts = Vec::new();
    let mut end = word.len();
    while end > 0 {
        let begin = begins[end]?;
        parts.push(word[begin..end].to_owned());
        end = begin;
    }
    parts.reverse();
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_styles_fall_into_words() {
        for (name, words) in [
            ("ElectronicMailAddress", "electronic mail address"),
            ("firstName", "first name"),
            ("LAST_SURNAME", "last surname"),
            ("contact_name", "contact name"),
            ("home_phone", "home phone"),
            ("SSNNumber", "ssn number"),
            ("studentSSN", "student ssn"),
            ("dateofbirth", "date of birth"),
            ("EMAILADDRESS", "email address"),
            ("firstname", "first name"),
            ("homephone", "home phone"),
            ("address1", "address 1"),
            ("hourly_wage", "hourly wage"),
            ("HourlyWage", "hourly wage"),
            ("capacity", "capacity"),
            (
                "CrisisHomelessnessIndicator",
                "crisis homelessness indicator",
            ),
            ("HispanicLatinoEthnicity", "hispanic latino ethnicity"),
            ("AuthorizedFacilityCapacity", "authorized facility capacity"),
            ("Straße-Nr.", "straße nr"),
            ("", ""),
            ("日本", "日本"),
        ] {
            assert_eq!(tokens(name).join(" "), words, "{name}");
        }
    }
}
