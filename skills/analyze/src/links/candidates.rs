//! Which columns may refer to which keys, by their names and types alone. Pure; reads no row.

use redistrict_model::{Catalog, Column, ColumnRef, ColumnType, Table, TableRef};

use std::collections::{BTreeMap, BTreeSet};

use super::names::{
    Fit, Name, fit, is_named_like, is_reference_like, referred, says_kind_of, words,
};

/// A reference that the names suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) child: TableRef,
    pub(super) child_columns: Vec<String>,
    /// The column beside that names the parent's table, row by row.
    pub(super) kind_column: Option<String>,
    pub(super) parent: TableRef,
    pub(super) parent_columns: Vec<String>,
    pub(super) fit: Fit,
    /// The child is called after the same thing: its own key, which others refer to.
    pub(super) is_own_name: bool,
}

/// Every reference that names and types allow and no foreign key declares, in the order in which they are
/// looked at for one column: keys of several columns first, then the better name.
pub(super) fn candidates(catalogs: &[Catalog]) -> Vec<Candidate> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let tables: Vec<Known<'_>> = tables.map(Known::of).collect();
    let mut called: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, table) in tables.iter().enumerate() {
        for form in table.name.forms() {
            called.entry(form).or_default().push(at);
        }
    }
    let called = |thing: &Name| -> BTreeSet<usize> {
        let found = thing.forms().filter_map(|form| called.get(form.as_str()));
        found.flatten().copied().collect()
    };
    let mut found = Vec::new();
    for (at, child) in tables.iter().enumerate() {
        let mut meant: BTreeSet<usize> = BTreeSet::new();
        for column in &child.columns {
            let mut parents = called(&column.thing);
            meant.extend(&parents);
            if !column.kinds.is_empty() {
                parents.extend(0..tables.len());
            }
            parents.remove(&at);
            for parent in parents {
                found.extend(by_one_column(child, column, &tables[parent]));
            }
        }
        meant.remove(&at);
        let wholes = meant
            .iter()
            .map(|parent| by_all_columns(child, &tables[*parent]));
        found.extend(wholes.flatten());
    }
    let rank = |one: &Candidate| {
        let columns = one.child_columns.len();
        (
            std::cmp::Reverse(columns),
            one.kind_column.is_none(),
            one.fit,
        )
    };
    found.sort_by_key(rank);
    found
}

/// Columns that by their names refer to something and that no foreign key has: table and column. What is called
/// as a key of its own table is none (`unit_id` of `units`); `parent_unit_id` is one.
pub(super) fn reference_like(catalogs: &[Catalog]) -> Vec<ColumnRef> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let columns = tables.flat_map(|table| {
        let (keys, name) = (keys_of_one_column(table), Name::of(&table.name.table));
        let free = free_columns(table).filter(move |column| {
            let is_own = |thing: Name| fit(&thing, &name) == Some(Fit::Whole);
            is_key_type(column.column_type)
                && is_reference_like(&column.name)
                && !referred(&column.name).is_some_and(is_own)
                && !keys.contains(&column.name)
        });
        free.map(|column| table.name.column(&column.name))
    });
    columns.collect()
}

/// A table with its name and what of it may refer.
struct Known<'a> {
    table: &'a Table,
    name: Name,
    /// The columns that no foreign key has: what is declared is no question. With their words.
    free: Vec<(&'a Column, Vec<String>)>,
    columns: Vec<Referring>,
    /// The keys of one column: the identity first, then what else is unique.
    keys: Vec<String>,
}

/// A column that may refer to something.
struct Referring {
    column: String,
    thing: Name,
    /// The columns that may say which table is meant.
    kinds: Vec<String>,
}

impl<'a> Known<'a> {
    fn of(table: &'a Table) -> Self {
        let free: Vec<_> = free_columns(table)
            .map(|column| (column, words(&column.name)))
            .collect();
        let referring = |(column, _): &(&Column, Vec<String>)| {
            let thing = thing_of(column).filter(|_| is_key_type(column.column_type))?;
            let kinds = free.iter().filter(|(kind, _)| {
                is_text(kind.column_type)
                    && kind.name != column.name
                    && says_kind_of(&kind.name, &thing)
            });
            Some(Referring {
                column: column.name.clone(),
                kinds: kinds.map(|(kind, _)| kind.name.clone()).collect(),
                thing,
            })
        };
        Self {
            table,
            name: Name::of(&table.name.table),
            columns: free.iter().filter_map(referring).collect(),
            free,
            keys: keys_of_one_column(table),
        }
    }
}

/// Columns that no foreign key has: what is declared is no question.
fn free_columns(table: &Table) -> impl Iterator<Item = &Column> {
    let is_free = |column: &&Column| {
        let mut keys = table.foreign_keys.iter();
        !keys.any(|key| key.columns.contains(&column.name))
    };
    table.columns.iter().filter(is_free)
}

fn by_one_column(child: &Known<'_>, column: &Referring, parent: &Known<'_>) -> Vec<Candidate> {
    let fit_of_name = fit(&column.thing, &parent.name);
    let is_own_name = fit(&column.thing, &child.name).is_some();
    let mut found = Vec::new();
    for key in &parent.keys {
        let candidate = |fit, kind_column| Candidate {
            child: child.table.name.clone(),
            child_columns: vec![column.column.clone()],
            kind_column,
            parent: parent.table.name.clone(),
            parent_columns: vec![key.clone()],
            fit,
            is_own_name,
        };
        // What a column beside says decides, row by row, whatever this one is called.
        let kinds = column.kinds.iter().cloned();
        found.extend(kinds.map(|kind| candidate(Fit::Whole, Some(kind))));
        found.extend(fit_of_name.map(|fit| candidate(fit, None)));
    }
    found
}

/// What a column is called after. A text may be called like its table, without an ending; a number that is
/// may be anything.
fn thing_of(column: &Column) -> Option<Name> {
    let is_bare = matches!(column.column_type, ColumnType::Uuid) || is_text(column.column_type);
    referred(&column.name).or_else(|| is_bare.then(|| Name::of(&column.name)))
}

/// The key of several columns, each named in the child, one of them after the parent.
fn by_all_columns(child: &Known<'_>, parent: &Known<'_>) -> Option<Candidate> {
    let key = parent.table.identity().filter(|key| key.len() > 1)?;
    let mut columns: Vec<String> = Vec::new();
    for part in key {
        let of_key = words(part);
        let exact = child.free.iter().find(|(column, _)| column.name == *part);
        let like = || {
            child
                .free
                .iter()
                .find(|(_, words)| is_named_like(words, &of_key))
        };
        let (column, _) = exact.or_else(like)?;
        if columns.contains(&column.name) {
            return None;
        }
        columns.push(column.name.clone());
    }
    let is_called_so = |column: &String| {
        let mut referring = child.columns.iter().filter(|one| one.column == *column);
        referring.any(|one| fit(&one.thing, &parent.name).is_some())
    };
    columns.iter().any(is_called_so).then(|| Candidate {
        child: child.table.name.clone(),
        child_columns: columns,
        kind_column: None,
        parent: parent.table.name.clone(),
        parent_columns: key.to_vec(),
        fit: Fit::Whole,
        is_own_name: false,
    })
}

/// The identity first, then what else is unique.
fn keys_of_one_column(table: &Table) -> Vec<String> {
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

fn is_key_type(column_type: ColumnType) -> bool {
    let is_number = matches!(
        column_type,
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Numeric
    );
    is_number || column_type == ColumnType::Uuid || is_text(column_type)
}

fn is_text(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Text | ColumnType::Char | ColumnType::Enum
    )
}
