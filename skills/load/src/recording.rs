//! Reads back what was written into a table, judges what CERT made of it, and writes the ledger.

use std::collections::{BTreeSet, HashSet};

use arrow::array::RecordBatch;
use redistrict_artifact::{MultisetDigest, RowHasher};
use redistrict_model::{ErrorKind, Finding, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::StoreError;

use crate::classify::{ComparedRow, artifact_columns};
use crate::error::store_failed;
use crate::held::Rows;
use crate::ledger::entries;
use crate::merge::{Merging, last};
use crate::readers::{OpenMerge, Readers, Views};
use crate::report::TableReport;
use crate::rows::{Place, keys_of, pick, places_of};
use crate::written::{After, Decided, ledger_rows, read_back};

/// Rows that are looked at again at once.
const CHUNK: usize = 8192;

/// The triggers that fire for what is written, by table. One can change rows of another table.
pub(crate) fn firing_for(decided: &[Decided]) -> Vec<String> {
    let written = decided.iter().filter(|table| table.is_written());
    let firing = written.flat_map(|table| {
        let names = table.shape.table.firing_triggers().into_iter();
        names.map(|trigger| format!("{trigger} of {}", table.shape.name()))
    });
    firing.collect()
}

impl Merging<'_> {
    /// Reads back what was written into a table and writes the ledger of it.
    ///
    /// # Errors
    /// `Data` where rows are not as they were sent and there is no trigger that could have changed them; the
    /// columns are named.
    pub(crate) async fn record(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        table: &mut Decided,
        triggers: &[String],
    ) -> Result<(TableReport, Option<Finding>), SkillError> {
        let name = table.shape.name().clone();
        let mut readers = Readers {
            open: &mut *open,
            views,
        };
        let (written, finding) = match &mut table.copies {
            Some(copies) => {
                let keyless = self.keyless(&table.shape);
                let inserted = keyless.inserted(&mut readers, copies).await?;
                let finding = judge_copies(&name, inserted.changed, triggers)?;
                (vec![inserted.rows], finding)
            }
            None => {
                let rows = table.inserted.iter().chain(&table.updated);
                let keys: Vec<Key> = rows.map(|row| row.key.clone()).collect();
                let after = read_back(&mut readers, &table.shape, &self.hasher, &keys).await?;
                let finding = self.judge(&mut readers, table, &after, triggers).await?;
                (ledger_rows(table, &after)?, finding)
            }
        };
        let entries = entries(&self.context.run, &name, &written);
        let kept = last(open)?.write_ledger(&entries).await;
        kept.map_err(|error| store_failed(format!("load {name}"), &error))?;
        let mut digest = MultisetDigest::default();
        for entry in &entries {
            digest.add(&entry.after);
        }
        let report = TableReport {
            table: name,
            counts: table.counts.clone(),
            written: Some(digest.to_string()),
        };
        Ok((report, finding))
    }

    /// Whether the rows are as they were sent, and if not, whether a trigger explains it.
    async fn judge(
        &self,
        readers: &mut Readers<'_>,
        table: &Decided,
        after: &After,
        triggers: &[String],
    ) -> Result<Option<Finding>, SkillError> {
        let is_changed = |row: &&ComparedRow| {
            let there = after.get(&row.key);
            there.is_some_and(|(_, sent)| *sent != row.hash)
        };
        let rows = table.inserted.iter().chain(&table.updated);
        let changed: HashSet<&Key> = rows.filter(is_changed).map(|row| &row.key).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let rows = self.rows(&table.shape);
        let columns = changed_columns(readers, rows, &self.hasher, &changed).await?;
        let columns: Vec<String> = columns.into_iter().collect();
        let (name, columns) = (table.shape.name(), columns.join(", "));
        if !triggers.is_empty() {
            return Ok(Some(explained(
                name,
                &columns,
                changed.len() as u64,
                triggers,
            )));
        }
        let what = format!(
            "load {name}: {} rows are not in CERT as they were sent, in columns {columns}, and no trigger explains it",
            changed.len()
        );
        Err(SkillError::new(ErrorKind::Data, what).with_hint(format!(
            "compare {columns} in PROD and CERT: the type, its length or precision, GENERATED ALWAYS AS IDENTITY (which no \
             update changes); nothing was changed"
        )))
    }
}

/// The same for copies, whose columns cannot be told. Without a trigger, somebody else has taken a copy away and
/// brought another row at the same time, or the rows are wrong: what it was is seen when it is tried again.
fn judge_copies(
    name: &TableRef,
    changed: u64,
    triggers: &[String],
) -> Result<Option<Finding>, SkillError> {
    match (changed, triggers) {
        (0, _) => Ok(None),
        (_, []) => {
            let what = format!(
                "load {name}: {changed} rows are not in CERT as they were sent, and no trigger explains it"
            );
            Err(SkillError::new(ErrorKind::Transient, what).with_hint(
                "compare the columns of the table in PROD and CERT; or others wrote into it at the same time",
            ))
        }
        _ => Ok(Some(explained(name, "", changed, triggers))),
    }
}

fn explained(name: &TableRef, columns: &str, changed: u64, triggers: &[String]) -> Finding {
    let columns = match columns.is_empty() {
        true => String::new(),
        false => format!(" in columns {columns}"),
    };
    let what = format!(
        "CERT changed rows while they were written{columns} (triggers: {})",
        triggers.join(", ")
    );
    Finding::warning("changed-by-target", name.to_string(), what, changed)
}

/// The columns in which rows of CERT differ from those of the artifact.
async fn changed_columns(
    readers: &mut Readers<'_>,
    rows: Rows<'_>,
    hasher: &RowHasher,
    changed: &HashSet<&Key>,
) -> Result<BTreeSet<String>, SkillError> {
    let shape = rows.shape;
    let failed = |error: StoreError| store_failed(format!("read back {}", shape.name()), &error);
    let mut columns = BTreeSet::new();
    for batch in rows.each() {
        let (sent, _) = batch?;
        let keys = keys_of(&sent, &shape.identity, &shape.table).map_err(failed)?;
        let keys = keys.into_iter().enumerate();
        let wanted: Vec<(usize, Key)> = keys
            .filter_map(|(row, key)| Some((row, key.filter(|key| changed.contains(key))?)))
            .collect();
        for wanted in wanted.chunks(CHUNK) {
            let request = shape.image_request(wanted.iter().map(|(_, key)| key.clone()).collect());
            let there = readers.rows(&request).await.map_err(failed)?;
            let places = places_of(&there, &shape.identity, &shape.table).map_err(failed)?;
            let pairs = wanted.iter().filter_map(|(row, key)| {
                Some((
                    Place {
                        batch: 0,
                        row: *row,
                    },
                    *places.get(key)?,
                ))
            });
            let (ours, theirs): (Vec<Place>, Vec<Place>) = pairs.unzip();
            if !ours.is_empty() {
                let ours = pick(std::slice::from_ref(&sent), &ours).map_err(failed)?;
                let theirs = pick(&there, &theirs).map_err(failed)?;
                let theirs = artifact_columns(shape, &theirs).map_err(failed)?;
                columns.extend(differing_columns(hasher, &ours, &theirs));
            }
        }
    }
    Ok(columns)
}

/// The names of columns that are not equal row by row.
fn differing_columns(hasher: &RowHasher, ours: &RecordBatch, theirs: &RecordBatch) -> Vec<String> {
    let schema = ours.schema();
    let names = schema.fields().iter().map(|field| field.name()).enumerate();
    let differs = names.filter(|(place, _)| {
        let hashes =
            |batch: &RecordBatch| batch.project(&[*place]).map(|one| hasher.rows(&one)).ok();
        hashes(ours) != hashes(theirs)
    });
    differs.map(|(_, name)| name.clone()).collect()
}
