//! Asks the stores what inference has to know: catalogs, counts, measurements, samples. The rules
//! are `redistrict_closure`'s.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::{
    ClosureError, Draft, Fetch, InferInput, MeasureRequest, Measurements, Measurer, evaluable,
    identities, infer,
};
use redistrict_model::{
    Catalog, ColumnRef, ColumnType, ErrorKind, Key, KeyRow, Measured, Ownership, Role, StoreName,
    Table, TableRef,
};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector, SourceCut, StoreError};

use crate::settings::Settings;

/// Rows looked at to tell shared from reference (docs/design/closure.md §4.3).
const MEASURE_SAMPLE: u32 = 2_000;
/// Rows looked at to tell what a column holds.
const COLUMN_SAMPLE: u32 = 1_000;

/// One open cut per store.
pub type Cuts = BTreeMap<StoreName, Box<dyn SourceCut>>;

/// Infers ownership, measuring round by round what depends on data.
///
/// # Errors
/// A failing store, or a contradiction that the configuration has to settle.
pub async fn infer_ownership(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    settings: &Settings,
) -> Result<Draft, SkillError> {
    let mut measurements = Measurements::new();
    loop {
        let draft = infer_with(catalogs, settings, &measurements)?;
        if draft.to_measure.is_empty() {
            return Ok(draft);
        }
        let before = measurements.len();
        for request in &draft.to_measure {
            let measured = measure(cuts, catalogs, &draft, request).await?;
            measurements.insert(request.table.clone(), measured);
        }
        if measurements.len() == before {
            return Err(SkillError::new(
                ErrorKind::Bug,
                "infer the owners: measuring does not end",
            ));
        }
    }
}

/// Infers ownership as far as nothing has to be measured. Tiers are final then.
pub(crate) fn infer_once(catalogs: &[Catalog], settings: &Settings) -> Result<Draft, SkillError> {
    infer_with(catalogs, settings, &Measurements::new())
}

fn infer_with(
    catalogs: &[Catalog],
    settings: &Settings,
    measurements: &Measurements,
) -> Result<Draft, SkillError> {
    let root = settings.root.as_ref().ok_or_else(|| {
        SkillError::new(
            ErrorKind::Config,
            "find the tenant root: [tenant] root is not set",
        )
    })?;
    let input = InferInput {
        catalogs,
        links: &settings.links,
        edges: &settings.edges,
        root,
        root_key: &settings.root_key,
        decisions: &settings.decisions,
    };
    infer(&input, measurements)
        .map_err(|error| SkillError::because(error.kind(), "infer the owners", &error))
}

async fn measure(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    draft: &Draft,
    request: &MeasureRequest,
) -> Result<Measured, SkillError> {
    let table = &request.table;
    let cut = cut_of(cuts, table)?;
    let rows = cut
        .count(table)
        .await
        .map_err(|error| store_failed(&error))?;
    let sample = KeyRequest {
        table: table.clone(),
        columns: Vec::new(),
        selector: Selector::Sample {
            limit: MEASURE_SAMPLE,
        },
    };
    let sample: Vec<Key> = cut
        .keys(&sample)
        .await
        .map_err(|error| store_failed(&error))?
        .into_iter()
        .map(|row| row.id)
        .collect();
    let made = evaluable(&draft.ownership, &identities(catalogs));
    let measurer = Measurer::new(&made.ownership, &made.identities, table, &sample, rows);
    let mut measurer = measurer.map_err(|error| closure_failed(&error))?;
    loop {
        let fetches = measurer.step().map_err(|error| closure_failed(&error))?;
        if fetches.is_empty() {
            return measurer.finish().map_err(|error| closure_failed(&error));
        }
        for fetch in &fetches {
            let rows = answer(cuts, fetch).await?;
            measurer
                .absorb(fetch, &rows)
                .map_err(|error| closure_failed(&error))?;
        }
    }
}

async fn answer(cuts: &mut Cuts, fetch: &Fetch) -> Result<Vec<KeyRow>, SkillError> {
    let request = KeyRequest {
        table: fetch.table.clone(),
        columns: fetch.columns.clone(),
        selector: Selector::Matching {
            columns: fetch.by.clone(),
            keys: fetch.keys.clone(),
        },
    };
    cut_of(cuts, &fetch.table)?
        .keys(&request)
        .await
        .map_err(|error| store_failed(&error))
}

/// Which tables hold rows, among those that are not excluded and not `known` to.
///
/// # Errors
/// A failing store.
pub async fn tables_with_rows(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    ownership: &Ownership,
    known: &BTreeSet<TableRef>,
) -> Result<BTreeSet<TableRef>, SkillError> {
    let mut found = BTreeSet::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let is_excluded = ownership
            .table(&table.name)
            .is_none_or(|role| role.role == Role::Excluded);
        if is_excluded || known.contains(&table.name) {
            continue;
        }
        let cut = cut_of(cuts, &table.name)?;
        if cut
            .count(&table.name)
            .await
            .map_err(|error| store_failed(&error))?
            > 0
        {
            found.insert(table.name.clone());
        }
    }
    Ok(found)
}

/// Sampled values of text columns and of arrays of texts of the tables that move, for classification. They stay in memory.
///
/// # Errors
/// A failing store.
pub async fn sample_columns(
    cuts: &mut Cuts,
    tables: &[&Table],
) -> Result<BTreeMap<ColumnRef, Vec<Option<Box<str>>>>, SkillError> {
    let mut samples = BTreeMap::new();
    for table in tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .filter(|column| {
                let single = column.element.unwrap_or(column.column_type);
                matches!(single, ColumnType::Text | ColumnType::Char)
            })
            .map(|column| column.name.clone())
            .collect();
        if columns.is_empty() {
            continue;
        }
        let request = KeyRequest {
            table: table.name.clone(),
            columns: columns.clone(),
            selector: Selector::Sample {
                limit: COLUMN_SAMPLE,
            },
        };
        let rows = cut_of(cuts, &table.name)?
            .keys(&request)
            .await
            .map_err(|error| store_failed(&error))?;
        for (position, column) in columns.iter().enumerate() {
            let values = rows
                .iter()
                .map(|row| row.values[position].clone())
                .collect();
            samples.insert(table.name.column(column), values);
        }
    }
    Ok(samples)
}

pub(crate) fn cut_of<'a>(
    cuts: &'a mut Cuts,
    table: &TableRef,
) -> Result<&'a mut Box<dyn SourceCut>, SkillError> {
    cuts.get_mut(&table.store).ok_or_else(|| {
        SkillError::new(
            ErrorKind::Bug,
            format!("read {table}: its store has no open cut"),
        )
    })
}

fn closure_failed(error: &ClosureError) -> SkillError {
    SkillError::because(error.kind(), "measure who uses a table", error)
}

pub(crate) fn store_failed(error: &StoreError) -> SkillError {
    let failed = SkillError::new(error.error_kind(), error.to_string());
    match &error.hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}
