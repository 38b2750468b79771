//! A read-only view of a target, for preflight and forecasts: the reader of sources on CERT.

use std::sync::Arc;

use async_trait::async_trait;
use redistrict_model::{KeyRow, Table, TableRef};
use redistrict_store::{BatchStream, KeyReader, KeyRequest, RowReader, RowRequest, StoreError};

use crate::connect::{Session, Target};
use crate::error::failed;
use crate::live::LiveTables;
use crate::{reader, statement};

/// One repeatable-read, read-only transaction.
pub(super) struct View {
    session: Session<Target>,
    tables: Arc<LiveTables>,
}

impl View {
    pub(super) async fn open(
        session: Session<Target>,
        tables: &[Table],
    ) -> Result<Self, StoreError> {
        session
            .read(&statement::BEGIN_READING, &[])
            .await
            .map_err(|error| failed("begin a read-only transaction", &error))?;
        let tables = reader::look_up(&session, tables).await?;
        Ok(Self { session, tables })
    }
}

#[async_trait]
impl KeyReader for View {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        reader::keys(&self.session, &self.tables, request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        reader::count(&self.session, &self.tables, table).await
    }
}

#[async_trait]
impl RowReader for View {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        reader::rows(&self.session, &self.tables, request)
    }
}
