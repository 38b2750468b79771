//! `why` and `why --not`: on the demo's estate of five stores, and on PostgreSQL, where every printed statement
//! is run.

use redistrict_testkit::postgres::{TestServer, execute};
use serde_json::Value;

use crate::environment::{Ended, Environment, count};

const CONFIG: &str = "redistrict-demo/redistrict.toml";

/// The demo's estate; nothing is written to CERT.
fn estate() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment
}

fn why(environment: &Environment, words: &[&str]) -> Ended {
    environment.run(&[&["why"], words, &["--config", CONFIG]].concat())
}

fn answer(environment: &Environment, words: &[&str]) -> Value {
    let (value, code) = environment.json(&[&["why"], words, &["--config", CONFIG]].concat());
    assert_eq!(code, 0, "{words:?}: {value:#}");
    value
}

/// `table rule`, from the row to the district.
fn chain(answer: &Value) -> Vec<String> {
    let steps = answer["chain"].as_array().unwrap().iter();
    let step = |step: &Value| {
        let table = step["table"].as_str().unwrap();
        format!("{table} {}", step["rule"].as_str().unwrap())
    };
    steps.map(step).collect()
}

#[test]
fn a_guardian_comes_by_a_student_and_the_chain_is_told_in_words() {
    let environment = estate();
    let told = answer(&environment, &["ids.guardians", "3", "--district", "2"]);
    // Keys are read as a column of their type reads them.
    let typed = answer(&environment, &["ids.guardians", "03", "--district", "02"]);
    assert_eq!(typed, told);
    assert_eq!(told["comes"], "shared");
    assert_eq!(
        chain(&told),
        [
            "ids.main.guardians referred_to_by",
            "ids.main.student_guardians belongs_to",
            "ids.main.students belongs_to",
            "ids.main.schools belongs_to",
            "ids.main.districts root",
        ]
    );
    let text = why(&environment, &["guardians", "3", "--district", "2"]).out;
    for line in [
        "ids.main.guardians (id = 3)\ncomes with district 2 as a shared row.",
        "   is referred to by 2, over ids.main.student_guardians(guardian_id)\n",
        "   is the district itself\n   check in ids, gives 1: select count(*) from \"main\".\"districts\" c \
         where c.\"id\" = 2;",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let own = answer(
        &environment,
        &[
            "hcp1.main.learners",
            "1",
            "--district",
            "2",
            "--by",
            "ids_student_id",
        ],
    );
    assert!(own["comes"] == "own" || own["comes"] == "no", "{own:#}");
}

#[test]
fn a_row_that_stays_says_the_first_step_that_is_missing() {
    let environment = estate();
    let told = answer(&environment, &["students", "1", "--district", "2", "--not"]);
    let why_not = &told["why_not"];
    assert_eq!(
        (&told["comes"], &why_not["reason"], &why_not["belongs_to"]),
        (&"no".into(), &"another_district".into(), &"1".into())
    );
    let steps: Vec<&str> = (why_not["steps"].as_array().unwrap().iter())
        .map(|step| step["next"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["ids.main.schools", "ids.main.districts"]);
    for (row, reason, words) in [
        (
            ["ids.guardians", "5"],
            "used_elsewhere",
            "1 row over ids.main.student_guardians(guardian_id)",
        ),
        (
            ["ids.states", "1"],
            "nobody_refers",
            "only ids.main.districts(state_id) could bring it",
        ),
        (
            ["ids.districts", "1"],
            "another_district",
            "is of another district: 1",
        ),
    ] {
        let told = answer(&environment, &[&row[..], &["--district", "2"]].concat());
        assert_eq!(told["why_not"]["reason"], reason, "{told:#}");
        let said = told["why_not"]["words"].as_str().unwrap();
        assert!(said.contains(words), "{said}");
    }
    let text = why(&environment, &["students", "1", "--district", "2"]).out;
    assert!(
        text.contains("It belongs to a row of ids.main.schools,"),
        "{text}"
    );
    assert!(
        text.contains("That row is of another district: 1."),
        "{text}"
    );
}

#[test]
fn what_is_typed_wrong_is_said_with_what_is_right() {
    let environment = estate();
    for (words, sentence, hint) in [
        (
            &["ids.gaurdians", "3"][..],
            "find table ids.gaurdians",
            "did you mean `ids.guardians`?",
        ),
        (
            &["states", "3"],
            "there are several tables of that name",
            "ids.main.states, sp.main.states",
        ),
        (
            &["grades", "1,2"],
            "its key has 4 columns (course_id, section_no, student_id, term)",
            "join them",
        ),
        (
            &["guardians", "1", "2"],
            "its key has 1 column (id), and 2 values were given",
            "join them",
        ),
        (
            &["guardians", "404"],
            "none has these values of (id)",
            "sign by sign",
        ),
        (
            &["guardians", "3", "--by", "emial"],
            "find column emial",
            "did you mean `email`?",
        ),
        (
            &["guardians", "3", "--not"],
            "it does come",
            "without --not",
        ),
    ] {
        let ended = why(&environment, &[words, &["--district", "2"]].concat());
        assert_eq!(ended.code, 2, "{words:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(sentence), "{words:?}: {}", ended.err);
        assert!(ended.err.contains(hint), "{words:?}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
    let ended = why(&environment, &["guardians", "3", "--district", "99"]);
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(
        ended.err.contains("has no row with that key"),
        "{}",
        ended.err
    );
}

/// Natural keys that are about persons, a table without a key, a polymorphic reference, a pair, rows that
/// are taken out, a table left out, an enum and a quoted name in keys, a key that holds a comma.
const SCHEMA: &str = r#"
    create type kind as enum ('a', 'it''s');
    create table districts (code text primary key);
    create table "odd ""T""" (no int, kind kind, district text not null references districts, primary key (no, kind));
    create table people (email text primary key, boss text references people);
    create table members (district text references districts, email text references people, primary key (district, email));
    create table friends (one text references people, other text references people, primary key (one, other));
    create table notes (district text references districts, "odd no" int, kind kind, body text,
      foreign key ("odd no", kind) references "odd ""T""");
    create table codes (code text primary key);
    create table visits (id int primary key, district text not null references districts, code text not null references codes,
      member_of text, foreign key (member_of) references districts);
    create table logs (id int primary key, district text references districts);
    insert into districts values ('a,b'), ('2');
    insert into "odd ""T""" values (1, 'it''s', 'a,b'), (2, 'a', '2');
    insert into people values ('ann@school.example', null), ('bob@school.example', 'ann@school.example'),
      ('cyd@school.example', null), ('dan@school.example', null), ('eve@school.example', null);
    insert into members values ('a,b', 'bob@school.example'), ('2', 'cyd@school.example'), ('2', 'eve@school.example');
    insert into friends values ('bob@school.example', 'cyd@school.example'), ('bob@school.example', 'ann@school.example');
    insert into notes values ('a,b', 1, 'it''s', 'x'), ('2', 2, 'a', 'y'), ('2', 2, 'a', 'y');
    insert into codes values ('C'), ('D');
    insert into visits values (1, 'a,b', 'C', null), (2, 'a,b', 'D', '2');
    insert into logs values (1, 'a,b');
"#;
const CONFIGURATION: &str = r#"
[tenant]
root = "db.districts"
key = "code"
[store.db]
kind = "postgres"
source = { env = "DB_PROD_URL" }
[table."db.people"]
shared = true
[table."db.logs"]
excluded = "CERT keeps its own"
[table."db.friends"]
owner = ["(one)", "(other)"]
[table."db.visits"]
owner = ["(district)"]
boundary = { "(member_of)" = "exclude" }
[column."db.codes.code"]
class = "code"
mask = "keep"
public = true
reason = "made up"
"#;

async fn postgres() -> (Environment, String) {
    let server = TestServer::start();
    let prod = server.create_database().await;
    execute(&prod, SCHEMA).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.write("redistrict.toml", CONFIGURATION);
    (environment, prod)
}

fn of(environment: &Environment, words: &[&str]) -> Value {
    let (value, code) = environment.json(&[&["why"], words].concat());
    assert_eq!(code, 0, "{words:?}: {value:#}");
    value
}

/// Runs the statements of a chain in PROD; gives how many there were.
pub(crate) async fn check(prod: &str, answer: &Value) -> usize {
    let mut checked = 0;
    for step in answer["chain"].as_array().unwrap() {
        let checks = step["checks"].as_array().unwrap();
        assert!(!checks.is_empty(), "{step:#}");
        for check in checks {
            let statement = check["statement"].as_str().unwrap();
            let rows = count(prod, statement).await;
            match check["finds"].as_str().unwrap() {
                "1" => assert_eq!(rows, 1, "{statement}"),
                "at least 1" => assert!(rows >= 1, "{statement}"),
                other => panic!("{other}: {statement}"),
            }
            checked += 1;
        }
    }
    checked
}

#[tokio::test(flavor = "multi_thread")]
async fn each_printed_statement_is_true_in_postgres_whatever_keys_hold() {
    let (environment, prod) = postgres().await;
    for (words, comes, tables) in [
        (&["people", "ann@school.example"][..], "shared", 4),
        (&["odd \"T\"", "1,it's"], "own", 2),
        (&["notes", "x", "--by", "body"], "own", 2),
        (&["codes", "C"], "shared", 3),
        (&["members", "a,b", "bob@school.example"], "own", 2),
    ] {
        for more in [&[][..], &["--show-keys"]] {
            let told = of(
                &environment,
                &[words, &["--district", "a,b"], more].concat(),
            );
            assert_eq!(told["comes"], comes, "{told:#}");
            assert_eq!(told["chain"].as_array().unwrap().len(), tables, "{told:#}");
            assert!(check(&prod, &told).await >= tables);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_key_is_said_only_to_who_typed_it_or_asks_for_it() {
    let (environment, _) = postgres().await;
    let words = ["why", "people", "ann@school.example", "--district", "a,b"];
    let told = environment.must(&words);
    assert!(told.out.contains("ann@school.example"), "{}", told.out);
    assert!(!told.out.contains("bob@"), "{}", told.out);
    assert!(told.out.contains("(email = …)"), "{}", told.out);
    assert!(told.err.contains("--show-keys"), "{}", told.err);
    let all = environment.must(&[&words[..], &["--show-keys"]].concat());
    assert!(all.out.contains("bob@school.example"), "{}", all.out);
    // Nothing of it is kept.
    for text in ["ann@school", "bob@school"] {
        let files = crate::environment::holding(environment.dir.path(), text);
        assert_eq!(files, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_not_to_come_is_told_for_rows_of_postgres() {
    let (environment, prod) = postgres().await;
    for (words, reason) in [
        (&["people", "eve@school.example"][..], "used_elsewhere"),
        (&["people", "dan@school.example"], "nobody_refers"),
        (
            &["friends", "bob@school.example", "cyd@school.example"],
            "other_side_missing",
        ),
        (&["visits", "2"], "taken_out"),
        (&["codes", "D"], "lost_its_referrers"),
        (&["logs", "1"], "excluded_table"),
        (&["odd \"T\"", "2,a"], "another_district"),
        (&["notes", "y", "--by", "body"], "another_district"),
    ] {
        let told = of(&environment, &[words, &["--district", "a,b"]].concat());
        assert_eq!(told["why_not"]["reason"], reason, "{told:#}");
        let said = told.to_string();
        assert!(
            words.contains(&"cyd@school.example") || !said.contains("cyd@"),
            "{said}"
        );
    }
    // What leads to the other district can be looked at.
    let told = of(&environment, &["odd \"T\"", "2,a", "--district", "a,b"]);
    let statement = told["why_not"]["check"]["statement"].as_str().unwrap();
    let found = redistrict_testkit::postgres::query(&prod, statement)
        .await
        .unwrap();
    assert_eq!(found, [[Some("2".to_owned())]]);
    // Two equal rows of a table without a key.
    let ended = environment.must(&["why", "notes", "y", "--by", "body", "--district", "a,b"]);
    assert!(
        ended.err.contains("2 rows have these values"),
        "{}",
        ended.err
    );
    let ended = environment.run(&["why", "notes", "1", "--district", "a,b"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("it has no key"), "{}", ended.err);
    assert!(ended.err.contains("--by COLUMN"), "{}", ended.err);
}
