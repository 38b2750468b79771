//! Words of the project as types: identifiers, catalog, relations, plan, verdict.
//!
//! No I/O, no async, no Arrow. Everything here can be written to a file or a journal and holds no
//! value of a person; the district's key is the one value of a database that appears.

pub mod array_text;
pub mod calendar;
mod catalog;
pub mod config;
mod error_kind;
mod findings;
mod ids;
mod inside;
pub mod json_text;
mod key;
mod masks;
mod plan;
mod relations;
mod shown;
mod verdict;

pub use catalog::{
    Catalog, Check, Column, ColumnType, ForeignKey, Generated, Table, TableKind, Trigger, Unique,
};
pub use error_kind::ErrorKind;
pub use findings::{Finding, Severity};
pub use ids::{
    ColumnRef, DistrictId, ParseTableRefError, Phase, RunId, SkillName, StoreKind, StoreName,
    TableRef, UnitKey,
};
pub use inside::{Inside, ParseInsideError, document_key};
pub use key::{Key, KeyRow, canonical, canonical_uuid, fits};
pub use masks::{
    ColumnClass, ColumnDecision, KeepReason, MaskKind, MaskName, MaskScope, Provenance,
};
pub use plan::{
    CheckSection, ExtractSection, ExtractTable, LoadGroup, LoadSection, MaskSection, Plan,
    PlanDigest, PlanSections, TargetTable,
};
pub use relations::{
    BoundaryPolicy, Edge, EdgeId, EdgeOrigin, Measured, Membership, OrgPart, Owner, OwnerKind,
    Ownership, Role, TableRole,
};
pub use shown::{in_markdown, shell_argument, shell_word, shown, shown_lines, toml_key, toml_text};
pub use verdict::{CheckOutcome, CheckResult, Verdict, VerdictReport};
