//! The answer key agrees with membership written once more, as plain SQL by hand.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_estate::{
    Estate, EstateKind, KeyText, LINKS, NULL_TEXT, TABLES, TableSpec, Value, schema_sql,
};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::{open, options, with_transfers};

/// The rows of a statement as texts, in their order.
fn rows(connection: &Connection, sql: &str, district: u32) -> Vec<KeyText> {
    let mut statement = connection.prepare(&format!("{MINE}{sql}")).unwrap();
    let width = statement.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => NULL_TEXT.to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        other => other.as_str().unwrap().to_owned(),
    };
    let found = statement.query_map([district], |row| {
        (0..width)
            .map(|index| row.get_ref(index).map(text))
            .collect()
    });
    found.unwrap().map(Result::unwrap).collect()
}

fn keys(connection: &Connection, sql: &str, district: u32) -> BTreeSet<KeyText> {
    rows(connection, sql, district).into_iter().collect()
}

/// With the number of each row among equal ones.
fn numbered(connection: &Connection, sql: &str, district: u32) -> BTreeSet<KeyText> {
    let mut counts: BTreeMap<KeyText, u32> = BTreeMap::new();
    let all = rows(connection, sql, district).into_iter();
    all.map(|mut row| {
        let count = counts.entry(row.clone()).or_insert(0);
        *count += 1;
        row.push(count.to_string());
        row
    })
    .collect()
}

/// Own rows, written once more as SQL by hand, with the district as `?1`.
const OWN: [(&str, &str); 32] = [
    (
        "ids.districts",
        "select cast(id as text) from districts where id = ?1",
    ),
    (
        "ids.schools",
        "select cast(id as text) from schools where district_id = ?1",
    ),
    (
        "ids.staff",
        "select cast(id as text) from staff where school_id in (select id from schools where district_id = ?1)",
    ),
    (
        "ids.courses",
        "select cast(id as text) from courses where school_id in (select id from schools where district_id = ?1)",
    ),
    (
        "ids.sections",
        "select cast(s.course_id as text), cast(s.section_no as text) from sections s join courses c on c.id = s.course_id join schools o on o.id = c.school_id where o.district_id = ?1",
    ),
    (
        "ids.students",
        "select cast(id as text) from students where school_id in (select id from schools where district_id = ?1)",
    ),
    (
        "ids.student_guardians",
        "select cast(g.student_id as text), cast(g.guardian_id as text) from student_guardians g join students s on s.id = g.student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "ids.enrollments",
        "select cast(e.course_id as text), cast(e.section_no as text), cast(e.student_id as text) from enrollments e join courses c on c.id = e.course_id join schools o on o.id = c.school_id where o.district_id = ?1",
    ),
    (
        "ids.attendance",
        "select cast(a.id as text) from attendance a join students s on s.id = a.student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "ids.grades",
        "select cast(g.course_id as text), cast(g.section_no as text), cast(g.student_id as text), cast(g.term as text) from grades g join students s on s.id = g.student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "ids.transfers",
        "select cast(id as text) from transfers where from_district_id = ?1",
    ),
    (
        "hcp1.learners",
        "select l.id from hcp1.learners l join students s on cast(s.id as text) = l.ids_student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "hcp1.submissions",
        "select cast(w.id as text) from hcp1.submissions w join hcp1.learners l on l.id = w.learner_id join students s on cast(s.id as text) = l.ids_student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "ids.custom_field_values",
        "select v.student_id, v.field_id from custom_field_values v join my_students s on s.id = v.student_id",
    ),
    (
        "ids.accounts",
        "select a.id from accounts a left join my_students s on s.id = a.student_id left join my_staff t on t.id = a.staff_id where s.id is not null or t.id is not null",
    ),
    (
        "ids.sessions",
        "select e.id from sessions e join accounts a on a.id = e.account_id left join my_students s on s.id = a.student_id left join my_staff t on t.id = a.staff_id where s.id is not null or t.id is not null",
    ),
    (
        "ids.audit_log",
        "select l.id, l.logged_at from audit_log l where (l.entity = 'students' and l.entity_id in (select id from my_students)) or (l.entity = 'staff' and l.entity_id in (select id from my_staff))",
    ),
    (
        "hcp1.assignments",
        "select x.id from hcp1.assignments x join courses c on cast(c.id as text) = x.ids_course_id join my_schools o on o.id = c.school_id",
    ),
    (
        "hcp1.attachments",
        "select f.id from hcp1.attachments f join hcp1.submissions w on w.id = f.submission_id join hcp1.learners l on l.id = w.learner_id join my_students s on cast(s.id as text) = l.ids_student_id",
    ),
    (
        "hcp2.licences",
        "select id from hcp2.licences where district_id = ?1",
    ),
    (
        "hcp2.devices",
        "select id from hcp2.devices where district_id = ?1",
    ),
    (
        "adb.test_takers",
        "select state_student_id from adb.test_takers where state_student_id in (select student_number from my_students)",
    ),
    (
        "adb.test_events",
        "select id from adb.test_events where school_id in (select id from my_schools)",
    ),
    (
        "adb.results",
        "select state_student_id, assessment_code, attempt from adb.results where state_student_id in (select student_number from my_students)",
    ),
    (
        "adb.responses",
        "select state_student_id, assessment_code, attempt, item_no from adb.responses where state_student_id in (select student_number from my_students)",
    ),
    (
        "sp.districts",
        "select district_id from sp.districts where district_id = ?1",
    ),
    (
        "sp.schools",
        "select school_id from sp.schools where school_id in (select id from my_schools)",
    ),
    (
        "sp.people",
        "select person_id from sp.people where student_id in (select id from my_students) or staff_id in (select id from my_staff)",
    ),
    (
        "sp.enrolled_in",
        "select r.enrolment_no from sp.enrolled_in r where r.school_id in (select id from my_schools)",
    ),
    (
        "sp.works_at",
        "select r.person_id, r.school_id from sp.works_at r where r.school_id in (select id from my_schools)",
    ),
    (
        "sp.guardian_of",
        "select r.guardian_id, r.child_id from sp.guardian_of r join sp.people p on p.person_id = r.child_id where p.student_id in (select id from my_students)",
    ),
    (
        "sp.has_skill",
        "select r.person_id, r.skill_code from sp.has_skill r join sp.people p on p.person_id = r.person_id where p.student_id in (select id from my_students) or p.staff_id in (select id from my_staff)",
    ),
];

/// Rows of no district that come along.
const SHARED: [(&str, &str); 11] = [
    (
        "ids.states",
        "select cast(state_id as text) from districts where id = ?1",
    ),
    (
        "ids.subjects",
        "select cast(subject_id as text) from courses where school_id in (select id from schools where district_id = ?1)",
    ),
    (
        "ids.guardians",
        "select cast(g.guardian_id as text) from student_guardians g join students s on s.id = g.student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    (
        "ids.custom_fields",
        "select distinct v.field_id from custom_field_values v join my_students s on s.id = v.student_id",
    ),
    (
        "hcp1.content_items",
        "select distinct x.content_item_id from hcp1.assignments x join courses c on cast(c.id as text) = x.ids_course_id join my_schools o on o.id = c.school_id",
    ),
    (
        "hcp2.products",
        "select distinct product_id from hcp2.licences where district_id = ?1",
    ),
    (
        "adb.assessments",
        "select assessment_code from adb.results where state_student_id in (select student_number from my_students) union select assessment_code from adb.test_events where school_id in (select id from my_schools)",
    ),
    (
        "sp.states",
        "select t.code from states t join districts d on d.state_id = t.id where d.id = ?1",
    ),
    (
        "sp.people",
        "select person_id from sp.people where staff_id is null and guardian_id in (select g.guardian_id from student_guardians g join my_students s on s.id = g.student_id)",
    ),
    (
        "sp.has_skill",
        "select r.person_id, r.skill_code from sp.has_skill r join sp.people p on p.person_id = r.person_id where p.staff_id is null and p.guardian_id in (select g.guardian_id from student_guardians g join my_students s on s.id = g.student_id)",
    ),
    (
        "sp.skills",
        "select r.skill_code from sp.has_skill r join sp.people p on p.person_id = r.person_id where p.student_id in (select id from my_students) or p.staff_id in (select id from my_staff) or p.guardian_id in (select g.guardian_id from student_guardians g join my_students s on s.id = g.student_id)",
    ),
];

/// Own rows of tables without key.
const KEYLESS: [(&str, &str); 4] = [
    (
        "hcp2.usage_events",
        "select e.* from hcp2.usage_events e join hcp2.licences l on l.id = e.licence_id where l.district_id = ?1",
    ),
    (
        "sp.part_of",
        "select * from sp.part_of where (start_label = 'District' and start_id = cast(?1 as text)) or (start_label = 'School' and start_id in (select cast(id as text) from my_schools))",
    ),
    (
        "sp.knows",
        "select r.* from sp.knows r join sp.people p on p.person_id = r.person_id where p.student_id in (select id from my_students)",
    ),
    (
        "sp.referred",
        "select r.* from sp.referred r join sp.people p on p.person_id = r.person_id where p.staff_id in (select id from my_staff)",
    ),
];

/// What the statements have in common.
const MINE: &str = "with my_schools as (select id from schools where district_id = ?1), my_staff as (select * from staff where school_id in (select id from my_schools)), my_students as (select * from students where school_id in (select id from my_schools)) ";

#[test]
fn the_answer_key_agrees_with_plain_sql() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let connection = open(&estate, directory.path());
    for (district, answer) in &estate.answer_key.districts {
        for (name, table) in &answer.tables {
            let is_it = |(one, _): &&(&str, &str)| one == name;
            let own = match (OWN.iter().find(is_it), KEYLESS.iter().find(is_it)) {
                (Some((_, sql)), _) => keys(&connection, sql, *district),
                (_, Some((_, sql))) => numbered(&connection, sql, *district),
                _ => BTreeSet::new(),
            };
            let shared = SHARED.iter().find(is_it);
            let shared = shared.map(|(_, sql)| keys(&connection, sql, *district));
            assert_eq!(table.own, own, "{name} of {district}");
            assert_eq!(
                table.shared,
                shared.unwrap_or_default(),
                "{name} of {district}"
            );
            assert!(table.row_count() > 0, "{name} of {district}");
        }
        let away = "select to_district_id from transfers where from_district_id = ?1 and to_district_id is not null";
        let answer = estate.answer_key.table(*district, "ids.districts").unwrap();
        assert_eq!(answer.stubs, keys(&connection, away, *district));
        assert!(!answer.stubs.is_empty());
    }
}

#[test]
fn keyless_tables_hold_equal_rows_and_graphs_what_graphs_hold() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(options());
    let connection = open(&estate, directory.path());
    let equal = |columns: &str, table: &str| -> u32 {
        let sql = format!(
            "select count(*) from (select 1 from {table} group by {columns} having count(*) > 1)"
        );
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let all = "happened_at, licence_id, device_id, user_email, event, seconds, ip_address";
    assert!(equal(all, "hcp2.usage_events") > 3);
    assert!(equal("person_id, other_id, since, how", "sp.knows") > 0);
    let count = |sql: &str| -> u32 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    for (what, sql) in [
        (
            "parallel",
            "select count(*) from sp.knows a join sp.knows b on a.person_id = b.person_id and a.other_id = b.other_id where a.since < b.since",
        ),
        (
            "self loops",
            "select count(*) from sp.knows where person_id = other_id",
        ),
        (
            "several labels",
            "select count(*) from sp.people where json_array_length(labels) > 1",
        ),
        (
            "parallel",
            "select count(*) from sp.referred a join sp.referred b on a.person_id = b.person_id and a.child_id = b.child_id where a.referred_on < b.referred_on",
        ),
        (
            "both",
            "select count(*) from sp.people where staff_id is not null and guardian_id is not null",
        ),
        (
            "cycles",
            "select count(*) from accounts a join sessions s on s.id = a.last_session_id and s.account_id = a.id",
        ),
        (
            "generated",
            "select count(*) from adb.test_takers where full_name = first_name || ' ' || last_name",
        ),
        (
            "NULL elements",
            "select count(*) from adb.results, json_each(item_scores) where value is null",
        ),
    ] {
        assert!(count(sql) > 0, "{what}");
    }
}

/// Child and parent with the columns of each.
type Reference = (usize, Vec<String>, usize, Vec<String>);

/// Every declared foreign key, and every link.
fn references() -> Vec<Reference> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let position = |table: &TableSpec| TABLES.iter().position(|one| *one == table).unwrap();
    let mut all: Vec<Reference> = LINKS
        .iter()
        .filter(|link| link.when.is_none())
        .map(|link| {
            let (from, to) = (link.from, link.to);
            let (child, parent) = (position(from.table), position(to.table));
            (child, texts(from.columns), parent, texts(to.columns))
        })
        .collect();
    for (child, table) in TABLES.iter().enumerate() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(schema_sql(EstateKind::Sqlite, table.store))
            .unwrap();
        let sql = "select id, \"table\", \"from\", \"to\" from pragma_foreign_key_list(?1) order by id, seq";
        let mut statement = connection.prepare(sql).unwrap();
        let mut keys: BTreeMap<u32, Reference> = BTreeMap::new();
        let mut found = statement.query([table.name]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let name: String = row.get(1).unwrap();
            let is_it = |one: &&TableSpec| one.store == table.store && one.name == name;
            let parent = TABLES.iter().position(is_it).unwrap();
            let key = keys.entry(row.get(0).unwrap());
            let key = key.or_insert_with(|| (child, Vec::new(), parent, Vec::new()));
            key.1.push(row.get(2).unwrap());
            key.3.push(row.get(3).unwrap());
        }
        all.extend(keys.into_values());
    }
    all
}

/// Texts of the columns; none where one is NULL.
fn cells(table: &TableSpec, row: &[Value], columns: &[String]) -> Option<KeyText> {
    let texts = columns.iter().map(|column| row[table.index(column)].text());
    texts.collect()
}

#[test]
fn whatever_a_row_of_a_district_refers_to_comes_along() {
    let estate = Estate::generate(with_transfers());
    let mut followed = 0;
    for (child, from, parent, to) in references() {
        let (child, parent) = (&estate.tables[child], &estate.tables[parent]);
        let parents: BTreeMap<KeyText, KeyText> = parent
            .keys()
            .zip(&parent.rows)
            .filter_map(|(key, row)| Some((cells(parent.table, row, &to)?, key)))
            .collect();
        let child_name = child.table.full_name();
        for answer in estate.answer_key.districts.values() {
            let (wanted, there) = (
                &answer.tables[&child_name],
                &answer.tables[&parent.table.full_name()],
            );
            for (key, row) in child.keys().zip(&child.rows) {
                let is_full = wanted.own.contains(&key) || wanted.shared.contains(&key);
                let Some(values) = cells(child.table, row, &from).filter(|_| is_full) else {
                    continue;
                };
                followed += 1;
                assert!(there.contains(&parents[&values]), "{child_name} {from:?}");
            }
        }
    }
    assert!(followed > 5_000, "{followed}");
}

#[test]
fn staff_have_managers_that_have_managers() {
    let directory = tempfile::tempdir().unwrap();
    let connection = open(&Estate::generate(options()), directory.path());
    let depth: u32 = connection
        .query_row(
            "select count(*) from staff a join staff b on b.id = a.manager_id where b.manager_id is not null",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(depth > 0, "the hierarchy has three levels");
}

#[test]
fn an_owned_row_has_one_district_and_a_shared_guardian_two() {
    let estate = Estate::generate(options());
    let key = &estate.answer_key;
    let lists = [
        "ids.states",
        "ids.subjects",
        "ids.guardians",
        "ids.custom_fields",
        "hcp1.content_items",
        "hcp2.products",
        "adb.assessments",
        "sp.states",
        "sp.skills",
    ];
    // Of these some rows belong to a district and some do not.
    let mixed = ["sp.people", "sp.has_skill"];
    for rows in &estate.tables {
        let name = rows.table.full_name();
        for id in rows.keys() {
            let owners = key.districts.values();
            let owners = owners.filter(|answer| answer.tables[&name].own.contains(&id));
            let count = owners.count();
            if mixed.contains(&name.as_str()) {
                assert!(count <= 1, "{name}");
            } else {
                assert_eq!(
                    count,
                    usize::from(!lists.contains(&name.as_str())),
                    "{name}"
                );
            }
        }
    }
    let guardians = |district| &key.table(district, "ids.guardians").unwrap().shared;
    for (one, two) in [(1, 2), (2, 3)] {
        assert_eq!(guardians(one).intersection(guardians(two)).count(), 1);
    }
    let used: BTreeSet<_> = (1..=3).flat_map(guardians).collect();
    assert_eq!(
        used.len() + 1,
        estate.row_counts()["ids.guardians"],
        "one of nobody"
    );
    for table in lists {
        let used = (1..=3).flat_map(|id| &key.table(id, table).unwrap().shared);
        let used: BTreeSet<_> = used.collect();
        assert!(
            used.len() < estate.row_counts()[table],
            "{table} has unused rows"
        );
    }
}

#[test]
fn ids_of_a_district_are_no_range_and_overlap_between_tables() {
    let estate = Estate::generate(options());
    for table in [
        "ids.schools",
        "ids.staff",
        "ids.students",
        "ids.courses",
        "ids.attendance",
    ] {
        for (district, answer) in &estate.answer_key.districts {
            let number = |key: &KeyText| key[0].parse::<i64>().unwrap();
            let own: BTreeSet<i64> = answer.tables[table].own.iter().map(number).collect();
            let (low, high) = (own.first().unwrap(), own.last().unwrap());
            let others = estate
                .answer_key
                .districts
                .iter()
                .filter(|(id, _)| *id != district);
            let mut others = others
                .flat_map(|(_, other)| &other.tables[table].own)
                .map(number);
            assert!(
                others.any(|id| id > *low && id < *high),
                "{table} of {district}"
            );
        }
    }
    let all = |table: &str| -> BTreeSet<KeyText> {
        let answers = estate.answer_key.districts.values();
        answers
            .flat_map(|answer| answer.tables[table].own.clone())
            .collect()
    };
    assert!(all("ids.students").intersection(&all("ids.staff")).count() > 10);
}
