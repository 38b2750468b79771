//! Reference tables that may be of persons all the same: docs/design/closure.md §4 rule 13. Nothing of them
//! is kept in clear only because they are reference tables.

use redistrict_model::Role;

use super::attach::is_surely_catalogue;
use super::graph::Graph;
use super::input::Measurements;
use super::owners::Inference;

/// For each table whether it is in doubt, by what was measured of it, of what it is a detail of, or by who looks it
/// up. `roles` are those of the tables, in their order.
pub(super) fn doubtful(known: &Inference<'_>, roles: &[Role]) -> Vec<bool> {
    let (graph, references) = (known.graph, known.references);
    let decided = &graph.input.decisions.shared;
    let is_open = |table: &usize| {
        roles[*table] == Role::Reference && !decided.contains_key(&graph.tables[*table].name)
    };
    let open: Vec<usize> = (0..graph.len()).filter(is_open).collect();
    let mut doubtful = vec![false; graph.len()];
    loop {
        let found = open.iter().copied().filter(|table| {
            !doubtful[*table]
                && match (
                    references.detail_of[*table],
                    measured(graph, known.measurements, *table),
                ) {
                    (Some(edge), _) => doubtful[graph.facts[edge].parent],
                    (None, Some(is_sure)) => !is_sure,
                    (None, None) => {
                        is_seen_by_users(known, *table)
                            || is_seen_in_doubt_only(graph, roles, &doubtful, *table)
                            || says_something_of_persons(graph, roles, &doubtful, *table)
                    }
                }
        });
        let found: Vec<usize> = found.collect();
        if found.is_empty() {
            return doubtful;
        }
        for table in found {
            doubtful[table] = true;
        }
    }
}

/// Whether the numbers show a catalogue; nothing if there are none.
fn measured(graph: &Graph<'_>, measurements: &Measurements, table: usize) -> Option<bool> {
    let measured = measurements.get(&graph.tables[table].name)?;
    Some(measured.rows == 0 || is_surely_catalogue(measured))
}

/// Rows that have or may have a label, or rows of people, look it up, and nothing was measured: the numbers might be
/// those of persons.
fn is_seen_by_users(known: &Inference<'_>, table: usize) -> bool {
    let whole = &known.graph.input.decisions.whole;
    if whole.contains(&known.graph.tables[table].name) {
        return false;
    }
    let into = known.graph.into[table].iter();
    let mut children = into.map(|edge| known.graph.facts[*edge].child);
    children.any(|child| {
        child != table && (known.tiers.is_tiered(child) || known.state.has_users(child))
    })
}

/// Its rows refer to somebody's rows, whoever looks them up.
fn says_something_of_persons(
    graph: &Graph<'_>,
    roles: &[Role],
    doubtful: &[bool],
    table: usize,
) -> bool {
    let mut parents = graph.out[table]
        .iter()
        .map(|edge| graph.facts[*edge].parent);
    parents.any(|parent| {
        parent != table && (matches!(roles[parent], Role::Shared | Role::Owned) || doubtful[parent])
    })
}

/// With other neighbours those who look it up would be persons, and it would have been measured.
fn is_seen_in_doubt_only(
    graph: &Graph<'_>,
    roles: &[Role],
    doubtful: &[bool],
    table: usize,
) -> bool {
    let children = graph.into[table]
        .iter()
        .map(|edge| graph.facts[*edge].child);
    let moves =
        |child: &usize| *child != table && !matches!(roles[*child], Role::Excluded | Role::Unknown);
    let mut children = children.filter(moves).peekable();
    children.peek().is_some() && children.all(|child| doubtful[child])
}
