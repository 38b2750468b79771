//! Rows that are asked for by what they refer to, and stream by once.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use redistrict_model::{Key, TableRef};

use crate::error::StoreError;
use crate::source::{BatchStream, KeyRequest, RowRequest, Selector, SourceCut};

/// Keys whose rows are looked up at once where a kind cannot stream them by other columns.
const KEYS_AT_ONCE: usize = 256;
/// The most rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// Asks for rows by any columns. Only for tables with an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsWhere {
    pub table: TableRef,
    /// The columns of the batches, in order. Each must be of a type that moves.
    pub columns: Vec<String>,
    /// The identity columns (see `Table::identity`).
    pub identity: Vec<String>,
    /// The columns that are compared.
    pub by: Vec<String>,
    /// Every key once, with one part per column of `by`. Many rows may match one.
    pub keys: Vec<Key>,
}

/// The rows, by way of their identities: for kinds that stream rows by these only.
pub(crate) fn by_identity<'a, C: SourceCut + ?Sized>(
    cut: &'a mut C,
    request: &'a RowsWhere,
) -> BatchStream<'a> {
    let search = Search {
        cut,
        request,
        asked: 0,
        ids: Vec::new(),
        ready: VecDeque::new(),
    };
    let batches = stream::try_unfold(search, |mut search| async move {
        let batch = search.next().await?;
        Ok(batch.map(|batch| (batch, search)))
    });
    batches.boxed()
}

struct Search<'a, C: SourceCut + ?Sized> {
    cut: &'a mut C,
    request: &'a RowsWhere,
    /// So many keys have been asked for.
    asked: usize,
    /// Rows that were found and not read yet.
    ids: Vec<Key>,
    ready: VecDeque<RecordBatch>,
}

impl<C: SourceCut + ?Sized> Search<'_, C> {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.ids.is_empty() {
                let rest = &self.request.keys[self.asked..];
                let keys = &rest[..rest.len().min(KEYS_AT_ONCE)];
                if keys.is_empty() {
                    return Ok(None);
                }
                self.asked += keys.len();
                self.ids = self.find(keys.to_vec()).await?;
            }
            self.read().await?;
        }
    }

    async fn find(&mut self, keys: Vec<Key>) -> Result<Vec<Key>, StoreError> {
        let request = KeyRequest {
            table: self.request.table.clone(),
            columns: Vec::new(),
            selector: Selector::Matching {
                columns: self.request.by.clone(),
                keys,
            },
        };
        let rows = self.cut.keys(&request).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let at = self.ids.len().saturating_sub(BATCH_ROWS);
        let request = RowRequest {
            table: self.request.table.clone(),
            columns: self.request.columns.clone(),
            identity: self.request.identity.clone(),
            keys: self.ids.split_off(at),
        };
        if request.keys.is_empty() {
            return Ok(());
        }
        let rows = self.cut.rows(&request).await?;
        self.ready.extend(rows.try_collect::<Vec<_>>().await?);
        Ok(())
    }
}
