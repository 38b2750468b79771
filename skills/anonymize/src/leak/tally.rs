//! What the proof counts per column, and what of it fails.

use std::collections::BTreeSet;

use redistrict_model::{ColumnDecision, MaskKind, MaskName};

use super::statistics::{allowed, baseline_bound, float};
use super::values::{DigestMap, Values};
use crate::plan::FEWEST_SHARERS;

/// So many found members of a column are kept,
const KEPT: usize = 64;
/// so many different values are told from those seen before; with more of them, few of the others come twice;
const SEEN: usize = 1 << 16;
/// and so many of the columns that they come from are named.
const NAMED: usize = 3;

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
    /// Different values that are or hold members of V, in a column whose whole format is permuted: chance
    /// brings some.
    pub(crate) format_hits: u64,
    /// Rows that have a member of V as a name that is kept, by member.
    pub(crate) names: DigestMap<u64>,
    /// As many as chance brings.
    pub(crate) format_expected: f64,
    /// The different values of such a column, the first ones.
    seen: DigestMap<()>,
    /// Rows that keep their own value.
    pub(crate) same: u64,
    /// Outputs that do not lie in the mask's range.
    pub(crate) outside: u64,
    /// Rows that hold two or more originals of their own, of which one stands here.
    pub(crate) own_rows: u64,
    /// Members that stand here and must not, or that chance does not explain: some, to name their columns.
    pub(crate) found: BTreeSet<u64>,
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

    /// Whether the value was not seen before, as far as values are remembered.
    pub(crate) fn is_first(&mut self, digest: u64) -> bool {
        if self.seen.contains_key(&digest) {
            return false;
        }
        if self.seen.len() < SEEN {
            self.seen.insert(digest, ());
        }
        true
    }

    /// Keeps a member that was found, if it is one of the first.
    pub(crate) fn keep(&mut self, digest: u64) {
        if self.found.len() < KEPT {
            self.found.insert(digest);
        }
    }

    /// Members of V among the kept names of documents, apart from those that so many rows share that they are
    /// words of a vocabulary.
    fn rare_names(&self) -> u64 {
        let rare = self.names.values().filter(|rows| **rows < FEWEST_SHARERS);
        rare.count() as u64
    }

    /// The columns of PROD that what was found comes from, in words.
    fn origins(&self, values: &Values, column: &str) -> String {
        let names = self
            .found
            .iter()
            .filter_map(|digest| values.column(*digest));
        let others: BTreeSet<&str> = names.filter(|name| *name != column).collect();
        match others.len() {
            0 => String::new(),
            _ => {
                let named: Vec<&str> = others.into_iter().take(NAMED).collect();
                format!(" (they are values of {})", named.join(", "))
            }
        }
    }

    /// What is wrong with the column, in words with counts. `never_keeps`: its mask never gives a
    /// value back, so that chance explains no row that keeps its own.
    pub(crate) fn verdict(
        &self,
        decision: &ColumnDecision,
        never_keeps: bool,
        values: &Values,
    ) -> Vec<String> {
        let column = &decision.column;
        let origins = self.origins(values, &column.to_string());
        let mut wrong = Vec::new();
        let mut say = |count: u64, what: &str, more: &str| {
            if count > 0 {
                wrong.push(format!("{count} {what} {column}{more}"));
            }
        };
        say(self.survivors, "values of PROD stand in", &origins);
        if self.format_hits > allowed(self.format_expected) {
            say(
                self.format_hits,
                "values of PROD, more than chance explains, stand in",
                &origins,
            );
        }
        say(
            self.rare_names(),
            "names of members, each in few rows only, are values of PROD in",
            &origins,
        );
        say(self.outside, "outputs leave the range of the mask in", "");
        say(
            self.own_rows,
            "rows hold two or more of their own originals, one in",
            "",
        );
        let is_synthetic = decision.kind == MaskKind::Synthetic;
        let bound = if is_synthetic && !never_keeps {
            baseline_bound(self.baseline())
        } else {
            0
        };
        if decision.mask != MaskName::Keep && self.same > bound {
            say(self.same, "rows keep their own value in", "");
        }
        wrong
    }
}
