//! The demo on real servers: its journey, what it leaves alone, and how it refuses.

use std::net::TcpListener;

use redistrict_testkit::neo4j::Neo4jPair;
use redistrict_testkit::postgres::{RoleKind, TestServer, execute, query, with_client};

use crate::environment::{Ended, Environment};

const POSTGRES: &str = "REDISTRICT_DEMO_POSTGRES";
const PROD: &str = "REDISTRICT_DEMO_NEO4J_PROD";
const CERT: &str = "REDISTRICT_DEMO_NEO4J_CERT";
const DEMO: [&str; 4] = ["demo", "--servers", "--students", "12"];
/// Enough to see that places were made, without a migration.
const MAKE: [&str; 5] = ["demo", "--servers", "--students", "12", "--prepare-only"];

/// A cluster of the test's own, because the demo's databases have fixed names, and a pair of graphs.
struct Servers {
    postgres: TestServer,
    graphs: Neo4jPair,
    environment: Environment,
}

impl Servers {
    async fn take() -> Self {
        let postgres = TestServer::launch_private().unwrap();
        let graphs = Neo4jPair::take().await;
        let mut environment = Environment::new();
        environment.set(POSTGRES, postgres.url());
        environment.set(PROD, graphs.prod.url());
        environment.set(CERT, graphs.cert.url());
        Self {
            postgres,
            graphs,
            environment,
        }
    }

    /// The URL of a database, as the superuser.
    fn database(&self, name: &str) -> String {
        let url = self.postgres.url();
        format!("{}/{name}", url.rsplit_once('/').unwrap().0)
    }

    async fn number(&self, database: &str, sql: &str) -> u64 {
        let rows = query(&self.database(database), sql).await.unwrap();
        rows[0][0].as_ref().unwrap().parse().unwrap()
    }

    async fn demo_databases(&self) -> u64 {
        let sql = "select count(*) from pg_database where datname like 'redistrict\\_demo%'";
        self.number("postgres", sql).await
    }

    /// District 2 in CERT: its schools in `ids`, its node in the graph.
    async fn arrived(&self) -> (u64, i64) {
        let schools = "select count(*) from schools where district_id = 2";
        let schools = self.number("redistrict_demo_cert_ids", schools).await;
        let node = "match (d:District {district_id: 2}) return count(d)";
        (schools, self.graphs.cert.count(node).await)
    }

    /// Runs the demo, which has to refuse with this code, these words and nothing secret.
    fn refuses(&self, code: i32, words: &[&str]) {
        let ended = self.environment.run(&MAKE);
        check_refusal(&ended, code, words);
        assert!(!self.environment.path("redistrict-demo").exists());
    }
}

fn check_refusal(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, code, "{}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{word}\n{}", ended.err);
    }
    assert!(!ended.err.contains("://postgres:"), "{}", ended.err);
    assert!(!ended.err.contains("s3cret"), "{}", ended.err);
}

fn after<'a>(text: &'a str, prefix: &str) -> &'a str {
    let at = text.find(prefix);
    let at = at.unwrap_or_else(|| panic!("no {prefix} in\n{text}"));
    text[at + prefix.len()..].split_whitespace().next().unwrap()
}

/// The role that a URL names.
fn user(url: &str) -> &str {
    let login = url.trim_start_matches("postgres://");
    login.split_once(':').unwrap().0
}

/// The printed command, without its program.
fn undo(demo: &Ended) -> Vec<String> {
    let mut lines = demo.err.lines();
    let command = lines.find_map(|line| line.split_once("redistrict rollback "));
    let rest = command.unwrap().1.split_whitespace();
    std::iter::once("rollback")
        .chain(rest)
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_on_servers_migrates_and_is_undone_and_made_again_beside_what_is_not_its_own() {
    let mut servers = Servers::take().await;
    let admin = servers.postgres.url().to_owned();
    execute(&admin, "create database redistrict_demo")
        .await
        .unwrap();
    let mine = servers.database("redistrict_demo");
    execute(&mine, "create table precious (id int)")
        .await
        .unwrap();
    // All that the role has to be allowed.
    let role = servers.postgres.create_role(&admin, RoleKind::Plain).await;
    execute(&admin, &format!("alter role {} createdb", user(&role)))
        .await
        .unwrap();
    servers.environment.set(POSTGRES, &role);

    let demo = servers.environment.must(&DEMO);
    for line in ["- Validated: PASSED", "CERT is ready for testing!"] {
        assert!(demo.out.contains(line), "{line}\n{}", demo.out);
    }
    for line in ["redistrict_demo_cert_…", "are untouched"] {
        assert!(demo.err.contains(line), "{line}\n{}", demo.err);
    }
    let (schools, node) = servers.arrived().await;
    assert!(schools > 0 && node == 1, "{schools} {node}");

    // The undo needs none of the variables.
    for variable in [POSTGRES, PROD, CERT] {
        servers.environment.set(variable, "");
    }
    let command = undo(&demo);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let undone = servers.environment.must(&words);
    assert_eq!(
        after(&undone.err, "CERT digest: "),
        after(&demo.err, "CERT digest before: ")
    );
    assert_eq!(servers.arrived().await, (0, 0));

    servers.environment.set(POSTGRES, &role);
    servers.environment.set(PROD, servers.graphs.prod.url());
    servers.environment.set(CERT, servers.graphs.cert.url());
    let held = servers.database("redistrict_demo_prod_ids");
    let refused = with_client(&held, async |_| Ok(servers.environment.run(&MAKE)));
    let refused = refused.await.unwrap();
    check_refusal(&refused, 11, &["redistrict_demo_prod_ids", "connected"]);
    let other = servers.postgres.create_role(&admin, RoleKind::Plain).await;
    execute(&admin, &format!("alter role {} createdb", user(&other)))
        .await
        .unwrap();
    servers.environment.set(POSTGRES, &other);
    let refused = servers.environment.run(&MAKE);
    check_refusal(&refused, 4, &["redistrict_demo_prod_ids", "another role"]);
    servers.environment.set(POSTGRES, &role);

    let again = servers.environment.must(&DEMO);
    assert!(again.out.contains("Status: SUCCESS"), "{}", again.out);
    let (schools, node) = servers.arrived().await;
    assert!(schools > 0 && node == 1, "{schools} {node}");
    assert_eq!(servers.demo_databases().await, 9);
    assert_eq!(
        servers
            .number("redistrict_demo", "select count(*) from precious")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_changes_nothing_where_one_of_its_places_is_not_its_own() {
    let mut servers = Servers::take().await;
    let admin = servers.postgres.url().to_owned();
    let name = "redistrict_demo_cert_hcp1";
    execute(&admin, &format!("create database {name}"))
        .await
        .unwrap();
    let database = servers.database(name);
    execute(&database, "create table precious (id int)")
        .await
        .unwrap();
    servers.refuses(3, &[name, "not made by a demo"]);
    assert_eq!(servers.demo_databases().await, 1);
    assert_eq!(
        servers.number(name, "select count(*) from precious").await,
        0
    );
    execute(&admin, &format!("drop database {name}"))
        .await
        .unwrap();

    let cert = servers.graphs.cert.clone();
    for (make, take_away) in [
        ("create (:Precious {id: 1})", "match (n) delete n"),
        (
            "create constraint mine for (n:Precious) require n.id is unique",
            "drop constraint mine",
        ),
    ] {
        cert.run(make).await;
        servers.refuses(3, &["the graph of CERT", "not made by a demo"]);
        cert.run(take_away).await;
    }
    servers.environment.set(PROD, cert.url());
    servers.refuses(3, &[PROD, CERT, "the same graph"]);

    let lock = "select pg_advisory_lock(x'7265646973747269'::bigint)";
    servers.environment.set(PROD, servers.graphs.prod.url());
    let refused = with_client(&admin, async |client| {
        client.batch_execute(lock).await?;
        Ok(servers.environment.run(&MAKE))
    });
    check_refusal(&refused.await.unwrap(), 11, &["another demo"]);
    assert_eq!(servers.demo_databases().await, 0);
    let nodes = "match (n) return count(n)";
    assert_eq!(servers.graphs.prod.count(nodes).await, 0);
    assert_eq!(cert.count(nodes).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_says_what_to_do_where_the_servers_cannot_be_had() {
    let mut servers = Servers::take().await;
    let admin = servers.postgres.url().to_owned();
    let (prod, cert) = (
        servers.graphs.prod.url().to_owned(),
        servers.graphs.cert.url().to_owned(),
    );
    let up = "cargo xtask servers up";

    servers.environment.set(POSTGRES, "");
    servers.environment.set(CERT, "");
    let exports = [
        "export REDISTRICT_DEMO_POSTGRES=",
        "export REDISTRICT_DEMO_NEO4J_CERT=",
        up,
    ];
    servers.refuses(4, &exports);

    servers.environment.set(CERT, &cert);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let closed = closed.unwrap();
    let plain = servers.postgres.create_role(&admin, RoleKind::Plain).await;
    let wrong = admin.replace(":postgres@", ":s3cret@");
    for (url, code, words) in [
        (format!("postgres://u:s3cret@{closed}/d"), 8, ["reach", up]),
        (wrong, 4, ["check user and password", POSTGRES]),
        (
            servers.database("nothing_there"),
            3,
            ["3D000", "names a database that is not there"],
        ),
        (plain, 4, ["create databases", "createdb"]),
        (
            "postgres://u:s3cret@db.example/d".to_owned(),
            3,
            ["another machine", POSTGRES],
        ),
        (
            "host=127.0.0.1 password=s3cret".to_owned(),
            3,
            ["read the URL", "postgres://USER:PASSWORD@"],
        ),
    ] {
        servers.environment.set(POSTGRES, &url);
        servers.refuses(code, &words);
    }

    servers.environment.set(POSTGRES, &admin);
    let (login, address) = prod.rsplit_once('@').unwrap();
    let user = login.rsplit_once(':').unwrap().0;
    for (url, code, words) in [
        (
            format!("bolt://u:s3cret@{closed}"),
            8,
            ["no Bolt server", up],
        ),
        (format!("{user}:s3cret@{address}"), 4, ["password", PROD]),
    ] {
        servers.environment.set(PROD, &url);
        servers.refuses(code, &words);
    }
    assert_eq!(servers.demo_databases().await, 0);
}
