//! Rows as far as they are known: their references, what was asked and what has no row. Draws no
//! conclusions.

use std::collections::HashMap;

use redistrict_model::{Key, KeyRow};

use super::fetch::{ClosureError, Fetch, Purpose};
use super::layout::Layout;
use super::pool::KeyPool;

/// No reference, no row, no label.
pub(super) const NONE: u32 = u32::MAX;
const ASKED: u32 = u32::MAX - 1;
const ABSENT: u32 = u32::MAX - 2;

/// Keys in one fetch at most, so that answers can be absorbed and dropped.
const BATCH: usize = 4_096;
/// The same where the rows stream by.
const STREAMED_BATCH: usize = 16_384;

/// Keys of one kind in all fetches of a step: as texts they need far more memory than as numbers.
const WINDOW: usize = 16_384;

/// What is known about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Row(u32),
    Absent,
    NotYet,
}

/// Rows that refer to a key, and what they are asked for.
#[derive(Clone, Copy)]
enum Children {
    Listed,
    Down,
    Passing,
}

/// Rows, keys and open questions.
pub(super) struct Facts {
    pub(super) layout: Layout,
    pub(super) pool: KeyPool,
    /// By target: a row, or what is known instead.
    states: Vec<u32>,
    tables: Vec<u16>,
    /// By row: where its cells begin.
    starts: Vec<u32>,
    cells: Vec<u32>,
    lists: HashMap<(u32, u32), Option<Vec<u32>>>,
    wanted: Vec<u32>,
    wanted_lists: Vec<(u32, u32)>,
    wanted_downs: Vec<(u32, u32)>,
    wanted_passing: Vec<(u32, u32)>,
    /// Keys of one kind in all fetches of a step, at most.
    window: usize,
}

impl Facts {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            pool: KeyPool::default(),
            states: Vec::new(),
            tables: Vec::new(),
            starts: Vec::new(),
            cells: Vec::new(),
            lists: HashMap::new(),
            wanted: Vec::new(),
            wanted_lists: Vec::new(),
            wanted_downs: Vec::new(),
            wanted_passing: Vec::new(),
            window: WINDOW,
        }
    }

    /// At most so many keys of one kind in a step.
    pub(super) fn set_window(&mut self, keys: usize) {
        self.window = keys.max(1);
    }

    pub(super) fn row_count(&self) -> usize {
        self.tables.len()
    }

    pub(super) fn table(&self, row: u32) -> usize {
        self.tables[row as usize] as usize
    }

    /// The target of a key, known or not.
    pub(super) fn target(&mut self, index: u32, key: &Key) -> u32 {
        let target = self
            .pool
            .intern(index, key.parts().iter().map(|part| &**part));
        self.states.resize(self.pool.len(), NONE);
        target
    }

    pub(super) fn known(&self, target: u32) -> Known {
        match self.states[target as usize] {
            NONE | ASKED => Known::NotYet,
            ABSENT => Known::Absent,
            row => Known::Row(row),
        }
    }

    /// The row of a key, asked for if it is not known yet.
    pub(super) fn look_up(&mut self, target: u32) -> Known {
        if self.states[target as usize] == NONE {
            self.states[target as usize] = ASKED;
            self.wanted.push(target);
        }
        self.known(target)
    }

    /// The row's reference over an edge of its table.
    pub(super) fn reference(&self, row: u32, edge: u32) -> Option<u32> {
        let table = self.table(row);
        let own = self.layout.tables[table].indexes.len();
        let position = self.layout.edges[edge as usize].position;
        let cell = self.cells[self.starts[row as usize] as usize + own + position];
        (cell != NONE).then_some(cell)
    }

    /// The row's own key under the index that an edge into its table refers to.
    pub(super) fn own_target(&self, row: u32, edge: u32) -> Option<u32> {
        self.own_target_at(row, self.layout.edges[edge as usize].index_position)
    }

    pub(super) fn own_target_at(&self, row: u32, index_position: usize) -> Option<u32> {
        let cell = self.cells[self.starts[row as usize] as usize + index_position];
        (cell != NONE).then_some(cell)
    }

    /// All keys of the row, under every index of its table.
    pub(super) fn own_targets(&self, row: u32) -> &[u32] {
        let start = self.starts[row as usize] as usize;
        let own = self.layout.tables[self.table(row)].indexes.len();
        &self.cells[start..start + own]
    }

    /// The row's identity, or its locator.
    pub(super) fn identity(&self, row: u32) -> Key {
        self.own_target_at(row, 0)
            .map_or_else(|| Key::new(Vec::<Box<str>>::new()), |id| self.pool.key(id))
    }

    /// The bytes of the parts of the row's identity, or of its locator.
    pub(super) fn identity_parts(&self, row: u32) -> impl Iterator<Item = &[u8]> {
        let id = self.own_target_at(row, 0);
        id.into_iter().flat_map(|id| self.pool.parts(id))
    }

    /// A label as the root's key, its parts in the configured order.
    pub(super) fn district_key(&self, label: u32) -> Key {
        let key = self.pool.key(label);
        let positions = self.layout.root_key.iter();
        Key::new(positions.map(|position| key.parts()[*position].clone()))
    }

    /// All rows that refer to a key over an edge; asked for if they were not listed yet.
    pub(super) fn list(&mut self, edge: u32, target: u32) -> Option<Vec<u32>> {
        match self.lists.get(&(edge, target)) {
            Some(list) => list.clone(),
            None => {
                self.lists.insert((edge, target), None);
                self.wanted_lists.push((edge, target));
                None
            }
        }
    }

    /// Asks for the rows that refer to a key over an edge, as candidates.
    pub(super) fn want_down(&mut self, edge: u32, target: u32) {
        self.wanted_downs.push((edge, target));
    }

    /// Asks for the rows that refer to a key over an edge of a trailing table, to see them pass.
    pub(super) fn want_passing(&mut self, edge: u32, target: u32) {
        self.wanted_passing.push((edge, target));
    }

    /// Something was asked for since the last [`take_fetches`](Self::take_fetches).
    pub(super) fn has_questions(&self) -> bool {
        !self.wanted.is_empty()
            || !self.wanted_lists.is_empty()
            || !self.wanted_downs.is_empty()
            || !self.wanted_passing.is_empty()
    }

    /// What was asked for, grouped by table and columns: so much at once that its keys fit well into memory.
    /// The rest stays asked for.
    pub(super) fn take_fetches(&mut self) -> Vec<Fetch> {
        let mut fetches = Vec::new();
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_by_cached_key(|target| (self.pool.index(*target), *target));
        self.wanted = wanted;
        let wanted = last(&mut self.wanted, self.window);
        for group in wanted.chunk_by(|a, b| self.pool.index(*a) == self.pool.index(*b)) {
            let index = &self.layout.indexes[self.pool.index(group[0]) as usize];
            for targets in group.chunks(BATCH) {
                let purpose = Purpose::Rows {
                    targets: targets.to_vec(),
                };
                fetches.push(self.fetch(index.table, &index.names, targets, purpose));
            }
        }
        for kind in [Children::Listed, Children::Down, Children::Passing] {
            let pairs = match kind {
                Children::Listed => &mut self.wanted_lists,
                Children::Down => &mut self.wanted_downs,
                Children::Passing => &mut self.wanted_passing,
            };
            // Rows that pass are decided by what is known: first all that can be known is.
            if matches!(kind, Children::Passing) && !fetches.is_empty() {
                break;
            }
            pairs.sort_unstable();
            pairs.dedup();
            let pairs = last(pairs, self.window);
            let batch = match kind {
                Children::Listed => BATCH,
                Children::Down | Children::Passing => STREAMED_BATCH,
            };
            for group in pairs.chunk_by(|a, b| a.0 == b.0) {
                for pairs in group.chunks(batch) {
                    fetches.push(self.fetch_children(kind, pairs));
                }
            }
        }
        fetches
    }

    /// Asks for the rows that refer to these targets, all over one edge.
    fn fetch_children(&self, kind: Children, pairs: &[(u32, u32)]) -> Fetch {
        let number = pairs[0].0;
        let edge = &self.layout.edges[number as usize];
        let targets: Vec<u32> = pairs.iter().map(|(_, target)| *target).collect();
        let purpose = match kind {
            Children::Listed => Purpose::List {
                edge: number,
                targets: targets.clone(),
            },
            Children::Down => Purpose::Down,
            Children::Passing => Purpose::Passing { edge: number },
        };
        self.fetch(edge.child, &edge.by, &targets, purpose)
    }

    fn fetch(&self, table: usize, by: &[String], targets: &[u32], purpose: Purpose) -> Fetch {
        let layout = &self.layout.tables[table];
        Fetch {
            table: layout.name.clone(),
            columns: layout.columns.clone(),
            by: by.to_vec(),
            keys: targets
                .iter()
                .map(|target| self.pool.key(*target))
                .collect(),
            purpose,
        }
    }

    /// Takes an answer; gives the rows it holds, known before or not.
    pub(super) fn absorb(
        &mut self,
        fetch: &Fetch,
        answer: &[KeyRow],
    ) -> Result<Vec<u32>, ClosureError> {
        let table =
            self.layout
                .position(&fetch.table)
                .ok_or_else(|| ClosureError::UnknownTable {
                    table: fetch.table.clone(),
                })?;
        let mut rows = Vec::with_capacity(answer.len());
        for row in answer {
            rows.push(self.row(table, row)?);
        }
        match &fetch.purpose {
            Purpose::Down | Purpose::Passing { .. } => {}
            Purpose::Rows { targets } => {
                for target in targets {
                    let state = &mut self.states[*target as usize];
                    if *state == ASKED {
                        *state = ABSENT;
                    }
                }
            }
            Purpose::List { edge, targets } => {
                let mut lists: HashMap<u32, Vec<u32>> = HashMap::new();
                for row in &rows {
                    if let Some(target) = self.reference(*row, *edge) {
                        lists.entry(target).or_default().push(*row);
                    }
                }
                for target in targets {
                    let list = lists.remove(target).unwrap_or_default();
                    self.lists.insert((*edge, *target), Some(list));
                }
            }
        }
        Ok(rows)
    }

    /// Enters a row of a trailing table without its key, to be looked at and taken back before any other
    /// row is entered. Nothing refers to it, so nothing is lost.
    pub(super) fn glance(&mut self, table: usize, answer: &KeyRow) -> Result<u32, ClosureError> {
        self.check_shape(table, answer)?;
        let row = super::layout::number(self.tables.len());
        self.tables.push(small(table));
        self.starts.push(super::layout::number(self.cells.len()));
        self.cells.push(NONE);
        self.add_references(table, answer);
        Ok(row)
    }

    /// Takes back the row that [`glance`](Self::glance) entered last.
    pub(super) fn look_away(&mut self) {
        self.tables.pop();
        if let Some(start) = self.starts.pop() {
            self.cells.truncate(start as usize);
        }
    }

    fn check_shape(&self, table: usize, answer: &KeyRow) -> Result<(), ClosureError> {
        let layout = &self.layout.tables[table];
        let is_complete = answer.values.len() == layout.columns.len()
            && answer.id.parts().len() == self.layout.id_parts(table);
        if is_complete {
            return Ok(());
        }
        Err(ClosureError::WrongAnswer {
            table: layout.name.clone(),
        })
    }

    /// The row of an answer, entered if it is new.
    pub(super) fn row(&mut self, table: usize, answer: &KeyRow) -> Result<u32, ClosureError> {
        self.check_shape(table, answer)?;
        let identity = self.layout.tables[table].indexes[0];
        let id = self.target(identity, &answer.id);
        if let Known::Row(row) = self.known(id) {
            return Ok(row);
        }
        let row = super::layout::number(self.tables.len());
        self.tables.push(small(table));
        self.starts.push(super::layout::number(self.cells.len()));
        self.cells.push(id);
        self.states[id as usize] = row;
        self.add_own_targets(table, row, answer)?;
        self.add_references(table, answer);
        Ok(row)
    }

    fn add_own_targets(
        &mut self,
        table: usize,
        row: u32,
        answer: &KeyRow,
    ) -> Result<(), ClosureError> {
        for position in 1..self.layout.tables[table].indexes.len() {
            let index = self.layout.tables[table].indexes[position];
            let layout = &self.layout.indexes[index as usize];
            let Some(target) = intern(&mut self.pool, index, &layout.columns, answer) else {
                self.cells.push(NONE);
                continue;
            };
            self.states.resize(self.pool.len(), NONE);
            if let Known::Row(_) = self.known(target) {
                return Err(ClosureError::NotUnique {
                    table: self.layout.tables[table].name.clone(),
                    columns: self.layout.indexes[index as usize].names.join(", "),
                });
            }
            self.states[target as usize] = row;
            self.cells.push(target);
        }
        Ok(())
    }

    fn add_references(&mut self, table: usize, answer: &KeyRow) {
        for position in 0..self.layout.tables[table].out.len() {
            let edge = self.layout.tables[table].out[position];
            let edge = &self.layout.edges[edge as usize];
            let holds = edge.when.iter().all(|(column, texts)| {
                let value = answer.values[*column].as_deref();
                value.is_some_and(|value| texts.iter().any(|text| text == value))
            });
            let target = if holds {
                intern(&mut self.pool, edge.index, &edge.columns, answer)
            } else {
                None
            };
            self.states.resize(self.pool.len(), NONE);
            self.cells.push(target.unwrap_or(NONE));
        }
    }
}

/// Takes off the last so many.
fn last<T>(list: &mut Vec<T>, count: usize) -> Vec<T> {
    list.split_off(list.len().saturating_sub(count))
}

/// Tables are below 65,535: [`Layout`] refuses more.
fn small(table: usize) -> u16 {
    u16::try_from(table).unwrap_or(u16::MAX)
}

fn intern(pool: &mut KeyPool, index: u32, columns: &[usize], answer: &KeyRow) -> Option<u32> {
    let values = || {
        columns
            .iter()
            .map(|column| answer.values[*column].as_deref())
    };
    if columns.is_empty() || values().any(|value| value.is_none()) {
        return None;
    }
    Some(pool.intern(index, values().flatten()))
}
