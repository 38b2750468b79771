//! What `plan --exact` and `select` foretell: rows, bytes, times of earlier runs, statements, limits.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use redistrict_testkit::postgres::{TestServer, execute};
use serde_json::Value;

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

fn estate() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "30", "--prepare-only"]);
    environment
}

fn call(environment: &Environment, words: &[&str]) -> Value {
    let (value, code) = environment.json(&[words, &["--config", CONFIG]].concat());
    assert_eq!(code, 0, "{words:?}: {value:#}");
    value
}

fn tables(plan: &Value) -> &Vec<Value> {
    plan["tables"].as_array().unwrap()
}

fn rows(table: &Value) -> u64 {
    let counts = ["own", "shared", "stubs"].iter();
    counts.map(|count| table[count].as_u64().unwrap()).sum()
}

#[test]
fn times_come_from_earlier_runs_and_from_nothing_else() {
    let environment = estate();
    let before = call(&environment, &["plan", "1", "--exact"]);
    assert_eq!(before["time"]["millis"], Value::Null);
    assert!(
        tables(&before)
            .iter()
            .all(|table| table["millis"].is_null())
    );
    let text = environment
        .must(&["plan", "1", "--exact", "--config", CONFIG])
        .out;
    assert!(
        text.contains("no time is estimated: no migration was measured yet"),
        "{text}"
    );
    let ranked = call(&environment, &["select"]);
    let is_unknown = |one: &Value| one["estimated_millis"].is_null();
    assert!(
        ranked["districts"]
            .as_array()
            .unwrap()
            .iter()
            .all(is_unknown)
    );

    // A dry run did not load: it measures nothing.
    environment.must(&["migrate", "2", "--dry-run", "--config", CONFIG]);
    assert_eq!(
        call(&environment, &["plan", "1", "--exact"])["time"]["measured_runs"],
        0
    );
    let moved = call(&environment, &["migrate", "2"]);
    let after = call(&environment, &["plan", "1", "--exact"]);
    let time = &after["time"];
    assert_eq!(
        (&time["measured_runs"], &time["measured_rows"]),
        (&1.into(), &moved["extracted"])
    );
    let millis = time["millis"].as_u64().unwrap();
    let worked: u64 = (moved["phases"].as_array().unwrap().iter())
        .map(|phase| phase["millis"].as_u64().unwrap())
        .sum();
    let expected = worked * after["rows"].as_u64().unwrap() / moved["extracted"].as_u64().unwrap();
    assert_eq!(millis, expected, "{time:#}");
    assert_eq!(time["phases"].as_array().unwrap().len(), 5);
    let shares: u64 = tables(&after)
        .iter()
        .map(|table| table["millis"].as_u64().unwrap())
        .sum();
    assert!(
        shares <= millis && shares + 60 > millis,
        "{shares} of {millis}"
    );
    let ranked = call(&environment, &["select"]);
    for district in ranked["districts"].as_array().unwrap() {
        assert!(
            district["estimated_millis"].as_u64().unwrap() > 0,
            "{district:#}"
        );
    }
    // All digests are the same: times are in none.
    assert_eq!(before["digest"], after["digest"]);
}

#[test]
fn a_plan_says_of_each_table_how_it_comes_what_it_weighs_and_what_is_asked() {
    let environment = estate();
    let plan = call(&environment, &["plan", "2", "--exact"]);
    let sent = call(&environment, &["plan", "2", "--sql"]);
    let stores = sent["stores"].as_array().unwrap().iter();
    let sent: BTreeSet<&str> = stores
        .flat_map(|store| store["statements"].as_array().unwrap())
        .map(|one| one["statement"].as_str().unwrap())
        .collect();
    let mut with_rows = 0;
    for table in tables(&plan) {
        if rows(table) == 0 {
            continue;
        }
        with_rows += 1;
        let statement = table["statement"].as_str().unwrap();
        assert!(sent.contains(statement), "{statement} is not sent");
        assert!(table["bytes"].as_u64().unwrap() >= rows(table), "{table:#}");
    }
    assert!(with_rows > 30, "{with_rows} tables");
    let find = |name: &str| {
        tables(&plan)
            .iter()
            .find(|one| one["table"] == name)
            .unwrap()
    };
    assert_eq!(find("ids.main.districts")["path"], "is the district");
    assert_eq!(
        find("ids.main.students")["path"],
        "belongs to schools > districts"
    );
    let learners = find("hcp1.main.learners");
    assert_eq!(
        learners["path"],
        "belongs to ids.students > ids.schools > ids.districts"
    );
    assert_eq!(learners["bytes_at_least"], true, "it holds files");
    let guardians = find("ids.main.guardians")["path"].as_str().unwrap();
    assert!(guardians.starts_with("comes where "), "{guardians}");

    let text = environment
        .must(&["plan", "2", "--exact", "--config", CONFIG])
        .out;
    let lines = text.lines().filter(|line| !line.starts_with("boundary "));
    for line in lines {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(
        text.contains("\nowned: belongs to schools > districts\n"),
        "{text}"
    );
}

/// The plan says that a run will ask; the run asks before a row is read, and goes on once somebody approves.
#[test]
fn more_rows_than_were_allowed_are_asked_for_before_they_come() {
    let environment = estate();
    let text = environment.read(CONFIG);
    let limit = "\n[table.\"ids.main.attendance\"]\nmax_rows = 5\n";
    environment.write(CONFIG, &format!("{text}{limit}"));
    let (plan, code) = environment.json(&["plan", "2", "--exact", "--config", CONFIG]);
    assert_eq!(code, 0, "{plan:#}");
    let findings = plan["findings"].as_array().unwrap();
    let told = findings
        .iter()
        .find(|one| one["code"] == "max-rows")
        .unwrap();
    let message = told["message"].as_str().unwrap();
    assert!(
        message.ends_with("max_rows is 5: a run waits until somebody approves"),
        "{message}"
    );
    assert_eq!(told["lines"][0], "[table.\"ids.main.attendance\"]");

    let run = |words: &[&str]| environment.run(&[words, &["--config", CONFIG]].concat());
    let waits = run(&["migrate", "2"]);
    assert_eq!(waits.code, 9, "{}", waits.err);
    assert!(
        waits.err.contains("more than max_rows = 5 allows"),
        "{}",
        waits.err
    );
    let staging = environment.path("redistrict-demo/data/staging");
    assert!(!staging.exists() || std::fs::read_dir(staging).unwrap().next().is_none());
    assert_eq!(run(&["resume"]).code, 9, "nobody has approved");
    let (status, _) = environment.json(&["status", "--config", CONFIG]);
    let (id, asked) = (
        &status["run"],
        &status["status"]["waiting"]["approval"]["digest"],
    );
    let (id, asked) = (id.as_str().unwrap(), asked.as_str().unwrap());
    let approved = run(&["approve", id, "--digest", asked, "--by", "Data Owner"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let said = "ids.main.attendance has more rows of the district than max_rows = 5: up to ";
    assert!(approved.err.contains(said), "{}", approved.err);
    let done = run(&["resume", id]);
    assert_eq!(done.code, 0, "{}", done.err);
    // Within its limit nobody is asked.
    environment.write(CONFIG, &format!("{text}{}", limit.replace('5', "5000000")));
    let again = run(&["migrate", "1"]);
    assert_eq!(again.code, 0, "{}", again.err);
}

/// The process that waits is killed; another one finds the question asked.
#[test]
fn a_run_that_was_killed_while_it_waited_still_waits() {
    let environment = estate();
    let text = environment.read(CONFIG);
    let limit = "\n[table.\"ids.main.attendance\"]\nmax_rows = 5\n";
    environment.write(CONFIG, &format!("{text}{limit}"));
    let mut command = environment.command(&["migrate", "2", "--wait", "--config", CONFIG]);
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let waits = lines.find(|line| line.contains("waits for approval"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waits.is_some());
    let run = |words: &[&str]| environment.run(&[words, &["--config", CONFIG]].concat());
    assert_eq!(run(&["resume"]).code, 9);
    let (status, _) = environment.json(&["status", "--config", CONFIG]);
    let (id, asked) = (
        &status["run"],
        &status["status"]["waiting"]["approval"]["digest"],
    );
    let (id, asked) = (id.as_str().unwrap(), asked.as_str().unwrap());
    assert_eq!(
        run(&["approve", id, "--digest", asked, "--by", "x"]).code,
        0
    );
    let done = run(&["resume", id]);
    assert_eq!(done.code, 0, "{}", done.err);
}

/// Two districts; pages that hardly any of the others refers to, and one book that all pages belong to.
const HUB: &str = "
    create table districts (id int primary key);
    create table pages (id int primary key);
    create table notes (id int primary key, district int not null references districts, page int not null references pages,
      body text not null);
    create table marks (note int not null references notes, no int not null, primary key (note, no));
    insert into districts select g from generate_series(1, 20) g;
    insert into pages select g from generate_series(1, 2000) g;
    insert into notes select g, 1, g, repeat('x', 100) from generate_series(1, 1500) g;
    insert into notes select 10000 + g, 2 + g % 19, 1 + g % 5, 'y' from generate_series(1, 8000) g;
    insert into marks select id, 1 from notes;
";

/// The databases of the hub, with these lines of configuration; CERT is empty.
async fn hub_with(lines: &str) -> Environment {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, HUB).await.unwrap();
    execute(&cert, HUB).await.unwrap();
    execute(&cert, "truncate districts cascade; truncate pages cascade")
        .await
        .unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let base = "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
                source = { env = \"DB_PROD_URL\" }\ntarget = { env = \"DB_CERT_URL\" }\n\
                [table.\"db.pages\"]\nshared = false\n";
    environment.write("redistrict.toml", &format!("{base}{lines}"));
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_beyond_its_limit_waits_before_anything_is_masked() {
    let environment = hub_with("[approvals]\nhub_rows = 1499\n").await;
    environment.must(&["enroll", "--name", "test"]);
    let waits = environment.run(&["migrate", "1"]);
    assert_eq!(waits.code, 9, "{}", waits.err);
    assert!(waits.err.contains("(hub_rows = 1499)"), "{}", waits.err);
    let (status, _) = environment.json(&["status"]);
    let asked = &status["status"]["waiting"]["approval"];
    assert_eq!(asked["phase"], "anonymization", "{status:#}");
    let (id, digest) = (
        status["run"].as_str().unwrap(),
        asked["digest"].as_str().unwrap(),
    );
    let approved = environment.run(&["approve", id, "--digest", digest, "--by", "Data Owner"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let said = "db.public.pages is not the district's own, and more than 1,499 of its rows come";
    assert!(approved.err.contains(said), "{}", approved.err);
    let done = environment.run(&["resume", id]);
    assert_eq!(done.code, 0, "{}", done.err);
    // A hub within the limit, and a district without one, ask nobody.
    let text = environment.read("redistrict.toml");
    assert_eq!(environment.run(&["migrate", "2"]).code, 0);
    environment.write("redistrict.toml", &text.replace("1499", "1500"));
    assert_eq!(environment.run(&["migrate", "1"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_which_unusually_much_comes_is_named_and_postgres_statements_are_those_sent() {
    let environment = hub_with("").await;
    let (plan, code) = environment.json(&["plan", "1", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    let findings = plan["findings"].as_array().unwrap();
    let hub = findings.iter().find(|one| one["code"] == "hub").unwrap();
    assert_eq!(hub["subject"], "db.public.pages");
    let message = hub["message"].as_str().unwrap();
    assert!(
        message
            .starts_with("1,500 of its 2,000 rows come (75 %), of the district's own tables 15 %"),
        "{message}"
    );
    let (other, _) = environment.json(&["plan", "2", "--exact"]);
    let findings = other["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["code"] != "hub"), "{other:#}");

    let (sent, _) = environment.json(&["plan", "1", "--sql"]);
    let sent = sent["stores"][0]["statements"].as_array().unwrap().iter();
    let sent: BTreeSet<&str> = sent.map(|one| one["statement"].as_str().unwrap()).collect();
    for table in tables(&plan) {
        let statement = table["statement"].as_str().unwrap();
        assert!(sent.contains(statement), "{table:#}\n{sent:#?}");
    }
    // Notes are 100 letters and some digits.
    let notes = tables(&plan)
        .iter()
        .find(|one| one["table"] == "db.public.notes")
        .unwrap();
    let bytes = notes["bytes"].as_u64().unwrap();
    assert!((150_000..200_000).contains(&bytes), "{bytes}");
}
