//! Counting values that cannot travel. The server finds those that could be too large by cheap bounds;
//! only what lies between the bounds is read, one value at a time.

use std::collections::BTreeMap;

use neo4j::{ValueReceive, ValueSend};
use redistrict_model::Key;
use redistrict_store::{MAX_VALUE_BYTES, RowRequest, StoreError, Unfit, UnfitReason};

use crate::bolt::{Parameters, Transaction};
use crate::error::{Context as _, bug};
use crate::live::{LiveColumn, LiveTable, LiveTables, Role};
use crate::statement;
use crate::types::Form;
use crate::values;

/// So many rows are asked about by one statement.
const KEYS_PER_STATEMENT: usize = 10_000;

/// See `SourceCut::unfit`.
pub(crate) async fn count(
    transaction: &mut Transaction,
    tables: &LiveTables,
    request: &RowRequest,
) -> Result<Vec<Unfit>, StoreError> {
    let table = tables.table(&request.table)?;
    let suspects: Vec<(&LiveColumn, Form)> = table
        .columns(&request.columns)?
        .into_iter()
        .filter_map(suspect)
        .collect();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: BTreeMap<(usize, bool), u64> = BTreeMap::new();
    let mut locators = crate::reader::Locators::new(table, tables, request);
    while let Some(some) = locators.next(transaction, KEYS_PER_STATEMENT).await? {
        for (place, is_range, locator) in
            candidates(transaction, (table, tables), &suspects, &some).await?
        {
            let is_unfit = match locator {
                None => true,
                Some(locator) => {
                    let (column, form) = suspects[place];
                    is_too_large(transaction, (table, tables), column, form, locator).await?
                }
            };
            if is_unfit {
                *found.entry((place, is_range)).or_default() += 1;
            }
        }
    }
    let unfit = |((place, is_range), rows): ((usize, bool), u64)| Unfit {
        column: suspects[place].0.name.clone(),
        reason: if is_range {
            UnfitReason::OutOfRange
        } else {
            UnfitReason::TooLarge
        },
        rows,
    };
    Ok(found.into_iter().map(unfit).collect())
}

/// Columns that can hold what cannot travel.
fn suspect(column: &LiveColumn) -> Option<(&LiveColumn, Form)> {
    match column.role {
        Role::Property(
            form @ (Form::Text | Form::Bytes | Form::Date | Form::List(_) | Form::Tagged),
        ) => Some((column, form)),
        _ => None,
    }
}

/// The place of the column, whether the range is at fault, and the row where its size has to be measured.
type Candidate = (usize, bool, Option<String>);

async fn candidates(
    transaction: &mut Transaction,
    (table, tables): (&LiveTable, &LiveTables),
    suspects: &[(&LiveColumn, Form)],
    locators: &[Key],
) -> Result<Vec<Candidate>, StoreError> {
    let name = &table.entry.name;
    let what = "look for values that cannot travel";
    let limit = i64::try_from(MAX_VALUE_BYTES).unwrap_or(i64::MAX);
    let text = statement::suspicious((table, &tables.constraints), suspects);
    let mut parameters = crate::reader::parameters(table);
    parameters.insert("keys".to_owned(), crate::reader::numbered(locators));
    parameters.insert("limit".to_owned(), ValueSend::Integer(limit));
    let mut records = transaction
        .run_read(&text, parameters)
        .await
        .doing_at(what, name)?;
    let mut found = Vec::new();
    while let Some(page) = records.page().await.doing_at(what, name)? {
        for record in page {
            let [ValueReceive::String(locator), ValueReceive::List(verdicts)] = record.as_slice()
            else {
                return Err(bug(what).at(name));
            };
            for (place, verdict) in verdicts.iter().enumerate() {
                match verdict.as_int() {
                    Some(statement::TOO_LARGE) => found.push((place, false, None)),
                    Some(statement::OUT_OF_RANGE) => found.push((place, true, None)),
                    Some(statement::MAYBE_TOO_LARGE) => {
                        found.push((place, false, Some(locator.clone())));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(found)
}

async fn is_too_large(
    transaction: &mut Transaction,
    (table, tables): (&LiveTable, &LiveTables),
    column: &LiveColumn,
    form: Form,
    locator: String,
) -> Result<bool, StoreError> {
    let name = &table.entry.name;
    let what = "measure a value";
    let fields = [statement::read_value(
        form,
        &statement::property("n", &column.name),
    )];
    let row = (table, &tables.constraints);
    let text = statement::named(row, &statement::Naming::Locator, &fields);
    let mut parameters: Parameters = crate::reader::parameters(table);
    parameters.insert(
        "keys".to_owned(),
        crate::reader::numbered(&[Key::of(locator)]),
    );
    let records = transaction
        .read(&text, parameters)
        .await
        .doing_at(what, name)?;
    let Some(value) = records.first().and_then(|record| record.first()) else {
        return Ok(false);
    };
    if let ValueReceive::String(text) = value {
        return Ok(text.len() > MAX_VALUE_BYTES);
    }
    // A value of another type is refused when it is read.
    let text = values::text_of(form, value).unwrap_or_default();
    Ok(text.is_some_and(|text| text.len() > MAX_VALUE_BYTES))
}
