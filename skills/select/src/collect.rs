//! Measures the districts: the tenant root whole, and of each table that refers to it directly by an
//! owner edge a bounded sample.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Column, ColumnRef, ColumnType, DistrictId, Edge, ErrorKind, ExtractSection, KeyRow, Owner,
    OwnerKind, StoreName, Table, TableRef,
};
use redistrict_skill::SkillError;
use redistrict_store::{KeyReader, KeyRequest, Selector, StoreError, StoreErrorKind};

use crate::data::{CountedTable, DistrictFacts, Measurement, RowCount};
use crate::dates::Quarter;
use crate::rank::by_key;

/// Rows looked at per table.
pub const DEFAULT_SAMPLE_ROWS: u32 = 20_000;
/// Columns looked at per table to measure completeness.
const MAX_COLUMNS: usize = 32;

/// What [`collect`] needs to know.
#[derive(Clone, Copy, Debug)]
pub struct CollectInput<'a> {
    /// Catalogs, ownership and tables, as planned.
    pub section: &'a ExtractSection,
    /// The column of the root table with the district's name.
    pub name_column: Option<&'a str>,
    /// The name is about no person and may be printed. If not, it is not even read.
    pub is_name_public: bool,
    /// Dates that tell nothing about activity: birth dates.
    pub not_activity: &'a BTreeSet<ColumnRef>,
    /// At most so many rows are looked at per table.
    pub sample_rows: u32,
}

/// Measures all districts.
///
/// *Rows* are those of the tables whose owner list has a path edge to the root table; tables further
/// down are not counted (their rows follow the ones that are). A row is the district's that its first
/// such edge without NULL names. Where the sample does not hold the whole table, counts are
/// extrapolated from the table's exact count and say so; a sample need not be a fair one.
/// *Activity* is the share of sampled rows whose date lies in the newest quarter that the table has, by
/// its first date or timestamp column; *completeness* the share of sampled cells that are not NULL in
/// at most 32 nullable columns. A table that cannot be counted is left out with a note.
///
/// # Errors
/// A failing store, or no reader for one.
pub async fn collect<R: KeyReader + ?Sized>(
    readers: &mut BTreeMap<StoreName, Box<R>>,
    input: &CollectInput<'_>,
) -> Result<Measurement, SkillError> {
    let mut tally = Tally::new(districts(readers, input).await?);
    for planned in &input.section.tables {
        let edges = root_edges(input.section, &planned.table);
        let Some(table) = input.section.catalog_table(&planned.table) else {
            continue;
        };
        if edges.is_empty() {
            continue;
        }
        let sample = Sample::of(table, edges, input);
        let reader = reader_of(readers, &planned.table)?;
        let rows = match reader.keys(&sample.request(input.sample_rows)).await {
            Ok(rows) => rows,
            Err(error) if error.kind == StoreErrorKind::Config => {
                tally
                    .notes
                    .push(format!("{} was not counted: {error}", planned.table));
                continue;
            }
            Err(error) => return Err(store_failed(&error)),
        };
        let count = reader
            .count(&planned.table)
            .await
            .map_err(|error| store_failed(&error))?;
        tally.add(&sample, &rows, count);
    }
    Ok(tally.finish(input))
}

fn reader_of<'r, R: KeyReader + ?Sized>(
    readers: &'r mut BTreeMap<StoreName, Box<R>>,
    table: &TableRef,
) -> Result<&'r mut R, SkillError> {
    let reader = readers.get_mut(&table.store).ok_or_else(|| {
        SkillError::new(
            ErrorKind::Bug,
            format!("select: nothing reads store {}", table.store),
        )
    })?;
    Ok(reader.as_mut())
}

fn store_failed(error: &StoreError) -> SkillError {
    let mut failed = SkillError::because(error.error_kind(), "measure the districts", error);
    failed.hints.extend(error.hint.clone());
    failed
}

/// The path edges from a table to the root, in the order in which they are asked.
fn root_edges<'s>(section: &'s ExtractSection, table: &TableRef) -> Vec<&'s Edge> {
    let ownership = &section.ownership;
    let owners: &[Owner] = ownership
        .table(table)
        .map_or(&[], |role| role.owners.as_slice());
    owners
        .iter()
        .filter(|owner| owner.kind == OwnerKind::Path)
        .filter_map(|owner| ownership.edges.get(owner.edge.index()))
        .filter(|edge| edge.parent == ownership.root && edge.child != ownership.root)
        .collect()
}

/// A root row: its key, its name, and its values in every list of columns that edges refer to.
struct District {
    id: DistrictId,
    name: Option<String>,
    values: BTreeMap<String, String>,
}

async fn districts<R: KeyReader + ?Sized>(
    readers: &mut BTreeMap<StoreName, Box<R>>,
    input: &CollectInput<'_>,
) -> Result<Vec<District>, SkillError> {
    let ownership = &input.section.ownership;
    let referred = ownership
        .edges
        .iter()
        .filter(|edge| edge.parent == ownership.root);
    let mut columns: Vec<String> = ownership.root_key.clone();
    columns.extend(referred.flat_map(|edge| edge.parent_columns.clone()));
    let name = input
        .name_column
        .filter(|_| input.is_name_public)
        .map(str::to_owned);
    columns.extend(name.clone());
    let columns: Vec<String> = columns
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let request = KeyRequest {
        table: ownership.root.clone(),
        columns: columns.clone(),
        selector: Selector::All,
    };
    let reader = reader_of(readers, &ownership.root)?;
    let rows = reader
        .keys(&request)
        .await
        .map_err(|error| store_failed(&error))?;
    let mut districts: Vec<District> = rows
        .into_iter()
        .filter_map(|row| {
            let values: BTreeMap<String, String> = columns
                .iter()
                .zip(row.values)
                .filter_map(|(column, value)| Some((column.clone(), value?.into_string())))
                .collect();
            let key: Option<Vec<&str>> = ownership
                .root_key
                .iter()
                .map(|one| values.get(one).map(String::as_str))
                .collect();
            Some(District {
                id: DistrictId::new(key?.join(",")),
                name: name.as_ref().and_then(|name| values.get(name).cloned()),
                values,
            })
        })
        .collect();
    districts.sort_by(|a, b| by_key(&a.id, &b.id));
    Ok(districts)
}

/// What is asked of one table, and where each answer stands.
struct Sample<'s> {
    table: TableRef,
    edges: Vec<&'s Edge>,
    columns: Vec<String>,
    dated_by: Option<String>,
    nullable: Vec<String>,
}

impl<'s> Sample<'s> {
    fn of(table: &Table, edges: Vec<&'s Edge>, input: &CollectInput<'_>) -> Self {
        let is_dated = |column: &&Column| {
            matches!(
                column.column_type,
                ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz
            ) && !input
                .not_activity
                .contains(&table.name.column(&column.name))
        };
        let is_light = |column: &&Column| {
            column.nullable
                && !matches!(
                    column.column_type,
                    ColumnType::Bytes | ColumnType::Json | ColumnType::Other
                )
        };
        let dated_by = table
            .columns
            .iter()
            .find(is_dated)
            .map(|column| column.name.clone());
        let light = table.columns.iter().filter(is_light).take(MAX_COLUMNS);
        let nullable: Vec<String> = light.map(|column| column.name.clone()).collect();
        let mut columns: BTreeSet<String> = nullable.iter().chain(&dated_by).cloned().collect();
        for edge in &edges {
            columns.extend(edge.child_columns.iter().cloned());
            columns.extend(edge.when.iter().map(|(column, _)| column.clone()));
        }
        Self {
            table: table.name.clone(),
            edges,
            columns: columns.into_iter().collect(),
            dated_by,
            nullable,
        }
    }

    fn request(&self, limit: u32) -> KeyRequest {
        KeyRequest {
            table: self.table.clone(),
            columns: self.columns.clone(),
            selector: Selector::Sample { limit },
        }
    }

    fn value<'r>(&self, row: &'r KeyRow, column: &str) -> Option<&'r str> {
        let at = self.columns.iter().position(|one| one == column)?;
        row.values.get(at)?.as_deref()
    }

    /// The place of the first edge without NULL, and the values it names.
    fn reference<'r>(&self, row: &'r KeyRow) -> Option<(usize, Vec<&'r str>)> {
        self.edges.iter().enumerate().find_map(|(place, edge)| {
            let is_meant = edge.when.iter().all(|(column, texts)| {
                self.value(row, column)
                    .is_some_and(|text| texts.iter().any(|one| one == text))
            });
            let values: Option<Vec<&str>> = edge
                .child_columns
                .iter()
                .map(|column| self.value(row, column))
                .collect();
            Some((place, values.filter(|_| is_meant)?))
        })
    }
}

/// What is known of one district so far.
#[derive(Clone, Default)]
struct Counts {
    rows_by_table: BTreeMap<TableRef, RowCount>,
    dated: u64,
    recent: u64,
    cells: u64,
    filled: u64,
}

struct Tally {
    districts: Vec<District>,
    counts: Vec<Counts>,
    tables: Vec<CountedTable>,
    notes: Vec<String>,
}

impl Tally {
    fn new(districts: Vec<District>) -> Self {
        let counts = vec![Counts::default(); districts.len()];
        Self {
            districts,
            counts,
            tables: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds the sample of one table that has so many rows.
    fn add(&mut self, sample: &Sample<'_>, rows: &[KeyRow], count: u64) {
        let by_edge: Vec<BTreeMap<Vec<&str>, usize>> = sample
            .edges
            .iter()
            .map(|edge| by_columns(&self.districts, &edge.parent_columns))
            .collect();
        let date = |row: &KeyRow| {
            sample
                .dated_by
                .as_ref()
                .and_then(|column| Quarter::of(sample.value(row, column)?))
        };
        let newest = rows.iter().filter_map(date).max();
        let mut sampled = vec![0_u64; self.districts.len()];
        for row in rows {
            let Some((edge, values)) = sample.reference(row) else {
                continue;
            };
            let Some(district) = by_edge[edge].get(&values).copied() else {
                continue;
            };
            sampled[district] += 1;
            let counts = &mut self.counts[district];
            let quarter = date(row);
            counts.dated += u64::from(quarter.is_some());
            counts.recent += u64::from(quarter.is_some() && quarter == newest);
            counts.cells += sample.nullable.len() as u64;
            let is_filled = |column: &&String| sample.value(row, column).is_some();
            counts.filled += sample.nullable.iter().filter(is_filled).count() as u64;
        }
        let looked_at = rows.len() as u64;
        let is_estimated = looked_at < count;
        for (counts, seen) in self.counts.iter_mut().zip(sampled) {
            let rows = if is_estimated {
                extrapolate(seen, count, looked_at)
            } else {
                seen
            };
            let count = RowCount { rows, is_estimated };
            counts.rows_by_table.insert(sample.table.clone(), count);
        }
        self.tables.push(CountedTable {
            table: sample.table.clone(),
            rows: count,
            sampled: looked_at,
            dated_by: sample.dated_by.clone(),
        });
    }

    fn finish(mut self, input: &CollectInput<'_>) -> Measurement {
        if self.tables.is_empty() {
            let root = &input.section.ownership.root;
            self.notes.push(format!(
                "no table refers to {root} directly: sizes are not known"
            ));
        }
        if self.tables.iter().all(|table| table.dated_by.is_none()) {
            self.notes
                .push("activity was not measured: no counted table has a date".to_owned());
        }
        for table in self
            .tables
            .iter()
            .filter(|table| table.sampled < table.rows)
        {
            self.notes.push(format!(
                "{}: extrapolated from {} of {} rows",
                table.table, table.sampled, table.rows
            ));
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| ratio(part, whole));
        let districts = self
            .districts
            .into_iter()
            .zip(self.counts)
            .map(|(district, counts)| DistrictFacts {
                district: district.id,
                name: district.name,
                rows_by_table: counts.rows_by_table,
                activity: share(counts.recent, counts.dated),
                completeness: share(counts.filled, counts.cells),
            })
            .collect();
        Measurement {
            districts,
            tables: self.tables,
            notes: self.notes,
        }
    }
}

/// From the values of some root columns to the district; rows with a NULL among them are left out.
fn by_columns<'d>(districts: &'d [District], columns: &[String]) -> BTreeMap<Vec<&'d str>, usize> {
    districts
        .iter()
        .enumerate()
        .filter_map(|(place, district)| {
            let values: Option<Vec<&str>> = columns
                .iter()
                .map(|column| district.values.get(column).map(String::as_str))
                .collect();
            Some((values?, place))
        })
        .collect()
}

fn extrapolate(seen: u64, count: u64, looked_at: u64) -> u64 {
    let rows = u128::from(seen) * u128::from(count) / u128::from(looked_at.max(1));
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of sampled rows is exact enough"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
