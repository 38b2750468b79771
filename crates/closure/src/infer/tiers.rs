//! Organisation tables, tiers and key lineage: docs/design/closure.md §2, §4 rules 1, 2 and 10.

use redistrict_model::OrgPart;

use super::graph::Graph;

/// Where tables stand with respect to the root.
pub(super) struct Tiers {
    pub(super) org: Vec<Option<OrgPart>>,
    pub(super) tier: Vec<Option<u8>>,
    /// Distance to the root along the edges that gave the tier.
    pub(super) depth: Vec<u32>,
}

impl Tiers {
    pub(super) fn is_tier(&self, table: usize, tier: u8) -> bool {
        self.tier[table] == Some(tier)
    }

    pub(super) fn is_tiered(&self, table: usize) -> bool {
        self.tier[table].is_some()
    }
}

/// Places the tables, and adds a reference to the root where only part of an optional composite key
/// names it (rule 10).
pub(super) fn place(graph: &mut Graph<'_>) -> Tiers {
    loop {
        let tiers = tiers(graph);
        let Some((child, columns)) = implied_root_reference(graph, &tiers) else {
            return tiers;
        };
        graph.push_implied(child, columns);
    }
}

fn org(graph: &Graph<'_>) -> Vec<Option<OrgPart>> {
    let mut org = vec![None; graph.len()];
    org[graph.root] = Some(OrgPart::Root);
    let identity_parents = |table: usize| {
        let edges = graph.out[table].iter().copied();
        edges
            .filter(|edge| graph.facts[*edge].identity && graph.facts[*edge].owning)
            .map(|edge| graph.facts[edge].parent)
            .collect::<Vec<_>>()
    };
    let mut open = vec![graph.root];
    while let Some(table) = open.pop() {
        for parent in identity_parents(table) {
            if org[parent].is_none() {
                org[parent] = Some(OrgPart::Base);
                open.push(parent);
            }
        }
    }
    for table in 0..graph.len() {
        let parents = identity_parents(table);
        let has_base = parents
            .iter()
            .any(|parent| org[*parent] == Some(OrgPart::Base));
        if org[table].is_none() && has_base && !parents.contains(&graph.root) {
            org[table] = Some(OrgPart::Sibling);
        }
    }
    org
}

fn tiers(graph: &Graph<'_>) -> Tiers {
    let org = org(graph);
    let mut tiers = Tiers {
        tier: org.iter().map(|part| part.map(|_| 0)).collect(),
        depth: org
            .iter()
            .map(|part| u32::from(*part != Some(OrgPart::Root)))
            .collect(),
        org,
    };
    grow(graph, &mut tiers, 0);
    grow(graph, &mut tiers, 1);
    tiers
}

/// Adds tables to a tier, wave by wave, so that the depth is the shortest one.
fn grow(graph: &Graph<'_>, tiers: &mut Tiers, tier: u8) {
    loop {
        let mut wave = Vec::new();
        for table in 0..graph.len() {
            if tiers.is_tiered(table) || graph.excluded[table] {
                continue;
            }
            let edges = graph.owner_candidates(table);
            let is_in = |edge: usize| tiers.is_tiered(graph.facts[edge].parent);
            let leads_in = |edge: &usize| {
                is_in(*edge)
                    && (tier == 1
                        || graph.facts[*edge].mandatory
                        || graph.always_leads(*edge, &is_in))
            };
            let depth = edges
                .iter()
                .filter(|edge| leads_in(edge))
                .map(|edge| tiers.depth[graph.facts[*edge].parent]);
            if let Some(depth) = depth.min() {
                wave.push((table, depth + 1));
            }
        }
        if wave.is_empty() {
            return;
        }
        for (table, depth) in wave {
            tiers.tier[table] = Some(tier);
            tiers.depth[table] = depth;
        }
    }
}

/// A table outside tier 0 whose NOT NULL columns an optional composite reference maps onto the
/// root's key.
fn implied_root_reference(graph: &Graph<'_>, tiers: &Tiers) -> Option<(usize, Vec<String>)> {
    let mut lineage: Vec<Option<Vec<String>>> = vec![None; graph.len()];
    lineage[graph.root] = Some(graph.input.root_key.to_vec());
    let mut open = std::collections::VecDeque::from([graph.root]);
    let mut implied = None;
    while let Some(parent) = open.pop_front() {
        let key = lineage[parent].clone().unwrap_or_default();
        for &edge in &graph.into[parent] {
            let facts = graph.facts[edge];
            if lineage[facts.child].is_some() || !facts.owning {
                continue;
            }
            if !graph.edges[edge].when.is_empty()
                || !graph.owner_candidates(facts.child).contains(&edge)
            {
                continue;
            }
            let Some(columns) = mapped(graph, edge, &key) else {
                continue;
            };
            let name = &graph.tables[facts.child].name;
            let is_decided = graph.input.decisions.owner.contains_key(name);
            let is_loose = !facts.mandatory && !tiers.is_tier(facts.child, 0);
            if is_loose && !is_decided && implied.is_none() && !is_told(graph, edge, &columns) {
                implied = Some((facts.child, columns.clone()));
            }
            lineage[facts.child] = Some(columns);
            open.push_back(facts.child);
        }
    }
    implied
}

/// Whether a reference over these columns is there already: where it places nothing, somebody said so, and
/// another one of the same columns would not either.
fn is_told(graph: &Graph<'_>, edge: usize, columns: &[String]) -> bool {
    let mut edges = graph.out[graph.facts[edge].child].iter();
    edges.any(|other| {
        graph.facts[*other].parent == graph.root
            && graph.edges[*other].child_columns == columns
            && graph.edges[*other].parent_columns == graph.input.root_key
            && graph.edges[*other].when.is_empty()
    })
}

fn mapped(graph: &Graph<'_>, edge: usize, key: &[String]) -> Option<Vec<String>> {
    let edge = &graph.edges[edge];
    let map = |column: &String| {
        let position = edge.parent_columns.iter().position(|name| name == column)?;
        let child = &edge.child_columns[position];
        (!edge.nullable_columns.contains(child)).then(|| child.clone())
    };
    key.iter().map(map).collect()
}

/// The path edges of a table, ordered by rule 2, among those that lead to tiers up to `highest`.
pub(super) fn path_edges(
    graph: &Graph<'_>,
    tiers: &Tiers,
    table: usize,
    highest: u8,
) -> Vec<usize> {
    let is_path = |edge: &usize| {
        let parent = graph.facts[*edge].parent;
        let is_upward = graph.facts[*edge].identity
            && tiers.org[table].is_some()
            && tiers.org[parent] == Some(OrgPart::Base);
        tiers.tier[parent].is_some_and(|tier| tier <= highest) && !is_upward
    };
    let candidates = graph.owner_candidates(table).into_iter();
    let mut edges: Vec<usize> = candidates.filter(is_path).collect();
    edges.sort_by_key(|edge| {
        let facts = graph.facts[*edge];
        (
            !facts.identity,
            !facts.mandatory,
            !graph.edges[*edge].on_delete_cascade,
            tiers.depth[facts.parent],
            !facts.identifying,
            graph.edges[*edge].child_columns.clone(),
        )
    });
    edges
}
