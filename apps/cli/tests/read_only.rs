//! PROD is read and nothing else, whatever stands in names, configurations and arguments: nothing changes in
//! it, and every statement that it is sent, seen on the wire, is one of the closed set. The role that reads
//! may do everything here: it is the statements that are looked at.

mod attacks;

use std::collections::BTreeSet;

use redistrict_testkit::closed_set::outside_of_sql;
use redistrict_testkit::postgres::{TestServer, execute, query};
use redistrict_testkit::recorder::{Recorder, Sent};

use crate::environment::{Ended, Environment};

/// Schemas, tables, columns, types, labels, constraints and keys.
const HOSTILE: [&str; 24] = [
    "a\"; drop table canary; --",
    "'; insert into canary values (666); --",
    "\"\"",
    "x\" as t; commit; begin read write; --",
    "$1",
    "$$; delete from canary; $$",
    "/* */ canary",
    "-- canary",
    "a\nb\tc",
    "Ünï çödé 学区",
    "select",
    "copy (select 1) to program 'touch /tmp/redistrict-attack'",
    "%s%n",
    "\\",
    "\\'",
    "{\"a\",b}",
    "a.b.c",
    "[0]",
    "UPPER lower",
    "1",
    "E'\\x00'",
    "redistrict.k1",
    "; set default_transaction_read_only = off; --",
    "pg_catalog.lo_create(0)",
];

/// Every type that a key or a value can have a text of its own by.
const VALUES: [(&str, &str); 20] = [
    ("smallint", "7"),
    ("bigint", "7"),
    ("numeric(10,2)", "7.50"),
    ("real", "7.5"),
    ("double precision", "7.5"),
    ("boolean", "true"),
    ("uuid", "'00000000-0000-0000-0000-000000000007'"),
    ("date", "'2020-02-29'"),
    ("time", "'07:00'"),
    ("timestamp", "'2020-02-29 07:00'"),
    ("timestamptz", "'2020-02-29 07:00+00'"),
    ("interval", "'1 day'"),
    ("character varying(20)", "'seven'"),
    ("character(5)", "'seven'"),
    ("bytea", "'\\x07'"),
    ("inet", "'10.0.0.7'"),
    ("jsonb", "'{\"a\": 7}'"),
    ("bit(3)", "B'101'"),
    ("int4range", "'[1,7)'"),
    ("integer[]", "'{7}'"),
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn toml(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// PROD with hostile names, keys of many types, tables without a key, partitions; and what it has to be told
/// in the configuration.
fn hostile() -> (String, String, String) {
    let (mut ddl, mut rows, mut config) = (String::new(), String::new(), String::new());
    let name = |place: usize| HOSTILE[place % HOSTILE.len()];
    let key = "it's \"1\"; --";
    ddl.push_str(
        "create table canary (id int primary key); create table districts (id text primary key);",
    );
    rows.extend([format!(
        "insert into canary values (1), (2); insert into districts values ({}), ('other');",
        text(key)
    )]);
    for (place, (column_type, value)) in VALUES.iter().enumerate() {
        // Of these there are no keys: values that print differently are equal.
        let (key_type, key_value) = match *column_type {
            "interval" | "jsonb" | "real" | "double precision" => ("bigint", "7"),
            _ => (*column_type, *value),
        };
        let (schema, table) = (quoted(name(place)), quoted(name(place + 3)));
        let [id, district, value_name] =
            [name(place + 5), name(place + 9), name(place + 13)].map(quoted);
        let (label, enumeration) = (text(name(place + 1)), quoted(name(place + 7)));
        let constraint = quoted(name(place + 11));
        ddl.extend([format!(
            "create schema if not exists {schema};
             create type {schema}.{enumeration} as enum ({label}, 'plain');
             create table {schema}.{table} (
               {id} {key_type} constraint {constraint} primary key,
               {district} text not null references districts, {value_name} {schema}.{enumeration});
             create table {schema}.\"loose {place}\" ({district} text references districts, v {column_type});"
        )]);
        rows.extend([format!(
            "insert into {schema}.{table} values ({key_value}, {}, {label});
             insert into {schema}.\"loose {place}\" values ({}, {value}), ('other', {value});",
            text(key),
            text(key)
        )]);
        for (table, columns) in [
            (
                name(place + 3).to_owned(),
                vec![name(place + 5), name(place + 9), name(place + 13)],
            ),
            (format!("loose {place}"), vec![name(place + 9), "v"]),
        ] {
            for column in columns {
                let full = ["db", name(place), &table, column];
                let parts: Vec<String> = full.iter().skip(1).map(|part| quoted(part)).collect();
                config.extend([format!(
                    "[column.{}]\nmask = \"keep\"\npublic = true\nreason = \"made up\"\n",
                    toml(&format!("db.{}", parts.join(".")))
                )]);
            }
        }
    }
    config.push_str(
        "[column.\"db.districts.id\"]\nmask = \"keep\"\npublic = true\nreason = \"made up\"\n",
    );
    config.push_str("[table.\"db.canary\"]\nexcluded = \"it sings\"\n");
    (ddl, rows, config)
}

const CONFIGURATION: &str = "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
    source = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n";

/// All rows and all objects, by a plain client.
async fn digest(url: &str) -> String {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables \
                  where schemaname not in ('pg_catalog', 'information_schema') order by 1";
    let mut all = String::new();
    for table in query(url, tables)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .flatten()
    {
        let sql = format!(
            "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} as t"
        );
        all.extend([format!("{table} {:?}\n", query(url, &sql).await.unwrap())]);
    }
    let objects = "select (select count(*) from pg_class), (select count(*) from pg_proc), \
        (select count(*) from pg_type), (select count(*) from pg_largeobject_metadata), \
        (select count(*) from pg_collation), (select count(*) from pg_db_role_setting), \
        (select string_agg(rolname, ',' order by rolname) from pg_roles), \
        (select string_agg(datname, ',' order by datname) from pg_database), \
        (select string_agg(name || setting, ',' order by name) from pg_file_settings), \
        (select count(*) from pg_prepared_xacts), (select count(*) from pg_replication_slots)";
    all.extend([format!("{:?}", query(url, objects).await.unwrap())]);
    all
}

/// What was sent that is outside of the closed set, each once.
fn outside(sent: &[Sent]) -> BTreeSet<String> {
    sent.iter().filter_map(outside_of_sql).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_migration_of_hostile_names_sends_prod_the_closed_set_and_nothing_else() {
    let server = TestServer::launch_private().unwrap();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let (ddl, rows, config) = hostile();
    execute(&prod, &format!("{ddl}{rows}")).await.unwrap();
    execute(&cert, &ddl).await.unwrap();
    let recorder = Recorder::before(&prod).unwrap();
    let mut environment = Environment::new();
    environment.set("PROD", &recorder.url(&prod));
    environment.set("CERT", &cert);
    environment.write("redistrict.toml", &format!("{CONFIGURATION}{config}"));
    let before = digest(&prod).await;
    environment.must(&["enroll", "--name", "test"]);
    for arguments in [
        &["analyze"][..],
        &["plan", "it's \"1\"; --", "--exact"],
        &["plan", "it's \"1\"; --", "--sql"],
        &["migrate", "it's \"1\"; --"],
    ] {
        environment.must(arguments);
    }
    let sent = recorder.take_postgres();
    let different: BTreeSet<&Sent> = sent.iter().collect();
    println!("{} statements, {} different", sent.len(), different.len());
    let outside = outside(&sent);
    assert!(
        outside.is_empty(),
        "{} outside: {outside:#?}",
        outside.len()
    );
    assert!(
        different.len() > 100,
        "{} different statements",
        different.len()
    );
    assert_eq!(digest(&prod).await, before);
    let arrived = "select count(*) from districts";
    assert_eq!(
        query(&cert, arrived).await.unwrap()[0][0].as_deref(),
        Some("1")
    );
}

/// PROD, CERT and the configuration of the attacks.
struct Attacked {
    server: TestServer,
    prod: String,
    cert: String,
    recorder: Recorder,
    environment: Environment,
    marker: std::path::PathBuf,
}

const SCHEMA: &str = "create table canary (id int primary key); create table districts (id text primary key); \
    create table schools (id int primary key, district text not null references districts, title text); \
    create table notes (id int primary key, district text, kind text);";
const ROWS: &str = "insert into canary values (1), (2); insert into districts values ('1'), ('2'); \
    insert into schools values (10, '1', 'a'), (20, '2', 'b'); insert into notes values (7, '1', 'a');";
const TENANT: &str = "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n";
const STORE: &str =
    "[store.db]\nkind = \"postgres\"\nsource = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n";
const NOTES: &str = "[table.\"db.notes\"]\nexcluded = \"not needed\"\n[table.\"db.canary\"]\nexcluded = \"it sings\"\n";

impl Attacked {
    async fn new() -> Self {
        let server = TestServer::launch_private().unwrap();
        let (prod, cert) = (
            server.create_database().await,
            server.create_database().await,
        );
        execute(&prod, &format!("{SCHEMA}{ROWS}")).await.unwrap();
        execute(&cert, SCHEMA).await.unwrap();
        let recorder = Recorder::before(&prod).unwrap();
        let mut environment = Environment::new();
        environment.set("PROD", &recorder.url(&prod));
        environment.set("CERT", &cert);
        let marker = environment.path("attack");
        let attacked = Self {
            server,
            prod,
            cert,
            recorder,
            environment,
            marker,
        };
        attacked.configure("{tenant}{store}{notes}");
        attacked.environment.must(&["enroll", "--name", "test"]);
        attacked.environment.must(&["plan", "1", "--exact"]);
        attacked
    }

    fn configure(&self, template: &str) {
        let text = template
            .replace("{tenant}", TENANT)
            .replace("{store}", STORE)
            .replace("{notes}", NOTES);
        self.environment.write("redistrict.toml", &text);
    }

    /// The attack in a field's place: inside of a TOML text, and there inside of a name in quotes.
    fn configure_field(&self, field: &attacks::Field, attack: &str) {
        let inside = |text: &str| {
            let text = toml(text);
            text[1..text.len() - 1].to_owned()
        };
        let name = inside(&quoted(attack));
        let text = field
            .config
            .replace("@@", &name)
            .replace('@', &inside(attack));
        self.configure(&text);
    }

    /// What was sent to PROD since this was asked last; all of it is inside of the closed set.
    fn sent(&self, what: &str) -> usize {
        let sent = self.recorder.take_postgres();
        let outside = outside(&sent);
        assert!(outside.is_empty(), "{what}: {outside:#?}");
        sent.len()
    }

    async fn check(&self, before: &str, what: &str) {
        assert_eq!(digest(&self.prod).await, before, "{what}");
        assert!(!self.marker.exists(), "{what}");
    }
}

/// The server may write the marker.
fn open_to_all(environment: &Environment) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(environment.dir.path(), all).unwrap();
}

/// A text is refused for what it is, or is taken as a text: 1 then.
fn refused_or_done(ended: &Ended, what: &str) -> usize {
    let is_fair = [0, 2, 3, 4].contains(&ended.code);
    assert!(is_fair, "{what}: {}\n{}", ended.code, ended.err);
    usize::from(ended.code == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_of_the_configuration_and_no_argument_writes_prod() {
    let mut attacked = Attacked::new().await;
    open_to_all(&attacked.environment);
    let texts = attacks::all(&attacked.marker.to_string_lossy());
    let mut next = texts.iter().cycle();
    let before = digest(&attacked.prod).await;
    let (mut tried, mut statements, mut ran) = (0, 0, 0);
    for arguments in attacks::ARGUMENTS {
        // Every attack as the key of a district, some of them as each other argument.
        let count = if arguments == attacks::ARGUMENTS[0] {
            texts.len()
        } else {
            3
        };
        for attack in next.by_ref().take(count) {
            attacked.configure("{tenant}{store}{notes}");
            let words: Vec<&str> = arguments
                .iter()
                .map(|word| if *word == "@" { attack.as_str() } else { word })
                .collect();
            let ended = attacked.environment.run(&words);
            ran += refused_or_done(&ended, &format!("{words:?}"));
            tried += 1;
        }
        let what = format!("{arguments:?}");
        statements += attacked.sent(&what);
        attacked.check(&before, &what).await;
    }
    for field in attacks::FIELDS {
        for attack in next.by_ref().take(3) {
            attacked.configure_field(&field, attack);
            let ended = attacked.environment.run(&["plan", "1", "--exact"]);
            ran += refused_or_done(&ended, field.name);
            tried += 1;
        }
        statements += attacked.sent(field.name);
        attacked.check(&before, field.name).await;
    }
    attacked.configure("{tenant}{store}{notes}");
    for end in attacks::URLS {
        let url = format!("{}{end}", attacked.recorder.url(&attacked.prod));
        attacked.environment.set("PROD", &url);
        let ended = attacked.environment.run(&["plan", "1", "--exact"]);
        ran += refused_or_done(&ended, end);
        tried += 1;
        statements += attacked.sent(end);
        attacked.check(&before, end).await;
    }
    println!(
        "{tried} attacks, {ran} went on to an end, {statements} statements, 0 outside, 0 writes"
    );
    assert!(tried >= 200 && ran > 10 && statements > 1_000);
    // The role could have: the same text, sent as it is, is seen.
    execute(
        &attacked.prod,
        "commit; begin read write; insert into canary values (666); commit",
    )
    .await
    .unwrap();
    assert_ne!(digest(&attacked.prod).await, before);
    assert_eq!(
        query(&attacked.cert, "select count(*) from canary")
            .await
            .unwrap()[0][0]
            .as_deref(),
        Some("0")
    );
    drop(attacked.server);
}
