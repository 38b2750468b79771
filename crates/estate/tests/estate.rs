//! What the estate promises, seen from outside: determinism, a valid database, an answer key that
//! agrees with plain SQL. SQLite only; the writer for PostgreSQL is tested where a server is.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};

use redistrict_estate::{
    AnswerKey, Estate, EstateKind, EstateOptions, KeyText, Place, SensitiveKind, StoreId, TABLES,
    TableRows, Value, schema_sql, write_cert_neighbours_sqlite, write_rows_sqlite,
    write_schema_sqlite, write_sqlite,
};
use rusqlite::Connection;

fn options() -> EstateOptions {
    EstateOptions::default()
}

fn with_transfers() -> EstateOptions {
    EstateOptions {
        with_transfers: true,
        ..options()
    }
}

/// FNV-1a over the texts of all cells.
fn digest(tables: &[TableRows]) -> u64 {
    let mut text = String::new();
    for rows in tables {
        text.push_str(&rows.table.full_name());
        for value in rows.rows.iter().flatten() {
            text.push('\u{1f}');
            text.push_str(&value.text().unwrap_or_else(|| "\u{0}".to_owned()));
        }
    }
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn open(estate: &Estate, directory: &std::path::Path) -> Connection {
    let files = write_sqlite(estate, directory).unwrap();
    let connection = Connection::open(&files.ids).unwrap();
    connection
        .execute("attach ?1 as hcp1", [files.hcp1.to_str().unwrap()])
        .unwrap();
    connection
}

fn keys(connection: &Connection, sql: &str, district: u32) -> BTreeSet<KeyText> {
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map([district], |row| {
        (0..width)
            .map(|index| row.get::<_, String>(index))
            .collect()
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_same_options_give_the_same_estate_on_every_machine() {
    let estate = Estate::generate(options());
    assert_eq!(estate, Estate::generate(options()));
    // Changes only when the generator is changed on purpose.
    assert_eq!(digest(&estate.tables), 16_108_699_414_162_409_682);
}

#[test]
fn another_seed_gives_other_people() {
    let other = Estate::generate(EstateOptions {
        seed: 2,
        ..options()
    });
    let emails = |estate: &Estate| -> BTreeSet<String> {
        let values = estate.answer_key.sensitive.iter();
        let emails = values.filter(|value| value.kind == SensitiveKind::Email);
        emails.map(|value| value.text.clone()).collect()
    };
    let (one, two) = (emails(&Estate::generate(options())), emails(&other));
    assert!(one.intersection(&two).count() * 20 < one.len());
}

#[test]
fn the_catalog_is_what_the_table_list_says() {
    for store in StoreId::ALL {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(schema_sql(EstateKind::Sqlite, store))
            .unwrap();
        let count: u32 = connection
            .query_row(
                "select count(*) from sqlite_schema where type = 'table'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        let tables = || TABLES.iter().filter(|table| table.store == store);
        assert_eq!(usize::try_from(count).unwrap(), tables().count());
        for table in tables() {
            let mut statement = connection
                .prepare("select name, \"notnull\", pk from pragma_table_info(?1) order by cid")
                .unwrap();
            let columns: Vec<(String, bool, u32)> = statement
                .query_map([table.name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(names, table.columns);
            let mut key: Vec<_> = columns.iter().filter(|(_, _, pk)| *pk > 0).collect();
            key.sort_by_key(|(_, _, pk)| *pk);
            let key: Vec<&str> = key.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(key, table.key, "{}", table.name);
            let nullable = columns.iter().filter(|(_, not_null, _)| !not_null);
            let nullable: Vec<&str> = nullable.map(|(name, ..)| name.as_str()).collect();
            assert_eq!(nullable, table.nullable, "{}", table.name);
        }
    }
}

#[test]
fn sqlite_holds_every_row_and_every_foreign_key() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let files = write_sqlite(&estate, directory.path()).unwrap();
    for store in StoreId::ALL {
        let connection = Connection::open(files.of(store)).unwrap();
        let mut check = connection.prepare("pragma foreign_key_check").unwrap();
        assert!(!check.exists([]).unwrap());
    }
    for rows in &estate.tables {
        let connection = Connection::open(files.of(rows.table.store)).unwrap();
        let sql = format!("select count(*) from {}", rows.table.name);
        let count: u32 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(
            usize::try_from(count).unwrap(),
            rows.rows.len(),
            "{}",
            rows.table.name
        );
        assert!(count > 0, "{}", rows.table.name);
    }
}

/// Membership written once more as SQL by hand, with the district as `?1`.
const OWN: [(&str, &str); 15] = [
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
    ("ids.states", "select '' from states where ?1 is null"),
    ("ids.guardians", "select '' from guardians where ?1 is null"),
];

const SHARED: [(&str, &str); 5] = [
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
        "hcp1.content_items",
        "select cast(w.content_item_id as text) from hcp1.submissions w join hcp1.learners l on l.id = w.learner_id join students s on cast(s.id as text) = l.ids_student_id join schools o on o.id = s.school_id where o.district_id = ?1",
    ),
    ("ids.students", "select '' from students where ?1 is null"),
];

#[test]
fn the_answer_key_agrees_with_plain_sql() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let connection = open(&estate, directory.path());
    for district in estate.answer_key.districts.keys() {
        for (table, sql) in OWN {
            let answer = estate.answer_key.table(*district, table).unwrap();
            assert_eq!(
                answer.own,
                keys(&connection, sql, *district),
                "{table} of {district}"
            );
        }
        for (table, sql) in SHARED {
            let answer = estate.answer_key.table(*district, table).unwrap();
            assert_eq!(
                answer.shared,
                keys(&connection, sql, *district),
                "{table} of {district}"
            );
        }
        let away = "select cast(to_district_id as text) from transfers where from_district_id = ?1 and to_district_id is not null";
        let answer = estate.answer_key.table(*district, "ids.districts").unwrap();
        assert_eq!(answer.stubs, keys(&connection, away, *district));
        assert!(!answer.stubs.is_empty());
    }
}

#[test]
fn references_of_owned_rows_never_lead_to_another_district() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(options());
    let connection = open(&estate, directory.path());
    let strays = [
        "select count(*) from staff a join staff b on b.id = a.manager_id join schools x on x.id = a.school_id join schools y on y.id = b.school_id where x.district_id <> y.district_id",
        "select count(*) from schools x join staff b on b.id = x.principal_id join schools y on y.id = b.school_id where x.district_id <> y.district_id",
        "select count(*) from sections s join courses c on c.id = s.course_id join staff b on b.id = s.teacher_id where b.school_id <> c.school_id",
        "select count(*) from enrollments e join courses c on c.id = e.course_id join students s on s.id = e.student_id where s.school_id <> c.school_id",
        "select count(*) from attendance a join students s on s.id = a.student_id join staff b on b.id = a.recorded_by where b.school_id <> s.school_id",
    ];
    for sql in strays {
        let count: u32 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{sql}");
    }
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
    let shared_tables = [
        "ids.states",
        "ids.subjects",
        "ids.guardians",
        "hcp1.content_items",
    ];
    for rows in &estate.tables {
        let name = rows.table.full_name();
        for row in &rows.rows {
            let id = rows.table.key_of(row);
            let owners = key.districts.values();
            let owners = owners.filter(|answer| answer.tables[&name].own.contains(&id));
            let expected = usize::from(!shared_tables.contains(&name.as_str()));
            assert_eq!(owners.count(), expected, "{name}");
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
    for table in shared_tables {
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

#[test]
fn every_sensitive_value_stands_at_its_place() {
    let estate = Estate::generate(with_transfers());
    let mut cells: BTreeMap<(String, KeyText), (&TableRows, &Vec<Value>)> = BTreeMap::new();
    for rows in &estate.tables {
        for row in &rows.rows {
            let place = (rows.table.full_name(), rows.table.key_of(row));
            assert!(
                cells.insert(place, (rows, row)).is_none(),
                "keys are unique"
            );
        }
    }
    for value in &estate.answer_key.sensitive {
        let table = format!("{}.{}", value.store, value.table);
        let (rows, row) = cells[&(table, value.key.clone())];
        let cell = row[rows.table.index(&value.column)].text().unwrap();
        match &value.place {
            Place::Whole => assert_eq!(cell.trim_start_matches("\\x"), value.text),
            Place::Inside => assert!(cell.contains(&value.text)),
            Place::Leaf(pointer) => {
                let document: serde_json::Value = serde_json::from_str(&cell).unwrap();
                let leaf = document.pointer(pointer).and_then(|leaf| leaf.as_str());
                assert_eq!(leaf, Some(value.text.as_str()));
            }
        }
    }
}

#[test]
fn each_district_has_many_high_entropy_values_of_every_kind_and_of_no_other() {
    let estate = Estate::generate(options());
    let mut owners: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for district in 1..=3 {
        let values = || estate.answer_key.sensitive_of(district);
        let high: BTreeSet<&str> = values()
            .filter(|value| value.is_high_entropy())
            .map(|value| value.text.as_str())
            .collect();
        assert!(high.len() >= 50, "{}", high.len());
        let kinds: BTreeSet<SensitiveKind> = values().map(|value| value.kind).collect();
        assert_eq!(kinds.len(), 11);
        for text in high {
            owners.entry(text).or_default().insert(district);
        }
    }
    let shared = |text: &str| {
        let mut values = estate.answer_key.sensitive.iter();
        values.any(|value| {
            value.table == "guardians" && value.text == text && value.districts.len() > 1
        })
    };
    for (text, districts) in owners {
        assert!(districts.len() == 1 || shared(text), "{districts:?}");
    }
}

#[test]
fn the_rows_of_a_district_are_a_valid_database_by_themselves() {
    for district in 1..=3 {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::generate(with_transfers());
        let files = write_schema_sqlite(directory.path()).unwrap();
        let rows = estate.district_rows(district).unwrap();
        write_rows_sqlite(&files, &rows).unwrap();
        for rows in &rows {
            let answer = estate.answer_key.table(district, &rows.table.full_name());
            assert_eq!(rows.rows.len(), answer.unwrap().row_count());
        }
    }
    assert!(Estate::generate(options()).district_rows(4).is_err());
}

#[test]
fn neighbours_in_cert_hold_no_original_value_and_all_foreign_keys() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let files = write_schema_sqlite(directory.path()).unwrap();
    write_cert_neighbours_sqlite(&estate, &files, 1).unwrap();
    let rows = estate.cert_neighbour_rows(1).unwrap();
    assert_eq!(rows, estate.cert_neighbour_rows(1).unwrap());
    let cells: Vec<String> = rows
        .iter()
        .flat_map(|rows| rows.rows.iter().flatten())
        .filter_map(Value::text)
        .collect();
    let cells = cells.join("\u{1f}");
    for value in estate.answer_key.sensitive_of(1) {
        assert!(
            !value.is_high_entropy() || !cells.contains(&value.text),
            "{:?}",
            value.kind
        );
    }
    let connection = Connection::open(&files.ids).unwrap();
    let made: u32 = connection
        .query_row(
            "select count(*) from guardians where id >= 990001",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(made, 2);
}

#[test]
fn estates_of_any_size_are_valid() {
    let sizes = [(0, 40), (1, 1), (1, 40), (2, 3), (3, 0), (25, 4), (2, 1700)];
    for (districts, students_per_district) in sizes {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::generate(EstateOptions {
            seed: 9,
            districts,
            students_per_district,
            with_transfers: true,
        });
        let expected = districts * students_per_district;
        assert_eq!(
            estate.row_counts()["ids.students"],
            usize::try_from(expected).unwrap()
        );
        write_sqlite(&estate, directory.path()).unwrap();
        for district in 1..=districts {
            let rows = estate.cert_neighbour_rows(district).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let files = write_schema_sqlite(directory.path()).unwrap();
            write_rows_sqlite(&files, &rows).unwrap();
        }
    }
}

#[test]
fn the_answer_key_survives_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answer-key.json");
    let estate = Estate::generate(options());
    estate.answer_key.write_answer_key(&path).unwrap();
    assert_eq!(
        AnswerKey::read_answer_key(&path).unwrap(),
        estate.answer_key
    );
    assert_eq!(
        estate.answer_key.joins.len(),
        estate.row_counts()["hcp1.learners"]
    );
}

#[test]
fn a_refused_row_is_named_by_table_and_code_only() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(options());
    let files = write_sqlite(&estate, directory.path()).unwrap();
    let error = write_rows_sqlite(&files, &estate.tables).unwrap_err();
    assert_eq!(
        error.to_string(),
        "write ids.states in sqlite (code Some(1555))"
    );
}
