//! What the server's planner makes of our statements, and that it lets none of them write.

use redistrict_model::{Key, StoreName, Table, TableRef};
use redistrict_store::{Secret, SourceStore as _};
use redistrict_testkit::neo4j::{Neo4jPair, ValueSend};

use crate::bolt::{Access, Begin, Bolt, Parameters};
use crate::layout::Layout;
use crate::live::{LiveTables, Side};
use crate::lookup::Lookup;
use crate::reader;
use crate::source::Neo4jSource;
use crate::statement::{self, Naming, PROCEDURES};

const READ: std::time::Duration = std::time::Duration::from_secs(60);

/// The operators of the plan that the server makes.
async fn operators(url: &str, text: &str, parameters: Parameters) -> Vec<String> {
    let address = crate::url::parse(&Secret::new(url.to_owned())).unwrap();
    let text = format!("EXPLAIN {text}");
    let work = move || {
        let driver = crate::connect::driver(&address).unwrap();
        let config = neo4j::session::SessionConfig::new();
        let result = driver
            .session(config)
            .auto_commit(text)
            .with_parameters(parameters)
            .run();
        result.unwrap().summary.plan
    };
    let plan = tokio::task::spawn_blocking(work).await.unwrap();
    let mut names = Vec::new();
    let mut open: Vec<_> = plan.into_iter().collect();
    while let Some(plan) = open.pop() {
        names.push(plan.op_type.clone());
        open.extend(plan.children);
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_looked_up_by_the_index_of_their_constraint() {
    let pair = Neo4jPair::take().await;
    for statement in [
        "create constraint a for (n:A) require n.id is unique",
        "create constraint b for (n:B) require (n.x, n.y) is unique",
        "create constraint r for ()-[r:R]-() require r.id is unique",
        "create (:A {id: 1})-[:R {id: 1}]->(:B {x: 1, y: 'z'})",
    ] {
        pair.prod.run(statement).await;
    }
    let url = pair.prod.url().to_owned();
    let source = Neo4jSource::connect_lazy(StoreName::new("sp"), url.clone(), Vec::new());
    let tables: Vec<Table> = source.catalog().await.unwrap().tables;
    let bolt = Bolt::open(&Secret::new(url.clone())).await.unwrap();
    let mut transaction = bolt.begin(Begin::new(Access::Read, READ)).await.unwrap();
    let live = LiveTables::look_up(&mut transaction, &tables, Side::Source)
        .await
        .unwrap();
    let (node, relationship) = ("NodeUniqueIndexSeek", "DirectedRelationshipUniqueIndexSeek");
    for (schema, name, by, expected) in [
        ("node", "A", &["id"][..], node),
        ("node", "B", &["y", "x"], node),
        ("rel", "R", &["id"], relationship),
        ("rel", "R", &[":start"], node),
        ("rel", "R", &[":end", ":end2"], node),
    ] {
        let table = live
            .table(&TableRef::new(&StoreName::new("sp"), schema, name))
            .unwrap();
        let names: Vec<String> = by.iter().map(|one| (*one).to_owned()).collect();
        let by = table.columns(&names).unwrap();
        let layout = Layout::new(table, &live, &by);
        let fields = &layout.fields;
        let lookup = Lookup {
            table,
            constraints: &live.constraints,
            by: &by,
            fields,
        };
        let key = Key::new(names.iter().map(|_| "1"));
        let probes = lookup.probes(&[key]).unwrap();
        let [probe] = probes.as_slice() else {
            panic!("one statement, not {probes:?}")
        };
        assert!(!probe.is_loose);
        let mut texts = vec![(probe.text.clone(), probe.parameters.clone())];
        let row = (table, &live.constraints);
        let mut parameters = reader::parameters(table);
        parameters.insert("keys".to_owned(), ValueSend::List(Vec::new()));
        if !names[0].starts_with(':') {
            texts.push((
                statement::named(row, &Naming::Key(&by), fields),
                parameters.clone(),
            ));
        }
        for (text, parameters) in texts {
            let found = operators(&url, text.as_str(), parameters).await;
            assert!(
                found.iter().any(|one| one.starts_with(expected)),
                "{found:?} for {text:?}"
            );
            assert!(
                !found.iter().any(|one| one.contains("Scan")),
                "{found:?} for {text:?}"
            );
        }
        let named = statement::named(row, &Naming::Locator, fields);
        let found = operators(&url, named.as_str(), parameters).await;
        assert!(
            found.iter().any(|one| one.contains("ByElementIdSeek")),
            "{found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_mode_read_keeps_every_write_out() {
    let pair = Neo4jPair::take().await;
    pair.prod.run("create (:A {id: 1})").await;
    let bolt = Bolt::open(&Secret::new(pair.prod.url().to_owned()))
        .await
        .unwrap();
    for text in [
        "CREATE (:B)",
        "MATCH (n) SET n.x = 1",
        "MATCH (n) REMOVE n:A",
        "MATCH (n) DETACH DELETE n",
        "MERGE (:B)",
        "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.id IS UNIQUE",
        "CREATE INDEX FOR (n:A) ON (n.id)",
        "CALL db.createLabel('X')",
        "CALL db.createProperty('x')",
        "CALL { CREATE (:B) } IN TRANSACTIONS",
        "CREATE USER x SET PASSWORD 'long enough'",
        "MATCH (n) FOREACH (i IN [1] | CREATE (:B))",
    ] {
        let mut transaction = bolt.begin(Begin::new(Access::Read, READ)).await.unwrap();
        assert!(
            transaction.all(text, Parameters::new()).await.is_err(),
            "{text}"
        );
    }
    assert_eq!(pair.prod.count("match (n) return count(n)").await, 1);
    assert_eq!(
        pair.prod.count("match (n:A {id: 1}) return count(n)").await,
        1
    );
}

#[test]
fn only_procedures_of_the_list_are_called() {
    for text in [
        &statement::CONSTRAINTS,
        &statement::DATABASE,
        &statement::COMPONENTS,
        &statement::ROLES,
        &statement::CLOCK,
        &statement::NODE_PROPERTY_TYPES,
        &statement::RELATIONSHIP_PROPERTY_TYPES,
    ] {
        let called = text.as_str().split("CALL ").skip(1);
        for call in called {
            let name = call.split('(').next().unwrap_or_default();
            assert!(PROCEDURES.contains(&name), "{name}");
        }
    }
}
