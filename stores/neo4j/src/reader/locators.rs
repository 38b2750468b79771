//! From keys that no index finds to the element ids of their rows.

use std::collections::HashSet;

use neo4j::ValueSend;
use redistrict_model::{Key, KeyRow};
use redistrict_store::{RowRequest, StoreError};

use super::{KeyReading, bound_name};
use crate::bolt::Transaction;
use crate::layout::Layout;
use crate::live::{LiveTable, LiveTables};
use crate::lookup::Lookup;

/// Keys with the locators of their rows, by the columns of the keys.
pub(super) async fn resolve(
    transaction: &mut Transaction,
    tables: &LiveTables,
    table: &LiveTable,
    identity: &[String],
    keys: &[Key],
) -> Result<Vec<(Key, Key)>, StoreError> {
    let by = table.columns(identity)?;
    let mut layout = Layout::new(table, tables, &by);
    let locator = layout.push("elementId(n)".to_owned());
    let lookup = Lookup {
        table,
        constraints: &tables.constraints,
        by: &by,
        fields: &layout.fields,
    };
    let wanted: HashSet<&Key> = keys.iter().collect();
    let reading = KeyReading {
        side: tables.side,
        table,
        layout: &layout,
        id: 0..0,
        values: 0..by.len(),
        by: 0..by.len(),
        locator: Some(locator),
        wanted: &wanted,
    };
    let mut found = Vec::new();
    for probe in lookup.probes(keys)? {
        reading.collect(transaction, probe, &mut found).await?;
    }
    let named = |row: KeyRow| {
        let key: Option<Vec<Box<str>>> = row.values.into_iter().collect();
        key.map(|key| (Key::new(key), row.id))
    };
    Ok(found.into_iter().filter_map(named).collect())
}

/// The locators of the rows of a request, some at a time.
pub(crate) struct Locators<'a> {
    table: &'a LiveTable,
    tables: &'a LiveTables,
    request: &'a RowRequest,
    next: usize,
}

impl<'a> Locators<'a> {
    pub(crate) fn new(
        table: &'a LiveTable,
        tables: &'a LiveTables,
        request: &'a RowRequest,
    ) -> Self {
        Self {
            table,
            tables,
            request,
            next: 0,
        }
    }

    /// Those of the next so many keys; none at the end.
    pub(crate) async fn next(
        &mut self,
        transaction: &mut Transaction,
        size: usize,
    ) -> Result<Option<Vec<Key>>, StoreError> {
        let keys = &self.request.keys;
        if self.next >= keys.len() {
            return Ok(None);
        }
        let end = keys.len().min(self.next + size);
        let some = &keys[self.next..end];
        self.next = end;
        let identity = &self.request.identity;
        if identity.is_empty() {
            return Ok(Some(some.to_vec()));
        }
        let rows = resolve(transaction, self.tables, self.table, identity, some).await?;
        Ok(Some(rows.into_iter().map(|(_, locator)| locator).collect()))
    }
}

/// Locators as `statement::named` wants them.
pub(crate) fn numbered(locators: &[Key]) -> ValueSend {
    let names = locators.iter().enumerate();
    ValueSend::List(
        names
            .filter_map(|(place, name)| bound_name(place, name, &[]))
            .collect(),
    )
}
