//! The evaluator against a brute-force reading of docs/design/closure.md on random worlds.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::{How, Leads, Members};
use redistrict_model::{BoundaryPolicy, Key, Ownership, Role, TableRef};

use support::brute::{Brute, Expected};
use support::{Row, World, random, table_ref};

/// Cases of the normal run; a proof runs more.
const CASES: u64 = 500;

#[derive(Debug, Default)]
struct Tally {
    worlds: u64,
    members: u64,
    strangers: u64,
    stubs: u64,
    nulled: u64,
    taken_out: u64,
    stops: u64,
    undecided: u64,
    dangling: u64,
    bottom: u64,
    keyless: u64,
    copies: u64,
}

fn as_expected(members: &Members) -> Expected {
    let pairs = |pick: &dyn Fn(&redistrict_closure::TableMembers) -> Vec<Key>| {
        let tables = members.rows.iter();
        let pairs = tables
            .flat_map(|(table, rows)| pick(rows).into_iter().map(move |key| (table.clone(), key)));
        pairs.collect::<Vec<(TableRef, Key)>>()
    };
    let as_set = |pairs: Vec<(TableRef, Key)>| {
        let count = pairs.len();
        let set: BTreeSet<_> = pairs.into_iter().collect();
        assert_eq!(set.len(), count, "a key stands once");
        set
    };
    let leads = |leads: Leads| match leads {
        Leads::AnotherDistrict => "other",
        Leads::AboveAllDistricts => "above",
        Leads::ExcludedTable => "excluded",
        Leads::RowTakenOut => "out",
    };
    Expected {
        own: as_set(pairs(&|rows| rows.own.clone())),
        shared: as_set(pairs(&|rows| rows.shared.clone())),
        stubs: as_set(pairs(&|rows| rows.stubs.clone())),
        nulled: members
            .nulled
            .iter()
            .map(|nulled| (nulled.edge.0, nulled.rows.iter().cloned().collect()))
            .collect(),
        boundaries: members
            .boundaries
            .iter()
            .map(|one| ((one.edge.0, leads(one.leads)), (one.policy, one.rows)))
            .collect(),
        taken_out: members.taken_out.clone(),
        dangling: members
            .dangling
            .iter()
            .map(|dangling| (dangling.edge.0, dangling.rows))
            .collect(),
        undecided: members
            .undecided
            .iter()
            .map(|table| {
                let under = table.candidates.iter().map(|one| one.rows).collect();
                (table.table.clone(), (table.any, table.all, under))
            })
            .collect(),
    }
}

/// Every stop is a boundary with the policy stop, or is asked with its table's owner.
fn check_stops(members: &Members, seed: u64) {
    for boundary in &members.boundaries {
        let is_asked = members
            .undecided
            .iter()
            .any(|table| table.candidates.iter().any(|one| one.edge == boundary.edge));
        let is_stop = members
            .stops
            .iter()
            .any(|stop| stop.edge == boundary.edge && stop.leads == boundary.leads);
        let should_stop = boundary.policy == BoundaryPolicy::Stop
            && (boundary.leads == Leads::ExcludedTable || !is_asked);
        assert_eq!(is_stop, should_stop, "seed {seed}: {boundary:?}");
    }
}

/// What comes can be restored: every reference of a member that is not NULL has its partner, or
/// is a boundary that was reported.
fn check_references(world: &World, ownership: &Ownership, members: &Members, seed: u64) {
    let mut nulled: BTreeSet<(u32, &Key)> = BTreeSet::new();
    for one in &members.nulled {
        nulled.extend(one.rows.iter().map(|key| (one.edge.0, key)));
    }
    let reported: BTreeMap<u32, u64> = {
        let mut counts = BTreeMap::new();
        for boundary in &members.boundaries {
            if boundary.policy == BoundaryPolicy::Stop {
                *counts.entry(boundary.edge.0).or_default() += boundary.rows;
            }
        }
        for dangling in &members.dangling {
            *counts.entry(dangling.edge.0).or_default() += dangling.rows;
        }
        counts
    };
    for edge in &ownership.edges {
        let Some(children) = members.table(&edge.child) else {
            continue;
        };
        let mut open = 0;
        for row in &world.rows[&edge.child] {
            let id = world.identity_of(&edge.child, row);
            let is_full = children.own.contains(&id) || children.shared.contains(&id);
            let is_stub = children.stubs.contains(&id);
            let holds = edge.when.iter().all(|(column, texts)| {
                row[column]
                    .as_ref()
                    .is_some_and(|value| texts.contains(value))
            });
            let values: Option<Vec<&String>> = edge
                .child_columns
                .iter()
                .map(|column| row[column].as_ref())
                .collect();
            let follows =
                is_full && !nulled.contains(&(edge.id.0, &id)) || is_stub && edge.mandatory;
            let (Some(values), true, true) = (values, follows, holds) else {
                continue;
            };
            let has_partner = world.rows[&edge.parent].iter().any(|parent| {
                let id = world.identity_of(&edge.parent, parent);
                let comes = members.table(&edge.parent).is_some_and(|rows| {
                    rows.own.contains(&id) || rows.shared.contains(&id) || rows.stubs.contains(&id)
                });
                let columns = edge.parent_columns.iter();
                comes
                    && columns
                        .zip(&values)
                        .all(|(column, value)| parent[column].as_ref() == Some(value))
            });
            open += u64::from(!has_partner);
        }
        let known = reported.get(&edge.id.0).copied().unwrap_or(0);
        assert!(
            open <= known,
            "seed {seed}: {} has {open} open references, {known} reported",
            edge.describe()
        );
    }
}

fn check_case(seed: u64, tally: &mut Tally) {
    let case = random::case(seed);
    let draft = case.world.infer_with(&case.decisions, &case.measured);
    let ownership = &draft.ownership;
    let districts: Vec<Key> = case.world.rows[&table_ref("districts")]
        .iter()
        .map(|row| {
            let columns = case.world.root_key.iter();
            Key::new(columns.map(|column| row[column].clone().expect("a key")))
        })
        .collect();
    tally.worlds += 1;
    for district in &districts {
        let brute = Brute::new(&case.world, ownership, district);
        let expected = brute.expected();
        for shuffle in [0, seed + 1] {
            let (closure, _) = case
                .world
                .try_close(ownership, district, shuffle)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let members = closure.finish().expect("members");
            assert_eq!(
                as_expected(&members),
                expected,
                "seed {seed}, district {district:?}"
            );
            check_stops(&members, seed);
            if shuffle == 0 {
                check_references(&case.world, ownership, &members, seed);
                check_why(&closure, &members, seed);
                count(tally, &case.world, &members);
            }
        }
        check_labels(&case.world, ownership, district, &brute, seed, tally);
    }
}

fn check_why(closure: &redistrict_closure::Closure, members: &Members, seed: u64) {
    if members
        .findings
        .iter()
        .any(|finding| finding.code == "district-taken-out")
    {
        return;
    }
    for (table, rows) in &members.rows {
        for key in rows.own.iter().chain(&rows.shared).chain(&rows.stubs) {
            let chain = closure.why(table, key);
            // With `exclude` a member may be left whose own chain was taken out.
            if chain.is_none() && !members.taken_out.is_empty() {
                continue;
            }
            let chain = chain.unwrap_or_else(|| panic!("seed {seed}: no chain to {table} {key:?}"));
            assert_eq!(chain[0].how, How::Root, "seed {seed}");
            let last = chain.last().expect("a chain");
            assert_eq!((&last.table, &last.key), (table, key), "seed {seed}");
            assert!(chain.iter().skip(1).all(|step| step.how != How::Root));
        }
    }
}

fn check_labels(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    brute: &Brute<'_>,
    seed: u64,
    tally: &mut Tally,
) {
    let (rows, expected): (Vec<_>, Vec<_>) = brute
        .labels
        .iter()
        .map(|(at, label)| (brute.name(*at), label.clone()))
        .filter(|((table, _), _)| !world.is_keyless(table))
        .unzip();
    tally.bottom += expected.iter().filter(|label| label.is_none()).count() as u64;
    assert_eq!(
        world.labels(ownership, district, &rows),
        expected,
        "seed {seed}: labels"
    );
}

fn count(tally: &mut Tally, world: &World, members: &Members) {
    let all: u64 = world.rows.values().map(|rows| rows.len() as u64).sum();
    let full: usize = members
        .rows
        .values()
        .map(|rows| rows.own.len() + rows.shared.len())
        .sum();
    let stubs: usize = members.rows.values().map(|rows| rows.stubs.len()).sum();
    tally.members += full as u64;
    tally.strangers += all - full as u64;
    tally.stubs += stubs as u64;
    tally.nulled += members.nulled.len() as u64;
    tally.taken_out += members.taken_out.values().sum::<u64>();
    tally.stops += members.stops.len() as u64;
    tally.undecided += members.undecided.len() as u64;
    tally.dangling += members.dangling.len() as u64;
    for (table, rows) in members
        .rows
        .iter()
        .filter(|(table, _)| world.is_keyless(table))
    {
        assert!(rows.stubs.is_empty(), "a stub of a keyless row");
        tally.keyless += rows.count() as u64;
        let is_member = |row: &&Row| {
            let id = world.identity_of(table, row);
            rows.own.contains(&id) || rows.shared.contains(&id)
        };
        let members: Vec<&Row> = world.rows[table].iter().filter(is_member).collect();
        let distinct: BTreeSet<&Row> = members.iter().copied().collect();
        tally.copies += (members.len() - distinct.len()) as u64;
    }
}

/// Checks the case of every seed; panics at the first that disagrees and names its seed.
fn check_cases(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        check_case(seed, &mut tally);
    }
    tally
}

#[test]
fn the_evaluator_and_a_brute_force_reading_of_the_rules_agree_on_random_worlds() {
    let tally = check_cases(0..CASES);
    println!("{tally:?}");
    // Worlds in which nothing happens prove nothing.
    for (what, count) in [
        ("members", tally.members),
        ("strangers", tally.strangers),
        ("stubs", tally.stubs),
        ("nulled", tally.nulled),
        ("taken out", tally.taken_out),
        ("stops", tally.stops),
        ("undecided", tally.undecided),
        ("dangling", tally.dangling),
        ("rows of nobody", tally.bottom),
        ("rows without a key", tally.keyless),
        ("equal rows", tally.copies),
    ] {
        assert!(count >= CASES / 5, "{what}: only {count} in {CASES} worlds");
    }
}

#[test]
fn measured_users_are_those_of_a_brute_force_reading() {
    let mut checked = 0;
    for seed in 0..CASES {
        let case = random::case(seed);
        let draft = case.world.infer_with(&case.decisions, &case.measured);
        let district = support::key("none");
        let brute = Brute::new(&case.world, &draft.ownership, &district);
        for role in draft
            .ownership
            .tables
            .iter()
            .filter(|role| role.role == Role::Shared && !case.world.is_keyless(&role.table))
        {
            let rows = &case.world.rows[&role.table];
            let keys: Vec<Key> = rows
                .iter()
                .map(|row| case.world.identity_of(&role.table, row))
                .collect();
            let counts: Vec<usize> = keys
                .iter()
                .map(|key| brute.users_of(&role.table, key))
                .collect();
            let measured = case.world.measure(&draft.ownership, &role.table, &keys);
            let used = counts.iter().filter(|count| **count > 0).count();
            let sum: usize = counts.iter().sum();
            let share = |part: usize, whole: usize| {
                if whole == 0 {
                    0.0
                } else {
                    part as f64 / whole as f64
                }
            };
            assert!(
                (measured.spread - share(sum, used)).abs() < 1e-9,
                "seed {seed}"
            );
            assert!(
                (measured.cover - share(used, keys.len())).abs() < 1e-9,
                "seed {seed}"
            );
            checked += usize::from(used > 0);
        }
    }
    assert!(checked > 50, "only {checked} tables with users");
}
