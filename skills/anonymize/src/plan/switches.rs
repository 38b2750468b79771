//! Columns that refer to one column or to another, depending on the row: the ends of relationships that
//! connect several kinds of nodes, the keys of polymorphic links. Each row is masked as what it refers
//! to; the columns referred to do not become one domain by that.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    ColumnClass, ColumnDecision, ColumnRef, Edge, Inside, KeepReason, MaskKind, MaskName,
    Provenance,
};

/// One of the columns that a switch refers to, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Each named column has one of the texts.
    pub(crate) when: Vec<(String, Vec<String>)>,
    pub(crate) parent: ColumnRef,
}

/// The switches among the columns of these edges: all of a column's references have a condition, and
/// they lead to different columns.
pub(crate) fn switches(edges: &[Edge]) -> BTreeMap<ColumnRef, Vec<Way>> {
    let mut ways: BTreeMap<ColumnRef, Vec<Way>> = BTreeMap::new();
    let is_document = |edge: &Edge| matches!(edge.inside, Some(Inside::Members(_)));
    for edge in edges.iter().filter(|edge| !is_document(edge)) {
        for (child, parent) in edge.child_columns.iter().zip(&edge.parent_columns) {
            let way = Way {
                when: edge.when.clone(),
                parent: edge.parent.column(parent),
            };
            ways.entry(edge.child.column(child)).or_default().push(way);
        }
    }
    ways.retain(|_, ways| {
        let first = &ways[0].parent;
        ways.iter().all(|way| !way.when.is_empty()) && ways.iter().any(|way| way.parent != *first)
    });
    ways
}

/// The texts by which references count that have the column as their condition.
pub(crate) fn conditions(edges: &[Edge], column: &ColumnRef) -> BTreeSet<String> {
    let of_table = edges.iter().filter(|edge| edge.child == column.table);
    let conditions = of_table.flat_map(|edge| &edge.when);
    let of_column = conditions.filter(|(name, _)| *name == column.column);
    of_column.flat_map(|(_, texts)| texts).cloned().collect()
}

/// The decision about a switch, from those about what it refers to; rows that meet no condition follow
/// the first one that is masked. None if nothing that it refers to moves.
pub(crate) fn decide(column: &ColumnRef, parents: &[&ColumnDecision]) -> Option<ColumnDecision> {
    let masked = parents.iter().find(|one| one.mask != MaskName::Keep);
    let leading = *masked.or_else(|| parents.first())?;
    let is_alike = |one: &&ColumnDecision| (one.mask, one.kind) == (leading.mask, leading.kind);
    let kind = if parents.iter().all(is_alike) {
        leading.kind
    } else {
        // What lies in a range in some rows only lies in none.
        MaskKind::Synthetic
    };
    let mut names: Vec<String> = parents.iter().map(|one| one.column.to_string()).collect();
    names.dedup();
    let reason = format!("each row as what it refers to: {}", names.join(" or "));
    Some(ColumnDecision {
        column: column.clone(),
        class: ColumnClass::Reference,
        kind,
        provenance: Provenance::Catalog,
        sensitive: masked.is_some(),
        keep_reason: masked.is_none().then(|| KeepReason(reason.clone())),
        reason,
        ..leading.clone()
    })
}
