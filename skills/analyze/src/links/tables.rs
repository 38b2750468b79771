//! What of a table may refer, and what may be referred to: names, keys and types. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use redistrict_model::{Catalog, Column, ColumnType, Table};

use redistrict_artifact::has_key_text;

use super::names::{Name, referred, says_kind_of, words};

/// The word before every table's name, by store and schema.
pub(super) type Prefixes = BTreeMap<(String, String), String>;

/// A word that stands before most tables of a schema says nothing about any of them.
pub(super) fn prefixes(catalogs: &[Catalog]) -> Prefixes {
    const LEAST: usize = 5;
    let mut firsts: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let place = (table.name.store.to_string(), table.name.schema.clone());
        let first = words(&table.name.table).into_iter().next();
        firsts.entry(place).or_default().extend(first);
    }
    let common = |(place, firsts): ((String, String), Vec<String>)| {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for first in &firsts {
            *counts.entry(first).or_default() += 1;
        }
        let (first, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let is_common = count >= LEAST && count * 10 >= firsts.len() * 8;
        is_common.then(|| (place, first.clone()))
    };
    firsts.into_iter().filter_map(common).collect()
}

/// A table with its name and what of it may refer.
pub(super) struct Known<'a> {
    pub(super) table: &'a Table,
    pub(super) name: Name,
    /// All columns, with their words, and whether no foreign key has them: what is declared is no question.
    pub(super) all: Vec<(&'a Column, Vec<String>, bool)>,
    pub(super) columns: Vec<Referring>,
    /// The keys of one column: the identity first, then what else is unique.
    pub(super) keys: Vec<String>,
}

/// A column that may refer to something.
pub(super) struct Referring {
    pub(super) column: String,
    pub(super) thing: Name,
    /// It is called like a thing only, without a word that says that it refers.
    pub(super) is_bare_number: bool,
    /// The columns that may say which table is meant.
    pub(super) kinds: Vec<String>,
}

impl<'a> Known<'a> {
    pub(super) fn of(table: &'a Table, prefixes: &Prefixes, types: &KeyTypes) -> Self {
        let free: BTreeSet<&str> = free_columns(table)
            .map(|column| column.name.as_str())
            .collect();
        let all: Vec<_> = (table.columns.iter())
            .map(|column| {
                (
                    column,
                    words(&column.name),
                    free.contains(column.name.as_str()),
                )
            })
            .collect();
        let free = || all.iter().filter(|(_, _, is_free)| *is_free);
        let referring = |(column, ..): &(&Column, Vec<String>, bool)| {
            let thing = thing_of(column).filter(|_| types.may_refer(column.column_type))?;
            let kinds = free().filter(|(kind, ..)| {
                is_text(kind.column_type)
                    && kind.name != column.name
                    && says_kind_of(&kind.name, &thing)
            });
            Some(Referring {
                column: column.name.clone(),
                kinds: kinds.map(|(kind, ..)| kind.name.clone()).collect(),
                is_bare_number: referred(&column.name).is_none() && is_number(column.column_type),
                thing,
            })
        };
        let place = (table.name.store.to_string(), table.name.schema.clone());
        let prefix = prefixes.get(&place).map(String::as_str);
        Self {
            table,
            name: Name::of_table(&table.name.table, prefix),
            columns: free().filter_map(referring).collect(),
            all,
            keys: keys_of_one_column(table),
        }
    }

    pub(super) fn is_free(&self, column: &str) -> bool {
        let mut all = self.all.iter();
        all.any(|(one, _, is_free)| one.name == column && *is_free)
    }

    /// The identity of one column, if its name says more than that it is one.
    pub(super) fn telling_key(&self) -> Option<&[String]> {
        let key = self.table.identity()?;
        let says = |column: &String| referred(column).is_some() || words(column).len() > 1;
        (key.iter().any(says)).then_some(key)
    }
}

/// Columns that no foreign key has: what is declared is no question.
pub(super) fn free_columns(table: &Table) -> impl Iterator<Item = &Column> {
    let is_free = |column: &&Column| {
        let mut keys = table.foreign_keys.iter();
        !keys.any(|key| key.columns.contains(&column.name))
    };
    table.columns.iter().filter(is_free)
}

/// What a column is called after. A text may be called like its table, without an ending; so may a number, which
/// may as well be anything else.
pub(super) fn thing_of(column: &Column) -> Option<Name> {
    referred(&column.name).or_else(|| {
        let name = Name::of(&column.name);
        // `students` is how many there are.
        let is_plural = column.name.to_lowercase().ends_with('s');
        let is_count = is_number(column.column_type) && is_plural;
        (!is_count).then_some(name)
    })
}

/// The identity first, then what else is unique.
pub(super) fn keys_of_one_column(table: &Table) -> Vec<String> {
    let identity = table.identity().into_iter();
    let uniques = table.uniques.iter().map(|unique| unique.columns.as_slice());
    let mut keys: Vec<String> = Vec::new();
    for columns in identity.chain(uniques) {
        if let [column] = columns
            && !keys.contains(column)
        {
            keys.push(column.clone());
        }
    }
    keys
}

/// The types of the keys of one column that the catalogs declare, primary ones and unique ones. A value of a type that
/// nothing is keyed by refers to nothing.
pub(super) struct KeyTypes(HashSet<ColumnType>);

impl KeyTypes {
    pub(super) fn of(catalogs: &[Catalog]) -> Self {
        let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
        let types = tables.flat_map(|table| {
            let keys = keys_of_one_column(table).into_iter();
            keys.filter_map(|key| Some(table.column(&key)?.column_type))
        });
        Self(types.filter(|one| has_key_text(*one)).collect())
    }

    /// Whether a key is of that type, or of one of its family.
    pub(super) fn has(&self, column_type: ColumnType) -> bool {
        self.0.iter().any(|key| is_same_type(*key, column_type))
    }

    /// Whether values of that type may be keys, alone or with others. Numbers, UUIDs and texts are parts of keys
    /// everywhere, and stores write each as another.
    pub(super) fn may_refer(&self, column_type: ColumnType) -> bool {
        let is_common =
            is_number(column_type) || is_text(column_type) || column_type == ColumnType::Uuid;
        is_common || self.has(column_type)
    }
}

pub(super) fn is_number(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Numeric
    )
}

/// Of one family: numbers of any width, texts of any length.
pub(super) fn is_same_type(one: ColumnType, other: ColumnType) -> bool {
    one == other || (is_number(one) && is_number(other)) || (is_text(one) && is_text(other))
}

pub(super) fn is_text(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Text | ColumnType::Char | ColumnType::Enum
    )
}
