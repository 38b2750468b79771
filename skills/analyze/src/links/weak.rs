//! What names alone do not carry: a reference that is called after a table in a weaker way counts where the values
//! speak for it, or where other references of its rows do; otherwise it is a question.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, ColumnType, Key, TableRef};
use redistrict_skill::SkillError;

use super::agreement::{Agreement, Hop, Ways};
use super::candidates::{Candidate, Rule};
use super::propose::{Place, Search, link, place_of, suggestion};
use super::tables::{is_same_type, keys_of_one_column};
use super::values::Evidence;

/// Keys of so many other tables are compared with values that may be keys of anything.
const MOST_COMPARED: usize = 12;

impl Search<'_> {
    /// Columns that are called after a table in a weaker way. One link where one table only holds the values, and
    /// they are keys of no other table, or another reference would contradict it; otherwise a question.
    pub(super) async fn weak_round(&mut self) -> Result<(), SkillError> {
        let mut groups: BTreeMap<Place, Vec<Candidate>> = BTreeMap::new();
        for candidate in self.open.drain(..).filter(|one| one.rule.is_weak()) {
            groups
                .entry(place_of(&candidate))
                .or_default()
                .push(candidate);
        }
        let ways = Ways::new(self.catalogs, self.root, &self.links);
        for (place, mut group) in groups {
            group.sort_by_key(|one| (one.child.store != one.parent.store, one.rule));
            let mut confirmed: Vec<(Candidate, Evidence)> = Vec::new();
            for candidate in group {
                // What is called after a table of its own store means that one.
                let is_nearer = |(known, _): &(Candidate, Evidence)| {
                    known.parent == candidate.parent
                        || (known.parent.store == known.child.store
                            && candidate.parent.store != candidate.child.store)
                };
                if self.is_settled(&candidate, None) || confirmed.iter().any(is_nearer) {
                    continue;
                }
                if let Some(evidence) = self.confirmed(&candidate).await? {
                    confirmed.push((candidate, evidence));
                }
            }
            // One that holds every value is meant, not one that holds most of them.
            let wholes = confirmed.iter().filter(|(_, evidence)| evidence.is_whole());
            if wholes.count() == 1 {
                confirmed.retain(|(_, evidence)| evidence.is_whole());
            }
            let is_sure = match confirmed.as_slice() {
                [(one, _)] => self.is_sure(one, ways.as_ref()).await?,
                _ => false,
            };
            if let ([(one, evidence)], true) = (confirmed.as_slice(), is_sure) {
                self.links.push(link(one, None, *evidence));
            } else if !confirmed.is_empty() {
                let suggestions = confirmed.iter();
                let suggestions = suggestions.map(|(one, evidence)| suggestion(one, *evidence));
                self.asked.insert(place, suggestions.collect());
            }
        }
        self.known.follow(&self.links);
        Ok(())
    }

    /// Whether something else than the name speaks for a reference of a weak name, or would speak against it.
    async fn is_sure(
        &mut self,
        candidate: &Candidate,
        ways: Option<&Ways>,
    ) -> Result<bool, SkillError> {
        if candidate.rule == Rule::Guess {
            return Ok(false);
        }
        let said = self.agreements(candidate, ways).await?;
        if said.iter().any(|agreement| agreement.differs()) {
            return Ok(false);
        }
        if said.iter().any(|agreement| agreement.agrees()) {
            return Ok(true);
        }
        let is_bare = candidate.rule == Rule::Bare;
        if !is_bare
            && self
                .known
                .leads_up_beside(&candidate.child, &candidate.parent)
        {
            return Ok(true);
        }
        let keys = self.keys_of(candidate).await?;
        let is_like_keys = candidate.rule != Rule::Qualified && is_scattered(&keys);
        Ok(is_like_keys
            || self.is_seen_elsewhere(candidate)
            || self.is_covering(candidate, &keys).await?
            || self.is_telling(candidate).await?)
    }

    /// Whether the values are all keys of the table, no more and no less.
    async fn is_covering(
        &mut self,
        candidate: &Candidate,
        keys: &BTreeSet<Key>,
    ) -> Result<bool, SkillError> {
        const LEAST: usize = 5;
        if keys.len() < LEAST || candidate.rule == Rule::Qualified {
            return Ok(false);
        }
        let rows = self.reader.count(&candidate.parent).await?;
        let (parent, columns) = (&candidate.parent, &candidate.parent_columns);
        let evidence = self.reader.look_up(parent, columns, keys).await?;
        Ok(evidence.is_whole() && rows == evidence.found as u64)
    }

    /// Whether a foreign key or a link of another table is called so and leads to the same table.
    fn is_seen_elsewhere(&self, candidate: &Candidate) -> bool {
        let tables = self.catalogs.iter().flat_map(|catalog| &catalog.tables);
        let mut keys = tables.flat_map(|table| &table.foreign_keys);
        let is_declared = keys
            .any(|key| key.parent == candidate.parent && key.columns == candidate.child_columns);
        let mut links = self.links.iter().filter(|link| !link.rule.is_weak());
        is_declared
            || links.any(|link| {
                link.parent == candidate.parent && link.child_columns == candidate.child_columns
            })
    }

    /// Whether the values are keys of no other table: numbers that begin at one are keys of every table.
    async fn is_telling(&mut self, candidate: &Candidate) -> Result<bool, SkillError> {
        let keys = self.keys_of(candidate).await?;
        let catalogs = self.catalogs;
        let parent_type = column_type(catalogs, &candidate.parent, &candidate.parent_columns);
        let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
        let mut compared = 0;
        for table in tables {
            let is_one = table.name == candidate.parent || table.name == candidate.child;
            let is_near = table.name.store == candidate.parent.store;
            let Some(key) = keys_of_one_column(table).into_iter().next() else {
                continue;
            };
            let key = [key];
            let of_type = column_type(catalogs, &table.name, &key).zip(parent_type);
            let is_like = of_type.is_some_and(|(one, other)| is_same_type(one, other));
            if is_one || !is_near || !is_like {
                continue;
            }
            if self
                .reader
                .look_up(&table.name, &key, &keys)
                .await?
                .confirms()
            {
                return Ok(false);
            }
            compared += 1;
            if compared == MOST_COMPARED {
                break;
            }
        }
        Ok(true)
    }

    /// What other references of the rows say about the district.
    pub(super) async fn agreements(
        &mut self,
        candidate: &Candidate,
        ways: Option<&Ways>,
    ) -> Result<Vec<Agreement>, SkillError> {
        let Some(ways) = ways else {
            return Ok(Vec::new());
        };
        let said = ways
            .beside(&mut self.reader, &candidate.child, &hop_of(candidate))
            .await?;
        Ok(said.into_iter().map(|(agreement, _)| agreement).collect())
    }
}

fn hop_of(candidate: &Candidate) -> Hop {
    Hop {
        columns: candidate.child_columns.clone(),
        inside: None,
        parent: candidate.parent.clone(),
        parent_columns: candidate.parent_columns.clone(),
        is_declared: false,
    }
}

/// Whether values lie scattered over a range, as references to some rows of a table do. Numbers of things lie
/// close together and begin at one.
fn is_scattered(keys: &BTreeSet<Key>) -> bool {
    const LEAST: usize = 20;
    let numbers = keys.iter().map(|key| match key.parts() {
        [part] => part.parse::<u64>().ok(),
        _ => None,
    });
    let numbers: Option<Vec<u64>> = numbers.collect();
    let greatest = numbers.and_then(|numbers| numbers.into_iter().max());
    keys.len() >= LEAST && greatest.is_some_and(|greatest| greatest >= 2 * keys.len() as u64)
}

fn column_type(catalogs: &[Catalog], table: &TableRef, columns: &[String]) -> Option<ColumnType> {
    let table = catalogs.iter().find_map(|catalog| catalog.table(table))?;
    match columns {
        [one] => Some(table.column(one)?.column_type),
        _ => None,
    }
}
