//! Names as words: which thing a column of a reference is called after, and whether a table is called so too.
//! Knows English plurals and nothing of any schema.

/// The words of a name, and what the last of them may be in the singular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) words: Vec<String>,
    last: Vec<String>,
    /// Of all words as one: `educationorganization` and `education_organization`.
    joined: Vec<String>,
}

impl Name {
    pub(super) fn of(name: &str) -> Self {
        Self::of_words(words(name))
    }

    fn of_words(words: Vec<String>) -> Self {
        Self {
            last: words.last().map(|last| singulars(last)).unwrap_or_default(),
            joined: singulars(&words.concat()),
            words,
        }
    }

    /// Names that may be the same have one of these in common.
    pub(super) fn forms(&self) -> impl Iterator<Item = &String> {
        self.last.iter().chain(&self.joined)
    }
}

/// What a column of a reference is called after: `ids_student_id` after `ids student`, `courseNo` after
/// `course`. None where the name does not end like that of a reference.
pub(super) fn referred(column: &str) -> Option<Name> {
    const ENDINGS: [&str; 10] = [
        "id", "no", "nr", "num", "number", "code", "key", "ref", "uuid", "guid",
    ];
    let mut words = words(column);
    let count = words.len();
    while words
        .last()
        .is_some_and(|word| ENDINGS.contains(&word.as_str()))
    {
        words.pop();
    }
    if words.len() == count {
        // `studentid`, in schemas that write names without a gap.
        let last = words.last_mut()?;
        let stem = last.strip_suffix("id").filter(|stem| stem.len() > 2)?;
        *last = stem.to_owned();
    }
    (!words.is_empty()).then(|| Name::of_words(words))
}

/// Whether a name says of itself that it refers: `proctor_id`. A number or a code may be anything.
pub(super) fn is_reference_like(column: &str) -> bool {
    let words = words(column);
    let ends = |last: &String| ["id", "ref", "uuid", "guid"].contains(&last.as_str());
    words.len() > 1 && words.last().is_some_and(ends)
}

/// How well the name of a table fits what a column is called after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// `student` and `students`.
    Whole,
    /// `ids student` or `state student` and `students`: the words before say which.
    Qualified,
}

/// Whether a table is called after a thing, singular or plural.
pub(super) fn fit(thing: &Name, table: &Name) -> Option<Fit> {
    let share = |one: &[String], other: &[String]| one.iter().any(|form| other.contains(form));
    let (_, rest) = table.words.split_last()?;
    let (_, before) = thing.words.split_last()?;
    let is_last_same = share(&thing.last, &table.last);
    if (before == rest && is_last_same) || share(&thing.joined, &table.joined) {
        return Some(Fit::Whole);
    }
    (before.ends_with(rest) && is_last_same).then_some(Fit::Qualified)
}

/// Whether a column may be meant by the name of a key's column: the same words, or these with others before
/// them (`ids_course_id` and `course_id`).
pub(super) fn is_named_like(column: &[String], key: &[String]) -> bool {
    column.ends_with(key)
}

/// The column that may say which table another one refers to: `entity` or `entity_type` beside `entity_id`.
pub(super) fn says_kind_of(column: &str, thing: &Name) -> bool {
    const KINDS: [&str; 7] = ["type", "kind", "class", "label", "table", "model", "entity"];
    let words = words(column);
    match words.strip_prefix(thing.words.as_slice()) {
        Some([]) => true,
        Some([kind]) => KINDS.contains(&kind.as_str()),
        _ => false,
    }
}

/// The words of a name, in lower case: at every sign that is no letter or digit, and where a capital follows
/// a small letter.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (was_small && c.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What the singular of a word may be.
fn singulars(word: &str) -> Vec<String> {
    const IRREGULAR: [(&str, &str); 2] = [("people", "person"), ("children", "child")];
    let mut forms = vec![word.to_owned()];
    let endings = [("ies", "y"), ("es", ""), ("s", "")];
    let stems = endings
        .iter()
        .filter_map(|(plural, singular)| Some(word.strip_suffix(plural)?.to_owned() + singular));
    forms.extend(stems.filter(|stem| stem.len() > 1));
    let known = IRREGULAR.iter().filter(|(plural, _)| *plural == word);
    forms.extend(known.map(|(_, singular)| (*singular).to_owned()));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(column: &str, table: &str) -> Option<Fit> {
        fit(&referred(column)?, &Name::of(table))
    }

    #[test]
    fn a_column_is_called_after_a_table_in_the_singular_with_or_without_words_before() {
        for (column, table, expected) in [
            ("district_id", "districts", Some(Fit::Whole)),
            ("ids_student_id", "students", Some(Fit::Qualified)),
            ("categoryNo", "Categories", Some(Fit::Whole)),
            ("address_id", "addresses", Some(Fit::Whole)),
            ("houseId", "houses", Some(Fit::Whole)),
            ("staff_id", "staff", Some(Fit::Whole)),
            ("person_ref", "people", Some(Fit::Whole)),
            ("studentid", "student", Some(Fit::Whole)),
            ("schoolyear_id", "school_years", Some(Fit::Whole)),
            ("student_id", "state_students", None),
            ("student_name", "students", None),
            ("id", "students", None),
            ("paid", "pas", None),
        ] {
            assert_eq!(fits(column, table), expected, "{column} and {table}");
        }
    }

    #[test]
    fn a_column_beside_says_the_kind() {
        let thing = referred("entity_id").unwrap();
        for column in ["entity", "entity_type", "entityTable"] {
            assert!(says_kind_of(column, &thing), "{column}");
        }
        for column in ["entity_name", "type", "other_entity"] {
            assert!(!says_kind_of(column, &thing), "{column}");
        }
    }
}
