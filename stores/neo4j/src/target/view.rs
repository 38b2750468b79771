//! A read-only view of the target: each request sees what is committed when it begins.

use async_trait::async_trait;
use redistrict_model::{KeyRow, Table, TableRef};
use redistrict_store::{BatchStream, KeyReader, KeyRequest, RowReader, RowRequest, StoreError};

use super::READ_TIMEOUT;
use crate::bolt::{Access, Begin, Bolt, Transaction};
use crate::error::Context as _;
use crate::live::{LiveTables, Side};
use crate::reader;

/// A session whose transactions the server lets read only.
pub(super) struct View {
    bolt: Bolt,
    tables: LiveTables,
    /// The transaction of the last request, which its stream may still hold.
    transaction: Option<Transaction>,
}

impl View {
    /// Prepares the tables that requests may name.
    pub(super) async fn open(bolt: Bolt, tables: &[Table]) -> Result<Self, StoreError> {
        let mut transaction = begin(&bolt).await?;
        let tables = LiveTables::look_up(&mut transaction, tables, Side::Target).await?;
        Ok(Self {
            bolt,
            tables,
            transaction: Some(transaction),
        })
    }

    /// Ends the transaction of the request before, then begins one: a session has one at a time.
    async fn next(&mut self) -> Result<(&mut Transaction, &LiveTables), StoreError> {
        self.transaction = None;
        let transaction = self.transaction.insert(begin(&self.bolt).await?);
        Ok((transaction, &self.tables))
    }
}

async fn begin(bolt: &Bolt) -> Result<Transaction, StoreError> {
    let begin = Begin::new(Access::Read, READ_TIMEOUT);
    bolt.begin(begin).await.doing("begin to read a graph")
}

#[async_trait]
impl KeyReader for View {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        let (transaction, tables) = self.next().await?;
        reader::keys(transaction, tables, request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        let (transaction, tables) = self.next().await?;
        reader::count(transaction, tables, table).await
    }
}

#[async_trait]
impl RowReader for View {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        let (transaction, tables) = self.next().await?;
        reader::rows(transaction, tables, request)
    }
}
