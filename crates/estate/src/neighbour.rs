//! What a CERT may hold before a migration: another district as earlier masked test data, and rows
//! that somebody made by hand. The altered values are no product of our masks.

use std::collections::BTreeMap;

use crate::answer_key::SensitiveValue;
use crate::error::EstateError;
use crate::estate::{Estate, TableRows};
use crate::handmade::add_hand_made;
use crate::rng::fnv1a;
use crate::row::{Place, SensitiveKind};
use crate::value::Value;

impl Estate {
    /// The rows of one district with every sensitive value altered (equal values alike, unique ones
    /// to unique ones, foreign keys, links and lengths kept; no original is left), plus a few rows made
    /// by hand with keys from 990,001 (in short lists: 991) or beginning with `TST` or zeros.
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
        for held in &mut tables {
            let (table, keys) = (held.table, held.keys().collect::<Vec<_>>());
            for (row, key) in held.rows.iter_mut().zip(&keys) {
                let found = marks.get(&(table.full_name(), key)).into_iter().flatten();
                // What the database computes follows from the rest.
                let written = found.filter(|found| table.columns.contains(&found.column.as_str()));
                written.for_each(|found| alter(&mut row[table.index(&found.column)], found));
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
        (Place::Element(index), Value::List(elements)) => {
            elements[*index] = Value::Text(altered_text(found.kind, &found.text));
        }
        (Place::Whole | Place::Leaf(_) | Place::Element(_), cell) => {
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
        SensitiveKind::UserName => format!("t{digest:016x}"),
        SensitiveKind::Credential => format!("earlier{digest:016x}"),
        SensitiveKind::NetworkAddress => format!("192.0.2.{}", digest % 256),
        SensitiveKind::DeviceId if is_hardware_address(text) => {
            let [a, b, c, d, e, ..] = digest.to_be_bytes();
            format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
        }
        SensitiveKind::DeviceId => format!("T{digest:016x}"),
        SensitiveKind::BirthDate | SensitiveKind::FreeText | SensitiveKind::Binary => {
            format!("Earlier test text {digest:016x}.")
        }
    }
}

fn altered_name(name: &str, ending: &str) -> String {
    name.chars().take(3).chain(ending.chars()).collect()
}

fn is_hardware_address(text: &str) -> bool {
    text.len() == 17 && text.split(':').count() == 6
}
