//! The five databases of one side, of any mix of kinds, and what writes into them.

use std::path::Path;

use crate::error::EstateError;
use crate::estate::Estate;
use crate::rows::Rows;
use crate::schema::{EstateKind, StoreId, StoreKinds};
use crate::{neo4j, postgres, sqlite};

/// Where the stores of one side are. URLs may hold passwords: there is no `Debug`.
#[derive(Clone)]
pub struct Databases {
    kinds: StoreKinds,
    /// In the order of [`StoreId::ALL`].
    urls: [String; 5],
}

impl Databases {
    /// The URL of each store in the order of [`StoreId::ALL`]: `sqlite:PATH`, `postgresql://…`,
    /// `bolt://user:password@host:port`.
    #[must_use]
    pub fn new(kinds: StoreKinds, urls: [String; 5]) -> Self {
        Self { kinds, urls }
    }

    /// The kinds of the stores.
    #[must_use]
    pub fn kinds(&self) -> StoreKinds {
        self.kinds
    }

    /// The URL of a store.
    #[must_use]
    pub fn url(&self, store: StoreId) -> &str {
        &self.urls[store as usize]
    }

    /// Creates all tables and constraints, without rows, in empty databases.
    ///
    /// # Errors
    /// When a database cannot be reached or a table is there already.
    pub async fn write_schema(&self) -> Result<(), EstateError> {
        for store in StoreId::ALL {
            let url = self.url(store);
            match self.kinds.of(store) {
                EstateKind::Sqlite => sqlite::create(path(url), store)?,
                EstateKind::Postgres => postgres::create(url, store).await?,
                EstateKind::Neo4j => {
                    let url = url.to_owned();
                    blocking(move || neo4j::create(&url)).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes rows into tables that exist, store by store: all rows of a relational store or none; a
    /// graph in several transactions.
    ///
    /// # Errors
    /// When a database cannot be reached or a row is refused.
    pub async fn write_rows<'a>(&self, rows: impl Into<Rows<'a>>) -> Result<(), EstateError> {
        let rows = rows.into();
        for store in StoreId::ALL {
            let url = self.url(store);
            match self.kinds.of(store) {
                EstateKind::Sqlite => sqlite::write(path(url), store, &rows)?,
                EstateKind::Postgres => postgres::write(url, store, &rows).await?,
                EstateKind::Neo4j => {
                    let (url, rows) = (url.to_owned(), rows.of_store(store));
                    blocking(move || neo4j::write(&url, &rows)).await?;
                }
            }
        }
        Ok(())
    }

    /// Creates all tables with all rows of the estate in empty databases.
    ///
    /// # Errors
    /// As [`Self::write_schema`] and [`Self::write_rows`].
    pub async fn write_estate(&self, estate: &Estate) -> Result<(), EstateError> {
        self.write_schema().await?;
        self.write_rows(&estate.tables[..]).await
    }

    /// Writes another district as earlier test data and some rows made by hand into tables that exist:
    /// see [`Estate::cert_neighbour_rows`].
    ///
    /// # Errors
    /// Unknown district, or as [`Self::write_rows`].
    pub async fn write_cert_neighbours(
        &self,
        estate: &Estate,
        district: u32,
    ) -> Result<(), EstateError> {
        let rows = estate.cert_neighbour_rows(district)?;
        self.write_rows(&rows[..]).await
    }
}

/// The file of a URL.
fn path(url: &str) -> &Path {
    Path::new(url.strip_prefix("sqlite:").unwrap_or(url))
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EstateError> + Send + 'static,
) -> Result<T, EstateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
