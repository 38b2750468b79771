//! Staged cells as keys and sizes.

use arrow::array::RecordBatch;
use neo4j::ValueSend;
use redistrict_model::{Key, TableRef};
use redistrict_store::{StoreError, column_type, element_type};

use crate::cells;
use crate::error::{bug, data};
use crate::types::Form;

/// The form of a staged column, which its field says.
pub(super) fn form(
    batch: &RecordBatch,
    place: usize,
    table: &TableRef,
) -> Result<Form, StoreError> {
    let schema = batch.schema();
    let field = schema.field(place);
    column_type(field)
        .and_then(|of| Form::of_type(of, element_type(field)))
        .ok_or_else(|| bug("tell the type of a staged column").at(table))
}

/// The canonical text of a staged cell; none is NULL.
pub(super) fn text(
    batch: &RecordBatch,
    place: usize,
    row: usize,
    table: &TableRef,
) -> Result<Option<String>, StoreError> {
    let form = form(batch, place, table)?;
    cells::text(form, batch.column(place), row)
        .map_err(|refusal| refused(batch, place, table, refusal.what()))
}

/// What is bound for a staged cell.
pub(super) fn bound(
    batch: &RecordBatch,
    place: usize,
    row: usize,
    table: &TableRef,
) -> Result<ValueSend, StoreError> {
    let form = form(batch, place, table)?;
    cells::bound(form, batch.column(place), row)
        .map_err(|refusal| refused(batch, place, table, refusal.what()))
}

/// The error of a value in a column.
pub(super) fn refused(
    batch: &RecordBatch,
    place: usize,
    table: &TableRef,
    what: &str,
) -> StoreError {
    data(table, batch.schema().field(place).name(), what)
}

/// About how many bytes of memory a bound value is.
pub(super) fn size(value: &ValueSend) -> usize {
    match value {
        ValueSend::String(text) => 24 + text.len(),
        ValueSend::Bytes(bytes) => 24 + bytes.len(),
        ValueSend::List(values) => 24 + values.iter().map(size).sum::<usize>(),
        _ => 24,
    }
}

/// The key of a row out of these columns of the batch.
pub(super) fn key(
    batch: &RecordBatch,
    places: &[usize],
    row: usize,
    table: &TableRef,
) -> Result<Key, StoreError> {
    let mut parts: Vec<Box<str>> = Vec::with_capacity(places.len());
    for place in places {
        let text = text(batch, *place, row, table)?;
        let missing = || refused(batch, *place, table, "stage a row whose key is NULL");
        parts.push(text.ok_or_else(missing)?.into_boxed_str());
    }
    Ok(Key::new(parts))
}
