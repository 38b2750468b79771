//! Tables that may hang on several people, and that others say things about: answers to a survey, a transcript
//! with a teacher (docs/design/closure.md §4 rules 5 and 6).

mod support;

use redistrict_closure::{Decisions, fillers};
use redistrict_model::Trigger;

use support::{World, owners, print, table_ref};

/// A survey of the first district that people of both answer, one of them nobody. Each answer has a target in
/// tier 0, whose key holds the answer's.
const SURVEY: &str = "
    root districts(id)
    table districts(id*)
    table students(id*)
    table enrolments(student_id*, district_id*)
    table surveys(id*, district_id?)
    table answers(survey_id*, no*, student_id?)
    table targets(survey_id*, no*, district_id*)
    table answer_texts(survey_id*, no*, line*)
    fk enrolments(student_id) -> students(id)
    fk enrolments(district_id) -> districts(id)
    fk surveys(district_id) -> districts(id)
    fk answers(survey_id) -> surveys(id)
    fk answers(student_id) -> students(id)
    fk targets(survey_id, no) -> answers(survey_id, no)
    fk targets(district_id) -> districts(id)
    fk answer_texts(survey_id, no) -> answers(survey_id, no) cascade
    row districts 1
    row districts 2
    row students 100
    row students 200
    row enrolments 100 1
    row enrolments 200 2
    row surveys 7 1
    row answers 7 1 100
    row answers 7 2 200
    row answers 7 3 ~
    row answer_texts 7 1 1
    row answer_texts 7 2 1
    row answer_texts 7 3 1
";

#[test]
fn an_answer_goes_with_whoever_gave_it_and_one_of_nobody_with_its_survey() {
    let world = World::read(SURVEY);
    let draft =
        world.infer(&world.decide(&["shared students true", "boundary answers(survey_id) stub"]));
    assert_eq!(
        owners(&draft, "answers"),
        "hang (student_id), hang (survey_id)"
    );
    let one = world.members(&draft.ownership, "1");
    assert!(one.is_decided());
    assert_eq!(print(&one, "answers"), "shared 7,1 7,3");
    assert_eq!(print(&one, "answer_texts"), "shared 7,1,1 7,3,1");
    assert_eq!(print(&one, "students"), "shared 100");
    let two = world.members(&draft.ownership, "2");
    assert_eq!(print(&two, "answers"), "shared 7,2");
    assert_eq!(print(&two, "answer_texts"), "shared 7,2,1");
    assert_eq!(print(&two, "surveys"), "stub 7");
}

#[test]
fn what_is_looked_up_by_its_key_alone_still_hangs_on_nobody() {
    // The same table, when a row of tier 0 names an answer without being about it.
    let looked_up = SURVEY.replace(
        "table targets(survey_id*, no*, district_id*)",
        "table targets(id*, survey_id, no, district_id)",
    );
    let world = World::read(&looked_up);
    let draft = world.infer(&world.decide(&["shared students true"]));
    assert_eq!(
        owners(&draft, "answers"),
        "path (survey_id), hang (survey_id)"
    );
}

#[test]
fn a_row_hangs_on_what_it_always_has_before_what_it_may_have() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table orgs(id*, district_id?)
        table students(id*)
        table teachers(id*)
        table enrolments(student_id*, district_id*)
        table employments(teacher_id*, district_id*)
        table records(student_id*, year*)
        table transcripts(student_id*, year*, course*, teacher_id?)
        fk enrolments(student_id) -> students(id)
        fk enrolments(district_id) -> districts(id)
        fk employments(teacher_id) -> teachers(id)
        fk employments(district_id) -> districts(id)
        fk records(student_id) -> students(id)
        fk transcripts(student_id, year) -> records(student_id, year)
        fk transcripts(teacher_id) -> teachers(id)
        row districts 1
        row districts 2
        row students 100
        row teachers 700
        row enrolments 100 2
        row employments 700 1
        row records 100 2020
        row transcripts 100 2020 math 700",
    );
    let draft = world.infer(&world.decide(&["shared students true", "shared teachers true"]));
    assert_eq!(owners(&draft, "transcripts"), "hang (student_id, year)");
    let one = world.members(&draft.ownership, "1");
    assert_eq!(
        print(&one, "transcripts"),
        "none",
        "a stranger's, by their teacher"
    );
}

#[test]
fn an_unknown_table_that_triggers_fill_says_who_fills_it() {
    let mut world = World::read(
        "root districts(id)
        table districts(id*)
        table schools(id*, district_id)
        table changes(id*)
        fk schools(district_id) -> districts(id)
        row districts 1
        row changes 1",
    );
    let changes = table_ref("changes");
    assert_eq!(fillers(&world.catalogs, &changes), None);
    for table in world
        .catalogs
        .iter_mut()
        .flat_map(|catalog| &mut catalog.tables)
    {
        if table.name != changes {
            table.triggers.push(Trigger {
                name: "note".into(),
                enabled: true,
                fills: vec![changes.clone()],
            });
        }
    }
    let draft = world.infer(&Decisions::default());
    let role = draft.ownership.table(&changes).expect("a table");
    let words = "triggers of ids.main.districts and 1 other table fill it";
    assert!(role.reason.ends_with(words), "{}", role.reason);
}
