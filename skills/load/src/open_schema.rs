//! Tables of a target in which tables and columns come into being by being written (a graph). What its catalog
//! lacks is taken from the source's; only its keys count as they are. Pure.

use redistrict_model::{Column, ColumnType, Table, Unique};

/// A table as it can be written: the columns of both sides, the target's keys.
///
/// A column that both have in different types gets one that holds the values of both exactly: the end of a
/// relationship is its key's text; everything else stands in the store's own notation.
#[must_use]
pub(crate) fn effective(source: &Table, target: Option<&Table>) -> Table {
    let mut table = source.clone();
    table.estimated_rows = None;
    table.uniques = target.map(keys_of_target).unwrap_or_default();
    table.primary_key = None;
    let Some(target) = target else {
        table.checks = Vec::new();
        table.exclusions = Vec::new();
        table.triggers = Vec::new();
        table.row_security = false;
        loosen(&mut table, &[]);
        return table;
    };
    table.checks.clone_from(&target.checks);
    table.exclusions.clone_from(&target.exclusions);
    table.triggers.clone_from(&target.triggers);
    table.row_security = target.row_security;
    for key in &target.foreign_keys {
        if !table.foreign_keys.contains(key) {
            table.foreign_keys.push(key.clone());
        }
    }
    let is_end = |name: &String| {
        table
            .foreign_keys
            .iter()
            .any(|key| key.columns.contains(name))
    };
    let ends: Vec<String> = table
        .columns
        .iter()
        .map(|one| one.name.clone())
        .filter(is_end)
        .collect();
    for column in &target.columns {
        match table.columns.iter_mut().find(|one| one.name == column.name) {
            None => table.columns.push(column.clone()),
            Some(here) => *here = common(here, column, ends.contains(&column.name)),
        }
    }
    let identity = source.identity().unwrap_or_default();
    if !identity.is_empty() && has_key(target, identity) {
        table.primary_key = Some(identity.to_vec());
        table
            .uniques
            .retain(|unique| !is_same(&unique.columns, identity));
        loosen(&mut table, identity);
    } else {
        loosen(&mut table, &[]);
    }
    table
}

/// That all rows have a value now is no promise: only the columns of the key always have one.
fn loosen(table: &mut Table, identity: &[String]) {
    for column in &mut table.columns {
        column.nullable = !identity.contains(&column.name);
    }
}

/// The type of a column that both sides have.
fn common(source: &Column, target: &Column, is_end: bool) -> Column {
    let is_same = source.column_type == target.column_type && source.element == target.element;
    let mut column = source.clone();
    if !is_same {
        column.column_type = if is_end {
            ColumnType::Text
        } else {
            ColumnType::Verbatim
        };
        column.element = None;
        column.labels = Vec::new();
        column.max_length = None;
        let mut types = [source.source_type.as_str(), target.source_type.as_str()];
        types.sort_unstable();
        column.source_type = types.join(" or ");
    }
    column
}

fn keys_of_target(target: &Table) -> Vec<Unique> {
    let primary = target.primary_key.iter().map(|columns| Unique {
        name: "key".to_owned(),
        columns: columns.clone(),
    });
    primary.chain(target.uniques.iter().cloned()).collect()
}

/// The table has a key over exactly these columns, whatever their order.
#[must_use]
pub(crate) fn has_key(table: &Table, columns: &[String]) -> bool {
    let primary = table.primary_key.iter();
    let mut keys = primary.chain(table.uniques.iter().map(|unique| &unique.columns));
    keys.any(|key| is_same(key, columns))
}

fn is_same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|name| b.contains(name))
}

/// The tables of a catalog, completed by those of the plan: a planned table has the plan's columns, and the keys
/// that there are.
pub(crate) fn completed<'p>(
    mut live: Vec<Table>,
    planned: impl Iterator<Item = &'p Table>,
) -> Vec<Table> {
    for table in planned {
        let now = live.iter().position(|one| one.name == table.name);
        let now = now.map(|at| live.remove(at));
        let mut completed = table.clone();
        let identity = table.identity().unwrap_or_default();
        let is_held = |now: &Table| identity.is_empty() || has_key(now, identity);
        if !now.as_ref().is_some_and(is_held) {
            completed.primary_key = None;
            completed.uniques = Vec::new();
        }
        for key in now.into_iter().flat_map(|now| now.foreign_keys) {
            if !completed.foreign_keys.contains(&key) {
                completed.foreign_keys.push(key);
            }
        }
        live.push(completed);
    }
    live.sort_by(|a, b| a.name.cmp(&b.name));
    live
}
