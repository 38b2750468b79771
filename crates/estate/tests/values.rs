//! Sensitive values stand where the answer key says, and belong to the districts that it says.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_estate::{Estate, KeyText, Place, SensitiveKind, TableRows, Value};

use crate::{options, with_transfers};

#[test]
fn every_sensitive_value_stands_at_its_place() {
    let estate = Estate::generate(with_transfers());
    let mut cells: BTreeMap<(String, KeyText), (&TableRows, &Vec<Value>)> = BTreeMap::new();
    for rows in &estate.tables {
        for (key, row) in rows.keys().zip(&rows.rows) {
            let place = (rows.table.full_name(), key);
            assert!(
                cells.insert(place, (rows, row)).is_none(),
                "keys are unique"
            );
        }
    }
    for value in &estate.answer_key.sensitive {
        let table = format!("{}.{}", value.store, value.table);
        let (rows, row) = cells[&(table, value.key.clone())];
        if rows.table.generated.contains(&value.column.as_str()) {
            continue;
        }
        let cell = &row[rows.table.index(&value.column)];
        if let (Place::Element(index), Value::List(elements)) = (&value.place, cell) {
            assert_eq!(elements[*index].text().as_ref(), Some(&value.text));
        }
        let cell = cell.text().unwrap();
        match &value.place {
            Place::Whole => assert_eq!(cell.trim_start_matches("\\x"), value.text),
            Place::Element(_) => assert!(cell.starts_with('{')),
            Place::Inside => assert!(cell.contains(&value.text)),
            Place::Leaf(pointer) => {
                let document: serde_json::Value = serde_json::from_str(&cell).unwrap();
                let leaf = document.pointer(pointer).and_then(|leaf| leaf.as_str());
                assert_eq!(leaf, Some(value.text.as_str()));
            }
        }
    }
}

#[test]
fn each_district_has_many_high_entropy_values_of_every_kind_and_of_no_other() {
    let estate = Estate::generate(options());
    let mut owners: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for district in 1..=3 {
        let values = || estate.answer_key.sensitive_of(district);
        let high: BTreeSet<&str> = values()
            .filter(|value| value.is_high_entropy())
            .map(|value| value.text.as_str())
            .collect();
        assert!(high.len() >= 50, "{}", high.len());
        let kinds: BTreeSet<SensitiveKind> = values().map(|value| value.kind).collect();
        assert_eq!(kinds.len(), 15);
        for text in high {
            owners.entry(text).or_default().insert(district);
        }
    }
    // What a person of two districts is called and known by.
    let shared: BTreeSet<&str> = estate
        .answer_key
        .sensitive
        .iter()
        .filter(|value| value.districts.len() > 1)
        .map(|value| value.text.as_str())
        .collect();
    for (text, districts) in owners {
        assert!(
            districts.len() == 1 || shared.contains(text),
            "{districts:?}"
        );
    }
}
