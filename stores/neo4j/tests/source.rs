//! Catalog, cut and probe of a graph, on a real server.

use redistrict_model::{ColumnType, Key, Severity};
use redistrict_store::{RowRequest, SourceStore as _, StoreErrorKind, UnfitReason};
use redistrict_testkit::neo4j::{Neo4jPair, Parameters, ValueSend};

use crate::support::{all_rows, cut, name, source, strings, table, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalog_is_derived_from_constraints_and_from_what_is_there() {
    let pair = world().await;
    let catalog = source(&pair.prod).catalog().await.unwrap();
    let names: Vec<String> = catalog
        .tables
        .iter()
        .map(|one| one.name.to_string())
        .collect();
    let expected = [
        "sp.node.\"Club\"",
        "sp.node.\"Section\"",
        "sp.node.\"Staff\"",
        "sp.node.\"Student\"",
        "sp.rel.\"HAS_BADGE\"",
        "sp.rel.\"IN\"",
        "sp.rel.\"KNOWS\"",
    ];
    assert_eq!(names, expected);
    let student = table(&catalog, "node", "Student");
    assert_eq!(student.primary_key, Some(strings(&["id"])));
    assert_eq!(
        student.uniques.len(),
        1,
        "the mail is unique where it is there"
    );
    assert_eq!(student.estimated_rows, Some(3));
    let columns: Vec<_> = student
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.column_type, c.nullable))
        .collect();
    assert_eq!(
        columns,
        [
            ("born", ColumnType::Date, true),
            ("id", ColumnType::Int64, false),
            ("mail", ColumnType::Text, true),
            ("name", ColumnType::Text, true),
            (":labels", ColumnType::Array, false),
            (":other", ColumnType::Verbatim, true),
        ]
    );
    let club = table(&catalog, "node", "Club");
    assert_eq!((club.identity(), club.estimated_rows), (None, Some(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ends_of_relationships_are_references_by_label_and_key() {
    let pair = world().await;
    let catalog = source(&pair.prod).catalog().await.unwrap();
    let inside = table(&catalog, "rel", "IN");
    assert_eq!(inside.identity(), None);
    let keys: Vec<_> = inside
        .foreign_keys
        .iter()
        .map(|key| {
            (
                key.name.as_str(),
                key.columns.join(","),
                key.parent.to_string(),
                key.when.clone(),
            )
        })
        .collect();
    let when = |column: &str, label: &str| vec![(column.to_owned(), strings(&[label]))];
    assert_eq!(
        keys,
        [
            (
                "start→Staff",
                ":start".to_owned(),
                "sp.node.\"Staff\"".to_owned(),
                when(":start_label", "Staff")
            ),
            (
                "start→Student",
                ":start".to_owned(),
                "sp.node.\"Student\"".to_owned(),
                when(":start_label", "Student")
            ),
            (
                "end→Section",
                ":end,:end2".to_owned(),
                "sp.node.\"Section\"".to_owned(),
                Vec::new()
            ),
        ]
    );
    let of = |column: &str| inside.column(column).unwrap().column_type;
    assert_eq!(
        [of(":start"), of(":end"), of(":end2")],
        [ColumnType::Text, ColumnType::Text, ColumnType::Int64]
    );
    let badge = table(&catalog, "rel", "HAS_BADGE");
    assert_eq!(badge.primary_key, Some(strings(&["number"])));
    assert_eq!(
        badge.column(":start").unwrap().column_type,
        ColumnType::Int64
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schemas_of_a_graph_are_its_nodes_and_its_relationships() {
    let pair = world().await;
    let nodes = redistrict_neo4j::Neo4jSource::connect_lazy(
        redistrict_model::StoreName::new("sp"),
        pair.prod.url().to_owned(),
        strings(&["node"]),
    );
    assert_eq!(nodes.catalog().await.unwrap().tables.len(), 4);
    let other = redistrict_neo4j::Neo4jSource::connect_lazy(
        redistrict_model::StoreName::new("sp"),
        pair.prod.url().to_owned(),
        strings(&["public"]),
    );
    assert_eq!(
        other.catalog().await.unwrap_err().kind,
        StoreErrorKind::Config
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_up_after_the_analysis_stops_the_run_by_name() {
    let pair = world().await;
    let (catalog, mut cut) = cut(&pair.prod).await;
    pair.prod
        .run("match (n:Student {id: 7}) set n.secret = 1")
        .await;
    let error = all_rows(cut.as_mut(), &table(&catalog, "node", "Student"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    assert!(error.to_string().contains("secret"), "{error}");
    pair.prod
        .run("match (n:Student {id: 7}) remove n.secret set n.name = 5")
        .await;
    let error = all_rows(cut.as_mut(), &table(&catalog, "node", "Student"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    assert!(error.to_string().contains("name"), "{error}");
    pair.prod
        .run("match (n:Club {name: 'chess'}) match (s:Student {id: 7}) create (n)-[:KNOWS]->(s)")
        .await;
    let error = all_rows(cut.as_mut(), &table(&catalog, "rel", "KNOWS"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    // The open cut holds the schema as it is.
    drop(cut);
    pair.prod.run("drop constraint student").await;
    let error = source(&pair.prod)
        .open_cut(&catalog.tables)
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, StoreErrorKind::Config);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_tells_what_others_committed_meanwhile() {
    let pair = world().await;
    let (_, mut quiet) = cut(&pair.prod).await;
    assert_eq!(quiet.count(&name("node", "Staff")).await.unwrap(), 2);
    assert_eq!(quiet.settle().await.unwrap(), None);
    let lost = quiet.count(&name("node", "Staff")).await.unwrap_err();
    assert_eq!(lost.kind, StoreErrorKind::Transient);
    let (_, mut busy) = cut(&pair.prod).await;
    assert!(
        busy.cut().snapshot.starts_with("transaction "),
        "{}",
        busy.cut().snapshot
    );
    assert!(busy.cut().at.ends_with('Z'));
    for _ in 0..3 {
        pair.prod.run("create (:Club)").await;
    }
    let finding = busy.settle().await.unwrap().unwrap();
    assert_eq!((finding.severity, finding.count), (Severity::Warning, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_tells_databases_apart_and_names_what_cannot_be_moved() {
    let pair = world().await;
    let prod = source(&pair.prod).probe().await.unwrap();
    assert_eq!(
        prod.fingerprint,
        source(&pair.prod).probe().await.unwrap().fingerprint
    );
    assert_ne!(
        prod.fingerprint,
        source(&pair.cert).probe().await.unwrap().fingerprint
    );
    assert!(prod.version.starts_with("Neo4j 5."), "{}", prod.version);
    assert!(
        prod.findings
            .iter()
            .all(|one| one.severity == Severity::Info),
        "{:?}",
        prod.findings
    );
    pair.prod
        .run("create (n {x: 1})-[:LOOSE]->(:Club), (:Odd {`:labels`: 1, `:start`: 2})")
        .await;
    let findings = source(&pair.prod).probe().await.unwrap().findings;
    let errors: Vec<(&str, &str)> = findings
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| (one.code.as_str(), one.subject.as_str()))
        .collect();
    assert_eq!(
        errors,
        [
            ("node-without-label", "sp.node.\"\""),
            ("end-without-key", "sp.rel.\"LOOSE\""),
            ("end-without-key", "sp.rel.\"LOOSE\""),
            ("reserved-name", "sp.node.\"Odd\""),
            ("reserved-name", "sp.node.\"Odd\""),
        ]
    );
    let catalog = source(&pair.prod).catalog().await.unwrap();
    assert_eq!(
        table(&catalog, "rel", "LOOSE")
            .column(":start")
            .unwrap()
            .column_type,
        ColumnType::Other
    );
    assert_eq!(
        table(&catalog, "node", "Odd")
            .column(":labels")
            .unwrap()
            .column_type,
        ColumnType::Other
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_cannot_travel_are_counted_and_refused() {
    let pair = Neo4jPair::take().await;
    pair.prod
        .run("create constraint t for (n:T) require n.id is unique")
        .await;
    pair.prod
        .run("create (:T {id: 1, d: date('+5881580-07-12'), v: 'x'}), (:T {id: 2, d: date('-999999999-01-01')}), (:T {id: 3, d: date('2024-01-01'), v: 'y'})")
        .await;
    let long = |bytes: usize| {
        let text = ValueSend::String("é".repeat(bytes / 2));
        Parameters::from([("v".to_owned(), text)])
    };
    pair.prod
        .query("create (:T {id: 4, v: $v})", long((32 << 20) + 2))
        .await;
    let (catalog, mut cut) = cut(&pair.prod).await;
    let entry = table(&catalog, "node", "T");
    let request = |ids: &[&str]| RowRequest {
        table: entry.name.clone(),
        columns: strings(&["id", "d", "v"]),
        identity: strings(&["id"]),
        keys: ids.iter().copied().map(Key::of).collect(),
    };
    let mut unfit = cut.unfit(&request(&["1", "2", "3", "4"])).await.unwrap();
    unfit.sort_by(|a, b| a.column.cmp(&b.column));
    let told: Vec<_> = unfit
        .iter()
        .map(|one| (one.column.as_str(), one.reason, one.rows))
        .collect();
    assert_eq!(
        told,
        [
            ("d", UnfitReason::OutOfRange, 2),
            ("v", UnfitReason::TooLarge, 1)
        ]
    );
    assert!(cut.unfit(&request(&["3"])).await.unwrap().is_empty());
    for id in ["1", "4"] {
        let request = request(&[id]);
        let rows = cut.rows(&request).await.unwrap();
        let refused: Result<Vec<_>, _> = futures::TryStreamExt::try_collect(rows).await;
        assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Data);
    }
}
