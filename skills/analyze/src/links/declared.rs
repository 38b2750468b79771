//! What the declared foreign keys say by example: columns that are called so refer to that table. Pure.

use std::collections::BTreeMap;

use redistrict_model::{Catalog, TableRef};

/// So many foreign keys on columns of the same names make an example.
const LEAST: usize = 2;
/// So many in a hundred of them have to agree.
const AGREED_IN_HUNDRED: usize = 90;

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyOf {
    pub(super) table: TableRef,
    pub(super) columns: Vec<String>,
}

/// Where columns of these names lead, if the foreign keys over such columns agree, and how many do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    pub(super) columns: Vec<String>,
    pub(super) parent: KeyOf,
    pub(super) agreed: usize,
    pub(super) of: usize,
}

/// The examples of all catalogs, by the names of the columns (docs/design/closure.md §4.1). A foreign key
/// from a table to itself says nothing about other tables.
pub(super) fn examples(catalogs: &[Catalog]) -> Vec<Example> {
    let mut said: BTreeMap<Vec<String>, BTreeMap<KeyOf, usize>> = BTreeMap::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let others = table.foreign_keys.iter();
        for key in others.filter(|key| key.parent != table.name && key.when.is_empty()) {
            // The same columns in another order are the same example.
            let pairs = key
                .columns
                .iter()
                .cloned()
                .zip(key.parent_columns.iter().cloned());
            let mut pairs: Vec<(String, String)> = pairs.collect();
            pairs.sort();
            let (columns, parent_columns) = pairs.into_iter().unzip();
            let parent = KeyOf {
                table: key.parent.clone(),
                columns: parent_columns,
            };
            *said.entry(columns).or_default().entry(parent).or_default() += 1;
        }
    }
    let agreed = |(columns, said): (Vec<String>, BTreeMap<KeyOf, usize>)| {
        let of: usize = said.values().sum();
        let (parent, agreed) = said.into_iter().max_by_key(|(_, count)| *count)?;
        let is_example = agreed >= LEAST && agreed * 100 >= of * AGREED_IN_HUNDRED;
        is_example.then_some(Example {
            columns,
            parent,
            agreed,
            of,
        })
    };
    said.into_iter().filter_map(agreed).collect()
}
