//! A target in memory that honours the contract of `TargetStore`: the stand-in for a server. Shares no
//! code with the stores or the skill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use redistrict_model::{
    Catalog, Column, ColumnType, Finding, Key, KeyRow, RunId, StoreKind, StoreName, Table, TableRef,
};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, Decision, Enrolment, Epoch, Fingerprint,
    FiresAnyway, KeyReader, KeyRequest, Lease, LeaseClaim, LeaseOutcome, LeaseStanding, Ledger,
    LedgerEntry, Merge, Owner, PrepareOutcome, PreparedId, Preparing, RaisedSequence, RowReader,
    RowRequest, RunRecord, RunState, Selector, StagePart, Staged, StoreError, StoreErrorKind,
    TableSize, TargetCapabilities, TargetRead, TargetStore, Traces, arrow_field, arrow_schema,
    column_type, staged_key,
};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl Cell {
    fn text(&self) -> Option<Box<str>> {
        match self {
            Self::Null => None,
            Self::Int(number) => Some(number.to_string().into()),
            Self::Text(text) => Some(text.as_str().into()),
        }
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

pub(crate) type Row = BTreeMap<String, Cell>;
/// All rows of all tables, the thing that an undo has to bring back.
pub(crate) type Data = BTreeMap<TableRef, BTreeMap<Key, Row>>;

#[derive(Clone, Debug, Default)]
struct Staging {
    columns: Vec<String>,
    parts: BTreeMap<u32, u64>,
    rows: BTreeMap<Key, (Action2, Row)>,
}

type Action2 = &'static str;

/// What the server holds; it survives its clients.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Tables and columns are what the rows have; `tables` only says which keys there are.
    pub(crate) is_open: bool,
    /// So many rows can be written at once.
    pub(crate) room: Option<u64>,
    /// Numbers the rows of keyless tables, whose keys in `data` are locators.
    locators: u64,
    pub(crate) stores: Vec<StoreName>,
    pub(crate) tables: BTreeMap<TableRef, Table>,
    pub(crate) data: Data,
    pub(crate) enrolments: BTreeMap<StoreName, Enrolment>,
    pub(crate) runs: Vec<RunRecord>,
    ledger: Vec<LedgerEntry>,
    staging: BTreeMap<(RunId, TableRef), Staging>,
    /// So many commits can be prepared at once; none at all where there is none.
    pub(crate) places: Option<u32>,
    /// What is written here cannot be prepared, which turns out when it is tried.
    pub(crate) notifies: bool,
    /// The database as it is once this is committed.
    pub(crate) prepared: Option<(PreparedId, Box<Self>)>,
    pub(crate) epoch: i64,
    pub(crate) holder: Option<RunId>,
    pub(crate) owner: Option<Owner>,
    /// How often the holder said that it lives.
    pub(crate) beats: u64,
    /// So many values of the sequence were given; the writes into tables raise it to the keys.
    pub(crate) sequence: i64,
    /// What stands against writing.
    pub(crate) obstacle: Option<Finding>,
    /// A trigger: this column of this table gets this value whenever a row is written.
    pub(crate) trigger: Option<(TableRef, String, Cell)>,
    /// Tables whose triggers the open transaction has switched off.
    silenced: BTreeSet<TableRef>,
    /// Why triggers cannot be switched off.
    pub(crate) fires_anyway: Option<String>,
    /// The writing calls that were made.
    pub(crate) writes: u64,
}

/// A client of a database.
#[derive(Clone)]
pub(crate) struct MemoryTarget {
    pub(crate) database: Arc<Mutex<Database>>,
    stores: Vec<StoreName>,
}

fn fail<T>(kind: StoreErrorKind, what: &str, table: &TableRef) -> Result<T, StoreError> {
    Err(StoreError::new(kind, what).at(table))
}

impl Database {
    pub(crate) fn new(tables: Vec<Table>, stores: &[&str]) -> Self {
        let stores: Vec<StoreName> = stores.iter().map(|name| StoreName::new(*name)).collect();
        let enrolments = stores.iter().map(|store| {
            let mark = Enrolment {
                uuid: format!("uuid-{store}"),
                name: "cert".into(),
                at: "2026-01-01T00:00:00Z".into(),
                fingerprint: fingerprint(store),
            };
            (store.clone(), mark)
        });
        Self {
            is_open: false,
            room: None,
            locators: 0,
            enrolments: enrolments.collect(),
            data: tables
                .iter()
                .map(|table| (table.name.clone(), BTreeMap::new()))
                .collect(),
            tables: tables
                .into_iter()
                .map(|table| (table.name.clone(), table))
                .collect(),
            stores,
            runs: Vec::new(),
            ledger: Vec::new(),
            staging: BTreeMap::new(),
            places: None,
            notifies: false,
            prepared: None,
            epoch: 0,
            holder: None,
            owner: None,
            beats: 0,
            sequence: 0,
            obstacle: None,
            trigger: None,
            silenced: BTreeSet::new(),
            fires_anyway: None,
            writes: 0,
        }
    }

    /// Puts a row in, as a person would.
    pub(crate) fn put(&mut self, table: &TableRef, row: Row) {
        let key = self.key(table, &row);
        self.data.get_mut(table).unwrap().insert(key, row);
    }

    /// The entries of the ledger in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let words = self.ledger.iter().map(|entry| {
            let keys: Vec<String> = entry.keys.iter().map(|key| key.parts().join("/")).collect();
            let (run, table) = (&entry.run, &entry.table.table);
            format!(
                "{run} {} {table} {}",
                entry.operation.as_str(),
                keys.join(" ")
            )
        });
        words.collect()
    }

    pub(crate) fn has_leftovers(&self) -> bool {
        !self.staging.is_empty() || self.holder.is_some() || self.prepared.is_some()
    }

    /// Takes over what a transaction has written.
    fn take(&mut self, work: Self) {
        self.locators = work.locators;
        self.data = work.data;
        self.ledger = work.ledger;
        self.runs = work.runs;
    }

    /// What a row is told by; a new locator where the table is keyless.
    fn key(&mut self, table: &TableRef, row: &Row) -> Key {
        let Some(identity) = self.tables[table].identity() else {
            self.locators += 1;
            return Key::of(format!("row {}", self.locators));
        };
        Key::new(identity.iter().map(|name| row[name].text().unwrap()))
    }

    fn is_keyless(&self, table: &TableRef) -> bool {
        self.tables[table].identity().is_none()
    }

    /// The data as it is compared: keyless rows numbered in their own order, and what a graph does not have
    /// left out.
    pub(crate) fn canonical(&self) -> Data {
        let mut data = self.data.clone();
        for (table, rows) in &mut data {
            if self.is_open {
                rows.values_mut()
                    .for_each(|row| row.retain(|_, cell| *cell != Cell::Null));
            }
            if self
                .tables
                .get(table)
                .is_none_or(|one| one.identity().is_none())
            {
                let mut sorted: Vec<Row> = std::mem::take(rows).into_values().collect();
                sorted.sort();
                let numbered = sorted.into_iter().enumerate();
                *rows = numbered
                    .map(|(at, row)| (Key::of(format!("{at:05}")), row))
                    .collect();
            }
        }
        if self.is_open {
            data.retain(|_, rows| !rows.is_empty());
        }
        data
    }

    /// The tables as the rows make them, with the keys that were declared.
    fn open_catalog(&self) -> Vec<Table> {
        let names: BTreeSet<&TableRef> = self.tables.keys().chain(self.data.keys()).collect();
        let tables = names.into_iter().filter_map(|name| {
            let rows = self.data.get(name);
            let mut table = self.tables.get(name).cloned().unwrap_or_else(|| Table {
                columns: Vec::new(),
                foreign_keys: Vec::new(),
                ..crate::world::table(&format!("{}.{}", name.store, name.table), &[], &[])
            });
            if table.primary_key.as_ref().is_some_and(Vec::is_empty) {
                table.primary_key = None;
            }
            let mut types: BTreeMap<&String, BTreeSet<&'static str>> = BTreeMap::new();
            for (column, cell) in rows.into_iter().flat_map(BTreeMap::values).flatten() {
                let kind = match cell {
                    Cell::Null => continue,
                    Cell::Int(_) => "int",
                    Cell::Text(_) => "text",
                };
                types.entry(column).or_default().insert(kind);
            }
            let key = table.primary_key.clone().unwrap_or_default();
            table.columns = types
                .into_iter()
                .map(|(column, kinds)| {
                    let kinds: Vec<&str> = kinds.into_iter().collect();
                    let mut made = crate::world::column(&format!("{column}:{}?", kinds[0]));
                    if kinds.len() > 1 {
                        made.column_type = ColumnType::Verbatim;
                        made.source_type = "mixed".into();
                    }
                    made.nullable = !key.contains(column);
                    made
                })
                .collect();
            (!table.columns.is_empty() || table.primary_key.is_some()).then_some(table)
        });
        tables.collect()
    }

    /// As a reader or a writer sees it that names these tables.
    fn named(&self, tables: &[Table]) -> Self {
        let mut named = self.clone();
        if self.is_open {
            for table in tables {
                named.tables.insert(table.name.clone(), table.clone());
                named.data.entry(table.name.clone()).or_default();
            }
        }
        named
    }

    fn check_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        if self.epoch == lease.epoch.0 && self.holder.as_ref() == Some(&lease.run) {
            return Ok(());
        }
        Err(StoreError::new(
            StoreErrorKind::Superseded,
            "write as a stale epoch",
        ))
    }

    fn check_table(&self, table: &TableRef) -> Result<(), StoreError> {
        let entry = &self.tables[table];
        let rows = &self.data[table];
        for row in rows.values() {
            for column in &entry.columns {
                if !column.nullable && cell(row, &column.name) == &Cell::Null {
                    return fail(StoreErrorKind::Constraint, "keep NOT NULL", table);
                }
            }
        }
        for unique in &entry.uniques {
            let mut seen = BTreeSet::new();
            for row in rows.values() {
                let value: Vec<&Cell> = unique.columns.iter().map(|name| cell(row, name)).collect();
                if !value.contains(&&Cell::Null) && !seen.insert(value) {
                    return fail(StoreErrorKind::Constraint, "keep a unique key", table);
                }
            }
        }
        Ok(())
    }

    /// The foreign keys of these tables' rows hold.
    fn check_references(&self, tables: &[TableRef]) -> Result<(), StoreError> {
        for table in tables {
            for key in &self.tables[table].foreign_keys {
                let parents: BTreeSet<Vec<&Cell>> = self.data[&key.parent]
                    .values()
                    .map(|row| {
                        key.parent_columns
                            .iter()
                            .map(|name| cell(row, name))
                            .collect()
                    })
                    .collect();
                for row in self.data[table].values() {
                    let is_meant = |(column, texts): &(String, Vec<String>)| {
                        let text = cell(row, column).text();
                        text.is_some_and(|text| texts.iter().any(|one| **one == *text))
                    };
                    if !key.when.iter().all(is_meant) {
                        continue;
                    }
                    let value: Vec<&Cell> =
                        key.columns.iter().map(|name| cell(row, name)).collect();
                    if !value.contains(&&Cell::Null) && !parents.contains(&value) {
                        return fail(StoreErrorKind::Constraint, "keep a foreign key", table);
                    }
                }
            }
        }
        Ok(())
    }

    fn read_keys(&self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        let Some(rows) = self.data.get(&request.table) else {
            return fail(StoreErrorKind::Bug, "read an unknown table", &request.table);
        };
        let texts = |row: &Row, columns: &[String]| -> Vec<Option<Box<str>>> {
            columns.iter().map(|name| cell(row, name).text()).collect()
        };
        let matches = |row: &Row| match &request.selector {
            Selector::All => true,
            Selector::Sample { .. } => unreachable!("load never samples"),
            Selector::Matching { columns, keys } => {
                let value: Option<Vec<Box<str>>> = texts(row, columns).into_iter().collect();
                value.is_some_and(|value| keys.contains(&Key::new(value)))
            }
        };
        let found = rows.iter().filter(|(_, row)| matches(row));
        Ok(found
            .map(|(id, row)| KeyRow {
                id: id.clone(),
                values: texts(row, &request.columns),
            })
            .collect())
    }

    fn read_rows(&self, request: &RowRequest) -> Result<RecordBatch, StoreError> {
        let mut keys: Vec<&Key> = request.keys.iter().collect();
        keys.sort();
        let rows: Vec<&Row> = keys
            .into_iter()
            .filter_map(|key| self.data.get(&request.table)?.get(key))
            .collect();
        batch(&self.tables[&request.table], &request.columns, &rows)
    }

    fn write_row(&mut self, table: &TableRef, key: &Key, staged: &Row) {
        let columns = self.tables[table].columns.clone();
        let row = self
            .data
            .get_mut(table)
            .unwrap()
            .entry(key.clone())
            .or_default();
        for column in &columns {
            let kept = row.remove(&column.name);
            let default = if column.has_default {
                Cell::Text("default".into())
            } else {
                Cell::Null
            };
            let value = staged.get(&column.name).cloned().or(kept);
            row.insert(column.name.clone(), value.unwrap_or(default));
        }
        if let Some((on, column, value)) = &self.trigger
            && on == table
            && !self.silenced.contains(table)
        {
            row.insert(column.clone(), value.clone());
        }
    }
}

fn fingerprint(store: &StoreName) -> Fingerprint {
    Fingerprint(format!("cert-{store}"))
}

/// A cell; what is not there is NULL.
fn cell<'r>(row: &'r Row, column: &str) -> &'r Cell {
    row.get(column).unwrap_or(&Cell::Null)
}

/// The store's own notation of a value.
fn noted(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Int(number) => Some(format!("int {number}")),
        Cell::Text(text) => Some(format!("text {text}")),
    }
}

fn read_note(note: &str) -> Cell {
    match note.split_once(' ').unwrap() {
        ("int", number) => Cell::Int(number.parse().unwrap()),
        (_, text) => Cell::Text(text.to_owned()),
    }
}

fn batch(table: &Table, columns: &[String], rows: &[&Row]) -> Result<RecordBatch, StoreError> {
    let schema = arrow_schema(table, columns);
    let arrays = schema.fields().iter().map(|field| -> ArrayRef {
        let cells = rows.iter().map(|row| cell(row, field.name()));
        match field.data_type() {
            _ if column_type(field) == Some(ColumnType::Verbatim) => {
                Arc::new(cells.map(noted).collect::<StringArray>())
            }
            DataType::Int64 => Arc::new(
                cells
                    .map(|cell| match cell {
                        Cell::Int(number) => Some(*number),
                        Cell::Null => None,
                        Cell::Text(_) => panic!("text in {}", field.name()),
                    })
                    .collect::<Int64Array>(),
            ),
            _ => Arc::new(
                cells
                    .map(|cell| cell.text().map(String::from))
                    .collect::<StringArray>(),
            ),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), arrays.collect())
        .map_err(|_| StoreError::new(StoreErrorKind::Bug, "build a batch"))
}

/// The rows of a batch.
pub(crate) fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let cell = |field: &Field, array: &ArrayRef, row: usize| match array.data_type() {
        _ if array.is_null(row) => Cell::Null,
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        _ => {
            let text = array.as_string::<i32>().value(row);
            match column_type(field) {
                Some(ColumnType::Verbatim) => read_note(text),
                _ => Cell::Text(text.to_owned()),
            }
        }
    };
    (0..batch.num_rows())
        .map(|row| {
            let fields = schema.fields().iter().zip(batch.columns());
            fields
                .map(|(field, array)| (field.name().clone(), cell(field, array, row)))
                .collect()
        })
        .collect()
}

/// Rows as a batch, in column order.
pub(crate) fn batch_of(table: &Table, columns: &[String], rows: &[Row]) -> RecordBatch {
    batch(table, columns, &rows.iter().collect::<Vec<_>>()).unwrap()
}

impl MemoryTarget {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            stores: database.stores.clone(),
            database: Arc::new(Mutex::new(database)),
        }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Database) -> T) -> T {
        work(&mut self.database.lock().unwrap())
    }

    fn write<T>(
        &self,
        lease: &Lease,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| {
            database.check_lease(lease)?;
            // It holds the lease, and the rows.
            assert!(
                database.prepared.is_none(),
                "a server would wait for what is prepared"
            );
            database.writes += 1;
            work(database)
        })
    }
}

struct View(Database);

#[async_trait]
impl KeyReader for View {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.0.read_keys(request)
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        Ok(self.0.data[table].len() as u64)
    }
}

#[async_trait]
impl RowReader for View {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        Ok(stream::iter([self.0.read_rows(request)]).boxed())
    }
}

#[async_trait]
impl TargetStore for MemoryTarget {
    fn stores(&self) -> &[StoreName] {
        &self.stores
    }

    fn capabilities(&self) -> TargetCapabilities {
        TargetCapabilities {
            open_schema: self.with(|database| database.is_open),
            ..TargetCapabilities::default()
        }
    }

    async fn fits(&self, size: &[TableSize]) -> Result<Option<Finding>, StoreError> {
        let rows: u64 = size.iter().map(|one| one.rows).sum();
        let room = self.with(|database| database.room);
        Ok(room.filter(|room| rows > *room).map(|room| {
            let message = format!("{rows} rows are more than {room}");
            Finding::error("too-large", self.stores[0].as_str(), message, rows)
                .with_lines(["set room".to_owned()])
        }))
    }

    fn key_statement(&self, table: &Table) -> Option<String> {
        let key = table.identity()?.join(", ");
        Some(format!("make key {} ({key})", table.name))
    }

    fn verbatim(&self, column: &Column, values: &ArrayRef) -> Result<ArrayRef, StoreError> {
        let field = arrow_field(column).unwrap();
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(values)]);
        let rows = rows_of(&batch.unwrap());
        let notes = rows.iter().map(|row| noted(&row[&column.name]));
        Ok(Arc::new(notes.collect::<StringArray>()))
    }

    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError> {
        Ok(fingerprint(store))
    }

    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError> {
        let tables: Vec<Table> = self.with(|database| match database.is_open {
            true => database.open_catalog(),
            false => database.tables.values().cloned().collect(),
        });
        Ok(Catalog {
            store: store.clone(),
            kind: StoreKind::Sqlite,
            version: "memory".into(),
            tables: tables
                .into_iter()
                .filter(|table| table.name.store == *store)
                .collect(),
        })
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        Ok(self.with(|database| database.enrolments.get(store).cloned()))
    }

    async fn enroll(&self, store: &StoreName, mark: &Enrolment) -> Result<(), StoreError> {
        self.with(|database| database.enrolments.insert(store.clone(), mark.clone()));
        Ok(())
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        Ok(self.with(|database| {
            let standing = LeaseStanding {
                epoch: Epoch(database.epoch),
                holder: database.holder.clone(),
                owner: database.owner.clone(),
            };
            let answer = standing.answer(claim);
            if let (LeaseOutcome::Held(_), Some((prepared, _))) = (&answer, &database.prepared) {
                let prepared = vec![prepared.clone()];
                return LeaseOutcome::InDoubt { prepared };
            }
            if let LeaseOutcome::Held(lease) = &answer {
                database.epoch = lease.epoch.0;
                database.holder = Some(lease.run.clone());
                database.owner = Some(claim.owner.clone());
            }
            answer
        }))
    }

    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        self.with(|database| {
            database.beats += u64::from(database.check_lease(lease).is_ok());
        });
        Ok(())
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        Ok(self.with(|database| Traces {
            holder: database.holder.clone(),
            quiet: None,
            staged: Vec::new(),
            prepared: database.prepared.iter().map(|one| one.0.clone()).collect(),
        }))
    }

    async fn fires_anyway(&self, tables: &[TableRef]) -> Result<Vec<FiresAnyway>, StoreError> {
        let why = self.with(|database| database.fires_anyway.clone());
        let fires = tables.iter().filter_map(|table| {
            Some(FiresAnyway {
                table: table.clone(),
                why: why.clone()?,
                lines: vec!["grant it".into()],
            })
        });
        Ok(fires.collect())
    }

    async fn obstacles(&self, _: &[TableRef]) -> Result<Vec<Finding>, StoreError> {
        Ok(self.with(|database| database.obstacle.clone().into_iter().collect()))
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.with(|database| {
            if database.check_lease(lease).is_ok() {
                assert!(
                    database.prepared.is_none(),
                    "a server would wait for what is prepared"
                );
                database.holder = None;
            }
        });
        Ok(())
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        Ok(Box::new(View(self.with(|database| database.named(tables)))))
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        let place = (lease.run.clone(), part.table.clone());
        let there = self.write(lease, |database| {
            let staging = database.staging.get(&place);
            Ok(staging.and_then(|staging| staging.parts.get(&part.part).copied()))
        })?;
        if let Some(rows) = there {
            return Ok(Staged {
                rows,
                was_there: true,
            });
        }
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        self.write(lease, |database| {
            let rows: Vec<Row> = batches.iter().flat_map(rows_of).collect();
            let mut named = database.named(std::slice::from_ref(table));
            assert_eq!(part.identity.is_empty(), named.is_keyless(&part.table));
            let keys: Vec<Key> = (0..)
                .zip(&rows)
                .map(|(at, row)| match part.identity.is_empty() {
                    true => staged_key(part.part, at),
                    false => named.key(&part.table, row),
                })
                .collect();
            let staging = database.staging.entry(place).or_default();
            staging.columns.clone_from(&part.columns);
            staging.parts.insert(part.part, rows.len() as u64);
            let count = rows.len() as u64;
            for (key, row) in keys.into_iter().zip(rows) {
                if staging.rows.insert(key, ("insert", row)).is_some() {
                    return fail(StoreErrorKind::Data, "stage a row twice", &part.table);
                }
            }
            Ok(Staged {
                rows: count,
                was_there: false,
            })
        })
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let work = self.write(lease, |database| Ok(database.named(tables)))?;
        Ok(Box::new(MemoryMerge {
            server: self.clone(),
            lease: lease.clone(),
            view: View(work),
        }))
    }

    async fn preparing(&self) -> Result<Preparing, StoreError> {
        let server = self.stores[0].as_str().to_owned();
        Ok(match self.with(|database| database.places) {
            Some(free) => Preparing::Yes { server, free },
            None => Preparing::never("this database"),
        })
    }

    async fn finish(&self, id: &PreparedId, decision: Decision) -> Result<bool, StoreError> {
        Ok(self.with(|database| {
            let is_meant = |prepared: &mut (PreparedId, _)| prepared.0 == *id;
            let prepared = database.prepared.take_if(is_meant);
            let was_there = prepared.is_some();
            if let (Some((_, work)), Decision::Commit) = (prepared, decision) {
                database.take(*work);
            }
            was_there
        }))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let records = self.run_records().await?;
        Ok(records.into_iter().find(|record| record.run == *run))
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        Ok(self.with(|database| database.runs.clone()))
    }

    async fn ledger(&self, run: &RunId, _: &[Table]) -> Result<Ledger, StoreError> {
        let all = self.with(|database| database.ledger.clone());
        Ok(all.into_iter().filter(|entry| entry.run == *run).collect())
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(lease, |database| {
            database.staging.retain(|(run, _), _| *run != lease.run);
            Ok(())
        })
    }
}

/// Works on a copy that replaces the data at commit.
struct MemoryMerge {
    server: MemoryTarget,
    lease: Lease,
    view: View,
}

impl MemoryMerge {
    /// The database with what was written, and the run's record in it.
    fn written(self, record: &RunRecord) -> Result<(MemoryTarget, Lease, Database), StoreError> {
        let bug = |what: &str| Err(StoreError::new(StoreErrorKind::Bug, what));
        if record.run != self.lease.run || record.epoch != self.lease.epoch {
            return bug("commit as another run than the lease's");
        }
        let Self {
            server,
            lease,
            view: View(mut work),
        } = self;
        if work.runs.iter().any(|one| one.run == record.run) {
            return bug("commit a run twice");
        }
        work.runs.push(record.clone());
        Ok((server, lease, work))
    }

    fn staging(&mut self, table: &TableRef) -> Option<&mut Staging> {
        let place = (self.lease.run.clone(), table.clone());
        self.view.0.staging.get_mut(&place)
    }
}

#[async_trait]
impl KeyReader for MemoryMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.view.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.view.count(table).await
    }
}

#[async_trait]
impl RowReader for MemoryMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.view.rows(request).await
    }
}

#[async_trait]
impl Merge for MemoryMerge {
    async fn silence(&mut self, tables: &[TableRef]) -> Result<(), StoreError> {
        self.view.0.silenced.extend(tables.iter().cloned());
        Ok(())
    }

    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        if self.view.0.is_keyless(table) {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = self
            .staging(table)
            .map(|staging| {
                let written = staging.rows.iter().filter(|(_, row)| row.0 != "leave");
                written.map(|(key, _)| key.clone()).collect()
            })
            .unwrap_or_default();
        self.lock(table, &keys).await
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        let rows = &self.view.0.data[table];
        Ok(keys
            .iter()
            .filter(|key| rows.contains_key(*key))
            .cloned()
            .collect())
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        if action == Action::Update && self.view.0.is_keyless(table) {
            return fail(StoreErrorKind::Bug, "update a row without a key", table);
        }
        let action = match action {
            Action::Insert => "insert",
            Action::Update => "update",
            Action::Leave => "leave",
        };
        for key in keys {
            match self
                .staging(table)
                .and_then(|staging| staging.rows.get_mut(key))
            {
                Some(staged) => staged.0 = action,
                None => return fail(StoreErrorKind::Bug, "mark a row that is not staged", table),
            }
        }
        Ok(())
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        let mut applied = Vec::new();
        for table in tables {
            let Some(staging) = self.staging(table) else {
                return fail(StoreErrorKind::Bug, "apply what is not staged", table);
            };
            let staged = staging.rows.clone();
            let mut counts = (0, 0);
            let is_keyless = self.view.0.is_keyless(table);
            for (key, (action, row)) in &staged {
                let new = is_keyless.then(|| self.view.0.key(table, row));
                let key = new.as_ref().unwrap_or(key);
                let is_there = self.view.0.data[table].contains_key(key);
                match (*action, is_there) {
                    ("insert", false) => counts.0 += 1,
                    ("update", true) => counts.1 += 1,
                    ("leave", _) => continue,
                    ("insert", true) => {
                        return fail(StoreErrorKind::Constraint, "insert a key twice", table);
                    }
                    _ => return fail(StoreErrorKind::Bug, "update what is not there", table),
                }
                self.view.0.write_row(table, key, row);
            }
            applied.push(Applied {
                table: table.clone(),
                inserted: counts.0,
                updated: counts.1,
            });
        }
        for table in tables {
            self.view.0.check_table(table)?;
        }
        self.view.0.check_references(tables)?;
        Ok(applied)
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for (table, keys) in tables {
            for key in keys {
                if self
                    .view
                    .0
                    .data
                    .get_mut(table)
                    .unwrap()
                    .remove(key)
                    .is_none()
                {
                    return fail(StoreErrorKind::Bug, "delete what is not there", table);
                }
                deleted += 1;
            }
        }
        let all: Vec<TableRef> = self.view.0.tables.keys().cloned().collect();
        self.view.0.check_references(&all)?;
        Ok(deleted)
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        for entry in entries {
            let is_same = |one: &LedgerEntry| {
                (&one.run, &one.table, one.part) == (&entry.run, &entry.table, entry.part)
            };
            if entry.run != self.lease.run || self.view.0.ledger.iter().any(is_same) {
                return fail(StoreErrorKind::Bug, "write a ledger entry", &entry.table);
            }
            self.view.0.ledger.push(entry.clone());
        }
        Ok(())
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        let found = self
            .view
            .0
            .runs
            .iter_mut()
            .find(|record| record.run == *run);
        found
            .map(|record| record.state = state)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Bug, "find a run"))
    }

    /// At once, whatever becomes of the merge.
    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        let keys = tables
            .iter()
            .flat_map(|table| self.view.0.data[table].keys());
        let largest = keys
            .filter_map(|key| key.parts()[0].parse::<i64>().ok())
            .max();
        let raised = self.server.with(|database| {
            let from = database.sequence;
            let to = largest.filter(|to| *to > from)?;
            database.sequence = to;
            let sequence = format!("{}.sequence", database.stores[0]);
            Some(RaisedSequence {
                sequence,
                from: Some(from),
                to,
            })
        });
        Ok(raised.into_iter().collect())
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        let all: Vec<TableRef> = self.view.0.tables.keys().cloned().collect();
        all.iter()
            .try_for_each(|table| self.view.0.check_table(table))?;
        self.view.0.check_references(&all)
    }

    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        let (server, lease, work) = (*self).written(record)?;
        server.write(&lease, |database| {
            database.take(work);
            Ok(CommitOutcome::Committed)
        })
    }

    async fn prepare(
        self: Box<Self>,
        record: &RunRecord,
        id: &PreparedId,
    ) -> Result<PrepareOutcome, StoreError> {
        let (server, lease, work) = (*self).written(record)?;
        server.write(&lease, |database| {
            if database.notifies || database.places.is_none_or(|places| places == 0) {
                let why = "there is no place".to_owned();
                return Ok(PrepareOutcome::Refused { why });
            }
            database.prepared = Some((id.clone(), Box::new(work)));
            Ok(PrepareOutcome::Prepared)
        })
    }
}
