//! Measures the districts: the tenant root whole, and each table whose rows can be told to belong to one by
//! what they refer to. Counts are exact; what a count does not tell is told by a bounded sample.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Column, ColumnRef, ColumnType, DistrictId, Edge, ErrorKind, ExtractSection, KeyRow, OrgPart,
    StoreName, Table, TableRef,
};
use redistrict_skill::SkillError;
use redistrict_store::{
    KeyReader, KeyRequest, Selector, StoreError, StoreErrorKind, Tally as Counted, TallyRequest,
};

use crate::data::Measurement;
use crate::places::{Places, as_base, bases, path_edges, referred_columns};
use crate::rank::by_key;
use crate::tally::Tally;

/// Rows looked at per table.
pub const DEFAULT_SAMPLE_ROWS: u32 = 20_000;
/// Columns looked at per table to measure completeness.
const MAX_COLUMNS: usize = 32;
/// A table of at most so many rows is known row by row: what belongs to them is counted, too.
const KNOWN_ROWS: u64 = 10_000;
/// So many different references of a table are counted one by one.
const MOST_REFERENCES: u32 = 100_000;

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
/// *Rows* are those of the tables whose owner list has a path edge to the root table, to another organisation,
/// or to a table of at most 10,000 rows that is counted itself; tables further down are not counted and named
/// in a note by their number (their rows follow the ones that are). A row is the district's to which its first
/// such edge leads that leads to one. Every count is exact, whatever statistics a server has or lacks; only
/// where a table has more than 100,000 different references the counts are extrapolated from the sample, and
/// say so.
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
    let mut places = Places::default();
    let mut tally = Tally::new(districts(readers, input, &mut places).await?);
    let is_organisation = |table: &TableRef| {
        let role = input.section.ownership.table(table);
        role.is_some_and(|role| role.org == Some(OrgPart::Sibling))
    };
    let tables = || input.section.tables.iter().map(|planned| &planned.table);
    // Organisations first: base rows of others than the root are known by them.
    let organisations = tables().filter(|table| is_organisation(table));
    for table in organisations.chain(tables().filter(|table| !is_organisation(table))) {
        one(readers, input, table, &mut places, &mut tally).await?;
    }
    Ok(tally.finish(input))
}

/// Counts one table, and remembers its rows if they are few.
async fn one<R: KeyReader + ?Sized>(
    readers: &mut BTreeMap<StoreName, Box<R>>,
    input: &CollectInput<'_>,
    table: &TableRef,
    places: &mut Places,
    tally: &mut Tally,
) -> Result<(), SkillError> {
    let edges = path_edges(input.section, table, places);
    let Some(catalog) = input.section.catalog_table(table) else {
        return Ok(());
    };
    if edges.is_empty() {
        tally.leave_out(input.section, table);
        return Ok(());
    }
    let sample = Sample::of(catalog, edges, input);
    let reader = reader_of(readers, table)?;
    let rows = match reader.keys(&sample.request(input.sample_rows)).await {
        Ok(rows) => rows,
        Err(error) if error.kind == StoreErrorKind::Config => {
            tally.note(format!("{table} was not counted: {error}"));
            return Ok(());
        }
        Err(error) => return Err(store_failed(&error)),
    };
    let count = reader
        .count(table)
        .await
        .map_err(|error| store_failed(&error))?;
    let counted = match count > rows.len() as u64 {
        true => Some(counted(reader, &sample).await?),
        false => None,
    };
    let whole = counted
        .as_ref()
        .filter(|one| one.different == one.values.len() as u64);
    tally.add(&sample, &rows, count, whole, places);
    if count > KNOWN_ROWS {
        return Ok(());
    }
    let mut columns = sample.columns.clone();
    columns.extend(referred_columns(input.section, table));
    columns.sort_unstable();
    columns.dedup();
    let request = KeyRequest {
        table: table.clone(),
        columns: columns.clone(),
        selector: Selector::All,
    };
    let rows = match reader.keys(&request).await {
        Ok(rows) => rows,
        Err(error) if error.kind == StoreErrorKind::Config => return Ok(()),
        Err(error) => return Err(store_failed(&error)),
    };
    let labelled: Vec<(KeyRow, usize)> = rows
        .into_iter()
        .filter_map(|row| {
            let district = places.find(&sample.edges, &columns, &row.values)?;
            Some((row, district))
        })
        .collect();
    learn(input.section, table, &columns, &labelled, places);
    Ok(())
}

/// Remembers rows, and of organisations their base rows.
fn learn(
    section: &ExtractSection,
    table: &TableRef,
    columns: &[String],
    rows: &[(KeyRow, usize)],
    places: &mut Places,
) {
    let labelled = rows.iter().map(|(row, district)| (row, *district));
    places.learn(section, table, columns, labelled);
    for edge in bases(section, table) {
        let rows: Vec<(KeyRow, usize)> = (rows.iter())
            .map(|(row, district)| (as_base(edge, columns, row), *district))
            .collect();
        let rows = rows.iter().map(|(row, district)| (row, *district));
        places.learn(section, &edge.parent, &edge.parent_columns, rows);
    }
}

/// How many rows have which references.
async fn counted<R: KeyReader + ?Sized>(
    reader: &mut R,
    sample: &Sample<'_>,
) -> Result<Counted, SkillError> {
    let request = TallyRequest {
        table: sample.table.clone(),
        columns: sample.references.clone(),
        present: Vec::new(),
        limit: MOST_REFERENCES,
    };
    let counted = reader.tally(&request).await;
    counted.map_err(|error| store_failed(&error))
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

/// A root row: its key and its name.
pub(crate) struct District {
    pub(crate) id: DistrictId,
    pub(crate) name: Option<String>,
}

async fn districts<R: KeyReader + ?Sized>(
    readers: &mut BTreeMap<StoreName, Box<R>>,
    input: &CollectInput<'_>,
    places: &mut Places,
) -> Result<Vec<District>, SkillError> {
    let ownership = &input.section.ownership;
    let mut columns: BTreeSet<String> = ownership.root_key.iter().cloned().collect();
    columns.extend(referred_columns(input.section, &ownership.root));
    let name = input.name_column.filter(|_| input.is_name_public);
    columns.extend(name.map(str::to_owned));
    let columns: Vec<String> = columns.into_iter().collect();
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
    let mut districts: Vec<(District, KeyRow)> = rows
        .into_iter()
        .filter_map(|row| {
            let value = |name: &str| {
                let place = columns.iter().position(|column| column == name)?;
                row.values.get(place)?.as_deref()
            };
            let key: Option<Vec<&str>> =
                ownership.root_key.iter().map(|name| value(name)).collect();
            let district = District {
                id: DistrictId::new(key?.join(",")),
                name: name.and_then(value).map(str::to_owned),
            };
            Some((district, row))
        })
        .collect();
    districts.sort_by(|a, b| by_key(&a.0.id, &b.0.id));
    let (districts, rows): (Vec<District>, Vec<KeyRow>) = districts.into_iter().unzip();
    let rows: Vec<(KeyRow, usize)> = rows.into_iter().zip(0..).collect();
    learn(input.section, &ownership.root, &columns, &rows, places);
    Ok(districts)
}

/// What is asked of one table, and where each answer stands.
pub(crate) struct Sample<'s> {
    pub(crate) table: TableRef,
    pub(crate) edges: Vec<&'s Edge>,
    /// The columns that say what a row refers to.
    pub(crate) references: Vec<String>,
    /// These and all others that are looked at.
    pub(crate) columns: Vec<String>,
    pub(crate) dated_by: Option<String>,
    pub(crate) nullable: Vec<String>,
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
        let mut references = BTreeSet::new();
        for edge in &edges {
            references.extend(edge.child_columns.iter().cloned());
            references.extend(edge.when.iter().map(|(column, _)| column.clone()));
        }
        let mut columns: BTreeSet<String> = nullable.iter().chain(&dated_by).cloned().collect();
        columns.extend(references.iter().cloned());
        Self {
            table: table.name.clone(),
            edges,
            references: references.into_iter().collect(),
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

    pub(crate) fn value<'r>(&self, row: &'r KeyRow, column: &str) -> Option<&'r str> {
        let at = self.columns.iter().position(|one| one == column)?;
        row.values.get(at)?.as_deref()
    }
}
