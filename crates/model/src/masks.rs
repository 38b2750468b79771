//! The decision about a column: what it is, what is done with it, and who said so.

use serde::{Deserialize, Serialize};

use crate::ids::ColumnRef;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnClass {
    FirstName,
    Surname,
    FullName,
    Email,
    Phone,
    NationalId,
    Address,
    BirthDate,
    /// A date or time about a person that is not a birth date.
    Date,
    Credential,
    /// An opaque key that says nothing about anybody.
    SurrogateKey,
    /// The tenant root's key.
    TenantKey,
    /// A reference to a row; the decision is the parent column's.
    Reference,
    Boolean,
    Enumeration,
    /// At most 64 distinct values, each shared by 11 or more people.
    Code,
    /// A column of a reference table that is about no person.
    Catalogue,
    /// Declared as public by the user.
    Public,
    /// Nothing recognised it: sensitive.
    Unknown,
}

/// The eight masks, one default per type, and keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskName {
    Keep,
    FirstName,
    Surname,
    FullName,
    Email,
    Phone,
    NationalId,
    Address,
    Date,
    Text,
    Number,
    Boolean,
    Timestamp,
    Bytes,
    Json,
    Uuid,
    /// NULL, for what need not exist at all: credentials.
    Null,
}

/// The kinds of masks of DESIGN §3: how the proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskKind {
    /// The output lies in a range that no real person can have.
    Reserved,
    /// A keyed permutation of the whole format domain.
    InFormat,
    /// Invented content of the same type.
    Synthetic,
    /// The value stays, for a reason.
    Kept,
}

/// Whose pseudonyms are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskScope {
    /// All districts alike: one of the domain's columns is part of a key, or in a table of which several
    /// districts may bring the same row.
    Estate,
    District,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    User,
    Pack,
    Name,
    Content,
    Metadata,
    Type,
    /// From the catalog: keys and references.
    Catalog,
}

/// Why a column is kept; shown in `plan` and in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeepReason(pub String);

/// The decision about one column. Every column of every table that moves has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDecision {
    pub column: ColumnRef,
    pub class: ColumnClass,
    pub mask: MaskName,
    pub kind: MaskKind,
    pub provenance: Provenance,
    /// Its values belong to V, the set the leak proof searches for.
    pub sensitive: bool,
    /// Columns of one domain get the same pseudonym for the same value.
    pub domain: String,
    pub scope: MaskScope,
    /// The mask must be injective: the column is part of a unique key or is referred to.
    pub unique: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_reason: Option<KeepReason>,
    /// In words: which rule, which name, which neighbour.
    pub reason: String,
}
