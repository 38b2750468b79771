//! Adds up what was counted and looked at, district by district. Pure.

use std::collections::BTreeMap;

use redistrict_model::{ExtractSection, KeyRow, Role, TableRef};
use redistrict_store::Tally as Counted;

use crate::collect::{CollectInput, District, Sample};
use crate::data::{CountedTable, DistrictFacts, Measurement, RowCount};
use crate::dates::Quarter;
use crate::places::Places;

/// What is known of one district so far.
#[derive(Clone, Default)]
struct Counts {
    rows_by_table: BTreeMap<TableRef, RowCount>,
    dated: u64,
    recent: u64,
    cells: u64,
    filled: u64,
}

pub(crate) struct Tally {
    districts: Vec<District>,
    counts: Vec<Counts>,
    tables: Vec<CountedTable>,
    notes: Vec<String>,
    /// Tables with owners that are too far from the root.
    left_out: usize,
}

impl Tally {
    pub(crate) fn new(districts: Vec<District>) -> Self {
        let counts = vec![Counts::default(); districts.len()];
        Self {
            districts,
            counts,
            tables: Vec::new(),
            notes: Vec::new(),
            left_out: 0,
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A table that nothing leads to the districts from.
    pub(crate) fn leave_out(&mut self, section: &ExtractSection, table: &TableRef) {
        let role = section.ownership.table(table);
        self.left_out += usize::from(role.is_some_and(|role| role.role == Role::Owned));
    }

    /// Adds a table that has so many rows: a sample of them and, where that is not all, the rows by what
    /// they refer to.
    pub(crate) fn add(
        &mut self,
        sample: &Sample<'_>,
        rows: &[KeyRow],
        count: u64,
        counted: Option<&Counted>,
        places: &Places,
    ) {
        let date = |row: &KeyRow| {
            sample
                .dated_by
                .as_ref()
                .and_then(|column| Quarter::of(sample.value(row, column)?))
        };
        let newest = rows.iter().filter_map(date).max();
        let mut seen = vec![0_u64; self.districts.len()];
        for row in rows {
            let Some(district) = places.find(&sample.edges, &sample.columns, &row.values) else {
                continue;
            };
            seen[district] += 1;
            let counts = &mut self.counts[district];
            let quarter = date(row);
            counts.dated += u64::from(quarter.is_some());
            counts.recent += u64::from(quarter.is_some() && quarter == newest);
            counts.cells += sample.nullable.len() as u64;
            let is_filled = |column: &&String| sample.value(row, column).is_some();
            counts.filled += sample.nullable.iter().filter(is_filled).count() as u64;
        }
        let looked_at = rows.len() as u64;
        let is_estimated = looked_at < count && counted.is_none();
        if let Some(counted) = counted {
            seen.fill(0);
            for (values, rows) in &counted.values {
                if let Some(district) = places.find(&sample.edges, &sample.references, values) {
                    seen[district] += rows;
                }
            }
        }
        for (counts, seen) in self.counts.iter_mut().zip(seen) {
            let rows = if is_estimated {
                extrapolate(seen, count, looked_at)
            } else {
                seen
            };
            let count = RowCount { rows, is_estimated };
            counts.rows_by_table.insert(sample.table.clone(), count);
        }
        self.tables.push(CountedTable {
            table: sample.table.clone(),
            rows: count,
            sampled: looked_at,
            is_extrapolated: is_estimated,
            dated_by: sample.dated_by.clone(),
        });
    }

    pub(crate) fn finish(mut self, input: &CollectInput<'_>) -> Measurement {
        if self.tables.is_empty() {
            let root = &input.section.ownership.root;
            self.notes.push(format!(
                "no table refers to {root} directly: sizes are not known"
            ));
        }
        if self.tables.iter().all(|table| table.dated_by.is_none()) {
            self.notes
                .push("activity was not measured: no counted table has a date".to_owned());
        }
        for table in self.tables.iter().filter(|table| table.is_extrapolated) {
            self.notes.push(format!(
                "{}: extrapolated from {} of {} rows",
                table.table, table.sampled, table.rows
            ));
        }
        if self.left_out > 0 {
            self.notes.push(format!(
                "{} tables are further down than what was counted; their rows follow it",
                self.left_out
            ));
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| ratio(part, whole));
        let districts = self
            .districts
            .into_iter()
            .zip(self.counts)
            .map(|(district, counts)| DistrictFacts {
                district: district.id,
                name: district.name,
                rows_by_table: counts.rows_by_table,
                activity: share(counts.recent, counts.dated),
                completeness: share(counts.filled, counts.cells),
            })
            .collect();
        Measurement {
            districts,
            tables: self.tables,
            notes: self.notes,
        }
    }
}

fn extrapolate(seen: u64, count: u64, looked_at: u64) -> u64 {
    let rows = u128::from(seen) * u128::from(count) / u128::from(looked_at.max(1));
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of sampled rows is exact enough"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
