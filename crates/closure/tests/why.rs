//! Why rows come, and why they do not: worlds made for each reason, and random ones in which every row has
//! an answer that holds against its own values.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::{
    Answer, Closure, ClosureError, Draft, How, Members, Reason, Step, Tie, WhyNot,
};
use redistrict_model::{Edge, Key, Ownership, Role, TableRef};

use support::brute::Brute;
use support::{Row, World, key, random, table_ref};

/// Random worlds whose every row is asked for.
const CASES: u64 = 300;

/// Asks, answering what has to be seen.
fn why_not(world: &World, closure: &mut Closure, table: &TableRef, key: &Key) -> WhyNot {
    for _ in 0..100 {
        match closure.why_not(table, key).expect("an answer") {
            Answer::Known(why) => return why,
            Answer::Needs(fetches) => {
                for fetch in fetches {
                    let rows = world.answer(&fetch);
                    closure.absorb(&fetch, &rows).expect("rows");
                }
            }
        }
    }
    panic!("asking does not end");
}

/// Looks for a row by its key first, as a person does who names it.
fn asked(world: &World, closure: &mut Closure, table: &str, text: &str) -> WhyNot {
    let table = table_ref(table);
    let by = world.table(&table).identity().expect("a key").to_vec();
    let fetch = closure.look_for(&table, &by, &key(text)).expect("a table");
    let rows = world.answer(&fetch);
    closure.absorb(&fetch, &rows).expect("rows");
    why_not(world, closure, &table, &key(text))
}

fn close(world: &World, draft: &Draft, district: &str) -> (Closure, Members) {
    let closed = world.try_close(&draft.ownership, &key(district), 0);
    let (closure, _) = closed.expect("a closure");
    let members = closure.finish().expect("members");
    (closure, members)
}

/// `belongs to a over (x), hangs on b over (y)`.
fn steps(why: &WhyNot, ownership: &Ownership) -> String {
    let step = |tie: Tie| {
        let word = match tie {
            Tie::BelongsTo(_) => "belongs",
            Tie::BaseOf(_) => "base",
            Tie::HangsOn(_) => "hangs",
            Tie::MustReferTo(_) => "must",
            Tie::GoesWith(_) => "goes with",
        };
        format!("{word} {}", ownership.edge(tie.edge()).describe())
    };
    let steps: Vec<String> = why.steps.iter().map(|one| step(one.tie)).collect();
    steps.join(", ").replace("ids.main.", "")
}

const SCHOOLS: &str = "
    root districts(id)
    table orgs(id*)
    table districts(id*)
    table agencies(id*)
    table schools(id*, district_id)
    table students(id*)
    table enrolments(student_id*, school_id*)
    table contacts(id*)
    table addresses(contact_id*, no*)
    table student_contacts(student_id*, contact_id*)
    table codes(id*)
    table visits(id*, school_id, code_id?)
    table logs(id*)
    fk districts(id) -> orgs(id) cascade
    fk agencies(id) -> orgs(id) cascade
    fk schools(district_id) -> districts(id)
    fk enrolments(student_id) -> students(id)
    fk enrolments(school_id) -> schools(id)
    fk addresses(contact_id) -> contacts(id) cascade
    fk student_contacts(student_id) -> students(id)
    fk student_contacts(contact_id) -> contacts(id)
    fk visits(school_id) -> schools(id)
    fk visits(code_id) -> codes(id)
    row orgs 1
    row orgs 2
    row orgs 9
    row districts 1
    row districts 2
    row agencies 9
    row schools 11 1
    row schools 21 2
    row students 100
    row students 200
    row students 300
    row enrolments 100 11
    row enrolments 200 21
    row contacts 500
    row contacts 501
    row contacts 502
    row addresses 500 1
    row addresses 501 1
    row student_contacts 100 500
    row student_contacts 200 501
    row codes 7
    row codes 8
    row visits 40 11 7
    row logs 1
";

#[test]
fn each_reason_is_found_at_the_row_that_it_is_about() {
    let world = World::read(SCHOOLS);
    let decisions = world.decide(&[
        "shared students true",
        "shared contacts true",
        "excluded logs",
    ]);
    let draft = world.infer(&decisions);
    let (mut closure, _) = close(&world, &draft, "1");
    let other = || Reason::AnotherDistrict(key("2"));
    for (table, row, expected, steps_expected) in [
        ("districts", "2", other(), ""),
        ("orgs", "2", other(), "base districts(id)"),
        ("schools", "21", other(), "belongs schools(district_id)"),
        (
            "enrolments",
            "200,21",
            other(),
            "belongs enrolments(school_id), belongs schools(district_id)",
        ),
        ("agencies", "9", Reason::AboveAllDistricts, ""),
        ("codes", "8", Reason::NobodyRefers, ""),
        ("contacts", "502", Reason::NobodyRefers, ""),
        ("students", "300", Reason::NobodyRefers, ""),
        ("logs", "1", Reason::ExcludedTable, ""),
        ("codes", "99", Reason::NoSuchRow, ""),
    ] {
        let why = asked(&world, &mut closure, table, row);
        assert_eq!(why.reason, expected, "{table} {row}");
        assert_eq!(
            steps(&why, &draft.ownership),
            steps_expected,
            "{table} {row}"
        );
        assert_eq!(why.referred, [], "{table} {row}");
    }
    // A person of another district, and what hangs on a person who hangs on one.
    let why = asked(&world, &mut closure, "students", "200");
    let enrolments = world.edge("enrolments(student_id)");
    assert_eq!(why.reason, Reason::UsedElsewhere(vec![(enrolments, 1)]));
    let why = asked(&world, &mut closure, "student_contacts", "200,501");
    assert!(matches!(why.reason, Reason::UsedElsewhere(_)), "{why:?}");
    assert_eq!(why.table, table_ref("students"));
    let why = asked(&world, &mut closure, "addresses", "501,1");
    assert_eq!(why.reason, Reason::UsedElsewhere(Vec::new()));
    assert_eq!(
        (steps(&why, &draft.ownership).as_str(), &why.table),
        ("hangs addresses(contact_id)", &table_ref("contacts"))
    );
    // Asking changes nothing.
    let again = closure.finish().expect("members");
    assert_eq!(again, close(&world, &draft, "1").1);
}

#[test]
fn a_row_that_comes_has_no_reason_not_to() {
    let world = World::read(SCHOOLS);
    let draft = world.infer(&world.decide(&["excluded logs"]));
    let (mut closure, _) = close(&world, &draft, "1");
    let refused = closure.why_not(&table_ref("schools"), &key("11"));
    assert!(matches!(refused, Err(ClosureError::OutOfOrder { .. })));
    let unknown = closure.why_not(&table_ref("nothing"), &key("11"));
    assert!(matches!(unknown, Err(ClosureError::UnknownTable { .. })));
}

const RENTALS: &str = "
    root stores(id)
    table stores(id*)
    table customers(id*, store_id)
    table inventory(id*, store_id)
    table rentals(id*, customer_id, inventory_id)
    table payments(id*, rental_id)
    table tips(id*, payment_id, kind_id)
    table kinds(id*)
    fk customers(store_id) -> stores(id)
    fk inventory(store_id) -> stores(id)
    fk rentals(customer_id) -> customers(id)
    fk rentals(inventory_id) -> inventory(id)
    fk payments(rental_id) -> rentals(id)
    fk tips(payment_id) -> payments(id)
    fk tips(kind_id) -> kinds(id)
    row stores 1
    row stores 2
    row customers 10 1
    row inventory 20 1
    row inventory 21 2
    row rentals 100 10 20
    row rentals 101 10 21
    row payments 901 101
    row tips 951 901 5
    row kinds 5
";

#[test]
fn what_exclude_takes_out_says_so_and_what_went_with_it() {
    let world = World::read(RENTALS);
    let decisions = world.decide(&[
        "owner rentals (customer_id)",
        "boundary rentals(inventory_id) exclude",
    ]);
    let draft = world.infer(&decisions);
    let (mut closure, _) = close(&world, &draft, "1");
    let edge = world.edge("rentals(inventory_id)");
    let why = asked(&world, &mut closure, "rentals", "101");
    assert_eq!((&why.reason, why.steps.len()), (&Reason::TakenOut(edge), 0));
    let why = asked(&world, &mut closure, "tips", "951");
    assert_eq!(why.reason, Reason::TakenOut(edge));
    assert_eq!(why.table, table_ref("rentals"));
    assert_eq!(
        steps(&why, &draft.ownership),
        "must tips(payment_id), must payments(rental_id)"
    );
    let why = asked(&world, &mut closure, "kinds", "5");
    assert_eq!(why.reason, Reason::LostItsReferrers);
}

#[test]
fn what_becomes_of_references_to_it_is_told() {
    let world = World::read(RENTALS);
    let draft = world.infer(&world.decide(&["owner rentals (customer_id)"]));
    let (mut closure, _) = close(&world, &draft, "1");
    let why = asked(&world, &mut closure, "inventory", "21");
    assert_eq!(why.reason, Reason::AnotherDistrict(key("2")));
    let told: Vec<_> = why
        .referred
        .iter()
        .map(|one| (one.edge, one.rows))
        .collect();
    assert_eq!(told, [(world.edge("rentals(inventory_id)"), 1)]);
}

#[test]
fn the_other_side_of_a_pair_is_named() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table schools(id*, district_id)
        table students(id*)
        table enrolments(student_id*, school_id*)
        table siblings(one_id*, other_id*)
        fk schools(district_id) -> districts(id)
        fk enrolments(student_id) -> students(id)
        fk enrolments(school_id) -> schools(id)
        fk siblings(one_id) -> students(id)
        fk siblings(other_id) -> students(id)
        row districts 1
        row districts 2
        row schools 11 1
        row schools 21 2
        row students 100
        row students 200
        row enrolments 100 11
        row enrolments 200 21
        row siblings 100 200",
    );
    let draft = world.infer(&world.decide(&["shared students true"]));
    let (mut closure, members) = close(&world, &draft, "1");
    assert!(members.table(&table_ref("siblings")).is_none());
    let why = asked(&world, &mut closure, "siblings", "100,200");
    let expected = Reason::OtherSideMissing(world.edge("siblings(other_id)"));
    assert_eq!((why.reason, why.table), (expected, table_ref("siblings")));
}

#[test]
fn of_two_ways_of_the_same_length_the_one_over_an_owner_is_told() {
    let world = World::read(
        "root districts(id)
        table a_devices(id*, district_id, student_id)
        table districts(id*)
        table schools(id*, district_id)
        table students(id*, school_id)
        fk a_devices(district_id) -> districts(id)
        fk a_devices(student_id) -> students(id)
        fk schools(district_id) -> districts(id)
        fk students(school_id) -> schools(id)
        row districts 1
        row schools 11 1
        row students 100 11
        row a_devices 1 1 100",
    );
    let draft = world.infer(&world.decide(&["owner a_devices (district_id)"]));
    for shuffle in 0..8 {
        let closed = world.try_close(&draft.ownership, &key("1"), shuffle);
        let chain = closed.expect("a closure").0;
        let chain = chain.why(&table_ref("students"), &key("100"));
        let chain = chain.expect("a chain");
        assert_eq!(chain[1].table, table_ref("schools"));
        assert_eq!(chain[2].over, [("school_id".to_owned(), "11".into())]);
    }
}

/// The row of a world by its key.
fn row<'w>(world: &'w World, table: &TableRef, key: &Key) -> &'w Row {
    let mut rows = world.rows[table].iter();
    let found = rows.find(|row| world.identity_of(table, row) == *key);
    found.unwrap_or_else(|| panic!("no row {table} {key:?}"))
}

/// Every step of a chain holds in the rows themselves.
fn check_chain(world: &World, ownership: &Ownership, chain: &[Step]) {
    for pair in chain.windows(2) {
        let [before, step] = pair else { continue };
        let (child, parent, edge) = match step.how {
            How::Root => panic!("a root in the middle"),
            How::Whole => {
                let role = ownership.table(&step.table).expect("a table");
                assert!(role.whole && before.how == How::Root);
                continue;
            }
            How::BelongsTo(edge) => (step, before, edge),
            How::BaseOf(edge) | How::ReferredTo(edge) | How::StubFor(edge) => (before, step, edge),
        };
        let edge: &Edge = ownership.edge(edge);
        assert_eq!((&child.table, &parent.table), (&edge.child, &edge.parent));
        let child = row(world, &child.table, &child.key);
        let parent = row(world, &parent.table, &parent.key);
        for (from, to) in edge.child_columns.iter().zip(&edge.parent_columns) {
            assert!(child[from].is_some() && child[from] == parent[to]);
            let over: BTreeMap<&str, &str> = (step.over.iter())
                .map(|(column, value)| (column.as_str(), &**value))
                .collect();
            assert_eq!(over.get(from.as_str()).copied(), child[from].as_deref());
        }
    }
}

/// A member refers to the row.
fn is_referred(
    world: &World,
    ownership: &Ownership,
    members: &Members,
    at: (&TableRef, &Row),
) -> bool {
    let into = ownership.edges.iter().filter(|edge| edge.parent == *at.0);
    into.into_iter().any(|edge| {
        let Some(children) = members.table(&edge.child) else {
            return false;
        };
        let full: BTreeSet<Key> = children.own.iter().chain(&children.shared).collect();
        world.rows[&edge.child].iter().any(|child| {
            let pairs = || edge.child_columns.iter().zip(&edge.parent_columns);
            let holds = edge.when.iter().all(|(column, texts)| {
                let value = child[column].as_ref();
                value.is_some_and(|value| texts.contains(value))
            });
            full.contains(&world.identity_of(&edge.child, child))
                && holds
                && pairs().all(|(from, to)| child[from].is_some() && child[from] == at.1[to])
        })
    })
}

/// A random world, evaluated for its first district.
struct Asking<'a> {
    world: &'a World,
    ownership: &'a Ownership,
    district: Key,
    members: Members,
    labels: BTreeMap<(TableRef, Key), Option<Key>>,
}

impl Asking<'_> {
    fn is_member(&self, table: &TableRef, id: &Key) -> bool {
        self.members.table(table).is_some_and(|rows| {
            let mut lists = [&rows.own, &rows.shared, &rows.stubs].into_iter();
            lists.any(|keys| keys.contains(id))
        })
    }

    /// Asks for a row and holds the answer against the rows; says what it was.
    fn check(&self, closure: &mut Closure, table: &TableRef, one: &Row) -> &'static str {
        let id = self.world.identity_of(table, one);
        if self.is_member(table, &id) {
            return match closure.why(table, &id) {
                Some(chain) => {
                    check_chain(self.world, self.ownership, &chain);
                    "chain"
                }
                None => "no chain",
            };
        }
        let role = self.ownership.table(table).map(|role| role.role);
        if role != Some(Role::Excluded) {
            let Some(by) = self.world.table(table).identity() else {
                return "no key";
            };
            let fetch = closure.look_for(table, by, &id).expect("a table");
            let rows = self.world.answer(&fetch);
            closure.absorb(&fetch, &rows).expect("rows");
        }
        let why = why_not(self.world, closure, table, &id);
        let is_referred = is_referred(self.world, self.ownership, &self.members, (table, one));
        let is_excluded = why.reason == Reason::ExcludedTable;
        assert!(
            is_excluded || is_referred != why.referred.is_empty(),
            "{why:?}"
        );
        let label = self.labels.get(&(table.clone(), id)).cloned().flatten();
        match &why.reason {
            Reason::ExcludedTable => assert_eq!(role, Some(Role::Excluded)),
            Reason::NoSuchRow => panic!("it is there"),
            Reason::AnotherDistrict(other) => {
                assert_ne!(*other, self.district);
                let is_hung = why
                    .steps
                    .iter()
                    .any(|one| matches!(one.tie, Tie::HangsOn(_) | Tie::GoesWith(_)));
                assert!(is_hung || label.as_ref() == Some(other), "{why:?}");
            }
            Reason::AboveAllDistricts => assert_eq!(label, None),
            Reason::NobodyRefers => assert_eq!((label, is_referred), (None, false)),
            Reason::LostItsReferrers => assert!(!self.members.taken_out.is_empty()),
            Reason::UsedElsewhere(_) | Reason::OtherSideMissing(_) | Reason::TakenOut(_) => {}
        }
        word(&why.reason)
    }
}

fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::ExcludedTable => "excluded",
        Reason::NoSuchRow => "no such row",
        Reason::AnotherDistrict(_) => "another district",
        Reason::UsedElsewhere(_) => "used elsewhere",
        Reason::AboveAllDistricts => "above",
        Reason::NobodyRefers => "nobody",
        Reason::OtherSideMissing(_) => "pair",
        Reason::TakenOut(_) => "taken out",
        Reason::LostItsReferrers => "lost",
    }
}

/// Asks for every row of the world of a seed; counts the answers.
fn check_case(seed: u64, counts: &mut BTreeMap<&'static str, u64>) -> Option<()> {
    let case = random::case(seed);
    let world = &case.world;
    let draft = world.infer_with(&case.decisions, &case.measured);
    let ownership = &draft.ownership;
    let first = world.rows[world.root.as_ref()?].first()?;
    let parts = (ownership.root_key.iter()).map(|column| first[column].clone());
    let district = Key::new(parts.collect::<Option<Vec<String>>>()?);
    let (mut closure, _) = world.try_close(ownership, &district, 0).ok()?;
    let brute = Brute::new(world, ownership, &district);
    let asking = Asking {
        world,
        ownership,
        members: closure.finish().expect("members"),
        labels: (brute.labels.iter())
            .map(|(at, label)| (brute.name(*at), label.clone()))
            .collect(),
        district,
    };
    let mut of_table: BTreeMap<&TableRef, u64> = BTreeMap::new();
    for table in world.rows.keys() {
        for one in &world.rows[table] {
            let said = asking.check(&mut closure, table, one);
            *counts.entry(said).or_default() += 1;
            *of_table.entry(table).or_default() += u64::from(said == "taken out");
        }
    }
    for (table, rows) in &asking.members.taken_out {
        let is_keyless = world.is_keyless(table);
        assert!(
            is_keyless || of_table[table] == *rows,
            "seed {seed}: {table}"
        );
    }
    let after = closure.finish().expect("members");
    assert_eq!(
        asking.members.rows, after.rows,
        "seed {seed}: asking changes nothing"
    );
    Some(())
}

#[test]
fn every_row_of_a_random_world_has_a_chain_or_a_reason_that_hold() {
    let mut counts = BTreeMap::new();
    let checked = (0..CASES).filter_map(|seed| check_case(seed, &mut counts));
    assert!(checked.count() as u64 > CASES / 2);
    println!("{counts:?}");
    for (said, least) in [
        ("chain", 500),
        ("another district", 300),
        ("nobody", 300),
        ("above", 50),
        ("taken out", 10),
        ("used elsewhere", 20),
        ("lost", 2),
        ("pair", 2),
    ] {
        let count = counts.get(said).copied().unwrap_or_default();
        assert!(count >= least, "{said}: {counts:?}");
    }
}

/// §2: a row that must refer to a stranger's goes with that one, though a row that comes refers to it.
#[test]
fn a_row_of_nobody_does_not_come_because_of_what_it_must_refer_to() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*)
        table notes(id*, student_id)
        table visits(id*, district_id, student_id, note_id?)
        fk notes(student_id) -> students(id)
        fk visits(district_id) -> districts(id)
        fk visits(student_id) -> students(id)
        fk visits(note_id) -> notes(id)
        row districts 1
        row districts 2
        row students 100
        row students 200
        row notes 7 200
        row visits 1 1 100 7
        row visits 2 2 200 ~",
    );
    let decisions = [
        "shared students true",
        "shared notes false",
        "boundary visits(note_id) null",
    ];
    let draft = world.infer(&world.decide(&decisions));
    let (mut closure, _) = close(&world, &draft, "1");
    let why = asked(&world, &mut closure, "notes", "7");
    assert_eq!(steps(&why, &draft.ownership), "goes with notes(student_id)");
    assert!(matches!(why.reason, Reason::UsedElsewhere(_)), "{why:?}");
    assert_eq!(why.referred.len(), 1);
}
