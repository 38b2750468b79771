//! Sections about rows and fields: per store, per table, per class, and at the boundaries.

use std::collections::BTreeMap;

use redistrict_model::{ColumnClass, StoreName};

use super::name;
use crate::data::{ClassReport, MaskReport, ReportData, TableReport, UndoForecastReport};
use crate::document::{Cells, Section, Table};
use crate::format::{recorded, thousands};
use crate::summary::is_taken_back;

/// Names of what is counted of a table, with where it stands.
type Count = (&'static str, fn(&TableReport) -> Option<u64>);

const COUNTS: [Count; 8] = [
    ("Own", |table| table.own),
    ("Shared", |table| table.shared),
    ("Stubs", |table| table.stubs),
    ("Masked fields", |table| table.masked),
    ("Inserted", |table| table.inserted),
    ("Updated", |table| table.updated),
    ("Unchanged", |table| table.unchanged),
    ("Left", |table| table.left),
];

const MEANING: &str = "Own rows belong to the district; shared rows are referred to by them; stubs are \
rows of which only the key and the mandatory columns come. Left: there already, different, and left as \
they are.";

/// What was recorded of any table, and the names of what was not.
fn recorded_counts(data: &ReportData) -> (Vec<Count>, Vec<&'static str>) {
    let is_known = |count: &Count| data.tables.iter().any(|table| count.1(table).is_some());
    let (known, unknown): (Vec<Count>, Vec<Count>) =
        COUNTS.iter().copied().partition(|count| is_known(count));
    (known, unknown.into_iter().map(|(name, _)| name).collect())
}

fn not_recorded(section: Section, names: &[&str]) -> Section {
    if names.is_empty() {
        return section;
    }
    section.text(format!(
        "Not recorded: {}.",
        names.join(", ").to_lowercase()
    ))
}

fn sum(tables: &[&TableReport], count: fn(&TableReport) -> Option<u64>) -> Option<u64> {
    let known: Vec<u64> = tables.iter().filter_map(|table| count(table)).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

fn extracted(table: &TableReport) -> Option<u64> {
    Some(table.own? + table.shared? + table.stubs?)
}

/// Rows and fields added up per store.
pub(super) fn stores(data: &ReportData) -> Section {
    let mut section = Section::new("rows-per-store", "Rows per store");
    let mut stores: Vec<(&StoreName, Vec<&TableReport>)> = Vec::new();
    for table in &data.tables {
        match stores
            .iter_mut()
            .find(|(store, _)| *store == &table.table.store)
        {
            Some((_, tables)) => tables.push(table),
            None => stores.push((&table.table.store, vec![table])),
        }
    }
    let (known, unknown) = recorded_counts(data);
    if known.is_empty() {
        return section.text("Not recorded.");
    }
    if data.totals.loaded == Some(0) && data.failure.is_some() {
        section = section.text("What had been loaded was taken back.");
    }
    let rows = stores.iter().map(|(store, tables)| {
        let mut row = vec![store.to_string(), thousands(tables.len() as u64)];
        row.push(recorded(sum(tables, extracted)));
        row.extend(known.iter().map(|(_, count)| recorded(sum(tables, *count))));
        row
    });
    let mut columns = vec![
        ("Store", Cells::Code),
        ("Tables", Cells::Number),
        ("Extracted rows", Cells::Number),
    ];
    columns.extend(known.iter().map(|(name, _)| (*name, Cells::Number)));
    let bars = stores
        .iter()
        .map(|(_, tables)| sum(tables, extracted).unwrap_or(0));
    let table = Table::new("Rows and masked fields of each store", columns, rows).with_bars(bars);
    not_recorded(section.table(table).text(MEANING), &unknown)
}

/// The same per table.
pub(super) fn tables(data: &ReportData) -> Section {
    let section = Section::new("rows-per-table", "Rows per table");
    let (known, unknown) = recorded_counts(data);
    if known.is_empty() {
        return section.text("Not recorded.");
    }
    let mut columns = vec![("Table", Cells::Code), ("Role", Cells::Word)];
    columns.extend(known.iter().map(|(name, _)| (*name, Cells::Number)));
    let rows = data.tables.iter().map(|table| {
        let mut row = vec![table.table.to_string(), table.role.clone()];
        row.extend(known.iter().map(|(_, count)| recorded(count(table))));
        row
    });
    let table = Table::new("Rows and masked fields of each table", columns, rows);
    not_recorded(section.table(table), &unknown)
}

/// For a dry run: what a load would do.
pub(super) fn forecast(data: &ReportData) -> Option<Section> {
    if !data.is_dry_run || data.is_undo {
        return None;
    }
    let section = Section::new(
        "forecast",
        "Forecast for CERT (dry run: nothing was written)",
    );
    if data.forecast.is_empty() {
        return Some(section.text("Not recorded."));
    }
    let rows = data.forecast.iter().map(|one| {
        let numbers = [one.rows, one.insert, one.update, one.leave, one.conflict];
        let mut row = vec![one.table.to_string()];
        row.extend(numbers.map(thousands));
        row
    });
    let columns = [
        ("Table", Cells::Code),
        ("Rows", Cells::Number),
        ("Insert", Cells::Number),
        ("Update", Cells::Number),
        ("Leave", Cells::Number),
        ("Conflict", Cells::Number),
    ];
    Some(section.table(Table::new("What a load would do", columns, rows)))
}

/// For an undo: the rows that were taken back, or would be.
pub(super) fn taken_back(data: &ReportData) -> Option<Section> {
    if !data.is_undo {
        return None;
    }
    if data.is_dry_run || !is_taken_back(data) {
        return Some(to_take_back(data));
    }
    let (title, head) = ("Rows taken back", "Taken back");
    let section = Section::new("taken-back", title);
    let known: Vec<&TableReport> = data
        .tables
        .iter()
        .filter(|table| table.taken_back.is_some())
        .collect();
    if known.is_empty() {
        return Some(section.text("None is recorded."));
    }
    let rows = known
        .iter()
        .map(|table| vec![table.table.to_string(), recorded(table.taken_back)]);
    let columns = [("Table", Cells::Code), (head, Cells::Number)];
    let bars = known.iter().map(|table| table.taken_back.unwrap_or(0));
    Some(section.table(
        Table::new("Rows deleted, restored and put in again", columns, rows).with_bars(bars),
    ))
}

/// What an undo would do, that has not done it.
fn to_take_back(data: &ReportData) -> Section {
    let title = match data.is_dry_run {
        true => "Rows that would be taken back",
        false => "Rows to take back: it is not done",
    };
    let section = Section::new("taken-back", title);
    if data.undo_forecast.is_empty() {
        return section.text("None is recorded.");
    }
    let rows = data.undo_forecast.iter().map(|one| {
        let numbers = [one.remove, one.restore, one.reinsert];
        let mut row = vec![one.table.to_string()];
        row.extend(numbers.map(thousands));
        row
    });
    let columns = [
        ("Table", Cells::Code),
        ("Remove", Cells::Number),
        ("Restore", Cells::Number),
        ("Put in again", Cells::Number),
    ];
    let bars = data.undo_forecast.iter().map(UndoForecastReport::rows);
    section.table(Table::new("What the undo would do", columns, rows).with_bars(bars))
}

/// Masked columns and fields by class.
pub(super) fn masks(data: &ReportData) -> Section {
    let section = Section::new("masks", "Masked fields");
    if data.masks.is_empty() {
        return section.text("The plan masks no column.");
    }
    let mut classes: BTreeMap<ColumnClass, Vec<&MaskReport>> = BTreeMap::new();
    for mask in &data.masks {
        classes.entry(mask.class).or_default().push(mask);
    }
    let rows = classes.iter().map(|(class, masks)| {
        vec![
            name(class),
            kinds_of(masks),
            thousands(masks.iter().map(|mask| mask.columns).sum()),
            recorded(fields(data, *class)),
        ]
    });
    let columns = [
        ("Class", Cells::Code),
        ("Kind of mask", Cells::Text),
        ("Columns", Cells::Number),
        ("Fields", Cells::Number),
    ];
    let bars = classes
        .keys()
        .map(|class| fields(data, *class).unwrap_or(0));
    let table = Table::new("Masked fields of each class", columns, rows).with_bars(bars);
    section.text(MASKS).table(table)
}

const MASKS: &str = "Fields are masked cells that were not NULL. Reserved: the output lies in a range that \
no real person can have. In-format: a keyed permutation of the whole format. Synthetic: invented content \
of the same type.";

/// None where nothing was counted; a class that no cell had is 0.
fn fields(data: &ReportData, class: ColumnClass) -> Option<u64> {
    let of_class = |one: &&ClassReport| one.class == class;
    let counted = data.fields_by_class.iter().find(of_class);
    match data.fields_by_class.is_empty() {
        true => None,
        false => Some(counted.map_or(0, |one| one.fields)),
    }
}

/// `reserved`; of several kinds `18 in-format, 35 synthetic`.
fn kinds_of(masks: &[&MaskReport]) -> String {
    if let [one] = masks {
        return name(one.kind);
    }
    let kinds: Vec<String> = masks
        .iter()
        .map(|mask| format!("{} {}", thousands(mask.columns), name(mask.kind)))
        .collect();
    kinds.join(", ")
}

/// References to rows that stay where they are.
pub(super) fn boundaries(data: &ReportData) -> Section {
    let section = Section::new("boundaries", "Boundaries");
    if data.boundaries.is_empty() {
        return section.text("No reference leads out of the district.");
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded".to_owned());
    let rows = data.boundaries.iter().map(|one| {
        vec![
            one.reference.clone(),
            text(&one.leads),
            text(&one.policy),
            thousands(one.rows),
        ]
    });
    let columns = [
        ("Reference", Cells::Code),
        ("Leads to", Cells::Text),
        ("Policy", Cells::Word),
        ("Rows", Cells::Number),
    ];
    section.table(Table::new(
        "References that lead out of the district",
        columns,
        rows,
    ))
}
