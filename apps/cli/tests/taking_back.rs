//! What is said of a run that is taken back, or would be, or is to be: in the list of runs, to the approver,
//! in the report, to the webhook.

use crate::environment::{Ended, Environment};
use crate::hook::Hook;
use crate::notify::assert_schema;

const CONFIG: &str = "redistrict-demo/redistrict.toml";
const SECRET: &str = "T0PS3CR3T-of-the-webhook";

fn prepared(more: &str) -> Environment {
    let mut environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    let config = environment.read(CONFIG);
    environment.write(CONFIG, &format!("{config}\n{more}\n"));
    environment.set("NO_PROXY", "127.0.0.1");
    environment
}

fn run(environment: &Environment, arguments: &[&str]) -> Ended {
    environment.run(&[arguments, &["--config", CONFIG]].concat())
}

fn json(environment: &Environment, arguments: &[&str]) -> (serde_json::Value, i32) {
    environment.json(&[arguments, &["--config", CONFIG]].concat())
}

fn waiting(environment: &Environment) -> (String, String) {
    let (status, _) = json(environment, &["status"]);
    let digest = &status["status"]["waiting"]["approval"]["digest"];
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&status["run"]), text(digest))
}

#[test]
fn a_dry_run_of_an_undo_does_not_look_like_one() {
    let environment = prepared("");
    let (done, _) = json(&environment, &["migrate", "2"]);
    let id = done["run"].as_str().unwrap();
    let dry = run(&environment, &["rollback", "--dry-run", id]);
    assert_eq!(dry.code, 0, "{}", dry.err);
    let runs = run(&environment, &["runs"]);
    let line = runs
        .out
        .lines()
        .find(|line| line.starts_with("rb-"))
        .unwrap();
    assert!(line.contains("succeeded (dry run)"), "{}", runs.out);
    let (listed, _) = json(&environment, &["runs"]);
    let is_dry: Vec<&serde_json::Value> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["is_dry_run"])
        .collect();
    assert_eq!(
        is_dry,
        [&serde_json::json!(false), &serde_json::json!(true)]
    );
    let status = run(&environment, &["status"]);
    assert!(status.out.contains("succeeded (dry run)"), "{}", status.out);
    // The run itself stands.
    let status = run(&environment, &["status", id]);
    assert!(status.out.contains(": succeeded\n"), "{}", status.out);
}

#[test]
fn who_approves_an_undo_sees_what_it_would_do_and_its_report_claims_nothing_before() {
    let environment = prepared("[approvals]\nbefore = [\"undo\"]");
    let (done, _) = json(&environment, &["migrate", "2"]);
    let id = done["run"].as_str().unwrap();
    let loaded = done["loaded"].as_u64().unwrap();
    assert!(loaded > 100, "{done:#}");
    let waits = run(&environment, &["rollback", id]);
    assert_eq!(waits.code, 9, "{}", waits.err);
    assert!(!waits.out.contains("Taken back"), "{}", waits.out);
    let to_take = format!("- To take back: {id}\n- Rows: {loaded} (not done)");
    assert!(waits.out.contains(&to_take), "{}", waits.out);
    let (undo, digest) = waiting(&environment);
    let report =
        |name: &str| environment.read(&format!("redistrict-demo/data/reports/{undo}.{name}"));
    for name in ["md", "html"] {
        let text = report(name);
        assert!(!text.contains("Rows taken back"), "{name}");
        assert!(text.contains("Rows to take back"), "{name}");
    }
    let forecast: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    let removed: u64 = forecast["undo_forecast"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["remove"].as_u64().unwrap() + one["restore"].as_u64().unwrap())
        .sum();
    assert_eq!(removed, loaded, "{:#}", forecast["undo_forecast"]);

    let approve = ["approve", &undo, "--digest", &digest, "--by", "somebody"];
    let given = run(&environment, &approve);
    assert_eq!(given.code, 0, "{}", given.err);
    for words in [
        "It would remove ",
        "table",
        "put in again",
        "ids.main.students",
    ] {
        assert!(given.err.contains(words), "{words}: {}", given.err);
    }
    let done = run(&environment, &["resume"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.out.contains(&format!("- Taken back: {id}")),
        "{}",
        done.out
    );
    assert!(report("md").contains("Rows taken back"));
}

#[test]
fn a_run_that_is_given_up_is_told_of() {
    let hook = Hook::start(&[]);
    let mut environment =
        prepared("[notify]\nurl = { env = \"WEBHOOK\" }\n[approvals]\nbefore = [\"load\"]");
    environment.set("WEBHOOK", &hook.url(SECRET));
    assert_eq!(run(&environment, &["migrate", "2"]).code, 9);
    let (id, _) = waiting(&environment);
    let cancelled = run(&environment, &["cancel", &id]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert_eq!(hook.events(), ["start", "gate", "failure"]);
    let told = &hook.received()[2];
    let object = &told["redistrict"];
    assert_eq!(
        (&object["run"], &object["status"]),
        (&id.as_str().into(), &"cancelled".into())
    );
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains("was cancelled; it had written nothing to CERT"),
        "{text}"
    );
    assert_schema(&hook);
}

#[test]
fn what_somebody_asked_a_process_that_is_gone_stops_nobody() {
    let environment = prepared("[approvals]\nbefore = [\"load\"]");
    assert_eq!(run(&environment, &["migrate", "2"]).code, 9);
    let (id, digest) = waiting(&environment);
    let approve = ["approve", &id, "--digest", &digest, "--by", "somebody"];
    assert_eq!(run(&environment, &approve).code, 0);
    let wish = format!("redistrict-demo/.redistrict/locks/{id}.stop");
    environment.write(&wish, "");
    let done = run(&environment, &["resume"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(!environment.path(&wish).exists());
}

/// The digest of CERT that an undo prints.
fn digest_of(ended: &Ended) -> String {
    let line = ended.err.lines().chain(ended.out.lines());
    let mut line = line.filter_map(|line| line.split_once("CERT digest: "));
    line.next_back()
        .expect("an undo tells the digest")
        .1
        .to_owned()
}

#[test]
fn rows_that_two_districts_share_stay_until_the_last_one_goes() {
    let environment = prepared("");
    let prod = environment.path("redistrict-demo/prod/ids.db");
    let subject = "insert into subjects values (900, 'BOTH', 'Taught in both', 1.0);
                   insert into courses select 9000 + district_id, min(id), 900, 'Both' from schools
                   where district_id in (2, 3) group by district_id;";
    let prod = rusqlite::Connection::open(prod).unwrap();
    prod.execute_batch(subject).unwrap();
    let id = |district: &str| {
        let (done, code) = json(&environment, &["migrate", district]);
        assert_eq!(code, 0, "{done:#}");
        done["run"].as_str().unwrap().to_owned()
    };
    let alone = id("2");
    let before = digest_of(&run(&environment, &["rollback", &alone]));
    let (first, second) = (id("2"), id("3"));
    let refused = run(&environment, &["rollback", &first]);
    assert_eq!(refused.code, 12, "{}", refused.err);
    let named = format!("rows were found there by run {second}, which relies on them");
    assert!(refused.err.contains(&named), "{}", refused.err);
    assert!(refused.err.contains("--retain-shared"), "{}", refused.err);
    let dry = run(&environment, &["rollback", "--dry-run", &first]);
    assert_eq!(dry.code, 12, "{}", dry.err);

    let done = run(&environment, &["rollback", "--retain-shared", &first]);
    assert_eq!(done.code, 0, "{}", done.err);
    let (listed, _) = json(&environment, &["runs"]);
    let undo = listed["runs"].as_array().unwrap().iter();
    let undo = undo.filter_map(|one| one["run"].as_str());
    let undo = undo.filter(|run| run.starts_with("rb-")).max().unwrap();
    let report = environment.read(&format!("redistrict-demo/data/reports/{undo}.md"));
    let listed = format!("rows stay in CERT because run {second} relies on them");
    assert!(report.contains(&listed), "{report}");
    let last = run(&environment, &["rollback", &second]);
    assert_eq!(last.code, 0, "{}", last.err);
    assert_eq!(digest_of(&last), before);
}
