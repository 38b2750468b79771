//! Columns that are not called like references and whose values may say that they are: UUIDs, codes, numbers that lie
//! scattered. Whatever a table is keyed by may be meant by such a column, primary key or not.

use std::collections::BTreeSet;

use redistrict_model::{Catalog, ColumnType, Key, TableRef};
use redistrict_skill::SkillError;

use super::agreement::Ways;
use super::holders::{Column, is_uuid};
use super::tables::{free_columns, is_key_type, is_number, is_text, keys_of_one_column};
use super::values::Reader;

/// Rows of a table that are looked at.
const SAMPLE: u32 = 1_000;
/// Fewer different values say nothing.
const LEAST_VALUES: usize = 10;
/// Numbers below are too common, and so many have to lie scattered.
const LEAST_NUMBER: u64 = 1_000;
const LEAST_NUMBERS: usize = 20;

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
    let keyed = keyed_types(catalogs);
    let mut found = Vec::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let of_table = free_columns(table).filter(|column| {
            let own = column.column_type;
            let may_be_held = keyed.contains(&Sort::of(own)) || is_text(own);
            is_key_type(own)
                && own != ColumnType::Enum
                && may_be_held
                && is_free(&table.name, &column.name)
        });
        let names: Vec<String> = of_table.map(|column| column.name.clone()).collect();
        if names.is_empty() {
            continue;
        }
        let rows = reader.texts(&table.name, &names, SAMPLE).await?;
        for (at, name) in names.into_iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(at)?.clone());
            let values: BTreeSet<Key> = values.map(|text| Key::new([text])).collect();
            if are_telling(&values) {
                found.push(Column {
                    child: table.name.clone(),
                    column: name,
                    values,
                });
            }
        }
    }
    let is_placed = |one: &Column| ways.is_some_and(|ways| ways.leads_up(&one.child));
    found.sort_by_key(is_placed);
    Ok(found)
}

/// What keys are: values of other sorts are keys of nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Number,
    Uuid,
    Text,
}

impl Sort {
    fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Uuid => Self::Uuid,
            one if is_number(one) => Self::Number,
            _ => Self::Text,
        }
    }
}

fn keyed_types(catalogs: &[Catalog]) -> BTreeSet<Sort> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let sorts = tables.flat_map(|table| {
        let keys = keys_of_one_column(table).into_iter();
        keys.filter_map(|key| Some(Sort::of(table.column(&key)?.column_type)))
    });
    sorts.collect()
}

/// Whether values look like keys: codes, or numbers that lie scattered over a range.
fn are_telling(values: &BTreeSet<Key>) -> bool {
    are_codes(values) || are_scattered_numbers(values)
}

/// Whether values are UUIDs, or words with digits in them, which are equal to a key of another table for no other
/// reason than that they mean it.
pub(super) fn are_codes(values: &BTreeSet<Key>) -> bool {
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
    values.len() >= LEAST_VALUES && texts.all(|text| is_code(text))
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
        assert!(are_codes(&of(&|n| format!("EXT-{n:05}"))));
        assert!(are_codes(&of(&|n| format!(
            "6f1c2d3e-0000-4000-8000-{n:012x}"
        ))));
        for none in [
            of(&|n| n.to_string()),
            of(&|n| format!("2024-05-{n:02}")),
            of(&|n| format!("+1 555 01{n:02}")),
            of(&|n| format!("room {n}")),
            of(&|n| format!("user{n}@example.org")),
            of(&|n| format!("A{n}")),
            keys(["EXT-1".to_owned()]),
        ] {
            assert!(!are_telling(&none), "{none:?}");
        }
        assert!(are_telling(&of(&|n| (70_000 + 17 * n).to_string())));
        assert!(!are_telling(&of(&|n| (70_000 + n).to_string())));
    }
}
