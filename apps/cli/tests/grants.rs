//! `init --grants`: the printed statements are enough for the whole journey, and none of them can be spared.

use std::io::Write as _;
use std::process::{Command, Stdio};

use redistrict_testkit::postgres::{TestServer, execute, query};
use serde_json::Value;

use crate::environment::{Environment, count, rows_of};

/// Names that want quoting; a type, a sequence and a referring table in schemas of their own.
const TABLES: &str = r#"
    create schema app; create schema kinds; create schema "Odd "" Schema"; create schema numbers;
    create schema outside; create schema secret;
    create type kinds.mood as enum ('good', 'bad');
    create sequence numbers.of_schools;
    create table app.districts (id int primary key);
    create table app.tags (mood kinds.mood primary key, weight int);
    create table app.schools (
      id int primary key default nextval('numbers.of_schools'),
      district int not null references app.districts, mood kinds.mood references app.tags);
    create table "Odd "" Schema"."Pupil's; --" (id int primary key, school int not null references app.schools);
    create table app.audit (id int primary key, school int);
    create table outside.visits (id int primary key, pupil int references "Odd "" Schema"."Pupil's; --");
    create table secret.payroll (id int primary key);
"#;
const ROWS: &str = r#"
    insert into app.districts values (1), (2);
    insert into app.tags values ('good', 1), ('bad', 2);
    insert into app.schools select g, 1 + g % 2, 'good' from generate_series(1, 10) as g;
    insert into "Odd "" Schema"."Pupil's; --" select g, 1 + g % 10 from generate_series(1, 50) as g;
    insert into app.audit values (1, 1);
    insert into secret.payroll values (1);
"#;
const CONFIGURATION: &str = r#"
[tenant]
root = "db.app.districts"
key = "id"
[store.db]
kind = "postgres"
schemas = ["app", "Odd \" Schema"]
source = { env = "DB_PROD_URL" }
target = { env = "DB_CERT_URL" }
[table."db.app.audit"]
excluded = "not a district's\n; drop table x; --"
"#;

struct World {
    environment: Environment,
    prod: String,
    cert: String,
    reader: String,
    loader: String,
}

impl World {
    /// Two databases from which everything was taken that PUBLIC usually has, and a role that may log in.
    async fn new() -> Self {
        let server = TestServer::start();
        let (prod, cert) = (
            server.create_database().await,
            server.create_database().await,
        );
        let name = name_of(&prod).to_owned();
        let looker = format!("looker_{name}");
        execute(
            server.url(),
            &format!("create role {looker} login password 'x'"),
        )
        .await
        .unwrap();
        for (url, rows) in [(&prod, ROWS), (&cert, "")] {
            let hardened = format!(
                "revoke all on database {0} from public; grant connect on database {0} to {looker};
                 revoke all on schema public from public",
                name_of(url)
            );
            execute(url, &format!("{TABLES}{rows}{hardened}"))
                .await
                .unwrap();
        }
        let mut environment = Environment::new();
        environment.write("redistrict.toml", CONFIGURATION);
        environment.set("DB_PROD_URL", &login(&prod, &looker));
        environment.set("DB_CERT_URL", &login(&cert, &looker));
        Self {
            environment,
            prod,
            cert,
            reader: format!("Re\"ader'; -- {name}"),
            loader: format!("lo\\ader $redistrict$ {name}"),
        }
    }

    fn print(&self, format: &str) -> String {
        let arguments = [
            "init",
            "--grants",
            "--reader",
            &self.reader,
            "--loader",
            &self.loader,
            "--output",
            format,
        ];
        self.environment.must(&arguments).out
    }

    /// The statements of one side, as the list has them.
    fn statements(&self, side: &str) -> Vec<Value> {
        let printed: Value = serde_json::from_str(&self.print("json")).unwrap();
        let parts = printed["stores"].as_array().unwrap();
        let part = parts.iter().find(|part| part["side"] == side).unwrap();
        part["statements"].as_array().unwrap().clone()
    }

    /// Runs the printed script as its administrators would, twice, and logs in with the new roles.
    async fn grant(&mut self) {
        let script = self.print("text");
        let (prod, cert) = script.split_at(script.find("-- ==== CERT").unwrap());
        for (url, part, role) in [
            (&self.prod, prod, &self.reader),
            (&self.cert, cert, &self.loader),
        ] {
            for _ in 0..2 {
                psql(url, part);
            }
            let password = format!("alter role {} password 'x'", quoted(role));
            execute(url, &password).await.unwrap();
        }
        self.environment
            .set("DB_PROD_URL", &login(&self.prod, &self.reader));
        self.environment
            .set("DB_CERT_URL", &login(&self.cert, &self.loader));
    }

    /// Enrols, loads and takes out again.
    fn journey(&self) -> Result<(), Stopped> {
        let enrolled = self.environment.run(&["enroll", "--name", "test"]);
        if enrolled.code != 0 {
            return Err(Stopped {
                command: "enroll",
                run: None,
                said: enrolled.err,
            });
        }
        self.there_and_back()
    }

    fn there_and_back(&self) -> Result<(), Stopped> {
        let stopped = |command, run: Option<String>, said| Err(Stopped { command, run, said });
        let migrated = self.environment.run(&["migrate", "1"]);
        let run = migrated
            .err
            .lines()
            .find_map(|line| line.strip_prefix("Run ID: "));
        let run = run.map(str::to_owned);
        let (0, Some(id)) = (migrated.code, &run) else {
            return stopped("migrate", run, migrated.err);
        };
        let undone = self.environment.run(&["rollback", id]);
        match undone.code {
            0 => Ok(()),
            _ => stopped("rollback", run, undone.err),
        }
    }

    async fn loaded(&self) -> u64 {
        count(&self.cert, "select count(*) from app.schools").await
    }
}

/// Where a journey ended.
#[derive(Debug)]
struct Stopped {
    command: &'static str,
    /// The migration, if it came so far.
    run: Option<String>,
    said: String,
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// The same database with another login.
fn login(url: &str, role: &str) -> String {
    let rest = &url[url.rfind('@').unwrap() + 1..];
    let user: String = role.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("postgres://{user}:x@{rest}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn psql(url: &str, script: &str) {
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    psql.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(psql.wait().unwrap().success(), "{script}");
}

/// `grant a, b on c to d` as pairs of revoking a, or b, and granting it again; none for others.
fn each_grant(statement: &Value) -> Vec<(String, String)> {
    let text = statement["statement"].as_str().unwrap();
    let Some((rights, rest)) = text
        .strip_prefix("grant ")
        .and_then(|text| text.split_once(" on "))
    else {
        return Vec::new();
    };
    let (object, role) = rest.rsplit_once(" to \"").unwrap();
    let rights = rights.split(", ");
    let pair = |right| {
        (
            format!("revoke {right} on {object} from \"{role}"),
            format!("grant {right} on {object} to \"{role}"),
        )
    };
    rights.map(pair).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_rights_are_enough_and_none_can_be_spared() {
    let mut world = World::new().await;
    let refused = world.journey().unwrap_err();
    assert_eq!(refused.command, "enroll");
    assert!(refused.said.contains("init --grants"), "{}", refused.said);
    let printed = [world.statements("PROD"), world.statements("CERT")];
    world.grant().await;
    let before = rows_of(&world.cert, &["app", "Odd \" Schema"]).await;
    for _ in 0..2 {
        world.journey().unwrap();
    }
    assert_eq!(
        rows_of(&world.cert, &["app", "Odd \" Schema"]).await,
        before
    );
    let again = [world.statements("PROD"), world.statements("CERT")];
    assert_eq!(again, printed, "what moves is known now, and is the same");
    let doctor = world.environment.must(&["doctor"]);
    assert!(!doctor.err.contains("the role"), "{}", doctor.err);

    let mut spared = Vec::new();
    for (url, statements) in [(&world.prod, &printed[0]), (&world.cert, &printed[1])] {
        let always = statements.iter().filter(|one| one["need"] == "always");
        for (revoke, grant) in always.flat_map(each_grant) {
            execute(url, &revoke).await.unwrap();
            // Sequences are never lowered: only one that is behind is raised again.
            let behind = "select setval('numbers.of_schools', 1, false)";
            query(&world.cert, behind).await.unwrap();
            let ended = match revoke.contains("redistrict_") {
                true => world.journey(),
                false => world.there_and_back(),
            };
            execute(url, &grant).await.unwrap();
            match ended {
                Ok(()) => spared.push(revoke.clone()),
                Err(stopped) => {
                    let Stopped { command, run, said } = stopped;
                    // The statement itself, or the command that prints all of them.
                    let object = grant
                        .split_once(" on ")
                        .map_or(&*grant, |(_, object)| object);
                    assert!(
                        said.contains("init --grants")
                            || said.contains(object)
                            || revoke.contains(" connect "),
                        "{revoke}: {command}: {said}"
                    );
                    // What was begun is taken back: it may have left its lease, or its rows.
                    if let Some(run) = run {
                        world.environment.must(&["rollback", &run]);
                    }
                }
            }
            assert_eq!(world.loaded().await, 0, "{revoke}");
        }
    }
    assert!(spared.is_empty(), "nothing needs these: {spared:#?}");
    world.journey().unwrap();
}

/// What the roles may not do.
#[tokio::test(flavor = "multi_thread")]
async fn the_reader_cannot_write_and_neither_role_sees_other_tables() {
    let mut world = World::new().await;
    world.grant().await;
    let (reader, loader) = (
        login(&world.prod, &world.reader),
        login(&world.cert, &world.loader),
    );
    for (url, sql) in [
        (&reader, "insert into app.districts values (3)"),
        (&reader, "begin read write; delete from app.districts"),
        (&reader, "begin read write; create table app.own (id int)"),
        (&reader, "begin read write; create schema own"),
        (&reader, "select * from app.audit"),
        (&reader, "select * from secret.payroll"),
        (&reader, "select * from outside.visits"),
        (&loader, "select * from app.audit"),
        (&loader, "select * from secret.payroll"),
        (&loader, "delete from outside.visits"),
        (&loader, "create schema own"),
        (&loader, "create table app.own (id int)"),
        (&loader, "truncate app.districts"),
        (&loader, "create temporary table own (id int)"),
    ] {
        assert!(execute(url, sql).await.is_err(), "{sql}");
    }
    let read_only = query(&reader, "show default_transaction_read_only")
        .await
        .unwrap();
    assert_eq!(read_only[0][0].as_deref(), Some("on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_triggers_and_the_tables_of_another_role_are_seen_to() {
    let mut world = World::new().await;
    let sql = "alter table app.schools enable row level security;
        create function app.f() returns trigger language plpgsql as 'begin return new; end';
        create trigger \"watch\nme\" after insert on app.schools for each row execute function app.f()";
    for url in [&world.prod, &world.cert] {
        execute(url, sql).await.unwrap();
    }
    // Somebody else has enrolled it before.
    let owner = world.cert.clone();
    world.environment.set("DB_CERT_URL", &owner);
    let prod = world.prod.clone();
    world.environment.set("DB_PROD_URL", &prod);
    world.environment.must(&["enroll", "--name", "test"]);
    let script = world.print("text");
    assert!(script.contains("watch\\u{a}me"), "{script}");
    world.grant().await;
    world.journey().unwrap();
    world.journey().unwrap();
    let doctor = world.environment.must(&["doctor"]);
    assert!(!doctor.err.contains("the role"), "{}", doctor.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_the_tables_of_the_catalogs_are_granted_and_nothing_is_written() {
    let world = World::new().await;
    std::fs::remove_file(world.environment.path("redistrict.toml")).unwrap();
    let script = world.print("text");
    for table in [
        "\"app\".\"audit\"",
        "\"secret\".\"payroll\"",
        "\"outside\".\"visits\"",
    ] {
        assert!(
            script.contains(&format!("grant select on table {table} to")),
            "{script}"
        );
    }
    assert!(!world.environment.path("redistrict.toml").exists());
    assert!(!world.environment.path(".redistrict").exists());
    let refused = world
        .environment
        .run(&["init", "--grants", "--reader", "pg_x"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
}
