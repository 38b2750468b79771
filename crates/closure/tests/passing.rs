//! Rows that stream by and are forgotten give the same members as rows that are held.

mod support;

use std::collections::BTreeMap;

use redistrict_closure::{Closure, Decisions, Fate, Members, Passing, identities};
use redistrict_model::{BoundaryPolicy, Key, Ownership, TableRef};

use support::{World, random, table_ref};

const CASES: u64 = 500;

#[derive(Debug, Default)]
struct Seen {
    passed: u64,
    later: u64,
    left: u64,
    questions: u64,
    boundaries: u64,
}

/// Without `exclude`, under which every row is held.
fn without_exclude(mut decisions: Decisions, seed: u64) -> Decisions {
    for policy in decisions.boundary.values_mut() {
        if *policy == BoundaryPolicy::Exclude {
            *policy = match seed % 3 {
                0 => BoundaryPolicy::Stub,
                1 => BoundaryPolicy::Null,
                _ => BoundaryPolicy::Stop,
            };
        }
    }
    decisions
}

/// The members, with the keys of the rows that passed among the others.
fn passing(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    mode: Passing,
    shuffle: u64,
    seen: &mut Seen,
) -> Members {
    let closure = Closure::new(ownership, &identities(&world.catalogs), district);
    let mut closure = closure.expect("a closure").letting_pass(mode, |_, _| true);
    let mut random = random::Random::new(shuffle);
    let mut passed: BTreeMap<TableRef, [Vec<Key>; 2]> = BTreeMap::new();
    loop {
        let mut fetches = closure.step().expect("a step");
        if fetches.is_empty() {
            break;
        }
        random.shuffle(&mut fetches);
        for fetch in fetches {
            let mut rows = world.answer(&fetch);
            random.shuffle(&mut rows);
            if !fetch.is_passing() {
                closure.absorb(&fetch, &rows).expect("rows");
                continue;
            }
            for rows in rows.chunks(3) {
                let fates = closure.pass(&fetch, rows).expect("fates");
                for (row, fate) in rows.iter().zip(fates) {
                    match fate {
                        Fate::Own | Fate::Shared => {
                            assert!(mode == Passing::Counted || closure.wants_whole(&fetch));
                            let lists = passed.entry(fetch.table.clone()).or_default();
                            lists[usize::from(fate == Fate::Shared)].push(row.id.clone());
                            seen.passed += 1;
                        }
                        Fate::Later => seen.later += 1,
                        Fate::Left => seen.left += 1,
                    }
                }
            }
            closure.absorb(&fetch, &[]).expect("the end of an answer");
        }
    }
    let mut members = closure.finish().expect("members");
    for (table, [own, shared]) in passed {
        let lists = members.rows.get_mut(&table).expect("a table with members");
        assert_eq!(
            (lists.own_passed, lists.shared_passed),
            (own.len() as u64, shared.len() as u64)
        );
        (lists.own_passed, lists.shared_passed) = (0, 0);
        lists.own = lists.own.iter().chain(own).collect();
        lists.shared = lists.shared.iter().chain(shared).collect();
    }
    members
}

#[test]
fn rows_that_pass_and_rows_that_are_held_give_the_same_members() {
    let mut seen = Seen::default();
    for seed in 0..CASES {
        let case = random::case(seed);
        let decisions = without_exclude(case.decisions, seed);
        let draft = case.world.infer_with(&decisions, &case.measured);
        let ownership = &draft.ownership;
        for row in &case.world.rows[&table_ref("districts")] {
            let columns = case.world.root_key.iter();
            let district = Key::new(columns.map(|column| row[column].clone().expect("a key")));
            let (held, _) = case.world.try_close(ownership, &district, 0).expect("held");
            let expected = held.finish().expect("members");
            seen.questions += expected.undecided.len() as u64;
            seen.boundaries += expected.boundaries.len() as u64;
            for mode in [Passing::Counted, Passing::Kept] {
                let shuffle = seed * 2 + 1;
                let found = passing(&case.world, ownership, &district, mode, shuffle, &mut seen);
                assert_eq!(
                    found, expected,
                    "seed {seed}, district {district:?}, {mode:?}"
                );
            }
        }
    }
    println!("{seen:?}");
    for count in [
        seen.passed,
        seen.later,
        seen.left,
        seen.questions,
        seen.boundaries,
    ] {
        assert!(count > CASES, "nothing happens: {seen:?}");
    }
}
