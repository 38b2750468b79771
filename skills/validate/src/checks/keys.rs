//! Primary and unique keys of the target, over the rows of the artifact. NULLs are distinct.

use redistrict_model::{CheckResult, Generated, MaskName, MaskSection, Severity, Table, TableRef};

use super::{TableView, Tally, could_not_run, locator};
use crate::cells::TableBatch;
use crate::keyset::{Duplicates, ENTRY_BYTES, KeyCells, KeyHasher};

/// One key of one table.
struct UniqueKey {
    check: &'static str,
    columns: Vec<String>,
    duplicates: Duplicates,
    tally: Tally,
}

/// The keys of one table.
pub(crate) struct UniqueKeys {
    table: TableRef,
    source: Table,
    keys: Vec<UniqueKey>,
    results: Vec<CheckResult>,
    hasher: KeyHasher,
}

impl UniqueKeys {
    /// The keys of the target's table. `memory` bounds the hashes that are held at a time: if they
    /// are more, [`has_more`](Self::has_more) asks for the rows again.
    pub(crate) fn of(view: &TableView<'_>, memory: u64) -> Self {
        let mut keys = Self {
            table: view.name().clone(),
            source: view.source.clone(),
            keys: Vec::new(),
            results: Vec::new(),
            hasher: KeyHasher::default(),
        };
        let Some(target) = view.target else {
            return keys;
        };
        let primary = target
            .primary_key
            .iter()
            .map(|columns| ("primary-key", columns));
        let uniques = target
            .uniques
            .iter()
            .map(|unique| ("unique-key", &unique.columns));
        let all: Vec<_> = primary.chain(uniques).collect();
        let moves: Vec<&str> = view
            .entry
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let needed = view.entry.rows * ENTRY_BYTES * all.len() as u64;
        let partitions = needed.div_ceil(memory.max(1));
        for (check, columns) in all {
            if view.carries_all(columns) {
                keys.keys.push(UniqueKey {
                    check,
                    columns: columns.clone(),
                    duplicates: Duplicates::new(partitions),
                    tally: Tally::default(),
                });
            } else if check == "unique-key"
                && holds_without_its_columns(
                    &view.plan.sections.anonymize,
                    view.source,
                    target,
                    &moves,
                    columns,
                )
            {
                let tally = Tally::of(view.entry.rows);
                keys.results.push(tally.result(
                    check,
                    subject(view.name(), columns),
                    definition(columns),
                    Severity::Error,
                ));
            } else {
                keys.results.push(could_not_run(
                    check,
                    subject(view.name(), columns),
                    definition(columns),
                    "the artifact does not carry all of its columns",
                ));
            }
        }
        keys
    }

    /// Looks at the next rows.
    pub(crate) fn look(&mut self, batch: &TableBatch<'_>) {
        for key in &mut self.keys {
            if let Some(cells) = KeyCells::of(batch, &key.columns, &self.source) {
                key.duplicates.add(batch, &cells, &self.hasher);
            }
        }
    }

    /// Ends one reading of the table; true if it has to be read once more.
    pub(crate) fn has_more(&mut self) -> bool {
        let mut has_more = false;
        for key in &mut self.keys {
            has_more |= key.duplicates.has_more();
            for place in key.duplicates.drain() {
                key.tally.fail(|| locator(&self.table, place.into()));
            }
        }
        has_more
    }

    /// What came out.
    pub(crate) fn finish(mut self) -> Vec<CheckResult> {
        for mut key in self.keys {
            key.tally.examined = key.duplicates.examined;
            self.results.push(key.tally.result(
                key.check,
                subject(&self.table, &key.columns),
                definition(&key.columns),
                Severity::Error,
            ));
        }
        self.results
    }
}

/// Whether a unique key that lacks columns here holds all the same. `moves` tells the columns that the
/// artifact carries.
pub(crate) fn holds_without_its_columns(
    masks: &MaskSection,
    source: &Table,
    target: &Table,
    moves: &[&str],
    columns: &[String],
) -> bool {
    let lacking = columns
        .iter()
        .filter(|name| !moves.contains(&name.as_str()));
    lacking
        .clone()
        .any(|name| is_null_in_new_rows(target, name))
        || lacking
            .clone()
            .all(|name| is_computed(target, name) && is_computed(source, name))
            && source
                .uniques
                .iter()
                .any(|unique| unique.columns == columns)
            && moves.iter().all(|name| is_kept(masks, &source.name, name))
}

/// Nothing fills the column in the rows that are inserted: none can be the second with a key. A column that
/// the target has not is a property that no row has.
fn is_null_in_new_rows(target: &Table, name: &str) -> bool {
    let known = target.columns.iter().find(|column| column.name == *name);
    known.is_none_or(|column| {
        column.nullable && !column.has_default && column.generated == Generated::No
    })
}

/// Computed by both sides from columns that are all kept, it is in CERT what it is in PROD, where the key
/// holds.
fn is_computed(table: &Table, name: &str) -> bool {
    let column = table.columns.iter().find(|column| column.name == *name);
    column.is_some_and(|column| column.generated == Generated::Stored)
}

fn is_kept(masks: &MaskSection, table: &TableRef, name: &str) -> bool {
    masks
        .of_table(table)
        .any(|one| one.column.column == *name && one.mask == MaskName::Keep)
}

fn subject(table: &TableRef, columns: &[String]) -> String {
    format!("{table}({})", columns.join(", "))
}

fn definition(columns: &[String]) -> String {
    format!("no two rows have the same ({})", columns.join(", "))
}
