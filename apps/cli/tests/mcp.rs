//! `redistrict mcp` from the outside: an assistant at its streams, a person at a terminal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

/// The demo's estate, with nothing in `[approvals]`.
fn prepared() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment
}

fn cert(environment: &Environment) -> Vec<Vec<u8>> {
    let files = ["ids.db", "hcp1.db", "hcp2.db", "adb.db", "sp.db"].iter();
    files
        .map(|name| std::fs::read(environment.path("redistrict-demo/cert").join(name)).unwrap())
        .collect()
}

fn terminal(environment: &Environment, arguments: &[&str]) -> (Value, i32) {
    environment.json(&[arguments, &["--config", CONFIG]].concat())
}

/// A person looks at what waits and approves it; gives the digest.
fn approve(environment: &Environment, run: &str) -> String {
    let (state, _) = terminal(environment, &["status", run]);
    let digest = state["status"]["waiting"]["approval"]["digest"].as_str();
    let digest = digest.unwrap_or_else(|| panic!("{state:#}")).to_owned();
    let words = ["approve", run, "--by", "Data Owner", "--digest", &digest];
    assert_eq!(terminal(environment, &words).1, 0);
    digest
}

/// An assistant at the standard streams.
struct Assistant {
    child: Child,
    asks: Option<ChildStdin>,
    hears: BufReader<ChildStdout>,
    next: u64,
    heard: String,
}

impl Assistant {
    fn begin(environment: &Environment, more: &[&str]) -> Self {
        let mut child = environment
            .command(&[&["mcp", "--config", CONFIG], more].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, hears) = (child.stdin.take(), child.stdout.take().unwrap());
        let hears = BufReader::new(hears);
        let (next, heard) = (1, String::new());
        let mut assistant = Self {
            child,
            asks,
            hears,
            next,
            heard,
        };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        });
        let info = assistant.call("initialize", &hello);
        let instructions = info["result"]["instructions"].as_str().unwrap();
        assert!(instructions.contains("A person approves"), "{instructions}");
        assistant.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assistant
    }

    fn say(&mut self, message: &Value) {
        let asks = self.asks.as_mut().unwrap();
        writeln!(asks, "{message}").unwrap();
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(
                self.hears.read_line(&mut line).unwrap() > 0,
                "the server is gone"
            );
            self.heard.push_str(&line);
            let heard: Value = serde_json::from_str(&line).unwrap();
            if heard["id"] == id {
                return heard;
            }
        }
    }

    fn result(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.call("tools/call", &params)["result"].clone()
    }

    fn tool(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.result(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result:#}");
        result["structuredContent"].clone()
    }

    fn refusal(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.result(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result:#}");
        serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    /// Starts a run, and waits until it rests.
    fn run(&mut self, tool: &str, arguments: &Value) -> Value {
        let run = self.tool(tool, arguments)["run"].clone();
        self.tool("status", &json!({ "run": run, "wait_seconds": 120 }))
    }

    fn leaves(mut self) -> String {
        drop(self.asks.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let mut noted = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut noted)
            .unwrap();
        assert_eq!(noted, "");
        self.heard
    }
}

fn run_of(state: &Value) -> String {
    state["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_migration_and_its_undo_wait_for_a_terminal_and_no_answer_holds_what_that_needs() {
    let environment = prepared();
    let before = cert(&environment);
    let mut assistant = Assistant::begin(&environment, &[]);
    let tools = assistant.call("tools/list", &json!({}));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 16);
    let waits = assistant.run("migrate", &json!({ "district": "2" }));
    assert_eq!(waits["standing"], "waiting_for_approval", "{waits:#}");
    let sentence = waits["needs"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("approve --config"), "{sentence}");
    assert_eq!(cert(&environment), before);
    let run = run_of(&waits);
    for document in [
        "plan",
        "verdict",
        "report.md",
        "report.json",
        "checklist",
        "log",
    ] {
        let uri = format!("redistrict://runs/{run}/{document}");
        let read = assistant.call("resources/read", &json!({ "uri": uri }));
        assert!(
            read["result"]["contents"][0]["text"].is_string(),
            "{read:#}"
        );
    }

    let mut digests = vec![approve(&environment, &run)];
    let wait = json!({ "run": run, "wait_seconds": 120, "wait_for": "change" });
    let done = assistant.tool("status", &wait);
    assert_eq!(done["standing"], "succeeded", "{done:#}");
    assert_ne!(cert(&environment), before);
    let report = assistant.tool("report", &json!({ "run": run }));
    assert_eq!(report["status"], "SUCCESS");
    assert_eq!(report["totals"]["leaks"], 0);

    let undo = assistant.run("rollback", &json!({ "run": run }));
    assert_eq!(undo["standing"], "waiting_for_approval", "{undo:#}");
    assert_eq!(undo["takes_back"], run.as_str());
    let undo = run_of(&undo);
    let log = format!("redistrict://runs/{undo}/log");
    assistant.call("resources/read", &json!({ "uri": log }));
    digests.push(approve(&environment, &undo));
    let wait = json!({ "run": undo, "wait_seconds": 120, "wait_for": "change" });
    assert_eq!(assistant.tool("status", &wait)["standing"], "succeeded");
    let again = assistant.refusal("rollback", &json!({ "run": run }));
    assert_eq!(again["exit"], 0, "{again:#}");
    assert!(again["error"].as_str().unwrap().contains("nothing to do"));
    let heard = assistant.leaves();
    for digest in digests {
        assert!(!heard.contains(&digest[..12]));
    }
}

#[test]
fn what_writes_unasked_is_not_gone_on_with_and_what_writes_nothing_waits_for_nobody() {
    let environment = prepared();
    let before = cert(&environment);
    let mut assistant = Assistant::begin(&environment, &[]);
    let dry = assistant.run("migrate", &json!({ "district": "2", "dry_run": true }));
    assert_eq!(dry["standing"], "succeeded", "{dry:#}");
    let skipped = json!({ "district": "2", "skip_load": true, "skip_extraction": true });
    let without = assistant.run("migrate", &skipped);
    assert_eq!(without["standing"], "succeeded", "{without:#}");

    // A run of a terminal that has no gate before the load.
    let words = ["migrate", "2", "--ask-before", "extract"];
    let (ended, code) = terminal(&environment, &words);
    assert_eq!(code, 9, "{ended:#}");
    let run = run_of(&ended);
    let refusal = assistant.refusal("resume", &json!({ "run": run }));
    assert_eq!(refusal["exit"], 3, "{refusal:#}");
    approve(&environment, &run);
    assert_eq!(
        assistant.refusal("resume", &json!({ "run": run }))["exit"],
        3
    );
    let given_up = assistant.tool("cancel", &json!({ "run": run }));
    assert_eq!(given_up["run"]["standing"], "cancelled");
    assert_eq!(cert(&environment), before);

    // Of a load that is given up while it waits nothing is taken back.
    let load = assistant.run("load", &json!({ "district": "2" }));
    assert_eq!(load["standing"], "waiting_for_approval", "{load:#}");
    let given_up = assistant.tool("cancel", &json!({ "run": load["run"] }));
    assert_eq!(given_up["undo"], Value::Null);
    assert_eq!(cert(&environment), before);
    assistant.leaves();
}

#[test]
fn a_run_goes_on_when_the_assistant_is_gone() {
    let environment = prepared();
    let mut assistant = Assistant::begin(&environment, &[]);
    let run = run_of(&assistant.tool("migrate", &json!({ "district": "2" })));
    assistant.leaves();
    let watched = environment.run(&["watch", &run, "--config", CONFIG]);
    assert_eq!(watched.code, 9, "{}", watched.err);
    approve(&environment, &run);
    let watched = environment.run(&["watch", &run, "--config", CONFIG]);
    assert_eq!(watched.code, 0, "{}", watched.err);
    let left: Vec<_> = std::fs::read_dir(environment.path("redistrict-demo/.redistrict"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("mcp-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_servers_of_one_side_say_what_is_there_and_no_row() {
    let environment = prepared();
    let mut prod = Assistant::begin(&environment, &["prod"]);
    let schema = prod.tool("schema", &json!({ "table": "ids.main.students" }));
    let table = &schema["tables"][0];
    assert_eq!(table["primary_key"], json!(["id"]), "{schema:#}");
    assert!(table.get("labels").is_none());
    let counts = prod.tool("counts", &json!({ "district": "2" }));
    let tables = counts["tables"].as_array().unwrap();
    let students = tables
        .iter()
        .find(|one| one["table"] == "ids.main.students");
    assert_eq!(students.unwrap()["own"], 12, "{counts:#}");
    assert_eq!(
        prod.tool("ranking", &json!({}))["districts"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    prod.leaves();

    let mut cert = Assistant::begin(&environment, &["cert"]);
    assert_eq!(cert.tool("loads", &json!({})), json!({ "loads": [] }));
    assert_eq!(cert.refusal("digests", &json!({}))["exit"], 2);
    let (loaded, code) = terminal(&environment, &["migrate", "2"]);
    assert_eq!(code, 0, "{loaded:#}");
    let loads = cert.tool("loads", &json!({}));
    let load = &loads["loads"][0];
    assert_eq!(
        (&load["run"], &load["state"]),
        (&loaded["run"], &"committed".into())
    );
    assert_eq!(load["stores"].as_array().unwrap().len(), 5);
    let before = cert.tool("digests", &json!({}));
    let drift = cert.tool("drift", &json!({}));
    assert_eq!(drift["differences"], json!([]));
    let file = environment.path("redistrict-demo/cert/ids.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other
        .execute_batch("alter table subjects add column x int; delete from audit_log")
        .unwrap();
    let drift = cert.tool("drift", &json!({}));
    let differences = drift["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{drift:#}");
    assert_eq!(differences[0]["what"], "column x is new");
    assert_ne!(cert.tool("digests", &json!({})), before);
    cert.leaves();
}

#[test]
fn a_server_that_listens_needs_a_token_that_nobody_else_can_read() {
    let environment = prepared();
    let open = environment.path("open-token");
    std::fs::write(&open, "x".repeat(40)).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let words = [
        "mcp",
        "--http",
        "0",
        "--token-file",
        "open-token",
        "--config",
        CONFIG,
    ];
    let refused = environment.run(&words);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(
        refused.err.contains("chmod 600 open-token"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains("xxxx"));
    let words = ["mcp", "--token-file", "open-token", "--config", CONFIG];
    assert_eq!(environment.run(&words).code, 2, "a token is for --http");

    let mut child = environment
        .command(&["mcp", "--http", "0", "--config", CONFIG])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut noted = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    noted.read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("listening on http://").unwrap();
    let address = address.strip_suffix("/mcp").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 401 "), "{reply}");
    let token = environment.read("redistrict-demo/.redistrict/mcp-token");
    let terminate = ["-TERM".to_owned(), child.id().to_string()];
    assert!(
        std::process::Command::new("kill")
            .args(terminate)
            .status()
            .unwrap()
            .success()
    );
    noted.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        said.contains("mcp-token") && !said.contains(token.trim()),
        "{said}"
    );
}

#[test]
fn a_step_that_is_none_is_a_usage_error_before_anything_runs() {
    let environment = prepared();
    for words in [
        ["migrate", "2", "--ask-before", "loda"],
        ["load", "2", "--ask-before", "loda"],
        [
            "rollback",
            "mig-20260105T180000Z-001",
            "--ask-before",
            "loda",
        ],
        ["cancel", "mig-20260105T180000Z-001", "--ask-before", "loda"],
    ] {
        let (failed, code) = terminal(&environment, &words);
        assert_eq!(code, 2, "{failed:#}");
        assert_eq!(failed["hints"][0], "did you mean `load`?");
    }
    let (no_runs, _) = terminal(&environment, &["runs"]);
    assert_eq!(no_runs["runs"], json!([]));
}
