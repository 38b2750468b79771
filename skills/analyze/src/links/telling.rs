//! Columns that are not called like references and whose values may say that they are: UUIDs, codes, numbers that lie
//! scattered. Whatever a table is keyed by may be meant by such a column, primary key or not.

use std::collections::BTreeSet;

use redistrict_model::{Catalog, ColumnType, Key, TableRef};
use redistrict_skill::SkillError;

use super::agreement::Ways;
use super::holders::{Column, is_uuid};
use super::tables::{KeyTypes, free_columns, is_number, is_text};
use super::values::Reader;

/// Rows of a table that are looked at.
const SAMPLE: u32 = 1_000;
/// Fewer different values say nothing.
const LEAST_VALUES: usize = 10;
/// Numbers below are too common, and so many have to lie scattered.
const LEAST_NUMBER: u64 = 1_000;
const LEAST_NUMBERS: usize = 20;
/// Four bytes as text: fewer may be a number.
const LEAST_BYTES: usize = 10;

/// Such columns with their values: those of tables first from which no reference leads to the root. `is_free` says
/// which columns nothing is known of. One statement for each table that has some.
///
/// # Errors
/// A failing store.
pub(super) async fn columns(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    ways: Option<&Ways>,
    is_free: impl Fn(&TableRef, &String) -> bool,
) -> Result<Vec<Column>, SkillError> {
    let types = KeyTypes::of(catalogs);
    let mut found = Vec::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let of_table = free_columns(table).filter(|column| {
            let own = column.column_type;
            (is_text(own) || types.has(own))
                && own != ColumnType::Enum
                && is_free(&table.name, &column.name)
        });
        let of_table: Vec<&redistrict_model::Column> = of_table.collect();
        let names: Vec<String> = of_table.iter().map(|column| column.name.clone()).collect();
        if names.is_empty() {
            continue;
        }
        let rows = reader.texts(&table.name, &names, SAMPLE).await?;
        for (at, column) in of_table.into_iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(at)?.clone());
            let values: BTreeSet<Key> = values.map(|text| Key::new([text])).collect();
            if are_telling(column.column_type, &values) {
                found.push(Column {
                    child: table.name.clone(),
                    column: column.name.clone(),
                    inside: None,
                    column_type: column.column_type,
                    values,
                });
            }
        }
    }
    let is_placed = |one: &Column| ways.is_some_and(|ways| ways.leads_up(&one.child));
    found.sort_by_key(is_placed);
    Ok(found)
}

/// Whether values look like keys: codes, or numbers that lie scattered over a range. Of other types any values do:
/// that something is keyed by a moment or an address is rare, and that it has all of these by accident is rarer.
pub(super) fn are_telling(column_type: ColumnType, values: &BTreeSet<Key>) -> bool {
    let is_common = is_number(column_type) || is_text(column_type);
    match is_common || column_type == ColumnType::Uuid {
        true => are_codes(column_type, values) || are_scattered_numbers(values),
        false => values.len() >= LEAST_VALUES,
    }
}

/// Whether values are UUIDs, words with digits in them, or bytes of some length, which are equal to a key of another
/// table for no other reason than that they mean it.
pub(super) fn are_codes(column_type: ColumnType, values: &BTreeSet<Key>) -> bool {
    let is_code = |text: &str| {
        let has = |is_it: fn(char) -> bool| text.chars().any(is_it);
        is_uuid(text)
            || (text.len() >= 4
                && has(|c| c.is_ascii_digit())
                && has(|c| !c.is_ascii_digit() && !"-.: /,+".contains(c))
                // An address is a person's, and may stand in two places without meaning one another.
                && !has(|c| c == '@' || c.is_whitespace()))
    };
    let mut texts = values.iter().flat_map(Key::parts);
    values.len() >= LEAST_VALUES
        && match column_type {
            ColumnType::Bytes => texts.all(|text| text.len() >= LEAST_BYTES),
            one if is_number(one) || is_text(one) || one == ColumnType::Uuid => {
                texts.all(|text| is_code(text))
            }
            _ => false,
        }
}

fn are_scattered_numbers(values: &BTreeSet<Key>) -> bool {
    let numbers = values.iter().map(|key| match key.parts() {
        [part] => part.parse::<u64>().ok(),
        _ => None,
    });
    let Some(numbers) = numbers.collect::<Option<BTreeSet<u64>>>() else {
        return false;
    };
    let (Some(least), Some(greatest)) = (numbers.first(), numbers.last()) else {
        return false;
    };
    numbers.len() >= LEAST_NUMBERS
        && *least >= LEAST_NUMBER
        && greatest - least >= 2 * numbers.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: impl IntoIterator<Item = String>) -> BTreeSet<Key> {
        let each = texts.into_iter();
        each.map(|text| Key::new([text.into_boxed_str()])).collect()
    }

    #[test]
    fn codes_and_scattered_numbers_may_be_keys_and_counts_words_dates_and_phones_not() {
        let of = |text: &dyn Fn(usize) -> String| keys((0..30).map(text));
        assert!(are_codes(ColumnType::Text, &of(&|n| format!("EXT-{n:05}"))));
        assert!(are_codes(
            ColumnType::Text,
            &of(&|n| format!("6f1c2d3e-0000-4000-8000-{n:012x}"))
        ));
        for none in [
            of(&|n| n.to_string()),
            of(&|n| format!("2024-05-{n:02}")),
            of(&|n| format!("+1 555 01{n:02}")),
            of(&|n| format!("room {n}")),
            of(&|n| format!("user{n}@example.org")),
            of(&|n| format!("A{n}")),
            keys(["EXT-1".to_owned()]),
        ] {
            assert!(!are_telling(ColumnType::Text, &none), "{none:?}");
        }
        let numbers =
            |of_each: &dyn Fn(usize) -> String| are_telling(ColumnType::Int32, &of(of_each));
        assert!(numbers(&|n| (70_000 + 17 * n).to_string()));
        assert!(!numbers(&|n| (70_000 + n).to_string()));
        // Types that hardly anything is keyed by: a question, and of bytes more than that.
        let days = of(&|n| format!("2024-05-{n:02}"));
        assert!(are_telling(ColumnType::Date, &days) && !are_codes(ColumnType::Date, &days));
        assert!(are_codes(
            ColumnType::Bytes,
            &of(&|n| format!("\\x0011{n:04x}"))
        ));
        assert!(!are_codes(
            ColumnType::Bytes,
            &of(&|n| format!("\\x{n:02x}"))
        ));
    }
}
