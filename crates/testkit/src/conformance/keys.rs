//! Reading keys: canonical text both ways, complete answers, nothing by accident.

use redistrict_model::{Key, KeyRow};
use redistrict_store::{KeyReader, KeyRequest, Selector, StoreErrorKind, Tally, TallyRequest};

use super::fixture::{all_keys, cut, keyed, keys_of, only_ids, skip, source_table};
use super::harness::{Harness, LogicalType, World};
use super::words::{NULL, NewTable};

use LogicalType::{Int64, Text};

async fn matching<R: KeyReader + ?Sized>(
    reader: &mut R,
    world: &World,
    table: &str,
    asked: &[&str],
    by: &[&str],
    keys: Vec<Key>,
) -> Vec<KeyRow> {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let request = KeyRequest {
        table: world.table(table),
        columns: names(asked),
        selector: Selector::Matching {
            columns: names(by),
            keys,
        },
    };
    let mut rows = reader.keys(&request).await.expect("keys can be read");
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

fn ids(rows: &[KeyRow]) -> Vec<String> {
    rows.iter().map(|row| row.id.parts().join("/")).collect()
}

/// A text finds the value it is the canonical text of; other texts find nothing and are no error.
pub async fn keys_are_found_by_their_canonical_text_only(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("id", Int64), ("number", Int64), ("word", Text)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let rows = [
        ["1", "42", "42"],
        ["2", "-7", "042"],
        ["3", NULL, NULL],
        ["4", "42", " 42"],
    ];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    for (by, key, expected) in [
        ("number", "42", vec!["1", "4"]),
        ("number", "042", vec![]),
        ("number", "42.0", vec![]),
        ("number", " 42", vec![]),
        ("number", "+42", vec![]),
        ("number", "-7", vec!["2"]),
        ("number", "", vec![]),
        ("number", "99999999999999999999", vec![]),
        ("number", "x'; drop table t", vec![]),
        ("word", "42", vec!["1"]),
        ("word", "042", vec!["2"]),
        ("word", " 42", vec!["4"]),
        ("word", "", vec![]),
    ] {
        let found = matching(cut.as_mut(), &world, "t", &[], &[by], vec![Key::of(key)]).await;
        assert_eq!(ids(&found), expected, "{by} = {key:?}");
    }
}

/// NULL comes as none and is never matched; each row comes once however often its key is named.
pub async fn nulls_are_told_and_repeated_keys_give_each_row_once(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("id", Int64), ("a", Int64), ("b", Text)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let rows = [["1", "5", NULL], ["2", NULL, "x"], ["3", "5", "x"]];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let fives = keys_of(&["5", "5", "6", "5"]);
    let found = matching(cut.as_mut(), &world, "t", &["b", "a"], &["a"], fives).await;
    let values = |row: &KeyRow| row.values.clone();
    assert_eq!(ids(&found), ["1", "3"]);
    assert_eq!(values(&found[0]), [None, Some("5".into())]);
    assert_eq!(values(&found[1]), [Some("x".into()), Some("5".into())]);
    let pair = vec![Key::new(["5", "x"]), Key::new(["5", "x"])];
    let found = matching(cut.as_mut(), &world, "t", &[], &["a", "b"], pair).await;
    assert_eq!(ids(&found), ["3"]);
    let none = matching(cut.as_mut(), &world, "t", &[], &["a"], Vec::new()).await;
    assert!(none.is_empty());
}

/// Every row is counted by what its columns say, NULL is a value of its own, and what is beyond the limit is
/// counted without being named.
pub async fn a_tally_counts_every_row_once(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("id", Int64), ("kind", Text), ("who", Int64)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let rows = [
        ["1", "a", "5"],
        ["2", "b", "6"],
        ["3", "a", "7"],
        ["4", NULL, "7"],
        ["5", "c", NULL],
        ["6", "B", "7"],
        ["7", "a", NULL],
    ];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let mut request = TallyRequest {
        table: world.table("t"),
        columns: vec!["kind".to_owned()],
        present: Vec::new(),
        limit: 10,
    };
    let said = |tally: &Tally| -> Vec<(String, u64)> {
        let values = tally.values.iter();
        let text = |kind: &Option<Box<str>>| kind.as_deref().unwrap_or("none").to_owned();
        values.map(|(kind, rows)| (text(&kind[0]), *rows)).collect()
    };
    let counted = |kind: &str, rows: u64| (kind.to_owned(), rows);
    let all = cut.tally(&request).await.expect("values can be counted");
    let single = ["none", "B", "b", "c"].map(|kind| counted(kind, 1));
    assert_eq!(said(&all), [&[counted("a", 3)][..], &single].concat());
    assert_eq!((all.rows, all.different), (7, 5));
    request.present = vec!["who".to_owned()];
    request.limit = 1;
    let present = cut.tally(&request).await.expect("values can be counted");
    assert_eq!(said(&present), [counted("a", 2)]);
    assert_eq!((present.rows, present.different), (5, 4));
    request.columns.push("who".to_owned());
    let pairs = cut.tally(&request).await.expect("values can be counted");
    assert_eq!((pairs.rows, pairs.different), (5, 5));
    request.columns.clear();
    let counted = cut.tally(&request).await.expect("rows can be counted");
    assert_eq!((counted.rows, counted.different), (5, 1));
}

/// Pairs match as pairs, in the order in which the request names the columns.
pub async fn composite_keys_match_as_tuples(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = NewTable::new("t", &[("a", Int64), ("b", Text)]).key(&["b", "a"]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let rows = [["1", "x"], ["1", "y"], ["2", "x"], ["2", "y"]];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let pairs = vec![
        Key::new(["1", "y"]),
        Key::new(["2", "x"]),
        Key::new(["01", "x"]),
    ];
    let found = matching(cut.as_mut(), &world, "t", &["a"], &["a", "b"], pairs).await;
    assert_eq!(ids(&found), ["x/2", "y/1"]);
    assert_eq!(all_keys(cut.as_mut(), &table).await.len(), 4);
}

/// Texts that a careless comparison would fold, trim, escape or take apart.
pub async fn odd_texts_are_found_as_themselves(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("word", Text)]);
    let odd = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "o'brien",
        "\"",
        "\\",
        "%",
        "_",
        "a,b",
        "{a,b}",
        "line\nbreak",
        "tab\t",
        "é",
        "e\u{301}",
        "学生",
        "🦀",
        "null",
        "NULL",
        "\\x00",
        "$1",
        "?",
        "--",
        "\u{feff}",
    ];
    world.prod.create(std::slice::from_ref(&made)).await;
    world.prod.insert(&made, &odd.map(|word| [word])).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    for word in odd {
        let found = matching(
            cut.as_mut(),
            &world,
            "t",
            &[],
            &["word"],
            vec![Key::of(word)],
        )
        .await;
        assert_eq!(ids(&found), [word], "{word:?}");
    }
    let all = matching(cut.as_mut(), &world, "t", &[], &["word"], keys_of(&odd)).await;
    assert_eq!(all.len(), odd.len());
}

/// More keys than any server takes in one statement.
pub async fn requests_may_be_of_any_size(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = NewTable::new("t", &[("a", Int64), ("b", Int64)]).key(&["a", "b"]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let row = |n: i32| vec![Some(n.to_string()), Some((-n).to_string())];
    world
        .prod
        .insert_rows(&made, (1..=1000).map(row).collect())
        .await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let keys: Vec<Key> = (0..40_000)
        .map(|n: i32| Key::new([n.to_string(), (-n).to_string()]))
        .collect();
    let found = matching(cut.as_mut(), &world, "t", &[], &["a", "b"], keys).await;
    assert_eq!(found.len(), 1000);
    let singles: Vec<Key> = (0..70_000).map(|n: i32| Key::of(n.to_string())).collect();
    let found = matching(cut.as_mut(), &world, "t", &[], &["a"], singles).await;
    assert_eq!(found.len(), 1000);
}

/// Samples are the same for the same data; counts are exact.
pub async fn samples_are_repeatable_and_counts_exact(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let (made, empty) = (only_ids("t"), only_ids("empty"));
    world.prod.create(&[made.clone(), empty]).await;
    let rows = [["5"], ["3"], ["9"], ["1"], ["7"]];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let request = KeyRequest {
        table: table.name.clone(),
        columns: vec!["id".to_owned()],
        selector: Selector::Sample { limit: 3 },
    };
    let first = cut(&world, &table)
        .await
        .keys(&request)
        .await
        .expect("a sample");
    let second = cut(&world, &table)
        .await
        .keys(&request)
        .await
        .expect("a sample");
    assert_eq!(first, second);
    assert_eq!(first.len(), 3);
    let mut both = cut(&world, &table).await;
    assert_eq!(both.count(&table.name).await.expect("a count"), 5);
    if !harness.abilities().declared_columns {
        return skip("tables without rows");
    }
    let empty = source_table(&world, "empty").await;
    let mut cut = cut(&world, &empty).await;
    assert_eq!(cut.count(&empty.name).await.expect("a count"), 0);
    assert!(all_keys(cut.as_mut(), &empty).await.is_empty());
}

/// A name that is not in the catalog is a mistake of ours.
pub async fn requests_beyond_the_catalog_are_refused(harness: &dyn Harness) {
    let world = harness.fresh().await;
    world.prod.create(&[only_ids("t")]).await;
    world.prod.insert(&only_ids("t"), &[["1"]]).await;
    let table = source_table(&world, "t").await;
    let mut cut_t = cut(&world, &table).await;
    let mut request = KeyRequest {
        table: world.table("nothing"),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let error = cut_t
        .keys(&request)
        .await
        .expect_err("an unknown table is refused");
    assert_eq!(error.kind, StoreErrorKind::Bug);
    let error = cut_t
        .count(&request.table)
        .await
        .expect_err("an unknown table is refused");
    assert_eq!(error.kind, StoreErrorKind::Bug);
    request.table = table.name.clone();
    for column in ["id\" from t; --", "id` return 1 //"] {
        request.columns = vec![column.to_owned()];
        let error = cut_t.keys(&request).await;
        let error = error.expect_err("an unknown column is refused");
        assert_eq!(error.kind, StoreErrorKind::Bug);
        let selector = Selector::Matching {
            columns: std::mem::take(&mut request.columns),
            keys: keys_of(&["1"]),
        };
        let request = KeyRequest {
            selector,
            ..request.clone()
        };
        let error = cut_t.keys(&request).await;
        let error = error.expect_err("an unknown column is refused");
        assert_eq!(error.kind, StoreErrorKind::Bug);
    }
}
