//! Compares a batch of the artifact with what stands in CERT: reads, and asks `compare` row by row.
//! Writes nothing.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use redistrict_artifact::{RowHasher, has_key_text};
use redistrict_model::{ErrorKind, Key, Membership, Plan, Unique};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector, StoreError, StoreErrorKind};

use crate::compare::{Presence, RowDecision, Written, decide};
use crate::conflicts::{Conflicts, Reason};
use crate::error::store_failed;
use crate::labels;
use crate::ledger::OurWrites;
use crate::readers::Readers;
use crate::report::TableCounts;
use crate::rows::{Locators, Place, keys_of};
use crate::shape::Shape;

/// What comparing needs to know.
pub(crate) struct Scope<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) shape: &'a Shape,
    pub(crate) writes: &'a OurWrites,
    pub(crate) hasher: &'a RowHasher,
    pub(crate) locators: &'a Locators,
}

/// One row of the artifact, compared.
pub(crate) struct ComparedRow {
    pub(crate) key: Key,
    pub(crate) is_stub: bool,
    pub(crate) decision: RowDecision,
    /// The hash of the artifact's row over the artifact's columns.
    pub(crate) hash: [u8; 16],
    /// Where the row that CERT has stands in [`Compared::current`].
    pub(crate) current: Option<Place>,
}

/// A batch of the artifact, compared.
pub(crate) struct Compared {
    /// In the order of the batch.
    pub(crate) rows: Vec<ComparedRow>,
    /// The rows that CERT has, with all columns of a before-image.
    pub(crate) current: Vec<RecordBatch>,
}

impl Compared {
    /// Adds the rows to the counts of their table.
    pub(crate) fn count(&self, counts: &mut TableCounts) {
        for row in &self.rows {
            let counter = match row.decision {
                RowDecision::Insert => &mut counts.inserted,
                RowDecision::Update => &mut counts.updated,
                RowDecision::Unchanged => &mut counts.unchanged,
                RowDecision::Left => &mut counts.left,
                RowDecision::Differs => {
                    counts.differing += 1;
                    &mut counts.left
                }
                RowDecision::Conflict => &mut counts.conflict,
            };
            *counter += 1;
        }
    }

    /// The keys of rows with one of these decisions.
    pub(crate) fn keys(&self, is_wanted: impl Fn(RowDecision) -> bool) -> Vec<Key> {
        self.rows
            .iter()
            .filter(|row| is_wanted(row.decision))
            .map(|row| row.key.clone())
            .collect()
    }
}

/// Compares a batch. Conflicts are added to `conflicts` and stand in the rows.
///
/// # Errors
/// A row without key, or a failing store.
pub(crate) async fn classify(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    batch: &RecordBatch,
    membership: &[Membership],
    conflicts: &mut Conflicts,
) -> Result<Compared, SkillError> {
    let shape = scope.shape;
    let failed =
        |error: StoreError| store_failed(format!("compare {} with CERT", shape.name()), &error);
    let keys = identities(scope, batch)?;
    let hashes = scope.hasher.rows(batch);
    let current = read_current(readers, scope, keys.clone())
        .await
        .map_err(failed)?;
    let belongs = belonging(readers, scope, &keys, membership, &current.places)
        .await
        .map_err(failed)?;
    let mut rows = Vec::with_capacity(keys.len());
    for ((key, hash), membership) in keys.into_iter().zip(hashes).zip(membership) {
        let place = current.places.get(&key);
        let presence = match place {
            None => Presence::Absent,
            Some((_, there)) if *there == hash => Presence::Equal,
            Some(_) => Presence::Different,
        };
        let written = scope.writes.of(shape.name(), &key);
        let decision = decide(*membership, presence, belongs.contains(&key), written);
        if decision == RowDecision::Conflict {
            let locator = scope.locators.of(shape.name(), &key);
            conflicts.add(shape.name(), Reason::ForeignRow, locator);
        }
        rows.push(ComparedRow {
            is_stub: *membership == Membership::Stub,
            current: place.map(|(place, _)| *place),
            key,
            decision,
            hash,
        });
    }
    for unique in &shape.table.uniques {
        hold_back_collisions(readers, scope, unique, batch, &mut rows, conflicts)
            .await
            .map_err(failed)?;
    }
    Ok(Compared {
        rows,
        current: current.batches,
    })
}

/// The key of each row, and whether CERT has it and it is equal.
pub(crate) async fn compare_only(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    batch: &RecordBatch,
) -> Result<Vec<(Key, bool)>, SkillError> {
    let keys = identities(scope, batch)?;
    let current = read_current(readers, scope, keys.clone())
        .await
        .map_err(|error| {
            store_failed(format!("compare {} with CERT", scope.shape.name()), &error)
        })?;
    let hashes = scope.hasher.rows(batch);
    let is_equal = |key: &Key, hash| {
        current
            .places
            .get(key)
            .is_some_and(|(_, there)| *there == hash)
    };
    Ok(keys
        .into_iter()
        .zip(hashes)
        .map(|(key, hash)| {
            let equal = is_equal(&key, hash);
            (key, equal)
        })
        .collect())
}

fn identities(scope: &Scope<'_>, batch: &RecordBatch) -> Result<Vec<Key>, SkillError> {
    let shape = scope.shape;
    let keys = keys_of(batch, &shape.identity, &shape.table)
        .map_err(|error| store_failed("read the keys of the artifact", &error))?;
    let keys: Option<Vec<Key>> = keys.into_iter().collect();
    keys.ok_or_else(|| {
        let what = format!("load {}: a row of the artifact has no key", shape.name());
        SkillError::new(ErrorKind::Data, what)
    })
}

struct Current {
    batches: Vec<RecordBatch>,
    /// Where each row is, and its hash over the artifact's columns.
    places: HashMap<Key, (Place, [u8; 16])>,
}

async fn read_current(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    keys: Vec<Key>,
) -> Result<Current, StoreError> {
    let shape = scope.shape;
    let batches = readers.rows(&shape.image_request(keys)).await?;
    let mut places = HashMap::new();
    for (at, batch) in batches.iter().enumerate() {
        let keys = keys_of(batch, &shape.identity, &shape.table)?;
        let hashes = scope.hasher.rows(&artifact_columns(shape, batch)?);
        for (row, (key, hash)) in keys.into_iter().zip(hashes).enumerate() {
            if let Some(key) = key {
                places.insert(key, (Place { batch: at, row }, hash));
            }
        }
    }
    Ok(Current { batches, places })
}

/// The artifact's columns of rows read with all columns of a before-image.
pub(crate) fn artifact_columns(
    shape: &Shape,
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let schema = batch.schema();
    let indices: Result<Vec<usize>, _> = shape
        .columns
        .iter()
        .map(|name| schema.index_of(name))
        .collect();
    indices
        .and_then(|indices| batch.project(&indices))
        .map_err(|_| {
            StoreError::new(StoreErrorKind::Bug, "find the artifact's columns in CERT")
                .at(shape.name())
        })
}

/// The own rows that CERT has and that carry the district's label. Rows that our ledger wrote are not
/// asked about: they may be written anyway.
async fn belonging(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    keys: &[Key],
    membership: &[Membership],
    places: &HashMap<Key, (Place, [u8; 16])>,
) -> Result<HashSet<Key>, StoreError> {
    let table = scope.shape.name();
    let asked: Vec<Key> = keys
        .iter()
        .zip(membership)
        .filter(|(key, membership)| {
            **membership == Membership::Own
                && places.contains_key(*key)
                && scope.writes.of(table, key) == Written::No
        })
        .map(|(key, _)| key.clone())
        .collect();
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let ownership = &scope.plan.sections.extract.ownership;
    labels::belonging(readers, ownership, &scope.plan.district, table, asked).await
}

/// Turns rows to be written into conflicts whose unique key another row of CERT holds. A key with a
/// column that the artifact has not is left to the server.
async fn hold_back_collisions(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    unique: &Unique,
    batch: &RecordBatch,
    rows: &mut [ComparedRow],
    conflicts: &mut Conflicts,
) -> Result<(), StoreError> {
    let shape = scope.shape;
    let can_be_asked = |name: &String| {
        let column = shape.table.column(name);
        shape.columns.contains(name) && column.is_some_and(|one| has_key_text(one.column_type))
    };
    if unique.columns == shape.identity || !unique.columns.iter().all(can_be_asked) {
        return Ok(());
    }
    let values = keys_of(batch, &unique.columns, &shape.table)?;
    let mut writers: HashMap<Key, usize> = HashMap::new();
    for (row, value) in values.into_iter().enumerate() {
        let is_written = matches!(
            rows[row].decision,
            RowDecision::Insert | RowDecision::Update
        );
        if let (Some(value), true) = (value, is_written) {
            writers.insert(value, row);
        }
    }
    if writers.is_empty() {
        return Ok(());
    }
    let request = KeyRequest {
        table: shape.name().clone(),
        columns: unique.columns.clone(),
        selector: Selector::Matching {
            columns: unique.columns.clone(),
            keys: writers.keys().cloned().collect(),
        },
    };
    for holder in readers.keys(&request).await? {
        let value: Option<Vec<Box<str>>> = holder.values.into_iter().collect();
        let Some(row) = value.and_then(|value| writers.get(&Key::new(value))) else {
            continue;
        };
        if holder.id != rows[*row].key {
            rows[*row].decision = RowDecision::Conflict;
            let constraint = unique.name.clone();
            let reason = match scope.writes.of(shape.name(), &holder.id) {
                Written::No => Reason::UniqueKey { constraint },
                Written::Full | Written::Stub => Reason::KeyOfAnEarlierLoad { constraint },
            };
            let locator = scope.locators.of(shape.name(), &rows[*row].key);
            conflicts.add(shape.name(), reason, locator);
        }
    }
    Ok(())
}
