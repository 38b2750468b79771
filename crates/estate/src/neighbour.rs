//! What a CERT may hold before a migration: another district as earlier masked test data, and rows
//! that somebody made by hand. The altered values are no product of our masks.

use std::collections::BTreeMap;

use crate::answer_key::SensitiveValue;
use crate::error::EstateError;
use crate::estate::{Estate, TableRows};
use crate::rng::fnv1a;
use crate::row::{Place, SensitiveKind};
use crate::schema::{CONTENT_ITEMS, GUARDIANS, STATES, STUDENT_GUARDIANS, SUBJECTS, TableSpec};
use crate::value::{Value, day};

/// Keys of hand-made rows: far outside of what is generated.
const HAND_MADE: i64 = 990_001;

impl Estate {
    /// The rows of one district with every sensitive value altered (equal values alike, unique ones
    /// to unique ones, foreign keys and lengths kept; no original is left), plus a few rows made by
    /// hand with keys from 990,001 (states: 991) on.
    ///
    /// # Errors
    /// Unknown district.
    pub fn cert_neighbour_rows(&self, district: u32) -> Result<Vec<TableRows>, EstateError> {
        let mut tables = self.district_rows(district)?;
        let mut marks: BTreeMap<(String, &[String]), Vec<&SensitiveValue>> = BTreeMap::new();
        for value in self.answer_key.sensitive_of(district) {
            let table = format!("{}.{}", value.store, value.table);
            marks.entry((table, &value.key)).or_default().push(value);
        }
        for TableRows { table, rows } in &mut tables {
            for row in rows {
                let key = table.key_of(row);
                for found in marks.get(&(table.full_name(), &key)).into_iter().flatten() {
                    let cell = &mut row[table.index(&found.column)];
                    alter(cell, found);
                }
            }
        }
        add_hand_made(&mut tables);
        Ok(tables)
    }
}

fn alter(cell: &mut Value, found: &SensitiveValue) {
    match (&found.place, &mut *cell) {
        // The whole text has a mark of its own.
        (Place::Inside, _) | (_, Value::Null) => {}
        (Place::Whole, Value::Date(days)) => *days += 37,
        (Place::Whole, Value::Bytes(bytes)) => bytes.iter_mut().for_each(|byte| *byte = !*byte),
        (Place::Leaf(pointer), Value::Json(text)) => {
            let mut document: serde_json::Value =
                serde_json::from_str(text).expect("the estate writes JSON");
            if let Some(leaf) = document.pointer_mut(pointer) {
                *leaf = altered_text(found.kind, &found.text).into();
            }
            *text = document.to_string();
        }
        (Place::Whole | Place::Leaf(_), cell) => {
            *cell = Value::Text(altered_text(found.kind, &found.text));
        }
    }
}

fn altered_text(kind: SensitiveKind, text: &str) -> String {
    let digest = fnv1a(text.as_bytes());
    match kind {
        SensitiveKind::FirstName => altered_name(text, "test"),
        SensitiveKind::Surname => altered_name(text, "probe"),
        SensitiveKind::FullName => {
            let (first, last) = text.split_once(' ').unwrap_or((text, text));
            format!(
                "{} {}",
                altered_name(first, "test"),
                altered_name(last, "probe")
            )
        }
        SensitiveKind::Email => format!("t{digest:016x}@cert.example.org"),
        SensitiveKind::Phone => format!("555-01{:02}", digest % 100),
        SensitiveKind::NationalId => format!("9{:02}-00-{:04}", digest % 100, digest % 10_000),
        SensitiveKind::Address => format!("{} Test Way", digest % 100_000),
        SensitiveKind::StudentNumber => format!("T{}", &text[1..]),
        SensitiveKind::BirthDate | SensitiveKind::FreeText | SensitiveKind::Binary => {
            format!("Earlier test text {digest:016x}.")
        }
    }
}

fn altered_name(name: &str, ending: &str) -> String {
    name.chars().take(3).chain(ending.chars()).collect()
}

fn add_hand_made(tables: &mut [TableRows]) {
    let student = tables
        .iter()
        .find(|rows| *rows.table == STUDENT_GUARDIANS)
        .and_then(|rows| rows.rows.first().map(|row| row[0].clone()));
    let text = |text: &str| Value::Text(text.to_owned());
    let state = vec![Value::Int(991), text("ZZ"), text("Testland")];
    let subject = vec![
        Value::Int(HAND_MADE),
        text("TST"),
        text("Test subject"),
        Value::Float(1.0),
    ];
    let item = vec![
        Value::Int(HAND_MADE),
        text("TST-1"),
        text("Test item"),
        Value::Null,
        Value::Null,
        Value::Date(day(2020, 1, 1)),
    ];
    push(tables, &STATES, state);
    push(tables, &SUBJECTS, subject);
    push(tables, &CONTENT_ITEMS, item);
    for (key, name) in [(HAND_MADE, "Handmade"), (HAND_MADE + 1, "Unlinked")] {
        let email = format!("{}@example.org", name.to_lowercase());
        let row = vec![
            Value::Int(key),
            text(name),
            text("Tester"),
            Value::Text(email),
            text("555-0199"),
            Value::Null,
        ];
        push(tables, &GUARDIANS, row);
    }
    if let Some(student) = student {
        let row = vec![
            student,
            Value::Int(HAND_MADE),
            text("guardian"),
            Value::Bool(false),
        ];
        push(tables, &STUDENT_GUARDIANS, row);
    }
}

fn push(tables: &mut [TableRows], table: &TableSpec, row: Vec<Value>) {
    if let Some(rows) = tables.iter_mut().find(|rows| rows.table == table) {
        rows.rows.push(row);
    }
}
