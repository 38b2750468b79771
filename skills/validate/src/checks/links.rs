//! References that may dangle: links and NOT VALID keys. The manifest says how many have no partner in
//! the source either; so many are a warning, one more is an error.

use std::collections::BTreeMap;

use redistrict_artifact::Manifest;
use redistrict_model::{CheckOutcome, CheckResult, Edge, Severity};

use super::Tally;

/// The dangling references that the manifest lists, not yet spent.
pub(crate) struct Allowances(BTreeMap<String, u64>);

impl Allowances {
    /// Several entries of one reference (links with different conditions) add up.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        let mut listed = BTreeMap::new();
        for entry in manifest.tables.iter().flat_map(|table| &table.dangling) {
            *listed.entry(entry.reference.clone()).or_default() += entry.rows;
        }
        Self(listed)
    }

    /// The result of a reference that may dangle, of whose rows `tally` counted those without
    /// partner.
    pub(crate) fn result(
        &mut self,
        check: &str,
        edge: &Edge,
        subject: String,
        definition: &str,
        tally: Tally,
    ) -> CheckResult {
        let missing = tally.failed;
        let listed = self.0.entry(edge.describe()).or_default();
        let allowed = missing.min(*listed);
        *listed -= allowed;
        if allowed == missing {
            let definition = format!("{definition}, or has none in the source either ({allowed})");
            return tally.result(check, subject, definition, Severity::Warning);
        }
        let definition =
            format!("{definition}; {allowed} of {missing} without one have none in the source");
        let mut result = tally.result(check, subject, definition, Severity::Error);
        result.outcome = CheckOutcome::Failed {
            rows: missing - allowed,
        };
        result
    }
}
