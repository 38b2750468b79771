//! `plan --sql` against what servers log, or get: what a migration sends to PROD is what was printed.

use std::collections::BTreeSet;

use redistrict_testkit::closed_set::outside_of_cypher;
use redistrict_testkit::neo4j::Neo4jPair;
use redistrict_testkit::postgres::{TestServer, execute, query};
use redistrict_testkit::recorder::{Recorder, Sent};

use crate::environment::Environment;

/// Keys of one column and of several, of a type that is compared as text, none at all, partitions; values
/// that may be too large, or out of range.
const TABLES: &str = r#"
    create type mood as enum ('good', 'bad');
    create table districts (id int primary key);
    create table tags (mood mood primary key, weight numeric);
    create table schools (
      id int primary key, district int not null references districts, mood mood references tags,
      note text, opened timestamptz);
    create table "Class ""A""" (school int references schools, number int, primary key (school, number));
    create table marks (
      school int, number int, mark numeric(3, 1),
      foreign key (school, number) references "Class ""A""");
    create table days (school int not null references schools, day int not null) partition by range (day);
    create table days_1 partition of days for values from (0) to (10);
    create table days_2 partition of days for values from (10) to (20);
    create table days_rest partition of days default;
    create table empty (id int primary key, school int references schools);
"#;
const ROWS: &str = r#"
    insert into districts values (1), (2);
    insert into tags values ('good', 1.50), ('bad', 2);
    insert into schools select g, 1 + g % 2, 'good', 'canary' || g, now() from generate_series(1, 10) as g;
    insert into "Class ""A""" select g, 7 from generate_series(1, 10) as g;
    insert into marks select 1 + g % 10, 7, 1.5 from generate_series(1, 40) as g;
    insert into days select 1 + g % 10, g % 20 from generate_series(1, 40) as g;
"#;
const CONFIGURATION: &str = r#"
[tenant]
root = "db.districts"
key = "id"
[store.db]
kind = "postgres"
source = { env = "DB_PROD_URL" }
target = { env = "DB_CERT_URL" }
[column."db.schools.note"]
mask = "keep"
public = true
reason = "made up"
"#;

/// A server of its own that logs what our sessions on PROD are sent.
struct World {
    server: TestServer,
    prod: String,
    cert: String,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::launch_private().unwrap();
        let (prod, cert) = (
            server.create_database().await,
            server.create_database().await,
        );
        execute(&prod, &format!("{TABLES}{ROWS}")).await.unwrap();
        execute(&cert, TABLES).await.unwrap();
        for sql in [
            "alter system set log_line_prefix = '@@%a %d@@'",
            "alter system set log_parameter_max_length = 0",
            "alter system set log_statement = 'all'",
            "select pg_reload_conf()",
        ] {
            query(server.url(), sql).await.unwrap();
        }
        Self { server, prod, cert }
    }

    /// An environment without any analysis.
    fn environment(&self) -> Environment {
        let mut environment = Environment::new();
        environment.set("DB_PROD_URL", &self.prod);
        environment.set("DB_CERT_URL", &self.cert);
        environment.write("redistrict.toml", CONFIGURATION);
        environment
    }

    /// What our sessions on PROD were sent since the log had so many bytes, white space folded.
    async fn logged(&self, since: usize) -> BTreeSet<String> {
        let log = self.log().await;
        let ours = format!(
            "@@redistrict/probe/0 {}@@",
            self.prod.rsplit('/').next().unwrap()
        );
        let mut statements = BTreeSet::new();
        for entry in log[since..].split("\n@@").map(|entry| format!("@@{entry}")) {
            let Some(message) = entry.strip_prefix(&ours) else {
                continue;
            };
            // `LOG:  execute <unnamed>: select …` or `LOG:  statement: begin`.
            // What the server says of a connection is none.
            let sent = ["execute ", "statement", "fastpath"];
            let Some((_, text)) = message
                .strip_prefix("LOG:  ")
                .filter(|message| sent.iter().any(|one| message.starts_with(one)))
                .and_then(|message| message.split_once(": "))
            else {
                continue;
            };
            let text = folded(text);
            // The name of a snapshot is the server's.
            let joins = "set transaction snapshot '";
            statements.insert(if text.starts_with(joins) {
                format!("{joins}…'")
            } else {
                text
            });
        }
        statements
    }

    async fn log(&self) -> String {
        let directory = self.server.socket_directory().unwrap().display();
        let sql = format!("select pg_read_file('{directory}/server.log')");
        let rows = query(self.server.url(), &sql).await.unwrap();
        rows[0][0].clone().unwrap()
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is printed: what is sent in any case, and what only an analysis sends. Not what is sent where rows stay behind.
fn printed(environment: &Environment) -> (BTreeSet<String>, BTreeSet<String>) {
    let (list, code) = environment.json(&["plan", "1", "--sql"]);
    assert_eq!(code, 0, "{list:#}");
    let all = list["stores"][0]["statements"].as_array().unwrap();
    let text = |one: &serde_json::Value| folded(one["statement"].as_str().unwrap());
    let purposes = all.iter().map(|one| one["purpose"].as_str().unwrap());
    assert!(purposes.clone().all(|purpose| !purpose.is_empty()));
    let (left, all): (Vec<_>, Vec<_>) = all.iter().partition(|one| {
        let only_if = one["only_if"].as_str();
        only_if.is_some_and(|text| text.starts_with("more rows"))
    });
    assert!(left.iter().all(|one| !text(one).contains("canary")));
    let (always, only_if): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|one| one["only_if"].is_null());
    (
        always.into_iter().map(text).collect(),
        only_if.into_iter().map(text).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_sends_to_prod_what_was_printed_and_nothing_else() {
    let world = World::new().await;
    let environment = world.environment();
    environment.must(&["enroll", "--name", "test"]);

    let start = world.log().await.len();
    let (always, only_if) = printed(&environment);
    let told = world.logged(start).await;
    assert!(
        told.iter().all(|one| !one.starts_with("copy")),
        "no row is read"
    );
    assert!(always.iter().any(|one| one.starts_with("copy")));
    assert!(!only_if.is_empty());
    assert!(
        always
            .iter()
            .chain(&only_if)
            .all(|one| !one.contains("canary"))
    );

    let start = world.log().await.len();
    environment.must(&["migrate", "1"]);
    let logged = world.logged(start).await;
    let not_printed: Vec<_> = logged.difference(&always).collect();
    let not_sent: Vec<_> = always.difference(&logged).collect();
    assert!(
        not_printed.is_empty(),
        "sent, not printed: {not_printed:#?}"
    );
    assert!(not_sent.is_empty(), "printed, not sent: {not_sent:#?}");

    // Where there is no analysis yet, what it takes is sent too.
    let fresh = world.environment();
    let start = world.log().await.len();
    fresh.must(&["migrate", "2", "--dry-run"]);
    let logged = world.logged(start).await;
    let all: BTreeSet<String> = always.union(&only_if).cloned().collect();
    let not_printed: Vec<_> = logged.difference(&all).collect();
    let not_sent: Vec<_> = only_if.difference(&logged).collect();
    assert!(
        not_printed.is_empty(),
        "sent, not printed: {not_printed:#?}"
    );
    assert!(not_sent.is_empty(), "printed, not sent: {not_sent:#?}");

    let text = environment.must(&["plan", "1", "--sql"]).out;
    assert!(
        text.contains("-- the rows of the district with these keys, whole"),
        "{text}"
    );
}

const GRAPH: [&str; 6] = [
    "create constraint for (n:District) require n.id is unique",
    "create constraint for (n:School) require n.id is unique",
    "create constraint for (n:Class) require (n.school, n.number) is unique",
    "create constraint for ()-[r:OF]-() require r.id is unique",
    "unwind range(1, 2) as i create (:District {id: i})",
    "match (d:District) unwind range(1, 5) as i create (:School {id: 10 * d.id + i, note: 'canary'})-[:OF {id: \
     10 * d.id + i}]->(d)",
];
const CLASSES: &str =
    "match (s:School) create (:Class {school: s.id, number: 1})-[:IN]->(s)-[:NEAR {far: 1}]->(s)";
const OF_GRAPH: &str = r#"
[tenant]
root = "graph.node.District"
key = "id"
[store.graph]
kind = "neo4j"
source = { env = "GRAPH_PROD_URL" }
target = { env = "GRAPH_CERT_URL" }
[[link]]
from = "graph.rel.OF(:end)"
to = "graph.node.District(id)"
[column."graph.node.School.note"]
mask = "keep"
public = true
reason = "made up"
"#;

/// What a server of the protocol in between saw since it was asked last, white space folded: Community logs
/// no queries. All of it is in the closed set.
fn taken(recorder: &Recorder) -> BTreeSet<String> {
    let sent = recorder.take_bolt();
    let outside: Vec<String> = sent.iter().filter_map(outside_of_cypher).collect();
    assert!(outside.is_empty(), "{outside:#?}");
    let text = |sent: Sent| match sent {
        Sent::Statement(text) => Some(folded(&text)),
        _ => None,
    };
    sent.into_iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_graph_runs_on_prod_what_was_printed_and_nothing_else() {
    let graphs = Neo4jPair::take().await;
    let (prod, cert) = (&graphs.prod, &graphs.cert);
    let between = Recorder::before(prod.url()).unwrap();
    let through = between.url(prod.url());
    for statement in GRAPH.iter().take(4) {
        prod.run(statement).await;
        cert.run(statement).await;
    }
    for statement in GRAPH.iter().skip(4).chain([&CLASSES]) {
        prod.run(statement).await;
    }
    let mut environment = Environment::new();
    environment.set("GRAPH_PROD_URL", &through);
    environment.set("GRAPH_CERT_URL", cert.url());
    environment.write("redistrict.toml", OF_GRAPH);
    environment.must(&["enroll", "--name", "test"]);

    let (always, only_if) = printed(&environment);
    assert!(
        always
            .iter()
            .chain(&only_if)
            .all(|one| !one.contains("canary"))
    );
    taken(&between);
    environment.must(&["migrate", "1"]);
    let logged = taken(&between);
    let not_printed: Vec<_> = logged.difference(&always).collect();
    let not_sent: Vec<_> = always.difference(&logged).collect();
    assert!(
        not_printed.is_empty(),
        "sent, not printed: {not_printed:#?}"
    );
    assert!(not_sent.is_empty(), "printed, not sent: {not_sent:#?}");
}
