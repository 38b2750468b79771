//! The open transaction of an undo: locks the rows, checks them again, writes what was, deletes what was not.

use std::collections::{HashMap, HashSet};

use redistrict_model::{Key, StoreName, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{Action, Merge};

use crate::conflicts::Conflicts;
use crate::copies::{Candidate, Search, candidates_of};
use crate::error::bug;
use crate::handing_back::written_late;
use crate::inverse::{CurrentRows, InverseRow, Located, TableInverse, keys};
use crate::multiset::{Hash, Tally};
use crate::past::Past;
use crate::readers::{OpenMerge, Readers, Views};
use crate::undo::{Sight, Undoing};

/// How often copies are looked for again that somebody changed before they were locked.
const LOCK_TRIES: u32 = 3;

/// An undo in one group, step by step.
pub(crate) struct Applying<'u> {
    pub(crate) undoing: &'u Undoing<'u>,
    past: &'u Past,
    pub(crate) inverse: &'u [TableInverse],
    sight: Sight<'u>,
    /// The last one is this undo's.
    open: &'u mut [OpenMerge],
    views: Views,
    /// The copies that go, of keyless tables.
    located: Located,
    /// The rows as they stand, per table of the inverse.
    pub(crate) current: Vec<CurrentRows>,
    /// Copies that were there of the rows that are inserted again, without those that go.
    pub(crate) copies: HashMap<TableRef, Tally>,
}

impl<'u> Applying<'u> {
    pub(crate) fn new(
        undoing: &'u Undoing<'u>,
        past: &'u Past,
        sight: Sight<'u>,
        open: &'u mut [OpenMerge],
    ) -> Self {
        Self {
            undoing,
            past,
            inverse: &past.inverse,
            sight,
            open,
            views: Views::default(),
            located: Located::new(),
            current: Vec::new(),
            copies: HashMap::new(),
        }
    }

    /// The transaction.
    pub(crate) fn into_merge(self) -> &'u mut dyn Merge {
        let open = self.open.last_mut().expect("a transaction was opened");
        open.merge.as_mut()
    }

    pub(crate) fn merge(&mut self) -> &mut dyn Merge {
        let open = self.open.last_mut().expect("a transaction was opened");
        open.merge.as_mut()
    }

    pub(crate) fn readers(&mut self) -> Readers<'_> {
        Readers {
            open: &mut *self.open,
            views: &mut self.views,
        }
    }

    /// Locks the rows: those with a key by it, copies by where they are.
    pub(crate) async fn lock(&mut self) -> Result<(), SkillError> {
        let undoing = self.undoing;
        for table in self.inverse {
            let name = table.shape.name();
            if table.shape.is_keyless() {
                let copies = self.lock_copies(table).await?;
                self.located.insert(name.clone(), copies);
            } else {
                let locked = self.merge().lock(name, &table.keys()).await;
                locked.map_err(|error| undoing.failed(&error))?;
            }
        }
        Ok(())
    }

    /// Locks as many copies as go. One that somebody changes before it is locked is replaced by another one,
    /// as long as there is one.
    async fn lock_copies(&mut self, table: &TableInverse) -> Result<HashMap<Key, Key>, SkillError> {
        let undoing = self.undoing;
        let mut copies = HashMap::new();
        for _ in 0..LOCK_TRIES {
            copies = undoing.find(&mut self.readers(), table).await?;
            let mut locators: Vec<Key> = copies.values().cloned().collect();
            locators.sort_unstable();
            let locked = self.merge().lock(table.shape.name(), &locators).await;
            let locked = locked.map_err(|error| undoing.failed(&error))?;
            if locked.len() == copies.len() {
                break;
            }
            copies.retain(|_, locator| locked.contains(locator));
        }
        Ok(copies)
    }

    /// Checks everything again, now under locks.
    pub(crate) async fn check(&mut self) -> Result<(), SkillError> {
        let (undoing, past, sight) = (self.undoing, self.past, self.sight);
        let mut conflicts = Conflicts::default();
        let located = std::mem::take(&mut self.located);
        let open: Vec<Vec<StoreName>> = self.open.iter().map(|one| one.stores.clone()).collect();
        self.views = undoing.views(sight.beside, &open).await?;
        self.views.know(sight.live);
        let checking = undoing.checking(past, sight.live, sight.beside, &located);
        let checked = checking.run(&mut self.readers(), &mut conflicts).await;
        self.current = checked.map_err(|error| undoing.failed(&error))?;
        self.located = located;
        if conflicts.is_empty() {
            Ok(())
        } else {
            Err(conflicts.into_undo_error())
        }
    }

    /// Counts the copies of the rows that are inserted again, before they are.
    pub(crate) async fn count_copies(&mut self) -> Result<(), SkillError> {
        let inverse = self.inverse.iter();
        for table in inverse.filter(|one| one.shape.is_keyless() && !one.reinsert.is_empty()) {
            let mut there = self.count(table).await?;
            for hash in table.delete.iter().filter_map(|row| row.after) {
                there.take(&hash);
            }
            self.copies.insert(table.shape.name().clone(), there);
        }
        Ok(())
    }

    pub(crate) async fn count(&mut self, table: &TableInverse) -> Result<Tally, SkillError> {
        let undoing = self.undoing;
        let wanted: Tally = images_of(table, undoing).into_iter().collect();
        let mut there = Tally::default();
        for candidates in candidates_of(table.reinsert.iter().map(|row| &row.key)) {
            let search = Search {
                shape: &table.shape,
                hasher: &undoing.hasher,
                hints: &[],
            };
            let each = |one: Candidate<'_>| {
                if wanted.has(&one.whole) {
                    there.add(one.whole);
                }
            };
            let counted = search.each(&mut self.readers(), &candidates, each).await;
            counted.map_err(|error| undoing.failed(&error))?;
        }
        Ok(there)
    }

    /// Writes what was, parents first, then deletes what was not, children first.
    pub(crate) async fn apply(&mut self) -> Result<(), SkillError> {
        let (undoing, inverse) = (self.undoing, self.inverse);
        let find = |name: &TableRef| inverse.iter().find(|one| one.shape.name() == name);
        let late = self.written_late()?;
        self.write(&late, Round::BeforeDeletes).await?;
        for set in undoing.group.order.iter().rev() {
            let deleted = set.iter().rev().filter_map(&find);
            let deleted: Vec<(TableRef, Vec<Key>)> = deleted
                .map(|table| (table.shape.name().clone(), self.doomed(table)))
                .filter(|(_, keys)| !keys.is_empty())
                .collect();
            if deleted.is_empty() {
                continue;
            }
            let expected: u64 = deleted.iter().map(|(_, keys)| keys.len() as u64).sum();
            let done = self.merge().delete(&deleted).await;
            if done.map_err(|error| undoing.refused(&error))? != expected {
                return Err(bug("delete the run's rows: not all were deleted"));
            }
        }
        match late.values().all(HashSet::is_empty) {
            true => Ok(()),
            false => self.write(&late, Round::AfterDeletes).await,
        }
    }

    /// Per table, the rows that cannot be written before the deletes.
    fn written_late(&self) -> Result<HashMap<TableRef, HashSet<Key>>, SkillError> {
        let tables = self.inverse.iter().zip(&self.current);
        let late = tables.map(|(table, current)| {
            let late = written_late(table, current);
            let late = late.map_err(|error| self.undoing.failed(&error))?;
            Ok((table.shape.name().clone(), late))
        });
        late.collect()
    }

    /// Writes the rows of a round, sets in write order.
    async fn write(
        &mut self,
        late: &HashMap<TableRef, HashSet<Key>>,
        round: Round,
    ) -> Result<(), SkillError> {
        let (undoing, inverse) = (self.undoing, self.inverse);
        let none = HashSet::new();
        let mut expected: HashMap<&TableRef, (u64, u64)> = HashMap::new();
        for table in inverse.iter().filter(|one| !one.images.is_empty()) {
            let name = table.shape.name();
            let late = late.get(name).unwrap_or(&none);
            let is_now =
                |row: &&InverseRow| late.contains(&row.key) == (round == Round::AfterDeletes);
            let (updated, left) = keys_of_rows(&table.restore, is_now);
            let (inserted, waiting) = keys_of_rows(&table.reinsert, is_now);
            expected.insert(name, (inserted.len() as u64, updated.len() as u64));
            let mut marks = vec![(updated, Action::Update)];
            if !late.is_empty() {
                marks.push(([left, waiting].concat(), Action::Leave));
                marks.push((inserted, Action::Insert));
            }
            for (keys, action) in marks.into_iter().filter(|(keys, _)| !keys.is_empty()) {
                let marked = self.merge().mark(name, &keys, action).await;
                marked.map_err(|error| undoing.failed(&error))?;
            }
        }
        for set in &undoing.group.order {
            let is_written =
                |name: &&TableRef| expected.get(name).is_some_and(|rows| *rows != (0, 0));
            let tables: Vec<TableRef> = set.iter().filter(is_written).cloned().collect();
            if tables.is_empty() {
                continue;
            }
            let applied = self.merge().apply(&tables).await;
            for done in applied.map_err(|error| undoing.refused(&error))? {
                if expected.get(&done.table) != Some(&(done.inserted, done.updated)) {
                    return Err(bug(format!(
                        "put back the rows of {}: not all were written",
                        done.table
                    )));
                }
            }
        }
        Ok(())
    }

    /// What the rows to be deleted are named by.
    fn doomed(&self, table: &TableInverse) -> Vec<Key> {
        if !table.shape.is_keyless() {
            return keys(&table.delete);
        }
        let located = self.located.get(table.shape.name());
        let mut locators: Vec<Key> = located
            .into_iter()
            .flat_map(HashMap::values)
            .cloned()
            .collect();
        locators.sort_unstable();
        locators
    }
}

/// When rows are put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    BeforeDeletes,
    /// Those that get a unique value which a deleted row held.
    AfterDeletes,
}

/// The keys of the rows that are written now, and of the other ones.
fn keys_of_rows(
    rows: &[InverseRow],
    is_now: impl Fn(&&InverseRow) -> bool,
) -> (Vec<Key>, Vec<Key>) {
    let (now, later): (Vec<&InverseRow>, Vec<&InverseRow>) = rows.iter().partition(is_now);
    let keys = |rows: Vec<&InverseRow>| rows.into_iter().map(|row| row.key.clone()).collect();
    (keys(now), keys(later))
}

/// The hashes of the rows as they were, in the order of `TableInverse::reinsert` of a keyless table.
pub(crate) fn images_of(table: &TableInverse, undoing: &Undoing<'_>) -> Vec<Hash> {
    let images = table.images.iter();
    images
        .flat_map(|(_, image)| undoing.hasher.rows(image))
        .collect()
}
