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

    /// Of a table: `tbl_student` is called like `student`, and `sis_student` where `sis` stands before every
    /// table.
    pub(super) fn of_table(name: &str, prefix: Option<&str>) -> Self {
        const KINDS: [&str; 5] = ["tbl", "tab", "tb", "t", "table"];
        let all = words(name);
        let mut words = all.as_slice();
        let is_told = |word: &String| KINDS.contains(&word.as_str()) || prefix == Some(word);
        while let [first, rest @ ..] = words
            && !rest.is_empty()
            && is_told(first)
        {
            words = rest;
        }
        if let [rest @ .., last] = words
            && !rest.is_empty()
            && KINDS.contains(&last.as_str())
        {
            words = rest;
        }
        Self::of_words(words.to_vec())
    }

    fn of_words(words: Vec<String>) -> Self {
        Self {
            last: words.last().map(|last| singulars(last)).unwrap_or_default(),
            joined: singulars(&words.concat()),
            words,
        }
    }

    /// What a column may be called after the table and one of its keys: `student ext` and `students ext` for
    /// `students` and `ext`; a key that is called after its table says it alone.
    pub(super) fn with_key(&self, key: &[String]) -> Vec<Vec<String>> {
        let Some((_, before)) = self.words.split_last() else {
            return Vec::new();
        };
        let tables = self.last.iter();
        let tables: Vec<Vec<String>> = tables
            .map(|last| [before, std::slice::from_ref(last)].concat())
            .collect();
        if key.len() > self.words.len() && tables.iter().any(|table| key.starts_with(table)) {
            return vec![key.to_vec()];
        }
        let tables = tables.into_iter();
        tables
            .map(|table| [table.as_slice(), key].concat())
            .collect()
    }

    /// Names that may be the same have one of these in common.
    pub(super) fn forms(&self) -> impl Iterator<Item = &String> {
        self.last.iter().chain(&self.joined)
    }
}

/// What a column of a reference is called after: `ids_student_id` after `ids student`, `courseNo` after
/// `course`, `fk_student` and `id_student` after `student`, `guardian2_id` after `guardian`. None where the
/// name neither begins nor ends like that of a reference.
pub(super) fn referred(column: &str) -> Option<Name> {
    const ENDINGS: [&str; 11] = [
        "id", "no", "nr", "num", "number", "code", "key", "ref", "uuid", "guid", "fk",
    ];
    let is_counter = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let mut words = words(column);
    let count = words.len();
    while words
        .last()
        .is_some_and(|word| ENDINGS.contains(&word.as_str()) || is_counter(word))
    {
        words.pop();
    }
    let begins = words.iter().take_while(|word| begins_reference(word));
    let begins = begins.count();
    words.drain(..begins);
    if words.len() == count {
        // `studentid`, in schemas that write names without a gap.
        let last = words.last_mut()?;
        let stem = last.strip_suffix("id").filter(|stem| stem.len() > 2)?;
        *last = stem.to_owned();
    }
    if let Some(last) = words.last_mut() {
        let stem = last.trim_end_matches(|c: char| c.is_ascii_digit());
        *last = stem.to_owned();
    }
    (!words.is_empty()).then(|| Name::of_words(words))
}

/// `fk_student`, `id_student`.
fn begins_reference(word: &str) -> bool {
    ["fk", "id", "ref"].contains(&word)
}

/// What names of lists of references end with.
const LISTS: [&str; 4] = ["ids", "refs", "uuids", "guids"];

/// What a list of references is called after: `student_ids`, `students`, `StudentCodes`.
pub(super) fn referred_many(column: &str) -> Option<Name> {
    let words = words(column);
    let (last, before) = words.split_last()?;
    const NUMBERS: [&str; 4] = ["codes", "nos", "numbers", "keys"];
    if LISTS.contains(&last.as_str()) || NUMBERS.contains(&last.as_str()) {
        return (!before.is_empty()).then(|| Name::of_words(before.to_vec()));
    }
    Some(referred(column).unwrap_or_else(|| Name::of_words(words)))
}

/// Whether a name ends like that of a number or a code, which counts or labels more often than it refers:
/// `room_number`. `student_id` does not.
pub(super) fn is_numbered(column: &str) -> bool {
    const NUMBERS: [&str; 6] = ["no", "nr", "num", "number", "code", "key"];
    let words = words(column);
    (words.last()).is_some_and(|last| NUMBERS.contains(&last.as_str()))
}

/// Whether a name says of itself that it refers: `proctor_id`. A number or a code may be anything.
pub(super) fn is_reference_like(column: &str) -> bool {
    let words = words(column);
    let ends = |last: &String| ["id", "ref", "uuid", "guid", "fk"].contains(&last.as_str());
    let begins = |first: &String| begins_reference(first);
    words.len() > 1 && (words.last().is_some_and(ends) || words.first().is_some_and(begins))
}

/// Whether a name says of itself that it is a list of references: `student_ids`.
pub(super) fn is_reference_list(name: &str) -> bool {
    let words = words(name);
    words.len() > 1 && (words.last()).is_some_and(|last| LISTS.contains(&last.as_str()))
}

/// `created_by`: somebody or something did it.
pub(super) fn says_by_whom(column: &str) -> bool {
    let words = words(column);
    words.len() > 1 && words.last().is_some_and(|last| last == "by")
}

/// How well the name of a table fits what a column is called after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// `student` and `students`.
    Whole,
    /// `ids student` or `state student` and `students`: the words before say which.
    Qualified,
}

/// Whether what a column is called after is a table's name made short, word by word: `stu` for `students`,
/// `dept` for `departments`, `crs` for `courses`.
pub(super) fn is_short_for(thing: &Name, table: &Name) -> bool {
    let is_short = |(short, word): (&String, &String)| {
        let stem = singulars(word).into_iter().min_by_key(String::len);
        let stem = stem.unwrap_or_default();
        let is_cut =
            short.len() >= 3 && stem.len() > short.len() && stem.starts_with(short.as_str());
        // After what is the same, no vowels, in the order of the word.
        let is_vowel = |c: char| "aeiou".contains(c);
        let same = short
            .chars()
            .zip(stem.chars())
            .take_while(|(a, b)| a == b)
            .count();
        let mut letters = stem.chars().skip(same);
        let mut rest = short.chars().skip(same);
        let is_squeezed = short.len() >= 3
            && same > 0
            && stem.len() > short.len()
            && rest.all(|c| !is_vowel(c) && letters.any(|letter| letter == c));
        is_cut || is_squeezed
    };
    let pairs = || thing.words.iter().zip(&table.words);
    thing.words.len() == table.words.len()
        && pairs().any(is_short)
        && pairs().all(|(short, word)| is_short((short, word)) || singulars(word).contains(short))
}

/// Whether a table is called after a thing within a part of the schema: `exam sections` for the `section` of
/// `exam results`.
pub(super) fn is_of_same_part(thing: &Name, table: &Name, child: &Name) -> bool {
    let (Some(first), [_, rest @ ..]) = (table.words.first(), &*table.words) else {
        return false;
    };
    let rest = Name::of_words(rest.to_vec());
    child.words.len() > 1
        && child.words.first() == Some(first)
        && fit(thing, &rest) == Some(Fit::Whole)
}

/// Whether the words before the thing say in which part it takes: `from_school_id`, `parent_unit_id`.
pub(super) fn says_part(thing: &Name, table: &Name) -> bool {
    const PARTS: [&str; 32] = [
        "parent",
        "previous",
        "prev",
        "next",
        "from",
        "to",
        "source",
        "target",
        "origin",
        "home",
        "primary",
        "secondary",
        "first",
        "second",
        "other",
        "new",
        "old",
        "current",
        "last",
        "main",
        "related",
        "original",
        "sending",
        "receiving",
        "assigned",
        "responsible",
        "owning",
        "owner",
        "created",
        "updated",
        "prior",
        "alternate",
    ];
    let before = thing.words.len().saturating_sub(table.words.len());
    before > 0 && (thing.words[..before].iter()).all(|word| PARTS.contains(&word.as_str()))
}

/// The name that a text says of a table: `Student`, `public.students`, `App\\Models\\Student`.
pub(super) fn said_table(text: &str) -> Name {
    let last = text.rsplit(['\\', ':', '.', '/']).next();
    Name::of(last.unwrap_or(text))
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
        fit(&referred(column)?, &Name::of_table(table, None))
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
            ("fk_student", "students", Some(Fit::Whole)),
            ("id_student", "tbl_student", Some(Fit::Whole)),
            ("STUDENT_FK", "STUDENTS", Some(Fit::Whole)),
            ("guardian2_id", "guardians", Some(Fit::Whole)),
            ("guardian_2_id", "guardians", Some(Fit::Whole)),
            ("StudentID", "Student", Some(Fit::Whole)),
            ("ref_no", "refs", None),
        ] {
            assert_eq!(fits(column, table), expected, "{column} and {table}");
        }
    }

    #[test]
    fn a_column_may_be_called_after_a_table_and_its_key() {
        let called = |table: &str, key: &str| -> Vec<String> {
            let names = Name::of_table(table, None).with_key(&words(key));
            names.into_iter().map(|words| words.join("_")).collect()
        };
        assert_eq!(called("students", "ext"), ["students_ext", "student_ext"]);
        assert_eq!(
            called("tbl_bus_route", "PublicCode"),
            ["bus_route_public_code"]
        );
        assert_eq!(called("students", "student_ext"), ["student_ext"]);
    }

    #[test]
    fn a_name_may_be_made_short() {
        let is_short = |column: &str, table: &str| {
            is_short_for(&referred(column).unwrap(), &Name::of_table(table, None))
        };
        for (column, table) in [
            ("stu_no", "students"),
            ("dept_id", "departments"),
            ("crs_id", "courses"),
            ("stu_group_id", "student_groups"),
        ] {
            assert!(is_short(column, table), "{column} and {table}");
        }
        for (column, table) in [
            ("student_id", "students"),
            ("st_id", "students"),
            ("stu_id", "student_groups"),
            ("tsd_id", "students"),
            ("ste_id", "students"),
        ] {
            assert!(!is_short(column, table), "{column} and {table}");
        }
    }

    #[test]
    fn lists_kinds_and_parts_are_told_by_names() {
        let many = |column: &str| referred_many(column).map(|name| name.words);
        assert_eq!(many("student_ids"), Some(vec!["student".to_owned()]));
        assert_eq!(many("students"), Some(vec!["students".to_owned()]));
        assert_eq!(many("ids"), None);
        for text in [
            "Student",
            "students",
            "App\\Models\\Student",
            "Sis::Student",
            "public.students",
        ] {
            assert_eq!(
                fit(&said_table(text), &Name::of("students")),
                Some(Fit::Whole),
                "{text}"
            );
        }
        let names = |thing: &str, table: &str, child: &str| {
            is_of_same_part(
                &referred(thing).unwrap(),
                &Name::of(table),
                &Name::of(child),
            )
        };
        assert!(names("section_id", "exam_sections", "exam_results"));
        assert!(!names("section_id", "exam_sections", "library_loans"));
        assert!(!names("section_id", "sections", "exam_results"));
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
