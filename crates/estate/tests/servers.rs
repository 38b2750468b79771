//! The writers for PostgreSQL and the graph, on real servers: what is there afterwards is what was
//! generated, whether it was held or streamed.

use std::collections::BTreeMap;

use redistrict_estate::{
    Databases, Estate, EstateKind, GraphTable, StoreId, StoreKinds, TABLES, TableSpec,
};
use redistrict_testkit::neo4j::{Graph, Neo4jPair, ValueReceive};
use redistrict_testkit::postgres::TestServer;

use crate::with_transfers;

/// In all kinds the same: those that print differently are left to the tests of the stores.
const PLAIN: [&str; 6] = [
    "ids.accounts",
    "ids.schools",
    "ids.audit_log",
    "hcp2.usage_events",
    "adb.test_takers",
    "sp.knows",
];

async fn databases(graph: Option<&str>) -> Databases {
    let server = TestServer::start();
    let mut urls = Vec::new();
    for _ in StoreId::ALL {
        urls.push(server.create_database().await);
    }
    let mut kinds = StoreKinds::postgres();
    if let Some(url) = graph {
        kinds = StoreKinds::postgres_and_graph();
        url.clone_into(&mut urls[4]);
    }
    Databases::new(kinds, urls.try_into().unwrap())
}

fn count(rows: usize) -> String {
    rows.to_string()
}

async fn check_tables(databases: &Databases, estate: &Estate) {
    let server = TestServer::start();
    for rows in &estate.tables {
        if databases.kinds().of(rows.table.store) != EstateKind::Postgres {
            continue;
        }
        let url = databases.url(rows.table.store);
        let (name, full_name) = (rows.table.name, rows.table.full_name());
        let sql = format!("select count(*) from {name}");
        assert_eq!(
            server.scalar(url, &sql).await,
            count(rows.rows.len()),
            "{full_name}"
        );
        if PLAIN.contains(&full_name.as_str()) {
            check_rows(databases, rows.table, estate).await;
        }
    }
}

/// Row by row: everything but JSON, which is printed in another way.
async fn check_rows(databases: &Databases, table: &TableSpec, estate: &Estate) {
    let is_plain = |column: &&&str| !column.ends_with("_values") && !column.ends_with("_at");
    let columns: Vec<&str> = table.columns.iter().filter(is_plain).copied().collect();
    // The server prints dates as its settings say.
    let text = |column: &&str| match *column {
        "birth_date" | "since" => format!("to_char({column}, 'YYYY-MM-DD')"),
        _ => format!("case when {column} is not null then format('%s', {column}) end"),
    };
    let select: Vec<String> = columns.iter().map(text).collect();
    let sql = format!("select {} from {}", select.join(", "), table.name);
    let url = databases.url(table.store);
    let mut found = TestServer::start().query(url, &sql).await;
    let rows = estate.table(table.store, table.name).unwrap();
    let cells = |row: &Vec<redistrict_estate::Value>| -> Vec<Option<String>> {
        columns
            .iter()
            .map(|column| row[table.index(column)].text())
            .collect()
    };
    let mut wanted: Vec<_> = rows.rows.iter().map(cells).collect();
    found.sort();
    wanted.sort();
    let first = found
        .iter()
        .zip(&wanted)
        .find(|(found, wanted)| found != wanted);
    assert_eq!(first, None, "{}", table.full_name());
    assert_eq!(found.len(), wanted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_databases_of_postgresql_hold_every_row_held_or_streamed() {
    let estate = Estate::generate(with_transfers());
    let held = databases(None).await;
    held.write_estate(&estate).await.unwrap();
    check_tables(&held, &estate).await;
    let streamed = databases(None).await;
    streamed.write_schema().await.unwrap();
    streamed.write_rows(estate.options).await.unwrap();
    check_tables(&streamed, &estate).await;

    let server = TestServer::start();
    let url = streamed.url(StoreId::Ids);
    let partitions = "select count(distinct tableoid) from audit_log";
    assert!(server.scalar(url, partitions).await.parse::<u32>().unwrap() >= 8);
    let rest = "select count(*) from audit_log_rest";
    assert_eq!(server.scalar(url, rest).await, "0");
    let next = "insert into sessions (account_id, user_agent, started_at) select min(id), '', now() from accounts returning 1";
    assert_eq!(
        server.scalar(url, next).await,
        "1",
        "sequences are behind the keys"
    );
    let again = streamed.write_rows(estate.options).await.unwrap_err();
    let message = "write ids.states in postgres (sqlstate Some(\"23505\"))";
    assert_eq!(again.to_string(), message);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_stand_in_all_databases_of_postgresql() {
    let estate = Estate::generate(with_transfers());
    let databases = databases(None).await;
    databases.write_schema().await.unwrap();
    databases.write_cert_neighbours(&estate, 3).await.unwrap();
    for rows in estate.cert_neighbour_rows(3).unwrap() {
        let sql = format!("select count(*) from {}", rows.table.name);
        let url = databases.url(rows.table.store);
        let found = TestServer::start().scalar(url, &sql).await;
        assert_eq!(found, count(rows.rows.len()), "{}", rows.table.full_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_holds_every_node_and_relationship() {
    let pair = Neo4jPair::take().await;
    let estate = Estate::generate(with_transfers());
    let databases = databases(Some(pair.prod.url())).await;
    databases.write_estate(&estate).await.unwrap();
    check_graph(&pair.prod, &estate).await;
    pair.prod.empty().await;
    databases_again(&databases, &estate).await;
    check_graph(&pair.prod, &estate).await;
    check_values(&pair.prod, &estate).await;

    let cert = crate::servers::databases(Some(pair.cert.url())).await;
    cert.write_schema().await.unwrap();
    cert.write_cert_neighbours(&estate, 1).await.unwrap();
    let made = "match (n:Person) where n.person_id starts with '00000000' return count(n)";
    assert_eq!(pair.cert.count(made).await, 2);
}

/// SP only, streamed.
async fn databases_again(databases: &Databases, estate: &Estate) {
    let fresh = crate::servers::databases(Some(databases.url(StoreId::Sp))).await;
    fresh.write_schema().await.unwrap();
    fresh.write_rows(estate.options).await.unwrap();
}

async fn check_graph(graph: &Graph, estate: &Estate) {
    for table in TABLES.iter().filter(|table| table.store == StoreId::Sp) {
        let cypher = match table.graph.as_ref().unwrap() {
            GraphTable::Node { label, .. } => format!("match (n:`{label}`) return count(n)"),
            GraphTable::Relationship { kind, .. } => {
                format!("match ()-[r:`{kind}`]->() return count(r)")
            }
        };
        let rows = estate.row_counts()[&table.full_name()];
        let rows = i64::try_from(rows).unwrap();
        assert_eq!(graph.count(&cypher).await, rows, "{}", table.name);
    }
}

async fn check_values(graph: &Graph, estate: &Estate) {
    for (what, cypher) in [
        (
            "labels",
            "match (n:Person:Staff:Guardian) where n.staff_id is not null and n.guardian_id is not null return count(n)",
        ),
        (
            "no labels column",
            "match (n:Student) where n.labels is null and n.student_id is not null return count(n)",
        ),
        (
            "dates",
            "match (n:Student) where n.born_on > date('2004-01-01') return count(n)",
        ),
        (
            "self loops",
            "match (n)-[r:KNOWS]->(n) where r.since is null return count(r)",
        ),
        (
            "lists",
            "match (n:Student) where size(n.nicknames) = 2 return count(n)",
        ),
        (
            "ends",
            "match (:School)-[r:PART_OF]->(:District)-[:PART_OF]->(:State) return count(r)",
        ),
        (
            "parallel",
            "match (a)-[r:KNOWS]->(b), (a)-[s:KNOWS]->(b) where r.since < s.since return count(r)",
        ),
        (
            "equal",
            "match (a)-[r:KNOWS]->(b), (a)-[s:KNOWS]->(b) where r.since = s.since and elementId(r) < elementId(s) return count(r)",
        ),
    ] {
        assert!(graph.count(cypher).await > 0, "{what}");
    }
    let people = estate.table(StoreId::Sp, "people").unwrap();
    let wanted: BTreeMap<Option<String>, Option<String>> = people
        .rows
        .iter()
        .map(|row| {
            (
                row[0].text(),
                row[people.table.index("display_name")].text(),
            )
        })
        .collect();
    let cypher = "match (n:Person) return n.person_id, n.display_name";
    let found = graph.query(cypher, Default::default()).await;
    let text = |value: &ValueReceive| value.as_string().cloned();
    let found: BTreeMap<_, _> = found
        .iter()
        .map(|row| (text(&row[0]), text(&row[1])))
        .collect();
    assert_eq!(found, wanted);
}
