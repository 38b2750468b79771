//! Who refers to rows that would go: by a foreign key of CERT, or by a reference that only the plan knows, from
//! whatever store. Reads keys only.

use std::collections::{HashMap, HashSet};

use redistrict_artifact::RowHasher;
use redistrict_model::{Edge, Inside, Key, StoreName, Table, TableRef};
use redistrict_store::{KeyRequest, Selector, StoreError, StoreErrorKind, TargetStore};

use crate::conflicts::{Conflicts, Reason};
use crate::copies::find_copies;
use crate::inverse::{CurrentRows, Located, TableInverse, keys};
use crate::readers::Readers;
use crate::rows::{Locators, keys_of};

/// A commit group beside the one that is looked at: its tables may refer to the rows by links.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub(crate) stores: &'a [StoreName],
    pub(crate) target: &'a dyn TargetStore,
    pub(crate) live: &'a [Table],
    /// What goes there with the same run.
    pub(crate) inverse: &'a [TableInverse],
}

/// A reference by which a row may refer to one that would go.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reference<'a> {
    name: &'a str,
    child: &'a Table,
    columns: &'a [String],
    parent: &'a TableRef,
    parent_columns: &'a [String],
    when: &'a [(String, Vec<String>)],
    inside: Option<&'a Inside>,
}

impl Reference<'_> {
    fn columns_with_conditions(&self) -> Vec<String> {
        let conditions = self.when.iter().map(|(column, _)| column);
        self.columns.iter().chain(conditions).cloned().collect()
    }

    /// The reference counts for a row with these values in the columns of its condition.
    fn counts(&self, conditions: &[Option<Box<str>>]) -> bool {
        let mut pairs = self.when.iter().zip(conditions);
        pairs.all(|((_, texts), value)| {
            let value = value.as_ref();
            value.is_some_and(|value| texts.iter().any(|text| **text == **value))
        })
    }
}

/// What would go, and what is needed to find the rows that refer to it.
pub(crate) struct Going<'a> {
    pub(crate) inverse: &'a [TableInverse],
    pub(crate) live: &'a [Table],
    /// The references of the plan.
    pub(crate) edges: &'a [Edge],
    pub(crate) beside: &'a [Beside<'a>],
    pub(crate) located: &'a Located,
    pub(crate) hasher: &'a RowHasher,
    pub(crate) locators: &'a Locators,
}

impl Going<'_> {
    /// No row that stays refers to a row that would be deleted. Rows that are restored may: they become what they
    /// were.
    pub(crate) async fn find_referrers(
        &self,
        readers: &mut Readers<'_>,
        current: &[CurrentRows],
        conflicts: &mut Conflicts,
    ) -> Result<(), StoreError> {
        for reference in self.references() {
            let parents = self.inverse.iter().zip(current);
            let mut parents = parents.filter(|(one, _)| one.shape.name() == reference.parent);
            if let Some((parent, current)) = parents.next()
                && readers.has(&reference.child.name)
            {
                let parents = parent_values(readers, parent, current, &reference).await?;
                let referred = self.referred(readers, &reference, &parents).await?;
                let reason = Reason::Referred {
                    child: reference.child.name.clone(),
                    constraint: reference.name.to_owned(),
                };
                conflicts.add_keys(reference.parent, &reason, &referred, self.locators);
            }
        }
        Ok(())
    }

    /// The references to tables with rows that would go: foreign keys of the group's tables, then what the plan
    /// knows beside them. A table or a column that CERT lacks refers to nothing.
    fn references(&self) -> Vec<Reference<'_>> {
        let declared = self.live.iter().flat_map(|child| {
            child.foreign_keys.iter().map(move |key| Reference {
                name: &key.name,
                child,
                columns: &key.columns,
                parent: &key.parent,
                parent_columns: &key.parent_columns,
                when: &key.when,
                inside: None,
            })
        });
        let declared: Vec<Reference<'_>> = declared.collect();
        let beside = self.beside.iter().flat_map(|one| one.live);
        let children: HashMap<&TableRef, &Table> = (self.live.iter().chain(beside))
            .map(|table| (&table.name, table))
            .collect();
        let known = self.edges.iter().filter_map(|edge| {
            let reference = Reference {
                name: &edge.name,
                child: children.get(&edge.child)?,
                columns: &edge.child_columns,
                parent: &edge.parent,
                parent_columns: &edge.parent_columns,
                when: &edge.when,
                inside: edge.inside.as_ref(),
            };
            let is_same = |one: &Reference<'_>| {
                let named = Reference {
                    name: one.name,
                    ..reference
                };
                *one == named
            };
            let has = |name: &String| reference.child.column(name).is_some();
            let is_new = !declared.iter().any(is_same);
            (is_new && reference.columns_with_conditions().iter().all(has)).then_some(reference)
        });
        let goes = |one: &&TableInverse| !one.delete.is_empty();
        let parents = self.inverse.iter().filter(goes);
        let parents: HashMap<&TableRef, &Table> = parents
            .map(|one| (one.shape.name(), &one.shape.table))
            .collect();
        let known: Vec<Reference<'_>> = known.collect();
        let all = declared.into_iter().chain(known);
        all.filter(|one| {
            let parent = parents.get(one.parent);
            let has = |table: &&Table| {
                let mut columns = one.parent_columns.iter();
                columns.all(|name| table.column(name).is_some())
            };
            parent.is_some_and(has)
        })
        .collect()
    }

    /// Of the rows with these values, those that rows which stay refer to.
    async fn referred(
        &self,
        readers: &mut Readers<'_>,
        reference: &Reference<'_>,
        parents: &HashMap<Key, Key>,
    ) -> Result<Vec<Key>, StoreError> {
        let selector = match reference.inside {
            Some(_) => Selector::All,
            None => Selector::Matching {
                columns: reference.columns.to_vec(),
                keys: parents.keys().cloned().collect(),
            },
        };
        let request = KeyRequest {
            table: reference.child.name.clone(),
            columns: reference.columns_with_conditions(),
            selector,
        };
        let ours = self.going_of(readers, &reference.child.name).await?;
        let mut referred: Vec<Key> = Vec::new();
        for mut row in readers.keys(&request).await? {
            let conditions = row.values.split_off(reference.columns.len());
            if ours.contains(&row.id) || !reference.counts(&conditions) {
                continue;
            }
            let values = row.values.into_iter().collect::<Option<Vec<Box<str>>>>();
            let values = match (values, reference.inside) {
                (None, _) => Vec::new(),
                (Some(values), None) => vec![Key::new(values)],
                (Some(values), Some(inside)) => {
                    let within = values.first().and_then(|value| inside.keys(value));
                    within
                        .unwrap_or_default()
                        .into_iter()
                        .map(Key::of)
                        .collect()
                }
            };
            referred.extend(
                values
                    .iter()
                    .filter_map(|value| parents.get(value).cloned()),
            );
        }
        referred.sort_unstable();
        referred.dedup();
        Ok(referred)
    }

    /// The rows of a table that go, or become what they were, with the same run. Copies in a group whose
    /// transaction is open are gone already.
    async fn going_of(
        &self,
        readers: &mut Readers<'_>,
        table: &TableRef,
    ) -> Result<HashSet<Key>, StoreError> {
        let find =
            |inverse: &'_ [TableInverse]| inverse.iter().position(|one| one.shape.name() == table);
        if let Some(at) = find(self.inverse) {
            let one = &self.inverse[at];
            let located = self.located.get(table).into_iter().flatten();
            return Ok(match one.shape.is_keyless() {
                true => located.map(|(_, locator)| locator.clone()).collect(),
                false => going_keys(one),
            });
        }
        for group in self.beside {
            let Some(at) = find(group.inverse) else {
                continue;
            };
            let one = &group.inverse[at];
            if !one.shape.is_keyless() {
                return Ok(going_keys(one));
            }
            if readers.is_open(table) {
                return Ok(HashSet::new());
            }
            let copies = find_copies(readers, &one.shape, self.hasher, &one.wanted()).await?;
            return Ok(copies.into_values().collect());
        }
        Ok(HashSet::new())
    }
}

fn going_keys(table: &TableInverse) -> HashSet<Key> {
    let rows = table.delete.iter().chain(&table.restore);
    rows.map(|row| row.key.clone()).collect()
}

/// Whether rows of this group can be referred to from tables of the other one.
pub(crate) fn is_referred_from(
    inverse: &[TableInverse],
    edges: &[Edge],
    beside: &Beside<'_>,
) -> bool {
    edges.iter().any(|edge| {
        let mut parents = inverse.iter().filter(|one| !one.delete.is_empty());
        beside.stores.contains(&edge.child.store)
            && parents.any(|one| *one.shape.name() == edge.parent)
    })
}

/// The referenced values of the rows to be deleted, with the identity (or the ledger key) of each row.
async fn parent_values(
    readers: &mut Readers<'_>,
    parent: &TableInverse,
    current: &CurrentRows,
    reference: &Reference<'_>,
) -> Result<HashMap<Key, Key>, StoreError> {
    if parent.shape.is_keyless() {
        return copied_values(parent, current, reference);
    }
    let deleted = keys(&parent.delete);
    if reference.parent_columns == parent.shape.identity {
        return Ok(deleted.into_iter().map(|key| (key.clone(), key)).collect());
    }
    if reference.parent_columns.is_empty() {
        let what = "read a foreign key without columns";
        return Err(StoreError::new(StoreErrorKind::Bug, what).at(parent.shape.name()));
    }
    let request = KeyRequest {
        table: parent.shape.name().clone(),
        columns: reference.parent_columns.to_vec(),
        selector: Selector::Matching {
            columns: parent.shape.identity.clone(),
            keys: deleted,
        },
    };
    let rows = readers.keys(&request).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let value: Option<Vec<Box<str>>> = row.values.into_iter().collect();
            Some((Key::new(value?), row.id))
        })
        .collect())
}

/// The referenced values of copies: a unique key with NULLs can be referred to although it tells no rows apart.
fn copied_values(
    parent: &TableInverse,
    current: &CurrentRows,
    reference: &Reference<'_>,
) -> Result<HashMap<Key, Key>, StoreError> {
    let shape = &parent.shape;
    let mut values = Vec::with_capacity(current.batches.len());
    for batch in &current.batches {
        values.push(keys_of(batch, reference.parent_columns, &shape.table)?);
    }
    let rows = parent.delete.iter().filter_map(|row| {
        let place = current.places.get(&row.key)?;
        let value = values.get(place.batch)?.get(place.row)?.clone()?;
        Some((value, row.key.clone()))
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conditional_reference_counts_only_for_rows_that_meet_its_condition() {
        let child = Table::empty("g.rel.KNOWS".parse().unwrap());
        let parent = "g.node.A".parse().unwrap();
        let when = vec![(
            ":start_label".to_owned(),
            vec!["A".to_owned(), "B".to_owned()],
        )];
        let mut reference = Reference {
            name: "start",
            child: &child,
            columns: &[":start".to_owned()],
            parent: &parent,
            parent_columns: &["id".to_owned()],
            when: &[],
            inside: None,
        };
        assert!(reference.counts(&[]));
        reference.when = &when;
        assert!(reference.counts(&[Some("B".into())]));
        assert!(!reference.counts(&[Some("C".into())]));
        assert!(!reference.counts(&[None]));
    }
}
