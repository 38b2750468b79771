//! Whether two references of the same rows lead to the same district. A reference that is what it seems does;
//! numbers that happen to be keys lead anywhere. The strongest evidence there is, where a store holds more than one
//! district.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use redistrict_model::{Catalog, Inside, Key, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::values::Reader;

/// Rows that are compared.
const SAMPLE: u32 = 200;
/// A chain of references to the root is not longer.
const LONGEST: usize = 12;
/// So many rows have to be compared before they say anything.
const LEAST: usize = 10;

/// A reference by its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) columns: Vec<String>,
    /// Where in the values of the one column the references stand; none if the value is one.
    pub(super) inside: Option<Inside>,
    pub(super) parent: TableRef,
    pub(super) parent_columns: Vec<String>,
    pub(super) is_declared: bool,
}

/// How two references of the same rows compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Rows of which both lead to the same district.
    pub same: usize,
    /// Rows of which both lead to a district.
    pub compared: usize,
}

impl Agreement {
    /// Of at least ten rows of two districts or more, all but a few lead to the same.
    pub(super) fn agrees(self) -> bool {
        self.compared >= LEAST && self.same * 100 >= self.compared * 95
    }

    /// Of at least ten rows, more than half lead to different districts.
    pub(super) fn differs(self) -> bool {
        self.compared >= LEAST && self.same * 2 < self.compared
    }
}

/// The references of all tables, and the shortest way from each to the root.
pub(super) struct Ways {
    root: TableRef,
    root_key: Vec<String>,
    hops: BTreeMap<TableRef, Vec<Hop>>,
    depth: BTreeMap<TableRef, usize>,
}

impl Ways {
    /// Over foreign keys and links without conditions. None where the root has no key.
    pub(super) fn new(
        catalogs: &[Catalog],
        root: &TableRef,
        links: &[ProposedLink],
    ) -> Option<Self> {
        let tables = || catalogs.iter().flat_map(|catalog| &catalog.tables);
        let root_key = tables().find(|table| table.name == *root)?.identity()?;
        let mut hops: BTreeMap<TableRef, Vec<Hop>> = BTreeMap::new();
        for table in tables() {
            let keys = table.foreign_keys.iter();
            for key in keys.filter(|key| key.when.is_empty() && key.parent != table.name) {
                hops.entry(table.name.clone()).or_default().push(Hop {
                    columns: key.columns.clone(),
                    inside: None,
                    parent: key.parent.clone(),
                    parent_columns: key.parent_columns.clone(),
                    is_declared: true,
                });
            }
        }
        for link in links {
            if link.when.is_none() && link.child != link.parent {
                hops.entry(link.child.clone()).or_default().push(Hop {
                    columns: link.child_columns.clone(),
                    inside: None,
                    parent: link.parent.clone(),
                    parent_columns: link.parent_columns.clone(),
                    is_declared: false,
                });
            }
        }
        let mut ways = Self {
            root: root.clone(),
            root_key: root_key.to_vec(),
            hops,
            depth: BTreeMap::new(),
        };
        ways.measure();
        Some(ways)
    }

    /// The number of references from each table to the root.
    fn measure(&mut self) {
        let mut into: BTreeMap<&TableRef, BTreeSet<&TableRef>> = BTreeMap::new();
        for (child, hops) in &self.hops {
            for hop in hops {
                into.entry(&hop.parent).or_default().insert(child);
            }
        }
        let mut depth = BTreeMap::from([(self.root.clone(), 0)]);
        let mut open = VecDeque::from([(&self.root, 0)]);
        while let Some((table, steps)) = open.pop_front() {
            for child in into.get(table).into_iter().flatten() {
                if !depth.contains_key(*child) {
                    depth.insert((*child).clone(), steps + 1);
                    open.push_back((child, steps + 1));
                }
            }
        }
        self.depth = depth;
    }

    /// Whether references lead from a table to the root.
    pub(super) fn leads_up(&self, table: &TableRef) -> bool {
        self.depth.contains_key(table)
    }

    /// The references of a table that lead to the root, declared ones first, then the shortest.
    pub(super) fn upwards(&self, table: &TableRef) -> Vec<&Hop> {
        let hops = self.hops.get(table).into_iter().flatten();
        let mut hops: Vec<&Hop> = hops
            .filter(|hop| self.depth.contains_key(&hop.parent))
            .collect();
        hops.sort_by_key(|hop| (!hop.is_declared, self.depth.get(&hop.parent)));
        hops
    }

    /// The reference that is followed from a table: the shortest way.
    fn next(&self, table: &TableRef) -> Option<&Hop> {
        let hops = self.upwards(table).into_iter();
        hops.min_by_key(|hop| (self.depth.get(&hop.parent).copied(), !hop.is_declared))
    }

    /// Of a sample of rows: the value of some columns, or each that stands inside of it, and the district that a
    /// reference beside leads to.
    pub(super) async fn beside_column(
        &self,
        reader: &mut Reader<'_>,
        child: &TableRef,
        (columns, inside): (&[String], Option<&Inside>),
        other: &Hop,
        limit: u32,
    ) -> Result<Vec<(Key, Key)>, SkillError> {
        let pairs = pairs(reader, child, (columns, inside), &other.columns, limit).await?;
        let seconds = pairs.iter().map(|(_, second)| second.clone()).collect();
        let seconds = self
            .districts(reader, &other.parent, &other.parent_columns, &seconds)
            .await?;
        let rows = pairs
            .into_iter()
            .filter_map(|(first, second)| Some((first, seconds.get(&second)?.clone())));
        Ok(rows.collect())
    }

    /// The districts of rows that have these keys.
    pub(super) async fn districts(
        &self,
        reader: &mut Reader<'_>,
        table: &TableRef,
        columns: &[String],
        keys: &BTreeSet<Key>,
    ) -> Result<BTreeMap<Key, Key>, SkillError> {
        let mut at: BTreeMap<Key, Key> =
            keys.iter().map(|key| (key.clone(), key.clone())).collect();
        let (mut table, mut columns) = (table.clone(), columns.to_vec());
        for _ in 0..LONGEST {
            let is_root = table == self.root;
            if is_root && columns == self.root_key {
                return Ok(at);
            }
            let hop = self.next(&table);
            let (to, next) = match (is_root, hop) {
                (true, _) => (&self.root_key, None),
                (false, Some(hop)) => (&hop.columns, Some(hop)),
                (false, None) => return Ok(BTreeMap::new()),
            };
            let here: BTreeSet<Key> = at.values().cloned().collect();
            let led = reader.lead(&table, &columns, to, &here).await?;
            at = (at.into_iter())
                .filter_map(|(key, here)| Some((key, led.get(&here)?.clone())))
                .collect();
            match next {
                Some(hop) => {
                    columns.clone_from(&hop.parent_columns);
                    table = hop.parent.clone();
                }
                None => return Ok(at),
            }
        }
        Ok(BTreeMap::new())
    }

    /// How two references of a table compare over a sample of its rows. Nothing where all of them are of one
    /// district: that says nothing.
    pub(super) async fn compare(
        &self,
        reader: &mut Reader<'_>,
        child: &TableRef,
        one: &Hop,
        other: &Hop,
    ) -> Result<Option<Agreement>, SkillError> {
        let rows = self
            .districts_of(reader, child, (one, other), SAMPLE)
            .await?;
        let different: BTreeSet<&Key> = rows.iter().map(|(_, _, second)| second).collect();
        let same = rows.iter().filter(|(_, first, second)| first == second);
        let agreement = Agreement {
            same: same.count(),
            compared: rows.len(),
        };
        Ok((different.len() > 1).then_some(agreement))
    }

    /// Of a sample of rows in which two references are set and lead to a district each: the value of the first, its
    /// district, and the district of the second.
    pub(super) async fn districts_of(
        &self,
        reader: &mut Reader<'_>,
        child: &TableRef,
        (one, other): (&Hop, &Hop),
        limit: u32,
    ) -> Result<Vec<(Key, Key, Key)>, SkillError> {
        let own = (one.columns.as_slice(), one.inside.as_ref());
        let pairs = pairs(reader, child, own, &other.columns, limit).await?;
        let firsts = pairs.iter().map(|(first, _)| first.clone()).collect();
        let seconds = pairs.iter().map(|(_, second)| second.clone()).collect();
        let firsts = self
            .districts(reader, &one.parent, &one.parent_columns, &firsts)
            .await?;
        let seconds = self
            .districts(reader, &other.parent, &other.parent_columns, &seconds)
            .await?;
        let rows = pairs.into_iter().filter_map(|(first, second)| {
            let of_first = firsts.get(&first)?.clone();
            Some((first, of_first, seconds.get(&second)?.clone()))
        });
        Ok(rows.collect())
    }

    /// What the other references of a table say about one: the first of them, at most three, that say anything.
    /// Declared ones are asked first.
    pub(super) async fn beside(
        &self,
        reader: &mut Reader<'_>,
        child: &TableRef,
        one: &Hop,
    ) -> Result<Vec<(Agreement, &Hop)>, SkillError> {
        const MOST: usize = 3;
        let mut said = Vec::new();
        if !self.depth.contains_key(&one.parent) {
            return Ok(said);
        }
        let is_other = |other: &&&Hop| {
            !other
                .columns
                .iter()
                .any(|column| one.columns.contains(column))
        };
        for other in self.upwards(child).iter().filter(is_other).take(MOST) {
            if let Some(agreement) = self.compare(reader, child, one, other).await? {
                said.push((agreement, *other));
            }
        }
        Ok(said)
    }
}

/// Of a sample of rows: the values of some columns, or what stands inside of them, and of others, where none of them
/// is NULL.
async fn pairs(
    reader: &mut Reader<'_>,
    child: &TableRef,
    (one, inside): (&[String], Option<&Inside>),
    other: &[String],
    limit: u32,
) -> Result<Vec<(Key, Key)>, SkillError> {
    let rows = reader.texts(child, &[one, other].concat(), limit).await?;
    let pairs = rows.into_iter().filter_map(|row| {
        let parts: Option<Vec<Box<str>>> = row.into_iter().collect();
        let mut parts = parts?;
        let second = Key::new(parts.split_off(one.len()));
        let firsts = match (inside, parts.first()) {
            (Some(inside), Some(text)) => {
                let keys = inside.keys(text).unwrap_or_default();
                keys.into_iter().map(Key::of).collect()
            }
            _ => vec![Key::new(parts)],
        };
        Some(firsts.into_iter().map(move |first| (first, second.clone())))
    });
    Ok(pairs.flatten().collect())
}
