//! Reads samples of keys and looks keys up, for everything that compares names with values. What is read stays
//! in memory.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Inside, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector, Tally, TallyRequest};

use crate::driver::{Cuts, cut_of, store_failed};

/// Rows of a table that are looked at.
const SAMPLE: u32 = 1_000;
/// Different values that are looked at where all are.
const MOST_VALUES: u32 = 10_000;
/// So many in a hundred different values have to be keys of the other table: references that nothing
/// enforces may dangle.
const FOUND_IN_HUNDRED: usize = 90;

/// The different values of some columns of a table, and beside each what the column of kinds says.
pub(super) type Values = BTreeSet<(Key, Option<Box<str>>)>;

/// How many different values were looked at, and how many of them are keys of the other table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub seen: usize,
    pub found: usize,
}

impl Evidence {
    /// Whether the values say that it is a reference.
    pub(super) fn confirms(self) -> bool {
        self.seen > 0 && self.found * 100 >= self.seen * FOUND_IN_HUNDRED
    }

    /// Whether every value was found.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.seen == self.found
    }
}

/// Reads each sample once.
pub(super) struct Reader<'a> {
    cuts: &'a mut Cuts,
    samples: BTreeMap<(TableRef, Vec<String>), Values>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cuts: &'a mut Cuts) -> Self {
        Self {
            cuts,
            samples: BTreeMap::new(),
        }
    }

    pub(super) fn cuts(&mut self) -> &mut Cuts {
        self.cuts
    }

    /// The different values of these columns in a sample of the table, without NULLs.
    pub(super) async fn values(
        &mut self,
        table: &TableRef,
        columns: &[String],
    ) -> Result<BTreeSet<Key>, SkillError> {
        let values = self.beside(table, columns, None).await?;
        Ok(values.iter().map(|(key, _)| key.clone()).collect())
    }

    /// The same, with what another column says beside each.
    pub(super) async fn beside(
        &mut self,
        table: &TableRef,
        columns: &[String],
        kind: Option<&String>,
    ) -> Result<&Values, SkillError> {
        let mut all = columns.to_vec();
        all.extend(kind.cloned());
        let place = (table.clone(), all);
        if !self.samples.contains_key(&place) {
            let rows = self.texts(&place.0, &place.1, SAMPLE).await?;
            let values = rows.into_iter().filter_map(|row| {
                let mut values = row.into_iter();
                let key: Option<Vec<Box<str>>> = values.by_ref().take(columns.len()).collect();
                Some((Key::new(key?), values.next().flatten()))
            });
            let values = values.collect();
            self.samples.insert(place.clone(), values);
        }
        Ok(self.samples.entry(place).or_default())
    }

    /// Rows of these columns as they are, at most so many.
    pub(super) async fn texts(
        &mut self,
        table: &TableRef,
        columns: &[String],
        limit: u32,
    ) -> Result<Vec<Vec<Option<Box<str>>>>, SkillError> {
        let request = KeyRequest {
            table: table.clone(),
            columns: columns.to_vec(),
            selector: Selector::Sample { limit },
        };
        let rows = cut_of(self.cuts, table)?.keys(&request).await;
        let rows = rows.map_err(|error| store_failed(&error))?;
        Ok(rows.into_iter().map(|row| row.values).collect())
    }

    /// How many of the values are keys of the table, by these columns.
    pub(super) async fn look_up(
        &mut self,
        table: &TableRef,
        columns: &[String],
        keys: &BTreeSet<Key>,
    ) -> Result<Evidence, SkillError> {
        let held = self.held(table, columns, keys).await?;
        Ok(Evidence {
            seen: keys.len(),
            found: held.len(),
        })
    }
}

impl Reader<'_> {
    /// Where rows with these keys lead by other columns; rows in which one of them is NULL lead nowhere.
    pub(super) async fn lead(
        &mut self,
        table: &TableRef,
        by: &[String],
        to: &[String],
        keys: &BTreeSet<Key>,
    ) -> Result<BTreeMap<Key, Key>, SkillError> {
        let mut led = BTreeMap::new();
        let keys: Vec<&Key> = keys.iter().collect();
        for some in keys.chunks(SAMPLE as usize) {
            let request = KeyRequest {
                table: table.clone(),
                columns: [by, to].concat(),
                selector: Selector::Matching {
                    columns: by.to_vec(),
                    keys: some.iter().map(|key| (*key).clone()).collect(),
                },
            };
            let rows = cut_of(self.cuts, table)?.keys(&request).await;
            let rows = rows.map_err(|error| store_failed(&error))?;
            led.extend(rows.into_iter().filter_map(|row| {
                let parts: Option<Vec<Box<str>>> = row.values.into_iter().collect();
                let mut parts = parts?;
                let to = parts.split_off(by.len());
                Some((Key::new(parts), Key::new(to)))
            }));
        }
        Ok(led)
    }

    /// The different values of these columns in the whole table, without NULLs; the most frequent ones where there
    /// are more than 10,000.
    pub(super) async fn all_values(
        &mut self,
        table: &TableRef,
        columns: &[String],
    ) -> Result<BTreeSet<Key>, SkillError> {
        let request = TallyRequest {
            table: table.clone(),
            columns: columns.to_vec(),
            present: columns.to_vec(),
            limit: MOST_VALUES,
        };
        let tally = tally(self.cuts, &request).await?;
        let keys = tally.values.into_iter().filter_map(|(texts, _)| {
            let key: Option<Vec<Box<str>>> = texts.into_iter().collect();
            key.map(Key::new)
        });
        Ok(keys.collect())
    }

    /// The different keys that stand inside of the values of a column, in a sample of the table.
    pub(super) async fn inside(
        &mut self,
        table: &TableRef,
        column: &str,
        inside: &Inside,
        limit: u32,
    ) -> Result<BTreeSet<Key>, SkillError> {
        let rows = self.texts(table, &[column.to_owned()], limit).await?;
        let texts = rows.iter().flatten().flatten();
        let keys = texts.filter_map(|text| inside.keys(text)).flatten();
        Ok(keys.map(Key::of).collect())
    }

    /// Those of the values that are keys of the table, by these columns; any number of them.
    pub(super) async fn held(
        &mut self,
        table: &TableRef,
        columns: &[String],
        keys: &BTreeSet<Key>,
    ) -> Result<BTreeSet<Key>, SkillError> {
        let mut held = BTreeSet::new();
        let keys: Vec<&Key> = keys.iter().collect();
        for some in keys.chunks(SAMPLE as usize) {
            let request = KeyRequest {
                table: table.clone(),
                columns: columns.to_vec(),
                selector: Selector::Matching {
                    columns: columns.to_vec(),
                    keys: some.iter().map(|key| (*key).clone()).collect(),
                },
            };
            let rows = cut_of(self.cuts, table)?.keys(&request).await;
            let rows = rows.map_err(|error| store_failed(&error))?;
            held.extend(rows.into_iter().filter_map(|row| {
                let key: Option<Vec<Box<str>>> = row.values.into_iter().collect();
                key.map(Key::new)
            }));
        }
        Ok(held)
    }

    /// The number of rows of a table.
    pub(super) async fn count(&mut self, table: &TableRef) -> Result<u64, SkillError> {
        let count = cut_of(self.cuts, table)?.count(table).await;
        count.map_err(|error| store_failed(&error))
    }
}

/// The tally of one request.
pub(super) async fn tally(cuts: &mut Cuts, request: &TallyRequest) -> Result<Tally, SkillError> {
    let tally = cut_of(cuts, &request.table)?.tally(request).await;
    tally.map_err(|error| store_failed(&error))
}
