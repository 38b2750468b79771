//! The plain way: an unmasked binary COPY of a district's rows, one table after another, each in a
//! transaction of its own, with all foreign keys checked. Into empty databases of the same schema.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use anyhow::{Context, Result};
use futures::{SinkExt as _, StreamExt as _};
use redistrict_estate::{EstateKind, StoreId, TABLES, TableSpec, schema_sql};
use redistrict_testkit::postgres::{TestServer, execute, with_client};
use tokio_postgres::Client;

use super::owner_paths::{self, Keys};
use crate::world::Urls;

/// The relational stores.
pub(crate) const STORES: [StoreId; 4] = [StoreId::Ids, StoreId::Hcp1, StoreId::Hcp2, StoreId::Adb];

/// What was copied and how long it took.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub(crate) seconds: f64,
    /// `store.table` to rows.
    pub(crate) rows: BTreeMap<String, u64>,
}

/// Empty databases with the schema of each relational store.
pub(crate) async fn empty_databases(server: &TestServer) -> Result<Vec<String>> {
    let mut urls = Vec::new();
    for store in STORES {
        let url = server.create_database().await;
        let made = execute(&url, schema_sql(EstateKind::Postgres, store)).await;
        made.context("make the tables of an empty database")?;
        urls.push(url);
    }
    Ok(urls)
}

/// Removes them.
pub(crate) async fn drop_databases(server: &TestServer, urls: &[String]) -> Result<()> {
    for url in urls {
        let name = url.rsplit('/').next().unwrap_or_default();
        let drop = format!("drop database {name} with (force)");
        execute(server.url(), &drop)
            .await
            .context("drop a database")?;
    }
    Ok(())
}

/// Copies a district. `targets` are in the order of [`STORES`].
///
/// # Errors
/// A server refused something.
pub(crate) async fn copy(sources: &Urls, targets: &[String], district: u32) -> Result<Copied> {
    let begun = Instant::now();
    let mut rows = BTreeMap::new();
    let ids = &sources[StoreId::Ids as usize];
    for (store, target) in STORES.into_iter().zip(targets) {
        let source = &sources[store as usize];
        let copied = with_client(ids, async |ids| {
            let store = with_client(source, async |from| {
                with_client(target, async |to| {
                    let ends = Ends { ids, from, to };
                    ends.copy(store, district).await
                })
                .await
                .map_or_else(|error| Ok(Err(error)), |rows| Ok(Ok(rows)))
            });
            Ok(store.await.and_then(|rows| rows))
        });
        let of_store = copied.await.and_then(|rows| rows);
        let what = || format!("copy {}", store.as_str());
        rows.extend(of_store.with_context(what)?);
    }
    Ok(Copied {
        seconds: begun.elapsed().as_secs_f64(),
        rows,
    })
}

/// Reads a district and keeps nothing: the least that an extraction can cost.
///
/// # Errors
/// A server refused something.
pub(crate) async fn read(sources: &Urls, district: u32) -> Result<Copied> {
    let begun = Instant::now();
    let mut rows = BTreeMap::new();
    let ids = &sources[StoreId::Ids as usize];
    for store in STORES {
        let source = &sources[store as usize];
        let of_store = with_client(ids, async |ids| {
            let read = with_client(source, async |from| {
                let to = from;
                Ends { ids, from, to }.read(store, district).await
            });
            Ok(read.await)
        });
        let of_store = of_store.await.and_then(|rows| rows);
        rows.extend(of_store.with_context(|| format!("read {}", store.as_str()))?);
    }
    Ok(Copied {
        seconds: begun.elapsed().as_secs_f64(),
        rows,
    })
}

struct Ends<'a> {
    ids: &'a Client,
    from: &'a Client,
    to: &'a Client,
}

type Refused = tokio_postgres::Error;

impl Ends<'_> {
    async fn copy(&self, store: StoreId, district: u32) -> Result<BTreeMap<String, u64>, Refused> {
        for keys in owner_paths::keys(store, district) {
            self.take_over(&keys).await?;
        }
        let mut rows = BTreeMap::new();
        let tables = || TABLES.into_iter().filter(|table| table.store == store);
        for table in tables() {
            let count = self.rows(table, district).await?;
            rows.insert(table.full_name(), count);
        }
        for table in tables() {
            self.late(table, district).await?;
        }
        Ok(rows)
    }

    async fn read(&self, store: StoreId, district: u32) -> Result<BTreeMap<String, u64>, Refused> {
        for keys in owner_paths::keys(store, district) {
            self.take_over(&keys).await?;
        }
        let mut rows = BTreeMap::new();
        for table in TABLES.into_iter().filter(|table| table.store == store) {
            let condition = owner_paths::condition(store, table.name, district);
            let count = match condition {
                Some(condition) => self.drain(table, &condition).await?,
                None => 0,
            };
            rows.insert(table.full_name(), count);
        }
        Ok(rows)
    }

    /// Reads rows to the end; the number of rows.
    async fn drain(&self, table: &TableSpec, condition: &str) -> Result<u64, Refused> {
        let (columns, name) = (table.columns.join(", "), table.name);
        let query = format!("select {columns} from {name} where {condition}");
        let copy = format!("copy ({query}) to stdout (format binary)");
        let mut pieces = pin!(self.from.copy_out(&copy).await?);
        while let Some(piece) = pieces.next().await {
            drop(piece?);
        }
        // The driver does not tell how many rows a COPY gave.
        let count = format!("select count(*) from ({query}) as t");
        let row = self.from.query_one(&count, &[]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    async fn take_over(&self, keys: &Keys) -> Result<(), Refused> {
        let Keys {
            table,
            columns,
            query,
        } = keys;
        let create = format!("create temp table {table} ({columns})");
        self.from.batch_execute(&create).await?;
        pipe((self.ids, query), (self.from, table)).await?;
        self.from.batch_execute(&format!("analyze {table}")).await
    }

    async fn rows(&self, table: &TableSpec, district: u32) -> Result<u64, Refused> {
        let Some(condition) = owner_paths::condition(table.store, table.name, district) else {
            return Ok(0);
        };
        let read = |column: &&str| match table.late {
            Some(late) if late == *column => "null::bigint".to_owned(),
            _ => (*column).to_owned(),
        };
        let read: Vec<String> = table.columns.iter().map(read).collect();
        let query = format!(
            "select {} from {} where {condition}",
            read.join(", "),
            table.name
        );
        let target = format!("{} ({})", table.name, table.columns.join(", "));
        pipe((self.from, &query), (self.to, &target)).await
    }

    /// The column that closes a cycle.
    async fn late(&self, table: &TableSpec, district: u32) -> Result<(), Refused> {
        let condition = owner_paths::condition(table.store, table.name, district);
        let (Some(late), Some(condition), Some(key)) = (table.late, condition, table.key.first())
        else {
            return Ok(());
        };
        let name = table.name;
        let create = format!("create temp table late_{name} (key bigint, value bigint)");
        self.to.batch_execute(&create).await?;
        let query = format!(
            "select {key}::bigint, {late}::bigint from {name} \
             where {late} is not null and ({condition})"
        );
        pipe((self.from, &query), (self.to, &format!("late_{name}"))).await?;
        let update = format!(
            "update {name} set {late} = late.value from late_{name} as late \
             where {name}.{key} = late.key"
        );
        self.to.batch_execute(&update).await
    }
}

/// One COPY into the other; the number of rows.
async fn pipe(from: (&Client, &str), to: (&Client, &str)) -> Result<u64, Refused> {
    let ((from, query), (to, target)) = (from, to);
    let read = format!("copy ({query}) to stdout (format binary)");
    let write = format!("copy {target} from stdin (format binary)");
    let mut rows = pin!(from.copy_out(&read).await?);
    let mut sink = pin!(to.copy_in(&write).await?);
    sink.send_all(&mut rows).await?;
    sink.finish().await
}
