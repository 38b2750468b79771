//! Shared tables and what hangs on them: docs/design/closure.md §4 rules 3, 4, 5 and 9, round by round.

use std::cmp::Reverse;

use redistrict_model::{EdgeId, EdgeOrigin, Measured};

use super::graph::Graph;
use super::input::{MeasureRequest, Measurements};
use super::tiers::Tiers;

/// Thresholds of rule 3. Nobody is known in more than two districts on average; what is may be a catalogue
/// whoever else is in the store.
const SHARED_ROWS: u64 = 10;
const SHARED_SPREAD: f64 = 2.0;
const SHARED_COVER: f64 = 0.9;
/// Rule 13: more than half of the entries lie there for nobody.
const STOCK_COVER: f64 = 0.5;

/// Which tables are shared, and which hang on them.
pub(super) struct Attachment {
    pub(super) shared: Vec<bool>,
    /// The wave in which a table was attached; its hang edges lead to shared tables and to tables
    /// of earlier waves.
    pub(super) wave: Vec<Option<u32>>,
    /// Attached although others look its rows up: these go with who looks them up where more than one may have them.
    pub(super) is_looked_up: Vec<bool>,
    pub(super) to_measure: Vec<MeasureRequest>,
}

impl Attachment {
    /// Rows of the table have users: they are shared or hang on something that is.
    pub(super) fn has_users(&self, table: usize) -> bool {
        self.shared[table] || self.wave[table].is_some()
    }
}

/// Repeats measuring and attaching until nothing changes or something has to be measured first.
pub(super) fn attach(graph: &Graph<'_>, tiers: &Tiers, measurements: &Measurements) -> Attachment {
    let mut state = Attachment {
        shared: vec![false; graph.len()],
        wave: vec![None; graph.len()],
        is_looked_up: vec![false; graph.len()],
        to_measure: Vec::new(),
    };
    for (table, is_shared) in &graph.input.decisions.shared {
        if let Some(table) = graph.position(table) {
            state.shared[table] = *is_shared && !graph.excluded[table];
        }
    }
    let mut is_judged = vec![false; graph.len()];
    let mut wave = 0;
    loop {
        let found = judge(graph, tiers, measurements, &mut state, &mut is_judged);
        if !state.to_measure.is_empty() {
            return state;
        }
        let mut is_changed = found;
        loop {
            let hangs = |table| hangs_now(graph, tiers, measurements, &state, table);
            let mut ready: Vec<(usize, Hangs)> = (0..graph.len())
                .filter_map(|table| Some((table, hangs(table)?)))
                .collect();
            // Who may hang on a row that is always there waits for no better one; others do.
            if ready.iter().any(|(_, hangs)| *hangs == Hangs::Always) {
                ready.retain(|(_, hangs)| *hangs == Hangs::Always);
            }
            if ready.is_empty() {
                break;
            }
            wave += 1;
            is_changed = true;
            for (table, _) in ready {
                state.wave[table] = Some(wave);
                state.shared[table] = false;
            }
        }
        if is_changed {
            continue;
        }
        let hangs = |table: &usize| {
            state.wave[*table].is_none()
                && !edges_of_looked_up(graph, tiers, measurements, &state, *table).is_empty()
        };
        let left: Vec<usize> = (0..graph.len()).filter(hangs).collect();
        if left.is_empty() {
            return state;
        }
        wave += 1;
        for table in left {
            state.wave[table] = Some(wave);
            state.is_looked_up[table] = true;
        }
    }
}

/// Whether measured numbers make a table shared (rule 3).
pub(super) fn is_shared(measured: &Measured) -> bool {
    measured.rows >= SHARED_ROWS
        && measured.spread <= SHARED_SPREAD
        && measured.cover >= SHARED_COVER
}

/// Whether measured numbers show a catalogue, as they would beside fewer or more districts (rule 13).
pub(super) fn is_surely_catalogue(measured: &Measured) -> bool {
    measured.spread > SHARED_SPREAD || measured.cover <= STOCK_COVER
}

/// Judges tables outside the tiers that rows with users or labels always refer to.
fn judge(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    state: &mut Attachment,
    is_judged: &mut [bool],
) -> bool {
    let mut shared = Vec::new();
    for (table, judged) in is_judged.iter_mut().enumerate() {
        let name = &graph.tables[table].name;
        let is_decided = graph.input.decisions.shared.contains_key(name)
            || graph.input.decisions.whole.contains(name)
            || graph.input.decisions.owner.contains_key(name);
        if *judged
            || is_decided
            || graph.excluded[table]
            || tiers.is_tiered(table)
            || state.has_users(table)
            // Whoever is shared is somebody, and somebody has a key. `shared = true` says otherwise.
            || graph.tables[table].identity().is_none()
        {
            continue;
        }
        let edges = evidence(graph, tiers, state, table);
        if edges.is_empty() {
            continue;
        }
        match measurements.get(name) {
            Some(measured) => {
                *judged = true;
                if is_shared(measured) {
                    shared.push(table);
                }
            }
            None => state.to_measure.push(MeasureRequest {
                table: name.clone(),
                edges,
            }),
        }
    }
    for table in &shared {
        state.shared[*table] = true;
    }
    !shared.is_empty()
}

/// The mandatory edges from tables whose rows have a label of tier 0 or users.
fn evidence(graph: &Graph<'_>, tiers: &Tiers, state: &Attachment, table: usize) -> Vec<EdgeId> {
    let shows = |edge: &&usize| {
        let facts = graph.facts[**edge];
        facts.child != table
            && facts.mandatory
            && (tiers.is_tier(facts.child, 0) || state.has_users(facts.child))
    };
    let edges = graph.into[table].iter().filter(shows);
    edges.map(|edge| graph.edges[*edge].id).collect()
}

/// How a table hangs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangs {
    /// By a reference that each of its rows has, or by decision.
    Always,
    /// By references that may be NULL.
    Perhaps,
}

fn hangs_now(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    state: &Attachment,
    table: usize,
) -> Option<Hangs> {
    if graph.excluded[table] || state.wave[table].is_some() || tiers.org[table].is_some() {
        return None;
    }
    let edges = hang_edges(graph, tiers, measurements, state, table);
    let first = edges.first()?;
    let decided = &graph.input.decisions.owner;
    let is_always =
        graph.facts[*first].mandatory || decided.contains_key(&graph.tables[table].name);
    Some(if is_always {
        Hangs::Always
    } else {
        Hangs::Perhaps
    })
}

/// The ordered hang edges of a table to shared tables and to tables attached in earlier waves:
/// its part edge alone (rule 4), else rule 5.
pub(super) fn hang_edges(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    state: &Attachment,
    table: usize,
) -> Vec<usize> {
    if state.is_looked_up[table] {
        return edges_of_looked_up(graph, tiers, measurements, state, table);
    }
    let is_decided = graph
        .input
        .decisions
        .owner
        .contains_key(&graph.tables[table].name);
    let mut edges = edges_to_users(graph, tiers, state, table);
    if is_decided {
        return edges;
    }
    if let Some(part) = graph.part_edge(table)
        && edges.contains(&part)
        && !state.shared[table]
    {
        return vec![part];
    }
    if state.shared[table] || is_looked_up(graph, tiers, state, table) {
        edges.retain(|edge| graph.facts[*edge].identifying);
    }
    in_order(graph, tiers, measurements, edges)
}

/// What a table hangs on that others look up, and that has no other place: what its rows always refer to, and what
/// somebody says owns them. None of a table whose rows are each used by many districts: a catalogue.
fn edges_of_looked_up(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    state: &Attachment,
    table: usize,
) -> Vec<usize> {
    let name = &graph.tables[table].name;
    let is_catalogue = measurements
        .get(name)
        .is_some_and(|measured| measured.spread > SHARED_SPREAD);
    if graph.excluded[table]
        || tiers.is_tiered(table)
        || state.shared[table]
        || is_catalogue
        || graph.input.decisions.whole.contains(name)
    {
        return Vec::new();
    }
    let mut edges = edges_to_users(graph, tiers, state, table);
    edges.retain(|edge| {
        graph.facts[*edge].mandatory || graph.edges[*edge].origin == EdgeOrigin::Link
    });
    in_order(graph, tiers, measurements, edges)
}

/// Those of its references that may own and lead to shared tables, or to tables attached in earlier waves.
fn edges_to_users(
    graph: &Graph<'_>,
    tiers: &Tiers,
    state: &Attachment,
    table: usize,
) -> Vec<usize> {
    let is_earlier = |parent: usize| match (state.wave[parent], state.wave[table]) {
        (Some(theirs), Some(ours)) => theirs < ours,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let mut edges = graph.owner_candidates(table);
    edges.retain(|edge| {
        let parent = graph.facts[*edge].parent;
        tiers.org[parent].is_none() && (state.shared[parent] || is_earlier(parent))
    });
    edges
}

/// The first one that a row always has, or all that may be NULL (rule 5).
fn in_order(
    graph: &Graph<'_>,
    tiers: &Tiers,
    measurements: &Measurements,
    mut edges: Vec<usize>,
) -> Vec<usize> {
    let cover = |edge: usize| {
        let parent = graph.facts[edge].parent;
        let measured = measurements.get(&graph.tables[parent].name);
        measured.map_or(0, |measured| permille(measured.cover))
    };
    edges.sort_by_key(|edge| {
        let facts = graph.facts[*edge];
        (
            !facts.mandatory,
            !facts.identifying,
            !is_seen_from_tier_0(graph, tiers, facts.parent),
            Reverse(cover(*edge)),
            graph.edges[*edge].child_columns.clone(),
        )
    });
    if edges
        .first()
        .is_some_and(|edge| graph.facts[*edge].mandatory)
    {
        edges.truncate(1);
    }
    edges
}

/// Rows of tier 0 always refer to the table: such a shared table comes before one that is only
/// reached from rows that hang on another (a student before a contact).
fn is_seen_from_tier_0(graph: &Graph<'_>, tiers: &Tiers, table: usize) -> bool {
    graph.into[table].iter().any(|edge| {
        let facts = graph.facts[*edge];
        facts.mandatory && tiers.is_tier(facts.child, 0)
    })
}

/// Several shared parents that every row has and that no rule ranks.
pub(super) fn equal_shared_parents(
    graph: &Graph<'_>,
    tiers: &Tiers,
    state: &Attachment,
    measurements: &Measurements,
    table: usize,
    first: usize,
) -> Vec<usize> {
    let rank = |edge: usize| {
        let facts = graph.facts[edge];
        let measured = measurements.get(&graph.tables[facts.parent].name);
        let cover = measured.map_or(0, |measured| permille(measured.cover));
        let is_seen = is_seen_from_tier_0(graph, tiers, facts.parent);
        (facts.mandatory, facts.identifying, is_seen, cover)
    };
    let is_equal = |edge: &usize| {
        let parent = graph.facts[*edge].parent;
        *edge == first
            || parent != graph.facts[first].parent
                && state.shared[parent]
                && rank(*edge) == rank(first)
    };
    if !graph.facts[first].mandatory || !state.shared[graph.facts[first].parent] {
        return Vec::new();
    }
    let edges: Vec<usize> = graph
        .owner_candidates(table)
        .into_iter()
        .filter(is_equal)
        .collect();
    if edges.len() > 1 { edges } else { Vec::new() }
}

/// Whether tables with a place of their own refer to the table. A table whose mandatory references, or all where
/// none is mandatory, lead to it is a detail of it and does not count.
fn is_looked_up(graph: &Graph<'_>, tiers: &Tiers, state: &Attachment, table: usize) -> bool {
    let has_place = |other: usize| tiers.is_tiered(other) || state.has_users(other);
    let is_detail = |child: usize| {
        let mut edges = graph.owner_candidates(child);
        edges.retain(|edge| {
            let parent = graph.facts[*edge].parent;
            parent == table || has_place(parent)
        });
        if edges.iter().any(|edge| graph.facts[*edge].mandatory) {
            edges.retain(|edge| graph.facts[*edge].mandatory);
        }
        let mut parents = edges.iter().map(|edge| graph.facts[*edge].parent);
        !edges.is_empty() && parents.all(|parent| parent == table)
    };
    graph.into[table].iter().any(|edge| {
        let facts = graph.facts[*edge];
        // Whoever has its key in their own says something about it; they do not look it up.
        if facts.identity || facts.identifying {
            return false;
        }
        let child = facts.child;
        let is_anchored = tiers.is_tier(child, 0) || state.shared[child];
        child != table && has_place(child) && (is_anchored || !is_detail(child))
    })
}

/// A share in thousandths, so that it can be ordered.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1000 before the cast"
)]
fn permille(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u32
}
