//! The estate: what the catalogs, the plan, the decisions and CERT's ledgers say. Names and numbers.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::words::{RunName, Text};

/// The role of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableRole {
    pub table: Text,
    /// `root`, `owned`, `shared`, `reference`, `excluded` or `unknown`.
    pub role: Text,
    pub reason: Text,
}

/// A page of the tables with their roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    pub tables: Vec<TableRole>,
    pub total: u64,
    /// Foreign keys and links.
    pub references: u64,
    /// Tables of role `unknown`, of all pages: a person has to decide them in the configuration.
    pub undecided: Vec<Text>,
}

/// A district at its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct District {
    /// 1 and up.
    pub rank: u64,
    pub district: Text,
    /// None where the name is about a person or not configured.
    #[serde(default)]
    pub name: Option<Text>,
    /// 0 to 100.
    pub score: f64,
    /// Rows.
    pub size: u64,
    pub size_class: Text,
    /// The best of its size class.
    pub is_pilot: bool,
    pub estimated_millis: Option<u64>,
}

/// The districts, the best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranking {
    pub districts: Vec<District>,
    #[serde(default)]
    pub notes: Vec<Text>,
}

/// A table of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanTable {
    pub table: Text,
    pub role: Option<Text>,
    /// The references that say to whom a row belongs, in the order in which they are asked.
    #[serde(default)]
    pub owner: Vec<Text>,
    /// Rows of the district; counted exactly only if that was asked for, as the next two.
    #[serde(default)]
    pub own: Option<u64>,
    #[serde(default)]
    pub shared: Option<u64>,
    #[serde(default)]
    pub stubs: Option<u64>,
}

/// References that lead out of the district.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceCount {
    pub reference: Text,
    pub policy: Option<Text>,
    pub rows: u64,
}

/// A table with rows that nothing decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    pub table: Text,
    pub rows: u64,
    /// Lines for the configuration; a person decides.
    pub lines: Vec<Text>,
}

/// What would move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub district: Text,
    /// None where the name is about a person or not configured.
    pub name: Option<Text>,
    /// Of the plan: what was decided. It approves nothing.
    #[serde(rename(deserialize = "digest"))]
    pub plan_digest: Text,
    pub tables: Vec<PlanTable>,
    pub boundaries: Vec<ReferenceCount>,
    pub unknown: Vec<Undecided>,
    #[serde(default)]
    pub masked_columns: u64,
    #[serde(default)]
    pub kept_columns: u64,
    /// What a load would need of CERT and does not find.
    pub preflight: Vec<Text>,
    pub findings: Vec<Finding>,
}

/// What is decided about a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub table: Text,
    pub column: Text,
    /// As the server prints it.
    #[serde(rename = "type")]
    pub source_type: Text,
    pub class: Text,
    pub mask: Text,
    pub kind: Text,
    pub is_sensitive: bool,
    /// Who decided it: user, pack, name, content, metadata, type.
    pub provenance: Text,
    pub reason: Text,
}

/// A page of the decisions. The whole sheet, to be signed by a person, lies beside the analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    pub columns: Vec<Decision>,
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub masked: u64,
    #[serde(default)]
    pub kept: u64,
    /// Of all decisions; each run's report repeats it.
    pub decisions_digest: Text,
}

/// Why a thing is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemFailure {
    /// Fits after "could not".
    pub error: Text,
    pub causes: Vec<Text>,
    pub hints: Vec<Text>,
    pub exit: u8,
}

/// A thing that a run needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub place: Text,
    pub what: Text,
    pub version: Text,
    pub state: Option<Text>,
    pub failure: Option<ItemFailure>,
}

/// Everything that could stop a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prerequisites {
    pub items: Vec<Item>,
    pub findings: Vec<Finding>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaColumn {
    pub name: Text,
    /// As the server prints it.
    #[serde(rename = "type")]
    pub source_type: Text,
    pub nullable: bool,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    pub name: Text,
    pub columns: Vec<Text>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    pub name: Text,
    pub columns: Vec<Text>,
    pub parent: Text,
    pub parent_columns: Vec<Text>,
}

/// A table of PROD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaTable {
    pub table: Text,
    pub role: Option<Text>,
    pub columns: Vec<SchemaColumn>,
    pub primary_key: Option<Vec<Text>>,
    pub uniques: Vec<Key>,
    pub foreign_keys: Vec<Reference>,
    pub estimated_rows: Option<u64>,
}

/// A page of PROD's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schema {
    pub tables: Vec<SchemaTable>,
    pub total: u64,
}

/// The rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    pub table: Text,
    /// The catalog's estimate of all rows; none where the server has none.
    pub estimated: Option<u64>,
    /// Rows of the district, exactly, where one was named; as the next two.
    pub own: Option<u64>,
    /// Rows that it refers to.
    pub shared: Option<u64>,
    /// Rows that come with their key only.
    pub stubs: Option<u64>,
}

/// How many rows there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    pub district: Option<Text>,
    pub tables: Vec<Counted>,
}

/// A run in CERT's ledgers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    pub run: RunName,
    /// As far as the journal of this machine knows the run.
    pub district: Option<Text>,
    /// The stores of the databases that have it.
    pub stores: Vec<Text>,
    /// `committed`: its rows stand; `undone`: an undo took them back.
    pub state: Text,
    pub parent: Option<RunName>,
}

/// What CERT's own records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loads {
    pub loads: Vec<Load>,
}

/// The digest of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableDigest {
    pub table: Text,
    pub rows: u64,
    /// Keyed, over all rows whatever their order.
    pub digest: Text,
}

/// The digests of the tables that a run may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digests {
    pub run: RunName,
    pub tables: Vec<TableDigest>,
}

/// How a table differs from what was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub table: Text,
    pub what: Text,
}

/// What changed in CERT's tables since a run was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    pub run: RunName,
    /// How many tables were compared.
    pub compared: u64,
    pub differences: Vec<Difference>,
}
