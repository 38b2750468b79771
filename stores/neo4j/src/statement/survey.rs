//! The statements that look at a whole graph. The server counts; no value leaves it.

use super::{ReadText, table_of};
use crate::live::{Constraints, OWN_LABELS};

/// The condition that a node has a label of ours.
fn is_own(variable: &str) -> String {
    OWN_LABELS
        .map(|label| format!("{variable}:{label}"))
        .join(" OR ")
}

/// The condition that a node is none of ours.
fn is_foreign(variable: &str) -> String {
    format!("NOT ({})", is_own(variable))
}

/// Label sets of all nodes that have a label of ours.
pub(crate) fn own_label_sets() -> ReadText {
    ReadText::new(
        format!("MATCH (n) WHERE {} RETURN DISTINCT labels(n)", is_own("n")),
        "catalog: whether nodes of ours have other labels",
    )
}

/// Tables and label sets of all nodes: table, labels, number.
pub(crate) fn label_sets(constraints: &Constraints) -> ReadText {
    let (foreign, table) = (is_foreign("n"), table_of(constraints, "n"));
    ReadText::new(
        format!("MATCH (n) WHERE {foreign} RETURN {table} AS t, labels(n) AS l, count(*)"),
        "catalog: labels of all nodes, counted",
    )
}

/// Types of all properties of nodes: table, property, type, number.
pub(crate) fn node_properties(constraints: &Constraints) -> ReadText {
    let (foreign, table) = (is_foreign("n"), table_of(constraints, "n"));
    ReadText::new(
        format!(
            "MATCH (n) WHERE {foreign} WITH n, {table} AS t UNWIND keys(n) AS k \
             RETURN t, k, valueType(n[k]) AS v, count(*)"
        ),
        "catalog: properties of all nodes, by type, counted",
    )
}

/// Types and end tables of all relationships: type, table of the start, of the end, number.
pub(crate) fn end_sets(constraints: &Constraints) -> ReadText {
    let (start, end) = (table_of(constraints, "a"), table_of(constraints, "b"));
    let foreign = format!("{} AND {}", is_foreign("a"), is_foreign("b"));
    ReadText::new(
        format!(
            "MATCH (a)-[n]->(b) WHERE {foreign} \
             RETURN type(n) AS t, {start} AS s, {end} AS e, count(*)"
        ),
        "catalog: which tables relationships begin and end in, counted",
    )
}

/// Types of all properties of relationships: type, property, type of the value, number.
pub(crate) fn relationship_properties() -> ReadText {
    let foreign = format!("{} AND {}", is_foreign("a"), is_foreign("b"));
    ReadText::new(
        format!(
            "MATCH (a)-[n]->(b) WHERE {foreign} UNWIND keys(n) AS k \
             RETURN type(n) AS t, k, valueType(n[k]) AS v, count(*)"
        ),
        "catalog: properties of all relationships, by type, counted",
    )
}
