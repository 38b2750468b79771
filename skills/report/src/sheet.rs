//! The decision sheet: what is decided about every column, for a person who answers for it. As data, as
//! CSV and as a page to sign. Pure.

mod csv;
mod html;

use redistrict_model::{
    ColumnClass, ColumnDecision, ColumnRef, DistrictId, ExtractSection, MaskKind, MaskName,
    MaskScope, MaskSection, PlanDigest, Provenance, Table, TableRef,
};
use serde::{Deserialize, Serialize};

use crate::collect::decisions_digest;

pub use csv::render_csv;
pub use html::render_sheet;

/// The version of the sheet's JSON.
pub const SHEET_VERSION: u32 = 1;

/// What the decisions were made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetBasis {
    /// As a migration decides.
    ProdAndCert,
    /// A store has no target yet: CERT's catalog may still change a mask.
    ProdAlone,
}

/// Every column's decision. Value-free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionSheet {
    /// [`SHEET_VERSION`].
    pub format_version: u32,
    /// SHA-256 of the decisions, 64 hexadecimal digits: the same stands in the report of each run that
    /// went by them, of whatever district.
    pub decisions_digest: String,
    /// The district's plan that holds these decisions; none for the estate as a whole.
    pub plan: Option<SheetPlan>,
    pub basis: SheetBasis,
    /// RFC 3339, UTC.
    pub made_at: String,
    /// The version of the key that pseudonyms are made with.
    pub key_version: u32,
    /// In the order of the plan: table by table, columns as in the catalog.
    pub columns: Vec<SheetColumn>,
}

/// The plan that a sheet belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetPlan {
    pub district: DistrictId,
    pub digest: PlanDigest,
}

/// One column with what the catalog says of it and what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetColumn {
    pub table: TableRef,
    pub column: String,
    /// As the server prints it.
    #[serde(rename = "type")]
    pub source_type: String,
    pub is_nullable: bool,
    pub key: Option<KeyPart>,
    /// `store.schema.table(columns)` of each row that it refers to, declared or not.
    pub references: Vec<String>,
    pub class: ColumnClass,
    pub mask: MaskName,
    pub kind: MaskKind,
    /// The leak proof searches for its values.
    pub is_sensitive: bool,
    pub provenance: Provenance,
    /// Columns of one domain get the same pseudonym for the same value.
    pub domain: String,
    pub scope: MaskScope,
    pub reason: String,
    /// Why it is kept, in the words of who decided.
    pub keep_reason: Option<String>,
}

/// What a column is to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    PrimaryKey,
    Unique,
}

impl DecisionSheet {
    /// The sheet of what is read and how it is masked. A column whose table is in no catalog of the
    /// section has no type and counts as nullable.
    #[must_use]
    pub fn of(
        extract: &ExtractSection,
        masks: &MaskSection,
        plan: Option<SheetPlan>,
        basis: SheetBasis,
        made_at: String,
    ) -> Self {
        let column = |decision| sheet_column(extract, decision);
        Self {
            format_version: SHEET_VERSION,
            decisions_digest: decisions_digest(masks),
            plan,
            basis,
            made_at,
            key_version: masks.key_version,
            columns: masks.columns.iter().map(column).collect(),
        }
    }

    /// How many columns are masked.
    #[must_use]
    pub fn masked(&self) -> usize {
        let is_masked = |column: &&SheetColumn| column.kind != MaskKind::Kept;
        self.columns.iter().filter(is_masked).count()
    }
}

impl SheetColumn {
    /// `primary key`, `unique`, what it refers to; empty if it is neither.
    #[must_use]
    pub fn key_or_reference(&self) -> String {
        let key = self.key.map(|key| match key {
            KeyPart::PrimaryKey => "primary key".to_owned(),
            KeyPart::Unique => "unique".to_owned(),
        });
        let references = self.references.iter().map(|one| format!("to {one}"));
        key.into_iter()
            .chain(references)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// The reason with the words of who kept the column.
    #[must_use]
    pub fn whole_reason(&self) -> String {
        match &self.keep_reason {
            Some(why) if !self.reason.contains(why) => format!("{} (kept: {why})", self.reason),
            _ => self.reason.clone(),
        }
    }
}

fn sheet_column(extract: &ExtractSection, decision: &ColumnDecision) -> SheetColumn {
    let ColumnRef { table, column } = &decision.column;
    let known = extract.catalog_table(table);
    let in_catalog = known.and_then(|known| known.column(column));
    SheetColumn {
        table: table.clone(),
        column: column.clone(),
        source_type: in_catalog.map_or_else(String::new, |one| one.source_type.clone()),
        is_nullable: in_catalog.is_none_or(|one| one.nullable),
        key: known.and_then(|known| key_part(known, column)),
        references: references(extract, &decision.column),
        class: decision.class,
        mask: decision.mask,
        kind: decision.kind,
        is_sensitive: decision.sensitive,
        provenance: decision.provenance,
        domain: decision.domain.clone(),
        scope: decision.scope,
        reason: decision.reason.clone(),
        keep_reason: decision.keep_reason.as_ref().map(|why| why.0.clone()),
    }
}

fn key_part(table: &Table, column: &String) -> Option<KeyPart> {
    let is_primary = table
        .primary_key
        .as_ref()
        .is_some_and(|key| key.contains(column));
    let is_unique = table
        .uniques
        .iter()
        .any(|unique| unique.columns.contains(column));
    match (is_primary, is_unique) {
        (true, _) => Some(KeyPart::PrimaryKey),
        (false, true) => Some(KeyPart::Unique),
        (false, false) => None,
    }
}

fn references(extract: &ExtractSection, column: &ColumnRef) -> Vec<String> {
    let edges = extract.ownership.edges.iter();
    let of_column = edges
        .filter(|edge| edge.child == column.table && edge.child_columns.contains(&column.column));
    let mut found: Vec<String> = of_column
        .map(|edge| format!("{}({})", edge.parent, edge.parent_columns.join(", ")))
        .collect();
    found.dedup();
    found
}
