//! What a pair table says about the persons of a pair: docs/adr/012-a-pair-is-no-evidence.md.

mod support;

use support::{World, print};

/// 100 is of district 1, 200 and 300 are of district 2; 100 and 200 are siblings, and so are 200 and 300. A note of
/// district 1 names the last of them.
const SIBLINGS: &str = "root districts(id)
    table districts(id*)
    table students(id*)
    table phones(student_id*, number*)
    table enrollments(id*, district_id, student_id)
    table siblings(one_id*, other_id*)
    table notes(id*, district_id, student_id?)
    fk enrollments(district_id) -> districts(id)
    fk enrollments(student_id) -> students(id)
    fk phones(student_id) -> students(id)
    fk siblings(one_id) -> students(id)
    fk siblings(other_id) -> students(id)
    fk notes(district_id) -> districts(id)
    fk notes(student_id) -> students(id)
    row districts 1
    row districts 2
    row students 100
    row students 200
    row students 300
    row phones 100 1
    row phones 300 1
    row enrollments 1 1 100
    row enrollments 2 2 200
    row enrollments 3 2 300
    row notes 9 1 300";

/// The rule as it stands: whoever is a sibling is known where the sibling is, and so on from one to the next.
#[test]
fn a_chain_of_siblings_makes_a_person_known_in_a_district_of_the_first() {
    let chain = "
    row siblings 100 200
    row siblings 200 300";
    let members = |text: &str| {
        let world = World::read(text);
        let draft = world
            .infer(&world.decide(&["shared students true", "boundary notes(student_id) stub"]));
        world.members(&draft.ownership, "1")
    };
    let without = members(SIBLINGS);
    assert_eq!(print(&without, "students"), "shared 100 | stub 300");
    assert_eq!(print(&without, "phones"), "shared 100,1");
    let with = members(&format!("{SIBLINGS}{chain}"));
    assert_eq!(print(&with, "students"), "shared 100 300");
    assert_eq!(print(&with, "phones"), "shared 100,1 300,1");
    // The pairs that made 300 known do not come themselves.
    assert_eq!(print(&with, "siblings"), "none");
}
