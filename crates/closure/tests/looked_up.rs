//! Tables that others look up and that always refer to a person: whose their rows are (docs/design/closure.md §4
//! rule 5, docs/adr/013-who-looks-a-row-up-speaks-first.md).

mod support;

use redistrict_closure::{Answer, Decisions, Problem, Reason};
use redistrict_model::Role;

use support::{World, key, print, role, table_ref};

/// Students of two districts with five notes each, of which visits look up one in ten.
fn notes(districts: usize, look_up: &str) -> World {
    let mut world = World::read(&format!(
        "root districts(id)
        table districts(id*)
        table students(id*)
        table notes(id*, student_id)
        table visits(id*, district_id, student_id, note_id{look_up})
        fk notes(student_id) -> students(id)
        fk visits(district_id) -> districts(id)
        fk visits(student_id) -> students(id)
        fk visits(note_id) -> notes(id)",
    ));
    for student in 0..20 * districts {
        let (id, district) = (student.to_string(), (1 + student / 20).to_string());
        if student % 20 == 0 {
            world.insert("districts", &[&district]);
        }
        world.insert("students", &[&id]);
        for note in 0..5 {
            world.insert("notes", &[&(student * 5 + note).to_string(), &id]);
        }
        let note = match student % 2 == 0 || look_up.is_empty() {
            true => (student * 5).to_string(),
            false => "~".to_owned(),
        };
        world.insert("visits", &[&id, &district, &id, &note]);
    }
    world
}

fn count(world: &World, district: &str, decisions: &[&str], table: &str) -> usize {
    let draft = world.infer(&world.decide(decisions));
    let members = world.members(&draft.ownership, district);
    let rows = members.table(&table_ref(table));
    rows.map_or(0, |rows| rows.own.len() + rows.shared.len())
}

#[test]
fn a_note_that_nobody_looks_up_comes_with_its_student() {
    for look_up in ["?", ""] {
        for districts in [1, 2, 3] {
            let world = notes(districts, look_up);
            let draft = world.infer(&Decisions::default());
            assert_eq!(role(&draft, "students"), "shared: ");
            assert_eq!(role(&draft, "notes"), "owned: unclaimed (student_id)");
            assert_eq!(count(&world, "1", &[], "notes"), 100);
        }
    }
}

/// A declared link that owns is an owner, also where it may be NULL; one that does not is none.
#[test]
fn a_declared_link_owns_rows_that_others_look_up() {
    let world = |link: &str| {
        let mut world = World::read(&format!(
            "root districts(id)
            table districts(id*)
            table students(id*)
            table notes(id*, student_id?)
            table visits(id*, district_id, student_id, note_id?)
            link notes(student_id) -> students(id) {link}
            fk visits(district_id) -> districts(id)
            fk visits(student_id) -> students(id)
            fk visits(note_id) -> notes(id)
            row districts 1"
        ));
        for id in 0..20 {
            let id = id.to_string();
            world.insert("students", &[&id]);
            world.insert("notes", &[&id, &id]);
            world.insert("visits", &[&id, "1", &id, "3"]);
        }
        world
    };
    let owns = world("owns");
    assert_eq!(
        role(&owns.infer(&Decisions::default()), "notes"),
        "owned: unclaimed (student_id)"
    );
    assert_eq!(count(&owns, "1", &[], "notes"), 20);
    let loose = world("");
    assert_eq!(
        role(&loose.infer(&Decisions::default()), "notes"),
        "reference: "
    );
    assert_eq!(count(&loose, "1", &[], "notes"), 1);
}

/// Cities to which only addresses refer are nobody's, and nothing hangs on them.
#[test]
fn an_address_does_not_hang_on_a_city() {
    for look_up in ["?", ""] {
        let mut world = World::read(&format!(
            "root districts(id)
            table districts(id*)
            table cities(id*)
            table addresses(id*, city_id)
            table customers(id*, district_id, address_id{look_up})
            fk addresses(city_id) -> cities(id)
            fk customers(district_id) -> districts(id)
            fk customers(address_id) -> addresses(id)
            row districts 1
            row districts 2"
        ));
        for number in 0..40 {
            let (id, city) = (number.to_string(), (number % 12).to_string());
            if number < 12 {
                world.insert("cities", &[&id]);
            }
            world.insert("addresses", &[&id, &city]);
            if number < 30 {
                world.insert("customers", &[&id, &(1 + number % 2).to_string(), &id]);
            }
        }
        let draft = world.infer(&Decisions::default());
        assert_eq!(role(&draft, "addresses"), "reference: ");
        assert_eq!(count(&world, "1", &[], "addresses"), 15);
    }
}

/// Cities of their own, of one district and of two: the addresses of other districts stay there.
#[test]
fn an_address_in_a_city_of_two_districts_goes_with_who_looks_it_up() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table cities(id*)
        table schools(id*, district_id, city_id)
        table addresses(id*, city_id)
        table families(id*, student_id, address_id?)
        table students(id*)
        table visits(id*, district_id, student_id)
        table staff(id*, district_id, address_id?)
        fk schools(district_id) -> districts(id)
        fk schools(city_id) -> cities(id)
        fk addresses(city_id) -> cities(id)
        fk families(student_id) -> students(id)
        fk families(address_id) -> addresses(id)
        fk visits(district_id) -> districts(id)
        fk visits(student_id) -> students(id)
        fk staff(district_id) -> districts(id)
        fk staff(address_id) -> addresses(id)
        row districts 1
        row districts 2
        row cities 5
        row cities 6
        row schools 1 1 5
        row schools 2 2 5
        row schools 3 2 6
        row students 1
        row students 2
        row visits 1 1 1
        row visits 2 2 2
        row addresses 10 5
        row addresses 11 5
        row addresses 12 5
        row addresses 13 5
        row addresses 14 5
        row addresses 15 6
        row staff 1 1 10
        row staff 2 2 11
        row families 1 1 12
        row families 2 2 13",
    );
    let shared = ["shared cities true", "shared students true"];
    let draft = world.infer(&world.decide(&shared));
    assert_eq!(role(&draft, "addresses"), "owned: unclaimed (city_id)");
    let members = |district| world.members(&draft.ownership, district);
    // 10 and 12 are looked up here, 14 by nobody.
    assert_eq!(print(&members("1"), "addresses"), "shared 10 12 14");
    assert_eq!(print(&members("2"), "addresses"), "shared 11 13 14 15");

    let closed = world.try_close(&draft.ownership, &key("1"), 0);
    let mut closed = closed.expect("a closure").0;
    let why = closed.why_not(&table_ref("addresses"), &key("11"));
    let Ok(Answer::Known(why)) = why else {
        panic!("{why:?}")
    };
    let staff = world.edge("staff(address_id)");
    assert_eq!(why.reason, Reason::UsedElsewhere(vec![(staff, 1)]));
}

/// Student 3 is known in both districts, 1 and 2 in one each.
const KNOWN: &str = "root districts(id)
    table districts(id*)
    table students(id*)
    table notes(id*, student_id, text?)
    table parts(note_id*, seq*)
    table visits(id*, district_id, student_id, note_id?)
    fk notes(student_id) -> students(id)
    fk parts(note_id) -> notes(id)
    fk visits(district_id) -> districts(id)
    fk visits(student_id) -> students(id)
    fk visits(note_id) -> notes(id)
    row districts 1
    row districts 2
    row students 1
    row students 2
    row students 3
    row notes 11 1 a
    row notes 12 1 a
    row notes 21 2 a
    row notes 31 3 a
    row notes 32 3 a
    row notes 33 3 a
    row parts 12 1
    row parts 21 1
    row parts 31 1
    row parts 32 1
    row parts 33 1
    row visits 1 1 1 11
    row visits 2 2 2 21
    row visits 3 1 3 31
    row visits 4 2 3 32
    row visits 5 1 1 ~";

#[test]
fn a_note_about_somebody_of_two_districts_goes_with_who_looks_it_up() {
    let world = World::read(KNOWN);
    let draft = world.infer(&world.decide(&["shared students true"]));
    let members = |district| world.members(&draft.ownership, district);
    assert_eq!(print(&members("1"), "notes"), "shared 11 12 31 33");
    assert_eq!(print(&members("1"), "parts"), "shared 12,1 31,1 33,1");
    assert_eq!(print(&members("2"), "notes"), "shared 21 32 33");
}

/// A visit of the neighbour that names a note about our student takes nothing away, and brings nothing there.
#[test]
fn a_note_stays_with_a_student_who_is_known_in_one_district_only() {
    let world = World::read(&format!("{KNOWN}\nrow visits 6 2 2 12"));
    let decisions = ["shared students true", "boundary visits(note_id) stub"];
    let draft = world.infer(&world.decide(&decisions));
    let members = |district| world.members(&draft.ownership, district);
    assert_eq!(print(&members("1"), "notes"), "shared 11 12 31 33");
    assert_eq!(print(&members("2"), "notes"), "shared 21 32 33 | stub 12");
    assert_eq!(print(&members("2"), "students"), "shared 2 3 | stub 1");
    assert_eq!(print(&members("2"), "parts"), "shared 21,1 32,1 33,1");
}

/// Somebody says that it is a catalogue: a row about a stranger is a boundary as a whole, not in its reference.
#[test]
fn a_reference_row_that_must_refer_to_a_stranger_is_elsewhere() {
    let world = World::read(&format!("{KNOWN}\nrow visits 6 1 1 21"));
    let decisions = ["shared students true", "shared notes false"];
    let stops = |decisions: &[&str]| {
        let draft = world.infer(&world.decide(decisions));
        assert_eq!(role(&draft, "notes"), "reference: ");
        let members = world.members(&draft.ownership, "1");
        let stops = members.stops.iter();
        let stops = stops.map(|stop| draft.ownership.edge(stop.edge).child.table.clone());
        (stops.collect::<Vec<_>>(), print(&members, "notes"))
    };
    let (asked, rows) = stops(&decisions);
    assert_eq!(asked, ["visits"]);
    assert_eq!(rows, "shared 11 31");
    let with_stub = [decisions[0], decisions[1], "boundary visits(note_id) stub"];
    let (asked, rows) = stops(&with_stub);
    assert!(asked.is_empty());
    assert_eq!(rows, "shared 11 31 | stub 21");
}

/// A row that must be there for ours is ours to have, whomever it must refer to.
#[test]
fn what_our_rows_must_refer_to_is_no_stranger() {
    let text = KNOWN.replace("note_id?)", "note_id?, must_id)");
    let text = text.replace("fk notes", "fk visits(must_id) -> notes(id)\nfk notes");
    let rows = text.lines().map(|line| match line.trim() {
        row if row.starts_with("row visits 1 ") => format!("{row} 21"),
        row if row.starts_with("row visits 2 ") => format!("{row} 21"),
        row if row.starts_with("row visits") => format!("{row} 11"),
        row => row.to_owned(),
    });
    let text: Vec<String> = rows.collect();
    let world = World::read(&text.join("\n"));
    let decisions = ["shared students true", "shared notes false"];
    let draft = world.infer(&world.decide(&decisions));
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "notes"), "shared 11 21 31");
}

/// A table whose every row is used by more than two districts is a catalogue, whoever wrote its rows.
#[test]
fn what_many_districts_use_each_stays_a_catalogue() {
    let mut world = World::read(
        "root districts(id)
        table districts(id*)
        table teachers(id*)
        table courses(id*, teacher_id)
        table lessons(id*, district_id, teacher_id, course_id)
        fk courses(teacher_id) -> teachers(id)
        fk lessons(district_id) -> districts(id)
        fk lessons(teacher_id) -> teachers(id)
        fk lessons(course_id) -> courses(id)",
    );
    for number in 0..60 {
        let (id, district) = (number.to_string(), (1 + number / 12).to_string());
        if number % 12 == 0 {
            world.insert("districts", &[&district]);
        }
        world.insert("teachers", &[&id]);
        if number < 12 {
            world.insert("courses", &[&id, &id]);
        }
        world.insert(
            "lessons",
            &[&id, &district, &id, &(number % 12).to_string()],
        );
    }
    let draft = world.infer(&Decisions::default());
    assert_eq!(role(&draft, "teachers"), "shared: ");
    assert_eq!(role(&draft, "courses"), "reference: ");
    let courses = draft.ownership.table(&table_ref("courses"));
    assert_eq!(courses.expect("a table").role, Role::Reference);
}

/// Six students are too few to tell: whether the notes that nobody looks up are missing is asked, never left out
/// without a word.
#[test]
fn notes_on_few_students_are_asked_about() {
    let mut world = notes(1, "?");
    for (table, rows) in &mut world.rows {
        let column = match table.table.as_str() {
            "students" => "id",
            "notes" | "visits" => "student_id",
            _ => continue,
        };
        rows.retain(|row| row[column].as_deref().is_some_and(|id| id < "14"));
    }
    let problems = |decisions: &[&str]| world.infer(&world.decide(decisions)).problems;
    let asked = problems(&[]);
    let [Problem::LookedUpDetail { .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let lines = asked[0].finding().lines;
    assert!(
        lines[1].starts_with("owner = [\"(student_id)\"] #"),
        "{lines:?}"
    );
    let rows = world.rows[&table_ref("notes")].len();
    for decision in ["owner notes (student_id)", "shared students true"] {
        assert_eq!(problems(&[decision]), []);
        assert_eq!(count(&world, "1", &[decision], "notes"), rows);
    }
    for decision in ["shared notes false", "shared students false"] {
        assert_eq!(problems(&[decision]), []);
        assert!(count(&world, "1", &[decision], "notes") < rows);
    }
}
