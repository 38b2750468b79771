//! What is read and written of one table: the artifact's columns, the target's entry, the columns of
//! a before-image. Pure.

use redistrict_artifact::RootKey;
use redistrict_artifact::RowHasher;
use redistrict_model::{Generated, Key, Plan, StoreKind, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{RowRequest, arrow_type};

use crate::error::bug;

/// A planned table.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// As the target has it.
    pub(crate) table: Table,
    /// The columns of the artifact.
    pub(crate) columns: Vec<String>,
    pub(crate) identity: Vec<String>,
    /// Every column that can be written and moves: what a before-image holds and an after-hash
    /// covers. Columns that only the target has are among them.
    pub(crate) image: Vec<String>,
    pub(crate) kind: StoreKind,
}

impl Shape {
    /// The shape of a planned table.
    pub(crate) fn of(plan: &Plan, name: &TableRef) -> Result<Self, SkillError> {
        let missing = || bug(format!("find {name} in the plan"));
        let sections = &plan.sections;
        let target = sections.load.table(name).ok_or_else(missing)?;
        let read = sections.extract.table(name).ok_or_else(missing)?;
        let identity = target.table.identity().ok_or_else(missing)?.to_vec();
        let catalogs = &sections.extract.catalogs;
        let catalog = catalogs.iter().find(|one| one.store == name.store);
        Ok(Self {
            columns: read.columns.clone(),
            identity,
            image: image_columns(&target.table),
            table: target.table.clone(),
            kind: catalog.ok_or_else(missing)?.kind,
        })
    }

    pub(crate) fn name(&self) -> &TableRef {
        &self.table.name
    }

    /// Asks for whole rows.
    pub(crate) fn image_request(&self, keys: Vec<Key>) -> RowRequest {
        RowRequest {
            table: self.name().clone(),
            columns: self.image.clone(),
            identity: self.identity.clone(),
            keys,
        }
    }
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
