//! Looks at the values of what the names suggest, from the tenant root outwards, and keeps what they confirm.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, ColumnRef, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector};

use super::candidates::{Candidate, candidates, reference_like};
use super::names::{Fit, Name, fit};
use crate::driver::{Cuts, cut_of, store_failed};

/// Rows of a table that are looked at.
const SAMPLE: u32 = 1_000;
/// A column that says which table is meant says few different things.
const MOST_KINDS: usize = 20;
/// So many in a hundred different values have to be keys of the other table: references that nothing
/// enforces may dangle.
const FOUND_IN_HUNDRED: usize = 90;

/// A reference that names suggest and values confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedLink {
    pub child: TableRef,
    pub child_columns: Vec<String>,
    pub parent: TableRef,
    /// In the order of `child_columns`.
    pub parent_columns: Vec<String>,
    /// It counts where this column has this text, which is the name of the parent's table.
    pub when: Option<(String, String)>,
    /// Different values that were looked at, and how many of them are keys of the parent.
    pub seen: usize,
    pub found: usize,
}

/// What was found out about references that no catalog declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposedLinks {
    /// Ordered by child, columns and kind.
    pub links: Vec<ProposedLink>,
    /// Columns with values that by their names refer to something, nobody can tell to what.
    pub open: Vec<ColumnRef>,
}

/// The links that `init` writes: for each column that may refer to something at most one (for each kind that
/// a column beside it tells: one), nearest to the root first.
///
/// Reads samples of keys, at most 1,000 rows of a table. They stay in memory: of what was read, only texts that
/// are names of tables are in the result.
///
/// # Errors
/// A failing store.
pub async fn propose_links(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    root: &TableRef,
) -> Result<ProposedLinks, SkillError> {
    let mut search = Search {
        cuts,
        open: candidates(catalogs),
        samples: BTreeMap::new(),
        known: Known::around(catalogs, root),
        links: Vec::new(),
    };
    let mut which = Which::FIRST;
    loop {
        let before = search.links.len();
        search.round(which).await?;
        if search.links.len() > before {
            which = Which::FIRST;
        } else if let Some(next) = which.next() {
            which = next;
        } else {
            break;
        }
    }
    let mut open = Vec::new();
    for column in reference_like(catalogs) {
        if search.is_open(&column).await? {
            open.push(column);
        }
    }
    let mut links = search.links;
    links.sort_by(|a, b| {
        let rank = |link: &ProposedLink| {
            (
                link.child.clone(),
                link.child_columns.clone(),
                link.when.clone(),
            )
        };
        rank(a).cmp(&rank(b))
    });
    Ok(ProposedLinks { links, open })
}

/// Which candidates a round looks at. The next ones are looked at when these gave nothing more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Within a store: what is called after a table of its own store means that one.
    SameStore,
    /// To tables that are connected with the root already.
    Inwards,
    /// Those whose table a column beside tells, to any table: that of the same store is meant first.
    ByKind,
    /// From connected tables to others: lists that they look up.
    Outwards,
}

impl Which {
    const FIRST: Self = Self::SameStore;

    fn next(self) -> Option<Self> {
        match self {
            Self::SameStore => Some(Self::Inwards),
            Self::Inwards => Some(Self::ByKind),
            Self::ByKind => Some(Self::Outwards),
            Self::Outwards => None,
        }
    }
}

/// Which tables are connected with the root, and how far away they are.
struct Known {
    neighbours: BTreeMap<TableRef, BTreeSet<TableRef>>,
    depth: BTreeMap<TableRef, u32>,
}

impl Known {
    fn around(catalogs: &[Catalog], root: &TableRef) -> Self {
        let mut neighbours: BTreeMap<TableRef, BTreeSet<TableRef>> = BTreeMap::new();
        for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
            for key in &table.foreign_keys {
                let mut join = |one: &TableRef, other: &TableRef| {
                    neighbours
                        .entry(one.clone())
                        .or_default()
                        .insert(other.clone());
                };
                join(&table.name, &key.parent);
                join(&key.parent, &table.name);
            }
        }
        let mut known = Self {
            neighbours,
            depth: BTreeMap::new(),
        };
        known.add(root, 0);
        known
    }

    /// The table and all that foreign keys connect with it.
    fn add(&mut self, table: &TableRef, depth: u32) {
        let mut open = std::collections::VecDeque::from([(table.clone(), depth)]);
        while let Some((table, depth)) = open.pop_front() {
            if self.depth.contains_key(&table) {
                continue;
            }
            let next = self.neighbours.get(&table).into_iter().flatten();
            open.extend(next.map(|next| (next.clone(), depth + 1)));
            self.depth.insert(table, depth);
        }
    }

    /// The tables that links connect with known ones.
    fn follow(&mut self, links: &[ProposedLink]) {
        loop {
            let before = self.depth.len();
            for link in links {
                let ends = [(&link.parent, &link.child), (&link.child, &link.parent)];
                for (known, other) in ends {
                    if let Some(depth) = self.depth.get(known).copied() {
                        self.add(other, depth + 1);
                    }
                }
            }
            if self.depth.len() == before {
                return;
            }
        }
    }

    fn has(&self, table: &TableRef) -> bool {
        self.depth.contains_key(table)
    }
}

/// The different values of some columns of a table, and beside each what the column of kinds says.
type Values = BTreeSet<(Key, Option<Box<str>>)>;

struct Search<'a> {
    cuts: &'a mut Cuts,
    open: Vec<Candidate>,
    samples: BTreeMap<(TableRef, Vec<String>), Values>,
    known: Known,
    links: Vec<ProposedLink>,
}

impl Search<'_> {
    /// Looks at every candidate that has become one, and then counts its tables to the known ones.
    async fn round(&mut self, which: Which) -> Result<(), SkillError> {
        let known = &self.known;
        let is_due = |one: &Candidate| match which {
            Which::SameStore => {
                let is_plain = one.kind_column.is_none() && !one.is_own_name;
                is_plain && one.child.store == one.parent.store
            }
            Which::Inwards => one.kind_column.is_none() && known.has(&one.parent),
            Which::ByKind => one.kind_column.is_some(),
            Which::Outwards => known.has(&one.child) && !one.is_own_name,
        };
        let (mut due, later): (Vec<_>, Vec<_>) = self.open.drain(..).partition(is_due);
        self.open = later;
        // Stable: the better names stay first within a depth.
        due.sort_by_key(|one| {
            let is_elsewhere = one.kind_column.is_some() && one.child.store != one.parent.store;
            let depth = known.depth.get(&one.parent).copied().unwrap_or(u32::MAX);
            (
                std::cmp::Reverse(one.child_columns.len()),
                one.fit,
                is_elsewhere,
                depth,
            )
        });
        for candidate in due {
            for kind in self.kinds(&candidate).await? {
                self.consider(&candidate, kind).await?;
            }
        }
        self.known.follow(&self.links);
        Ok(())
    }

    /// The texts of the column of kinds that name the parent's table; one question where there is none.
    async fn kinds(&mut self, candidate: &Candidate) -> Result<Vec<Option<Box<str>>>, SkillError> {
        if candidate.kind_column.is_none() {
            return Ok(vec![None]);
        }
        let kinds: BTreeSet<Box<str>> = self
            .sample(candidate)
            .await?
            .iter()
            .filter_map(|(_, kind)| kind.clone())
            .collect();
        if kinds.len() > MOST_KINDS {
            return Ok(Vec::new());
        }
        let parent = Name::of(&candidate.parent.table);
        let names_parent = |kind: &str| fit(&Name::of(kind), &parent) == Some(Fit::Whole);
        let named = kinds.into_iter().filter(|kind| names_parent(kind));
        Ok(named.map(Some).collect())
    }

    async fn consider(
        &mut self,
        candidate: &Candidate,
        kind: Option<Box<str>>,
    ) -> Result<(), SkillError> {
        let when = candidate
            .kind_column
            .clone()
            .zip(kind.as_deref().map(str::to_owned));
        if self.is_settled(candidate, when.as_ref()) {
            return Ok(());
        }
        let values = self.sample(candidate).await?.iter();
        let keys: BTreeSet<Key> = values
            .filter(|(_, said)| kind.is_none() || *said == kind)
            .map(|(key, _)| key.clone())
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let found = self.found(candidate, &keys).await?;
        if found * 100 >= keys.len() * FOUND_IN_HUNDRED {
            self.links.push(ProposedLink {
                child: candidate.child.clone(),
                child_columns: candidate.child_columns.clone(),
                parent: candidate.parent.clone(),
                parent_columns: candidate.parent_columns.clone(),
                when,
                seen: keys.len(),
                found,
            });
        }
        Ok(())
    }

    /// A link over one of these columns is there, or the same one the other way round.
    fn is_settled(&self, candidate: &Candidate, when: Option<&(String, String)>) -> bool {
        self.links.iter().any(|link| {
            let has_column = |column| link.child_columns.contains(column);
            let is_taken = link.child == candidate.child
                && (when.is_none() || link.when.is_none() || link.when.as_ref() == when)
                && candidate.child_columns.iter().any(has_column);
            let is_reverse = link.child == candidate.parent
                && link.parent == candidate.child
                && link.child_columns == candidate.parent_columns;
            is_taken || is_reverse
        })
    }

    async fn sample(&mut self, candidate: &Candidate) -> Result<&Values, SkillError> {
        let mut columns = candidate.child_columns.clone();
        columns.extend(candidate.kind_column.clone());
        let place = (candidate.child.clone(), columns);
        if !self.samples.contains_key(&place) {
            let parts = candidate.child_columns.len();
            let values = self.read(&place.0, place.1.clone(), parts).await?;
            self.samples.insert(place.clone(), values);
        }
        Ok(self.samples.entry(place).or_default())
    }

    /// The first `parts` columns are the key, one more tells the kind.
    async fn read(
        &mut self,
        table: &TableRef,
        columns: Vec<String>,
        parts: usize,
    ) -> Result<Values, SkillError> {
        let request = KeyRequest {
            table: table.clone(),
            columns,
            selector: Selector::Sample { limit: SAMPLE },
        };
        let cut = cut_of(self.cuts, table)?;
        let rows = cut
            .keys(&request)
            .await
            .map_err(|error| store_failed(&error))?;
        let values = rows.into_iter().filter_map(|row| {
            let mut values = row.values.into_iter();
            let key: Option<Vec<Box<str>>> = values.by_ref().take(parts).collect();
            let kind = values.next().flatten();
            Some((Key::new(key?), kind))
        });
        Ok(values.collect())
    }

    /// Whether the column has values and no link.
    async fn is_open(&mut self, column: &ColumnRef) -> Result<bool, SkillError> {
        let is_linked = self
            .links
            .iter()
            .any(|link| link.child == column.table && link.child_columns.contains(&column.column));
        let columns = vec![column.column.clone()];
        Ok(!is_linked && !self.read(&column.table, columns, 1).await?.is_empty())
    }

    /// How many of the values are keys of the parent.
    async fn found(
        &mut self,
        candidate: &Candidate,
        keys: &BTreeSet<Key>,
    ) -> Result<usize, SkillError> {
        let request = KeyRequest {
            table: candidate.parent.clone(),
            columns: candidate.parent_columns.clone(),
            selector: Selector::Matching {
                columns: candidate.parent_columns.clone(),
                keys: keys.iter().cloned().collect(),
            },
        };
        let cut = cut_of(self.cuts, &candidate.parent)?;
        let rows = cut
            .keys(&request)
            .await
            .map_err(|error| store_failed(&error))?;
        let held: BTreeSet<Key> = rows
            .into_iter()
            .filter_map(|row| {
                let key: Option<Vec<Box<str>>> = row.values.into_iter().collect();
                key.map(Key::new)
            })
            .collect();
        Ok(held.len())
    }
}
