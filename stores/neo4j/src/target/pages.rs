//! Staged rows as the lists that statements take, a page at a time.

use arrow::array::RecordBatch;
use neo4j::ValueSend;
use redistrict_model::{Key, TableRef, array_text};
use redistrict_store::{StoreError, StoreErrorKind};

use super::cells;
use super::writes::{EndKey, StagedColumn};
use crate::error::{bug, data};
use crate::layout::other_values;
use crate::live::{END, End, LABELS, OTHER, Role, START, end_column};
use crate::types::Form;
use crate::values;

/// A statement gets so many rows, …
const ROWS: usize = 1000;
/// … or of about so many bytes.
const BYTES: usize = 4 << 20;

/// Rows that wait for their statement.
#[derive(Debug, Default)]
pub(super) struct Page {
    rows: Vec<ValueSend>,
    bytes: usize,
}

impl Page {
    /// Adds a row; gives the page when it is full.
    pub(super) fn push(&mut self, row: ValueSend) -> Option<Vec<ValueSend>> {
        self.bytes += cells::size(&row);
        self.rows.push(row);
        let is_full = self.rows.len() >= ROWS || self.bytes >= BYTES;
        is_full.then(|| self.take())
    }

    /// The rows that wait.
    pub(super) fn take(&mut self) -> Vec<ValueSend> {
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }
}

/// Numbered names of rows for statements that find them, in pages.
pub(super) fn named(
    keys: &[Key],
    forms: Option<&[Form]>,
    table: &TableRef,
) -> Result<Vec<Vec<ValueSend>>, StoreError> {
    let (mut pages, mut page) = (Vec::new(), Page::default());
    for (number, key) in keys.iter().enumerate() {
        let number = i64::try_from(number).map_err(|_| bug("number keys").at(table))?;
        let mut row = vec![ValueSend::Integer(number)];
        match forms {
            None => match key.parts() {
                [locator] => row.push(locator.to_string().into()),
                _ => return Err(bug("name a row by a locator").at(table)),
            },
            Some(forms) if forms.len() != key.parts().len() => {
                return Err(bug("name a row by a key of another length").at(table));
            }
            Some(forms) => {
                let bound = forms.iter().zip(key.parts());
                let bound = bound.map(|(form, text)| values::bound(*form, text));
                match bound.collect::<Result<Vec<ValueSend>, _>>() {
                    Ok(values) => row.extend(values),
                    // No row can have such a key.
                    Err(_) => continue,
                }
            }
        }
        pages.extend(page.push(ValueSend::List(row)));
    }
    pages.push(page.take());
    pages.retain(|page| !page.is_empty());
    Ok(pages)
}

/// Reads the rows of staged batches of one table.
pub(super) struct RowMaker<'a> {
    pub(super) table: &'a TableRef,
    /// The staged columns, in the order of the batches.
    pub(super) columns: &'a [StagedColumn],
}

impl RowMaker<'_> {
    /// The list of a row: its properties, labels, other properties, and for relationships the keys of
    /// its ends.
    pub(super) fn row(
        &self,
        batch: &RecordBatch,
        row: usize,
        ends: Option<(&EndKey, &EndKey)>,
    ) -> Result<ValueSend, StoreError> {
        let mut values = Vec::with_capacity(self.columns.len() + 4);
        for (place, column) in self.columns.iter().enumerate() {
            if matches!(column.role, Role::Property(_)) {
                values.push(cells::bound(batch, place, row, self.table)?);
            }
        }
        values.push(self.labels(batch, row)?);
        values.push(self.other(batch, row)?);
        if let Some((start, end)) = ends {
            values.push(self.end(batch, row, End::Start, start)?);
            values.push(self.end(batch, row, End::End, end)?);
        }
        Ok(ValueSend::List(values))
    }

    /// The label of an end.
    pub(super) fn end_label(
        &self,
        batch: &RecordBatch,
        row: usize,
        end: End,
    ) -> Result<String, StoreError> {
        let text = self.text(batch, row, |role| *role == Role::Label(end))?;
        text.ok_or_else(|| self.no_end())
    }

    /// The text of the one column with that role; none for NULL and where it was not staged.
    fn text(
        &self,
        batch: &RecordBatch,
        row: usize,
        is_wanted: impl Fn(&Role) -> bool,
    ) -> Result<Option<String>, StoreError> {
        let place = self
            .columns
            .iter()
            .position(|column| is_wanted(&column.role));
        match place {
            Some(place) => cells::text(batch, place, row, self.table),
            None => Ok(None),
        }
    }

    fn labels(&self, batch: &RecordBatch, row: usize) -> Result<ValueSend, StoreError> {
        let Some(text) = self.text(batch, row, |role| *role == Role::Labels)? else {
            return Ok(ValueSend::Null);
        };
        let labels = array_text::elements(&text)
            .and_then(|labels| labels.into_iter().collect::<Option<Vec<String>>>())
            .ok_or_else(|| data(self.table, LABELS, "read a list of labels"))?;
        Ok(ValueSend::List(
            labels.into_iter().map(ValueSend::from).collect(),
        ))
    }

    fn other(&self, batch: &RecordBatch, row: usize) -> Result<ValueSend, StoreError> {
        let Some(text) = self.text(batch, row, |role| *role == Role::Other)? else {
            return Ok(ValueSend::Null);
        };
        let refused = || data(self.table, OTHER, "read properties without a column");
        let pairs = other_values(&text).ok_or_else(refused)?;
        let pair = |(name, text): (String, String)| {
            let value = values::bound(Form::Tagged, &text).map_err(|_| refused())?;
            Ok(ValueSend::List(vec![name.into(), value]))
        };
        let pairs: Result<Vec<ValueSend>, StoreError> = pairs.into_iter().map(pair).collect();
        Ok(ValueSend::List(pairs?))
    }

    fn end(
        &self,
        batch: &RecordBatch,
        row: usize,
        end: End,
        table: &EndKey,
    ) -> Result<ValueSend, StoreError> {
        let mut parts = Vec::with_capacity(table.key.len());
        for (part, (_, form)) in table.key.iter().enumerate() {
            let is_part = |role: &Role| matches!(role, Role::Key(one, number, _) if *one == end && *number == part);
            let text = self.text(batch, row, is_part)?;
            let text = text.ok_or_else(|| self.no_end())?;
            let value = values::bound(*form, &text).map_err(|_| {
                let what = "find an end of a relationship: its key is no value of that table";
                data(self.table, &end_column(prefix(end), part), what)
            })?;
            parts.push(value);
        }
        Ok(ValueSend::List(parts))
    }

    fn no_end(&self) -> StoreError {
        let what = "write a relationship without the label or the key of an end";
        StoreError::new(StoreErrorKind::Data, what).at(self.table)
    }
}

fn prefix(end: End) -> &'static str {
    match end {
        End::Start => START,
        End::End => END,
    }
}
