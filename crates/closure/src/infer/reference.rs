//! Reference tables and their details: docs/design/closure.md §4 rules 8 and 12.

use std::cmp::Reverse;

use redistrict_model::ColumnType;

use super::attach::Attachment;
use super::graph::Graph;
use super::tiers::Tiers;

/// Reference tables, and the edge by which details of reference tables hang on them.
pub(super) struct References {
    /// The distance of a table without owner to the tables that look it up.
    pub(super) distance: Vec<Option<u32>>,
    pub(super) detail_of: Vec<Option<usize>>,
}

/// Follows references upwards from every table with a place, then adds details of what was
/// reached, the nearest first, and goes on from these.
pub(super) fn find(graph: &Graph<'_>, tiers: &Tiers, state: &Attachment) -> References {
    let has_place = |table: usize| tiers.is_tiered(table) || state.has_users(table);
    let mut found = References {
        distance: vec![None; graph.len()],
        detail_of: vec![None; graph.len()],
    };
    let whole = &graph.input.decisions.whole;
    let comes = |table: &usize| {
        let is_whole = whole.contains(&graph.tables[*table].name) && !graph.excluded[*table];
        has_place(*table) || is_whole
    };
    let start: Vec<usize> = (0..graph.len()).filter(comes).collect();
    for table in &start {
        found.distance[*table] = Some(0);
    }
    reach(graph, &mut found, start);
    loop {
        let details: Vec<(u32, usize, usize)> = (0..graph.len())
            .filter(|table| !has_place(*table) && found.detail_of[*table].is_none())
            .filter_map(|table| {
                let edge = detail_edge(graph, &has_place, &found, table)?;
                let parent = graph.facts[edge].parent;
                Some((found.distance[parent]?, table, edge))
            })
            .collect();
        let Some(nearest) = details.iter().map(|(distance, ..)| *distance).min() else {
            return found;
        };
        let wave: Vec<(usize, usize)> = details
            .into_iter()
            .filter(|(distance, ..)| *distance == nearest)
            .map(|(_, table, edge)| (table, edge))
            .collect();
        let mut reached = Vec::new();
        for (table, edge) in last_of(graph, &wave) {
            found.detail_of[table] = Some(edge);
            let known = found.distance[table].unwrap_or(u32::MAX);
            found.distance[table] = Some(known.min(nearest + 1));
            reached.push(table);
        }
        reach(graph, &mut found, reached);
    }
}

/// Those of a wave that no other one of it refers to: the others are looked up by them. If they
/// all refer to each other, the first.
fn last_of(graph: &Graph<'_>, wave: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let is_looked_up = |table: usize| {
        wave.iter().any(|(other, _)| {
            let mut edges = graph.out[*other].iter();
            *other != table && edges.any(|edge| graph.facts[*edge].parent == table)
        })
    };
    let last: Vec<(usize, usize)> = wave
        .iter()
        .copied()
        .filter(|(table, _)| !is_looked_up(*table))
        .collect();
    if last.is_empty() {
        return wave.iter().take(1).copied().collect();
    }
    last
}

fn reach(graph: &Graph<'_>, found: &mut References, mut open: Vec<usize>) {
    while !open.is_empty() {
        let mut next = Vec::new();
        for table in open {
            let distance = found.distance[table].unwrap_or(0) + 1;
            for edge in &graph.out[table] {
                let parent = graph.facts[*edge].parent;
                if found.distance[parent].is_none_or(|known| distance < known) {
                    found.distance[parent] = Some(distance);
                    next.push(parent);
                }
            }
        }
        open = next;
    }
}

/// The edge by which a table without owner is a detail of a reference table, if it is one.
fn detail_edge(
    graph: &Graph<'_>,
    has_place: &dyn Fn(usize) -> bool,
    found: &References,
    table: usize,
) -> Option<usize> {
    let candidates = graph.owner_candidates(table);
    let name = &graph.tables[table].name;
    let is_decided = graph.input.decisions.owner.contains_key(name);
    let is_reached = |edge: &usize| {
        let parent = graph.facts[*edge].parent;
        found.distance[parent].is_some() && !hangs_under(graph, found, parent, table)
    };
    if is_decided {
        return candidates.into_iter().find(is_reached);
    }
    // A part has no other owner than its whole (rule 4).
    if let Some(part) = graph.part_edge(table) {
        let is_detail = !has_place(graph.facts[part].parent) && is_reached(&part);
        return is_detail.then_some(part);
    }
    // What is looked up comes row by row: nobody else's person comes with a code they share.
    if found.distance[table].is_some() {
        return None;
    }
    let leads_to_place = |edge: &usize| has_place(graph.facts[*edge].parent);
    if graph.out[table].iter().any(leads_to_place) || !is_key_covered(graph, table) {
        return None;
    }
    let mut details: Vec<usize> = candidates
        .into_iter()
        .filter(|edge| graph.facts[*edge].identifying && graph.facts[*edge].mandatory)
        .filter(is_reached)
        .collect();
    details.sort_by_key(|edge| {
        let parent = graph.facts[*edge].parent;
        (
            found.distance[parent],
            Reverse(common_prefix(&name.table, &graph.tables[parent].name.table)),
            graph.edges[*edge].child_columns.clone(),
        )
    });
    details.first().copied()
}

/// Whether a detail hangs, over however many steps, on the table.
fn hangs_under(graph: &Graph<'_>, found: &References, detail: usize, table: usize) -> bool {
    let mut at = detail;
    while let Some(edge) = found.detail_of[at] {
        at = graph.facts[edge].parent;
        if at == table {
            return true;
        }
    }
    false
}

/// Every integer or uuid column of the primary key belongs to some edge; one that does not may be
/// the key of a tenant that nobody declared.
fn is_key_covered(graph: &Graph<'_>, table: usize) -> bool {
    let is_covered = |name: &String| {
        let edges = &graph.out[table];
        let is_number = graph.tables[table].column(name).is_none_or(|column| {
            matches!(
                column.column_type,
                ColumnType::Int16
                    | ColumnType::Int32
                    | ColumnType::Int64
                    | ColumnType::Numeric
                    | ColumnType::Uuid
            )
        });
        !is_number
            || edges
                .iter()
                .any(|edge| graph.edges[*edge].child_columns.contains(name))
    };
    let key = graph.tables[table].identity().unwrap_or_default();
    key.iter().all(is_covered)
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}
