//! The files of the tables while they are written, by several writers at once: a writer takes an open part
//! of its table or begins one, and gives it back. Few stay open, so that neither memory nor open files grow
//! with the number of tables.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redistrict_artifact::{ArtifactError, PartEntry, TableWriter};

/// Rows per file.
const ROWS_PER_PART: u64 = 200_000;
/// Parts that stay open while nobody writes them.
const OPEN_PARTS: usize = 8;

/// The parts of all tables, told by the tables' places in the plan.
pub(crate) struct Parts(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order in which they were given back.
    open: VecDeque<(usize, TableWriter)>,
    tables: Vec<TableParts>,
}

#[derive(Clone, Default)]
struct TableParts {
    /// Parts that were begun.
    begun: u32,
    rows: u64,
    done: Vec<PartEntry>,
}

/// A part to write, and what it was taken for.
pub(crate) enum Taken {
    /// It was open.
    Open(Box<TableWriter>),
    /// A new one is to be begun, with this number.
    New(u32),
}

impl Parts {
    /// Of so many tables.
    pub(crate) fn new(tables: usize) -> Self {
        Self(Mutex::new(State {
            open: VecDeque::new(),
            tables: vec![TableParts::default(); tables],
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of that table to go on with.
    pub(crate) fn take(&self, table: usize) -> Taken {
        let mut state = self.state();
        let open = state.open.iter().position(|(of, _)| *of == table);
        if let Some((_, writer)) = open.and_then(|at| state.open.remove(at)) {
            return Taken::Open(Box::new(writer));
        }
        let number = state.tables[table].begun;
        state.tables[table].begun += 1;
        Taken::New(number)
    }

    /// Gives a part back to which so many rows were added; says how many rows the table has now. A full part
    /// is ended, and where too many are open, the one that was not written for longest.
    ///
    /// # Errors
    /// A part cannot be ended.
    pub(crate) fn give_back(
        &self,
        table: usize,
        writer: TableWriter,
        added: u64,
    ) -> Result<u64, ArtifactError> {
        let (over, rows) = {
            let mut state = self.state();
            state.tables[table].rows += added;
            let rows = state.tables[table].rows;
            let over = if writer.rows() >= ROWS_PER_PART {
                Some((table, writer))
            } else {
                state.open.push_back((table, writer));
                let is_over = state.open.len() > OPEN_PARTS;
                is_over.then(|| state.open.pop_front()).flatten()
            };
            (over, rows)
        };
        if let Some((table, writer)) = over {
            let done = writer.finish()?;
            self.state().tables[table].done.push(done);
        }
        Ok(rows)
    }

    /// Ends all parts; for each table its rows and its files in the order of their numbers.
    ///
    /// # Errors
    /// A part cannot be ended.
    pub(crate) fn finish(&self) -> Result<Vec<(u64, Vec<PartEntry>)>, ArtifactError> {
        let mut state = std::mem::take(&mut *self.state());
        for (table, writer) in state.open {
            let done = writer.finish()?;
            state.tables[table].done.push(done);
        }
        let sorted = |mut table: TableParts| {
            table.done.sort_by(|a, b| a.file.cmp(&b.file));
            (table.rows, table.done)
        };
        Ok(state.tables.into_iter().map(sorted).collect())
    }
}
