//! Where a writer gets its rows from: rows that are held, or the generator.

use std::borrow::Cow;
use std::panic::resume_unwind;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;

use crate::answer_key::{KeyJoin, KeyText};
use crate::estate::TableRows;
use crate::generate::{EstateOptions, generate_table};
use crate::row::{Row, Visitor};
use crate::schema::{StoreId, TableSpec};
use crate::value::Value;

/// The rows to write.
#[derive(Clone, Debug)]
pub enum Rows<'a> {
    /// All in memory.
    Held(Cow<'a, [TableRows]>),
    /// Made while they are written; memory does not grow with their number.
    Generated(EstateOptions),
}

impl<'a> From<&'a [TableRows]> for Rows<'a> {
    fn from(tables: &'a [TableRows]) -> Self {
        Self::Held(Cow::Borrowed(tables))
    }
}

impl From<EstateOptions> for Rows<'_> {
    fn from(options: EstateOptions) -> Self {
        Self::Generated(options)
    }
}

/// Rows that travel together.
pub(crate) type Batch = Vec<Vec<Value>>;

/// Rows of a batch.
const BATCH: usize = 500;
/// Batches that wait for the writer.
const WAITING: usize = 2;

impl Rows<'_> {
    /// Gives each row of a table to `take`, in the order in which it is generated.
    pub(crate) fn each(&self, table: &'static TableSpec, take: &mut dyn FnMut(&[Value])) {
        match self {
            Self::Held(tables) => {
                let of_table = tables.iter().filter(|rows| *rows.table == *table);
                of_table
                    .flat_map(|rows| &rows.rows)
                    .for_each(|row| take(row));
            }
            Self::Generated(options) => {
                let mut values = Values(|values: Vec<Value>| take(&values));
                generate_table(options, table, &mut values);
            }
        }
    }

    /// The same in batches, from a thread of its own.
    pub(crate) fn batches(&self, table: &'static TableSpec) -> BoxStream<'static, Batch> {
        let rows = self.of_table(table);
        let (sender, receiver) = mpsc::channel::<Batch>(WAITING);
        let maker = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::new();
            // Where nobody takes them any more the rest is for nothing, and short.
            let send = |batch| drop(sender.blocking_send(batch));
            rows.each(table, &mut |row| {
                batch.push(row.to_vec());
                if batch.len() == BATCH {
                    send(std::mem::take(&mut batch));
                }
            });
            if !batch.is_empty() {
                send(batch);
            }
        });
        let next = |(mut receiver, maker): (mpsc::Receiver<Batch>, _)| async move {
            if let Some(batch) = receiver.recv().await {
                return Some((batch, (receiver, maker)));
            }
            let made: Result<(), tokio::task::JoinError> = maker.await;
            if let Err(error) = made
                && error.is_panic()
            {
                resume_unwind(error.into_panic());
            }
            None
        };
        stream::unfold((receiver, maker), next).boxed()
    }

    fn of_table(&self, table: &TableSpec) -> Rows<'static> {
        self.only(|rows| *rows.table == *table)
    }

    /// The rows of one store, on their own.
    pub(crate) fn of_store(&self, store: StoreId) -> Rows<'static> {
        self.only(|rows| rows.table.store == store)
    }

    fn only(&self, is_wanted: impl Fn(&TableRows) -> bool) -> Rows<'static> {
        match self {
            Self::Generated(options) => Rows::Generated(*options),
            Self::Held(tables) => {
                let wanted = tables.iter().filter(|rows| is_wanted(rows));
                Rows::Held(Cow::Owned(wanted.cloned().collect()))
            }
        }
    }
}

/// Takes the values of rows only.
struct Values<F>(F);

impl<F: FnMut(Vec<Value>)> Visitor for Values<F> {
    fn row(&mut self, row: Row) {
        (self.0)(row.values);
    }

    fn used(&mut self, _: &'static TableSpec, _: KeyText, _: u32) {}

    fn stub(&mut self, _: &'static TableSpec, _: KeyText, _: u32) {}

    fn join(&mut self, _: KeyJoin) {}
}
