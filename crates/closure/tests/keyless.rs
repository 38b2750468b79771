//! Tables whose rows nothing identifies, and references that count under a condition: what their rows do,
//! what is asked and what cannot be.

mod support;

use redistrict_closure::{ClosureError, Decisions, Labeller, Leads, Problem, identities};
use redistrict_model::{BoundaryPolicy, Key, Role};

use support::{World, key, print, table_ref};

/// Usage events: equal rows, rows without a user, rows of another district's user.
const EVENTS: &str = "
    root districts(id)
    table districts(id*)
    table users(id*, district_id)
    table events(user_id?, kind, tool_id?)
    table tools(id*)
    fk users(district_id) -> districts(id)
    fk events(user_id) -> users(id)
    fk events(tool_id) -> tools(id)
    row districts 1
    row districts 2
    row users 10 1
    row users 20 2
    row tools 5
    row tools 6
    row events 10 open 5
    row events 10 open 5
    row events 20 open 5
    row events ~ open 6
    row events 10 open ~
    row events 20 open 6
";

#[test]
fn rows_without_a_key_come_by_their_references_and_equal_ones_each_for_itself() {
    let world = World::read(EVENTS);
    let draft = world.infer(&Decisions::default());
    assert_eq!(draft.problems, []);
    let events = draft
        .ownership
        .table(&table_ref("events"))
        .expect("a table");
    assert_eq!(events.role, Role::Owned);
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided(), "{members:?}");
    assert_eq!(print(&members, "events"), "own @0 @1 @4");
    assert_eq!(print(&members, "tools"), "shared 5");
    let (closure, _) = world
        .try_close(&draft.ownership, &key("1"), 0)
        .expect("a closure");
    let chain = closure
        .why(&table_ref("events"), &key("@1"))
        .expect("a chain");
    assert_eq!(chain.len(), 3, "{chain:?}");
}

#[test]
fn a_reference_of_a_row_without_a_key_is_set_to_null_by_its_locator() {
    let text = EVENTS.replace("events(user_id?, kind", "events(user_id?, by_id?, kind");
    let text = text.replace("row events 10 open 5", "row events 10 20 open 5");
    let text = text.replace("row events 20 ", "row events 20 ~ ");
    let text = text.replace("row events ~ ", "row events ~ ~ ");
    let text = text.replace("row events 10 open ~", "row events 10 10 open ~");
    let world = World::read(&format!("{text}\n fk events(by_id) -> users(id)"));
    let decisions = world.decide(&["owner events (user_id)", "boundary events(by_id) null"]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "events"), "own @0 @1 @4");
    let [nulled] = members.nulled.as_slice() else {
        panic!("{:?}", members.nulled);
    };
    assert_eq!(nulled.rows, [Key::of("@0"), Key::of("@1")]);
}

#[test]
fn rows_without_a_key_that_no_reference_explains_are_a_question() {
    let world = World::read(
        "root districts(id)
         table districts(id*)
         table log(line)
         row districts 1
         row log x",
    );
    let draft = world.infer(&Decisions::default());
    let log = draft.ownership.table(&table_ref("log")).expect("a table");
    assert_eq!(log.role, Role::Unknown);
}

/// A table whose only key may be NULL: others refer to it all the same.
const BADGES: &str = "
    root districts(id)
    table districts(id*)
    table badges(code?!, district_id)
    table visits(id*, district_id, badge?)
    fk badges(district_id) -> districts(id)
    fk visits(district_id) -> districts(id)
    fk visits(badge) -> badges(code)
    row districts 1
    row districts 2
    row badges a 1
    row badges ~ 1
    row badges ~ 1
    row badges b 2
    row visits 1 1 a
    row visits 2 1 b
";

#[test]
fn a_row_without_a_key_may_be_referred_to_but_never_is_a_stub() {
    let world = World::read(BADGES);
    for (decided, policy) in [
        ("", BoundaryPolicy::Stop),
        ("stub", BoundaryPolicy::Stop),
        ("null", BoundaryPolicy::Null),
        ("exclude", BoundaryPolicy::Exclude),
    ] {
        let owner = "owner visits (district_id)";
        let boundary = format!("boundary visits(badge) {decided}");
        let decisions = match decided {
            "" => world.decide(&[owner]),
            _ => world.decide(&[owner, &boundary]),
        };
        let draft = world.infer(&decisions);
        let is_refused = matches!(draft.problems.as_slice(), [Problem::StubOfKeyless { .. }]);
        assert_eq!(is_refused, decided == "stub", "{:?}", draft.problems);
        let members = world.members(&draft.ownership, "1");
        assert_eq!(print(&members, "badges"), "own @0 @1 @2", "{decided}");
        let boundaries = members.boundaries.iter();
        let found: Vec<_> = boundaries.map(|one| (one.leads, one.policy)).collect();
        assert_eq!(found, [(Leads::AnotherDistrict, policy)], "{decided}");
        if policy == BoundaryPolicy::Stop {
            let lines = members.stops[0].lines.concat();
            assert!(lines.contains("\"(badge)\" = \"exclude\""), "{lines}");
        }
    }
}

#[test]
fn what_a_stub_must_refer_to_without_a_key_stops() {
    let world = World::read(
        "root districts(id)
         table districts(id*)
         table badges(code?!, district_id)
         table visits(id*, district_id, badge)
         table notes(id*, district_id, visit_id)
         fk badges(district_id) -> districts(id)
         fk visits(district_id) -> districts(id)
         fk visits(badge) -> badges(code)
         fk notes(district_id) -> districts(id)
         fk notes(visit_id) -> visits(id)
         row districts 1
         row districts 2
         row badges b 2
         row visits 2 2 b
         row notes 3 1 2",
    );
    let decisions = world.decide(&[
        "owner notes (district_id)",
        "boundary notes(visit_id) stub",
        "boundary visits(district_id) stub",
    ]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "visits"), "stub 2");
    assert_eq!(print(&members, "badges"), "none");
    let [stop] = members.stops.as_slice() else {
        panic!("{:?}", members.stops);
    };
    assert_eq!(
        draft.ownership.edge(stop.edge).describe(),
        "ids.main.visits(badge)"
    );
}

#[test]
fn a_locator_cannot_be_asked_for() {
    let world = World::read(EVENTS);
    let draft = world.infer(&Decisions::default());
    let rows = [(table_ref("events"), key("@0"))];
    let identities = identities(&world.catalogs);
    let error = Labeller::new(&draft.ownership, &identities, &key("1"), &rows).err();
    let table = table_ref("events");
    assert_eq!(error, Some(ClosureError::NoIdentity { table }));
}

/// Relationships as tables: the same columns lead to one table or another.
const GRAPH: &str = "
    root districts(id)
    table districts(id*)
    table persons(id*, district_id)
    table schools(id*, district_id)
    table knows(start_label, start, end_label, end)
    fk persons(district_id) -> districts(id)
    fk schools(district_id) -> districts(id)
    fk knows(start) -> persons(id) when start_label=person
    fk knows(end) -> persons(id) when end_label=person
    fk knows(end) -> schools(id) when end_label=school
    row districts 1
    row districts 2
    row persons 7 1
    row persons 8 2
    row schools 7 2
    row schools 8 1
    row knows person 7 person 7
    row knows person 7 school 8
    row knows person 7 person 8
    row knows person 8 school 7
    row knows person 7 school 8
";

#[test]
fn references_over_the_same_columns_lead_each_where_its_condition_says() {
    let world = World::read(GRAPH);
    let draft = world.infer(&Decisions::default());
    assert_eq!(draft.problems, []);
    let names: Vec<String> = (draft.ownership.edges.iter())
        .filter(|edge| edge.child == table_ref("knows"))
        .map(redistrict_model::Edge::describe)
        .collect();
    assert_eq!(
        names,
        [
            "ids.main.knows(end) -> ids.main.persons",
            "ids.main.knows(end) -> ids.main.schools",
            "ids.main.knows(start) -> ids.main.persons",
        ]
    );
    let members = world.members(&draft.ownership, "1");
    // A friendship between the districts: nobody decided whose it is.
    let [undecided] = members.undecided.as_slice() else {
        panic!("{:?}", members.undecided);
    };
    assert_eq!((undecided.any, undecided.all), (4, 3));
    let lines = undecided.lines.join("\n");
    assert!(
        lines.contains("\"(end) -> ids.main.schools\" = \"stub\""),
        "{lines}"
    );
    let start = world
        .edges()
        .iter()
        .position(|edge| edge.child_columns == ["start"]);
    let mut decisions = Decisions::default();
    let by_start = vec![world.edges()[start.expect("an edge")].id];
    decisions.owner.insert(table_ref("knows"), by_start);
    for edge in world
        .edges()
        .iter()
        .filter(|edge| edge.child_columns == ["end"])
    {
        decisions.boundary.insert(edge.id, BoundaryPolicy::Exclude);
    }
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided(), "{members:?}");
    assert_eq!(print(&members, "knows"), "own @0 @1 @4");
    assert_eq!(print(&members, "schools"), "own 8");
    assert_eq!(members.taken_out[&table_ref("knows")], 1);
}

#[test]
fn a_conditional_reference_into_an_excluded_table_matters_only_where_it_holds() {
    let world = World::read(GRAPH);
    let mut decisions = world.decide(&["excluded schools"]);
    let draft = world.infer(&decisions);
    assert_eq!(draft.problems, [], "it depends on the rows");
    let members = world.members(&draft.ownership, "1");
    let leads: Vec<_> = members
        .stops
        .iter()
        .map(|stop| (stop.leads, stop.rows))
        .collect();
    assert!(leads.contains(&(Leads::ExcludedTable, 2)), "{leads:?}");
    decisions
        .excluded
        .insert(table_ref("knows"), "a reason".into());
    assert!(world.infer(&decisions).problems.is_empty());
}

#[test]
fn a_stub_follows_a_conditional_reference_that_it_cannot_lose() {
    let world = World::read(
        "root districts(id)
         table districts(id*)
         table courses(id*, district_id)
         table files(id*, kind, context, district_id)
         table notes(id*, district_id, file_id)
         fk courses(district_id) -> districts(id)
         fk files(district_id) -> districts(id)
         fk files(context) -> courses(id) when kind=course
         fk notes(district_id) -> districts(id)
         fk notes(file_id) -> files(id)
         row districts 1
         row districts 2
         row courses 5 2
         row files 6 course 5 2
         row files 7 other 5 2
         row notes 8 1 6
         row notes 9 1 7",
    );
    let decisions = world.decide(&["owner notes (district_id)", "boundary notes(file_id) stub"]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "files"), "stub 6 7");
    assert_eq!(print(&members, "courses"), "stub 5");
}
