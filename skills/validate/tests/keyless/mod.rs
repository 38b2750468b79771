//! Tables without a key, and references over the same columns that count under conditions.

use redistrict_model::{ColumnType, EdgeOrigin, ForeignKey, Membership, Role};

use crate::fixture::{
    DISTRICTS, Fixture, GUARDIANS, KINDS, Row, STUDENTS, V, column, strings, t, table,
};
use crate::{caught, defect, locators};

const EVENTS: &str = "ids.public.events";
const RELATIONS: &str = "ids.public.relations";
const OWN: Membership = Membership::Own;

fn event(student: Option<i64>, district: i64) -> Row {
    let student = student.map_or(V::N, V::I);
    (OWN, vec![student, V::I(district), t("open")])
}

/// Usage events: two equal rows, one without a student.
fn with_events(f: &mut Fixture) {
    let mut events = table(
        EVENTS,
        Role::Owned,
        vec![
            column("student_id", ColumnType::Int64, true),
            column("district_id", ColumnType::Int32, false),
            column("kind", ColumnType::Text, false),
        ],
        &[],
    );
    events.rows = vec![event(Some(10), 2), event(Some(10), 2), event(None, 2)];
    f.tables.push(events);
    let foreign = EdgeOrigin::ForeignKey;
    f.edge(foreign, EVENTS, &["student_id"], STUDENTS, &["id"]);
    f.edge(foreign, EVENTS, &["district_id"], DISTRICTS, &["id"]);
}

#[tokio::test]
async fn equal_rows_without_a_key_are_counted_and_their_references_looked_up() {
    let (offences, report) = defect(with_events).await;
    assert_eq!(offences, Vec::<String>::new());
    let of_events = |check: &str| {
        let mut checks = report.checks.iter();
        checks
            .find(|one| one.check == check && one.subject.starts_with(EVENTS))
            .map(|one| one.examined)
    };
    assert_eq!(of_events("counts"), Some(3));
    assert_eq!(of_events("foreign-key"), Some(2));
    assert_eq!(
        (of_events("primary-key"), of_events("unique-key")),
        (None, None)
    );
}

#[tokio::test]
async fn one_of_two_equal_rows_that_leads_nowhere_or_elsewhere_is_named() {
    let nowhere = |f: &mut Fixture| {
        with_events(f);
        f.rows(EVENTS)[1] = event(Some(77), 2);
    };
    let offence = "foreign-key ids.public.events(student_id) -> ids.public.students(id)";
    let report = caught(nowhere, offence, 1).await;
    assert_eq!(locators(&report), ["ids.public.events row 2"]);
    // The other district's row is a stub in the artifact: who leads to nothing else is no own row.
    let elsewhere = |f: &mut Fixture| {
        with_events(f);
        f.rows(EVENTS)[2] = event(None, 3);
    };
    let report = caught(elsewhere, "isolation-own ids.public.districts", 1).await;
    assert_eq!(locators(&report), ["ids.public.events row 3"]);
}

#[tokio::test]
async fn a_copy_too_few_is_a_count_that_differs() {
    let lie = |f: &mut Fixture| {
        with_events(f);
        f.table(EVENTS).lie = Some(Box::new(|entry| {
            entry.rows += 1;
            entry.own += 1;
        }));
    };
    caught(lie, "counts ids.public.events", 3).await;
}

#[tokio::test]
async fn a_key_that_only_the_target_has_takes_no_equal_rows() {
    let keyed = |f: &mut Fixture| {
        with_events(f);
        f.table(EVENTS).target().primary_key =
            Some(strings(&["district_id", "kind", "student_id"]));
    };
    let offence = "primary-key ids.public.events(district_id, kind, student_id)";
    let report = caught(keyed, offence, 1).await;
    assert_eq!(locators(&report), ["ids.public.events row 2"]);
}

fn when(column: &str, text: &str) -> Vec<(String, Vec<String>)> {
    vec![(column.to_owned(), strings(&[text]))]
}

/// Relationships: `end` is a student or a guardian, as `end_label` says.
fn with_relations(f: &mut Fixture) {
    let mut relations = table(
        RELATIONS,
        Role::Owned,
        vec![
            column("start", ColumnType::Int64, false),
            column("end_label", ColumnType::Text, false),
            column("end", ColumnType::Int64, false),
        ],
        &[],
    );
    relations.rows = vec![
        (OWN, vec![V::I(10), t("Student"), V::I(11)]),
        (OWN, vec![V::I(10), t("Guardian"), V::I(5)]),
        (OWN, vec![V::I(10), t("Guardian"), V::I(5)]),
        (OWN, vec![V::I(10), t("Elsewhere"), V::I(404)]),
    ];
    f.tables.push(relations);
    let foreign = EdgeOrigin::ForeignKey;
    f.edge(foreign, RELATIONS, &["start"], STUDENTS, &["id"]);
    f.edge(foreign, RELATIONS, &["end"], STUDENTS, &["id"]);
    f.edges.last_mut().unwrap().when = when("end_label", "Student");
    f.edge(foreign, RELATIONS, &["end"], GUARDIANS, &["id"]);
    f.edges.last_mut().unwrap().when = when("end_label", "Guardian");
}

#[tokio::test]
async fn a_conditional_key_counts_only_where_its_condition_holds() {
    let (offences, report) = defect(with_relations).await;
    assert_eq!(offences, Vec::<String>::new());
    let examined: Vec<u64> = (report.checks.iter())
        .filter(|one| one.subject.starts_with("ids.public.relations(end)"))
        .map(|one| one.examined)
        .collect();
    assert_eq!(examined, [1, 2]);
    // There is a student 11, but no guardian 11.
    let mixed = |f: &mut Fixture| {
        with_relations(f);
        f.rows(RELATIONS)[2].1[2] = V::I(11);
    };
    let offence = "foreign-key ids.public.relations(end) -> ids.public.guardians(id)";
    let report = caught(mixed, offence, 1).await;
    assert_eq!(locators(&report), ["ids.public.relations row 3"]);
}

#[tokio::test]
async fn a_conditional_key_of_the_target_is_the_planned_one_or_one_of_its_own() {
    let key = |parent: &str, columns: &[&str], when: Vec<(String, Vec<String>)>| ForeignKey {
        name: format!("end->{parent}"),
        columns: strings(&["end"]),
        parent: parent.parse().unwrap(),
        parent_columns: strings(columns),
        on_delete_cascade: false,
        deferrable: false,
        validated: true,
        when,
    };
    let same = |f: &mut Fixture| {
        with_relations(f);
        let keys = vec![
            key(STUDENTS, &["id"], when("end_label", "Student")),
            key(GUARDIANS, &["id"], when("end_label", "Guardian")),
        ];
        f.table(RELATIONS).target().foreign_keys = keys;
    };
    let (offences, report) = defect(same).await;
    assert_eq!(offences, Vec::<String>::new());
    assert!(
        report
            .checks
            .iter()
            .all(|one| one.check != "foreign-key-target")
    );
    let other = |f: &mut Fixture| {
        with_relations(f);
        let keys = vec![key(KINDS, &["code"], when("end_label", "Elsewhere"))];
        f.table(RELATIONS).target().foreign_keys = keys;
    };
    let (offences, report) = defect(other).await;
    assert_eq!(
        offences,
        ["foreign-key-target ids.public.relations(end) -> ids.public.kinds(code)"]
    );
    assert_eq!(locators(&report), ["ids.public.relations row 4"]);
}
