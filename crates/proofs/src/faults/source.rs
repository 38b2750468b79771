//! A store of PROD with an effect point before each reading of it. Reading has no effect on anything:
//! these are the points at which a server of PROD can be away.

use std::sync::Arc;

use async_trait::async_trait;
use redistrict_model::{Catalog, Finding, KeyRow, StoreKind, StoreName, Table, TableRef};
use redistrict_store::{
    BatchStream, Cut, KeyReader, KeyRequest, Probe, RowReader, RowRequest, RowsWhere, SourceCut,
    SourceStore, StoreError, Tally, TallyRequest, Unfit,
};

use super::points::Points;

pub(super) fn wrap(inner: Arc<dyn SourceStore>, points: &Arc<Points>) -> Arc<dyn SourceStore> {
    Arc::new(PointSource {
        inner,
        points: Arc::clone(points),
    })
}

struct PointSource {
    inner: Arc<dyn SourceStore>,
    points: Arc<Points>,
}

#[async_trait]
impl SourceStore for PointSource {
    fn name(&self) -> &StoreName {
        self.inner.name()
    }

    fn kind(&self) -> StoreKind {
        self.inner.kind()
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        self.inner.probe().await
    }

    async fn catalog(&self) -> Result<Catalog, StoreError> {
        self.inner.catalog().await
    }

    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError> {
        let store = self.name().to_string();
        self.points.pass("before", &format!("prod open {store}"));
        Ok(Box::new(PointCut {
            inner: self.inner.open_cut(tables).await?,
            points: Arc::clone(&self.points),
            store,
        }))
    }
}

struct PointCut {
    inner: Box<dyn SourceCut>,
    points: Arc<Points>,
    store: String,
}

impl PointCut {
    fn pass(&self, what: &str) {
        let what = format!("prod {what} {}", self.store);
        self.points.pass("before", &what);
    }
}

#[async_trait]
impl KeyReader for PointCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.pass("keys");
        self.inner.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.inner.count(table).await
    }

    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        self.inner.tally(request).await
    }
}

#[async_trait]
impl RowReader for PointCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.pass("rows");
        self.inner.rows(request).await
    }
}

#[async_trait]
impl SourceCut for PointCut {
    fn cut(&self) -> &Cut {
        self.inner.cut()
    }

    async fn rows_where<'a>(
        &'a mut self,
        request: &'a RowsWhere,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.pass("rows");
        self.inner.rows_where(request).await
    }

    async fn beside(&mut self) -> Result<Option<Box<dyn SourceCut>>, StoreError> {
        self.pass("beside");
        let inner = self.inner.beside().await?;
        Ok(inner.map(|inner| -> Box<dyn SourceCut> {
            Box::new(Self {
                inner,
                points: Arc::clone(&self.points),
                store: self.store.clone(),
            })
        }))
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        self.inner.unfit(request).await
    }

    async fn settle(&mut self) -> Result<Option<Finding>, StoreError> {
        self.pass("settle");
        self.inner.settle().await
    }
}
