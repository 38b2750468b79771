//! Writing nodes and relationships: exactly what was staged, in place, and nothing else.

use redistrict_store::{Action, StoreErrorKind, TargetStore as _};

use crate::world::{World, all_rows, claim, commit, dump, nodes, relationships};

const KEYS: [&str; 4] = [
    "create constraint pupil for (n:Pupil) require n.id is unique",
    "create constraint school for (n:School) require n.code is unique",
    "create constraint section for (n:Section) require (n.school, n.number) is unique",
    "create constraint enrolled for ()-[r:ENROLLED]-() require r.id is unique",
];

/// Pupils with labels and gaps, sections with a composite key, relationships of all shapes.
const GRAPH: &str = "create (a:Pupil:Gifted:`Odd``\\u005Cu0060 label` {id: 1, name: 'A', born: date('2010-02-03')}) \
     create (b:Pupil {id: 2, name: '\u{1F600} \\u005Cu0000', scores: [1.5, -0.0], at: point({x: 1, y: 2})}) \
     create (c:Pupil:Section {id: 3, seen: datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]'), `a b`: [true]}) \
     create (s:School {code: 'S-1'}) \
     create (x:Section {school: 'S-1', number: 7}) create (y:Section {school: 'S-1', number: 8, empty: []}) \
     create (a)-[:KNOWS {since: 2001}]->(b) create (a)-[:KNOWS {since: 2001}]->(b) create (a)-[:KNOWS]->(a) \
     create (b)-[:KNOWS {since: 2002, how: duration('P1M2DT3.000000004S')}]->(a) \
     create (a)-[:IN]->(x) create (b)-[:IN]->(s) create (c)-[:IN {from: localtime('08:00:00.000000001')}]->(y) \
     create (a)-[:ENROLLED {id: 'e1', grade: 3}]->(x) create (b)-[:ENROLLED {id: 'e2'}]->(y)";

fn all() -> Vec<redistrict_model::TableRef> {
    let mut all: Vec<_> = ["Pupil", "School", "Section"].map(nodes).to_vec();
    all.extend(["KNOWS", "IN", "ENROLLED"].map(relationships));
    all
}

#[tokio::test]
async fn a_graph_arrives_exactly_as_it_was() {
    let world = World::fresh(&KEYS).await;
    world.prod.run(GRAPH).await;
    world
        .cert
        .run("create (:Pupil {id: 99, name: 'other'})-[:KNOWS]->(:School {code: 'X'})")
        .await;
    let before = dump(&world.cert).await;
    world.copy("1", &all()).await;
    let mut expected = dump(&world.prod).await;
    expected.extend(before);
    expected.sort();
    assert_eq!(dump(&world.cert).await, expected);
}

#[tokio::test]
async fn names_that_look_like_statements_are_only_names() {
    let world = World::fresh(&[]).await;
    let label = "x`) detach delete n //\\u0060";
    let quoted = redistrict_testkit::neo4j::quoted_name(label);
    for graph in [&world.prod, &world.cert] {
        let key = format!("create constraint for (n:{quoted}) require n.{quoted} is unique");
        graph.run(&key).await;
    }
    world
        .prod
        .run(&format!(
            "create (a:{quoted}:`extra``}} label` {{{quoted}: 1, `$rows`: '`'}})-[:{quoted} {{{quoted}: 2}}]->(a)"
        ))
        .await;
    world.copy("1", &[nodes(label), relationships(label)]).await;
    assert_eq!(dump(&world.cert).await, dump(&world.prod).await);
    assert_eq!(dump(&world.cert).await.len(), 2);
}

#[tokio::test]
async fn an_update_is_in_place_and_keeps_what_it_does_not_name() {
    let world = World::fresh(&KEYS).await;
    world.prod.run(GRAPH).await;
    world
        .cert
        .run(
            "create (a:Pupil:Old:Gifted {id: 1, name: 'was', theirs: 5, scores: [1.0]}) \
             create (x:Section {school: 'S-1', number: 7}) create (:Section {school: 'S-1', number: 8}) \
             create (b:Pupil {id: 2}) \
             create (a)-[:THEIRS {w: 1}]->(:Elsewhere) \
             create (a)-[:ENROLLED {id: 'e1', theirs: 6, grade: 9}]->(x) \
             create (a)-[:ENROLLED {id: 'e2', theirs: 7}]->(x)",
        )
        .await;
    let id = "match (n:Pupil {id: 1}) return id(n)";
    let place = world.cert.count(id).await;
    let lease = claim(&world.target, "1", false).await;
    let (pupils, enrolled) = (nodes("Pupil"), relationships("ENROLLED"));
    let tables = world
        .stage(&lease, &[pupils.clone(), enrolled.clone()])
        .await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let there = merge.lock_staged(&pupils).await.unwrap();
    assert_eq!(there.len(), 2);
    merge.mark(&pupils, &there, Action::Update).await.unwrap();
    let there = merge.lock_staged(&enrolled).await.unwrap();
    merge.mark(&enrolled, &there, Action::Update).await.unwrap();
    let applied = merge
        .apply(&[enrolled.clone(), pupils.clone()])
        .await
        .unwrap();
    let counts: Vec<_> = applied
        .iter()
        .map(|one| (one.inserted, one.updated))
        .collect();
    assert_eq!(counts, [(0, 2), (1, 2)]);
    commit(merge, &lease).await;
    assert_eq!(world.cert.count(id).await, place);
    for (cypher, expected) in [
        (
            "match (n:Pupil:Gifted {id: 1, name: 'A', theirs: 5}) where n.scores is null return count(n)",
            1,
        ),
        ("match (n:Pupil:Old) return count(n)", 0),
        (
            "match (:Pupil {id: 1})-[r:THEIRS {w: 1}]->(:Elsewhere) return count(r)",
            1,
        ),
        (
            "match (:Pupil {id: 1})-[r:ENROLLED {id: 'e1', grade: 3, theirs: 6}]->({number: 7}) return count(r)",
            1,
        ),
        (
            "match (:Pupil {id: 2})-[r:ENROLLED {id: 'e2', theirs: 7}]->({number: 8}) return count(r)",
            1,
        ),
        ("match ()-[r:ENROLLED]->() return count(r)", 2),
    ] {
        assert_eq!(world.cert.count(cypher).await, expected, "{cypher}");
    }
}

#[tokio::test]
async fn a_relationship_without_its_ends_is_refused_with_the_number_of_rows() {
    let world = World::fresh(&KEYS).await;
    world.prod.run(GRAPH).await;
    world.cert.run("create (:Pupil {id: 1})").await;
    let lease = claim(&world.target, "1", false).await;
    let knows = relationships("KNOWS");
    let tables = world.stage(&lease, std::slice::from_ref(&knows)).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let error = merge.apply(std::slice::from_ref(&knows)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
    assert_eq!(error.table.as_ref(), Some(&knows));
    assert!(error.what.contains("3 rows"), "{error:?}");
    drop(merge);
    assert_eq!(
        world.cert.count("match ()-[r]->() return count(r)").await,
        0
    );
}

#[tokio::test]
async fn a_key_that_is_taken_is_a_constraint_error_without_values() {
    let world = World::fresh(&KEYS).await;
    world
        .prod
        .run("create (:Pupil {id: 4711, name: 'canary'})")
        .await;
    world
        .cert
        .run("create (:Pupil {id: 4711, name: 'canary'})")
        .await;
    let lease = claim(&world.target, "1", false).await;
    let pupils = nodes("Pupil");
    let tables = world.stage(&lease, std::slice::from_ref(&pupils)).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let error = merge
        .apply(std::slice::from_ref(&pupils))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("4711") && !shown.contains("canary"),
        "{shown}"
    );
    assert!(shown.contains("on Pupil"), "{shown}");
}

#[tokio::test]
async fn a_merge_reads_its_own_writes_and_leaves_none_when_dropped() {
    let world = World::fresh(&KEYS).await;
    world.prod.run(GRAPH).await;
    let before = dump(&world.cert).await;
    let lease = claim(&world.target, "1", false).await;
    let tables = world.stage(&lease, &all()).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    merge.apply(&all()).await.unwrap();
    for table in &tables {
        let keys = crate::world::all_keys(merge.as_mut(), table).await;
        let rows = all_rows(merge.as_mut(), table, keys).await;
        let written: usize = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
        let there: usize = world
            .rows(table)
            .await
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum();
        assert_eq!(written, there, "{}", table.name);
        if table.identity().is_some() {
            assert_eq!(rows, world.rows(table).await, "{}", table.name);
        }
    }
    drop(merge);
    assert_eq!(dump(&world.cert).await, before);
    let lease = claim(&world.target, "1", true).await;
    let merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    commit(merge, &lease).await;
    assert_eq!(dump(&world.cert).await, before);
}

/// Names that a statement made of texts would stumble over.
fn hostile_names() -> Vec<String> {
    let pieces = [
        "`",
        "``",
        "\\",
        "\\u0060",
        "\\u005Cu0060",
        "'",
        "\"",
        "\n",
        "}",
        "$rows",
        "//",
        "/*",
        " ",
        ":",
        ";",
        "\u{2019}",
        "\u{1F600}",
        "n",
        "`) detach delete n //",
    ];
    let mut names: Vec<String> = pieces.iter().map(|piece| format!("a{piece}")).collect();
    let pairs = pieces.iter().zip(pieces.iter().rev());
    names.extend(pairs.map(|(one, other)| format!("{one}{other}b")));
    names
}

#[tokio::test]
async fn hostile_labels_types_and_properties_move_exactly() {
    use redistrict_testkit::neo4j::quoted_name;
    let world = World::fresh(&[]).await;
    let names = hostile_names();
    let mut moved = Vec::new();
    for chunk in names.chunks(8) {
        let labels: Vec<String> = chunk.iter().map(|name| quoted_name(name)).collect();
        let sets: Vec<String> = labels
            .iter()
            .map(|name| format!("n.{name} = 'v'"))
            .collect();
        let (first, sets) = (&labels[0], sets.join(", "));
        for graph in [&world.prod, &world.cert] {
            graph
                .run(&format!(
                    "create constraint for (n:{first}) require n.{first} is unique"
                ))
                .await;
        }
        let more = labels[1..].join(":");
        world
            .prod
            .run(&format!("create (n:{first}:{more}) set {sets}"))
            .await;
        for kind in &labels[..2] {
            let cypher = format!("match (n:{first}) create (n)-[:{kind} {{{first}: 1}}]->(n)");
            world.prod.run(&cypher).await;
        }
        moved.push(nodes(&chunk[0]));
        moved.extend(chunk[..2].iter().map(|kind| relationships(kind)));
    }
    world.copy("1", &moved).await;
    assert_eq!(dump(&world.cert).await, dump(&world.prod).await);
    assert_eq!(dump(&world.cert).await.len(), 5 + 10);
}

#[tokio::test]
async fn a_label_that_only_the_target_constrains_takes_no_row_out_of_its_table() {
    let world = World::fresh(&KEYS).await;
    world
        .cert
        .run("create constraint member for (n:Member) require n.card is unique")
        .await;
    world
        .prod
        .run("create (:Pupil:Member {id: 1, card: 4711}) create (:Pupil:Member {id: 2}) create (:Pupil {id: 3, card: 5})")
        .await;
    let pupils = nodes("Pupil");
    let refused = |error: redistrict_store::StoreError| {
        assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
        assert_eq!(error.table.as_ref(), Some(&pupils));
        assert!(error.what.contains("1 of them would stand"), "{error:?}");
        assert!(!format!("{error:?}").contains("4711"), "{error:?}");
    };
    let lease = claim(&world.target, "1", false).await;
    let tables = world.stage(&lease, std::slice::from_ref(&pupils)).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    refused(
        merge
            .apply(std::slice::from_ref(&pupils))
            .await
            .unwrap_err(),
    );
    drop(merge);
    // The same for a row that is there and would be given the label.
    world.cert.run("create (:Pupil {id: 1})").await;
    let before = dump(&world.cert).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let there = merge.lock_staged(&pupils).await.unwrap();
    assert_eq!(there.len(), 1);
    merge.mark(&pupils, &there, Action::Update).await.unwrap();
    refused(
        merge
            .apply(std::slice::from_ref(&pupils))
            .await
            .unwrap_err(),
    );
    drop(merge);
    assert_eq!(dump(&world.cert).await, before);
}
