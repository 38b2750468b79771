//! The evaluator against a brute-force reading of docs/design/closure.md on random worlds. `cargo xtask prove
//! closure` runs the same comparison on more of them.

mod support;

use std::collections::BTreeMap;

use redistrict_model::{Key, Role};

use support::brute::{Brute, Mistake};
use support::compare::{Check, Counts, check};
use support::coverage::FEATURES;
use support::{random, shrink};

/// Cases of the normal run; the proof runs more.
const CASES: u64 = 250;

#[test]
fn the_evaluator_and_a_brute_force_reading_of_the_rules_agree_on_random_worlds() {
    let mut counts = Counts::default();
    let mut features: BTreeMap<&str, u64> = BTreeMap::new();
    let mut caught: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..CASES {
        let how = Check {
            seed,
            with_mistakes: true,
        };
        let case = random::case(seed);
        let seen = check(&case, &how).unwrap_or_else(|error| {
            let small = shrink::shrink(&case, &|case| check(case, &how).is_err());
            let error = check(&small, &how).err().unwrap_or(error);
            panic!("seed {seed}: {error}\n{}", shrink::print(&small));
        });
        counts.add(seen.counts);
        for feature in seen.features {
            *features.entry(feature).or_default() += 1;
        }
        for mistake in seen.caught {
            *caught.entry(mistake).or_default() += 1;
        }
    }
    println!("{counts:?}\n{features:#?}\n{caught:#?}");
    // Worlds in which nothing happens prove nothing.
    for feature in FEATURES {
        assert!(features.contains_key(feature), "no case: {feature}");
    }
    for (number, mistake) in Mistake::ALL {
        assert!(caught.contains_key(number), "not caught: {mistake:?}");
    }
    assert!(caught.contains_key("11"), "labels told everything");
    assert!(counts.full > CASES && counts.stubs > CASES && counts.others > CASES);
    assert!(counts.alone_inferred > CASES / 2, "{counts:?}");
    assert!(counts.relayed > CASES / 10, "{counts:?}");
}

#[test]
fn a_failing_case_is_made_small() {
    // A reading without users differs from the true one: a fault that needs a person of two districts.
    let fails = |case: &random::Case| {
        let draft = case.world.infer_with(&case.decisions, &case.measured);
        support::compare::districts(&case.world)
            .iter()
            .any(|district| {
                let wrong = Some(Mistake::UsersIgnored);
                let wrong = Brute::with_mistake(&case.world, &draft.ownership, district, wrong);
                let right = Brute::new(&case.world, &draft.ownership, district);
                wrong.expected() != right.expected()
            })
    };
    let case = (0..CASES).map(random::case).find(&fails).expect("a case");
    let small = shrink::shrink(&case, &fails);
    assert!(fails(&small));
    let rows: usize = small.world.rows.values().map(Vec::len).sum();
    assert!(rows <= 6, "{}", shrink::print(&small));
    assert!(shrink::print(&small).lines().count() < 30);
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
