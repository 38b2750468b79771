//! What does not fit: decisions that name nothing, and contradictions a person has to settle.

use std::collections::BTreeSet;

use redistrict_model::{BoundaryPolicy, EdgeOrigin, OrgPart, Role, Table, TableRef, TableRole};

use super::attach::{Attachment, equal_shared_parents};
use super::graph::Graph;
use super::input::{InferError, InferInput, Measurements, Problem};
use super::tiers::Tiers;
use crate::edges::tables_by_name;
use crate::lines::reference;

/// Refuses decisions and edges that name what no catalog has.
pub(super) fn input(input: &InferInput<'_>) -> Result<(), InferError> {
    let tables = tables_by_name(input.catalogs);
    let root = tables.get(input.root).ok_or_else(|| InferError::NoRoot {
        root: input.root.clone(),
    })?;
    for column in input.root_key {
        if root.column(column).is_none() {
            return Err(InferError::NoRootColumn {
                root: input.root.clone(),
                column: column.clone(),
            });
        }
    }
    if !is_unique(root, input.root_key) {
        return Err(InferError::RootKeyNotUnique {
            root: input.root.clone(),
            columns: input.root_key.join(", "),
        });
    }
    let decisions = input.decisions;
    if decisions.excluded.contains_key(input.root) {
        return Err(InferError::RootExcluded {
            root: input.root.clone(),
        });
    }
    let ends = input
        .edges
        .iter()
        .flat_map(|edge| [&edge.child, &edge.parent]);
    let named = (decisions.excluded.keys())
        .chain(decisions.shared.keys())
        .chain(decisions.owner.keys())
        .chain(decisions.tree.keys())
        .chain(&decisions.whole)
        .chain(ends);
    for table in named {
        if !tables.contains_key(table) {
            return Err(InferError::UnknownTable {
                table: table.clone(),
            });
        }
    }
    owners_and_trees(input)
}

fn owners_and_trees(input: &InferInput<'_>) -> Result<(), InferError> {
    let edge = |id: redistrict_model::EdgeId| input.edges.get(id.index());
    let name = |id: redistrict_model::EdgeId| {
        edge(id).map_or_else(
            || format!("number {}", id.0),
            redistrict_model::Edge::describe,
        )
    };
    for (table, owners) in &input.decisions.owner {
        for id in owners {
            if edge(*id).is_none_or(|edge| edge.child != *table) {
                return Err(InferError::NotAnOwner {
                    table: table.clone(),
                    edge: name(*id),
                });
            }
        }
    }
    for (table, id) in &input.decisions.tree {
        if edge(*id).is_none_or(|edge| edge.child != *table || !edge.is_self()) {
            return Err(InferError::NotATree {
                table: table.clone(),
                edge: name(*id),
            });
        }
    }
    Ok(())
}

fn is_unique(table: &Table, columns: &[String]) -> bool {
    let wanted: BTreeSet<&String> = columns.iter().collect();
    let is_same = |key: &[String]| key.iter().collect::<BTreeSet<_>>() == wanted;
    let mut keys = table.uniques.iter().map(|unique| unique.columns.as_slice());
    table.primary_key.as_deref().is_some_and(is_same) || keys.any(is_same)
}

/// Contradictions between the catalog and the decisions, in edge and table order.
pub(super) fn problems(
    graph: &Graph<'_>,
    tiers: &Tiers,
    state: &Attachment,
    measurements: &Measurements,
    roles: &[TableRole],
) -> Vec<Problem> {
    let moves = |table: usize| !matches!(roles[table].role, Role::Excluded | Role::Unknown);
    let mut problems = Vec::new();
    for (edge, facts) in graph.edges.iter().zip(&graph.facts) {
        if !moves(facts.child) {
            continue;
        }
        // With a condition it depends on the rows: those that do refer to it stop the run.
        let is_always = edge.nullable_columns.is_empty() && edge.when.is_empty();
        if graph.excluded[facts.parent] && is_always {
            problems.push(Problem::MandatoryIntoExcluded {
                reference: edge.describe(),
                child: edge.child.clone(),
                parent: edge.parent.clone(),
            });
        }
        if edge.policy == Some(BoundaryPolicy::Null) && edge.nullable_columns.is_empty() {
            problems.push(Problem::NullOnMandatory {
                child: edge.child.clone(),
                reference: edge.describe(),
            });
        }
        let is_keyless = graph.tables[facts.parent].identity().is_none();
        if edge.policy == Some(BoundaryPolicy::Stub) && is_keyless {
            problems.push(Problem::StubOfKeyless {
                child: edge.child.clone(),
                reference: edge.describe(),
                parent: edge.parent.clone(),
            });
        }
        let is_keyed = is_unique(graph.tables[facts.parent], &edge.parent_columns);
        if edge.origin == EdgeOrigin::Link && !is_keyed && !graph.excluded[facts.parent] {
            problems.push(Problem::LinkParentNotUnique {
                child: edge.child.clone(),
                reference: edge.describe(),
                parent: edge.parent.clone(),
                columns: edge.parent_columns.join(", "),
            });
        }
    }
    problems.extend(trees_of_base(graph, tiers));
    problems.extend(wholes(graph, roles));
    for (table, role) in roles.iter().enumerate() {
        problems.extend(equal_parents(
            graph,
            tiers,
            state,
            measurements,
            table,
            role,
        ));
        problems.extend(looked_up_detail(graph, roles, table));
    }
    problems
}

/// A reference table that is looked up and always refers to one that was measured, and may be of persons. Who is
/// shared owns such rows (rule 5); of who may be, somebody has to say so.
fn looked_up_detail(graph: &Graph<'_>, roles: &[TableRole], table: usize) -> Option<Problem> {
    let decisions = graph.input.decisions;
    let name = &graph.tables[table].name;
    let is_decided = decisions.owner.contains_key(name)
        || decisions.shared.contains_key(name)
        || decisions.whole.contains(name);
    let role = &roles[table];
    if role.role != Role::Reference || !role.owners.is_empty() || is_decided {
        return None;
    }
    let edges = graph.owner_candidates(table).into_iter();
    let mut edges = edges.filter(|edge| {
        let parent = &roles[graph.facts[*edge].parent];
        graph.facts[*edge].mandatory && parent.in_doubt && parent.measured.is_some()
    });
    let edge = &graph.edges[edges.next()?];
    Some(Problem::LookedUpDetail {
        table: name.clone(),
        parent: edge.parent.clone(),
        reference: edge.describe(),
        owner: reference(edge, &graph.edges),
    })
}

fn trees_of_base<'a>(graph: &'a Graph<'_>, tiers: &'a Tiers) -> impl Iterator<Item = Problem> + 'a {
    let is_base = |table: &TableRef| {
        let position = graph.position(table);
        position.is_some_and(|table| tiers.org[table] == Some(OrgPart::Base))
    };
    let trees = graph.input.decisions.tree.iter();
    trees
        .filter(move |(table, _)| is_base(table))
        .map(|(table, edge)| Problem::TreeOfBase {
            table: table.clone(),
            reference: graph.edges[edge.index()].describe(),
            root: graph.input.root.clone(),
        })
}

/// Tables that cannot be copied whole. One that is excluded does not move at all.
fn wholes<'a>(graph: &'a Graph<'_>, roles: &'a [TableRole]) -> impl Iterator<Item = Problem> + 'a {
    let wholes = graph.input.decisions.whole.iter();
    wholes.filter_map(move |name| {
        let table = graph.position(name)?;
        let role = roles[table].role;
        match role {
            Role::Excluded => None,
            Role::Reference if graph.tables[table].identity().is_none() => {
                Some(Problem::WholeOfKeyless {
                    table: name.clone(),
                })
            }
            Role::Reference => None,
            _ => Some(Problem::WholeOfOwned {
                table: name.clone(),
                role,
            }),
        }
    })
}

fn equal_parents(
    graph: &Graph<'_>,
    tiers: &Tiers,
    state: &Attachment,
    measurements: &Measurements,
    table: usize,
    role: &TableRole,
) -> Option<Problem> {
    if role.decided {
        return None;
    }
    let [only] = role.owners.as_slice() else {
        return None;
    };
    let edges = equal_shared_parents(graph, tiers, state, measurements, table, only.edge.index());
    let references: Vec<String> = edges
        .iter()
        .map(|edge| graph.edges[*edge].describe())
        .collect();
    (!references.is_empty()).then(|| Problem::EqualSharedParents {
        table: role.table.clone(),
        references: references.join(", "),
        owners: edges
            .iter()
            .map(|edge| reference(&graph.edges[*edge], &graph.edges))
            .collect(),
    })
}
