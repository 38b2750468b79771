//! What was measured of the districts and how they rank, as data.
//! `data/manifests/district-manifest.json` is exactly a [`Selection`].

use std::collections::BTreeMap;

use redistrict_model::{DistrictId, TableRef};
use serde::{Deserialize, Serialize};

/// The version of the JSON file.
pub const FORMAT_VERSION: u32 = 1;

/// A number of rows, exact or extrapolated from a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    pub rows: u64,
    pub is_estimated: bool,
}

/// What was measured of one district.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistrictFacts {
    pub district: DistrictId,
    /// None where it is not to be printed.
    pub name: Option<String>,
    /// Rows per table that was counted.
    pub rows_by_table: BTreeMap<TableRef, RowCount>,
    /// Share of the dated rows that lie in the newest quarter of their table, 0 to 1; none if no row
    /// of the district has a date.
    pub activity: Option<f64>,
    /// Share of the cells of nullable columns that are not NULL, 0 to 1; none if there is no such
    /// cell.
    pub completeness: Option<f64>,
}

impl DistrictFacts {
    /// All counted rows.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.rows_by_table.values().map(|count| count.rows).sum()
    }

    /// Some count is extrapolated.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.rows_by_table.values().any(|count| count.is_estimated)
    }
}

/// A table that was counted, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedTable {
    pub table: TableRef,
    /// Exact.
    pub rows: u64,
    /// Rows looked at for activity and completeness.
    pub sampled: u64,
    /// The districts' counts are extrapolated from these.
    #[serde(default)]
    pub is_extrapolated: bool,
    /// The column whose dates tell activity.
    pub dated_by: Option<String>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// In the order of their key.
    pub districts: Vec<DistrictFacts>,
    pub tables: Vec<CountedTable>,
    /// What could not be measured and why.
    pub notes: Vec<String>,
}

/// How long a migration took, measured: of a district with so many counted rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredRate {
    /// [`DistrictFacts::size`] of the district that was migrated.
    pub counted_rows: u64,
    pub millis: u64,
}

/// Thirds of the districts by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeClass {
    Small,
    Medium,
    Large,
}

impl SizeClass {
    /// As printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// The four parts of a score, each 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    pub size: f64,
    pub activity: f64,
    pub completeness: f64,
    pub priority: f64,
}

/// A district at its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// 1 and up.
    pub rank: u64,
    #[serde(flatten)]
    pub facts: DistrictFacts,
    /// 0 to 100, to one decimal.
    pub score: f64,
    pub parts: Parts,
    pub size: u64,
    pub size_class: SizeClass,
    /// The best of its size class.
    pub is_pilot: bool,
    /// None: not measured yet.
    pub estimated_millis: Option<u64>,
}

/// The ranking with what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Best first.
    pub districts: Vec<Ranked>,
    pub tables: Vec<CountedTable>,
    pub notes: Vec<String>,
}
