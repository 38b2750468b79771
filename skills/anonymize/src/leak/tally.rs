//! What the proof counts per column, and what of it fails.

use redistrict_model::{ColumnDecision, MaskKind, MaskName};

use super::statistics::{allowed, baseline_bound, float};
use super::values::DigestMap;

/// The counts of one column.
#[derive(Default)]
pub(crate) struct Tally {
    /// Cells that are not NULL.
    pub(crate) cells: u64,
    /// Single values that were compared with their originals.
    pub(crate) compared: u64,
    /// Members of V that stand in the column and must not.
    pub(crate) survivors: u64,
    /// Texts of one row that also stand in a kept column.
    pub(crate) coincidences: u64,
    /// Members that stand in a column whose whole format is permuted: chance brings some.
    pub(crate) format_hits: u64,
    /// As many as chance brings.
    pub(crate) format_expected: f64,
    /// Rows that keep their own value.
    pub(crate) same: u64,
    /// Outputs that do not lie in the mask's range.
    pub(crate) outside: u64,
    /// Rows that hold two or more originals of their own, of which one stands here.
    pub(crate) own_rows: u64,
    pub(crate) originals: DigestMap<u32>,
    pub(crate) outputs: DigestMap<u32>,
}

impl Tally {
    /// Matches that a random assignment of the outputs would have.
    fn baseline(&self) -> f64 {
        if self.compared == 0 {
            return 0.0;
        }
        let matches = self.originals.iter().map(|(digest, count)| {
            let outputs = self.outputs.get(digest).copied().unwrap_or(0);
            f64::from(*count) * f64::from(outputs)
        });
        matches.sum::<f64>() / float(self.compared)
    }

    /// What is wrong with the column, in words with counts. `never_keeps`: its mask never gives a
    /// value back, so that chance explains no row that keeps its own.
    pub(crate) fn verdict(&self, decision: &ColumnDecision, never_keeps: bool) -> Vec<String> {
        let column = &decision.column;
        let mut wrong = Vec::new();
        let mut say = |count: u64, what: &str| {
            if count > 0 {
                wrong.push(format!("{count} {what} {column}"));
            }
        };
        say(self.survivors, "values of PROD stand in");
        if self.format_hits > allowed(self.format_expected) {
            say(
                self.format_hits,
                "values of PROD, more than chance explains, stand in",
            );
        }
        say(self.outside, "outputs leave the range of the mask in");
        say(
            self.own_rows,
            "rows hold two or more of their own originals, one in",
        );
        let is_synthetic = decision.kind == MaskKind::Synthetic;
        let bound = if is_synthetic && !never_keeps {
            baseline_bound(self.baseline())
        } else {
            0
        };
        if decision.mask != MaskName::Keep && self.same > bound {
            say(self.same, "rows keep their own value in");
        }
        wrong
    }
}
