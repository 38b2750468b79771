//! Rows as far as they are known: their references, what was asked and what has no row. Draws no
//! conclusions.

use std::collections::HashMap;

use redistrict_model::{Key, KeyRow};

use super::fetch::{ClosureError, Fetch, Purpose};
use super::growth;
use super::layout::Layout;
use super::pool::KeyPool;

/// No reference, no row, no label.
pub(super) const NONE: u32 = u32::MAX;
const ASKED: u32 = u32::MAX - 1;
const ABSENT: u32 = u32::MAX - 2;
/// Targets of relayed rows begin here.
const RELAYED: u32 = 1 << 31;

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
    /// Keys of rows that were relayed: their targets are told from others by their size.
    relayed: KeyPool,
    /// By table: the row that stands in for its relayed rows. The first rows of all are such.
    stand_ins: HashMap<usize, u32>,
    tables: Vec<u16>,
    /// By row: where its cells begin.
    starts: Vec<u32>,
    cells: Vec<u32>,
    lists: HashMap<(u32, u32), Option<Vec<u32>>>,
    /// Tables of which every row is wanted.
    wanted_whole: Vec<usize>,
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
            relayed: KeyPool::default(),
            stand_ins: HashMap::new(),
            tables: Vec::new(),
            starts: Vec::new(),
            cells: Vec::new(),
            lists: HashMap::new(),
            wanted_whole: Vec::new(),
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
        growth::resize(&mut self.states, self.pool.len(), NONE);
        target
    }

    pub(super) fn known(&self, target: u32) -> Known {
        if is_relayed(target) {
            let index = self.relayed.index(target - RELAYED);
            let table = self.layout.indexes[index as usize].table;
            let row = self.stand_ins.get(&table);
            return row.map_or(Known::NotYet, |row| Known::Row(*row));
        }
        match self.states[target as usize] {
            NONE | ASKED => Known::NotYet,
            ABSENT => Known::Absent,
            row => Known::Row(row),
        }
    }

    /// A row that stands in for all relayed rows of a table; to be called before any row is known.
    pub(super) fn add_stand_in(&mut self, table: usize) -> u32 {
        let row = super::layout::number(self.tables.len());
        growth::push(&mut self.tables, small(table));
        growth::push(&mut self.starts, super::layout::number(self.cells.len()));
        let layout = &self.layout.tables[table];
        let cells = self.cells.len() + layout.indexes.len() + layout.out.len();
        growth::resize(&mut self.cells, cells, NONE);
        self.stand_ins.insert(table, row);
        row
    }

    /// Whether rows of the table are relayed.
    pub(super) fn relays(&self, table: usize) -> bool {
        self.stand_ins.contains_key(&table)
    }

    /// Whether the row stands in for relayed ones.
    pub(super) fn is_stand_in(&self, row: u32) -> bool {
        (row as usize) < self.stand_ins.len()
    }

    /// The target by which references over the edge lead to a relayed row; none if there is none, because of
    /// NULLs.
    pub(super) fn relay(&mut self, edge: u32, answer: &KeyRow) -> Option<u32> {
        let edge = &self.layout.edges[edge as usize];
        let target = if edge.index_position == 0 {
            let parts = answer.id.parts().iter();
            self.relayed.intern(edge.index, parts.map(|part| &**part))
        } else {
            let columns = &self.layout.indexes[edge.index as usize].columns;
            intern(&mut self.relayed, edge.index, columns, answer)?
        };
        Some(RELAYED + target)
    }

    /// Nothing refers to relayed rows any more.
    pub(super) fn forget_relayed(&mut self) {
        self.relayed.clear();
    }

    /// The row of a key, asked for if it is not known yet.
    pub(super) fn look_up(&mut self, target: u32) -> Known {
        if is_relayed(target) {
            return self.known(target);
        }
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

    /// The keys alone.
    pub(super) fn into_pool(self) -> KeyPool {
        self.pool.without_finding()
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
        !self.wanted_whole.is_empty()
            || !self.wanted.is_empty()
            || !self.wanted_lists.is_empty()
            || !self.wanted_downs.is_empty()
            || !self.wanted_passing.is_empty()
    }

    /// Asks for every row of the tables that are copied whole: candidates.
    pub(super) fn ask_for_whole_tables(&mut self) {
        let tables = (0..).zip(&self.layout.tables);
        let whole = tables.filter(|(_, table)| table.is_whole);
        self.wanted_whole = whole.map(|(table, _)| table).collect();
    }

    /// What was asked for, grouped by table and columns: so much at once that its keys fit well into memory.
    /// The rest stays asked for.
    pub(super) fn take_fetches(&mut self) -> Vec<Fetch> {
        let mut fetches = Vec::new();
        for table in std::mem::take(&mut self.wanted_whole) {
            fetches.push(self.fetch(table, &[], &[], Purpose::Down));
        }
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
            keys: targets.iter().map(|target| self.key(*target)).collect(),
            purpose,
        }
    }

    fn key(&self, target: u32) -> Key {
        if is_relayed(target) {
            self.relayed.key(target - RELAYED)
        } else {
            self.pool.key(target)
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

    /// Enters a row that passes without its keys, to be looked at and taken back before any other row is
    /// entered.
    pub(super) fn glance(&mut self, table: usize, answer: &KeyRow) -> Result<u32, ClosureError> {
        self.check_shape(table, answer)?;
        let row = super::layout::number(self.tables.len());
        growth::push(&mut self.tables, small(table));
        growth::push(&mut self.starts, super::layout::number(self.cells.len()));
        let cells = self.cells.len() + self.layout.tables[table].indexes.len();
        growth::resize(&mut self.cells, cells, NONE);
        self.add_references(table, answer, false);
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
        growth::push(&mut self.tables, small(table));
        growth::push(&mut self.starts, super::layout::number(self.cells.len()));
        growth::push(&mut self.cells, id);
        self.states[id as usize] = row;
        self.add_own_targets(table, row, answer)?;
        self.add_references(table, answer, true);
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
                growth::push(&mut self.cells, NONE);
                continue;
            };
            growth::resize(&mut self.states, self.pool.len(), NONE);
            growth::push(&mut self.cells, target);
            match self.known(target) {
                Known::Row(other) if self.is_stand_in(other) => {}
                Known::Row(_) => {
                    return Err(ClosureError::NotUnique {
                        table: self.layout.tables[table].name.clone(),
                        columns: self.layout.indexes[index as usize].names.join(", "),
                    });
                }
                Known::Absent | Known::NotYet => self.states[target as usize] = row,
            }
        }
        Ok(())
    }

    /// `is_held`: the row stays, longer than what was relayed is known.
    fn add_references(&mut self, table: usize, answer: &KeyRow, is_held: bool) {
        for position in 0..self.layout.tables[table].out.len() {
            let edge = self.layout.tables[table].out[position];
            let edge = &self.layout.edges[edge as usize];
            let holds = edge.when.iter().all(|(column, texts)| {
                let value = answer.values[*column].as_deref();
                value.is_some_and(|value| texts.iter().any(|text| text == value))
            });
            let target = holds.then(|| self.add_reference(position, table, answer, is_held));
            growth::push(&mut self.cells, target.flatten().unwrap_or(NONE));
        }
    }

    fn add_reference(
        &mut self,
        position: usize,
        table: usize,
        answer: &KeyRow,
        is_held: bool,
    ) -> Option<u32> {
        let edge = &self.layout.edges[self.layout.tables[table].out[position] as usize];
        let stand_in = self.stand_ins.get(&edge.parent).copied();
        let relayed = stand_in.and_then(|row| {
            let values = values(&edge.columns, answer)?;
            let target = self.relayed.find_key(edge.index, values)?;
            Some((row, RELAYED + target))
        });
        if let (Some((_, target)), false) = (relayed, is_held) {
            return Some(target);
        }
        let target = intern(&mut self.pool, edge.index, &edge.columns, answer);
        growth::resize(&mut self.states, self.pool.len(), NONE);
        if let (Some((row, _)), Some(target)) = (relayed, target) {
            self.states[target as usize] = row;
        }
        target
    }
}

/// Whether the target is a key of a relayed row.
pub(super) fn is_relayed(target: u32) -> bool {
    (RELAYED..ABSENT).contains(&target)
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
    Some(pool.intern(index, values(columns, answer)?))
}

/// The values of these columns; none if one is NULL.
fn values<'a>(columns: &'a [usize], answer: &'a KeyRow) -> Option<impl Iterator<Item = &'a str>> {
    let values = move || {
        let columns = columns.iter();
        columns.map(|column| answer.values[*column].as_deref())
    };
    if columns.is_empty() || values().any(|value| value.is_none()) {
        return None;
    }
    Some(values().flatten())
}
