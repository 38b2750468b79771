//! References inside of values: elements of arrays, members of JSON. Found by names and confirmed by values like
//! others.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Catalog, Column, ColumnRef, ColumnType, Inside, Key, Table, TableRef, array_text,
};
use redistrict_skill::SkillError;
use serde_json::Value;

use super::candidates::Rule;
use super::names::{Fit, Name, fit, is_reference_like, referred_many, says_part, words};
use super::tables::{is_key_type, keys_of_one_column};
use super::values::{Evidence, Reader};
use crate::inside;

/// Rows of a table that are looked at: these values may be long.
const SAMPLE: u32 = 200;
/// A name of a member that fewer rows have may be about one of them.
const LEAST_ROWS: usize = 11;
/// So deep and so many members of one column are looked at.
const DEEPEST: usize = 6;
const MOST_PATHS: usize = 200;

/// Where a reference was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NestedIn {
    /// Each element of the array is one.
    Elements,
    /// The member of a JSON document: `$.student.id`, `$.students[*]`.
    Member(String),
}

/// A reference inside of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedReference {
    pub column: ColumnRef,
    pub place: NestedIn,
    pub parent: TableRef,
    pub parent_column: String,
    pub rule: Rule,
    pub evidence: Evidence,
    /// Why it cannot be a link, in words.
    pub obstacle: Option<String>,
}

impl NestedReference {
    /// The place as a link writes it.
    #[must_use]
    pub fn inside(&self) -> Inside {
        match &self.place {
            NestedIn::Elements => Inside::Elements,
            NestedIn::Member(path) => {
                // The column stands for itself: a path is read behind one.
                let column = format!("c{path}");
                let read = Inside::split(&column).ok();
                let inside = read.and_then(|(_, inside)| inside);
                inside.unwrap_or(Inside::Members(Vec::new()))
            }
        }
    }

    /// Name and values agree, and a link can lead from there.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.rule == Rule::Name && self.obstacle.is_none()
    }
}

/// Every reference in arrays and JSON that names suggest and values confirm, ordered by column and place. One
/// table for each place: that of its own store first.
///
/// # Errors
/// A failing store.
pub(super) async fn find(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
) -> Result<Vec<NestedReference>, SkillError> {
    let mut found = Vec::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let shapes = table.columns.iter();
        let shapes = shapes.filter_map(|column| Some((column.name.clone(), Shape::of(column)?)));
        let shapes: Vec<(String, Shape)> = shapes.collect();
        if shapes.is_empty() {
            continue;
        }
        let names: Vec<String> = shapes.iter().map(|(name, _)| name.clone()).collect();
        let rows = reader.texts(&table.name, &names, SAMPLE).await?;
        for (at, (column, shape)) in shapes.into_iter().enumerate() {
            let texts = rows.iter().filter_map(|row| row.get(at)?.as_deref());
            for (place, keys) in shape.keys(texts) {
                let column = table.name.column(&column);
                found.extend(reference(reader, catalogs, column, place, &keys).await?);
            }
        }
    }
    found.sort_by(|a, b| (&a.column, &a.place).cmp(&(&b.column, &b.place)));
    Ok(found)
}

/// What the values at one place refer to.
async fn reference(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    column: ColumnRef,
    place: NestedIn,
    keys: &BTreeSet<Key>,
) -> Result<Option<NestedReference>, SkillError> {
    let called = match &place {
        NestedIn::Elements => referred_many(&column.column),
        NestedIn::Member(path) => member_name(path),
    };
    let Some(called) = called else {
        return Ok(None);
    };
    for (parent, rule) in meant(&called, &column.table, catalogs) {
        if let Some((parent_column, evidence)) = held(reader, parent, keys).await? {
            let mut reference = NestedReference {
                column,
                place,
                parent: parent.name.clone(),
                parent_column,
                rule,
                evidence,
                obstacle: None,
            };
            let (table, column) = (&reference.column.table, &reference.column.column);
            let table = catalogs.iter().find_map(|one| one.table(table));
            let inside = reference.inside();
            reference.obstacle =
                table.and_then(|table| inside::refused(catalogs, table, column, &inside));
            return Ok(Some(reference));
        }
    }
    Ok(None)
}

#[derive(Clone, Copy)]
enum Shape {
    Array,
    Json,
    /// JSON in a column of texts.
    Text,
}

impl Shape {
    fn of(column: &Column) -> Option<Self> {
        match column.column_type {
            ColumnType::Array => column
                .element
                .filter(|one| is_key_type(*one))
                .map(|_| Self::Array),
            ColumnType::Json => Some(Self::Json),
            ColumnType::Text => Some(Self::Text),
            _ => None,
        }
    }

    /// The different values at each place.
    fn keys<'a>(self, texts: impl Iterator<Item = &'a str>) -> BTreeMap<NestedIn, BTreeSet<Key>> {
        if let Self::Array = self {
            let each = texts.filter_map(array_text::elements).flatten().flatten();
            let keys: BTreeSet<Key> = each.map(Key::of).collect();
            let is_any = !keys.is_empty();
            return is_any
                .then_some((NestedIn::Elements, keys))
                .into_iter()
                .collect();
        }
        let mut members = Members::default();
        for text in texts {
            let begin = text.trim_start().chars().next();
            if begin.is_some_and(|first| first == '{' || first == '[')
                && let Ok(document) = serde_json::from_str(text)
            {
                members.add(&document);
            }
        }
        members.finish()
    }
}

/// The members of JSON documents, by their paths.
#[derive(Default)]
struct Members {
    /// The values, and how many documents have the path.
    paths: BTreeMap<String, (BTreeSet<Key>, usize)>,
}

impl Members {
    fn add(&mut self, document: &Value) {
        let mut seen: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        walk(document, "$", DEEPEST, &mut seen);
        for (path, keys) in seen {
            if self.paths.len() < MOST_PATHS || self.paths.contains_key(&path) {
                let known = self.paths.entry(path).or_default();
                known.0.extend(keys);
                known.1 += 1;
            }
        }
    }

    /// Names of members may be data: a document about each student by number. Those that many share are not.
    fn finish(self) -> BTreeMap<NestedIn, BTreeSet<Key>> {
        let shared = self
            .paths
            .into_iter()
            .filter(|(_, (_, rows))| *rows >= LEAST_ROWS);
        shared
            .map(|(path, (keys, _))| (NestedIn::Member(path), keys))
            .collect()
    }
}

fn walk(value: &Value, path: &str, depth: usize, seen: &mut BTreeMap<String, Vec<Key>>) {
    let mut note = |text: String| seen.entry(path.to_owned()).or_default().push(Key::of(text));
    match value {
        Value::Number(number) => note(number.to_string()),
        Value::String(text) if !text.is_empty() && text.len() <= 100 => note(text.clone()),
        Value::Array(elements) if depth > 0 => {
            for element in elements {
                walk(element, &format!("{path}[*]"), depth - 1, seen);
            }
        }
        Value::Object(members) if depth > 0 => {
            for (name, member) in members.iter().filter(|(name, _)| is_plain(name)) {
                walk(member, &format!("{path}.{name}"), depth - 1, seen);
            }
        }
        _ => {}
    }
}

fn is_plain(name: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 60
        && name.chars().all(is_sign)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// What a member is called after: `$.student_id`, `$.student.id`, `$.student_ids[*]`.
fn member_name(path: &str) -> Option<Name> {
    let mut parts = path
        .trim_start_matches('$')
        .split('.')
        .filter(|part| !part.is_empty());
    let last = parts.next_back()?;
    let (name, is_list) = match last.strip_suffix("[*]") {
        Some(name) => (name, true),
        None => (last, false),
    };
    if is_list {
        return referred_many(name.trim_end_matches("[*]"));
    }
    if is_reference_like(name) {
        return referred_many(name);
    }
    let is_key =
        matches!(words(name).as_slice(), [one] if ["id", "uuid", "guid"].contains(&one.as_str()));
    let owner = parts.next_back().filter(|_| is_key)?;
    Some(Name::of(owner.trim_end_matches("[*]")))
}

/// The tables that are called so, those of the store itself first.
fn meant<'a>(called: &Name, child: &TableRef, catalogs: &'a [Catalog]) -> Vec<(&'a Table, Rule)> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let rule = |table: &'a Table| {
        let name = Name::of_table(&table.name.table, None);
        let rule = match fit(called, &name)? {
            Fit::Whole => Rule::Name,
            Fit::Qualified if says_part(called, &name) => Rule::Name,
            Fit::Qualified => Rule::Qualified,
        };
        Some((table, rule))
    };
    let mut found: Vec<(&Table, Rule)> = tables.filter_map(rule).collect();
    found.sort_by_key(|(table, rule)| (*rule, table.name.store != child.store));
    found
}

/// The first key of one column that holds the values.
async fn held(
    reader: &mut Reader<'_>,
    parent: &Table,
    keys: &BTreeSet<Key>,
) -> Result<Option<(String, Evidence)>, SkillError> {
    for key in keys_of_one_column(parent) {
        let columns = std::slice::from_ref(&key);
        let evidence = reader.look_up(&parent.name, columns, keys).await?;
        if evidence.confirms() {
            return Ok(Some((key, evidence)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_paths_that_many_documents_have() {
        let mut members = Members::default();
        for number in 0..12 {
            let document = serde_json::json!({
                "student": { "id": number, "name": "x" },
                "course_ids": [number, 7],
                format!("person{number}"): { "id": number },
                "note": null,
            });
            members.add(&document);
        }
        let found = members.finish();
        let places: Vec<&NestedIn> = found.keys().collect();
        let member = |path: &str| NestedIn::Member(path.to_owned());
        assert_eq!(
            places,
            [
                &member("$.course_ids[*]"),
                &member("$.student.id"),
                &member("$.student.name")
            ]
        );
        assert_eq!(found[&member("$.student.id")].len(), 12);
    }

    #[test]
    fn a_member_is_called_after_a_thing() {
        for (path, expected) in [
            ("$.student_id", Some("student")),
            ("$.a.studentId", Some("student")),
            ("$.student.id", Some("student")),
            ("$.students[*].id", Some("students")),
            ("$.student_ids[*]", Some("student")),
            ("$.name", None),
            ("$.id", None),
        ] {
            let called = member_name(path).map(|name| name.words.join(" "));
            assert_eq!(called.as_deref(), expected, "{path}");
        }
    }
}
