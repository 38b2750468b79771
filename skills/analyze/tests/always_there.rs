//! Which references every row has though nothing declares it, and what tables become by them.
#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use redistrict_analyze::{Cuts, Settings, always_there, infer_ownership};
use redistrict_closure::{ResolvedLink, build_edges};
use redistrict_model::{StoreName, TableRef};
use redistrict_sqlite::SqliteSource;
use redistrict_store::SourceStore as _;
use rusqlite::Connection;

/// Students of two districts with guardians and notes about these, nothing of it NOT NULL.
const PEOPLE: &str = "
    create table districts (id integer primary key);
    create table students (id integer primary key, district_id integer references districts);
    create table guardians (id integer primary key, school_id integer);
    create table ties (id integer primary key, student_id integer references students,
        guardian_id integer references guardians);
    create table notes (id integer primary key, guardian_id integer references guardians);
    create table visits (id integer primary key, student_id integer references students,
        note_id integer references notes);
    insert into districts values (1), (2);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 40)
        insert into students select i, 1 + i % 2 from n;
    insert into guardians select id, null from students;
    insert into ties select id, id, id from students;
    insert into notes select id, id from guardians;
    insert into visits select id, id, case when id % 4 = 0 then id end from students;";

/// What was found, and the roles that the tables have with it.
async fn found(sql: &str, links: &[(&str, &str, &str)]) -> (Vec<(String, u64)>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let store = StoreName::new("s");
    let source = SqliteSource::new(store.clone(), path);
    let catalogs = vec![source.catalog().await.unwrap()];
    let cut = source.open_cut(&catalogs[0].tables).await.unwrap();
    let mut cuts = Cuts::from([(store.clone(), cut)]);
    let table = |name: &str| TableRef::new(&store, "main", name);
    let links: Vec<ResolvedLink> = (links.iter())
        .map(|(child, parent, kind)| ResolvedLink {
            child: table(child),
            child_columns: vec!["of".into()],
            inside: None,
            parent: table(parent),
            parent_columns: vec!["id".into()],
            owns: true,
            when: vec![("kind".into(), vec![(*kind).into()])],
        })
        .collect();
    let mut settings = Settings {
        root: Some(table("districts")),
        root_key: vec!["id".into()],
        edges: build_edges(&catalogs, &links),
        links,
        ..Settings::default()
    };
    let found = always_there(&mut cuts, &catalogs, &settings).await.unwrap();
    let found: Vec<(String, u64)> = (found.into_iter())
        .map(|one| (one.reference, one.rows))
        .collect();
    let is_found = |edge: &&redistrict_model::Edge| {
        let columns = edge.child_columns.join(", ");
        let text = format!("{}({columns})", edge.child);
        found.iter().any(|(reference, _)| *reference == text)
    };
    let ids = settings.edges.iter().filter(is_found).map(|edge| edge.id);
    settings.decisions.always = ids.collect();
    let draft = infer_ownership(&mut cuts, &catalogs, &settings)
        .await
        .unwrap();
    let roles = draft.ownership.tables.iter();
    let roles = roles.map(|role| format!("{} {}", role.table.table, role.role));
    (found, roles.collect())
}

#[tokio::test]
async fn a_schema_that_declares_nothing_not_null_has_the_roles_of_one_that_does() {
    let (undeclared, roles) = found(PEOPLE, &[]).await;
    let said: Vec<(&str, u64)> = (undeclared.iter())
        .map(|(reference, rows)| (reference.as_str(), *rows))
        .collect();
    assert_eq!(
        said,
        [
            ("s.main.students(district_id)", 40),
            ("s.main.ties(student_id)", 40),
            ("s.main.visits(student_id)", 40),
            ("s.main.ties(guardian_id)", 40),
            ("s.main.notes(guardian_id)", 40),
        ]
    );
    let declared = PEOPLE.replace("references", "not null references");
    // Three in four visits have no note, and nothing says that they must.
    let declared = declared.replace("note_id integer not null", "note_id integer");
    assert_eq!(found(&declared, &[]).await, (Vec::new(), roles.clone()));
    let expected = [
        "districts root",
        "guardians shared",
        "notes owned",
        "students owned",
        "ties owned",
        "visits owned",
    ];
    assert_eq!(roles, expected);
}

#[tokio::test]
async fn one_row_without_it_is_enough_and_few_rows_say_nothing() {
    let one = format!("{PEOPLE} update students set district_id = null where id = 33;");
    let (found_one, _) = found(&one, &[]).await;
    assert_eq!(found_one, []);
    let few = PEOPLE.replace("i < 40", "i < 9");
    let (found_few, _) = found(&few, &[]).await;
    assert_eq!(found_few, []);
}

/// A schema that says NOT NULL of what has to be there means it where it does not say so, too; but whoever names the
/// district in every row belongs to it.
#[tokio::test]
async fn where_the_catalog_speaks_only_what_names_the_district_counts() {
    let spoken = PEOPLE.replace(
        "student_id integer references",
        "student_id integer not null references",
    );
    let (found, _) = found(&spoken, &[]).await;
    assert_eq!(found, [("s.main.students(district_id)".to_owned(), 40)]);
}

/// Records of several kinds whose texts of kinds all have a link, or not.
#[tokio::test]
async fn references_of_several_kinds_are_there_if_every_row_says_one_of_them() {
    let files = |last: &str| {
        format!(
            "create table districts (id integer primary key);
             create table students (id integer primary key, district_id integer not null references districts);
             create table courses (id integer primary key, district_id integer not null references districts);
             create table files (id integer primary key, kind text, of integer);
             insert into districts values (1);
             insert into students values (1, 1), (2, 1);
             insert into courses values (1, 1);
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 6)
                insert into files select i, 'student', 1 + i % 2 from n union all select 6 + i, 'course', 1 from n;
             insert into files values (13, {last});"
        )
    };
    let links = [
        ("files", "students", "student"),
        ("files", "courses", "course"),
    ];
    let expected = vec![("s.main.files(of)".to_owned(), 13)];
    assert_eq!(found(&files("'student', 2"), &links).await.0, expected);
    for last in ["'bus', 2", "null, 2", "'student', null"] {
        assert_eq!(found(&files(last), &links).await.0, [], "{last}");
    }
}
