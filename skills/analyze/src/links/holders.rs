//! Which tables have keys that hold the values of columns, for all columns at once: each key is asked for the values
//! of all of them, and the districts of what it holds are looked up once. So the number of statements grows with the
//! number of tables, not with tables times columns.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, ColumnType, Inside, Key, TableRef, fits};
use redistrict_skill::SkillError;

use super::agreement::{Agreement, Hop, Ways};
use super::candidates::Rule;
use super::chance::Strength;
use super::questions::Suggestion;
use super::tables::{is_number, is_same_type, is_text, keys_of_one_column};
use super::values::{Evidence, Reader};

/// So many values of a column are compared with the keys of every table, and so many of them first.
const MOST_VALUES: usize = 100;
const FIRST_VALUES: usize = 5;
/// So many columns are compared.
const MOST_COLUMNS: usize = 600;
/// So many other references of a row are compared.
const MOST_BESIDE: usize = 3;
/// Rows that are compared, and rows where nothing else than them tells.
const SAMPLE: u32 = 200;
const COMPARED: u32 = 2_000;

/// A column and some of its values.
pub(super) struct Column {
    pub(super) child: TableRef,
    pub(super) column: String,
    /// Where in its values the references stand; none if each value is one.
    pub(super) inside: Option<Inside>,
    /// What its values are, or what stands inside of them.
    pub(super) column_type: ColumnType,
    pub(super) values: BTreeSet<Key>,
}

/// What was found for a column.
#[derive(Default)]
pub(super) struct Held {
    /// Every table whose key holds the values; its own among them.
    pub(super) by: Vec<Suggestion>,
    /// Keys that were compared.
    pub(super) compared: usize,
    /// All keys were compared.
    pub(super) is_complete: bool,
}

impl Held {
    /// Those whose rows are of the same district as what another reference of the rows leads to.
    pub(super) fn agreeing(&self) -> Vec<Suggestion> {
        let agrees = |one: &&Suggestion| one.agreement.is_some_and(Agreement::agrees);
        self.by.iter().filter(agrees).cloned().collect()
    }
}

/// Of each other reference of the rows of a column: in each row the column's value, and the other one's district.
pub(super) type Beside = Vec<Vec<(Key, Key)>>;

/// The tables whose keys hold the values of each of the columns, in the order of the columns.
///
/// # Errors
/// A failing store.
pub(super) async fn find(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    ways: Option<&Ways>,
    columns: &[Column],
) -> Result<Vec<Held>, SkillError> {
    let compared = columns.len().min(MOST_COLUMNS);
    let mut held: Vec<Held> = columns.iter().map(|_| Held::default()).collect();
    let some: Vec<BTreeSet<Key>> = (columns[..compared].iter())
        .map(|one| one.values.iter().take(MOST_VALUES).cloned().collect())
        .collect();
    let first: Vec<BTreeSet<Key>> = some.iter().map(spread).collect();
    let mut besides = Vec::with_capacity(compared);
    for column in &columns[..compared] {
        besides.push(beside(reader, ways, column).await?);
    }
    let kinds: Vec<Kind> = (columns[..compared].iter().zip(&some))
        .map(|(column, values)| Kind::of(column.column_type, values))
        .collect();
    for (table, key, key_type) in keys(catalogs) {
        let is_like = |at: &usize| {
            let column = &columns[*at];
            let is_it = column.child == *table && column.column == key;
            !is_it && kinds[*at].is_like(key_type)
        };
        let mut of_key: Vec<usize> = (0..compared).filter(is_like).collect();
        for at in &of_key {
            held[*at].compared += 1;
        }
        let key = [key];
        // A few values of each first, then more of those that seem to be held.
        known(reader, (table, &key), &mut of_key, &first).await?;
        let known = known(reader, (table, &key), &mut of_key, &some).await?;
        let districts = districts(reader, ways, (table, &key), &of_key, &besides).await?;
        for at in of_key {
            let is_own = columns[at].child == *table;
            let rows = besides[at].iter().filter(|_| !is_own);
            held[at].by.push(Suggestion {
                parent: table.clone(),
                parent_columns: key.to_vec(),
                rule: None,
                evidence: evidence(&some[at], &known),
                agreement: agreement(rows, &districts),
                contradicted_in: 0,
            });
        }
    }
    for one in &mut held[..compared] {
        one.is_complete = true;
    }
    Ok(held)
}

/// The values of these columns that a key holds; columns of which it does not hold nearly all are dropped.
async fn known(
    reader: &mut Reader<'_>,
    (table, key): (&TableRef, &[String]),
    columns: &mut Vec<usize>,
    values: &[BTreeSet<Key>],
) -> Result<BTreeSet<Key>, SkillError> {
    let asked = columns.iter().flat_map(|at| &values[*at]).cloned();
    let known = reader.held(table, key, &asked.collect()).await?;
    columns.retain(|at| evidence(&values[*at], &known).confirms());
    Ok(known)
}

/// The references beside a column.
pub(super) async fn beside(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    column: &Column,
) -> Result<Beside, SkillError> {
    let mut rows = Vec::new();
    for other in others(ways, column) {
        let Some(ways) = ways else { break };
        let own = std::slice::from_ref(&column.column);
        let own = (own, column.inside.as_ref());
        rows.push(
            ways.beside_column(reader, &column.child, own, other, SAMPLE)
                .await?,
        );
    }
    Ok(rows)
}

/// Other references of the rows that lead to the root, at most three.
fn others<'a>(ways: Option<&'a Ways>, column: &Column) -> Vec<&'a Hop> {
    let all = ways.map(|ways| ways.upwards(&column.child));
    let all = all.unwrap_or_default().into_iter();
    all.filter(|other| !other.columns.contains(&column.column))
        .take(MOST_BESIDE)
        .collect()
}

/// What one key says of a column that is called after its table; nothing where it does not hold the values.
///
/// # Errors
/// A failing store.
pub(super) async fn suggestion(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    (column, beside): (&Column, &Beside),
    (table, key): (&TableRef, &[String]),
    rule: Rule,
) -> Result<Option<Suggestion>, SkillError> {
    let known = reader.held(table, key, &column.values).await?;
    let evidence = evidence(&column.values, &known);
    if !evidence.confirms() {
        return Ok(None);
    }
    let besides = std::slice::from_ref(beside);
    let districts = districts(reader, ways, (table, key), &[0], besides).await?;
    Ok(Some(Suggestion {
        parent: table.clone(),
        parent_columns: key.to_vec(),
        rule: Some(rule),
        evidence,
        agreement: agreement(beside.iter(), &districts),
        contradicted_in: 0,
    }))
}

/// The districts of the rows of a key that the columns refer to.
async fn districts(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    (table, key): (&TableRef, &[String]),
    columns: &[usize],
    besides: &[Beside],
) -> Result<BTreeMap<Key, Key>, SkillError> {
    let Some(ways) = ways.filter(|ways| ways.leads_up(table)) else {
        return Ok(BTreeMap::new());
    };
    let rows = columns.iter().flat_map(|at| &besides[*at]).flatten();
    let values: BTreeSet<Key> = rows.map(|(value, _)| value.clone()).collect();
    ways.districts(reader, table, key, &values).await
}

/// What the first of the other references says that says anything.
fn agreement<'a>(
    besides: impl Iterator<Item = &'a Vec<(Key, Key)>>,
    districts: &BTreeMap<Key, Key>,
) -> Option<Agreement> {
    for rows in besides {
        let pairs: Vec<(&Key, &Key)> = (rows.iter())
            .filter_map(|(value, beside)| Some((districts.get(value)?, beside)))
            .collect();
        let different: BTreeSet<&Key> = pairs.iter().map(|(_, beside)| *beside).collect();
        if different.len() > 1 {
            return Some(Agreement {
                same: pairs.iter().filter(|(one, other)| one == other).count(),
                compared: pairs.len(),
            });
        }
    }
    None
}

/// What all rows say of a reference that nothing but its values speaks for, and the evidence of the whole table:
/// nothing where another reference of some row contradicts it, where a value is no key, or where an accident would
/// explain it as well.
///
/// # Errors
/// A failing store.
pub(super) async fn told(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    column: &Column,
    one: &Suggestion,
    compared: usize,
) -> Result<Option<(usize, Evidence)>, SkillError> {
    let Some(known) = ways.filter(|_| one.parent != column.child) else {
        return Ok(None);
    };
    let hop = Hop {
        columns: vec![column.column.clone()],
        inside: column.inside.clone(),
        parent: one.parent.clone(),
        parent_columns: one.parent_columns.clone(),
        is_declared: false,
    };
    let mut strongest: Option<Strength> = None;
    for other in others(ways, column) {
        let pair = (&hop, other);
        let rows = known.districts_of(reader, &column.child, pair, COMPARED);
        let strength = Strength::of(&rows.await?);
        if strength.differing > 0 {
            return Ok(None);
        }
        if strongest.is_none_or(|known| strength.rows > known.rows) {
            strongest = Some(strength);
        }
    }
    let Some(strength) = strongest.filter(|one| one.is_no_accident(compared)) else {
        return Ok(None);
    };
    let evidence = whole(reader, column, one).await?;
    Ok(evidence.is_whole().then_some((strength.rows, evidence)))
}

/// The evidence of all values that the whole table has; of what stands inside of values, a sample's.
///
/// # Errors
/// A failing store.
pub(super) async fn whole(
    reader: &mut Reader<'_>,
    column: &Column,
    one: &Suggestion,
) -> Result<Evidence, SkillError> {
    let own = std::slice::from_ref(&column.column);
    let values = match &column.inside {
        None => reader.all_values(&column.child, own).await?,
        Some(inside) => {
            let (child, name) = (&column.child, &column.column);
            reader.inside(child, name, inside, COMPARED).await?
        }
    };
    let known = reader
        .held(&one.parent, &one.parent_columns, &values)
        .await?;
    Ok(evidence(&values, &known))
}

fn evidence(values: &BTreeSet<Key>, known: &BTreeSet<Key>) -> Evidence {
    Evidence {
        seen: values.len(),
        found: values.intersection(known).count(),
    }
}

/// The keys of one column of all tables, with their types.
fn keys(catalogs: &[Catalog]) -> Vec<(&TableRef, String, ColumnType)> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let keys = tables.flat_map(|table| {
        let keys = keys_of_one_column(table).into_iter();
        keys.filter_map(|key| {
            let key_type = table.column(&key)?.column_type;
            Some((&table.name, key, key_type))
        })
    });
    keys.collect()
}

/// What keys may hold the values of a column.
struct Kind {
    column_type: ColumnType,
    are_numbers: bool,
    are_uuids: bool,
    are_days: bool,
    are_bytes: bool,
}

impl Kind {
    fn of(column_type: ColumnType, values: &BTreeSet<Key>) -> Self {
        let are = |is_it: &dyn Fn(&str) -> bool| {
            let mut parts = values.iter().flat_map(Key::parts);
            parts.all(|part| is_it(part))
        };
        Self {
            column_type,
            are_numbers: are(&is_digits),
            are_uuids: are(&is_uuid),
            are_days: are(&|text| fits(text, ColumnType::Date)),
            are_bytes: are(&|text| fits(text, ColumnType::Bytes)),
        }
    }

    /// Values of one family may be equal, and a text may hold what another store has as a value of its own type.
    fn is_like(&self, key: ColumnType) -> bool {
        let own = self.column_type;
        is_same_type(own, key)
            || match key {
                ColumnType::Uuid => self.are_uuids && is_text(own),
                ColumnType::Date => self.are_days && is_text(own),
                ColumnType::Bytes => self.are_bytes && is_text(own),
                one if is_number(one) => self.are_numbers && is_text(own),
                one if is_text(one) => own == ColumnType::Uuid,
                _ => false,
            }
    }
}

/// A few, from the whole breadth.
fn spread(keys: &BTreeSet<Key>) -> BTreeSet<Key> {
    let step = keys.len().div_ceil(FIRST_VALUES).max(1);
    keys.iter().rev().step_by(step).cloned().collect()
}

/// Whether a text is a UUID as it is always printed.
pub(super) fn is_uuid(text: &str) -> bool {
    let is_place = |(at, c): (usize, char)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.chars().enumerate().all(is_place)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
