//! Reading keys and rows in an open transaction: the one reader of sources, of target views and of
//! merges, so that all of them give the same bytes for the same rows.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use redistrict_model::{Key, KeyRow, TableRef};
use redistrict_store::{
    BatchStream, KeyRequest, RowRequest, RowsWhere, Selector, StoreError, StoreErrorKind,
    arrow_schema,
};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CopyOutStream, Row};

use crate::connect::Session;
use crate::copy::Decoder;
use crate::encoding::{beyond_ascii, explained};
use crate::error::{bug, failed_at};
use crate::live::{LiveColumn, LiveTable, LiveTables};
use crate::locator;
use crate::statement::{self, KeyColumn, ReadText, Rows, quoted};
use crate::types::{KeyFit, key_fit};

/// So many keys go into one statement.
const KEYS_PER_STATEMENT: usize = 20_000;

/// The rows that match a key request.
pub(crate) async fn keys<S>(
    session: &Session<S>,
    tables: &LiveTables,
    request: &KeyRequest,
) -> Result<Vec<KeyRow>, StoreError> {
    let table = tables.table(&request.table)?;
    let identity = table.identity()?;
    let columns = table.columns(&request.columns)?;
    let mut found = Vec::new();
    let reading = Reading {
        session,
        table: &request.table,
        id: identity.len().max(1),
        is_located: identity.is_empty(),
        columns: identity.iter().chain(&columns).copied().collect(),
    };
    match &request.selector {
        Selector::All => {
            let text = statement::key_text(table, &identity, &columns, &Rows::All);
            reading.collect(&text, &[], &mut found).await?;
        }
        Selector::Sample { limit } => {
            let text = statement::key_text(table, &identity, &columns, &Rows::Sample);
            let limit = i64::from(*limit);
            reading
                .collect(&text, &[(&limit, Type::INT8)], &mut found)
                .await?;
        }
        Selector::Matching { columns: by, keys } => {
            let by = table.columns(by)?;
            for chunk in keys.chunks(KEYS_PER_STATEMENT) {
                let bound = BoundKeys::look_up(session, &by, chunk).await;
                let Some(bound) = bound.map_err(|error| error.at(&request.table))? else {
                    continue;
                };
                let rows = Rows::Matching(&bound.columns);
                let text = statement::key_text(table, &identity, &columns, &rows);
                reading
                    .collect(&text, &bound.parameters(), &mut found)
                    .await?;
            }
        }
    }
    Ok(found)
}

/// The exact number of rows.
pub(crate) async fn count<S>(
    session: &Session<S>,
    tables: &LiveTables,
    name: &TableRef,
) -> Result<u64, StoreError> {
    let text = statement::count_text(tables.table(name)?);
    counted(session, name, &text, &[]).await
}

/// The exact number of rows in which these columns have one of these values.
pub(crate) async fn count_matching<S>(
    session: &Session<S>,
    tables: &LiveTables,
    name: &TableRef,
    columns: &[String],
    keys: &[Key],
) -> Result<u64, StoreError> {
    let table = tables.table(name)?;
    let by = table.columns(columns)?;
    let mut rows = 0;
    for chunk in keys.chunks(KEYS_PER_STATEMENT) {
        let bound = BoundKeys::look_up(session, &by, chunk).await;
        let Some(bound) = bound.map_err(|error| error.at(name))? else {
            continue;
        };
        let text = statement::count_matching_text(table, &bound.columns);
        rows += counted(session, name, &text, &bound.parameters()).await?;
    }
    Ok(rows)
}

async fn counted<S>(
    session: &Session<S>,
    name: &TableRef,
    text: &ReadText,
    parameters: statement::Parameters<'_>,
) -> Result<u64, StoreError> {
    let rows = session
        .read(text, parameters)
        .await
        .map_err(|error| failed_at("count rows", name, &error))?;
    let count = rows.first().map(|row| row.get::<_, i64>(0));
    count
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| bug("count rows").at(name))
}

/// Streams whole rows. The stream holds the session until it is dropped.
pub(crate) fn rows<'a, S>(
    session: &'a Session<S>,
    tables: &'a LiveTables,
    request: &'a RowRequest,
) -> Result<BatchStream<'a>, StoreError> {
    let table = tables.table(&request.table)?;
    let columns = table.columns(&request.columns)?;
    let chunks = chunks(table, request)?;
    stream_rows(session, table, columns, &request.columns, chunks, true)
}

/// Streams rows by any columns, as they come. The stream holds the session until it is dropped.
pub(crate) fn rows_where<'a, S>(
    session: &'a Session<S>,
    tables: &'a LiveTables,
    request: &'a RowsWhere,
) -> Result<BatchStream<'a>, StoreError> {
    let table = tables.table(&request.table)?;
    let columns = table.columns(&request.columns)?;
    let by = table.columns(&request.by)?;
    let chunks = request.keys.chunks(KEYS_PER_STATEMENT);
    let chunks = chunks.map(|keys| Chunk::Keys {
        identity: by.clone(),
        keys,
    });
    let chunks = chunks.collect();
    stream_rows(session, table, columns, &request.columns, chunks, false)
}

fn stream_rows<'a, S>(
    session: &'a Session<S>,
    table: &'a LiveTable,
    columns: Vec<&'a LiveColumn>,
    names: &[String],
    chunks: Vec<Chunk<'a>>,
    is_ordered: bool,
) -> Result<BatchStream<'a>, StoreError> {
    let schema = arrow_schema(&table.entry, names);
    if schema.fields().len() != columns.len() {
        return Err(bug("read columns of a type that does not move").at(&table.entry.name));
    }
    let reading = RowReading {
        session,
        table,
        columns,
        chunks: chunks.into_iter(),
        is_ordered,
        partitions: None,
        copy: None,
        decoder: Decoder::new(&table.entry.name, &schema)?,
    };
    let batches = stream::try_unfold(reading, |mut reading| async move {
        let batch = reading.next().await?;
        Ok(batch.map(|batch| (batch, reading)))
    });
    Ok(batches.boxed())
}

/// What one statement reads.
enum Chunk<'a> {
    Keys {
        identity: Vec<&'a LiveColumn>,
        keys: &'a [Key],
    },
    /// Places in one relation.
    Places { relation: u32, places: Vec<&'a str> },
}

/// Locators go relation by relation, in the order of their text: `relation` is what the text begins with.
fn chunks<'a>(table: &'a LiveTable, request: &'a RowRequest) -> Result<Vec<Chunk<'a>>, StoreError> {
    let identity = table.columns(&request.identity)?;
    let keys = request.keys.chunks(KEYS_PER_STATEMENT);
    if !identity.is_empty() {
        let chunk = |keys| Chunk::Keys {
            identity: identity.clone(),
            keys,
        };
        return Ok(keys.map(chunk).collect());
    }
    if table.entry.identity().is_some() {
        return Err(bug("read rows by locators: the table has a key").at(&request.table));
    }
    let mut chunks = Vec::new();
    for keys in keys {
        let places = locator::places(keys);
        let places = places.ok_or_else(|| bug("read a locator").at(&request.table))?;
        let mut places: Vec<(u32, Vec<&str>)> = places.into_iter().collect();
        places.sort_by_key(|(relation, _)| relation.to_string());
        chunks.extend(
            (places.into_iter()).map(|(relation, places)| Chunk::Places { relation, places }),
        );
    }
    Ok(chunks)
}

/// Keys of one statement, split into columns: arrays of canonical text to bind.
pub(crate) struct BoundKeys<'a> {
    pub(crate) columns: Vec<KeyColumn<'a>>,
    pub(crate) arrays: Vec<Vec<&'a str>>,
}

impl<'a> BoundKeys<'a> {
    /// None if no key can be a value of the columns in the session's database.
    pub(crate) async fn look_up<S>(
        session: &Session<S>,
        columns: &[&'a LiveColumn],
        keys: &'a [Key],
    ) -> Result<Option<Self>, StoreError> {
        Self::new(columns, keys, &session.lacks_of(keys).await?)
    }

    /// `lacking` are characters that no value has.
    fn new(
        columns: &[&'a LiveColumn],
        keys: &'a [Key],
        lacking: &BTreeSet<char>,
    ) -> Result<Option<Self>, StoreError> {
        let mut arrays: Vec<Vec<&'a str>> = vec![Vec::with_capacity(keys.len()); columns.len()];
        let mut is_cast = vec![true; columns.len()];
        for key in keys {
            if key.parts().len() != columns.len() || columns.is_empty() {
                return Err(bug("read by keys of another number of parts"));
            }
            let fits: Vec<KeyFit> = columns
                .iter()
                .zip(key.parts())
                .map(|(column, part)| key_fit(part, column.column_type, &column.labels))
                .collect();
            let lacks = |part: &str| beyond_ascii(part).any(|one| lacking.contains(&one));
            if fits.contains(&KeyFit::Never) || key.parts().iter().any(|part| lacks(part)) {
                continue;
            }
            for (place, (fit, part)) in fits.into_iter().zip(key.parts()).enumerate() {
                is_cast[place] &= fit == KeyFit::Castable;
                arrays[place].push(part);
            }
        }
        if arrays.first().is_none_or(Vec::is_empty) {
            return Ok(None);
        }
        let columns = columns
            .iter()
            .zip(is_cast)
            .map(|(column, is_cast)| KeyColumn { column, is_cast })
            .collect();
        Ok(Some(Self { columns, arrays }))
    }

    /// One array parameter per column.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.arrays
            .iter()
            .map(|array| (array as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
            .collect()
    }
}

struct Reading<'a, S> {
    session: &'a Session<S>,
    table: &'a TableRef,
    /// The number of parts of the identity, or 1 for the locator; they come first.
    id: usize,
    is_located: bool,
    /// All that is read.
    columns: Vec<&'a LiveColumn>,
}

impl<S> Reading<'_, S> {
    async fn collect(
        &self,
        text: &ReadText,
        parameters: statement::Parameters<'_>,
        found: &mut Vec<KeyRow>,
    ) -> Result<(), StoreError> {
        let failed = |error: tokio_postgres::Error| {
            let no_place = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
            if self.is_located && error.code() == Some(&no_place) {
                return self.nowhere();
            }
            explained(failed_at("read keys", self.table, &error), &self.columns)
        };
        let stream = self
            .session
            .read_stream(text, parameters)
            .await
            .map_err(failed)?;
        let mut stream = std::pin::pin!(stream);
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            found.push(self.key_row(&row)?);
        }
        Ok(())
    }

    /// Rows of foreign tables need not have a place.
    fn nowhere(&self) -> StoreError {
        let what = "tell rows apart: there is no key, and some lie in a foreign table";
        StoreError::new(StoreErrorKind::Config, what)
            .at(self.table)
            .with_hint("exclude the table, or give it a key")
    }

    fn key_row(&self, row: &Row) -> Result<KeyRow, StoreError> {
        let refused = |error| failed_at("read a key", self.table, &error);
        let mut id = Vec::with_capacity(self.id);
        for place in 0..self.id {
            let part: &str = row.try_get(place).map_err(refused)?;
            if self.is_located && !locator::is_somewhere(part) {
                return Err(self.nowhere());
            }
            id.push(part);
        }
        let mut values = Vec::with_capacity(row.len() - self.id);
        for place in self.id..row.len() {
            let value: Option<&str> = row.try_get(place).map_err(refused)?;
            values.push(value.map(Into::into));
        }
        Ok(KeyRow {
            id: Key::new(id),
            values,
        })
    }
}

struct RowReading<'a, S> {
    session: &'a Session<S>,
    table: &'a LiveTable,
    columns: Vec<&'a LiveColumn>,
    chunks: std::vec::IntoIter<Chunk<'a>>,
    is_ordered: bool,
    /// The partitions that can be read on their own, by oid; looked up at the first locator.
    partitions: Option<HashMap<u32, String>>,
    copy: Option<Pin<Box<CopyOutStream>>>,
    decoder: Decoder,
}

impl<'a, S> RowReading<'a, S> {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if let Some(batch) = self.decoder.next_batch()? {
                return Ok(Some(batch));
            }
            match &mut self.copy {
                Some(copy) => match copy.next().await {
                    Some(Ok(chunk)) => self.decoder.push(&chunk),
                    Some(Err(error)) => return Err(self.failed(&error)),
                    None => {
                        self.copy = None;
                        self.decoder.end_stream()?;
                    }
                },
                None => match self.chunks.next() {
                    Some(Chunk::Keys { identity, keys }) => self.open(&identity, keys).await?,
                    Some(Chunk::Places { relation, places }) => {
                        self.open_places(relation, &places).await?;
                    }
                    None => return self.decoder.rest(),
                },
            }
        }
    }

    /// Reads rows by the values of their identity.
    async fn open(
        &mut self,
        identity: &[&'a LiveColumn],
        keys: &'a [Key],
    ) -> Result<(), StoreError> {
        let bound = BoundKeys::look_up(self.session, identity, keys).await;
        let Some(bound) = bound.map_err(|error| error.at(&self.table.entry.name))? else {
            return Ok(());
        };
        let literals: Vec<String> = bound
            .arrays
            .iter()
            .map(|array| statement::array_literal(array.iter().copied()))
            .collect();
        let text = statement::copy_text(self.table, &self.columns, &bound.columns, self.is_ordered);
        self.start(&literals, &text).await
    }

    /// Reads rows by their places. A partition is read on its own where the role may do that; by way of
    /// its parent, the same places are looked at in every partition.
    async fn open_places(&mut self, relation: u32, places: &[&str]) -> Result<(), StoreError> {
        let partition = self.partition(relation).await?;
        let from = partition.unwrap_or_else(|| self.table.relation());
        let literals = [
            statement::array_literal(places.iter().copied()),
            relation.to_string(),
        ];
        let text = statement::located_copy_text(&from, &self.columns);
        self.start(&literals, &text).await
    }

    async fn partition(&mut self, relation: u32) -> Result<Option<String>, StoreError> {
        if !self.table.is_partitioned() {
            return Ok(None);
        }
        if self.partitions.is_none() {
            self.partitions = Some(self.look_up_partitions(relation).await?);
        }
        let known = self.partitions.as_ref();
        Ok(known.and_then(|known| known.get(&relation).cloned()))
    }

    /// The partitions of this request that can be read on their own.
    async fn look_up_partitions(&self, first: u32) -> Result<HashMap<u32, String>, StoreError> {
        let later = self
            .chunks
            .as_slice()
            .iter()
            .filter_map(|chunk| match chunk {
                Chunk::Places { relation, .. } => Some(*relation),
                Chunk::Keys { .. } => None,
            });
        let asked: BTreeSet<u32> = std::iter::once(first).chain(later).collect();
        let asked: Vec<u32> = asked.into_iter().collect();
        let name = &self.table.entry.name;
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&name.schema, Type::TEXT),
            (&name.table, Type::TEXT),
            (&asked, Type::OID_ARRAY),
        ];
        let rows = self.session.read(&statement::PARTITIONS, &parameters).await;
        let rows = rows.map_err(|error| self.failed(&error))?;
        let partition = |row: &Row| {
            let (schema, table): (&str, &str) = (row.get("schema_name"), row.get("table_name"));
            let relation = format!("only {}.{}", quoted(schema), quoted(table));
            (row.get("oid"), relation)
        };
        Ok(rows.iter().map(partition).collect())
    }

    /// Binds texts to settings, then starts the COPY with its constant text.
    async fn start(&mut self, literals: &[String], text: &ReadText) -> Result<(), StoreError> {
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> = literals
            .iter()
            .map(|literal| (literal as &(dyn ToSql + Sync), Type::TEXT))
            .collect();
        let settings = statement::settings_text(literals.len());
        self.session
            .read(&settings, &parameters)
            .await
            .map_err(|error| self.failed(&error))?;
        let copy = self
            .session
            .copy_out(text)
            .await
            .map_err(|error| self.failed(&error))?;
        self.copy = copy.map(Box::pin);
        Ok(())
    }

    fn failed(&self, error: &tokio_postgres::Error) -> StoreError {
        let failed = failed_at("read rows", &self.table.entry.name, error);
        explained(failed, &self.columns)
    }
}

/// Looks up the tables of an open transaction, ready for requests.
pub(crate) async fn look_up<S>(
    session: &Session<S>,
    tables: &[redistrict_model::Table],
) -> Result<Arc<LiveTables>, StoreError> {
    LiveTables::look_up(session, tables).await.map(Arc::new)
}
