//! Which columns may refer to which keys, by declared examples, names and types alone. Pure; reads no row.

use redistrict_model::{Catalog, Column, ColumnRef, TableRef};

use std::collections::{BTreeMap, BTreeSet};

use super::declared::{Example, examples};
use super::names::{
    Fit, Name, fit, is_named_like, is_numbered, is_of_same_part, is_reference_like, is_short_for,
    referred, says_by_whom, says_part, words,
};
use super::tables::{
    KeyTypes, Known, Referring, free_columns, is_same_type, is_text, keys_of_one_column, prefixes,
};
use crate::section::prints_otherwise;

/// Why a column may refer to a key. In the order in which reasons are believed for one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Foreign keys over columns of the same names lead there: how many of how many.
    Example { agreed: usize, of: usize },
    /// It is called after the table.
    Name,
    /// It is called exactly like the table's key, and no other table's key is called so.
    Key,
    /// It is called after its own table, with words before: `parent_unit_id` of `units`.
    Itself,
    /// The last words are the table's name, words before say which one is meant.
    Qualified,
    /// A column beside names the table.
    Kind,
    /// The name is the table's made short.
    Short,
    /// A number that is called like the table and does not say that it refers.
    Bare,
    /// A number or a code for a key that is none: it may be a fact and no reference.
    Guess,
    /// Its name does not say it. Every value is a key of the table, and all so many rows that can be compared are of
    /// the same district as what another reference of them leads to, which is so of no other table and no accident.
    Districts { rows: usize },
    /// Its name does not say it. Every value is a key of the table and of no other, and such values are nothing else
    /// by accident: UUIDs, or texts with numbers in them.
    Values,
}

impl Rule {
    /// Names alone do not carry it: something else has to speak for it, or a person.
    pub(super) fn is_weak(self) -> bool {
        matches!(
            self,
            Self::Qualified | Self::Short | Self::Bare | Self::Guess
        )
    }
}

/// A reference that the names suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) child: TableRef,
    pub(super) child_columns: Vec<String>,
    /// Of `child_columns`, those that tell which table is meant.
    pub(super) bearing: Vec<String>,
    /// The column beside that names the parent's table, row by row.
    pub(super) kind_column: Option<String>,
    pub(super) parent: TableRef,
    /// Of the parent's table, as kinds name it.
    pub(super) parent_name: Name,
    pub(super) parent_columns: Vec<String>,
    pub(super) rule: Rule,
    /// The child is called after the same thing: its own key, which others refer to.
    pub(super) is_own_name: bool,
}

/// Every reference that names and types allow and no foreign key declares, in the order in which they are
/// looked at for one column: keys of several columns first, then the better reason.
pub(super) fn candidates(catalogs: &[Catalog]) -> Vec<Candidate> {
    let (prefixes, types) = (prefixes(catalogs), KeyTypes::of(catalogs));
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let known = |table| Known::of(table, &prefixes, &types);
    let tables: Vec<Known<'_>> = tables.map(known).collect();
    let index = Index::of(&tables, &types);
    let mut found = Vec::new();
    for (at, child) in tables.iter().enumerate() {
        let mut meant: BTreeSet<usize> = BTreeSet::new();
        for column in &child.columns {
            let called = index.called(&column.thing);
            let mut parents: BTreeSet<usize> = called.clone();
            meant.extend(&called);
            if called.is_empty() && (column.thing.words.last()).is_some_and(|last| last.len() <= 5)
            {
                parents.extend(0..tables.len());
            }
            if !column.kinds.is_empty() {
                parents.extend(0..tables.len());
            }
            if says_nothing_but_part(&column.thing) {
                parents.insert(at);
            }
            for parent in parents {
                found.extend(by_one_column(child, column, &tables[parent], parent == at));
            }
        }
        for (column, ..) in child.all.iter().filter(|(_, _, is_free)| *is_free) {
            found.extend(index.by_table_and_key(at, column, &tables));
        }
        meant.remove(&at);
        let wholes = meant.iter();
        found.extend(wholes.filter_map(|parent| by_all_columns(child, &tables[*parent])));
        found.extend(index.by_key(at, &tables));
    }
    for example in examples(catalogs) {
        found.extend(
            tables
                .iter()
                .filter_map(|child| by_example(child, &example, &tables)),
        );
    }
    found.retain(|one| !is_declared(one, &tables) && is_comparable(one, &tables));
    found.sort_by_key(|one| {
        let columns = std::cmp::Reverse(one.child_columns.len());
        (columns, one.kind_column.is_none(), one.rule)
    });
    found
}

/// Columns that by their names refer to something and that no foreign key has: table and column. What is called
/// as a key of its own table is none (`unit_id` of `units`); `parent_unit_id` is one.
pub(super) fn reference_like(catalogs: &[Catalog]) -> Vec<ColumnRef> {
    let types = KeyTypes::of(catalogs);
    let types = &types;
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let columns = tables.flat_map(|table| {
        let (keys, name) = (keys_of_one_column(table), Name::of(&table.name.table));
        let free = free_columns(table).filter(move |column| {
            let is_own = |thing: Name| fit(&thing, &name) == Some(Fit::Whole);
            // `created_by` may be a name, too.
            let is_person = says_by_whom(&column.name) && !is_text(column.column_type);
            types.may_refer(column.column_type)
                && (is_reference_like(&column.name) || is_person)
                && !referred(&column.name).is_some_and(is_own)
                && !keys.contains(&column.name)
        });
        free.map(|column| table.name.column(&column.name))
    });
    columns.collect()
}

/// The tables by what they are called, and by their keys.
struct Index<'a> {
    types: &'a KeyTypes,
    called: BTreeMap<String, Vec<usize>>,
    keyed: BTreeMap<BTreeSet<&'a str>, Vec<usize>>,
    /// By the words of a table in the singular or plural, and those of a key of one column.
    with_key: BTreeMap<Vec<String>, Vec<(usize, &'a str)>>,
}

impl<'a> Index<'a> {
    fn of(tables: &'a [Known<'a>], types: &'a KeyTypes) -> Self {
        let mut called: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut keyed: BTreeMap<BTreeSet<&str>, Vec<usize>> = BTreeMap::new();
        let mut with_key: BTreeMap<Vec<String>, Vec<(usize, &str)>> = BTreeMap::new();
        for (at, table) in tables.iter().enumerate() {
            for key in &table.keys {
                for words in table.name.with_key(&words(key)) {
                    with_key.entry(words).or_default().push((at, key));
                }
            }
            for form in table.name.forms() {
                called.entry(form.clone()).or_default().push(at);
            }
            // A key that refers on is another table's.
            let refers = |key: &[String]| {
                let mut others = table.table.foreign_keys.iter();
                others.any(|other| same_columns(&other.columns, key))
            };
            if let Some(key) = table.telling_key().filter(|key| !refers(key)) {
                let key = key.iter().map(String::as_str).collect();
                keyed.entry(key).or_default().push(at);
            }
        }
        Self {
            types,
            called,
            keyed,
            with_key,
        }
    }

    fn called(&self, thing: &Name) -> BTreeSet<usize> {
        let found = thing.forms().filter_map(|form| self.called.get(form));
        found.flatten().copied().collect()
    }

    /// A column that is called after a table and after one of its keys: `student_ext` for `students(ext)`.
    fn by_table_and_key(&self, at: usize, column: &Column, tables: &[Known<'_>]) -> Vec<Candidate> {
        let child = &tables[at];
        let of_column = words(&column.name);
        // What reads as a reference without the key's name has been looked at by that.
        if referred(&column.name).is_some() || !self.types.may_refer(column.column_type) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for before in 0..of_column.len() {
            let called = self
                .with_key
                .get(&of_column[before..])
                .into_iter()
                .flatten();
            for (parent, key) in called.filter(|(parent, _)| *parent != at) {
                let parent = &tables[*parent];
                found.push(Candidate {
                    child: child.table.name.clone(),
                    child_columns: vec![column.name.clone()],
                    bearing: vec![column.name.clone()],
                    kind_column: None,
                    parent: parent.table.name.clone(),
                    parent_name: parent.name.clone(),
                    parent_columns: vec![(*key).to_owned()],
                    rule: if before == 0 {
                        Rule::Name
                    } else {
                        Rule::Qualified
                    },
                    is_own_name: false,
                });
            }
        }
        found
    }

    /// Columns that are called exactly like the key of one other table.
    fn by_key(&self, at: usize, tables: &[Known<'_>]) -> Vec<Candidate> {
        let child = &tables[at];
        let mut found = Vec::new();
        for (key, holders) in &self.keyed {
            let has_all = key.iter().all(|name| child.table.column(name).is_some());
            let free = key.iter().filter(|name| child.is_free(name));
            let free: Vec<String> = free.map(|name| (*name).to_owned()).collect();
            // A date or a name that two keys have in common refers to nothing.
            let is_reference = |name: &String| {
                let column = child.table.column(name);
                let is_key = column.is_some_and(|column| self.types.may_refer(column.column_type));
                is_key && referred(name).is_some()
            };
            if !has_all || !free.iter().any(is_reference) {
                continue;
            }
            let is_after = |table: &Known<'_>| {
                free.iter().filter_map(|name| referred(name)).any(|thing| {
                    fit(&thing, &table.name).is_some() || is_short_for(&thing, &table.name)
                })
            };
            let others: Vec<usize> = (holders.iter().copied())
                .filter(|holder| *holder != at)
                .collect();
            // Of several tables with that key, and of two that have it both, the one it is called after.
            let after: Vec<usize> = others
                .iter()
                .copied()
                .filter(|one| is_after(&tables[*one]))
                .collect();
            let parent = match (others.as_slice(), after.as_slice()) {
                ([one], _) if !holders.contains(&at) => *one,
                (_, [one]) if !is_after(child) => *one,
                _ => continue,
            };
            let parent = &tables[parent];
            let Some(columns) = parent
                .table
                .identity()
                .filter(|key| is_of_like_types(child, parent, key))
            else {
                continue;
            };
            found.push(Candidate {
                child: child.table.name.clone(),
                child_columns: columns.to_vec(),
                bearing: free,
                kind_column: None,
                parent: parent.table.name.clone(),
                parent_name: parent.name.clone(),
                parent_columns: columns.to_vec(),
                rule: Rule::Key,
                is_own_name: false,
            });
        }
        found
    }
}

fn by_one_column(
    child: &Known<'_>,
    column: &Referring,
    parent: &Known<'_>,
    is_self: bool,
) -> Vec<Candidate> {
    let is_own_name = fit(&column.thing, &child.name).is_some();
    let rule = match (is_self, fit(&column.thing, &parent.name)) {
        (true, Some(Fit::Qualified)) => Some(Rule::Itself),
        (true, _) if says_nothing_but_part(&column.thing) => Some(Rule::Guess),
        (true, _) => None,
        // Two words that are a table's name are no accident.
        (false, Some(Fit::Whole)) if column.is_bare_number && column.thing.words.len() < 2 => {
            Some(Rule::Bare)
        }
        (false, Some(Fit::Whole)) => Some(Rule::Name),
        (false, Some(Fit::Qualified)) if column.is_bare_number => Some(Rule::Guess),
        (false, Some(Fit::Qualified)) if says_part(&column.thing, &parent.name) => Some(Rule::Name),
        (false, Some(Fit::Qualified)) if says_place(&column.thing, parent) => Some(Rule::Name),
        (false, Some(Fit::Qualified)) => Some(Rule::Qualified),
        (false, None) if is_of_same_part(&column.thing, &parent.name, &child.name) => {
            Some(Rule::Name)
        }
        (false, None) => is_short_for(&column.thing, &parent.name).then_some(Rule::Short),
    };
    let is_own_key = child.keys.contains(&column.column);
    let mut found = Vec::new();
    for key in &parent.keys {
        let candidate = |rule, kind_column| Candidate {
            child: child.table.name.clone(),
            child_columns: vec![column.column.clone()],
            bearing: vec![column.column.clone()],
            kind_column,
            parent: parent.table.name.clone(),
            parent_name: parent.name.clone(),
            parent_columns: vec![key.clone()],
            rule,
            is_own_name: is_own_name && !is_self,
        };
        // What a column beside says decides, row by row, whatever this one is called.
        if !is_self {
            let kinds = column.kinds.iter().cloned();
            found.extend(kinds.map(|kind| candidate(Rule::Kind, Some(kind))));
        }
        let is_number_of_id = is_numbered(&column.column) && !is_numbered(key);
        // Where a key is called like the column and there is another one, names do not say which is meant.
        let is_open = parent.keys.len() > 1 && parent.keys.contains(&column.column);
        let is_guess = is_number_of_id || is_open && !is_self;
        let rule = rule.map(|rule| if is_guess { Rule::Guess } else { rule });
        found.extend(
            rule.filter(|_| !(is_self && is_own_key))
                .map(|rule| candidate(rule, None)),
        );
    }
    found
}

/// Whether the words before the thing are the store or the schema that the table is in: `ids_student_id`.
fn says_place(thing: &Name, parent: &Known<'_>) -> bool {
    let count = thing.words.len().saturating_sub(parent.name.words.len());
    let place = &parent.table.name;
    let places = [words(place.store.as_str()), words(&place.schema)].concat();
    count > 0
        && thing.words[..count]
            .iter()
            .all(|word| places.contains(word))
}

/// `parent_id`: of the same table, or of another one that is called so.
fn says_nothing_but_part(thing: &Name) -> bool {
    const PARTS: [&str; 7] = [
        "parent",
        "previous",
        "next",
        "original",
        "superior",
        "manager",
        "supervisor",
    ];
    matches!(thing.words.as_slice(), [one] if PARTS.contains(&one.as_str()))
}

/// The key of several columns, each named in the child, one of them after the parent.
fn by_all_columns(child: &Known<'_>, parent: &Known<'_>) -> Option<Candidate> {
    let key = parent.table.identity().filter(|key| key.len() > 1)?;
    let mut columns: Vec<String> = Vec::new();
    for part in key {
        let of_key = words(part);
        let mut all = child.all.iter();
        let exact = all.find(|(column, ..)| column.name == *part);
        let mut all = child.all.iter();
        let like = || all.find(|(_, words, is_free)| *is_free && is_named_like(words, &of_key));
        let (column, ..) = exact.or_else(like)?;
        if columns.contains(&column.name) {
            return None;
        }
        columns.push(column.name.clone());
    }
    let is_called_so = |column: &&String| {
        let mut referring = child.columns.iter().filter(|one| one.column == **column);
        referring.any(|one| fit(&one.thing, &parent.name).is_some())
    };
    let bearing: Vec<String> = columns.iter().filter(is_called_so).cloned().collect();
    (!bearing.is_empty()).then(|| Candidate {
        child: child.table.name.clone(),
        child_columns: columns,
        bearing,
        kind_column: None,
        parent: parent.table.name.clone(),
        parent_name: parent.name.clone(),
        parent_columns: key.to_vec(),
        rule: Rule::Name,
        is_own_name: false,
    })
}

/// Columns that are called like those of foreign keys, and of the same types.
fn by_example(child: &Known<'_>, example: &Example, tables: &[Known<'_>]) -> Option<Candidate> {
    let parent = tables
        .iter()
        .find(|one| one.table.name == example.parent.table)?;
    let pairs = || example.columns.iter().zip(&example.parent.columns);
    let is_like = |(from, to): (&String, &String)| {
        let (from, to) = (child.table.column(from), parent.table.column(to));
        from.zip(to)
            .is_some_and(|(from, to)| is_same_type(from.column_type, to.column_type))
    };
    let free = example
        .columns
        .iter()
        .filter(|column| child.is_free(column));
    let bearing: Vec<String> = free.cloned().collect();
    let is_one =
        child.table.name != parent.table.name && !bearing.is_empty() && pairs().all(is_like);
    is_one.then(|| Candidate {
        child: child.table.name.clone(),
        child_columns: example.columns.clone(),
        bearing,
        kind_column: None,
        parent: parent.table.name.clone(),
        parent_name: parent.name.clone(),
        parent_columns: example.parent.columns.clone(),
        rule: Rule::Example {
            agreed: example.agreed,
            of: example.of,
        },
        is_own_name: false,
    })
}

/// Whether columns of the same names have types of the same family, all of them types of keys.
fn is_of_like_types(child: &Known<'_>, parent: &Known<'_>, names: &[String]) -> bool {
    names.iter().all(|name| {
        let types = child.table.column(name).zip(parent.table.column(name));
        types.is_some_and(|(one, other)| is_same_type(one.column_type, other.column_type))
    })
}

/// A foreign key that leads the other way says that this one is not meant.
fn is_declared(one: &Candidate, tables: &[Known<'_>]) -> bool {
    let parent = tables.iter().find(|table| table.table.name == one.parent);
    let mut keys = parent
        .into_iter()
        .flat_map(|parent| &parent.table.foreign_keys);
    keys.any(|key| {
        key.parent == one.child
            && same_columns(&key.columns, &one.parent_columns)
            && same_columns(&key.parent_columns, &one.child_columns)
    })
}

/// Whether equal values of both sides have equal texts, by which keys are compared.
fn is_comparable(one: &Candidate, tables: &[Known<'_>]) -> bool {
    let column = |table: &TableRef, name: &String| {
        let table = tables.iter().find(|known| known.table.name == *table)?;
        table.table.column(name)
    };
    let mut pairs = one.child_columns.iter().zip(&one.parent_columns);
    pairs.all(|(from, to)| {
        let pair = column(&one.child, from).zip(column(&one.parent, to));
        pair.is_some_and(|(from, to)| !prints_otherwise(from, to))
    })
}

fn same_columns(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}
