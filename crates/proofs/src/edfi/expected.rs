//! What the rules give for district 255901, worked out once by hand and by another program
//! (docs/design/closure.md §8), and how a plan is read.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// Role and number of tables; the one that is excluded was unknown.
pub(crate) const ROLES: [(&str, usize); 4] = [
    ("root", 1),
    ("owned", 362),
    ("shared", 4),
    ("reference", 249),
];
pub(crate) const FULL: u64 = 46_967;
pub(crate) const STUBS: u64 = 4;
pub(crate) const TABLES_WITH_ROWS: usize = 314;
/// Subclasses of `descriptor` together.
pub(crate) const DESCRIPTORS: u64 = 354;
/// Rows of each table, stubs counted.
pub(crate) const ROWS: [(&str, u64); 31] = [
    ("localeducationagency", 1),
    ("educationorganization", 7),
    ("school", 3),
    ("section", 532),
    ("courseoffering", 168),
    ("program", 25),
    ("session", 6),
    ("location", 56),
    ("localaccount", 72),
    ("survey", 1),
    ("student", 960),
    ("studentschoolassociation", 260),
    ("studenteducationorganizationassociation", 960),
    ("studentschoolattendanceevent", 1_917),
    ("generalstudentprogramassociation", 706),
    ("studentcontactassociation", 1_872),
    ("contact", 1_872),
    ("contactaddress", 1_872),
    ("studentassessment", 1_292),
    ("studentassessmentitem", 18_210),
    ("staff", 68),
    ("staffeducationorganizationemploymentassociation", 68),
    ("staffsectionassociation", 528),
    ("staffleave", 37),
    ("credential", 56),
    ("assessment", 24),
    ("assessmentitem", 227),
    ("objectiveassessment", 56),
    ("learningstandard", 119),
    ("descriptor", 354),
    ("surveyresponse", 12),
];

/// A table of an exact plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) role: String,
    pub(crate) full: u64,
    pub(crate) stubs: u64,
}

/// The tables of an exact plan, by schema and name.
pub(crate) fn tables(plan: &Value) -> Result<BTreeMap<String, Planned>> {
    let entries = plan["tables"].as_array().context("read the plan")?;
    let planned = |entry: &Value| {
        let number = |name: &str| entry[name].as_u64().context("read the plan's counts");
        let name = entry["table"].as_str().context("read the plan's tables")?;
        let name = name.strip_prefix("ods.").unwrap_or(name).to_owned();
        Ok((
            name,
            Planned {
                role: entry["role"].as_str().unwrap_or_default().to_owned(),
                full: number("own")? + number("shared")?,
                stubs: number("stubs")?,
            },
        ))
    };
    entries.iter().map(planned).collect()
}
