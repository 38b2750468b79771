//! Names of members in documents: those that are data are masked and searched for like values, those that
//! are structure stay.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_anonymize::MaskRegistry;
use redistrict_model::{EdgeOrigin, Inside, Plan, Role};
use serde_json::{Value, json};

use crate::support::{Estate, cells, masked, run_all, table, unique, write_raw};

type Rows = Vec<Vec<String>>;

fn estate(doc: &str) -> Estate {
    let students = table(
        "students",
        &["id"],
        &[
            "id:int8!",
            "number:varchar(20)!",
            "first_name:text",
            "last_name:text",
            "email:text",
        ],
    );
    let docs = table("docs", &["id"], &["id:int8!", doc]);
    Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        // Documents come before what they speak of.
        (Role::Owned, docs),
        (Role::Owned, students),
    ])
    .with("students", |table| {
        table.uniques.push(unique("n", &["number"]));
    })
}

const FIRST: [&str; 4] = ["Wanjiru", "Priscilla", "Ana", "Bo"];
const LAST: [&str; 5] = ["Okonkwo", "Featherstone", "Price", "Quxley", "Mbeki"];

fn full(n: usize) -> String {
    format!("{} {}", FIRST[n % 4], LAST[n % 5])
}

fn number(n: usize) -> String {
    format!("47{n:02}-{:02}", n * 7 % 100)
}

fn students() -> Rows {
    let student = |n: usize| {
        vec![
            n.to_string(),
            number(n),
            FIRST[n % 4].to_owned(),
            LAST[n % 5].to_owned(),
            format!("s{n}@cascademail.net"),
        ]
    };
    (0..20).map(student).collect()
}

/// The masked documents of a plan, and the artifact's other cells.
async fn run(plan: &Plan, documents: &[String]) -> (Vec<String>, BTreeMap<String, String>) {
    let dir = tempfile::tempdir().unwrap();
    let docs: Rows = (documents.iter().enumerate())
        .map(|(n, document)| vec![n.to_string(), document.clone()])
        .collect();
    write_raw(
        dir.path(),
        plan,
        &BTreeMap::from([("docs", docs), ("students", students())]),
    );
    let result = run_all(dir.path(), plan, MaskRegistry::default()).await;
    result.unwrap_or_else(|error| panic!("{}", error.chain()));
    let artifact = masked(dir.path(), plan).unwrap();
    let column = |table, column| -> Vec<String> {
        let cells = cells(&artifact, table, column);
        cells.into_iter().map(Option::unwrap).collect()
    };
    let mut known = BTreeMap::new();
    for (at, name) in ["number", "first_name", "last_name", "email"]
        .iter()
        .enumerate()
    {
        let own = students();
        let own = own.iter().map(|row| row[at + 1].clone());
        known.extend(own.zip(column("students", name)));
    }
    (column("docs", "doc"), known)
}

fn keys(document: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn names_that_are_values_are_masked_as_these_are_and_names_that_rows_share_stay() {
    let document = |n: usize| {
        format!(
            r#"{{"bus": {n}, "scores": {{"{}": {{"math": {n}, "late": true}}}}, "price": 3, "people": {{"{}": 1, "s{n}@cascademail.net": 2}}}}"#,
            number(n),
            full(n),
        )
    };
    let documents: Vec<String> = (0..20).map(document).collect();
    let (made, known) = run(&estate("doc:json").whole_plan(), &documents).await;
    for (n, text) in made.iter().enumerate() {
        let made: Value = serde_json::from_str(text).unwrap();
        assert_eq!(keys(&made), ["bus", "people", "price", "scores"], "{text}");
        assert_eq!(
            keys(&made["scores"]),
            [known[&number(n)].as_str()],
            "{text}"
        );
        let of_student = &made["scores"][known[&number(n)].as_str()];
        assert_eq!(keys(of_student), ["late", "math"]);
        let name = format!("{} {}", known[FIRST[n % 4]], known[LAST[n % 5]]);
        let mail = &known[&format!("s{n}@cascademail.net")];
        let people: BTreeSet<&str> = keys(&made["people"]).into_iter().collect();
        assert_eq!(
            people,
            BTreeSet::from([name.as_str(), mail.as_str()]),
            "{text}"
        );
        // The order of the text is that of the original.
        assert!(text.starts_with(r#"{"bus": "#) && text.find("price") < text.find("people"));
        assert!(text.contains(r#""late": true"#), "{text}");
    }
}

#[tokio::test]
async fn plain_words_that_are_names_of_persons_are_data_and_no_two_become_one() {
    // Words that the form of a name does not tell from structure, in documents of one vocabulary.
    let document = |n: usize| {
        let members: Vec<String> = LAST.iter().map(|name| format!("\"{name}\": {n}")).collect();
        format!("{{\"total\": {n}, \"by\": {{{}}}}}", members.join(", "))
    };
    let documents: Vec<String> = (0..30).map(document).collect();
    let (made, _) = run(&estate("doc:json").whole_plan(), &documents).await;
    for text in made {
        let made: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(keys(&made), ["by", "total"]);
        assert_eq!(keys(&made["by"]).len(), LAST.len(), "{text}");
        assert!(LAST.iter().all(|name| !text.contains(name)), "{text}");
    }
}

#[tokio::test]
async fn names_that_vary_are_data_though_nobody_knows_them() {
    let document = |n: usize| {
        let name = format!(
            "zz{}{}",
            char::from(b'a' + u8::try_from(n % 26).unwrap()),
            n / 26
        );
        (
            format!("{{\"kind\": \"x{n}y\", \"who\": {{\"{name}\": true}}}}"),
            name,
        )
    };
    let (documents, names): (Vec<String>, Vec<String>) = (0..40).map(document).unzip();
    let (made, _) = run(&estate("doc:json").whole_plan(), &documents).await;
    for (text, name) in made.iter().zip(names) {
        assert!(
            text.contains("\"kind\"") && text.contains("\"who\""),
            "{text}"
        );
        assert!(!text.contains(&name), "{text}");
    }
}

#[tokio::test]
async fn names_in_texts_in_lists_and_in_xml_are_looked_at_too() {
    for (doc, is_text) in [("doc:text", true), ("doc:xml", false)] {
        let estate = estate(doc);
        let plan = match is_text {
            true => estate
                .setting("docs.doc", json!({"mask": "json"}))
                .whole_plan(),
            false => estate.whole_plan(),
        };
        let document = |n: usize| match is_text {
            true => format!(r#"[{{"{}": 1, "room": 7}}]"#, LAST[n % 5]),
            false => format!("<seats><{}>7</{0}><room>{n}</room></seats>", LAST[n % 5]),
        };
        let documents: Vec<String> = (0..20).map(document).collect();
        let (made, _) = run(&plan, &documents).await;
        for text in made {
            assert!(text.contains("room"), "{text}");
            assert!(LAST.iter().all(|name| !text.contains(name)), "{text}");
        }
    }
}

#[tokio::test]
async fn a_link_s_own_names_stay_whatever_they_are() {
    // A name that is a student's number, on the way of a link.
    let mut estate = estate("doc:json").reference("docs.doc", "students.number");
    let edge = &mut estate.extract.ownership.edges[0];
    edge.origin = EdgeOrigin::Link;
    edge.inside = Some(Inside::Members(vec![number(3), "no".to_owned()]));
    let plan = estate.whole_plan();
    let document = |n: usize| format!(r#"{{"{}": {{"no": "{}"}}}}"#, number(3), number(n));
    let documents: Vec<String> = (0..20).map(document).collect();
    let (made, known) = run(&plan, &documents).await;
    for (n, text) in made.iter().enumerate() {
        let made: Value = serde_json::from_str(text).unwrap();
        assert_eq!(keys(&made), [number(3)]);
        assert_eq!(made[number(3)]["no"], known[&number(n)]);
    }
}

#[tokio::test]
async fn documents_of_few_rows_keep_their_words() {
    let documents = [
        r#"{"theme": "dark", "language": "de"}"#.to_owned(),
        r#"{"theme": "light", "language": "fr", "zoom": 2}"#.to_owned(),
    ];
    let (made, _) = run(&estate("doc:json").whole_plan(), &documents).await;
    assert!(made[0].contains("\"theme\"") && made[0].contains("\"language\""));
    assert!(made[1].contains("\"zoom\""), "{}", made[1]);
}
