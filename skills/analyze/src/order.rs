//! The order in which tables are read and written: parents before children, tables that refer to
//! each other in one set. Pure; says nothing about rows.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Edge, TableRef};

/// Orders tables so that every reference leads to an earlier set or stays inside its own.
///
/// Each set is a strongly connected component: one table, or several that refer to each other in a
/// ring. Among sets that may come next the one with the least name comes first, so the order
/// depends on names and edges only. Edges from or to other tables and self references do not count;
/// the caller leaves out edges that need no order (links, for loading). Tables of a set are in name
/// order. Components are found with Kosaraju's two searches, ordered with Kahn's algorithm.
#[must_use]
pub fn table_order<'a>(
    tables: impl IntoIterator<Item = &'a TableRef>,
    edges: impl IntoIterator<Item = &'a Edge>,
) -> Vec<Vec<TableRef>> {
    let names: Vec<&TableRef> = tables
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let positions: BTreeMap<&TableRef, usize> = (0..)
        .zip(&names)
        .map(|(position, name)| (*name, position))
        .collect();
    let mut parents = vec![BTreeSet::new(); names.len()];
    let mut children = vec![BTreeSet::new(); names.len()];
    for edge in edges {
        if let (Some(&child), Some(&parent)) =
            (positions.get(&edge.child), positions.get(&edge.parent))
            && child != parent
        {
            parents[child].insert(parent);
            children[parent].insert(child);
        }
    }
    let component = components(&parents, &children);
    in_order(&component, &parents)
        .into_iter()
        .map(|set| set.into_iter().map(|table| names[table].clone()).collect())
        .collect()
}

/// For every table the number of its component.
fn components(parents: &[BTreeSet<usize>], children: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut finished = Vec::with_capacity(parents.len());
    let mut is_seen = vec![false; parents.len()];
    for start in 0..parents.len() {
        search(start, parents, &mut is_seen, &mut finished);
    }
    let mut component = vec![usize::MAX; parents.len()];
    let mut is_placed = vec![false; parents.len()];
    for (number, start) in finished.into_iter().rev().enumerate() {
        let mut members = Vec::new();
        search(start, children, &mut is_placed, &mut members);
        for member in members {
            component[member] = number;
        }
    }
    component
}

/// Depth-first from `start`; appends the tables it reaches first in the order in which they are
/// left.
fn search(start: usize, next: &[BTreeSet<usize>], is_seen: &mut [bool], finished: &mut Vec<usize>) {
    if std::mem::replace(&mut is_seen[start], true) {
        return;
    }
    let mut stack = vec![(start, next[start].iter())];
    while let Some((table, open)) = stack.last_mut() {
        match open.next() {
            Some(&other) => {
                if !std::mem::replace(&mut is_seen[other], true) {
                    stack.push((other, next[other].iter()));
                }
            }
            None => {
                finished.push(*table);
                stack.pop();
            }
        }
    }
}

fn in_order(component: &[usize], parents: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (table, number) in component.iter().enumerate() {
        sets.entry(*number).or_default().push(table);
    }
    let mut waits_for: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut blocks: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (table, number) in component.iter().enumerate() {
        let others = parents[table].iter().map(|parent| component[*parent]);
        for other in others.filter(|other| other != number) {
            waits_for.entry(*number).or_default().insert(other);
            blocks.entry(other).or_default().insert(*number);
        }
    }
    // A set's first table is its least, because tables are numbered in name order.
    let first = |number: &usize| (sets[number][0], *number);
    let mut ready: BTreeSet<(usize, usize)> = sets
        .keys()
        .filter(|number| !waits_for.contains_key(number))
        .map(first)
        .collect();
    let mut order = Vec::with_capacity(sets.len());
    while let Some((_, number)) = ready.pop_first() {
        for blocked in blocks.get(&number).into_iter().flatten() {
            if let Some(waits) = waits_for.get_mut(blocked) {
                waits.remove(&number);
                if waits.is_empty() {
                    ready.insert(first(blocked));
                }
            }
        }
        order.push(sets[&number].clone());
    }
    order
}

#[cfg(test)]
mod tests {
    use redistrict_model::{EdgeId, EdgeOrigin, StoreName};

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("ids"), "main", name)
    }

    fn edge(child: &str, parent: &str) -> Edge {
        Edge {
            id: EdgeId(0),
            name: String::new(),
            origin: EdgeOrigin::ForeignKey,
            child: table(child),
            child_columns: vec!["x".into()],
            parent: table(parent),
            parent_columns: vec!["id".into()],
            mandatory: true,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        }
    }

    fn order(tables: &[&str], edges: &[Edge]) -> Vec<Vec<String>> {
        let tables: Vec<TableRef> = tables.iter().map(|name| table(name)).collect();
        table_order(&tables, edges)
            .into_iter()
            .map(|set| set.into_iter().map(|table| table.table).collect())
            .collect()
    }

    #[test]
    fn parents_come_before_children_and_ties_go_by_name() {
        let edges = [edge("a", "z"), edge("b", "a"), edge("m", "z")];
        assert_eq!(
            order(&["m", "b", "a", "z", "c"], &edges),
            [["c"], ["z"], ["a"], ["b"], ["m"]]
        );
    }

    #[test]
    fn tables_in_a_ring_are_one_set_and_what_hangs_on_it_comes_later() {
        let edges = [
            edge("store", "staff"),
            edge("staff", "store"),
            edge("staff", "address"),
            edge("a_rental", "staff"),
        ];
        assert_eq!(
            order(&["a_rental", "staff", "store", "address"], &edges),
            [vec!["address"], vec!["staff", "store"], vec!["a_rental"]]
        );
    }

    #[test]
    fn self_references_and_references_to_other_tables_do_not_count() {
        let edges = [edge("a", "a"), edge("a", "elsewhere")];
        assert_eq!(order(&["a"], &edges), [["a"]]);
    }

    #[test]
    fn every_reference_leads_backwards_in_random_graphs() {
        let mut seed = 7_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..200 {
            let names: Vec<String> = (0..2 + random(9)).map(|n| format!("t{n}")).collect();
            let edges: Vec<Edge> = (0..random(20))
                .map(|_| edge(&names[random(names.len())], &names[random(names.len())]))
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let sets = order(&names, &edges);
            let position = |name: &str| sets.iter().position(|set| set.iter().any(|t| t == name));
            assert_eq!(sets.iter().map(Vec::len).sum::<usize>(), names.len());
            for edge in &edges {
                assert!(position(&edge.parent.table) <= position(&edge.child.table));
            }
            for set in sets.iter().filter(|set| set.len() > 1) {
                for one in set {
                    let refers_inside =
                        |edge: &&Edge| edge.child.table == *one && set.contains(&edge.parent.table);
                    assert!(edges.iter().any(|edge| refers_inside(&edge)));
                }
            }
        }
    }
}
