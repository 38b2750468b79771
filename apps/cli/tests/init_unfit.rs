//! `init` where something in PROD cannot travel: it writes the file, and what cannot is a decision in it.

use std::fmt::Write as _;

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::Environment;

/// Each table is keyed by another type, and another table refers to each: the type, a value, and what is said of it
/// where it cannot travel.
const KEYS: [(&str, &str, Option<&str>); 9] = [
    (
        "double precision",
        "1.5",
        Some("is a floating point number"),
    ),
    (
        "text collate loose",
        "'a'",
        Some("compares letters by a collation"),
    ),
    (
        "interval",
        "'1 day'",
        Some("values that print differently are equal"),
    ),
    (
        "jsonb",
        "'{\"a\": 1}'",
        Some("values that print differently are equal"),
    ),
    ("bytea", "'\\x01'", None),
    ("integer[]", "'{1,2}'", None),
    ("int4range", "'[1,3)'", None),
    ("timestamptz", "'2024-01-01'", None),
    ("numeric", "1.50", None),
];

fn schema() -> String {
    let mut sql = "
        create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        create table districts(id int primary key);
        create table schools(id int primary key, district_id int not null references districts);\n"
        .to_owned();
    for (at, (key, _, _)) in KEYS.iter().enumerate() {
        write!(
            sql,
            "create table odd_{at}(odd {key} primary key, school_id int not null references schools);
             create table of_odd_{at}(id int primary key, odd {key} references odd_{at}, school_id int);\n"
        )
        .expect("text");
    }
    sql
}

fn rows() -> String {
    let mut sql = "
        insert into districts values (1), (2);
        insert into schools values (10, 1), (20, 2);\n"
        .to_owned();
    for (at, (_, value, _)) in KEYS.iter().enumerate() {
        write!(
            sql,
            "insert into odd_{at} values ({value}, 10);
             insert into of_odd_{at} values (1, {value}, 10), (2, null, 20);\n"
        )
        .expect("text");
    }
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_travel_is_a_decision_in_the_file_and_stops_only_what_needs_it() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, &format!("{}{}", schema(), rows()))
        .await
        .unwrap();
    execute(&cert, &schema()).await.unwrap();
    let mut environment = Environment::new();
    environment.set("IDS_PROD_URL", &prod);
    environment.set("IDS_CERT_URL", &cert);
    environment.must(&["init", "--root", "ids.districts"]);
    let text = environment.read("redistrict.toml");
    for (at, (_, _, said)) in KEYS.iter().enumerate() {
        let question = format!("# [table.\"ids.public.odd_{at}\"]\n# excluded = ");
        assert_eq!(text.contains(&question), said.is_some(), "odd_{at}\n{text}");
        let Some(said) = said else { continue };
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("# ids.public.odd_{at}: ")));
        assert!(
            line.is_some_and(|line| line.contains(said)),
            "{said}\n{text}"
        );
    }
    // As it stands nothing moves, and what to do is said.
    let stopped = environment.run(&["plan", "1"]);
    assert_eq!(stopped.code, 3, "{}", stopped.err);
    for part in [
        "ids.public.odd_1",
        "[table.\"ids.public.odd_2\"]",
        "excluded =",
    ] {
        assert!(stopped.err.contains(part), "{part}\n{}", stopped.err);
    }
    // With what stands there uncommented the rest is as it would be without these tables.
    let decided: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[table.") || rest.starts_with("excluded =") => rest,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    environment.write("redistrict.toml", &decided);
    environment.must(&["config", "check"]);
    let analyzed = environment.must(&["analyze"]);
    assert!(!analyzed.err.contains("odd_1:"), "{}", analyzed.err);
}
