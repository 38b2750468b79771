//! What makes a table shared or reference, and of which reference tables that is no reason to keep a column:
//! docs/design/closure.md §4 rules 3 and 13.

mod support;

use redistrict_closure::{Decisions, How, Problem};
use redistrict_model::Role;

use support::{World, key, print, role, table_ref};

/// Districts with students of their own, who visit twelve subjects that all of them have.
fn visits(districts: usize, students: usize) -> World {
    let mut world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*)
        table subjects(id*)
        table topics(subject_id*)
        table visits(id*, district_id, student_id, subject_id)
        table diaries(student_id*)
        fk visits(district_id) -> districts(id)
        fk visits(student_id) -> students(id)
        fk visits(subject_id) -> subjects(id)
        fk topics(subject_id) -> subjects(id)
        fk diaries(student_id) -> students(id)",
    );
    for district in 1..=districts {
        world.insert("districts", &[&district.to_string()]);
    }
    for number in 0..12 {
        world.insert("subjects", &[&number.to_string()]);
        world.insert("topics", &[&number.to_string()]);
    }
    for number in 0..students * districts {
        let (id, subject) = (number.to_string(), (number % 12).to_string());
        let district = (1 + number / students).to_string();
        world.insert("students", &[&id]);
        world.insert("diaries", &[&id]);
        world.insert("visits", &[&id, &district, &id, &subject]);
    }
    world
}

/// Students of two districts, with plans whose steps refer to them by a column that may be NULL.
fn plans(link: &str) -> World {
    let mut world = World::read(&format!(
        "root districts(id)
        table districts(id*)
        table students(id*)
        table visits(id*, district_id, student_id, plan_id?)
        table plans(id*, student_id)
        table steps(id*, plan_id?)
        fk visits(district_id) -> districts(id)
        fk visits(student_id) -> students(id)
        {link}
        fk steps(plan_id) -> plans(id)"
    ));
    for number in 0..40 {
        let (id, district) = (number.to_string(), (1 + number / 20).to_string());
        if number % 20 == 0 {
            world.insert("districts", &[&district]);
        }
        world.insert("students", &[&id]);
        world.insert("visits", &[&id, &district, &id, &id]);
        world.insert("plans", &[&id, &id]);
        world.insert("steps", &[&id, &id]);
    }
    world
}

/// Details that may be nobody's look nothing up.
#[test]
fn a_table_keeps_its_owner_where_optional_details_refer_to_it() {
    let draft = plans("fk plans(student_id) -> students(id)").infer(&Decisions::default());
    assert_eq!(role(&draft, "plans"), "owned: hang (student_id)");
    assert_eq!(role(&draft, "steps"), "owned: hang (plan_id)");
}

/// Who is looked up and refers to persons says something of them, whoever looks it up.
#[test]
fn a_reference_table_that_refers_to_persons_is_in_doubt() {
    let both = "fk plans(student_id) -> students(id)
        fk visits(plan_id) -> plans(id)";
    let draft = plans(both).infer(&Decisions::default());
    let plans = draft.ownership.table(&table_ref("plans")).expect("a table");
    assert!(
        plans.role == Role::Owned || plans.in_doubt,
        "{}",
        plans.reason
    );
}

/// §9.6: measured, not guessed; below ten rows nothing is shared.
#[test]
fn people_measure_as_shared_and_catalogues_as_reference() {
    let draft = visits(3, 20).infer(&Decisions::default());
    assert_eq!(role(&draft, "students"), "shared: ");
    assert_eq!(role(&draft, "subjects"), "reference: ");
    assert_eq!(role(&draft, "diaries"), "owned: hang (student_id)");
    let students = draft
        .ownership
        .table(&table_ref("students"))
        .expect("a table");
    let measured = students.measured.as_ref().expect("numbers");
    assert_eq!(
        (measured.rows, measured.spread, measured.cover),
        (60, 1.0, 1.0)
    );
    assert!(students.reason.contains("60 rows"), "{}", students.reason);
}

/// §4 rule 3: what a neighbour may know as well is shared, as it is without the neighbour.
#[test]
fn a_neighbour_that_comes_or_goes_makes_no_table_another() {
    let plan = |districts| {
        let draft = visits(districts, 20).infer(&Decisions::default());
        let tables = draft.ownership.tables.into_iter();
        tables
            .map(|one| (one.table, one.role, one.owners, one.in_doubt))
            .collect::<Vec<_>>()
    };
    assert_eq!(plan(1), plan(2));
}

/// §4 rule 13: in doubt is what is used in full, or nearly, by no more districts than persons are.
#[test]
fn a_reference_table_is_in_doubt_until_its_numbers_are_those_of_a_catalogue() {
    let in_doubt = |world: &World, decisions: &[&str]| -> Vec<String> {
        let draft = world.infer(&world.decide(decisions));
        let tables = draft.ownership.tables.iter();
        let doubtful = tables.filter(|one| one.in_doubt);
        doubtful.map(|one| one.table.table.clone()).collect()
    };
    // Eight students: too few to be shared, and not kept for it.
    let few = visits(1, 8);
    let draft = few.infer(&Decisions::default());
    assert_eq!(role(&draft, "students"), "reference: ");
    assert_eq!(
        in_doubt(&few, &[]),
        ["diaries", "students", "subjects", "topics"]
    );
    assert_eq!(
        in_doubt(&few, &["shared subjects false", "shared students true"]),
        Vec::<String>::new()
    );
    // Most of the subjects lie there for nobody, and a part of it is as sure as the whole.
    let mut stock = visits(1, 8);
    for number in 12..40 {
        stock.insert("subjects", &[&number.to_string()]);
    }
    assert_eq!(in_doubt(&stock, &[]), ["diaries", "students"]);
    // Three districts use each of them.
    assert_eq!(in_doubt(&visits(3, 12), &[]), Vec::<String>::new());
}

/// §4 rule 13: what labelled rows look up by references that may be NULL was never measured, and may be persons; so
/// may what only rows look up that may have a label.
#[test]
fn what_only_optional_references_look_up_is_in_doubt() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table nurses(id*)
        table files(nurse_id*)
        table visits(id*, district_id, nurse_id?)
        table loose(id*, district_id?, kind_id?)
        table kinds(id*)
        fk visits(district_id) -> districts(id)
        fk visits(nurse_id) -> nurses(id)
        fk files(nurse_id) -> nurses(id)
        fk loose(district_id) -> districts(id)
        fk loose(kind_id) -> kinds(id)
        row districts 1",
    );
    let in_doubt = |decisions: &[&str]| -> Vec<String> {
        let draft = world.infer(&world.decide(decisions));
        let tables = draft.ownership.tables.iter();
        let doubtful = tables.filter(|one| one.in_doubt);
        doubtful.map(|one| one.table.table.clone()).collect()
    };
    assert_eq!(in_doubt(&[]), ["files", "kinds", "nurses"]);
    let decided = ["shared nurses false", "shared kinds false"];
    assert_eq!(in_doubt(&decided), Vec::<String>::new());
}

/// §4 rule 13: who is looked up by nothing but tables in doubt was never measured.
#[test]
fn what_only_doubtful_tables_look_up_is_in_doubt() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table accounts(id*, holder_id)
        table holders(id*)
        table visits(id*, district_id, account_id)
        fk visits(district_id) -> districts(id)
        fk visits(account_id) -> accounts(id)
        fk accounts(holder_id) -> holders(id)
        row districts 1
        row holders 5
        row accounts 7 5
        row visits 1 1 7",
    );
    let in_doubt = |decisions: &[&str]| {
        let draft = world.infer(&world.decide(decisions));
        let holders = draft
            .ownership
            .table(&table_ref("holders"))
            .expect("a table");
        (
            holders.role,
            holders.in_doubt,
            holders.reason.contains("shared = false"),
        )
    };
    assert_eq!(in_doubt(&[]), (Role::Reference, true, true));
    let decided = ["shared accounts false"];
    assert_eq!(in_doubt(&decided), (Role::Reference, false, false));
}

/// `copy = "whole"`: what nothing refers to is reference by decision, and only what no district owns can be.
#[test]
fn a_table_is_copied_whole_by_decision_if_nobody_owns_its_rows() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table states(id*, zone_id)
        table zones(id*)
        table rooms(id*, district_id)
        table loose(text)
        fk states(zone_id) -> zones(id)
        fk rooms(district_id) -> districts(id)",
    );
    let unknown = world.infer(&Decisions::default());
    assert_eq!(role(&unknown, "states"), "unknown: ");
    let whole = world.infer(&world.decide(&["whole states"]));
    assert_eq!(role(&whole, "states"), "reference: ");
    assert_eq!(role(&whole, "zones"), "reference: ");
    let tables = whole.ownership.tables.iter();
    let marked: Vec<&str> = tables
        .filter(|one| one.whole)
        .map(|one| one.table.table.as_str())
        .collect();
    assert_eq!(marked, ["states"]);
    assert_eq!(whole.problems, []);

    let problem = |decision: &str| world.infer(&world.decide(&[decision])).problems;
    for table in ["rooms", "districts"] {
        let found = problem(&format!("whole {table}"));
        assert!(
            matches!(found.as_slice(), [Problem::WholeOfOwned { .. }]),
            "{found:?}"
        );
    }
    let found = problem("whole loose");
    assert!(
        matches!(found.as_slice(), [Problem::WholeOfKeyless { .. }]),
        "{found:?}"
    );
}

/// Every row of it comes, with what these rows refer to; `why` says so.
#[test]
fn every_row_of_a_table_that_is_copied_whole_comes() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table rooms(id*, district_id, state_id?)
        table states(id*, zone_id?)
        table zones(id*)
        fk rooms(district_id) -> districts(id)
        fk rooms(state_id) -> states(id)
        fk states(zone_id) -> zones(id)
        row districts 1
        row districts 2
        row zones 7
        row zones 8
        row states 70 7
        row states 71 ~
        row states 72 8
        row rooms 1 1 70
        row rooms 2 2 71",
    );
    let members = |decisions: &[&str]| {
        let draft = world.infer(&world.decide(decisions));
        world.members(&draft.ownership, "1")
    };
    let needed = members(&[]);
    assert_eq!(print(&needed, "states"), "shared 70");
    let whole = members(&["whole states"]);
    assert_eq!(print(&whole, "states"), "shared 70 71 72");
    assert_eq!(print(&whole, "zones"), "shared 7 8");
    assert_eq!(print(&whole, "rooms"), "own 1");

    let draft = world.infer(&world.decide(&["whole states"]));
    let closed = world.try_close(&draft.ownership, &key("1"), 0);
    let chain = closed.expect("a closure").0;
    let chain = chain.why(&table_ref("zones"), &key("8")).expect("a chain");
    let how: Vec<How> = chain.iter().map(|step| step.how).collect();
    assert!(
        matches!(how.as_slice(), [How::Root, How::Whole, How::ReferredTo(_)]),
        "{how:?}"
    );
}

/// What measures as shared is copied whole if somebody says so: it counts as reference then.
#[test]
fn what_measures_as_shared_is_reference_if_it_is_copied_whole() {
    let world = visits(1, 20);
    let draft = world.infer(&world.decide(&["whole subjects"]));
    assert_eq!(role(&draft, "subjects"), "reference: ");
    assert_eq!(draft.problems, []);
}

/// A tree of base rows would decide nothing: they have the district of the row with the same key.
#[test]
fn a_tree_stands_in_the_root_or_in_a_table_of_its_own() {
    let world = World::read(
        "root districts(id)
        table orgs(id*, above?)
        table districts(id*)
        fk districts(id) -> orgs(id)
        fk orgs(above) -> orgs(id)",
    );
    let found = world.infer(&world.decide(&["tree orgs (above)"])).problems;
    assert!(
        matches!(found.as_slice(), [Problem::TreeOfBase { .. }]),
        "{found:?}"
    );
}

/// Students of two districts, their guardians, and nothing that cannot be NULL.
fn nothing_declared() -> World {
    let mut world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*, district_id?)
        table guardians(id*)
        table ties(student_id*, guardian_id*)
        table notes(id*, guardian_id?)
        fk students(district_id) -> districts(id)
        fk ties(student_id) -> students(id)
        fk ties(guardian_id) -> guardians(id)
        fk notes(guardian_id) -> guardians(id)",
    );
    for number in 0..40 {
        let (id, district) = (number.to_string(), (1 + number / 20).to_string());
        if number % 20 == 0 {
            world.insert("districts", &[&district]);
        }
        world.insert("students", &[&id, &district]);
        world.insert("guardians", &[&id]);
        world.insert("ties", &[&id, &id]);
        world.insert("notes", &[&id, &id]);
    }
    world
}

/// §4 rule 1: a reference that is never NULL, as somebody says, counts like one that cannot be.
#[test]
fn a_reference_that_every_row_has_gives_a_table_its_place() {
    let world = nothing_declared();
    let draft = world.infer(&world.decide(&["always students (district_id)"]));
    assert_eq!(role(&draft, "students"), "owned 0: path (district_id)");
    assert_eq!(role(&draft, "guardians"), "shared: ");
    assert_eq!(role(&draft, "notes"), "owned: hang (guardian_id)");
    let members = world.members(&draft.ownership, "2");
    let expected: Vec<String> = (20..40).map(|number| number.to_string()).collect();
    let expected = format!("own {}", expected.join(" "));
    assert_eq!(print(&members, "students"), expected);
    assert_eq!(
        print(&members, "guardians"),
        expected.replace("own", "shared")
    );
    assert_eq!(print(&members, "notes"), expected.replace("own", "shared"));
}

/// §4 rule 6: a person by decision whom nothing that surely has a district refers to does not take their ties away
/// from those who may have one.
#[test]
fn a_shared_parent_that_no_district_knows_takes_no_path_away() {
    let world = nothing_declared();
    let draft = world.infer(&world.decide(&["shared guardians true"]));
    assert_eq!(
        role(&draft, "ties"),
        "owned 1: path (student_id), hang (guardian_id)"
    );
    let members = world.members(&draft.ownership, "2");
    let ties: Vec<String> = (20..40).map(|id| format!("{id},{id}")).collect();
    assert_eq!(print(&members, "ties"), format!("own {}", ties.join(" ")));
    assert_ne!(print(&members, "notes"), "none");
}

/// §4 rule 1: of references under conditions over the same columns every row has one.
#[test]
fn what_a_column_beside_names_gives_a_place_if_it_always_names_something() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*, district_id)
        table courses(id*, district_id)
        table files(id*, kind, of, blob_id)
        table blobs(id*)
        fk students(district_id) -> districts(id)
        fk courses(district_id) -> districts(id)
        link files(of) -> students(id) owns when kind=student
        link files(of) -> courses(id) owns when kind=course
        fk files(blob_id) -> blobs(id)
        row districts 1
        row students 1 1
        row blobs 5
        row files 1 student 1 5",
    );
    let tier = |decisions: &[&str]| {
        let draft = world.infer(&world.decide(decisions));
        let table = |name| draft.ownership.table(&table_ref(name)).expect("a table");
        (table("files").tier, table("blobs").in_doubt)
    };
    assert_eq!(tier(&[]), (Some(1), true));
    // One row is too few to tell who it is about.
    assert_eq!(tier(&["always files (of)"]), (Some(0), true));
}
