//! Makes a failing case small enough to be read, and prints it in the words that `World::read` takes.

use std::fmt::Write;

use redistrict_closure::Decisions;
use redistrict_model::{Edge, EdgeId};

use super::World;
use super::random::Case;

/// Takes away rows, decisions, references and tables as long as the case fails.
pub(crate) fn shrink(case: &Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut small = case.clone();
    loop {
        let before = size(&small);
        shrink_rows(&mut small, fails);
        shrink_decisions(&mut small, fails);
        shrink_schema(&mut small, fails);
        if size(&small) == before {
            return small;
        }
    }
}

fn size(case: &Case) -> (usize, usize, usize, usize) {
    let decisions = &case.decisions;
    (
        case.world.rows.values().map(Vec::len).sum(),
        decisions.owner.len()
            + decisions.tree.len()
            + decisions.boundary.len()
            + decisions.always.len()
            + decisions.shared.len()
            + decisions.excluded.len()
            + decisions.whole.len(),
        case.world.edges().len(),
        case.world.rows.len(),
    )
}

fn keep_if(case: &mut Case, tried: Case, fails: &dyn Fn(&Case) -> bool) -> bool {
    let is_failing = fails(&tried);
    if is_failing {
        *case = tried;
    }
    is_failing
}

fn shrink_rows(case: &mut Case, fails: &dyn Fn(&Case) -> bool) {
    let tables: Vec<_> = case.world.rows.keys().cloned().collect();
    for table in tables {
        let mut place = case.world.rows[&table].len();
        while place > 0 {
            place -= 1;
            let mut tried = case.clone();
            if let Some(rows) = tried.world.rows.get_mut(&table) {
                rows.remove(place);
            }
            keep_if(case, tried, fails);
        }
    }
}

fn shrink_decisions(case: &mut Case, fails: &dyn Fn(&Case) -> bool) {
    let without = |one: &dyn Fn(&mut Decisions) -> bool, case: &mut Case| {
        let mut tried = case.clone();
        if one(&mut tried.decisions) {
            keep_if(case, tried, fails);
        }
    };
    for edge in case.decisions.boundary.clone().keys() {
        without(&|all| all.boundary.remove(edge).is_some(), case);
    }
    for edge in &case.decisions.always.clone() {
        without(&|all| all.always.remove(edge), case);
    }
    for table in case.world.rows.clone().keys() {
        without(&|all| all.owner.remove(table).is_some(), case);
        without(&|all| all.tree.remove(table).is_some(), case);
        without(&|all| all.shared.remove(table).is_some(), case);
        without(&|all| all.excluded.remove(table).is_some(), case);
        without(&|all| all.whole.remove(table), case);
    }
}

/// Takes away references, then tables that nothing refers to any more.
fn shrink_schema(case: &mut Case, fails: &dyn Fn(&Case) -> bool) {
    let mut place = case.world.links.len();
    while place > 0 {
        place -= 1;
        let mut tried = case.clone();
        tried.world.links.remove(place);
        tried.decisions = translated(&case.decisions, &case.world, &tried.world);
        keep_if(case, tried, fails);
    }
    for table in case.world.rows.clone().keys() {
        let mut place = case.world.table(table).foreign_keys.len();
        while place > 0 {
            place -= 1;
            let mut tried = case.clone();
            tried.world.table_mut(table).foreign_keys.remove(place);
            tried.decisions = translated(&case.decisions, &case.world, &tried.world);
            keep_if(case, tried, fails);
        }
    }
    for table in case.world.rows.clone().keys() {
        let edges = case.world.edges();
        let is_root = case.world.root.as_ref() == Some(table);
        let mut ends = edges.iter();
        if is_root || ends.any(|edge| edge.child == *table || edge.parent == *table) {
            continue;
        }
        let mut tried = case.clone();
        tried.decisions.whole.remove(table);
        tried.decisions.shared.remove(table);
        tried.decisions.excluded.remove(table);
        tried.decisions.owner.remove(table);
        tried.world.rows.remove(table);
        for catalog in &mut tried.world.catalogs {
            catalog.tables.retain(|one| one.name != *table);
        }
        keep_if(case, tried, fails);
    }
}

/// Decisions name references by numbers, which change when one is gone.
fn translated(decisions: &Decisions, before: &World, after: &World) -> Decisions {
    let (before, after) = (before.edges(), after.edges());
    let shape = |edge: &Edge| {
        let columns = (edge.child_columns.clone(), edge.parent_columns.clone());
        (
            edge.child.clone(),
            edge.parent.clone(),
            columns,
            edge.when.clone(),
        )
    };
    let new = |id: &EdgeId| {
        let wanted = shape(&before[id.index()]);
        after
            .iter()
            .find(|edge| shape(edge) == wanted)
            .map(|edge| edge.id)
    };
    let mut translated = decisions.clone();
    translated.boundary = decisions
        .boundary
        .iter()
        .filter_map(|(edge, policy)| Some((new(edge)?, *policy)))
        .collect();
    translated.always = decisions.always.iter().filter_map(new).collect();
    translated.tree = decisions
        .tree
        .iter()
        .filter_map(|(table, edge)| Some((table.clone(), new(edge)?)))
        .collect();
    for edges in translated.owner.values_mut() {
        *edges = edges.iter().filter_map(new).collect();
    }
    translated
}

/// The case as text: tables, references, rows, then decisions and what was measured.
pub(crate) fn print(case: &Case) -> String {
    let (world, mut text) = (&case.world, String::new());
    let name = |table: &redistrict_model::TableRef| match table.store.as_str() {
        "ids" => table.table.clone(),
        store => format!("{store}.{}", table.table),
    };
    let mut line = |words: String| writeln!(text, "{words}").expect("a text takes all");
    line(format!("root districts({})", world.root_key.join(", ")));
    let tables = || world.catalogs.iter().flat_map(|catalog| &catalog.tables);
    for table in tables() {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let is_key = table
                    .primary_key
                    .iter()
                    .flatten()
                    .any(|one| *one == column.name);
                let is_unique = table
                    .uniques
                    .iter()
                    .any(|one| one.columns == [column.name.clone()]);
                let mark = |holds: bool, mark: &'static str| if holds { mark } else { "" };
                let marks = [
                    mark(is_key, "*"),
                    mark(column.nullable, "?"),
                    mark(is_unique, "!"),
                ];
                format!("{}{}", column.name, marks.concat())
            })
            .collect();
        line(format!(
            "table {}({})",
            name(&table.name),
            columns.join(", ")
        ));
    }
    for edge in world.edges() {
        let when: Vec<String> = edge
            .when
            .iter()
            .map(|(column, texts)| format!(" when {column}={}", texts.join("|")))
            .collect();
        line(format!(
            "{:?} {}({}) -> {}({}){}{} # {:?}",
            edge.origin,
            name(&edge.child),
            edge.child_columns.join(", "),
            name(&edge.parent),
            edge.parent_columns.join(", "),
            if edge.on_delete_cascade {
                " cascade"
            } else {
                ""
            },
            when.concat(),
            edge.id
        ));
    }
    for table in tables() {
        for row in &world.rows[&table.name] {
            let columns = table.columns.iter();
            let values = columns.map(|column| row[&column.name].as_deref().unwrap_or("~"));
            let values: Vec<&str> = values.collect();
            line(format!("row {} {}", name(&table.name), values.join(" ")));
        }
    }
    let decisions = &case.decisions;
    line(format!("decisions: {decisions:?}"));
    for (table, measured) in &case.measured {
        if world.rows.contains_key(table) {
            line(format!(
                "measured {}: spread {}",
                name(table),
                measured.spread
            ));
        }
    }
    text
}
