//! Reading keys and rows in an open transaction: the one reader of sources, of target views and of
//! merges, so that all of them give the same bytes for the same rows.

mod locators;

use std::collections::HashSet;

use arrow::array::RecordBatch;
use futures::{StreamExt as _, stream};
use neo4j::ValueSend;
use redistrict_model::{Key, KeyRow, TableRef};
use redistrict_store::{
    BatchStream, KeyRequest, RowRequest, Selector, StoreError, StoreErrorKind, arrow_schema,
};

use crate::batches::{Batches, Misfit};
use crate::bolt::{Parameters, Record, Records, Transaction};
use crate::error::{Context as _, bug, data};
use crate::layout::Layout;
use crate::live::{LiveColumn, LiveTable, LiveTables, Role, Shape, Side};
use crate::lookup::{Lookup, Probe};
use crate::statement::{self, Anchor, Condition, Naming, ReadText};
use crate::types::Form;
use crate::values;
use locators::resolve;
pub(crate) use locators::{Locators, numbered};

/// So many rows are asked for by one statement.
const ROWS_PER_STATEMENT: usize = 8192;
/// So many keys without an index are resolved by one pass.
const KEYS_PER_PASS: usize = 100_000;

/// The rows that match a key request.
pub(crate) async fn keys(
    transaction: &mut Transaction,
    tables: &LiveTables,
    request: &KeyRequest,
) -> Result<Vec<KeyRow>, StoreError> {
    let table = tables.table(&request.table)?;
    let identity = table.identity()?;
    let columns = table.columns(&request.columns)?;
    let by = match &request.selector {
        Selector::Matching { columns, .. } => table.columns(columns)?,
        _ => Vec::new(),
    };
    let id = identity.clone().unwrap_or_default();
    let all: Vec<&LiveColumn> = id.iter().chain(&columns).chain(&by).copied().collect();
    let mut layout = Layout::new(table, tables, &all);
    let locator = match identity {
        Some(_) => None,
        None => Some(layout.push("elementId(n)".to_owned())),
    };
    let probes = match &request.selector {
        Selector::Matching { keys, .. } => Lookup {
            table,
            constraints: &tables.constraints,
            by: &by,
            fields: &layout.fields,
        }
        .probes(keys)?,
        Selector::All => vec![all_of(table, tables, &layout.fields)],
        Selector::Sample { limit } => vec![sample_of(table, tables, &id, &layout.fields, *limit)],
    };
    let wanted: HashSet<&Key> = match &request.selector {
        Selector::Matching { keys, .. } if probes.iter().any(|probe| probe.is_loose) => {
            keys.iter().collect()
        }
        _ => HashSet::new(),
    };
    let reading = KeyReading {
        side: tables.side,
        table,
        layout: &layout,
        id: 0..id.len(),
        values: id.len()..id.len() + columns.len(),
        by: id.len() + columns.len()..all.len(),
        locator,
        wanted: &wanted,
    };
    let mut found = Vec::new();
    for probe in probes {
        reading.collect(transaction, probe, &mut found).await?;
    }
    Ok(found)
}

fn all_of(table: &LiveTable, tables: &LiveTables, fields: &[String]) -> Probe {
    let row = (table, &tables.constraints);
    let (anchor, label) = own_anchor(table);
    Probe {
        text: statement::matching(row, anchor, label, &Condition::All, fields),
        parameters: parameters(table),
        is_loose: false,
    }
}

fn sample_of(
    table: &LiveTable,
    tables: &LiveTables,
    id: &[&LiveColumn],
    fields: &[String],
    limit: u32,
) -> Probe {
    let mut parameters = parameters(table);
    parameters.insert("limit".to_owned(), ValueSend::Integer(limit.into()));
    Probe {
        text: statement::sample((table, &tables.constraints), id, fields),
        parameters,
        is_loose: false,
    }
}

fn own_anchor(table: &LiveTable) -> (Anchor, &str) {
    match &table.shape {
        Shape::Node { label } => (Anchor::Node, label),
        Shape::Relationship { kind, .. } => (Anchor::Relationship, kind),
    }
}

/// What every statement on a table binds.
pub(crate) fn parameters(table: &LiveTable) -> Parameters {
    let known = table
        .properties()
        .map(|name| ValueSend::String(name.to_owned()))
        .collect();
    let label = ValueSend::String(table.entry.name.table.clone());
    Parameters::from([
        ("label".to_owned(), label),
        ("known".to_owned(), ValueSend::List(known)),
    ])
}

/// The exact number of rows.
pub(crate) async fn count(
    transaction: &mut Transaction,
    tables: &LiveTables,
    name: &TableRef,
) -> Result<u64, StoreError> {
    let table = tables.table(name)?;
    let text = statement::count((table, &tables.constraints));
    let records = transaction
        .read(&text, parameters(table))
        .await
        .doing_at("count rows", name)?;
    let count = records.first().and_then(|record| record.first()?.as_int());
    count
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| bug("count rows").at(name))
}

/// Reads the records of key statements.
struct KeyReading<'a> {
    side: Side,
    table: &'a LiveTable,
    layout: &'a Layout<'a>,
    id: std::ops::Range<usize>,
    values: std::ops::Range<usize>,
    by: std::ops::Range<usize>,
    locator: Option<usize>,
    wanted: &'a HashSet<&'a Key>,
}

impl KeyReading<'_> {
    async fn collect(
        &self,
        transaction: &mut Transaction,
        probe: Probe,
        found: &mut Vec<KeyRow>,
    ) -> Result<(), StoreError> {
        let name = &self.table.entry.name;
        let what = "read keys";
        let mut parameters = parameters(self.table);
        parameters.extend(probe.parameters);
        let mut records = transaction
            .run_read(&probe.text, parameters)
            .await
            .doing_at(what, name)?;
        while let Some(page) = records.page().await.doing_at(what, name)? {
            for record in &page {
                if !probe.is_loose || self.is_wanted(record)? {
                    found.extend(self.key_row(record)?);
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, record: &Record) -> Result<bool, StoreError> {
        let key = self.texts(self.by.clone(), record)?;
        let key: Option<Vec<String>> = key.and_then(|key| key.into_iter().collect());
        Ok(key.is_some_and(|parts| self.wanted.contains(&Key::new(parts))))
    }

    /// None for a row without a key in a target, or with values that the columns cannot hold.
    fn key_row(&self, record: &Record) -> Result<Option<KeyRow>, StoreError> {
        let name = &self.table.entry.name;
        let id = match self.locator {
            Some(place) => {
                let locator = record.get(place).and_then(|value| value.as_string());
                Key::of(
                    locator
                        .ok_or_else(|| bug("read a locator").at(name))?
                        .as_str(),
                )
            }
            None => {
                let parts = self.texts(self.id.clone(), record)?;
                let parts: Option<Vec<String>> =
                    parts.and_then(|parts| parts.into_iter().collect());
                match (parts, self.side) {
                    (Some(parts), _) => Key::new(parts),
                    (None, Side::Target) => return Ok(None),
                    (None, Side::Source) => {
                        let what = "read a key: a row without one came up after the analysis";
                        let error = StoreError::new(StoreErrorKind::Data, what).at(name);
                        return Err(error.with_hint("analyze the database again"));
                    }
                }
            }
        };
        let Some(values) = self.texts(self.values.clone(), record)? else {
            return Ok(None);
        };
        Ok(Some(KeyRow {
            id,
            values: values
                .into_iter()
                .map(|value| value.map(Into::into))
                .collect(),
        }))
    }

    /// None in a target where a value is of another type than its column: others wrote it since.
    fn texts(
        &self,
        columns: std::ops::Range<usize>,
        record: &Record,
    ) -> Result<Option<Vec<Option<String>>>, StoreError> {
        let mut texts = Vec::with_capacity(columns.len());
        for column in columns {
            match self.layout.text(column, record) {
                Ok(text) => texts.push(text),
                Err(values::Refusal::OtherType) if self.side == Side::Target => return Ok(None),
                Err(refusal) => {
                    let what = format!("{} in a key", refusal.what());
                    return Err(
                        StoreError::new(StoreErrorKind::Data, what).at(&self.table.entry.name)
                    );
                }
            }
        }
        Ok(Some(texts))
    }
}

/// Streams whole rows. In a target a row that its columns cannot hold is left out (see [`Misfit`]): they are
/// described by what was there when the plan was made, and others may have written other types since. The
/// stream holds the transaction until it is dropped.
pub(crate) fn rows<'a>(
    transaction: &'a mut Transaction,
    tables: &'a LiveTables,
    request: &'a RowRequest,
) -> Result<BatchStream<'a>, StoreError> {
    let table = tables.table(&request.table)?;
    let columns = table.columns(&request.columns)?;
    let identity = table.columns(&request.identity)?;
    let schema = arrow_schema(&table.entry, &request.columns);
    if schema.fields().len() != columns.len() {
        return Err(bug("read columns of a type that does not move").at(&request.table));
    }
    let mut layout = Layout::new(table, tables, &columns);
    let guard = match tables.side {
        Side::Source => Some(layout.push(statement::unknown())),
        Side::Target => None,
    };
    let misfit = match tables.side {
        Side::Source => Misfit::Refused,
        Side::Target if identity.is_empty() => Misfit::LeftOut,
        Side::Target => Misfit::OfOtherType,
    };
    let is_indexed = identity.iter().all(|column| {
        matches!(
            column.role,
            Role::Property(Form::Bool | Form::Int | Form::Text)
        )
    });
    let naming = if is_indexed && !identity.is_empty() {
        Naming::Key(&identity)
    } else {
        Naming::Locator
    };
    let text = statement::named((table, &tables.constraints), &naming, &layout.fields);
    let by_keys = matches!(naming, Naming::Key(_));
    let reading = RowReading {
        transaction,
        tables,
        table,
        batches: Batches::new(&request.table, &schema, misfit)?,
        layout,
        guard,
        text,
        is_resolved: by_keys || identity.is_empty(),
        identity: if by_keys { identity } else { Vec::new() },
        request,
        next: 0,
        resolved: Vec::new(),
        records: None,
        page: Vec::new().into_iter(),
    };
    let batches = stream::try_unfold(reading, |mut reading| async move {
        let batch = reading.next().await?;
        Ok(batch.map(|batch| (batch, reading)))
    });
    Ok(batches.boxed())
}

struct RowReading<'a> {
    transaction: &'a mut Transaction,
    tables: &'a LiveTables,
    table: &'a LiveTable,
    layout: Layout<'a>,
    /// The place of the names of unknown properties.
    guard: Option<usize>,
    batches: Batches,
    text: ReadText,
    /// The columns of the names; none where they are locators.
    identity: Vec<&'a LiveColumn>,
    /// The keys of the request are what the statement names rows by; else they are resolved to locators.
    is_resolved: bool,
    request: &'a RowRequest,
    /// The first key that no statement has been sent for.
    next: usize,
    /// Locators that no statement has been sent for, the next one last.
    resolved: Vec<Key>,
    records: Option<Records<'static>>,
    page: std::vec::IntoIter<Record>,
}

impl RowReading<'_> {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            for record in self.page.by_ref() {
                check_known(self.table, self.guard, &record)?;
                if let Some(batch) = self.batches.push(&self.layout, &record)? {
                    return Ok(Some(batch));
                }
            }
            let name = &self.request.table;
            match &mut self.records {
                Some(records) => match records.page().await.doing_at("read rows", name)? {
                    Some(page) => self.page = page.into_iter(),
                    None => self.records = None,
                },
                None => {
                    let names = self.names().await?;
                    if names.is_empty() {
                        return self.batches.rest();
                    }
                    self.open(names).await?;
                }
            }
        }
    }

    /// The names of the next rows, in order; empty at the end.
    async fn names(&mut self) -> Result<Vec<Key>, StoreError> {
        let keys = &self.request.keys;
        if self.is_resolved {
            let end = keys.len().min(self.next + ROWS_PER_STATEMENT);
            let mut names = keys[self.next..end].to_vec();
            self.next = end;
            names.sort();
            return Ok(names);
        }
        while self.resolved.is_empty() && self.next < keys.len() {
            let end = keys.len().min(self.next + KEYS_PER_PASS);
            let some = &keys[self.next..end];
            let by = &self.request.identity;
            let mut rows = resolve(self.transaction, self.tables, self.table, by, some).await?;
            self.next = end;
            rows.sort();
            self.resolved = rows.into_iter().rev().map(|(_, locator)| locator).collect();
        }
        let rest = self.resolved.len().saturating_sub(ROWS_PER_STATEMENT);
        let mut names = self.resolved.split_off(rest);
        names.reverse();
        Ok(names)
    }

    async fn open(&mut self, names: Vec<Key>) -> Result<(), StoreError> {
        let forms: Vec<Form> = self
            .identity
            .iter()
            .filter_map(|column| match column.role {
                Role::Property(form) => Some(form),
                _ => None,
            })
            .collect();
        let mut bound = Vec::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if let Some(name) = bound_name(place, name, &forms) {
                bound.push(name);
            }
        }
        let mut parameters = parameters(self.table);
        parameters.insert("keys".to_owned(), ValueSend::List(bound));
        let records = self
            .transaction
            .read_rows(&self.text, parameters)
            .await
            .doing_at("read rows", &self.request.table)?;
        self.records = records;
        Ok(())
    }
}

/// A number and the parts of a name; a locator has no forms. None for keys that no row can have.
fn bound_name(place: usize, name: &Key, forms: &[Form]) -> Option<ValueSend> {
    let mut bound = vec![ValueSend::Integer(i64::try_from(place).ok()?)];
    if forms.is_empty() {
        bound.push(ValueSend::String(name.parts().first()?.to_string()));
        return Some(ValueSend::List(bound));
    }
    if name.parts().len() != forms.len() {
        return None;
    }
    for (part, form) in name.parts().iter().zip(forms) {
        bound.push(values::bound(*form, part).ok()?);
    }
    Some(ValueSend::List(bound))
}

fn check_known(table: &LiveTable, guard: Option<usize>, record: &Record) -> Result<(), StoreError> {
    let Some(value) = guard.and_then(|place| record.get(place)) else {
        return Ok(());
    };
    match crate::live::texts(value).as_deref() {
        Some([]) => Ok(()),
        Some([name, ..]) => {
            let what = "move a property that came up after the analysis";
            Err(data(&table.entry.name, name, what).with_hint("analyze the database again"))
        }
        None => Err(bug("read the names of properties").at(&table.entry.name)),
    }
}
