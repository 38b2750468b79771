//! Taking rows back: deletes that reach nothing of others, and before-images that restore everything, also
//! what has no column.

use redistrict_model::Key;
use redistrict_store::{Action, KeyRequest, Selector, StoreErrorKind, TargetStore as _};

use crate::world::{World, all_rows, claim, commit, dump, nodes, record, relationships};

const KEYS: [&str; 2] = [
    "create constraint pupil for (n:Pupil) require n.id is unique",
    "create constraint enrolled for ()-[r:ENROLLED]-() require r.id is unique",
];

#[tokio::test]
async fn before_images_restore_properties_labels_and_what_has_no_column() {
    let world = World::fresh(&KEYS).await;
    world
        .prod
        .run(
            "create (a:Pupil:New {id: 1, name: 'A', grade: 4}) create (b:Pupil {id: 2, name: 'B'}) \
             create (a)-[:ENROLLED {id: 'e', grade: 4}]->(b)",
        )
        .await;
    world
        .cert
        .run(
            "create (a:Pupil:Old:Kept {id: 1, name: 'was', `odd ``name`: datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]'), \
               spans: [duration('P1M-2DT0.5S')], raw: 1.0}) \
             create (b:Pupil:Old {id: 2, name: 'was too'}) \
             create (b)-[:ENROLLED {id: 'e', theirs: point({x: 1, y: -0.0})}]->(a) \
             create (b)-[:THEIRS]->(a)",
        )
        .await;
    let before = dump(&world.cert).await;
    let (pupils, enrolled) = (nodes("Pupil"), relationships("ENROLLED"));
    let all = [pupils.clone(), enrolled.clone()];

    let lease = claim(&world.target, "1", false).await;
    let tables = world.stage(&lease, &all).await;
    let find = |name: &redistrict_model::TableRef| {
        tables.iter().find(|table| table.name == *name).unwrap()
    };
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let mut images = Vec::new();
    for name in &all {
        let keys = merge.lock_staged(name).await.unwrap();
        images.push(all_rows(merge.as_mut(), find(name), keys.clone()).await);
        merge.mark(name, &keys, Action::Update).await.unwrap();
    }
    merge.apply(&all).await.unwrap();
    commit(merge, &lease).await;
    world.target.clear_staging(&lease).await.unwrap();
    world.target.release_lease(&lease).await.unwrap();
    let loaded = dump(&world.cert).await;
    assert_ne!(loaded, before);
    assert!(
        loaded
            .iter()
            .any(|line| line.contains("\"New\"") && line.contains("odd `name"))
    );

    let lease = claim(&world.target, "2", false).await;
    for (name, image) in all.iter().zip(images) {
        world
            .stage_batches(&lease, find(name), 0, image)
            .await
            .unwrap();
    }
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    for name in &all {
        let keys = merge.lock_staged(name).await.unwrap();
        merge.mark(name, &keys, Action::Update).await.unwrap();
    }
    merge.apply(&all).await.unwrap();
    commit(merge, &lease).await;
    assert_eq!(dump(&world.cert).await, before);
}

#[tokio::test]
async fn a_node_with_relationships_of_others_is_not_deleted() {
    let world = World::fresh(&KEYS).await;
    world
        .prod
        .run("create (:Pupil {id: 1})-[:ENROLLED {id: 'e'}]->(:Pupil {id: 2})")
        .await;
    let (pupils, enrolled) = (nodes("Pupil"), relationships("ENROLLED"));
    let lease = world.copy("1", &[pupils.clone(), enrolled.clone()]).await;
    world
        .cert
        .run("match (n:Pupil {id: 2}) create (:Theirs)-[:WATCHES]->(n)")
        .await;
    let before = dump(&world.cert).await;
    let tables = world.tables().await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let requests = [
        (pupils.clone(), vec![Key::of("1"), Key::of("2")]),
        (enrolled.clone(), vec![Key::of("e")]),
    ];
    let error = merge.delete(&requests).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
    assert!(error.what.contains("1 of 2"), "{error:?}");
    drop(merge);
    let lease = claim(&world.target, "1", true).await;
    assert_eq!(dump(&world.cert).await, before);

    world.cert.run("match (:Theirs)-[r]->() delete r").await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    assert_eq!(merge.delete(&requests).await.unwrap(), 3);
    let missing = merge
        .delete(&[(pupils, vec![Key::of("1")])])
        .await
        .unwrap_err();
    assert_eq!(missing.kind, StoreErrorKind::Constraint, "{missing:?}");
    drop(merge);
    let lease = claim(&world.target, "1", true).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    merge.delete(&requests).await.unwrap();
    // The run has a record already: nothing is committed over it.
    let error = merge.commit(&record(&lease)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Bug, "{error:?}");
    assert_eq!(world.cert.count("match (n:Pupil) return count(n)").await, 2);
}

#[tokio::test]
async fn equal_relationships_are_deleted_one_by_one() {
    let world = World::fresh(&KEYS).await;
    world
        .prod
        .run(
            "create (a:Pupil {id: 1}) create (a)-[:KNOWS {w: 1}]->(a) create (a)-[:KNOWS {w: 1}]->(a) \
             create (a)-[:KNOWS {w: 2}]->(a)",
        )
        .await;
    let knows = relationships("KNOWS");
    world.copy("1", &[nodes("Pupil"), knows.clone()]).await;
    let lease = claim(&world.target, "1", true).await;
    let tables = world.tables().await;
    let table = tables.iter().find(|table| table.name == knows).unwrap();
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let locators = crate::world::all_keys(merge.as_mut(), table).await;
    assert_eq!(locators.len(), 3);
    assert_eq!(merge.lock(&knows, &locators).await.unwrap().len(), 3);
    let odd = [Key::of("4:nobody:1"), Key::of("")];
    assert_eq!(merge.lock(&knows, &odd).await.unwrap(), []);
    assert_eq!(
        merge
            .delete(&[(knows.clone(), vec![locators[0].clone()])])
            .await
            .unwrap(),
        1
    );
    assert_eq!(merge.lock(&knows, &locators).await.unwrap().len(), 2);
    drop(merge);
    assert_eq!(
        world
            .cert
            .count("match ()-[r:KNOWS]->() return count(r)")
            .await,
        3
    );
}

#[tokio::test]
async fn rows_that_others_wrote_with_other_types_are_no_rows_of_ours() {
    let world = World::fresh(&KEYS).await;
    world
        .prod
        .run("create (a:Pupil {id: 1, name: 'A'}) create (a)-[:KNOWS {w: 1}]->(a) create (:Pupil {id: 2, name: 'B'})")
        .await;
    let (pupils, knows) = (nodes("Pupil"), relationships("KNOWS"));
    world.copy("1", &[pupils.clone(), knows.clone()]).await;
    // Described by what was there: another type of a property, and another type of a key at an end.
    let tables = world.tables().await;
    world
        .cert
        .run(
            "match (a:Pupil {id: 1}), (b:Pupil {id: 2}) set b.name = 5 create (c:Pupil {id: 'x'}) \
             create (a)-[:KNOWS {w: 'much'}]->(a) create (c)-[:KNOWS {w: 1}]->(a)",
        )
        .await;
    let lease = claim(&world.target, "1", true).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let table = |name| tables.iter().find(|table| table.name == name).unwrap();
    let knows = table(knows);
    let locators = crate::world::all_keys(merge.as_mut(), knows).await;
    assert_eq!(locators.len(), 3);
    let rows = all_rows(merge.as_mut(), knows, locators).await;
    assert_eq!(rows, world.rows(knows).await);
    let keys = ["1", "2"].map(Key::of).to_vec();
    let rows = all_rows(merge.as_mut(), table(pupils.clone()), keys).await;
    let rows: Vec<usize> = rows.iter().map(|batch| batch.num_rows()).collect();
    assert_eq!(rows, [1]);
    let request = KeyRequest {
        table: pupils,
        columns: vec!["name".to_owned()],
        selector: Selector::All,
    };
    let found = merge.keys(&request).await.unwrap();
    let found: Vec<Key> = found.into_iter().map(|row| row.id).collect();
    assert_eq!(found, [Key::of("1")]);
}
