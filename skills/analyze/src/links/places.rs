//! Where references may stand inside of the values of a column: the elements of an array, the members of JSON
//! documents, by the paths that many documents have. Pure.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::json_text::{self, JsonPart};
use redistrict_model::{Column, ColumnType, Inside, Key, document_key};

use super::names::{Name, is_reference_like, is_reference_list, referred_many, words};
use super::tables::KeyTypes;

/// A name of a member that fewer rows have may be about one of them.
const LEAST_ROWS: usize = 11;
/// So deep and so many members of one column are looked at.
const DEEPEST: usize = 6;
const MOST_PATHS: usize = 200;
/// Longer names and texts are no names of members, and no keys.
const LONGEST_NAME: usize = 60;
const LONGEST_KEY: usize = 100;

/// A place with what stands there in a sample of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) inside: Inside,
    /// Several stand in one value, as elements of an array or of a list.
    pub(super) is_list: bool,
    /// What they are: of a document, texts.
    pub(super) column_type: ColumnType,
    pub(super) keys: BTreeSet<Key>,
}

/// Whether references may stand inside of the values of that column.
pub(super) fn may_hold(column: &Column, types: &KeyTypes) -> bool {
    match column.column_type {
        ColumnType::Array => column.element.is_some_and(|one| types.may_refer(one)),
        ColumnType::Json | ColumnType::Text => true,
        _ => false,
    }
}

/// The places of a column of which [`may_hold`] says yes, with values, ordered.
pub(super) fn places<'a>(column: &Column, texts: impl Iterator<Item = &'a str>) -> Vec<Place> {
    if let (ColumnType::Array, Some(element)) = (column.column_type, column.element) {
        let each = texts.filter_map(|text| Inside::Elements.keys(text));
        let keys: BTreeSet<Key> = each.flatten().map(Key::of).collect();
        let place = Place {
            inside: Inside::Elements,
            is_list: true,
            column_type: element,
            keys,
        };
        return Some(place)
            .into_iter()
            .filter(|one| !one.keys.is_empty())
            .collect();
    }
    let mut members = Members::default();
    for text in texts {
        let begin = text.trim_start().chars().next();
        if begin.is_some_and(|first| first == '{' || first == '[') {
            members.add(text);
        }
    }
    members.finish()
}

/// What the place is called after: `student_ids[]`, `$.student_id`, `$.student.id`, `$.students[*]`; where the document
/// says nothing, or is a list, what its column is called after.
pub(super) fn called(column: &str, place: &Place) -> Option<Name> {
    let Inside::Members(members) = &place.inside else {
        return referred_many(column);
    };
    let (last, owner) = match members.as_slice() {
        [] => return referred_many(column),
        [last] => (last, column),
        [.., owner, last] => (last, owner.as_str()),
    };
    if place.is_list && !is_id(last) || says_reference(last) {
        return referred_many(last);
    }
    is_id(last).then(|| Name::of(owner))
}

/// Whether the name of the place says that it refers to something.
pub(super) fn is_named(column: &str, place: &Place) -> bool {
    match &place.inside {
        Inside::Elements => says_reference(column),
        Inside::Members(members) => says_reference(members.last().map_or(column, String::as_str)),
    }
}

/// Whether the place is compared with the keys of all tables, whatever its name says: lists that are values
/// themselves are few, and what an object calls its id is somebody's.
pub(super) fn is_looked_at(place: &Place) -> bool {
    match &place.inside {
        Inside::Elements => true,
        Inside::Members(members) => members.last().is_none_or(|last| is_id(last)),
    }
}

fn says_reference(name: &str) -> bool {
    is_reference_like(name) || is_reference_list(name)
}

fn is_id(name: &str) -> bool {
    matches!(words(name).as_slice(), [one] if ["id", "uuid", "guid"].contains(&one.as_str()))
}

/// The members of JSON documents, by their paths.
#[derive(Default)]
struct Members {
    paths: BTreeMap<Vec<String>, Seen>,
}

/// What stands at one path, and in how many documents.
#[derive(Default)]
struct Seen {
    keys: BTreeSet<Key>,
    is_list: bool,
    documents: usize,
}

impl Members {
    fn add(&mut self, text: &str) {
        let mut seen: BTreeMap<Vec<String>, Seen> = BTreeMap::new();
        let walked = json_text::walk(text, &mut |place, part| {
            let names = place.members();
            let is_followed = names.len() <= DEEPEST && names.iter().all(|name| is_told(name));
            let is_short = |text: &str| text.len() <= LONGEST_KEY;
            let is_value = !matches!(part, JsonPart::Key(_));
            if let Some(key) =
                document_key(part).filter(|key| is_followed && is_value && is_short(key))
            {
                let names = names.into_iter().map(ToOwned::to_owned).collect();
                let known = seen.entry(names).or_default();
                known.keys.insert(Key::of(key));
                known.is_list |= place.is_element();
            }
            None
        });
        if walked.is_none() {
            return;
        }
        for (path, new) in seen {
            if self.paths.len() < MOST_PATHS || self.paths.contains_key(&path) {
                let known = self.paths.entry(path).or_default();
                known.keys.extend(new.keys);
                known.is_list |= new.is_list;
                known.documents += 1;
            }
        }
    }

    /// Names of members may be data: a document about each student by number. Those that many share are not.
    fn finish(self) -> Vec<Place> {
        let shared = (self.paths.into_iter())
            .filter(|(path, seen)| path.is_empty() || seen.documents >= LEAST_ROWS);
        let place = |(path, seen): (Vec<String>, Seen)| Place {
            inside: Inside::Members(path),
            is_list: seen.is_list,
            column_type: ColumnType::Text,
            keys: seen.keys,
        };
        shared.map(place).collect()
    }
}

/// Whether the name of a member may be told: one word, or words that say that they refer. Others may be names of
/// persons.
fn is_told(name: &str) -> bool {
    let is_sign = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_word = name.chars().all(is_sign) && name.starts_with(char::is_alphabetic);
    name.len() <= LONGEST_NAME && (is_word || says_reference(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(names: &[&str]) -> Inside {
        Inside::Members(names.iter().map(|one| (*one).to_owned()).collect())
    }

    fn place(inside: Inside, is_list: bool) -> Place {
        Place {
            inside,
            is_list,
            column_type: ColumnType::Text,
            keys: BTreeSet::new(),
        }
    }

    #[test]
    fn members_are_told_by_paths_that_many_documents_have() {
        let mut members_of = Members::default();
        for number in 0..12 {
            members_of.add(&format!(
                r#"{{"student": {{"id": {number}.0, "name": "x"}}, "course_ids": [{number}, 7],
                    "Schüler ID": "{number}", "Anna Smith": 1, "person{number}": {{"id": {number}}}, "note": null}}"#
            ));
        }
        members_of.add("{\"course_ids\": [99}");
        let found = members_of.finish();
        let places: Vec<(&Inside, bool, usize)> = (found.iter())
            .map(|one| (&one.inside, one.is_list, one.keys.len()))
            .collect();
        assert_eq!(
            places,
            [
                (&members(&["Schüler ID"]), false, 12),
                (&members(&["course_ids"]), true, 12),
                (&members(&["student", "id"]), false, 12),
                (&members(&["student", "name"]), false, 1),
            ]
        );
    }

    #[test]
    fn a_document_that_is_a_list_is_told_by_few_rows_too() {
        let mut members_of = Members::default();
        members_of.add("[4, [\"5\"], {\"id\": 6}]");
        let found = members_of.finish();
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].inside, found[0].keys.len()), (&members(&[]), 2));
    }

    #[test]
    fn a_place_is_called_after_a_thing() {
        for (column, path, is_list, expected) in [
            ("detail", &["student_id"][..], false, Some("student")),
            ("detail", &["a", "studentId"], false, Some("student")),
            ("detail", &["student", "id"], false, Some("student")),
            ("detail", &["students", "id"], true, Some("students")),
            ("detail", &["student_ids"], true, Some("student")),
            ("detail", &["students"], true, Some("students")),
            ("detail", &["students"], false, None),
            ("detail", &["name"], false, None),
            ("students", &["id"], false, Some("students")),
            ("student_ids", &[], true, Some("student")),
            ("students", &[], true, Some("students")),
        ] {
            let place = place(members(path), is_list);
            let name = called(column, &place).map(|name| name.words.join(" "));
            assert_eq!(name.as_deref(), expected, "{column} {path:?}");
        }
    }

    #[test]
    fn names_say_that_they_refer_and_lists_are_looked_at_whatever_they_say() {
        let elements = || place(Inside::Elements, true);
        assert!(is_named("member_ids", &elements()) && is_named("badge_uuids", &elements()));
        assert!(!is_named("members", &elements()) && is_looked_at(&elements()));
        let list = place(members(&[]), true);
        assert!(is_named("pupil_refs", &list) && !is_named("pupils", &list) && is_looked_at(&list));
        let score = place(members(&["score"]), true);
        assert!(!is_named("detail_id", &score) && !is_looked_at(&score));
        assert!(is_looked_at(&place(members(&["who", "id"]), false)));
    }
}
