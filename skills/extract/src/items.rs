//! The items of columns whose values hold references (docs/design/nested-links.md): read out of the rows that
//! hold them, in whatever kind of store, and taken out of rows where they must not leave.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use redistrict_closure::{Fetch, Items};
use redistrict_model::{ColumnType, EdgeId, ErrorKind, Inside, Key, KeyRow, Ownership, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector};

use crate::rewrite::RowIds;

/// Rows that are read at once: their values may be long.
const ROWS_AT_ONCE: usize = 256;

/// The requests for the rows of the host that answer a fetch of its items: some rows at a time, the column
/// with the values last. A fetch by the items alone reads the whole table.
#[must_use]
pub fn item_requests(items: &Items, fetch: &Fetch) -> Vec<KeyRequest> {
    let of_host = |name: &&String| **name != items.item;
    let mut columns: Vec<String> = fetch.columns.iter().filter(of_host).cloned().collect();
    columns.push(items.column.clone());
    let places: Vec<usize> = (0..fetch.by.len())
        .filter(|place| of_host(&&fetch.by[*place]))
        .collect();
    let by: Vec<String> = places
        .iter()
        .map(|place| fetch.by[*place].clone())
        .collect();
    let request = |selector| KeyRequest {
        table: items.host.clone(),
        columns: columns.clone(),
        selector,
    };
    if by.is_empty() {
        return vec![request(Selector::All)];
    }
    let part = |key: &Key| Key::new(places.iter().map(|place| key.parts()[*place].clone()));
    let keys: BTreeSet<Key> = fetch.keys.iter().map(part).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let matching = |keys: &[Key]| Selector::Matching {
        columns: by.clone(),
        keys: keys.to_vec(),
    };
    let chunks = keys.chunks(ROWS_AT_ONCE);
    chunks.map(|keys| request(matching(keys))).collect()
}

/// The items that rows of the host hold, as the answer to the fetch that the rows were asked for. A value that
/// is no array, or no document, holds none.
#[must_use]
pub fn item_rows(items: &Items, fetch: &Fetch, rows: &[KeyRow]) -> Vec<KeyRow> {
    let is_by_item = fetch.by.contains(&items.item);
    let wanted: HashSet<&Key> = fetch.keys.iter().filter(|_| is_by_item).collect();
    let mut found = Vec::new();
    for row in rows {
        let Some((Some(value), others)) = row.values.split_last() else {
            continue;
        };
        for item in items.inside.keys(value).unwrap_or_default() {
            let mut others = others.iter();
            let values = fetch.columns.iter().map(|name| {
                if *name == items.item {
                    Some(item.clone())
                } else {
                    others.next().cloned().flatten()
                }
            });
            let values: Vec<Option<Box<str>>> = values.collect();
            if is_by_item && !is_wanted(fetch, &values, &wanted) {
                continue;
            }
            let id = row.id.parts().iter().cloned().chain([item]);
            found.push(KeyRow {
                id: Key::new(id),
                values,
            });
        }
    }
    found
}

fn is_wanted(fetch: &Fetch, values: &[Option<Box<str>>], wanted: &HashSet<&Key>) -> bool {
    let value = |name: &String| {
        let place = fetch.columns.iter().position(|column| column == name)?;
        values.get(place)?.clone()
    };
    let key: Option<Vec<Box<str>>> = fetch.by.iter().map(value).collect();
    key.is_some_and(|key| wanted.contains(&Key::new(key)))
}

/// What is taken out of the values of one column.
#[derive(Debug)]
struct Taken {
    column: String,
    inside: Inside,
    /// By row of the host: the keys.
    keys: HashMap<Key, HashSet<Box<str>>>,
}

/// The keys that become NULL inside of the values of one table's rows.
#[derive(Debug, Default)]
pub(crate) struct TakenItems(BTreeMap<EdgeId, Taken>);

impl TakenItems {
    /// Adds items of a link that leads from inside of values: their keys are the host row's, and behind it the
    /// item.
    pub(crate) fn add(&mut self, ownership: &Ownership, edge: EdgeId, items: &[Key]) {
        let edge = ownership.edge(edge);
        let (Some(inside), Some(column)) = (&edge.inside, edge.child_columns.first()) else {
            return;
        };
        let taken = self.0.entry(edge.id).or_insert_with(|| Taken {
            column: column.clone(),
            inside: inside.clone(),
            keys: HashMap::new(),
        });
        for key in items {
            if let Some((item, row)) = key.parts().split_last() {
                let row = Key::new(row.iter().cloned());
                taken.keys.entry(row).or_default().insert(item.clone());
            }
        }
    }

    /// The next batch of a request without these keys.
    ///
    /// # Errors
    /// A column of values that are no texts (kind `Bug`).
    pub(crate) fn apply(
        &self,
        batch: &RecordBatch,
        ids: &RowIds<'_>,
    ) -> Result<RecordBatch, SkillError> {
        if self.0.is_empty() {
            return Ok(batch.clone());
        }
        let rows = ids.of(batch);
        let mut batch = batch.clone();
        for taken in self.0.values() {
            let of_row = |row: usize| taken.keys.get(rows[row].as_ref()?);
            batch = rewritten(&batch, &taken.column, |row, text| {
                let keys = of_row(row)?;
                taken.inside.without(text, &|key| keys.contains(key))
            })?;
        }
        Ok(batch)
    }
}

/// A batch of stubs without any key inside of its values: nothing follows the references of a stub but those
/// that it must have.
///
/// # Errors
/// A column of values that are no texts (kind `Bug`).
pub(crate) fn without_items(
    ownership: &Ownership,
    table: &TableRef,
    batch: &RecordBatch,
) -> Result<RecordBatch, SkillError> {
    let mut batch = batch.clone();
    for edge in ownership.edges.iter().filter(|edge| edge.child == *table) {
        if let (Some(inside), Some(column)) = (&edge.inside, edge.child_columns.first()) {
            batch = rewritten(&batch, column, |_, text| inside.without(text, &|_| true))?;
        }
    }
    Ok(batch)
}

/// The batch with other texts in a column, where `other` gives one for the row's.
fn rewritten(
    batch: &RecordBatch,
    column: &str,
    mut other: impl FnMut(usize, &str) -> Option<String>,
) -> Result<RecordBatch, SkillError> {
    let failed = || {
        let what = format!("rewrite the values of a column {column}: they are no texts");
        SkillError::new(ErrorKind::Bug, what)
    };
    let Ok(at) = batch.schema().index_of(column) else {
        return Ok(batch.clone());
    };
    if batch.column(at).null_count() == batch.num_rows() {
        return Ok(batch.clone());
    }
    let texts = batch.column(at).as_string_opt::<i32>().ok_or_else(failed)?;
    let cells = (0..texts.len()).map(|row| {
        let text = texts.is_valid(row).then(|| texts.value(row))?;
        Some(other(row, text).unwrap_or_else(|| text.to_owned()))
    });
    let cells: StringArray = cells.collect();
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(cells) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).map_err(|_| failed())
}

/// Whether a key inside of a value means a key of that type and is not its text: it would be compared with
/// keys as it is written, and find none.
pub(crate) fn is_written_otherwise(column_type: ColumnType, item: &str) -> bool {
    match column_type {
        ColumnType::Uuid => {
            let digits: String = item.chars().filter(char::is_ascii_hexdigit).collect();
            let is_uuid = digits.len() == 32
                && item
                    .chars()
                    .all(|one| one.is_ascii_hexdigit() || "-{} ".contains(one));
            let digits = digits.to_ascii_lowercase();
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
            is_uuid
                && parts
                    .map(|part| digits.get(part).unwrap_or_default())
                    .join("-")
                    != item
        }
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => {
            // A number that begins with zeros is another key, or a code.
            let is_other = item.contains(['.', 'e', 'E', '+', ' ']);
            let number = item.trim().parse::<f64>();
            is_other && number.is_ok_and(|number| number.is_finite() && number.fract() == 0.0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use redistrict_closure::{Closure, evaluable};
    use redistrict_model::{Edge, EdgeOrigin, Owner, OwnerKind, Role, StoreName, TableRole};

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", name)
    }

    /// Districts and teams of theirs, whose members are districts.
    fn ownership() -> Ownership {
        let edge = |id: u32, column: &str, inside| Edge {
            id: EdgeId(id),
            name: String::new(),
            origin: EdgeOrigin::Link,
            child: table("teams"),
            child_columns: vec![column.to_owned()],
            parent: table("districts"),
            parent_columns: vec!["id".to_owned()],
            mandatory: false,
            nullable_columns: vec![column.to_owned()],
            on_delete_cascade: false,
            when: Vec::new(),
            inside,
            always: false,
            policy: None,
        };
        let role = |name: &str, role, owners: &[u32]| TableRole {
            table: table(name),
            role,
            owners: (owners.iter())
                .map(|edge| Owner {
                    edge: EdgeId(*edge),
                    kind: OwnerKind::Path,
                    reason: String::new(),
                })
                .collect(),
            org: (role == Role::Root).then_some(redistrict_model::OrgPart::Root),
            tier: Some(0),
            decided: false,
            pair: false,
            measured: None,
            in_doubt: false,
            whole: false,
            reason: String::new(),
        };
        Ownership {
            root: table("districts"),
            root_key: vec!["id".to_owned()],
            tables: vec![
                role("districts", Role::Root, &[]),
                role("teams", Role::Owned, &[0]),
            ],
            edges: vec![
                edge(0, "district", None),
                edge(1, "members", Some(Inside::Elements)),
            ],
        }
    }

    #[test]
    fn keys_in_another_form_are_told_from_keys_and_from_other_values() {
        let is = is_written_otherwise;
        let uuid = "0b0e7d1c-9c4f-4a64-8f7e-1c2d3e4f5a6b";
        assert!(!is(ColumnType::Uuid, uuid) && !is(ColumnType::Uuid, "none"));
        assert!(is(ColumnType::Uuid, &uuid.to_uppercase()));
        assert!(is(ColumnType::Uuid, &uuid.replace('-', "")));
        for key in ["7", "-7", "0", "007", "x", "7.5", "", "NaN"] {
            assert!(!is(ColumnType::Int32, key), "{key}");
        }
        for other in ["7.0", "+7", " 7", "7e2", "3.00"] {
            assert!(is(ColumnType::Int64, other), "{other}");
        }
        assert!(!is(ColumnType::Text, "7.0"));
    }

    #[test]
    fn items_are_asked_for_by_their_hosts_and_are_read_out_of_the_values() {
        let ownership = ownership();
        let key = vec!["id".to_owned()];
        let identities = [(table("districts"), key.clone()), (table("teams"), key)];
        let made = evaluable(&ownership, &identities.into());
        let items = &made.items[0];
        assert_eq!(items.table, table("teams.members[]"));
        let closure = Closure::new(&made.ownership, &made.identities, &Key::of("1"));
        let mut closure = closure.unwrap().describing(&ownership.edges);
        let mut requests = Vec::new();
        let mut stops = Vec::new();
        loop {
            let fetches = closure.step().unwrap();
            if fetches.is_empty() {
                stops.extend(closure.finish().unwrap().stops);
                break;
            }
            for fetch in fetches {
                let row = |id: &str, values: &[Option<&str>]| KeyRow {
                    id: Key::of(id),
                    values: values.iter().map(|one| one.map(Box::from)).collect(),
                };
                let rows = if fetch.table == items.table {
                    let asked = item_requests(items, &fetch);
                    let rows: Vec<KeyRow> = vec![
                        row("7", &[Some("7"), Some("{1,2,NULL,2}")]),
                        row("8", &[Some("8"), None]),
                        row("9", &[Some("9"), Some("no array")]),
                    ];
                    requests.extend(asked);
                    item_rows(items, &fetch, &rows)
                } else if fetch.table == table("teams") {
                    ["7", "8", "9"]
                        .map(|id| row(id, &[Some(id), Some("1")]))
                        .to_vec()
                } else {
                    let keys = fetch.keys.iter();
                    let id = |key: &Key| key.parts()[0].clone();
                    keys.map(|key| row(&id(key), &[Some(&id(key))])).collect()
                };
                closure.absorb(&fetch, &rows).unwrap();
            }
        }
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].table, table("teams"));
        assert_eq!(requests[0].columns, ["id", "members"]);
        assert_eq!(
            (stops.len(), stops[0].rows, stops[0].edge),
            (1, 1, EdgeId(1))
        );
        assert_eq!(
            stops[0].lines.concat(),
            "[table.\"s.main.teams\"]boundary = { \"(members[])\" = \"stub\" } # stub, exclude, or null where it may be NULL"
        );
    }

    #[test]
    fn what_must_not_come_becomes_null_in_the_rows_that_hold_it() {
        let batch = RecordBatch::try_from_iter([
            (
                "id",
                Arc::new(StringArray::from(vec!["7", "8", "9"])) as ArrayRef,
            ),
            (
                "members",
                Arc::new(StringArray::from(vec![
                    Some("{1,2}"),
                    None,
                    Some("{{2,3},{4,NULL}}"),
                ])),
            ),
        ])
        .unwrap();
        let mut taken = TakenItems::default();
        let items = [
            Key::new(["7", "2"]),
            Key::new(["8", "2"]),
            Key::new(["9", "3"]),
        ];
        taken.add(&ownership(), EdgeId(1), &items);
        let identity = ["id".to_owned()];
        let made = taken.apply(&batch, &RowIds::new(&identity, &[])).unwrap();
        let expected = [Some("{1,NULL}"), None, Some("{{2,NULL},{4,NULL}}")];
        let expected = StringArray::from(expected.to_vec());
        assert_eq!(made.column(1).as_ref(), &expected as &dyn Array);
        let stubs = without_items(&ownership(), &table("teams"), &batch).unwrap();
        let expected = [Some("{NULL,NULL}"), None, Some("{{NULL,NULL},{NULL,NULL}}")];
        let expected = StringArray::from(expected.to_vec());
        assert_eq!(stubs.column(1).as_ref(), &expected as &dyn Array);
    }
}
