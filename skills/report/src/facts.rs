//! Facts of units, as other skills write them. Read leniently: what is not there, or of another form,
//! was not recorded.

use std::collections::BTreeMap;

use redistrict_artifact::{ManifestTable, StoreEntry};
use redistrict_journal::RunState;
use redistrict_model::{ColumnClass, Phase, TableRef, UnitKey};
use redistrict_skill::UnitOutcome;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::data::{ForecastReport, LeftBehindReport, UndoForecastReport};

/// The outcomes of all units that are done, in unit order.
pub(crate) fn outcomes(state: &RunState) -> Vec<(UnitKey, UnitOutcome)> {
    let read = |value: &Value| serde_json::from_value(value.clone()).ok();
    state
        .units
        .iter()
        .filter_map(|(unit, known)| Some((unit.clone(), read(known.done.as_ref()?)?)))
        .collect()
}

/// A field of a value, of the form that is expected.
pub(crate) fn field<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    serde_json::from_value(value.get(name)?.clone()).ok()
}

/// A table's entry as extract and anonymize tell it.
pub(crate) fn extracted_tables(outcomes: &[(UnitKey, UnitOutcome)]) -> Option<Vec<ManifestTable>> {
    of_phase(outcomes, Phase::Extraction).find_map(|(_, one)| field(&one.facts, "tables"))
}

/// The cuts as extract tells them.
pub(crate) fn cuts(outcomes: &[(UnitKey, UnitOutcome)]) -> Option<Vec<StoreEntry>> {
    of_phase(outcomes, Phase::Extraction).find_map(|(_, one)| field(&one.facts, "stores"))
}

/// References between stores without a partner, as extract tells them.
pub(crate) fn unmatched_between_stores(outcomes: &[(UnitKey, UnitOutcome)]) -> Option<u64> {
    of_phase(outcomes, Phase::Extraction)
        .find_map(|(_, one)| field(&one.facts, "unmatched_between_stores"))
}

/// The check on rows that were not extracted, as extract tells it.
pub(crate) fn left_behind(outcomes: &[(UnitKey, UnitOutcome)]) -> Option<LeftBehindReport> {
    of_phase(outcomes, Phase::Extraction).find_map(|(_, one)| field(&one.facts, "left_behind"))
}

/// Masked cells of one table by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MaskedCells {
    pub(crate) total: u64,
    pub(crate) by_class: BTreeMap<ColumnClass, u64>,
}

/// What the mask units counted: `masked_cells`, a number per class.
pub(crate) fn masked_cells(outcomes: &[(UnitKey, UnitOutcome)]) -> BTreeMap<TableRef, MaskedCells> {
    of_phase(outcomes, Phase::Anonymization)
        .filter_map(|(unit, one)| {
            let table = unit.table.clone().or_else(|| field(&one.facts, "table"))?;
            let by_class: BTreeMap<ColumnClass, u64> = field(&one.facts, "masked_cells")?;
            Some((
                table,
                MaskedCells {
                    total: by_class.values().sum(),
                    by_class,
                },
            ))
        })
        .collect()
}

/// What load tells of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct LoadedRows {
    pub(crate) inserted: Option<u64>,
    pub(crate) updated: Option<u64>,
    pub(crate) unchanged: Option<u64>,
    pub(crate) left: Option<u64>,
}

#[derive(Deserialize)]
struct LoadedTable {
    table: TableRef,
    #[serde(flatten)]
    rows: LoadedRows,
}

/// The merge units' tables.
pub(crate) fn loaded_rows(outcomes: &[(UnitKey, UnitOutcome)]) -> BTreeMap<TableRef, LoadedRows> {
    of_phase(outcomes, Phase::Loading)
        .filter(|(unit, _)| unit.step == "merge")
        .filter_map(|(_, one)| field::<Vec<LoadedTable>>(&one.facts, "tables"))
        .flatten()
        .map(|one| (one.table, one.rows))
        .collect()
}

/// The preflight's forecast.
pub(crate) fn forecast(outcomes: &[(UnitKey, UnitOutcome)]) -> Vec<ForecastReport> {
    of_phase(outcomes, Phase::Loading)
        .find_map(|(_, one)| field(&one.facts, "forecast"))
        .unwrap_or_default()
}

/// Rows that an undo took back, per table.
pub(crate) fn taken_back(outcomes: &[(UnitKey, UnitOutcome)]) -> BTreeMap<TableRef, u64> {
    let mut rows = BTreeMap::new();
    for (_, one) in outcomes {
        let tables: Vec<(TableRef, BTreeMap<String, u64>)> =
            field(&one.facts, "tables").unwrap_or_default();
        for (table, counts) in tables {
            *rows.entry(table).or_default() += counts.values().sum::<u64>();
        }
    }
    rows
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UndoneRows {
    deleted: u64,
    restored: u64,
    reinserted: u64,
}

/// What the check of an undo found that it would do, per table, in the order of its groups.
pub(crate) fn undo_forecast(outcomes: &[(UnitKey, UnitOutcome)]) -> Vec<UndoForecastReport> {
    let groups = of_phase(outcomes, Phase::Loading)
        .filter_map(|(_, one)| field::<Vec<Value>>(&one.facts, "groups"))
        .flatten();
    let tables = groups.filter_map(|group| {
        let undo = group.get("undo")?.clone();
        field::<Vec<(TableRef, UndoneRows)>>(&undo, "tables")
    });
    let forecast = |(table, rows): (TableRef, UndoneRows)| UndoForecastReport {
        table,
        remove: rows.deleted,
        restore: rows.restored,
        reinsert: rows.reinserted,
    };
    tables.flatten().map(forecast).collect()
}

pub(crate) fn of_phase(
    outcomes: &[(UnitKey, UnitOutcome)],
    phase: Phase,
) -> impl Iterator<Item = &(UnitKey, UnitOutcome)> {
    outcomes.iter().filter(move |(unit, _)| unit.phase == phase)
}
