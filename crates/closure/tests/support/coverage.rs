//! Which situations the random worlds make: a situation that no case has proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    BoundaryPolicy, Edge, EdgeId, EdgeOrigin, OrgPart, OwnerKind, Ownership, Role, TableRef,
};

use super::brute::{At, Brute, Expected, Where};
use super::random::Case;
use super::{Row, World};

/// All that is looked for.
pub(crate) const FEATURES: [&str; 63] = [
    "2 tables",
    "12 tables",
    "composite reference",
    "column in several references",
    "self reference",
    "optional reference",
    "reference that rows always have",
    "reference that rows should always have",
    "place by references that rows always have",
    "ring of tables",
    "mandatory ring of tables",
    "several owners",
    "subclass",
    "detail of the district",
    "base table",
    "base of a base",
    "organisations beside the root",
    "polymorphic reference",
    "conditional reference",
    "cascading reference",
    "reference that is not validated",
    "reference to a key that is not primary",
    "shared table",
    "reference table",
    "excluded table",
    "unknown table",
    "table without a key",
    "composite root key",
    "root key that is not primary",
    "tree of districts",
    "tree of another table",
    "table copied whole",
    "pair table",
    "owner list by hand",
    "owner implied by a key",
    "link",
    "link across stores",
    "link that owns nothing",
    "one district",
    "three districts",
    "boundary stop",
    "boundary stub",
    "boundary null",
    "boundary exclude",
    "boundary above all districts",
    "boundary into an excluded table",
    "reference to a row that was taken out",
    "taken out behind another",
    "stub that a stub must have",
    "NULL owner asks the next",
    "owner without district asks the next",
    "ring of owners",
    "row that hangs",
    "row that hangs on a row that hangs",
    "known in other districts only",
    "known in two districts",
    "row of nobody",
    "row that others look up hangs",
    "row that another district looks up",
    "row that must refer to a stranger",
    "owners that disagree",
    "reference without partner",
    "equal rows without a key",
];

/// What it takes thousands of cases for.
pub(crate) const RARE: [&str; 1] = ["hangs on a row of another district"];

/// Adds what the case and one district of it show.
pub(crate) fn note(
    case: &Case,
    ownership: &Ownership,
    brute: &Brute<'_>,
    expected: &Expected,
    features: &mut BTreeSet<&'static str>,
) {
    let mut note = |feature: &'static str, holds: bool| {
        let is_listed = FEATURES.contains(&feature) || RARE.contains(&feature);
        assert!(is_listed, "{feature} is not in the list");
        if holds {
            features.insert(feature);
        }
    };
    of_schema(&case.world, ownership, &mut note);
    of_owners(case, ownership, &mut note);
    of_result(brute, ownership, expected, &mut note);
    of_rows(&case.world, brute, expected, &mut note);
}

type Note<'a> = dyn FnMut(&'static str, bool) + 'a;

fn note_always(world: &World, ownership: &Ownership, note: &mut Note<'_>) {
    let edges = &ownership.edges;
    let is_true = |edge: &&Edge| {
        let is_set = |row: &Row| {
            let mut columns = edge.child_columns.iter();
            columns.all(|column| row[column].is_some())
        };
        let mut rows = world.rows[&edge.child].iter();
        rows.all(is_set)
    };
    let (kept, broken): (Vec<&Edge>, Vec<&Edge>) =
        edges.iter().filter(|edge| edge.always).partition(is_true);
    note("reference that rows always have", !kept.is_empty());
    note("reference that rows should always have", !broken.is_empty());
    let is_placed = |role: &redistrict_model::TableRole| {
        let mut out = edges.iter().filter(|edge| edge.child == role.table);
        let is_catalogs = |edge: &Edge| edge.mandatory && edge.when.is_empty();
        role.org.is_none() && role.tier == Some(0) && !out.any(is_catalogs)
    };
    let placed = ownership.tables.iter().any(is_placed);
    note("place by references that rows always have", placed);
}

fn of_schema(world: &World, ownership: &Ownership, note: &mut Note<'_>) {
    let edges = &ownership.edges;
    let count = world.rows.len();
    note("2 tables", count == 2);
    note("12 tables", count == 12);
    note(
        "composite reference",
        any(edges, |edge| edge.child_columns.len() > 1),
    );
    let is_in_both = |one: &Edge, other: &Edge| {
        let is_plain = one.when.is_empty() && other.when.is_empty();
        let mut columns = one.child_columns.iter();
        is_plain
            && one.child == other.child
            && one.parent != other.parent
            && columns.any(|column| other.child_columns.contains(column))
    };
    let has_two = |test: &dyn Fn(&Edge, &Edge) -> bool| {
        any(edges, |one| {
            any(edges, |other| one.id != other.id && test(one, other))
        })
    };
    note("column in several references", has_two(&is_in_both));
    note("self reference", any(edges, Edge::is_self));
    note("optional reference", any(edges, |edge| !edge.mandatory));
    note_always(world, ownership, note);
    note("ring of tables", has_ring(edges, &|_| true));
    note(
        "mandatory ring of tables",
        has_ring(edges, &|edge| edge.mandatory),
    );
    let is_polymorphic = |one: &Edge, other: &Edge| {
        !one.when.is_empty()
            && one.when != other.when
            && one.child == other.child
            && one.child_columns == other.child_columns
            && one.parent != other.parent
    };
    note("polymorphic reference", has_two(&is_polymorphic));
    note(
        "conditional reference",
        any(edges, |edge| !edge.when.is_empty()),
    );
    note(
        "cascading reference",
        any(edges, |edge| edge.on_delete_cascade),
    );
    let is_not_valid = |edge: &Edge| edge.origin == EdgeOrigin::NotValid;
    note("reference that is not validated", any(edges, is_not_valid));
    note("link", any(edges, |edge| edge.origin == EdgeOrigin::Link));
    let is_across = |edge: &Edge| edge.child.store != edge.parent.store;
    note("link across stores", any(edges, is_across));
    note(
        "link that owns nothing",
        world.links.iter().any(|link| !link.owns),
    );
    of_keys(world, ownership, note);
}

/// What is told by which columns are keys.
fn of_keys(world: &World, ownership: &Ownership, note: &mut Note<'_>) {
    let edges = &ownership.edges;
    let key = |table: &TableRef| {
        let columns = world.table(table).primary_key.iter().flatten();
        columns.cloned().collect::<BTreeSet<String>>()
    };
    let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<String>>();
    let is_other_key = |edge: &Edge| set(&edge.parent_columns) != key(&edge.parent);
    note(
        "reference to a key that is not primary",
        any(edges, is_other_key),
    );
    let is_subclass = |edge: &Edge| {
        set(&edge.child_columns) == key(&edge.child)
            && set(&edge.parent_columns) == key(&edge.parent)
    };
    let is_of_org = |table: &TableRef| {
        ownership
            .table(table)
            .is_some_and(|role| role.org.is_some())
    };
    let is_detail = |edge: &Edge| is_subclass(edge) && !is_of_org(&edge.child);
    note(
        "subclass",
        any(edges, |edge| is_detail(edge) && !is_of_org(&edge.parent)),
    );
    note(
        "detail of the district",
        any(edges, |edge| {
            is_detail(edge) && edge.parent == ownership.root
        }),
    );
    note("composite root key", ownership.root_key.len() > 1);
    note(
        "root key that is not primary",
        set(&ownership.root_key) != key(&ownership.root),
    );
}

fn any(edges: &[Edge], test: impl Fn(&Edge) -> bool) -> bool {
    edges.iter().any(test)
}

/// A table that can be reached from itself over others.
fn has_ring(edges: &[Edge], counts: &dyn Fn(&Edge) -> bool) -> bool {
    let mut next: BTreeMap<&TableRef, BTreeSet<&TableRef>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| !edge.is_self() && counts(edge)) {
        next.entry(&edge.child).or_default().insert(&edge.parent);
    }
    next.keys().any(|start| {
        let (mut open, mut seen) = (vec![*start], BTreeSet::new());
        while let Some(table) = open.pop() {
            for parent in next.get(table).into_iter().flatten() {
                if parent == start {
                    return true;
                }
                if seen.insert(*parent) {
                    open.push(parent);
                }
            }
        }
        false
    })
}

fn of_owners(case: &Case, ownership: &Ownership, note: &mut Note<'_>) {
    let tables = &ownership.tables;
    let roles = |role: Role| tables.iter().any(|table| table.role == role);
    note("shared table", roles(Role::Shared));
    note("reference table", roles(Role::Reference));
    note("excluded table", roles(Role::Excluded));
    note("unknown table", roles(Role::Unknown));
    let bases = tables
        .iter()
        .filter(|table| table.org == Some(OrgPart::Base));
    note("base table", bases.clone().count() > 0);
    note("base of a base", bases.count() > 1);
    let is_sibling = tables
        .iter()
        .any(|table| table.org == Some(OrgPart::Sibling));
    note("organisations beside the root", is_sibling);
    let paths = |table: &redistrict_model::TableRole| {
        let owners = table.owners.iter();
        owners.filter(|owner| owner.kind == OwnerKind::Path).count()
    };
    note(
        "several owners",
        tables.iter().any(|table| paths(table) > 1),
    );
    note("pair table", tables.iter().any(|table| table.pair));
    note(
        "owner list by hand",
        tables.iter().any(|table| table.decided),
    );
    let declared = case.world.edges().len();
    note("owner implied by a key", ownership.edges.len() > declared);
    let trees = || case.decisions.tree.keys();
    note(
        "tree of districts",
        trees().any(|table| *table == ownership.root),
    );
    note(
        "tree of another table",
        trees().any(|table| *table != ownership.root),
    );
    note("table copied whole", tables.iter().any(|table| table.whole));
    let is_keyless = |table: &redistrict_model::TableRole| case.world.is_keyless(&table.table);
    note("table without a key", tables.iter().any(is_keyless));
    let districts = case.world.rows[&ownership.root].len();
    note("one district", districts == 1);
    note("three districts", districts == 3);
}

fn of_result(brute: &Brute<'_>, ownership: &Ownership, expected: &Expected, note: &mut Note<'_>) {
    for (feature, policy) in [
        ("boundary stop", BoundaryPolicy::Stop),
        ("boundary stub", BoundaryPolicy::Stub),
        ("boundary null", BoundaryPolicy::Null),
        ("boundary exclude", BoundaryPolicy::Exclude),
    ] {
        let mut boundaries = expected.boundaries.iter();
        let is_one = boundaries.any(|((_, leads), (one, _))| *leads == "other" && *one == policy);
        note(feature, is_one);
    }
    for (feature, wanted) in [
        ("boundary above all districts", "above"),
        ("boundary into an excluded table", "excluded"),
        ("reference to a row that was taken out", "out"),
    ] {
        let mut boundaries = expected.boundaries.keys();
        note(feature, boundaries.any(|(_, leads)| *leads == wanted));
    }
    let causes = expected.boundaries.values();
    let causes = causes.filter(|(policy, _)| *policy == BoundaryPolicy::Exclude);
    let causes: u64 = causes.map(|(_, rows)| rows).sum();
    note(
        "taken out behind another",
        expected.taken_out.values().sum::<u64>() > causes,
    );
    let is_stub = |at: At| expected.stubs.contains(&brute.name(at));
    let needs_stub = |at: At| {
        let edges: Vec<EdgeId> = brute.out(at.0);
        edges.into_iter().any(|edge| {
            ownership.edge(edge).mandatory && brute.parent(at, edge).is_some_and(is_stub)
        })
    };
    let is_chain = brute
        .all()
        .into_iter()
        .any(|at| is_stub(at) && needs_stub(at));
    note("stub that a stub must have", is_chain);
    note("owners that disagree", !expected.undecided.is_empty());
    note("reference without partner", !expected.dangling.is_empty());
    note("ring of owners", !brute.rings.is_empty());
}

fn of_rows(world: &World, brute: &Brute<'_>, expected: &Expected, note: &mut Note<'_>) {
    for at in brute.all() {
        let name = brute.name(at);
        let is_full = expected.own.contains(&name) || expected.shared.contains(&name);
        let is_shared = brute.role(at).role == Role::Shared;
        let is_org = brute.role(at).org.is_some();
        let users = brute.users_at(at).map_or(0, BTreeSet::len);
        note("known in two districts", is_shared && users > 1);
        if brute.label(at).is_some() {
            of_owner_lists(brute, at, note);
            continue;
        }
        note(
            "row that others look up hangs",
            is_full && brute.is_looked_up(at.0) && brute.home(at).is_some(),
        );
        note(
            "row that another district looks up",
            brute.is_others_by_claim(at),
        );
        note(
            "row that must refer to a stranger",
            brute.is_others_by_reference(at),
        );
        let home = brute.home(at);
        let is_elsewhere = brute.stands(at) == Where::Other;
        let is_anchored = brute.anchor(at).is_some();
        note(
            "known in other districts only",
            is_shared && is_elsewhere && is_anchored,
        );
        note(
            "hangs on a row of another district",
            is_elsewhere && !is_anchored,
        );
        note("row of nobody", is_full && home.is_none() && !is_org);
        let above = home.and_then(|(home, _)| brute.home(home));
        note("row that hangs", is_full && home.is_some());
        note(
            "row that hangs on a row that hangs",
            is_full && above.is_some(),
        );
    }
    for (table, rows) in world
        .rows
        .iter()
        .filter(|(table, _)| world.is_keyless(table))
    {
        let is_member = |row: &&Row| {
            let name = (table.clone(), world.identity_of(table, row));
            expected.own.contains(&name) || expected.shared.contains(&name)
        };
        let members: Vec<_> = rows.iter().filter(is_member).collect();
        let distinct: BTreeSet<_> = members.iter().collect();
        note("equal rows without a key", members.len() > distinct.len());
    }
}

/// A row with a label that did not get it from its first owner.
fn of_owner_lists(brute: &Brute<'_>, at: At, note: &mut Note<'_>) {
    let paths = brute.owners(at.0, OwnerKind::Path);
    let Some(first) = paths.first().filter(|_| brute.role(at).role != Role::Root) else {
        return;
    };
    note("NULL owner asks the next", !brute.has_value(at, *first));
    let parent = brute.parent(at, *first);
    let is_nobodys = parent.is_some_and(|parent| brute.label(parent).is_none());
    note("owner without district asks the next", is_nobodys);
}
