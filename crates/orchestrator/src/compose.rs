//! Puts the skills' sections together into a plan and seals it with its digest.

use redistrict_model::{DistrictId, Finding, Plan, PlanDigest, PlanSections, Table};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The format of plans that this version composes.
const FORMAT_VERSION: u32 = 1;

/// Composes a plan. The digest covers district and sections, not the name and the findings.
#[must_use]
pub fn compose(
    district: DistrictId,
    district_name: Option<String>,
    sections: PlanSections,
    findings: Vec<Finding>,
) -> Plan {
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        district,
        district_name,
        sections,
        digest: PlanDigest(String::new()),
        findings,
    };
    plan.digest = plan_digest(&plan);
    plan
}

/// The digest a plan should have: SHA-256 over the canonical JSON (keys in byte order, no blanks)
/// of format version, district and sections. Estimates, measurements and the reasons derived from
/// them are left out, so that a digest changes only when a decision or a catalog does.
///
/// # Panics
/// Never for the types of a plan: they are plain data without maps.
#[must_use]
pub fn plan_digest(plan: &Plan) -> PlanDigest {
    let decisions = serde_json::json!({
        "format_version": plan.format_version,
        "district": plan.district.as_str(),
        "sections": serde_json::to_value(decisions_of(&plan.sections))
            .expect("a plan is plain data, which JSON can hold"),
    });
    PlanDigest(canonical_digest(&decisions))
}

/// SHA-256 over the canonical JSON (keys in byte order, no blanks), as 64 hexadecimal digits.
pub(crate) fn canonical_digest(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        for half in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(half), 16));
        }
        hex
    })
}

fn decisions_of(sections: &PlanSections) -> PlanSections {
    let mut sections = sections.clone();
    let extract = &mut sections.extract;
    let source_tables = extract
        .catalogs
        .iter_mut()
        .flat_map(|catalog| &mut catalog.tables);
    let target_tables = sections
        .load
        .tables
        .iter_mut()
        .map(|entry| &mut entry.table);
    source_tables
        .chain(target_tables)
        .for_each(remove_estimates);
    for role in &mut extract.ownership.tables {
        role.measured = None;
        role.reason.clear();
        for owner in &mut role.owners {
            owner.reason.clear();
        }
    }
    sections
}

fn remove_estimates(table: &mut Table) {
    table.estimated_rows = None;
}

/// Own key order, because whether `serde_json` sorts its maps depends on who else uses it.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(&map[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}
