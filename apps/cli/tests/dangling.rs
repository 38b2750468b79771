//! References whose values lead to no row: rows that stay behind for it are counted, rows that CERT would refuse
//! are told before anything is loaded, and keys that are only written otherwise are never taken for missing.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::{Environment, count};

struct Databases {
    environment: Environment,
    prod: String,
    cert: String,
    base: String,
}

/// PROD and CERT with these tables, rows in PROD only.
async fn databases(tables: &str, only_in_prod: &str, only_in_cert: &str) -> Databases {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    for url in [&prod, &cert] {
        execute(url, tables).await.unwrap();
    }
    execute(&prod, only_in_prod).await.unwrap();
    execute(&cert, only_in_cert).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let base = "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
                source = { env = \"DB_PROD_URL\" }\ntarget = { env = \"DB_CERT_URL\" }\n"
        .to_owned();
    environment.write("redistrict.toml", &base);
    environment.must(&["enroll", "--name", "test"]);
    Databases {
        environment,
        prod,
        cert,
        base,
    }
}

impl Databases {
    fn configure(&self, lines: &str) {
        let text = format!("{}{lines}\n", self.base);
        self.environment.write("redistrict.toml", &text);
    }

    fn findings(&self, code: &str) -> Vec<(String, u64, String)> {
        let (plan, exit) = self.environment.json(&["plan", "1"]);
        assert_eq!(exit, 0, "{plan:#}");
        let findings = plan["findings"].as_array().unwrap().iter();
        findings
            .filter(|one| one["code"] == code)
            .map(|one| {
                let text = |name: &str| one[name].as_str().unwrap().to_owned();
                (
                    text("subject"),
                    one["count"].as_u64().unwrap(),
                    text("message"),
                )
            })
            .collect()
    }
}

const LOOSE: &str = "create table districts (id int primary key);
    create table visits (id int primary key, district int not null);
    create table people (id uuid primary key, district int not null references districts);
    create table notes (id int primary key, person text, kind text);";
const LINKS: &str = "[[link]]\nfrom = \"db.visits(district)\"\nto = \"db.districts(id)\"\nowns = true\n\
    [[link]]\nfrom = \"db.notes(person)\"\nto = \"db.people(id)\"\nowns = true\nwhen = { kind = \"person\" }\n\
    [column.\"db.notes.kind\"]\nmask = \"keep\"\npublic = true\nreason = \"it says what the row refers to\"\n";

/// Keys of people, however PROD writes them in other tables.
fn person(number: u32, capitals: bool) -> String {
    let key = format!("6f1c1a7e-0000-4000-8000-abcdef{number:06}");
    if capitals { key.to_uppercase() } else { key }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_owner_leads_nowhere_are_counted_by_table_and_reference() {
    let [anna, ben] = [1, 2].map(|number| person(number, false));
    let rows = format!(
        "insert into districts values (1), (2);
         insert into visits select g, 1 + g % 2 from generate_series(1, 20) as g;
         insert into visits select g, 77 from generate_series(21, 27) as g;
         insert into people values ('{anna}', 1), ('{ben}', 2);
         insert into notes values (1, '{anna}', 'person'), (2, '{ben}', 'person'),
            (3, '{}', 'person'), (4, 'no such key', 'other'), (5, null, 'person'), (6, 'x', 'person');",
        person(3, false)
    );
    let databases = databases(LOOSE, &rows, "").await;
    databases.configure(LINKS);
    let found = databases.findings("dangling-owner");
    let said: Vec<(&str, u64)> = found
        .iter()
        .map(|(subject, rows, _)| (subject.as_str(), *rows))
        .collect();
    assert_eq!(said, [("db.public.notes", 2), ("db.public.visits", 7)]);
    let (_, _, message) = &found[1];
    assert!(
        message.starts_with("(district) says whose a row is, and in 7 rows it leads to no row of db.public.districts(id)"),
        "{message}"
    );
    let all: String = found
        .iter()
        .map(|(_, _, message)| message.as_str())
        .collect();
    for value in ["77", "no such key", "abcdef"] {
        assert!(!all.contains(value), "{all}");
    }
    // The run and its report say it as well; what stays behind is what was counted.
    let (done, exit) = databases.environment.json(&["migrate", "1"]);
    assert_eq!(exit, 0, "{done:#}");
    let report = done["reports"].as_array().unwrap().iter();
    let file = report
        .filter_map(|one| one.as_str())
        .find(|one| one.ends_with(".json"));
    let report = std::fs::read_to_string(databases.environment.path(file.unwrap())).unwrap();
    assert!(report.contains("dangling-owner"), "{report}");
    assert_eq!(
        count(&databases.cert, "select count(*) from visits").await,
        10
    );
    assert_eq!(
        count(&databases.cert, "select count(*) from notes").await,
        1
    );
    // Nothing dangles, nothing is said.
    execute(
        &databases.prod,
        "delete from visits where district = 77; delete from notes where id in (3, 6)",
    )
    .await
    .unwrap();
    assert!(databases.findings("dangling-owner").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uuid_that_is_written_otherwise_is_no_missing_row() {
    let key = person(1, false);
    let rows = format!(
        "insert into districts values (1), (2);
         insert into people values ('{key}', 1);
         insert into notes values (1, '{key}', 'person'), (2, '{}', 'person'), (3, ' {{{}}}', 'person'),
             (4, '{}', 'person'), (5, '{}', 'other');",
        person(1, true),
        person(1, true),
        key.replace('-', ""),
        person(1, true),
    );
    let databases = databases(LOOSE, &rows, "").await;
    databases.configure(LINKS);
    for arguments in [&["plan", "1"][..], &["migrate", "1"], &["config", "check"]] {
        let ended = databases.environment.run(arguments);
        assert_eq!(ended.code, 3, "{}", ended.err);
        let said = "db.public.notes: (person) refers to db.public.people(id), and in 3 rows its value is a key of \
                    that table written in another way";
        assert!(ended.err.contains(said), "{}", ended.err);
        assert!(
            !ended.err.to_lowercase().contains("abcdef"),
            "{}",
            ended.err
        );
    }
    // Written as the other table has them they come.
    let mend = format!("update notes set person = '{key}' where kind = 'person'");
    execute(&databases.prod, &mend).await.unwrap();
    databases.environment.must(&["migrate", "1"]);
    assert_eq!(
        count(&databases.cert, "select count(*) from notes").await,
        4
    );
}

const BADGES: &str = "create table districts (id int primary key);
    create table badges (id int primary key);
    create table people (id int primary key, district int not null references districts, badge int);
    create table notes (id int primary key, person int not null references people);";
const BADGE_ROWS: &str = "insert into districts values (1), (2);
    insert into badges values (7);
    insert into people values (10, 1, 7), (11, 1, 8), (12, 1, null), (13, 2, 9);
    insert into notes values (1, 10), (2, 11), (3, 12), (4, 13);
    alter table people add constraint wears foreign key (badge) references badges not valid;";

/// What CERT does with the key, and how often it does so here: it declares it, whether validated or not.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cert_would_refuse_stop_before_the_load_and_the_lines_let_the_others_come() {
    let validated = "alter table people add constraint wears foreign key (badge) references badges";
    for declared in [validated.to_owned(), format!("{validated} not valid")] {
        let databases = databases(BADGES, BADGE_ROWS, &declared).await;
        let environment = &databases.environment;
        // The server itself refuses such a row, so that a load would.
        let row = "insert into districts values (5); insert into people values (50, 5, 88)";
        assert!(execute(&databases.cert, row).await.is_err());
        execute(&databases.cert, "delete from districts")
            .await
            .unwrap();

        let lines = [
            "[table.\"db.public.people\"]",
            "boundary = { \"(badge)\" = \"null\" }",
        ];
        for (arguments, code) in [
            (&["plan", "1", "--exact"][..], 3),
            (&["migrate", "1", "--dry-run"], 5),
            (&["migrate", "1"], 5),
        ] {
            let ended = environment.run(arguments);
            assert_eq!(ended.code, code, "{arguments:?} {}", ended.err);
            for line in lines {
                assert!(ended.err.contains(line), "{line}: {}", ended.err);
            }
            let all = count(&databases.cert, "select count(*) from people").await;
            assert_eq!(all, 0);
        }
        let people = "select coalesce(string_agg(id || ' ' || coalesce(badge::text, '-'), ', ' order by id), '') from people";
        for (policy, came) in [("null", "10 7, 11 -, 12 -"), ("exclude", "10 7, 12 -")] {
            databases.configure(&format!(
                "{}\nboundary = {{ \"(badge)\" = \"{policy}\" }}",
                lines[0]
            ));
            environment.must(&["plan", "1", "--exact"]);
            let (done, exit) = environment.json(&["migrate", "1"]);
            assert_eq!(exit, 0, "{done:#}");
            let rows = redistrict_testkit::postgres::query(&databases.cert, people)
                .await
                .unwrap();
            assert_eq!(rows[0][0].as_deref(), Some(came), "{policy}");
            environment.must(&["rollback", done["run"].as_str().unwrap()]);
        }
    }
}

/// Where CERT does not declare the key it takes the rows: a warning is enough.
#[tokio::test(flavor = "multi_thread")]
async fn where_cert_has_no_such_key_the_rows_come_with_a_warning() {
    let databases = databases(BADGES, BADGE_ROWS, "").await;
    let (done, exit) = databases.environment.json(&["migrate", "1"]);
    assert_eq!(exit, 0, "{done:#}");
    assert_eq!(done["verdict"], "PASSED_WITH_WARNINGS", "{done:#}");
    assert_eq!(
        count(&databases.cert, "select count(*) from people").await,
        3
    );
}

/// Over two files, where no server can compare: the values are looked up.
#[test]
fn across_files_the_same_is_counted() {
    let mut environment = Environment::new();
    let [ids, notes] = [
        "create table districts (id integer primary key);
         create table people (id text primary key, district integer not null references districts);",
        "create table notes (id integer primary key, person text not null);
         create table visits (id integer primary key, district integer not null);",
    ];
    let rows = |capitals: bool| {
        let notes = format!(
            "insert into notes values (1, '{}'), (2, '{}'), (3, 'nobody');
             insert into visits values (1, 1), (2, 2), (3, 9), (4, 9);",
            person(1, false),
            person(1, capitals),
        );
        let people = format!(
            "insert into districts values (1), (2); insert into people values ('{}', 1);",
            person(1, false)
        );
        [people, notes]
    };
    let dir = environment.dir.path().to_owned();
    let place = move |name: &str| dir.join(name);
    let make = |name: &str, sql: &str| {
        let connection = rusqlite::Connection::open(place(name)).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    let [people, loose] = rows(true);
    for (name, sql) in [
        ("ids.db", format!("{ids}{people}")),
        ("notes.db", format!("{notes}{loose}")),
        ("ids_cert.db", ids.to_owned()),
        ("notes_cert.db", notes.to_owned()),
    ] {
        make(name, &sql);
    }
    for name in ["ids", "notes"] {
        let upper = name.to_uppercase();
        environment.set(&format!("{upper}_PROD"), &format!("sqlite:{name}.db"));
        environment.set(&format!("{upper}_CERT"), &format!("sqlite:{name}_cert.db"));
    }
    let store = |name: &str| {
        let upper = name.to_uppercase();
        format!(
            "[store.{name}]\nkind = \"sqlite\"\nsource = {{ env = \"{upper}_PROD\" }}\n\
             target = {{ env = \"{upper}_CERT\" }}\n"
        )
    };
    environment.write(
        "redistrict.toml",
        &format!(
            "[tenant]\nroot = \"ids.districts\"\nkey = \"id\"\n{}{}\
             [[link]]\nfrom = \"notes.notes(person)\"\nto = \"ids.people(id)\"\nowns = true\n\
             [[link]]\nfrom = \"notes.visits(district)\"\nto = \"ids.districts(id)\"\nowns = true\n",
            store("ids"),
            store("notes"),
        ),
    );
    environment.must(&["enroll", "--name", "test"]);
    let stopped = environment.run(&["plan", "1"]);
    assert_eq!(stopped.code, 3, "{}", stopped.err);
    let said = "notes.main.notes: (person) refers to ids.main.people(id), and in 1 rows its value is a key";
    assert!(stopped.err.contains(said), "{}", stopped.err);
    let mend = format!(
        "update notes set person = '{}' where id = 2",
        person(1, false)
    );
    make("notes.db", &mend);
    let (plan, exit) = environment.json(&["plan", "1"]);
    assert_eq!(exit, 0, "{plan:#}");
    let findings = plan["findings"].as_array().unwrap().iter();
    let found: Vec<(&str, u64)> = findings
        .filter(|one| one["code"] == "dangling-owner")
        .map(|one| {
            (
                one["subject"].as_str().unwrap(),
                one["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, [("notes.main.notes", 1), ("notes.main.visits", 2)]);
}
