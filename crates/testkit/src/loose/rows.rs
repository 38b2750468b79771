//! The rows: each of one district, and all that it refers to of the same one.

use super::{Convention, DISTRICTS, Owned, Reference, Row, Table};
use crate::types::Random;

/// Rows of tables that every part refers to, by name.
const MANY: [(&str, usize); 4] = [
    ("students", 400),
    ("staff", 90),
    ("courses", 60),
    ("schools", 12),
];
/// The text of rows whose kind no table has.
pub(super) const GHOST: &str = "Legacy";

pub(super) fn fill(tables: &mut [Table], random: &mut Random) {
    for at in 0..tables.len() {
        let rows = rows(tables, at, random);
        tables[at].rows = rows;
    }
}

fn rows(tables: &[Table], at: usize, random: &mut Random) -> Vec<Row> {
    let table = &tables[at];
    let many = MANY.iter().find(|(name, _)| *name == table.name);
    let count = match (table.owned, many) {
        (Owned::Root, _) => DISTRICTS as usize,
        (_, Some((_, count))) => *count,
        (Owned::Nobody, _) => 8 + random.below(20),
        (Owned::ByDistrict, _) => 24 + random.below(90),
    };
    let mut rows: Vec<Row> = Vec::with_capacity(count);
    for number in 0..count {
        let district = match table.owned {
            Owned::Root => u32::try_from(number).ok().map(|number| number + 1),
            Owned::Nobody => None,
            // Each has some of every table; after that at random.
            Owned::ByDistrict if number < 2 * DISTRICTS as usize => u32::try_from(number)
                .ok()
                .map(|number| number % DISTRICTS + 1),
            Owned::ByDistrict => u32::try_from(random.below(DISTRICTS as usize))
                .ok()
                .map(|one| one + 1),
        };
        let row = row(tables, at, &rows, (number, district), random);
        rows.push(row);
    }
    rows
}

fn row(
    tables: &[Table],
    at: usize,
    before: &[Row],
    (number, district): (usize, Option<u32>),
    random: &mut Random,
) -> Row {
    let table = &tables[at];
    let mut values: Vec<Option<String>> = vec![None; table.columns.len()];
    values[0] = Some((number + 1).to_string());
    let kinds: Vec<&Reference> = (table.references.iter())
        .filter(|reference| reference.convention == Convention::Kind)
        .collect();
    let kind = (!kinds.is_empty()).then(|| random.below(kinds.len()));
    for (place, reference) in table.references.iter().enumerate() {
        if kind.is_some_and(|kind| place != kind) {
            continue;
        }
        if reference.is_optional
            && (reference.parent == at && before.len() < 8 || random.below(5) == 0)
        {
            continue;
        }
        let parent = &tables[reference.parent];
        let rows = if reference.parent == at {
            before
        } else {
            &parent.rows
        };
        // A key whose parts are there already has to fit them.
        let set: Vec<(usize, usize)> = (reference.columns.iter().zip(&reference.parent_columns))
            .map(|(from, to)| (table.place(from), parent.place(to)))
            .collect();
        let fits = |row: &&Row| {
            (row.district.is_none() || row.district == district)
                && set
                    .iter()
                    .all(|(from, to)| values[*from].is_none() || values[*from] == row.values[*to])
        };
        let fitting: Vec<&Row> = rows.iter().filter(fits).collect();
        if fitting.is_empty() {
            continue;
        }
        let chosen = fitting[random.below(fitting.len())];
        for (from, to) in set {
            values[from].clone_from(&chosen.values[to]);
        }
        if let Some((column, text)) = &reference.when {
            values[table.place(column)] = Some(text.clone());
        }
    }
    fill_rest(table, &mut values, random);
    // Some rows say what no table is called.
    if let Some(reference) = kinds
        .first()
        .filter(|_| table.name == "attachments" && random.below(4) == 0)
        && let Some((column, _)) = &reference.when
    {
        values[table.place(column)] = Some(GHOST.to_owned());
    }
    Row { values, district }
}

/// Columns that are no references: small numbers, and texts.
fn fill_rest(table: &Table, values: &mut [Option<String>], random: &mut Random) {
    let student = table.references.iter().find(
        |one| matches!(&one.when, Some((_, text)) if text.to_lowercase().contains("student")),
    );
    let about = student.and_then(|one| {
        let (column, text) = one.when.as_ref()?;
        let is_it = values[table.place(column)].as_ref() == Some(text);
        is_it.then(|| values[table.place(&one.columns[0])].clone())?
    });
    for (place, column) in table.columns.iter().enumerate() {
        if values[place].is_some() {
            continue;
        }
        let is_reference = |one: &Reference| one.columns.contains(&column.name);
        if table.references.iter().any(is_reference) {
            continue;
        }
        values[place] = Some(match column.name.as_str() {
            "payload" => match &about {
                Some(student) => format!(
                    "{{\"student_id\": {student}, \"size\": {}}}",
                    random.below(9_000)
                ),
                None => "{}".to_owned(),
            },
            _ if column.is_text => format!("text {}", random.below(1_000)),
            _ => (1 + random.below(60)).to_string(),
        });
    }
}
