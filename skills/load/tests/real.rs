//! The same journeys on real stores: SQLite as one group of two files and as two groups, PostgreSQL as
//! two groups. The databases are filled and looked at by plain clients.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use redistrict_load::is_undo_refused;
use redistrict_model::StoreName;
use redistrict_postgres::PostgresTarget;
use redistrict_sqlite::SqliteTarget;
use redistrict_store::{Enrolment, TargetStore};
use redistrict_testkit::postgres::TestServer;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use crate::faulty::{Fault, Faults, Meanwhile};
use crate::memory::Cell;
use crate::runner::{Job, Outcomes, drive};
use crate::world::{Estate, OpenTargets, cert_rows, cert_tables, district_2};

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Tables and rows of one store. Foreign keys stand apart, because two tables refer to each other.
struct Script {
    tables: String,
    inline_keys: Vec<(String, String)>,
    rows: String,
}

fn script(store: &str) -> Script {
    let mut script = Script {
        tables: String::new(),
        inline_keys: Vec::new(),
        rows: String::new(),
    };
    for table in cert_tables() {
        if table.name.store.as_str() != store {
            continue;
        }
        let of = quoted(&table.name.table);
        let mut lines: Vec<String> = Vec::new();
        for column in &table.columns {
            let kind = if column.source_type == "int" {
                "bigint"
            } else {
                "text"
            };
            let null = if column.nullable { "" } else { " not null" };
            let default = if column.has_default {
                " default 'default'"
            } else {
                ""
            };
            lines.push(format!("{} {kind}{null}{default}", quoted(&column.name)));
        }
        if let Some(key) = table.identity() {
            let key: Vec<String> = key.iter().map(|one| quoted(one)).collect();
            lines.push(format!("primary key ({})", key.join(", ")));
        }
        for unique in &table.uniques {
            let columns: Vec<String> = unique.columns.iter().map(|one| quoted(one)).collect();
            lines.push(format!("unique ({})", columns.join(", ")));
        }
        for key in &table.foreign_keys {
            let parent = quoted(&key.parent.table);
            let columns = quoted(&key.columns[0]);
            let key = format!("foreign key ({columns}) references {parent} (id)");
            script.inline_keys.push((of.clone(), key.clone()));
            lines.push(key);
        }
        writeln!(script.tables, "create table {of} ({});", lines.join(", ")).unwrap();
    }
    for (of, values) in cert_rows() {
        let (in_store, table) = of.split_once('.').unwrap();
        if in_store == store {
            let values: Vec<String> = values
                .iter()
                .map(|value| match value {
                    Cell::Null => "null".into(),
                    Cell::Int(number) => number.to_string(),
                    Cell::Text(text) => format!("'{text}'"),
                })
                .collect();
            let names = cert_tables()
                .into_iter()
                .find(|one| one.name == crate::world::name(of));
            let names: Vec<String> = names.unwrap().columns[..values.len()]
                .iter()
                .map(|column| quoted(&column.name))
                .collect();
            let (names, values) = (names.join(", "), values.join(", "));
            writeln!(
                script.rows,
                "insert into {table} ({names}) values ({values});"
            )
            .unwrap();
        }
    }
    script
}

async fn enroll(targets: &[Arc<dyn TargetStore>]) {
    for target in targets {
        for store in target.stores() {
            let mark = Enrolment {
                uuid: format!("uuid-{store}"),
                name: "cert".into(),
                at: "2026-01-01T00:00:00Z".into(),
                fingerprint: target.fingerprint(store).await.unwrap(),
            };
            target.enroll(store, &mark).await.unwrap();
        }
    }
}

/// CERT as the tests see it.
#[async_trait::async_trait]
pub(crate) trait Cert: Send + Sync {
    /// All rows of all tables that are not ours, sorted; and the names of staging tables left over.
    async fn dump(&self) -> (Vec<String>, Vec<String>);

    async fn run(&self, store: &str, sql: &str);
}

struct SqliteCert(TempDir);

impl SqliteCert {
    fn connect(&self, store: &str) -> Connection {
        let connection = Connection::open(file(self.0.path(), store)).unwrap();
        connection
            .pragma_update(None, "foreign_keys", true)
            .unwrap();
        connection
    }
}

fn file(dir: &Path, store: &str) -> std::path::PathBuf {
    dir.join(format!("{store}.db"))
}

#[async_trait::async_trait]
impl Cert for SqliteCert {
    async fn dump(&self) -> (Vec<String>, Vec<String>) {
        let (mut rows, mut staging) = (Vec::new(), Vec::new());
        for store in ["ids", "hcp"] {
            let connection = self.connect(store);
            let sql = "select name from sqlite_master where type = 'table'";
            let mut tables = connection.prepare(sql).unwrap();
            let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
            for name in names.map(Result::unwrap) {
                if name.starts_with("redistrict_stage_") {
                    staging.push(name);
                } else if !name.starts_with("redistrict_") && !name.starts_with("sqlite_") {
                    let sql = format!("select * from {}", quoted(&name));
                    let mut statement = connection.prepare(&sql).unwrap();
                    let width = statement.column_count();
                    let all = statement.query_map([], |row| {
                        (0..width)
                            .map(|at| row.get::<_, Value>(at))
                            .collect::<Result<Vec<_>, _>>()
                    });
                    rows.extend(all.unwrap().map(|row| format!("{name} {:?}", row.unwrap())));
                }
            }
        }
        rows.sort();
        (rows, staging)
    }

    async fn run(&self, store: &str, sql: &str) {
        self.connect(store).execute_batch(sql).unwrap();
    }
}

struct PostgresCert {
    server: &'static TestServer,
    urls: [(&'static str, String); 2],
}

#[async_trait::async_trait]
impl Cert for PostgresCert {
    async fn dump(&self) -> (Vec<String>, Vec<String>) {
        let (mut rows, mut staging) = (Vec::new(), Vec::new());
        for (_, url) in &self.urls {
            // The rows of partitions are those of their parents.
            let sql = "select n.nspname::text, c.relname::text from pg_class as c \
                       join pg_namespace as n on n.oid = c.relnamespace \
                       where c.relkind in ('r', 'p') and not c.relispartition";
            for found in self.server.query(url, sql).await {
                let schema = found[0].clone().unwrap();
                let table = found[1].clone().unwrap();
                if schema == "redistrict_stage" {
                    staging.push(table);
                } else if schema == "main" {
                    let sql = format!("select t::text from main.{} as t", quoted(&table));
                    let all = self.server.query(url, &sql).await;
                    rows.extend(all.into_iter().map(|row| format!("{table} {row:?}")));
                }
            }
        }
        rows.sort();
        (rows, staging)
    }

    async fn run(&self, store: &str, sql: &str) {
        let url = &self.urls.iter().find(|(name, _)| *name == store).unwrap().1;
        let sql = format!("set search_path = main; {sql}");
        self.server.psql(url, &sql).await;
    }
}

pub(crate) async fn sqlite(stores: &'static [&'static [&'static str]]) -> (Estate, Box<dyn Cert>) {
    let cert = SqliteCert(tempfile::tempdir().unwrap());
    for store in ["ids", "hcp"] {
        let script = script(store);
        let connection = cert.connect(store);
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection.execute_batch(&script.tables).unwrap();
        connection.execute_batch(&script.rows).unwrap();
    }
    let dir = cert.0.path().to_path_buf();
    let open: OpenTargets = Arc::new(move || {
        let group = |stores: &&[&str]| -> Arc<dyn TargetStore> {
            let files = stores
                .iter()
                .map(|one| (StoreName::new(*one), file(&dir, one)));
            Arc::new(SqliteTarget::new(files.collect()))
        };
        stores.iter().map(group).collect()
    });
    enroll(&open()).await;
    (Estate::on(open, stores).await, Box::new(cert))
}

async fn postgres() -> (Estate, Box<dyn Cert>) {
    postgres_with("select 1").await
}

/// With changes to the store ids of CERT before anything is planned.
pub(crate) async fn postgres_with(changes: &str) -> (Estate, Box<dyn Cert>) {
    let server = TestServer::start();
    let urls = [
        ("ids", server.create_database().await),
        ("hcp", server.create_database().await),
    ];
    for (store, url) in &urls {
        let script = script(store);
        let without_keys = script
            .inline_keys
            .iter()
            .fold(script.tables, |tables, (_, key)| {
                tables.replace(&format!(", {key}"), "")
            });
        let mut sql = format!("create schema main; set search_path = main; {without_keys}");
        sql.push_str(&script.rows);
        for (table, key) in &script.inline_keys {
            write!(sql, "alter table {table} add {key};").unwrap();
        }
        server.psql(url, &sql).await;
    }
    let sql = format!("set search_path = main; {changes}");
    server.psql(&urls[0].1, &sql).await;
    let opened = urls.clone();
    let open: OpenTargets = Arc::new(move || {
        let target = |(store, url): &(&str, String)| -> Arc<dyn TargetStore> {
            let schemas = vec!["main".to_owned()];
            Arc::new(PostgresTarget::new(
                StoreName::new(*store),
                url.clone(),
                schemas,
            ))
        };
        opened.iter().map(target).collect()
    });
    enroll(&open()).await;
    let estate = Estate::on(open, &[&["ids"], &["hcp"]]).await;
    (estate, Box::new(PostgresCert { server, urls }))
}

pub(crate) const ONE_GROUP: &[&[&str]] = &[&["ids", "hcp"]];
pub(crate) const TWO_GROUPS: &[&[&str]] = &[&["ids"], &["hcp"]];

pub(crate) async fn run(estate: &Estate, job: &Job, id: &str) -> Outcomes {
    match drive(estate, job, id, &Faults::none()).await {
        Ok(outcomes) => outcomes,
        Err(error) => panic!("{id}: {}", error.chain()),
    }
}

fn rows_written(outcomes: &Outcomes) -> u64 {
    let merges = outcomes.iter().filter(|(unit, _)| unit.step == "merge");
    merges.map(|(_, outcome)| outcome.rows).sum()
}

/// Load, load again, a refused undo, undo, redo, undo.
async fn journey((estate, cert): (Estate, Box<dyn Cert>)) {
    let before = cert.dump().await;
    let outcomes = run(&estate, &Job::Load, "mig-1").await;
    assert_eq!(rows_written(&outcomes), 19);
    let loaded = cert.dump().await;
    assert!(loaded.1.is_empty(), "{:?}", loaded.1);
    assert_eq!(loaded.0.len(), before.0.len() + 17);
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    assert_eq!(rows_written(&run(&estate, &Job::Load, "mig-2").await), 0);
    assert_eq!(cert.dump().await, loaded);
    cert.run("hcp", "update learners set note = 'typed' where id = 2000")
        .await;
    let edited = cert.dump().await;
    let refused = drive(&estate, &Job::Undo("mig-1"), "rb-0", &Faults::none()).await;
    assert!(is_undo_refused(&refused.unwrap_err()));
    assert_eq!(cert.dump().await, edited);
    cert.run("hcp", "update learners set note = 'note' where id = 2000")
        .await;
    cert.run("ids", "insert into awards values (1, 200)").await;
    let refused = drive(&estate, &Job::Undo("mig-1"), "rb-00", &Faults::none()).await;
    assert!(is_undo_refused(&refused.unwrap_err()));
    cert.run("ids", "delete from awards").await;
    assert_eq!(cert.dump().await, loaded);
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(cert.dump().await, before);
    run(&estate, &Job::Undo("rb-1"), "rb-2").await;
    assert_eq!(cert.dump().await, loaded);
    run(&estate, &Job::Undo("mig-1"), "rb-3").await;
    assert_eq!(cert.dump().await, before);
}

#[tokio::test]
async fn a_load_and_its_undo_are_exact_on_sqlite_as_one_group() {
    journey(sqlite(ONE_GROUP).await).await;
}

#[tokio::test]
async fn a_load_and_its_undo_are_exact_on_sqlite_as_two_groups() {
    journey(sqlite(TWO_GROUPS).await).await;
}

#[tokio::test]
async fn a_load_and_its_undo_are_exact_on_postgresql() {
    journey(postgres().await).await;
}

/// Partitions, a column that only CERT has and whose type nothing compares, and one that nothing can.
const PARTITIONED: &str = r#"drop table events;
    create table events (student_id bigint not null references students (id), what text,
                         doc json default '{"a": 1}', spot point default '(1,2)') partition by list (student_id);
    create table events_200 partition of events for values in (110, 200);
    create table events_rest partition of events default;
    insert into events (student_id, what) values (110, 'seen'), (110, 'seen');"#;

#[tokio::test]
async fn a_keyless_table_with_partitions_and_odd_types_is_loaded_and_undone_exactly() {
    journey(postgres_with(PARTITIONED).await).await;
}

/// A trigger that changes rows, also in the column by which they are looked for.
#[tokio::test]
async fn what_a_trigger_makes_of_keyless_rows_on_postgresql_is_ours() {
    let changes = "create function stamp() returns trigger language plpgsql as
                       $$ begin new.student_id := 110; new.what := 'stamped'; return new; end $$;
                   create trigger stamp before insert on events for each row execute function stamp();";
    let (estate, cert) = postgres_with(changes).await;
    let before = cert.dump().await;
    run(&estate, &Job::Load, "mig-1").await;
    let rows = cert.dump().await.0;
    let stamped = rows.iter().filter(|row| row.contains("(110,stamped)"));
    assert_eq!(stamped.count(), 3, "{rows:?}");
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(cert.dump().await, before);
}

/// Rows that others insert while ours are: theirs stay, however equal they are.
#[tokio::test]
async fn rows_that_others_insert_at_the_same_time_are_theirs() {
    for rows in [
        "(null, 'ping'), (null, 'ping')",
        "(1000, 'go'), (null, 'new')",
    ] {
        let (estate, cert) = postgres().await;
        let cert: Arc<dyn Cert> = Arc::from(cert);
        let (before, others) = (cert.dump().await, Arc::clone(&cert));
        let faults = Faults::meanwhile(Meanwhile {
            call: "apply",
            table: crate::world::name("hcp.clicks"),
            work: Box::pin(async move {
                let sql = format!("insert into clicks values {rows}");
                others.run("hcp", &sql).await;
            }),
        });
        drive(&estate, &Job::Load, "mig-1", &faults).await.unwrap();
        run(&estate, &Job::Undo("mig-1"), "rb-1").await;
        let mut expected = before.0.len();
        expected += 2;
        assert_eq!(cert.dump().await.0.len(), expected, "{rows}");
        let sql = format!(
            "delete from clicks where ctid in (select max(c.ctid) from clicks as c \
             join (values {rows}) as v (l, w) on c.learner_id is not distinct from l::bigint and c.what = w group by w)"
        );
        cert.run("hcp", &sql).await;
        if rows.contains("(null, 'ping'), ") {
            cert.run("hcp", &sql).await;
        }
        assert_eq!(cert.dump().await, before, "{rows}");
    }
}

/// Between the search for copies and their lock somebody changes one.
#[tokio::test]
async fn a_copy_that_changes_before_it_is_locked_is_replaced_by_another_one_or_refuses() {
    for (change, is_refused) in [
        (
            "delete from clicks where ctid = (select min(ctid) from clicks where what = 'ping')",
            false,
        ),
        ("update clicks set what = 'gone' where what = 'ping'", true),
    ] {
        let (estate, cert) = postgres().await;
        let cert: Arc<dyn Cert> = Arc::from(cert);
        run(&estate, &Job::Load, "mig-1").await;
        let loaded = cert.dump().await.0.len();
        let others = Arc::clone(&cert);
        let faults = Faults::meanwhile(Meanwhile {
            call: "lock",
            table: crate::world::name("hcp.clicks"),
            work: Box::pin(async move { others.run("hcp", change).await }),
        });
        let done = drive(&estate, &Job::Undo("mig-1"), "rb-1", &faults).await;
        let rows = cert.dump().await.0;
        if is_refused {
            assert!(is_undo_refused(&done.unwrap_err()));
            assert_eq!(rows.len(), loaded);
        } else {
            done.unwrap();
            // One went by others, one was ours.
            let pings = rows.iter().filter(|row| row.contains("ping")).count();
            assert_eq!(pings, 1, "{rows:?}");
        }
    }
}

/// A sample of the crash matrix; all of it runs on the target in memory.
async fn deaths((estate, cert): (Estate, Box<dyn Cert>), step: usize) {
    let before = cert.dump().await;
    let faults = Faults::none();
    drive(&estate, &Job::Load, "mig-1", &faults).await.unwrap();
    let loaded = cert.dump().await;
    let calls = faults.calls().len();
    let faults = Faults::none();
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &faults)
        .await
        .unwrap();
    let undo_calls = faults.calls().len();
    for (number, call) in (0..calls).step_by(step).enumerate() {
        let fault = Fault::ALL[number % 4];
        let load = format!("mig-1-{number}");
        estate.write_artifact(&load, &estate.plan, &district_2());
        drive(&estate, &Job::Load, &load, &Faults::at(call, fault))
            .await
            .unwrap_or_else(|error| panic!("call {call}, {fault:?}: {}", error.chain()));
        assert_eq!(cert.dump().await, loaded, "call {call}, {fault:?}");
        let load: &'static str = load.leak();
        let undo = format!("rb-1-{number}");
        let faults = Faults::at(call % undo_calls, fault);
        drive(&estate, &Job::Undo(load), &undo, &faults)
            .await
            .unwrap_or_else(|error| panic!("undo {call}, {fault:?}: {}", error.chain()));
        assert_eq!(cert.dump().await, before, "undo {call}, {fault:?}");
    }
}

#[tokio::test]
async fn disturbed_loads_and_undos_end_like_undisturbed_ones_on_sqlite() {
    deaths(sqlite(TWO_GROUPS).await, 7).await;
}

#[tokio::test]
async fn disturbed_loads_and_undos_end_like_undisturbed_ones_on_postgresql() {
    deaths(postgres().await, 3).await;
}

#[tokio::test]
async fn when_the_second_database_refuses_the_first_is_taken_back() {
    for (estate, cert) in [sqlite(TWO_GROUPS).await, postgres().await] {
        let before = cert.dump().await;
        let faults = Faults::refuse("commit", "hcp");
        drive(&estate, &Job::Load, "mig-1", &faults)
            .await
            .unwrap_err();
        assert_eq!(cert.dump().await, before);
    }
}
