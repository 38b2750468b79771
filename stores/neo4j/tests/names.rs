//! Hostile labels, types, property names and values: moved exactly or refused by the server that was to
//! make them, never understood as a statement.

use redistrict_model::Key;
use redistrict_store::{Selector, SourceStore as _, StoreErrorKind};
use redistrict_testkit::neo4j::{Graph, Neo4jPair, Parameters, ValueSend, quoted_name};

use crate::support::{all_rows, cut, printed, selected, source, strings, table, values};

fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "`",
        "``",
        "a`b",
        "\\",
        "\\\\",
        "\\u0060",
        "\\u005Cu0060",
        "a\\`b",
        "a\\",
        "\\uD83E",
        "\\U0001F980",
        "\\n",
        "two words",
        "line\nbreak",
        "\r\n",
        "quote\"s'",
        "$label",
        "$keys",
        "{x}",
        "%s",
        ":start_x",
        "::",
        "ä学🦀",
        "e\u{301}",
        "\u{feff}x",
        "\u{200b}",
        " ",
        "//",
        "/* x */",
        "--",
        ";",
        "n) DETACH DELETE n //",
        "`) MATCH (x) DETACH DELETE x //",
        "\\u0060) MATCH (x) DETACH DELETE x //",
        "` IS NOT NULL OR true OR n.`",
        " RETURN ",
        "n:T",
        "Redistrict",
        "redistrictrun",
        "null",
        "CASE",
        "a.b",
        "1",
        "-1",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(65_000));
    // Every pair of the signs that mean something.
    for a in ["`", "\\", "\\u0060", "'", "\"", "]", "}", ")"] {
        for b in ["`", "\\", "u0060", "u005c", "\n", "$", " OR true"] {
            names.push(format!("{a}{b}"));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The name itself, as far as an index takes it.
fn value(name: &str) -> &str {
    if name.len() > 1000 { "long" } else { name }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_and_keys_are_read_as_they_are() {
    let pair = Neo4jPair::take().await;
    let (long, names): (Vec<String>, Vec<String>) =
        hostile().into_iter().partition(|name| value(name) != name);
    // Every statement names all labels that have a key: some at a time.
    for some in names.chunks(12).chain([long.as_slice()]) {
        pair.prod.empty().await;
        for name in some {
            make(&pair.prod, name).await;
        }
        are_read(&pair.prod, some, &names).await;
        // Plans of such length fill the memory of a small server.
        pair.prod.run("call db.clearQueryCaches()").await;
    }
}

/// A node, a relationship, a property and two constraints of that name.
async fn make(graph: &Graph, name: &str) {
    let of = |text: &str| ValueSend::String(text.to_owned());
    let bound = [
        ("n".to_owned(), of(name)),
        ("v".to_owned(), of(value(name))),
    ];
    let made = "create (a:$($n)) set a[$n] = $v create (a)-[r:$($n)]->(a) set r[$n] = $v";
    graph.query(made, bound.into()).await;
    let quoted = quoted_name(name);
    let unique = format!("create constraint for (n:{quoted}) require n.{quoted} is unique");
    graph.run(&unique).await;
}

/// Each under its own name, and nothing else happened. All names are asked for as keys, too.
async fn are_read(graph: &Graph, names: &[String], keys: &[String]) {
    let total = i64::try_from(names.len()).unwrap();
    let (catalog, mut cut) = cut(graph).await;
    assert_eq!(catalog.tables.len(), 2 * names.len());
    for name in names {
        let (node, v) = (table(&catalog, "node", name), value(name));
        assert_eq!(node.identity(), Some(std::slice::from_ref(name)));
        let asked = keys.iter().map(|one| value(one)).chain([v]).map(Key::of);
        let selector = Selector::Matching {
            columns: vec![name.clone()],
            keys: asked.collect(),
        };
        let found = selected(cut.as_mut(), &node.name, &[name], selector).await;
        assert_eq!(values(found.unwrap()), [strings(&[v])], "{name:?}");
        let lines = printed(&all_rows(cut.as_mut(), &node).await.unwrap());
        assert_eq!(lines, [format!("{v}|{{}}|-")]);
        let relationship = table(&catalog, "rel", name);
        let lines = printed(&all_rows(cut.as_mut(), &relationship).await.unwrap());
        assert_eq!(lines, [format!("{v}|{name}|{v}|{name}|{v}|-")]);
        assert_eq!(cut.count(&node.name).await.unwrap(), 1);
    }
    assert!(source(graph).probe().await.is_ok());
    assert_eq!(graph.count("match (n) return count(n)").await, total);
    assert_eq!(graph.count("match ()-[r]->() return count(r)").await, total);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_empty_or_have_a_null_byte_are_refused_by_the_server() {
    let pair = Neo4jPair::take().await;
    for name in ["", "\0", "a\0b"] {
        let bound = Parameters::from([("n".to_owned(), ValueSend::String(name.to_owned()))]);
        for statement in [
            "create (:$($n))",
            "create (a:T)-[:$($n)]->(a)",
            "create (a:T) set a[$n] = 1",
        ] {
            assert!(
                pair.prod.try_query(statement, bound.clone()).await.is_err(),
                "{name:?}"
            );
        }
    }
}

/// Nodes with a label of ours would be in no table: they are refused by that name, in a source.
#[tokio::test]
async fn a_label_that_the_tool_keeps_for_itself_is_refused_by_name() {
    let pair = Neo4jPair::take().await;
    let graph = &pair.prod;
    graph.run("create (:Pupil:RedistrictRun {id: 1})").await;
    let error = source(graph).catalog().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.what.contains("\"RedistrictRun\""), "{error:?}");
}
