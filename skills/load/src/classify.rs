//! Compares a batch of the artifact with what stands in CERT: reads, and asks `compare` row by row.
//! Writes nothing.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use redistrict_artifact::RowHasher;
use redistrict_model::{ErrorKind, Key, Membership, Plan};
use redistrict_skill::SkillError;
use redistrict_store::{Action, StoreError, StoreErrorKind};

use crate::collisions::{self, Collision};
use crate::compare::{Presence, RowDecision, Written, decide};
use crate::conflicts::{Conflicts, Reason};
use crate::error::store_failed;
use crate::labels;
use crate::our_writes::OurWrites;
use crate::readers::Readers;
use crate::report::TableCounts;
use crate::rows::{Locators, Place, keys_of, pick};
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
#[derive(Clone)]
pub(crate) struct ComparedRow {
    pub(crate) key: Key,
    pub(crate) membership: Membership,
    pub(crate) is_stub: bool,
    pub(crate) decision: RowDecision,
    /// The row is not the district's, and a run that stands wrote it: it must not go while this one is needed.
    pub(crate) is_relied_on: bool,
    /// The hash of the artifact's row over the artifact's columns.
    pub(crate) hash: [u8; 16],
    /// Where the row that CERT has stands in [`Compared::current`].
    pub(crate) current: Option<Place>,
    /// The hash of the row that CERT has, over all columns of a before-image, where it is to be updated.
    image: Option<[u8; 16]>,
}

impl ComparedRow {
    /// Decides the row by what CERT has in its place; gives what the ledger says about that.
    fn decide(&mut self, there: Option<&There>, belongs: bool) -> Written {
        let presence = match there {
            None => Presence::Absent,
            Some(there) if there.sent == self.hash => Presence::Equal,
            Some(_) => Presence::Different,
        };
        let written = there.map_or(Written::No, |there| there.written);
        self.decision = decide(self.membership, presence, belongs, written);
        self.is_relied_on = self.membership != Membership::Own
            && self.decision.action() == Some(Action::Leave)
            && written != Written::No;
        self.current = there.map(|there| there.place);
        written
    }
}

/// A batch of the artifact, compared.
pub(crate) struct Compared {
    /// In the order of the batch.
    pub(crate) rows: Vec<ComparedRow>,
    /// The rows that CERT has, with all columns of a before-image.
    pub(crate) current: Vec<RecordBatch>,
    /// Rows whose unique key another row of CERT holds. They are decided as if it did not.
    pub(crate) collisions: Vec<Collision>,
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
        let there = current.places.get(&key);
        let belongs = belongs.contains(&key);
        let mut row = ComparedRow {
            membership: *membership,
            is_stub: *membership == Membership::Stub,
            is_relied_on: false,
            decision: RowDecision::Conflict,
            key,
            hash,
            current: None,
            image: None,
        };
        let written = row.decide(there, belongs);
        if row.decision == RowDecision::Conflict {
            let locator = scope.locators.of(shape.name(), &row.key);
            let run = scope.writes.run(shape.name(), &row.key);
            conflicts.add(shape.name(), Reason::of_present(written, run), locator);
        }
        rows.push(row);
    }
    let mut collisions = Vec::new();
    for unique in &shape.table.uniques {
        let found = collisions::find(readers, scope, unique, batch, &rows).await;
        collisions.extend(found.map_err(failed)?);
    }
    note_images(scope, &current.batches, &mut rows).map_err(failed)?;
    Ok(Compared {
        rows,
        current: current.batches,
        collisions,
    })
}

/// Hashes what CERT has in place of the rows that are to be updated.
fn note_images(
    scope: &Scope<'_>,
    current: &[RecordBatch],
    rows: &mut [ComparedRow],
) -> Result<(), StoreError> {
    let updated = |row: &&mut ComparedRow| row.decision == RowDecision::Update;
    let updated: Vec<&mut ComparedRow> = rows.iter_mut().filter(updated).collect();
    let places: Vec<Place> = updated.iter().filter_map(|row| row.current).collect();
    if places.is_empty() {
        return Ok(());
    }
    let images = scope.hasher.rows(&pick(current, &places)?);
    for (row, image) in updated.into_iter().zip(images) {
        row.image = Some(image);
    }
    Ok(())
}

/// Compares rows again that were to be updated. One that is as it was then is decided as it was then.
///
/// # Errors
/// A failing store.
pub(crate) async fn classify_again(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    rows: &[ComparedRow],
) -> Result<Compared, SkillError> {
    let shape = scope.shape;
    let failed =
        |error: StoreError| store_failed(format!("compare {} with CERT", shape.name()), &error);
    let keys = rows.iter().map(|row| row.key.clone()).collect();
    let current = read_current(readers, scope, keys).await.map_err(failed)?;
    let mut again: Vec<ComparedRow> = rows.to_vec();
    for row in &mut again {
        row.current = current.places.get(&row.key).map(|there| there.place);
    }
    note_images(scope, &current.batches, &mut again).map_err(failed)?;
    let pairs = again.iter_mut().zip(rows);
    let changed = pairs.filter(|(now, then)| now.current.is_none() || now.image != then.image);
    let changed: Vec<&mut ComparedRow> = changed.map(|(now, _)| now).collect();
    let keys: Vec<Key> = changed.iter().map(|row| row.key.clone()).collect();
    let membership: Vec<Membership> = changed.iter().map(|row| row.membership).collect();
    let belongs = belonging(readers, scope, &keys, &membership, &current.places);
    let belongs = belongs.await.map_err(failed)?;
    for row in changed {
        let there = current.places.get(&row.key);
        row.decide(there, belongs.contains(&row.key));
    }
    Ok(Compared {
        rows: again,
        current: current.batches,
        collisions: Vec::new(),
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
            .is_some_and(|there| there.sent == hash)
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
    places: HashMap<Key, There>,
}

/// A row that CERT has.
struct There {
    place: Place,
    /// Its hash over the artifact's columns.
    sent: [u8; 16],
    written: Written,
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
        let wholes = scope.writes.has(shape.name());
        let wholes = wholes.then(|| match shape.columns == shape.image {
            true => hashes.clone(),
            false => scope.hasher.rows(batch),
        });
        for (row, (key, sent)) in keys.into_iter().zip(hashes).enumerate() {
            let Some(key) = key else { continue };
            let whole = wholes.as_ref().and_then(|wholes| wholes.get(row));
            let there = There {
                place: Place { batch: at, row },
                sent,
                written: whole.map_or(Written::No, |whole| {
                    scope.writes.of(shape.name(), &key, whole)
                }),
            };
            places.insert(key, there);
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

/// The own rows that CERT has and that carry the district's label. Rows that stand as a run of ours left them are
/// not asked about: they may be written anyway.
async fn belonging(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    keys: &[Key],
    membership: &[Membership],
    places: &HashMap<Key, There>,
) -> Result<HashSet<Key>, StoreError> {
    let table = scope.shape.name();
    let asked: Vec<Key> = keys
        .iter()
        .zip(membership)
        .filter(|(key, membership)| {
            **membership == Membership::Own
                && (places.get(*key)).is_some_and(|there| !there.written.is_ours())
        })
        .map(|(key, _)| key.clone())
        .collect();
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let ownership = &scope.plan.sections.extract.ownership;
    labels::belonging(readers, ownership, &scope.plan.district, table, asked).await
}
