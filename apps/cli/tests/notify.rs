//! The webhook of a migration: what it is told and in which order, what happens while it is ill, and
//! that its URL stands nowhere.

use std::path::Path;
use std::process::Stdio;

use crate::environment::{Ended, Environment, holding};
use crate::hook::{Hook, Reply};

const CONFIG: &str = "redistrict-demo/redistrict.toml";
const SECRET: &str = "T0PS3CR3T-of-the-webhook";

/// The demo's estate with `[notify]`.
fn prepared(more: &str) -> Environment {
    let mut environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    let config = environment.read(CONFIG);
    environment.write(
        CONFIG,
        &format!("{config}\n[notify]\nurl = {{ env = \"WEBHOOK\" }}\n{more}\n"),
    );
    environment.set("NO_PROXY", "127.0.0.1");
    environment
}

fn with_config<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", CONFIG]].concat()
}

fn assert_secret_nowhere(environment: &Environment, ended: &Ended) {
    let said = format!("{}{}", ended.out, ended.err);
    assert!(!said.contains(SECRET), "{said}");
    // Nothing of what the server answers is shown either.
    assert!(!said.contains("services"), "{said}");
    assert_eq!(holding(environment.dir.path(), SECRET), [] as [String; 0]);
}

/// Every message is of the published schema.
pub(crate) fn assert_schema(hook: &Hook) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("docs/reference/notification.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for body in hook.received() {
        let wrong: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| error.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{body:#}");
    }
}

/// A port on which nobody listens.
fn dead_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!(
        "http://{}/services/{SECRET}",
        listener.local_addr().unwrap()
    )
}

#[test]
fn start_and_completion_are_told_in_order_and_value_free() {
    let hook = Hook::start(&[]);
    let mut environment = prepared("");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let run = environment.must(&with_config(&["migrate", "2", "--output", "json"]));
    assert_eq!(hook.events(), ["start", "completion"]);
    let result: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let told = hook.received();
    for body in &told {
        let object = &body["redistrict"];
        assert_eq!(object["run"], result["run"]);
        assert_eq!(object["district"], "2");
        assert_eq!(object["kind"], "migration");
        let text = body["text"].as_str().unwrap();
        assert!(text.contains(result["run"].as_str().unwrap()), "{text}");
    }
    assert_eq!(told[1]["redistrict"]["exit"], 0);
    assert_eq!(told[1]["redistrict"]["status"], "succeeded");
    assert_secret_nowhere(&environment, &run);

    let undo = environment.must(&with_config(&["rollback", result["run"].as_str().unwrap()]));
    assert_eq!(hook.events()[2..], ["start", "completion"]);
    assert_eq!(hook.received()[2]["redistrict"]["kind"], "undo");
    assert_schema(&hook);
    assert_secret_nowhere(&environment, &undo);
}

#[test]
fn only_the_moments_that_are_named_are_told() {
    let hook = Hook::start(&[]);
    let mut environment = prepared("on = [\"completion\"]");
    environment.set("WEBHOOK", &hook.url(SECRET));
    environment.must(&with_config(&["migrate", "2", "--skip-load"]));
    assert_eq!(hook.events(), ["completion"]);
    let text = hook.received()[0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("nothing was loaded"), "{text}");
    let config = environment.read(CONFIG);
    environment.write(CONFIG, &config.replace("\"completion\"", "\"completon\""));
    let wrong = environment.run(&with_config(&["runs"]));
    assert_eq!(wrong.code, 3);
    assert!(
        wrong.err.contains("did you mean `completion`"),
        "{}",
        wrong.err
    );
}

#[test]
fn a_run_that_waits_for_approval_tells_its_gate_and_goes_on() {
    let hook = Hook::start(&[]);
    let mut environment = prepared("[approvals]\nbefore = [\"load\"]");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let run = environment.run(&with_config(&["migrate", "2"]));
    assert_eq!(run.code, 9, "{}", run.err);
    assert_eq!(hook.events(), ["start", "gate"]);
    let gate = &hook.received()[1]["redistrict"];
    assert_eq!(
        (&gate["exit"], &gate["phase"]),
        (&9.into(), &"loading".into())
    );
    let next = gate["next"].as_str().unwrap();
    let (_, id) = next.split_once("redistrict approve ").unwrap();
    assert_secret_nowhere(&environment, &run);
    let (status, _) = environment.json(&with_config(&["status"]));
    let digest = &status["status"]["waiting"]["approval"]["digest"];
    let approve = [
        "approve",
        id,
        "--digest",
        digest.as_str().unwrap(),
        "--by",
        "somebody",
    ];
    environment.must(&with_config(&approve));
    environment.must(&with_config(&["resume", id]));
    assert_eq!(hook.events()[2..], ["start", "completion"]);
    let again = hook.received()[2]["text"].as_str().unwrap().to_owned();
    assert!(again.contains("goes on"), "{again}");
    assert_schema(&hook);
}

#[test]
fn what_is_refused_for_a_moment_is_sent_again() {
    let later = "Retry-After: 1".to_owned();
    let hook = Hook::start(&[
        Reply::Status(500),
        Reply::With(429, later),
        Reply::Status(200),
    ]);
    let mut environment = prepared("");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let run = environment.must(&with_config(&["migrate", "2"]));
    assert_eq!(hook.events(), ["start", "start", "start", "completion"]);
    assert!(!run.err.contains("warning:"), "{}", run.err);
}

#[test]
fn a_webhook_that_is_ill_is_tried_four_times_and_then_once_a_message() {
    let script: Vec<Reply> = (0..8).map(|_| Reply::Status(503)).collect();
    let hook = Hook::start(&script);
    let mut environment = prepared("");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let run = environment.must(&with_config(&["migrate", "2"]));
    assert_eq!(
        hook.events(),
        ["start", "start", "start", "start", "completion"]
    );
    assert_eq!(
        run.err
            .matches("was not delivered: it answered 503")
            .count(),
        2
    );
    assert_secret_nowhere(&environment, &run);
}

#[test]
fn a_webhook_that_refuses_for_good_is_asked_once_and_is_a_warning() {
    let hook = Hook::start(&[Reply::Status(404), Reply::Status(404)]);
    let mut environment = prepared("");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let run = environment.must(&with_config(&["migrate", "2"]));
    assert_eq!(hook.events(), ["start", "completion"]);
    for event in ["start", "completion"] {
        let warning = format!("the notification of {event} was not delivered: it answered 404");
        assert!(run.err.contains(&warning), "{}", run.err);
        let logs = environment.path("redistrict-demo/logs");
        assert_eq!(holding(&logs, &warning).len(), 1);
    }
    assert_secret_nowhere(&environment, &run);
}

#[test]
fn a_dead_webhook_and_a_missing_url_are_warnings_and_the_run_is_done() {
    let mut environment = prepared("");
    let missing = environment.must(&with_config(&["migrate", "2", "--dry-run"]));
    assert!(
        missing.err.contains("the variable WEBHOOK is not set"),
        "{}",
        missing.err
    );
    environment.set("WEBHOOK", &dead_url());
    let run = environment.must(&with_config(&["migrate", "2"]));
    assert!(run.out.contains("Status: SUCCESS"), "{}", run.out);
    let said = "the notification of completion was not delivered: the host cannot be reached";
    assert!(run.err.contains(said), "{}", run.err);
    assert_secret_nowhere(&environment, &run);
}

#[test]
fn a_webhook_that_never_answers_holds_nothing_up_and_its_url_is_on_no_command_line() {
    let hook = Hook::start(&[Reply::Never, Reply::Never, Reply::Never, Reply::Never]);
    let mut environment = prepared("");
    environment.set("WEBHOOK", &hook.url(SECRET));
    let child = environment
        .command(&with_config(&["migrate", "2", "--output", "json"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    hook.arrivals.recv().unwrap();
    // The process waits for an answer that never comes: it is there.
    let line = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains("migrate") && !line.contains(SECRET), "{line}");
    let output = child.wait_with_output().unwrap();
    let run = Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert_eq!(run.code, 0, "{}", run.err);
    let result: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(result["status"], "SUCCESS", "{result:#}");
    assert!(
        run.err.contains("warning: a notification was not sent"),
        "{}",
        run.err
    );
    assert_secret_nowhere(&environment, &run);
}

#[test]
fn notify_test_says_what_came_back_and_nothing_more() {
    let elsewhere = Hook::start(&[]);
    let redirect = format!("Location: {}", elsewhere.url(SECRET));
    for (reply, code, said) in [
        (Reply::Status(200), 0, "it answered 200"),
        (Reply::Status(204), 0, "it answered 204"),
        (Reply::With(302, redirect), 3, "redirects are not followed"),
        (Reply::Status(400), 3, "it answered 400"),
        (Reply::Status(403), 4, "it answered 403"),
        (Reply::Status(404), 4, "it answered 404"),
        (Reply::Status(429), 8, "it answered 429"),
        (Reply::Status(503), 8, "it answered 503"),
    ] {
        let hook = Hook::start(&[reply]);
        let mut environment = prepared("");
        environment.set("WEBHOOK", &hook.url(SECRET));
        let ended = environment.run(&with_config(&["notify", "test"]));
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        let all = format!("{}{}", ended.out, ended.err);
        assert!(all.contains(said), "{said}: {all}");
        assert_eq!(hook.events(), ["test"]);
        assert_schema(&hook);
        assert_secret_nowhere(&environment, &ended);
    }
    assert_eq!(elsewhere.events(), [] as [&str; 0]);
}

#[test]
fn over_tls_only_a_certificate_that_this_machine_trusts_is_told() {
    let mut environment = prepared("");
    let hook = Hook::start_with_tls(&[], environment.dir.path());
    environment.set("WEBHOOK", &hook.url(SECRET));
    let strange = environment.run(&with_config(&["notify", "test"]));
    assert_eq!(strange.code, 3, "{}", strange.err);
    assert!(strange.err.contains("not trusted"), "{}", strange.err);
    assert_eq!(hook.events(), [] as [&str; 0]);
    let certificate = environment.path("hook.crt");
    environment.set("SSL_CERT_FILE", &certificate.display().to_string());
    let known = environment.must(&with_config(&["notify", "test"]));
    assert_eq!(hook.events(), ["test"]);
    assert_secret_nowhere(&environment, &known);
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = Hook::start(&[]);
    let mut environment = prepared("");
    environment.set("NO_PROXY", "nothing.example");
    environment.set("HTTPS_PROXY", proxy.url("").trim_end_matches("/services/"));
    environment.set("WEBHOOK", &format!("http://hook.invalid/services/{SECRET}"));
    let ended = environment.run(&with_config(&["notify", "test"]));
    // The proxy of this test takes no CONNECT: that the request came to it is what counts.
    assert_eq!(ended.code, 8, "{}", ended.err);
    assert_eq!(proxy.refused(), 1, "{}", ended.err);
    assert_secret_nowhere(&environment, &ended);
}

#[test]
fn notify_test_of_a_wrong_url_has_its_exit_code() {
    let hook = Hook::start(&[]);
    let mut environment = prepared("");
    let unset = environment.run(&with_config(&["notify", "test"]));
    assert_eq!(unset.code, 4, "{}", unset.err);
    let secure = hook.url(SECRET).replace("http:", "https:");
    for (url, code) in [
        (dead_url(), 8),
        (format!("ftp://127.0.0.1/services/{SECRET}"), 3),
        (format!("127.0.0.1/services/{SECRET}"), 3),
        (format!("http:///services/{SECRET}"), 3),
        (format!("http://127.0.0.1:1/services /{SECRET}"), 3),
        (secure, 3),
    ] {
        environment.set("WEBHOOK", &url);
        for format in ["text", "json", "jsonl"] {
            let arguments = with_config(&["notify", "test", "--output", format]);
            let ended = environment.run(&arguments);
            assert_eq!(ended.code, code, "{url}: {}{}", ended.out, ended.err);
            assert_secret_nowhere(&environment, &ended);
        }
    }
    environment.write(
        CONFIG,
        &environment.read(CONFIG).replace("[notify]", "[run]\n#"),
    );
    let none = environment.run(&with_config(&["notify", "test"]));
    assert_eq!(none.code, 3, "{}", none.err);
}
