//! Puts the rules together: every table's ordered owner list, role and the reason in words.

use redistrict_model::{Measured, OrgPart, Owner, OwnerKind, Ownership, Role, TableRole};

use super::attach::{Attachment, attach, hang_edges, is_shared};
use super::check;
use super::doubt::doubtful;
use super::fillers::fillers;
use super::graph::Graph;
use super::input::{Draft, InferError, InferInput, Measurements};
use super::reference::{self, References};
use super::seen::seen;
use super::tiers::{Tiers, path_edges, place};

/// What is said of a reference table in doubt.
const IN_DOUBT: &str = "; it may be about persons: columns that nothing recognises are masked, unless shared = false says that it is a catalogue";

/// Why a row hangs that others look up.
const LOOKED_UP: &str =
    "hangs on a shared row, and goes with who looks it up where several districts know that row";

/// Infers owner lists, tiers and roles (docs/design/closure.md §4). The same input gives the same draft.
///
/// Call it with the answers to `to_measure` of the draft before until that list is empty: shared
/// tables make others hang on them, which may show further tables that have to be measured. The
/// ownership's edges are those of the input, their policies filled in, and behind them references
/// to the root's key that composite keys imply (rule 10).
///
/// # Errors
/// If the root, its key, or a table or edge that a decision names is in no catalog.
pub fn infer(input: &InferInput<'_>, measurements: &Measurements) -> Result<Draft, InferError> {
    check::input(input)?;
    let tables = crate::edges::tables_by_name(input.catalogs);
    let root = tables.keys().position(|name| *name == input.root);
    let root = root.ok_or_else(|| InferError::NoRoot {
        root: input.root.clone(),
    })?;
    let mut graph = Graph::new(*input, root);
    let tiers = place(&mut graph);
    let state = attach(&graph, &tiers, measurements);
    let references = reference::find(&graph, &tiers, &state);
    let seen = seen(&graph, &tiers, measurements, &state);
    let inference = Inference {
        graph: &graph,
        seen: &seen,
        tiers: &tiers,
        state: &state,
        references: &references,
        measurements,
    };
    let mut roles: Vec<TableRole> = (0..graph.len())
        .map(|table| inference.role(table))
        .collect();
    inference.doubt(&mut roles);
    Ok(Draft {
        problems: check::problems(&graph, &tiers, &state, measurements, &roles),
        ownership: Ownership {
            root: input.root.clone(),
            root_key: input.root_key.to_vec(),
            tables: roles,
            edges: graph.edges.clone(),
        },
        to_measure: state.to_measure.clone(),
    })
}

/// What is known of the tables when roles are given.
pub(super) struct Inference<'a> {
    pub(super) graph: &'a Graph<'a>,
    pub(super) tiers: &'a Tiers,
    pub(super) state: &'a Attachment,
    pub(super) references: &'a References,
    pub(super) seen: &'a [bool],
    pub(super) measurements: &'a Measurements,
}

impl Inference<'_> {
    /// Marks what may be of persons all the same, and says so.
    fn doubt(&self, roles: &mut [TableRole]) {
        let known: Vec<Role> = roles.iter().map(|role| role.role).collect();
        let doubtful = doubtful(self, &known);
        for (role, in_doubt) in roles.iter_mut().zip(doubtful) {
            role.in_doubt = in_doubt;
            if in_doubt {
                role.reason.push_str(IN_DOUBT);
            }
        }
    }

    fn role(&self, table: usize) -> TableRole {
        let name = &self.graph.tables[table].name;
        let decisions = self.graph.input.decisions;
        let mut owners = self.owners(table);
        owners.extend(self.tree(table));
        let (role, reason) = self.judge(table, &owners);
        TableRole {
            table: name.clone(),
            role,
            pair: self.is_pair(table, &owners),
            owners,
            org: self.tiers.org[table],
            tier: self.tiers.tier[table],
            decided: decisions.owner.contains_key(name),
            in_doubt: false,
            whole: role == Role::Reference && decisions.whole.contains(name),
            measured: self.measurements.get(name).cloned(),
            reason,
        }
    }

    fn judge(&self, table: usize, owners: &[Owner]) -> (Role, String) {
        let name = &self.graph.tables[table].name;
        let decisions = self.graph.input.decisions;
        if let Some(reason) = decisions.excluded.get(name) {
            return (Role::Excluded, format!("excluded: {reason}"));
        }
        match self.tiers.org[table] {
            Some(OrgPart::Root) => return (Role::Root, "the tenant root".to_owned()),
            Some(OrgPart::Base) => {
                return (Role::Owned, "base table of the tenant root".to_owned());
            }
            Some(OrgPart::Sibling) => {
                let reason = "organisations beside the tenant root, over the same base table";
                return (Role::Owned, reason.to_owned());
            }
            None => {}
        }
        if self.state.shared[table] {
            return (Role::Shared, self.measured_words(table, "shared"));
        }
        if self.references.detail_of[table].is_some() {
            return (Role::Reference, self.owner_words(owners));
        }
        if !owners.is_empty() {
            return (Role::Owned, self.owner_words(owners));
        }
        if self.references.distance[table].is_some() {
            return (Role::Reference, self.measured_words(table, "reference"));
        }
        let mut reason = "no owner, and no table that moves refers to it".to_owned();
        if let Some(fillers) = fillers(self.graph.input.catalogs, name) {
            reason = format!("{reason}; {fillers} fill it");
        }
        (Role::Unknown, reason)
    }

    fn owner_words(&self, owners: &[Owner]) -> String {
        let Some(first) = owners.first() else {
            return "rows that are reached are taken".to_owned();
        };
        let edge = &self.graph.edges[first.edge.index()];
        format!("belongs to {} by {}", edge.parent, edge.describe())
    }

    fn measured_words(&self, table: usize, role: &str) -> String {
        let name = &self.graph.tables[table].name;
        if self.graph.input.decisions.whole.contains(name) {
            return format!("{role}: copied whole, decided in the configuration");
        }
        if self.graph.input.decisions.shared.contains_key(name) {
            return format!("{role}: decided in the configuration");
        }
        match self.measurements.get(name) {
            Some(measured) => format!("{role}: {}", numbers(measured)),
            None => format!("{role}: no owner, looked up by other tables"),
        }
    }

    fn owners(&self, table: usize) -> Vec<Owner> {
        let graph = self.graph;
        let name = &graph.tables[table].name;
        if graph.excluded[table] || self.is_without_list(table) {
            return Vec::new();
        }
        if let Some(decided) = graph.input.decisions.owner.get(name) {
            return self.decided(table, decided);
        }
        if let Some(edge) = self.references.detail_of[table] {
            return vec![self.owner(edge, OwnerKind::Hang, "detail of a reference table")];
        }
        let hangs = self.hangs(table);
        match self.tiers.tier[table] {
            Some(0) => self.owners_of_tier_0(table, &hangs),
            Some(_) => self.owners_of_tier_1(table, &hangs),
            None => {
                let (kind, reason) = match self.state.is_looked_up[table] {
                    false => (OwnerKind::Hang, "hangs on a shared row"),
                    true => (OwnerKind::HangUnclaimed, LOOKED_UP),
                };
                let hangs = hangs.iter();
                hangs.map(|edge| self.owner(*edge, kind, reason)).collect()
            }
        }
    }

    /// Rows of the root and its base tables get their label from the root's key; shared tables
    /// have no owner.
    fn is_without_list(&self, table: usize) -> bool {
        matches!(self.tiers.org[table], Some(OrgPart::Root | OrgPart::Base))
            || self.state.shared[table]
    }

    fn hangs(&self, table: usize) -> Vec<usize> {
        if self.state.wave[table].is_none() {
            return Vec::new();
        }
        hang_edges(self.graph, self.tiers, self.measurements, self.state, table)
    }

    fn owners_of_tier_0(&self, table: usize, hangs: &[usize]) -> Vec<Owner> {
        let part = self.part_of_tier(table, 0);
        let mut owners: Vec<Owner> = match part {
            Some(part) => vec![self.owner(part, OwnerKind::Path, "part of its parent")],
            None => path_edges(self.graph, self.tiers, table, 0)
                .into_iter()
                .map(|edge| self.owner(edge, OwnerKind::Path, "leads to the tenant root"))
                .collect(),
        };
        if self.tiers.org[table].is_some() {
            return owners;
        }
        let part_hang = part.filter(|edge| !hangs.contains(edge) && self.can_hang(*edge));
        let hangs = part_hang.iter().chain(hangs);
        owners.extend(hangs.map(|edge| {
            let reason = "where no owner leads to a district, hangs on this row";
            self.owner(*edge, OwnerKind::Hang, reason)
        }));
        owners
    }

    fn owners_of_tier_1(&self, table: usize, hangs: &[usize]) -> Vec<Owner> {
        if let Some(part) = self.part_of_tier(table, 1) {
            return self.both(part, "part of its parent");
        }
        let part = self.graph.part_edge(table);
        if part.is_some_and(|part| hangs == [part]) {
            return self.both(hangs[0], "part of its parent");
        }
        if !hangs.is_empty() {
            let mut owners = self.paths_before(table, hangs);
            for edge in hangs {
                owners.extend(self.both(*edge, "hangs on this row"));
            }
            owners.extend(self.last_resort(table, hangs));
            return owners;
        }
        if let Some(part) = part {
            return self.part_of_reference(table, part);
        }
        let paths = path_edges(self.graph, self.tiers, table, 1);
        let hang = self.first_mandatory(&paths);
        let mut owners: Vec<Owner> = paths
            .into_iter()
            .map(|edge| self.owner(edge, OwnerKind::Path, "may lead to the tenant root"))
            .collect();
        owners.extend(hang.map(|edge| {
            let reason = "where no owner leads to a district, hangs on this row";
            self.owner(edge, OwnerKind::Hang, reason)
        }));
        owners
    }

    /// The paths that go before what a row hangs on (rule 6): what names its district itself; and where nobody on whom
    /// it may hang is known in any district, what it always refers to and may lead to one, too.
    fn paths_before(&self, table: usize, hangs: &[usize]) -> Vec<Owner> {
        let mut parents = hangs.iter().map(|edge| self.graph.facts[*edge].parent);
        let is_known = parents.any(|parent| self.seen[parent]);
        let paths = path_edges(self.graph, self.tiers, table, 1).into_iter();
        let paths = paths.filter(|edge| {
            let facts = self.graph.facts[*edge];
            self.tiers.is_tier(facts.parent, 0) || !is_known && facts.mandatory
        });
        let mut owners = Vec::new();
        for edge in paths {
            let reason = match self.tiers.is_tier(self.graph.facts[edge].parent, 0) {
                true => "names its district itself",
                false => "may lead to the tenant root",
            };
            owners.push(self.owner(edge, OwnerKind::Path, reason));
        }
        owners
    }

    /// The first reference into tier 1 that a row always has.
    fn first_mandatory(&self, paths: &[usize]) -> Option<usize> {
        paths.iter().copied().find(|edge| {
            let facts = self.graph.facts[*edge];
            facts.mandatory && self.tiers.is_tier(facts.parent, 1)
        })
    }

    /// What a row hangs on that names none of the people it may hang on: an answer that nobody signed goes
    /// with its survey.
    fn last_resort(&self, table: usize, hangs: &[usize]) -> Option<Owner> {
        if hangs.iter().any(|edge| self.graph.facts[*edge].mandatory) {
            return None;
        }
        let paths = path_edges(self.graph, self.tiers, table, 1);
        let edge = self.first_mandatory(&paths)?;
        let reason = "where it names nobody to hang on, hangs on this row";
        (!hangs.contains(&edge)).then(|| self.owner(edge, OwnerKind::Hang, reason))
    }

    /// A part of a reference row comes with it, unless it names another district itself.
    fn part_of_reference(&self, table: usize, part: usize) -> Vec<Owner> {
        let direct = path_edges(self.graph, self.tiers, table, 0).into_iter();
        let mut owners: Vec<Owner> = direct
            .map(|edge| self.owner(edge, OwnerKind::Path, "names its district itself"))
            .collect();
        owners.push(self.owner(part, OwnerKind::Hang, "part of its parent"));
        owners
    }

    /// The part edge, if the parent is in that tier or a lower one.
    fn part_of_tier(&self, table: usize, tier: u8) -> Option<usize> {
        let part = self.graph.part_edge(table)?;
        let parent = self.graph.facts[part].parent;
        let is_upward =
            self.tiers.org[table].is_some() && self.tiers.org[parent] == Some(OrgPart::Base);
        let is_tiered = self.tiers.tier[parent].is_some_and(|found| found <= tier);
        (is_tiered && !is_upward).then_some(part)
    }

    fn can_hang(&self, edge: usize) -> bool {
        self.tiers.org[self.graph.facts[edge].parent].is_none()
    }

    /// Label and home through the same edge: the row goes where its parent goes.
    fn both(&self, edge: usize, reason: &str) -> Vec<Owner> {
        let mut owners = Vec::new();
        if self.tiers.is_tiered(self.graph.facts[edge].parent) {
            owners.push(self.owner(edge, OwnerKind::Path, reason));
        }
        if self.can_hang(edge) {
            owners.push(self.owner(edge, OwnerKind::Hang, reason));
        }
        owners
    }

    /// A decided owner gives the label. A row without label hangs on it too, unless the parent is
    /// in tier 0 and the row is no part of it: what is below an organisation of nobody is not ours.
    fn decided(&self, table: usize, edges: &[redistrict_model::EdgeId]) -> Vec<Owner> {
        let mut owners = Vec::new();
        for id in edges {
            let edge = id.index();
            let parent = self.graph.facts[edge].parent;
            if self.graph.excluded[parent] {
                continue;
            }
            let mut both = self.both(edge, "decided in the configuration");
            let hangs = !self.tiers.is_tier(parent, 0)
                || self.state.has_users(parent)
                || self.graph.part_edge(table) == Some(edge);
            both.retain(|owner| hangs || owner.kind == OwnerKind::Path);
            owners.extend(both);
        }
        owners
    }

    fn tree(&self, table: usize) -> Vec<Owner> {
        let name = &self.graph.tables[table].name;
        let Some(tree) = self.graph.input.decisions.tree.get(name) else {
            return Vec::new();
        };
        let reason = "declared as the tree of the table";
        let mut owners = vec![self.owner(tree.index(), OwnerKind::Path, reason)];
        if self.tiers.org[table].is_none() {
            owners.push(self.owner(tree.index(), OwnerKind::Hang, reason));
        }
        owners
    }

    fn owner(&self, edge: usize, kind: OwnerKind, reason: &str) -> Owner {
        let facts = self.graph.facts[edge];
        let edge = &self.graph.edges[edge];
        let mut traits = Vec::new();
        for (holds, word) in [
            (facts.identity, "identity"),
            (facts.identifying, "identifying"),
            (
                facts.mandatory,
                if edge.always { "always" } else { "mandatory" },
            ),
            (edge.on_delete_cascade, "cascade"),
        ] {
            if holds {
                traits.push(word);
            }
        }
        let traits = if traits.is_empty() {
            "optional".to_owned()
        } else {
            traits.join(", ")
        };
        Owner {
            edge: edge.id,
            kind,
            reason: format!("{reason} ({traits})"),
        }
    }

    /// Two mandatory references to the parent that the row hangs on.
    fn is_pair(&self, table: usize, owners: &[Owner]) -> bool {
        let hangs = owners.iter().filter(|owner| owner.kind.hangs());
        hangs.map(|owner| owner.edge.index()).any(|hang| {
            let parent = self.graph.facts[hang].parent;
            let is_twin = |edge: &&usize| {
                self.graph.edges[**edge].mandatory
                    && self.graph.facts[**edge].parent == parent
                    && parent != table
            };
            self.graph.edges[hang].mandatory
                && self.graph.out[table].iter().filter(is_twin).count() > 1
        })
    }
}

fn numbers(measured: &Measured) -> String {
    let verdict = if is_shared(measured) { "" } else { "not " };
    format!(
        "measured {} rows, {:.2} districts per row, {:.0} % used: {verdict}within the limits of shared",
        measured.rows,
        measured.spread,
        measured.cover * 100.0
    )
}
