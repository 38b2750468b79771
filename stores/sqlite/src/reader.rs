//! Reading keys and rows over any connection: a cut of PROD, a view of CERT, the open merge. Must not
//! write, and binds every value.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Schema;
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use redistrict_model::{ColumnType, Key, KeyRow, TableRef};
use redistrict_store::{
    BatchStream, KeyReader, KeyRequest, RowReader, RowRequest, Selector, StoreError, Tally,
    TallyRequest, arrow_schema,
};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::connect::Session;
use crate::error::{Context, bad_value, bug};
use crate::names::quote_list;
use crate::tables::{Entry, Lookup, Tables};
use crate::tally;
use crate::telling::Telling;
use crate::values::{ColumnBuilder, key_text};

/// The most rows of a batch, and so the most keys of a statement.
const BATCH_ROWS: usize = 8192;

/// Whether a connection is inside a transaction, has to be, or gets one per request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// One transaction over all requests; without it nothing may be read any more.
    Held,
    /// Each request sees its own state: a view that is held would keep writers out.
    PerRequest,
}

/// Keys and rows of the tables of a catalog.
pub(crate) struct Reader {
    session: Session,
    tables: Tables,
    view: View,
    telling: Option<Telling>,
}

impl Reader {
    pub(crate) fn new(session: Session, tables: Tables, view: View) -> Self {
        Self {
            session,
            tables,
            view,
            telling: None,
        }
    }

    /// With whoever is to be told of the statements: then no row is read.
    pub(crate) fn telling(mut self, telling: Option<Telling>) -> Self {
        self.telling = telling;
        self
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Runs `work` on the connection, inside of the view; `purpose` says what it is for.
    pub(crate) async fn read<T, F>(&self, purpose: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (view, telling) = (self.view, self.telling.clone());
        self.session
            .call(move |connection| {
                if let Some(telling) = telling {
                    telling.purpose(purpose);
                }
                view.within(connection, work)
            })
            .await
    }
}

impl View {
    fn within<T>(
        self,
        connection: &mut Connection,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Held => {
                still_open(connection)?;
                work(connection)
            }
            Self::PerRequest => {
                let transaction = connection.transaction().doing("begin to read")?;
                work(&transaction)
            }
        }
    }
}

/// Some errors of SQLite roll a transaction back on their own; what would be run then, would be run
/// outside of it.
pub(crate) fn still_open(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        let kind = redistrict_store::StoreErrorKind::Transient;
        return Err(StoreError::new(
            kind,
            "go on in a transaction that was rolled back",
        ));
    }
    Ok(())
}

#[async_trait]
impl KeyReader for Reader {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        let entry = self.tables.entry(&request.table)?;
        let request = request.clone();
        let purpose = match &request.selector {
            Selector::All => "the keys of all rows of a table",
            Selector::Sample { .. } => "a sample of a table, to tell what its columns hold",
            Selector::Matching { .. } => "keys of the rows that have one of these keys",
        };
        self.read(purpose, move |connection| {
            read_keys(connection, &entry, &request)
        })
        .await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        let entry = self.tables.entry(table)?;
        self.read("counts the rows of a table", move |connection| {
            let sql = format!("select count(*) from {}", entry.sql_name());
            let rows: i64 = connection
                .query_row(&sql, [], |row| row.get(0))
                .doing_at("count the rows", &entry.table.name)?;
            u64::try_from(rows).map_err(|_| bug("count the rows").at(&entry.table.name))
        })
        .await
    }

    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        let entry = self.tables.entry(&request.table)?;
        let request = request.clone();
        let purpose = "counts the rows by what a column says, to see whether each is covered";
        self.read(purpose, move |connection| {
            tally::tally(connection, &entry, &request)
        })
        .await
    }
}

#[async_trait]
impl RowReader for Reader {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        let entry = self.tables.entry(&request.table)?;
        let plan = Arc::new(RowPlan::new(entry, request)?);
        let reader = &*self;
        let batches = stream::iter(request.keys.chunks(plan.keys_per_batch()))
            .then(move |keys| {
                let (plan, keys) = (Arc::clone(&plan), keys.to_vec());
                let telling = reader.telling.clone();
                let purpose = "the rows of the district with these keys, whole";
                reader.read(purpose, move |connection| match telling {
                    Some(telling) => plan.tell(&telling, &keys),
                    None => plan.read(connection, &keys),
                })
            })
            .filter(|batch| {
                let is_empty = batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0);
                futures::future::ready(!is_empty)
            });
        Ok(batches.boxed())
    }
}

fn variable_limit(connection: &Connection) -> usize {
    let limit = connection.limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER);
    limit
        .ok()
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(999)
}

fn read_keys(
    connection: &Connection,
    entry: &Entry,
    request: &KeyRequest,
) -> Result<Vec<KeyRow>, StoreError> {
    let told_by = entry.told_by()?;
    let mut types = entry.types_that_tell()?;
    types.extend(entry.types(&request.columns)?);
    let output = KeyOutput {
        entry,
        types,
        identity: told_by.len(),
    };
    let columns: Vec<String> = told_by.iter().chain(&request.columns).cloned().collect();
    let selected = quote_list("t.", &columns);
    let table = entry.sql_name();
    let all = format!("select {selected} from {table} as t");
    match &request.selector {
        Selector::All => output.run(connection, &all, Vec::new()),
        Selector::Sample { limit } => {
            let order = quote_list("t.", &told_by);
            let sql = format!("{all} order by {order} limit ?1");
            output.run(connection, &sql, vec![Value::Integer(i64::from(*limit))])
        }
        Selector::Matching { columns, keys } => {
            let lookup = Lookup::by(entry, columns)?;
            let most = variable_limit(connection);
            let mut found = Vec::new();
            for (count, values) in chunks(&lookup, keys, lookup.keys_per_statement(most))? {
                let sql = lookup.select(&selected, &table, count);
                found.extend(output.run(connection, &sql, values)?);
            }
            Ok(found)
        }
    }
}

/// The values to bind, so many keys at a time: each key once, those that can match nothing left out.
pub(crate) fn chunks(
    lookup: &Lookup,
    keys: &[Key],
    size: usize,
) -> Result<Vec<(usize, Vec<Value>)>, StoreError> {
    let mut unique: Vec<&Key> = keys.iter().collect();
    unique.sort_unstable();
    unique.dedup();
    let mut possible = Vec::with_capacity(unique.len());
    for key in unique {
        possible.extend(lookup.values(key)?);
    }
    let chunk = |keys: &[Vec<Value>]| (keys.len(), keys.concat());
    Ok(possible.chunks(size).map(chunk).collect())
}

/// Turns rows into keys: first what tells the row, then the columns that were asked for.
struct KeyOutput<'a> {
    entry: &'a Entry,
    types: Vec<ColumnType>,
    identity: usize,
}

impl KeyOutput<'_> {
    fn run(
        &self,
        connection: &Connection,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let table = &self.entry.table.name;
        let what = "read keys";
        let mut statement = connection.prepare(sql).doing_at(what, table)?;
        let mut rows = statement
            .query(params_from_iter(values))
            .doing_at(what, table)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().doing_at(what, table)? {
            found.push(self.key_row(row)?);
        }
        Ok(found)
    }

    fn key_row(&self, row: &Row<'_>) -> Result<KeyRow, StoreError> {
        let id = key_of(row, self.entry, &self.types[..self.identity])?;
        let values = (self.identity..self.types.len())
            .map(|position| text_at(row, position, self.types[position], self.entry))
            .collect::<Result<_, _>>()?;
        Ok(KeyRow { id, values })
    }
}

/// The key that the first columns of a row are.
pub(crate) fn key_of(
    row: &Row<'_>,
    entry: &Entry,
    types: &[ColumnType],
) -> Result<Key, StoreError> {
    let mut parts = Vec::with_capacity(types.len());
    for (position, column_type) in types.iter().enumerate() {
        let part = text_at(row, position, *column_type, entry)?;
        parts.push(part.ok_or_else(|| {
            bad_value(
                &entry.table.name,
                &column_name(row, position),
                "the key of a row is NULL",
            )
        })?);
    }
    Ok(Key::new(parts))
}

fn text_at(
    row: &Row<'_>,
    position: usize,
    column_type: ColumnType,
    entry: &Entry,
) -> Result<Option<Box<str>>, StoreError> {
    let value = row
        .get_ref(position)
        .doing_at("read a value", &entry.table.name)?;
    key_text(value, column_type)
        .map_err(|why| bad_value(&entry.table.name, &column_name(row, position), why))
}

fn column_name(row: &Row<'_>, position: usize) -> String {
    let name = row.as_ref().column_name(position);
    name.map(str::to_owned).unwrap_or_default()
}

/// How the rows of one request are read.
struct RowPlan {
    entry: Arc<Entry>,
    selected: String,
    lookup: Lookup,
    identity: Vec<ColumnType>,
    columns: Vec<String>,
    types: Vec<ColumnType>,
    schema: Arc<Schema>,
}

impl RowPlan {
    fn new(entry: Arc<Entry>, request: &RowRequest) -> Result<Self, StoreError> {
        let is_keyless = entry.table.identity().is_none() && request.identity.is_empty();
        let (lookup, told_by, identity) = if is_keyless {
            let lookup = Lookup::by_what_tells(&entry)?;
            (lookup, entry.told_by()?, entry.types_that_tell()?)
        } else {
            let columns = &request.identity;
            let lookup = Lookup::by(&entry, columns)?;
            (lookup, columns.clone(), entry.types(columns)?)
        };
        let selected: Vec<String> = told_by.iter().chain(&request.columns).cloned().collect();
        Ok(Self {
            selected: quote_list("t.", &selected),
            lookup,
            identity,
            types: entry.types(&request.columns)?,
            columns: request.columns.clone(),
            schema: arrow_schema(&entry.table, &request.columns),
            entry,
        })
    }

    /// The default limit of bound values is 32,766; a build with less is refused by SQLite.
    fn keys_per_batch(&self) -> usize {
        self.lookup.keys_per_statement(32_000).min(BATCH_ROWS)
    }

    /// The statement for so many keys.
    fn sql(&self, keys: usize) -> String {
        let table = self.entry.sql_name();
        self.lookup.select(&self.selected, &table, keys)
    }

    /// Notes what [`Self::read`] would run; no rows come.
    fn tell(&self, telling: &Telling, keys: &[Key]) -> Result<RecordBatch, StoreError> {
        for (count, _) in chunks(&self.lookup, keys, keys.len().max(1))? {
            telling.note(&self.sql(count));
        }
        Ok(RecordBatch::new_empty(Arc::clone(&self.schema)))
    }

    /// The rows of these keys in the order of their key text.
    fn read(&self, connection: &Connection, keys: &[Key]) -> Result<RecordBatch, StoreError> {
        let table = &self.entry.table.name;
        let what = "read rows";
        let mut ids: Vec<Key> = Vec::with_capacity(keys.len());
        let mut builders: Vec<ColumnBuilder> = self
            .types
            .iter()
            .filter_map(|one| ColumnBuilder::new(*one))
            .collect();
        for (count, values) in chunks(&self.lookup, keys, keys.len().max(1))? {
            let sql = self.sql(count);
            let mut statement = connection.prepare(&sql).doing_at(what, table)?;
            let mut rows = statement
                .query(params_from_iter(values))
                .doing_at(what, table)?;
            while let Some(row) = rows.next().doing_at(what, table)? {
                ids.push(key_of(row, &self.entry, &self.identity)?);
                self.append(row, &mut builders)?;
            }
        }
        if ids.len() > keys.len() {
            return Err(bug("read one row per key: the identity is not unique").at(table));
        }
        self.sorted(&ids, builders)
    }

    fn append(&self, row: &Row<'_>, builders: &mut [ColumnBuilder]) -> Result<(), StoreError> {
        let table = &self.entry.table.name;
        for (position, builder) in builders.iter_mut().enumerate() {
            let value = row
                .get_ref(self.identity.len() + position)
                .doing_at("read a value", table)?;
            builder
                .append(value, self.types[position])
                .map_err(|why| bad_value(table, &self.columns[position], why))?;
        }
        Ok(())
    }

    fn sorted(&self, ids: &[Key], builders: Vec<ColumnBuilder>) -> Result<RecordBatch, StoreError> {
        let rows = u32::try_from(ids.len()).map_err(|_| bug("hold the rows of a batch"))?;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_by(|a, b| ids[*a as usize].cmp(&ids[*b as usize]));
        let columns: Vec<ArrayRef> = builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(ids.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .and_then(|batch| take_record_batch(&batch, &UInt32Array::from(order)))
            .map_err(|_| bug("build a batch of rows").at(&self.entry.table.name))
    }
}
