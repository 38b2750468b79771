//! Shared tables whose rows somebody's district is known of: docs/design/closure.md §2 (users), §4 rule 6.

use super::attach::{Attachment, hang_edges};
use super::graph::Graph;
use super::input::Measurements;
use super::tiers::Tiers;

/// For each table whether rows of people in it may have users: some table that surely has a district always refers to
/// it, or one that hangs on other people who are seen so, or is such a table itself.
pub(super) fn seen(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    state: &Attachment,
) -> Vec<bool> {
    let mut seen = vec![false; graph.len()];
    loop {
        let hangs_on_seen = |table: usize| {
            let hangs = hang_edges(graph, tiers, measurements, state, table);
            let mut parents = hangs.iter().map(|edge| graph.facts[*edge].parent);
            parents.any(|parent| seen[parent])
        };
        let is_known = |table: usize| {
            let mut into = graph.into[table].iter().map(|edge| graph.facts[*edge]);
            into.any(|facts| {
                let shows = tiers.is_tier(facts.child, 0) || seen[facts.child];
                facts.mandatory && facts.child != table && shows
            })
        };
        let found: Vec<usize> = (0..graph.len())
            .filter(|table| state.has_users(*table) && !seen[*table])
            .filter(|table| match state.shared[*table] {
                true => is_known(*table),
                false => hangs_on_seen(*table),
            })
            .collect();
        if found.is_empty() {
            return seen;
        }
        for table in found {
            seen[table] = true;
        }
    }
}
