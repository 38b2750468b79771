//! What is read and written of one table: the artifact's columns, the target's entry, the columns of
//! a before-image. Pure.

use redistrict_artifact::{RootKey, RowHasher, has_key_text};
use redistrict_model::config::Triggers;
use redistrict_model::{
    Column, ColumnType, Generated, Key, Ownership, Plan, Table, TableRef, TargetTable,
};
use redistrict_skill::SkillError;
use redistrict_store::{RowRequest, arrow_type};

use crate::error::bug;

/// A planned table.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// As the target has it; triggers that the plan switches off do not fire.
    pub(crate) table: Table,
    /// The columns of the artifact.
    pub(crate) columns: Vec<String>,
    /// Empty for a keyless table, whose rows are told by locators and by hashes.
    pub(crate) identity: Vec<String>,
    /// Sets of columns that refer to other tables, and that rows can be found by.
    pub(crate) references: Vec<Vec<String>>,
    /// Every column that can be written and moves: what a before-image holds and an after-hash
    /// covers. Columns that only the target has are among them.
    pub(crate) image: Vec<String>,
    /// Columns of the artifact, by their place in it, that CERT holds as another type.
    pub(crate) conversions: Vec<(usize, Conversion)>,
}

/// How a column of the artifact, which is given as PROD has it, becomes what CERT holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Conversion {
    /// Its canonical key text: the end of a relationship.
    KeyText(Column),
    /// The store's own notation, which holds a value of any type.
    Verbatim(Column),
}

impl Shape {
    /// The shape of a planned table.
    pub(crate) fn of(plan: &Plan, name: &TableRef) -> Result<Self, SkillError> {
        let missing = || bug(format!("find {name} in the plan"));
        let sections = &plan.sections;
        let target = sections.load.table(name).ok_or_else(missing)?;
        let read = sections.extract.table(name).ok_or_else(missing)?;
        let identity = target.table.identity().map(<[String]>::to_vec);
        let catalogs = &sections.extract.catalogs;
        let catalog = catalogs.iter().find(|one| one.store == name.store);
        let source = catalog
            .and_then(|one| one.table(name))
            .ok_or_else(missing)?;
        Ok(Self {
            conversions: conversions(source, &target.table, &read.columns),
            columns: read.columns.clone(),
            identity: identity.unwrap_or_default(),
            references: references(&target.table, &read.columns, &sections.extract.ownership),
            image: image_columns(&target.table),
            table: as_written(target),
        })
    }

    pub(crate) fn name(&self) -> &TableRef {
        &self.table.name
    }

    /// Nothing tells two equal rows apart.
    pub(crate) fn is_keyless(&self) -> bool {
        self.identity.is_empty()
    }

    /// Rows can be asked for by the values of these columns: all are among `known`, and their values have key texts.
    pub(crate) fn has_key_texts(&self, columns: &[String], known: &[String]) -> bool {
        columns.iter().all(|name| {
            let column = self.table.column(name);
            known.contains(name) && column.is_some_and(|one| has_key_text(one.column_type))
        })
    }

    /// Asks for whole rows, by keys or by locators.
    pub(crate) fn image_request(&self, keys: Vec<Key>) -> RowRequest {
        RowRequest {
            table: self.name().clone(),
            columns: self.image.clone(),
            identity: self.identity.clone(),
            keys,
        }
    }
}

/// The table; triggers that are off do not fire.
fn as_written(target: &TargetTable) -> Table {
    let mut table = target.table.clone();
    if target.triggers == Triggers::Off {
        for trigger in &mut table.triggers {
            trigger.enabled = false;
        }
    }
    table
}

/// The references of a table among the columns that move, as far as rows are found by their values: declared
/// keys first, then the edges that were added to them.
fn references(table: &Table, moving: &[String], ownership: &Ownership) -> Vec<Vec<String>> {
    let declared = table.foreign_keys.iter().map(|key| &key.columns);
    let edges = ownership.edges.iter();
    let edges = edges.filter(|edge| edge.child == table.name && edge.inside.is_none());
    let mut references: Vec<Vec<String>> = Vec::new();
    for columns in declared.chain(edges.map(|edge| &edge.child_columns)) {
        let can_be_asked = |name: &String| {
            let column = table.column(name);
            moving.contains(name) && column.is_some_and(|one| is_found_by(one.column_type))
        };
        if !columns.is_empty() && columns.iter().all(can_be_asked) && !references.contains(columns)
        {
            references.push(columns.clone());
        }
    }
    references
}

/// Equal values have equal key texts, on every server and in every row.
fn is_found_by(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Numeric
            | ColumnType::Text
            | ColumnType::Char
            | ColumnType::Uuid
            | ColumnType::Bytes
            | ColumnType::Enum
    )
}

/// The columns whose types differ, which the plan allows only where the target's schema is open.
fn conversions(source: &Table, target: &Table, columns: &[String]) -> Vec<(usize, Conversion)> {
    let pairs = columns.iter().enumerate().filter_map(|(place, name)| {
        let (from, to) = (source.column(name)?, target.column(name)?);
        let is_same = from.column_type == to.column_type && from.element == to.element;
        match to.column_type {
            _ if is_same => None,
            ColumnType::Text => Some((place, Conversion::KeyText(from.clone()))),
            ColumnType::Verbatim => Some((place, Conversion::Verbatim(from.clone()))),
            _ => None,
        }
    });
    pairs.collect()
}

/// The columns of a before-image.
pub(crate) fn image_columns(table: &Table) -> Vec<String> {
    table
        .columns
        .iter()
        .filter(|column| column.generated != Generated::Stored)
        .filter(|column| arrow_type(column.column_type).is_some())
        .map(|column| column.name.clone())
        .collect()
}

/// The hasher of rows as they stand in a target. Hashes in ledgers are made with it: its purpose never
/// changes.
pub(crate) fn target_hasher(key: &RootKey) -> RowHasher {
    RowHasher::new(key, "target row")
}
