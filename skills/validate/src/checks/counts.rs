//! Counts: the rows that are there, the rows the manifest says, the rows that were extracted. Also
//! whether the artifact is the one this run and this plan mean.

use redistrict_artifact::{ArtifactKind, Manifest, ManifestTable};
use redistrict_model::{CheckOutcome, CheckResult, Membership, Plan, Severity};

use super::{TableView, Tally, could_not_run};
use crate::cells::TableBatch;

/// The manifest itself: kind, district, plan, tables and columns.
pub(crate) fn of_manifest(manifest: &Manifest, plan: &Plan) -> Vec<CheckResult> {
    let mut identity = Tally::of(3);
    let mut differ = |is_same: bool, what: &str| {
        if !is_same {
            identity.fail(|| format!("manifest.json: {what}"));
        }
    };
    differ(
        manifest.kind == ArtifactKind::Masked,
        "it is not a masked artifact",
    );
    differ(
        manifest.district == plan.district,
        "it is of another district",
    );
    differ(
        manifest.plan_digest == plan.digest,
        "it was made for another plan",
    );
    let definition = "a masked artifact of this district, made for this plan";
    vec![
        identity.result("artifact", "manifest.json", definition, Severity::Error),
        tables_and_columns(manifest, plan),
    ]
}

fn tables_and_columns(manifest: &Manifest, plan: &Plan) -> CheckResult {
    let mut tally = Tally::default();
    let planned = &plan.sections.extract.tables;
    for table in planned {
        tally.examined += 1;
        match manifest.table(&table.table) {
            None => tally.fail(|| format!("{} is missing", table.table)),
            Some(entry)
                if !entry
                    .columns
                    .iter()
                    .map(|(name, _)| name)
                    .eq(&table.columns) =>
            {
                tally.fail(|| format!("{} has other columns than planned", table.table));
            }
            Some(_) => {}
        }
    }
    for entry in &manifest.tables {
        if plan.sections.extract.table(&entry.table).is_none() {
            tally.fail(|| format!("{} was not planned", entry.table));
        }
    }
    let definition = "exactly the planned tables, each with the planned columns in their order";
    tally.result("columns", "manifest.json", definition, Severity::Error)
}

/// Rows of one table by membership.
#[derive(Default)]
pub(crate) struct RowCounts {
    rows: u64,
    by_membership: [u64; 3],
}

impl RowCounts {
    pub(crate) fn look(&mut self, batch: &TableBatch<'_>) {
        self.rows += batch.len() as u64;
        for one in batch.membership {
            self.by_membership[usize::from(one.code())] += 1;
        }
    }

    /// Compares with the manifest.
    pub(crate) fn finish(self, view: &TableView<'_>) -> CheckResult {
        let entry = view.entry;
        let count = |one: Membership| self.by_membership[usize::from(one.code())];
        let pairs = [
            ("rows", self.rows, entry.rows),
            ("own", count(Membership::Own), entry.own),
            ("shared", count(Membership::Shared), entry.shared),
            ("stubs", count(Membership::Stub), entry.stubs),
            (
                "rows of the parts",
                entry.parts.iter().map(|part| part.rows).sum(),
                entry.rows,
            ),
        ];
        let mut tally = Tally::of(self.rows);
        for (what, found, expected) in pairs {
            if found != expected {
                tally.fail(|| format!("{what}: {found} instead of {expected}"));
            }
        }
        let definition = "as many rows, own, shared and stubs as the manifest says";
        tally.result(
            "counts",
            entry.table.to_string(),
            definition,
            Severity::Error,
        )
    }
}

/// Compares the masked manifest with the raw one it was made from.
pub(crate) fn against_raw(manifest: &Manifest, raw: Result<&Manifest, String>) -> CheckResult {
    let definition = "as many rows, own, shared, stubs and dangling references as were extracted";
    let raw = match raw {
        Ok(raw) => raw,
        Err(why) => return could_not_run("counts-extracted", "manifest.json", definition, why),
    };
    let mut tally = Tally::default();
    for entry in &manifest.tables {
        tally.examined += entry.rows;
        if raw.table(&entry.table).map(counts_of) != Some(counts_of(entry)) {
            tally.fail(|| entry.table.to_string());
        }
    }
    for entry in &raw.tables {
        if manifest.table(&entry.table).is_none() {
            tally.fail(|| entry.table.to_string());
        }
    }
    tally.result(
        "counts-extracted",
        "manifest.json",
        definition,
        Severity::Error,
    )
}

fn counts_of(entry: &ManifestTable) -> (u64, u64, u64, u64, Vec<(&str, u64)>) {
    let mut dangling: Vec<_> = entry
        .dangling
        .iter()
        .map(|one| (one.reference.as_str(), one.rows))
        .collect();
    dangling.sort_unstable();
    (entry.rows, entry.own, entry.shared, entry.stubs, dangling)
}

/// Says that a table cannot be checked against a catalog that the plan has not.
pub(crate) fn target_catalog(view: &TableView<'_>) -> Option<CheckResult> {
    if view.target.is_some() {
        return None;
    }
    let definition = "the plan holds the target's catalog of the table";
    let subject = view.name().to_string();
    let mut result = could_not_run("target-catalog", subject, definition, "it has no entry");
    result.examined = view.entry.rows;
    if view.entry.rows == 0 {
        result.outcome = CheckOutcome::Passed;
    }
    Some(result)
}
