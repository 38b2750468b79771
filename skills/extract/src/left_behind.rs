//! Which rows stay behind although all that they refer to comes: the check of docs/design/closure.md §7 on what was
//! not extracted.
//!
//! Shares no code with the planner: it knows nothing of labels and homes. It counts in PROD the rows that refer to
//! what was extracted, and reads keys only where that are more than the artifact has.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};

use redistrict_artifact::{Artifact, keys_of};
use redistrict_model::{
    Edge, ExtractSection, ExtractTable, Finding, Key, KeyRow, Membership, OwnerKind, Role,
    TableRef, TableRole,
};
use redistrict_skill::{Cancel, SkillError};
use redistrict_store::{KeyRequest, Selector};
use serde::{Deserialize, Serialize};

use crate::closure::store_failed;
use crate::readers::Readers;
use crate::write::artifact_failed;

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftBehind {
    /// Tables of which PROD's rows were counted.
    pub(crate) tables: u64,
    /// Rows of PROD that refer to rows that were extracted.
    pub(crate) examined: u64,
    /// Rows that refer to nothing but what was extracted, and were not, by table.
    pub(crate) rows: BTreeMap<String, u64>,
}

impl LeftBehind {
    /// A warning for each table with such rows.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.rows.iter().map(|(table, rows)| {
            let message = "rows that refer to nothing but rows that come stay behind: `why --not` says of one of \
                           them what is missing";
            Finding::warning("left-behind", table, message, *rows)
        })
    }
}

/// Counts, and looks closer where rows are missing.
///
/// # Errors
/// The artifact cannot be read, a failing store, or the run is to end.
pub(crate) async fn left_behind(
    section: &ExtractSection,
    artifact: &Artifact,
    readers: &mut Readers,
    cancel: &Cancel,
) -> Result<LeftBehind, SkillError> {
    let mut check = Check {
        artifact,
        readers,
        cancel,
        hasher: RandomState::new(),
    };
    let mut found = LeftBehind::default();
    for watched in watched(section) {
        let came = check.full(&watched.by.parent, &watched.by.parent_columns)?;
        let in_prod = check.count(&watched).await?;
        found.tables += 1;
        found.examined += in_prod;
        if in_prod > check.taken(&watched, &came)? {
            let rows = check.missing(&watched).await?;
            if rows > 0 {
                found.rows.insert(watched.table.table.to_string(), rows);
            }
        }
    }
    Ok(found)
}

/// A table whose rows belong to what they always refer to.
pub(crate) struct Watched<'a> {
    pub(crate) table: &'a ExtractTable,
    /// A reference that every row has, to rows that are somebody's.
    pub(crate) by: &'a Edge,
    /// All references to rows that are somebody's.
    references: Vec<&'a Edge>,
}

impl Watched<'_> {
    /// What is asked for where rows are missing: those that refer to these keys, with all that they refer to.
    pub(crate) fn closer(&self, keys: Vec<Key>) -> KeyRequest {
        let columns: BTreeSet<&String> = self.references.iter().copied().flat_map(needs).collect();
        KeyRequest {
            table: self.table.table.clone(),
            columns: columns.into_iter().cloned().collect(),
            selector: Selector::Matching {
                columns: self.by.child_columns.clone(),
                keys,
            },
        }
    }
}

/// Not organisations, which stand above the district too; not tables without a key, whose rows nothing tells apart; and
/// not those whose rows go with who looks them up, which may be others than those they refer to.
pub(crate) fn watched(section: &ExtractSection) -> Vec<Watched<'_>> {
    let ownership = &section.ownership;
    let is_somebodys = |table: &TableRef| {
        let role = ownership.table(table).map(|role| role.role);
        matches!(role, Some(Role::Root | Role::Owned | Role::Shared))
    };
    let is_watched = |role: &TableRole| {
        let mut owners = role.owners.iter();
        role.role == Role::Owned
            && role.org.is_none()
            && owners.all(|owner| owner.kind != OwnerKind::HangUnclaimed)
    };
    let mut found = Vec::new();
    for table in &section.tables {
        let Some(role) = ownership
            .table(&table.table)
            .filter(|role| is_watched(role))
        else {
            continue;
        };
        let references = ownership.edges.iter().filter(|edge| {
            edge.child == table.table && edge.inside.is_none() && is_somebodys(&edge.parent)
        });
        let references: Vec<&Edge> = references.collect();
        let always = |edge: &&&Edge| edge.is_always() && edge.when.is_empty() && !edge.is_self();
        let place = |edge: &Edge| role.owners.iter().position(|owner| owner.edge == edge.id);
        let by = references
            .iter()
            .filter(always)
            .min_by_key(|edge| place(edge).unwrap_or(usize::MAX));
        if let (Some(by), false) = (by, table.identity.is_empty()) {
            found.push(Watched {
                table,
                by,
                references: references.clone(),
            });
        }
    }
    found
}

/// Keys by their hashes, anew in each process: among ten million keys two are confused with a probability below
/// 10⁻⁵, and then a count is one too low.
type Known = HashSet<u64>;

struct Check<'a> {
    artifact: &'a Artifact,
    readers: &'a mut Readers,
    cancel: &'a Cancel,
    hasher: RandomState,
}

impl Check<'_> {
    /// The keys over these columns of the rows that came, batch by batch; stubs only if they count.
    fn each(
        &self,
        table: &TableRef,
        columns: &[String],
        with_stubs: bool,
        mut each: impl FnMut(Key),
    ) -> Result<(), SkillError> {
        for batch in self.artifact.columns(table, columns) {
            self.cancel.check()?;
            let (batch, memberships) = batch.map_err(|error| artifact_failed(&error))?;
            let keys = keys_of(&batch, columns).into_iter().zip(&memberships);
            for (key, membership) in keys {
                if with_stubs || *membership != Membership::Stub {
                    key.map(&mut each);
                }
            }
        }
        Ok(())
    }

    fn known(
        &self,
        table: &TableRef,
        columns: &[String],
        stubs: bool,
    ) -> Result<Known, SkillError> {
        let mut known = Known::new();
        self.each(table, columns, stubs, |key| {
            known.insert(self.hasher.hash_one(&key));
        })?;
        Ok(known)
    }

    fn full(&self, table: &TableRef, columns: &[String]) -> Result<Known, SkillError> {
        self.known(table, columns, false)
    }

    /// The keys that rows of the table refer to by, in lists that a statement can take.
    fn parents(&self, watched: &Watched<'_>) -> Result<Vec<Vec<Key>>, SkillError> {
        const KEYS: usize = 20_000;
        let mut all: Vec<Vec<Key>> = vec![Vec::new()];
        let by = watched.by;
        self.each(&by.parent, &by.parent_columns, false, |key| {
            if all.last().is_some_and(|last| last.len() == KEYS) {
                all.push(Vec::new());
            }
            all.last_mut().expect("one is there").push(key);
        })?;
        Ok(all)
    }

    /// PROD's rows that refer to rows that came.
    async fn count(&mut self, watched: &Watched<'_>) -> Result<u64, SkillError> {
        let table = &watched.table.table;
        let mut rows = 0;
        for keys in self.parents(watched)? {
            let cut = self.readers.first(&table.store)?;
            let counted = cut
                .count_matching(table, &watched.by.child_columns, &keys)
                .await;
            rows += counted.map_err(|error| store_failed(&error))?;
        }
        Ok(rows)
    }

    /// Those of them that came.
    fn taken(&self, watched: &Watched<'_>, came: &Known) -> Result<u64, SkillError> {
        let mut rows = 0;
        let columns = &watched.by.child_columns;
        self.each(&watched.table.table, columns, false, |key| {
            rows += u64::from(came.contains(&self.hasher.hash_one(&key)));
        })?;
        Ok(rows)
    }

    /// How many of the others refer to nothing but what came.
    async fn missing(&mut self, watched: &Watched<'_>) -> Result<u64, SkillError> {
        let table = watched.table;
        let here = self.known(&table.table, &table.identity, true)?;
        let mut targets = BTreeMap::new();
        for edge in &watched.references {
            if let Entry::Vacant(target) = targets.entry((&edge.parent, &edge.parent_columns)) {
                target.insert(self.full(&edge.parent, &edge.parent_columns)?);
            }
        }
        let columns = watched.closer(Vec::new()).columns;
        let leads_out = |row: &KeyRow| {
            watched.references.iter().any(|edge| {
                let key = reference_of(row, &columns, edge);
                let known = &targets[&(&edge.parent, &edge.parent_columns)];
                key.is_some_and(|key| !known.contains(&self.hasher.hash_one(&key)))
            })
        };
        let mut missing = Known::new();
        for keys in self.parents(watched)? {
            let request = watched.closer(keys);
            self.cancel.check()?;
            let rows = self.readers.first(&table.table.store)?.keys(&request).await;
            for row in rows.map_err(|error| store_failed(&error))? {
                let id = self.hasher.hash_one(&row.id);
                if !here.contains(&id) && !leads_out(&row) {
                    missing.insert(id);
                }
            }
        }
        Ok(missing.len() as u64)
    }
}

/// The columns that say what a reference leads to.
fn needs(edge: &Edge) -> impl Iterator<Item = &String> {
    let conditions = edge.when.iter().map(|(column, _)| column);
    edge.child_columns.iter().chain(conditions)
}

/// What the row refers to by the edge, if the edge counts for it.
fn reference_of(row: &KeyRow, columns: &[String], edge: &Edge) -> Option<Key> {
    let value = |column: &String| {
        let at = columns.iter().position(|one| one == column)?;
        row.values.get(at)?.as_deref()
    };
    let counts = edge.when.iter().all(|(column, texts)| {
        value(column).is_some_and(|value| texts.iter().any(|text| text == value))
    });
    let parts: Option<Vec<&str>> = edge.child_columns.iter().map(value).collect();
    parts.filter(|_| counts).map(Key::new)
}
