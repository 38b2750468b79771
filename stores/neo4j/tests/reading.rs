//! Keys, rows, catalog and cut of a graph, on a real server.

use redistrict_model::Key;
use redistrict_store::{RowRequest, Selector, StoreErrorKind};
use redistrict_testkit::neo4j::Neo4jPair;

use crate::support::{
    all_rows, cut, found, name, printed, selected, strings, table, values, world,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_match_by_the_type_of_their_column_and_others_match_nothing() {
    let pair = world().await;
    let (_, mut cut) = cut(&pair.prod).await;
    let cut = cut.as_mut();
    let (student, staff) = (name("node", "Student"), name("node", "Staff"));
    let name_of = &["name"];
    assert_eq!(
        found(
            cut,
            &student,
            name_of,
            &["id"],
            &[&["42"], &["042"], &["x"], &["42.0"], &["42"]]
        )
        .await,
        [["Ada"]]
    );
    assert_eq!(
        found(cut, &staff, name_of, &["id"], &[&["42"], &["43"]]).await,
        [["Eva"]]
    );
    assert_eq!(
        found(
            cut,
            &student,
            &["id"],
            &["name"],
            &[&["Ada"], &["Eva"], &["ada"]]
        )
        .await,
        [["42"]]
    );
    assert_eq!(
        found(
            cut,
            &student,
            &["id"],
            &["born"],
            &[&["2010-02-03"], &["2010-02-30"], &["x"]]
        )
        .await,
        [["43"]]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_several_columns_and_of_lists_match_as_a_whole() {
    let pair = world().await;
    let (_, mut cut) = cut(&pair.prod).await;
    let (cut, student, section) = (
        cut.as_mut(),
        name("node", "Student"),
        name("node", "Section"),
    );
    assert_eq!(
        found(
            cut,
            &section,
            &["code", "year"],
            &["year", "code"],
            &[&["2024", "A"], &["A", "2024"], &["2025", "B"]]
        )
        .await,
        [["A", "2024"]]
    );
    assert_eq!(
        found(cut, &section, &["year"], &["code"], &[&["A"]]).await,
        [["2024"], ["2025"]]
    );
    assert_eq!(
        found(
            cut,
            &student,
            &["id"],
            &[":labels"],
            &[&["{Honor,Person}"], &["{Person,Honor}"]]
        )
        .await,
        [["43"]]
    );
    assert_eq!(
        found(
            cut,
            &student,
            &["id"],
            &["id", "name"],
            &[&["42", "Ada"], &["7", "Ada"]]
        )
        .await,
        [["42"]]
    );
    assert!(found(cut, &student, &["id"], &["id"], &[]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_the_catalog_does_not_know_are_refused_and_the_cut_stays_open() {
    let pair = world().await;
    let (_, mut cut) = cut(&pair.prod).await;
    let (cut, student) = (cut.as_mut(), name("node", "Student"));
    let wrong = Selector::Matching {
        columns: strings(&["id"]),
        keys: vec![Key::new(["1", "2"])],
    };
    assert_eq!(
        selected(cut, &student, &[], wrong).await.unwrap_err().kind,
        StoreErrorKind::Bug
    );
    let wrong = Selector::Matching {
        columns: strings(&["id` IS NULL OR true //"]),
        keys: vec![Key::of("1")],
    };
    assert_eq!(
        selected(cut, &student, &[], wrong).await.unwrap_err().kind,
        StoreErrorKind::Bug
    );
    assert_eq!(
        found(cut, &student, &["id"], &["id"], &[&["7"]]).await,
        [["7"]],
        "a refusal leaves the cut open"
    );
    let sample = |limit| Selector::Sample { limit };
    let first = values(selected(cut, &student, &["id"], sample(2)).await.unwrap());
    assert_eq!(first, [["42"], ["7"]]);
    assert_eq!(cut.count(&student).await.unwrap(), 3);
    assert_eq!(cut.count(&name("rel", "KNOWS")).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relationships_are_found_by_label_and_key_of_their_ends() {
    let pair = world().await;
    let (_, mut cut) = cut(&pair.prod).await;
    let cut = cut.as_mut();
    let (knows, inside) = (name("rel", "KNOWS"), name("rel", "IN"));
    let ends = &[":start_label", ":start", ":end"];
    let of_42 = found(cut, &knows, ends, &[":start"], &[&["42"], &["43"]]).await;
    assert_eq!(
        of_42,
        [
            ["Staff", "42", "42"],
            ["Student", "42", "42"],
            ["Student", "42", "43"],
            ["Student", "42", "43"]
        ]
    );
    let of_staff = found(
        cut,
        &knows,
        ends,
        &[":start_label", ":start"],
        &[&["Staff", "42"], &["Nobody", "42"]],
    )
    .await;
    assert_eq!(of_staff, [["Staff", "42", "42"]]);
    let to_43 = found(cut, &knows, ends, &[":end"], &[&["43"]]).await;
    assert_eq!(to_43, [["Student", "42", "43"], ["Student", "42", "43"]]);
    let both = found(
        cut,
        &knows,
        ends,
        &[":start", ":end"],
        &[&["42", "42"], &["42", "7"]],
    )
    .await;
    assert_eq!(both, [["Staff", "42", "42"], ["Student", "42", "42"]]);
    let since = found(cut, &knows, &["since"], &["since"], &[&["1"]]).await;
    assert_eq!(since, [["1"]]);
    let of_label = found(cut, &knows, ends, &[":start_label"], &[&["Staff"]]).await;
    assert_eq!(of_label, [["Staff", "42", "42"]]);
    let end = &[":start", ":end", ":end2"];
    let of_2024 = found(
        cut,
        &inside,
        end,
        &[":end", ":end2"],
        &[&["A", "2024"], &["A", "x"]],
    )
    .await;
    assert_eq!(of_2024, [["42", "A", "2024"], ["43", "A", "2024"]]);
    let of_a = found(cut, &inside, &[":end2"], &[":end"], &[&["A"]]).await;
    assert_eq!(of_a, [["2024"], ["2024"], ["2025"], ["2025"]]);
    let grade = found(cut, &inside, &["grade"], &["grade"], &[&["1.5"], &["1.50"]]).await;
    assert_eq!(grade, [["1.5"]]);
    let badge = name("rel", "HAS_BADGE");
    let of_2 = found(
        cut,
        &badge,
        &["number", ":start", ":end"],
        &["number"],
        &[&["2"]],
    )
    .await;
    assert_eq!(of_2, [["2", "43", "42"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_whole_with_labels_ends_and_missing_properties() {
    let pair = world().await;
    let (catalog, mut cut) = cut(&pair.prod).await;
    let cut = cut.as_mut();
    let mut lines = async |schema: &str, label: &str| {
        let mut lines = printed(
            &all_rows(cut, &table(&catalog, schema, label))
                .await
                .unwrap(),
        );
        if table(&catalog, schema, label).identity().is_none() {
            lines.sort();
        }
        lines
    };
    assert_eq!(
        lines("node", "Student").await,
        [
            "-|42|a|Ada|{Person}|-",
            "2010-02-03|43|-|-|{Honor,Person}|-",
            "-|7|-|Ida|{}|-"
        ]
    );
    assert_eq!(lines("node", "Club").await, ["chess|{Zoo}|-", "chess|{}|-"]);
    assert_eq!(
        lines("rel", "KNOWS").await,
        [
            "-|Staff|42|Student|42|-",
            "-|Student|42|Student|43|-",
            "-|Student|42|Student|43|-",
            "1|Student|42|Student|42|-"
        ]
    );
    assert_eq!(
        lines("rel", "IN").await,
        [
            "-|Staff|42|Section|A|2025|-",
            "-|Student|43|Section|A|2024|-",
            "-|Student|43|Section|A|2025|-",
            "1.5|Student|42|Section|A|2024|-"
        ]
    );
    assert_eq!(
        lines("rel", "HAS_BADGE").await,
        ["1|Student|42|Staff|42|-", "2|Student|43|Staff|42|-"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_come_in_key_order_in_bounded_batches() {
    let pair = Neo4jPair::take().await;
    pair.prod
        .run("create constraint t for (n:T) require n.id is unique")
        .await;
    pair.prod
        .run("unwind range(1, 20000) as i create (a:T {id: i})-[:R {i: i}]->(a)")
        .await;
    let (catalog, mut cut) = cut(&pair.prod).await;
    let entry = table(&catalog, "node", "T");
    let mut keys: Vec<Key> = (1..=20_000).map(|id| Key::of(id.to_string())).collect();
    keys.sort();
    keys.push(Key::of("x"));
    keys.push(Key::of("20001"));
    let request = RowRequest {
        table: entry.name.clone(),
        columns: strings(&["id"]),
        identity: strings(&["id"]),
        keys: keys.clone(),
    };
    let rows = cut.rows(&request).await.unwrap();
    let batches: Vec<arrow::array::RecordBatch> =
        futures::TryStreamExt::try_collect(rows).await.unwrap();
    assert!(
        batches
            .iter()
            .all(|batch| (1..=8192).contains(&batch.num_rows()))
    );
    let ids: Vec<Key> = printed(&batches).into_iter().map(Key::of).collect();
    assert_eq!(ids, keys[..20_000]);
    let matching = Selector::Matching {
        columns: strings(&[":end"]),
        keys,
    };
    let found = selected(cut.as_mut(), &name("rel", "R"), &[":start"], matching)
        .await
        .unwrap();
    assert_eq!(found.len(), 20_000);
    let locators: Vec<Key> = found.into_iter().map(|row| row.id).collect();
    let request = RowRequest {
        table: name("rel", "R"),
        columns: strings(&["i", ":start"]),
        identity: Vec::new(),
        keys: locators,
    };
    {
        let mut dropped = cut.rows(&request).await.unwrap();
        futures::StreamExt::next(&mut dropped)
            .await
            .unwrap()
            .unwrap();
    }
    let rows = cut.rows(&request).await.unwrap();
    let batches: Vec<arrow::array::RecordBatch> =
        futures::TryStreamExt::try_collect(rows).await.unwrap();
    let lines = printed(&batches);
    assert_eq!(lines.len(), 20_000);
    assert!(
        lines
            .iter()
            .all(|line| line.split_once('|').is_some_and(|(i, start)| i == start))
    );
}
