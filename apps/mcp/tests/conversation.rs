//! A client at the other end of a pipe, line by line.

use std::sync::Arc;

use redistrict_mcp::{Office, Question, Server, Standing};
use rmcp::serve_server;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines};

use crate::fake::{DIGEST, Fake, RUN};

struct Client {
    lines: Lines<BufReader<tokio::io::ReadHalf<DuplexStream>>>,
    out: tokio::io::WriteHalf<DuplexStream>,
    next: u64,
    /// Everything that the server has said.
    heard: String,
}

impl Client {
    async fn begin(office: Office, desk: &Arc<Fake>) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let server = Server::new(office, Arc::<Fake>::clone(desk));
        tokio::spawn(async move { serve_server(server, theirs).await.unwrap().waiting().await });
        let (reader, out) = tokio::io::split(ours);
        let lines = BufReader::new(reader).lines();
        let (next, heard) = (1, String::new());
        let mut client = Self {
            lines,
            out,
            next,
            heard,
        };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        });
        client.call("initialize", hello).await;
        client
            .say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        client
    }

    async fn say(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.out.write_all(line.as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().unwrap();
        self.heard.push_str(&line);
        serde_json::from_str(&line).unwrap()
    }

    /// The answer, and the notifications before it.
    async fn call_heard(&mut self, method: &str, params: Value) -> (Value, Vec<Value>) {
        let id = self.next;
        self.next += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await;
        let mut before = Vec::new();
        loop {
            let heard = self.hear().await;
            if heard["id"] == id {
                return (heard, before);
            }
            before.push(heard);
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.call_heard(method, params).await.0
    }

    async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.call(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        )
        .await
    }

    async fn tools(&mut self) -> Vec<Value> {
        let listed = self.call("tools/list", json!({})).await;
        listed["result"]["tools"].as_array().unwrap().clone()
    }
}

/// Arguments that the tool takes.
fn arguments(tool: &Value) -> Value {
    let required = tool["inputSchema"]["required"].as_array().cloned();
    let pairs = required.unwrap_or_default().into_iter().map(|name| {
        let name = name.as_str().unwrap().to_owned();
        let value = if name == "run" { RUN } else { "2" };
        (name, value.into())
    });
    Value::Object(pairs.collect())
}

const ALL: [Office; 3] = [Office::Orchestrator, Office::Prod, Office::Cert];

#[tokio::test]
async fn every_answer_is_as_its_schema_says_and_holds_no_digest_and_no_command_of_a_terminal() {
    for office in ALL {
        let desk = Arc::new(Fake::with(&[Standing::WaitingForApproval]));
        let mut client = Client::begin(office, &desk).await;
        for tool in client.tools().await {
            let name = tool["name"].as_str().unwrap();
            let answer = client.tool(name, arguments(&tool)).await;
            let result = &answer["result"];
            assert_eq!(result["isError"], false, "{name}: {answer}");
            let schema = jsonschema::validator_for(&tool["outputSchema"]).unwrap();
            let problems: Vec<String> = schema
                .iter_errors(&result["structuredContent"])
                .map(|error| error.to_string())
                .collect();
            assert!(problems.is_empty(), "{name}: {problems:?}");
            let text = result["content"][1]["text"].as_str().unwrap();
            let told: Value = serde_json::from_str(text).unwrap();
            assert_eq!(told, result["structuredContent"], "{name}");
        }
        assert!(!client.heard.contains(&DIGEST[..12]));
        assert!(!client.heard.contains("\\u001b[2J") && !client.heard.contains('\u{1b}'));
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_not_a_failure_of_the_protocol() {
    let desk = Arc::new(Fake {
        refuses: true,
        ..Fake::default()
    });
    let mut client = Client::begin(Office::Orchestrator, &desk).await;
    for tool in client.tools().await {
        let name = tool["name"].as_str().unwrap();
        let answer = client.tool(name, arguments(&tool)).await;
        assert_eq!(answer["result"]["isError"], true, "{name}: {answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        let refusal: Value = serde_json::from_str(text).unwrap();
        assert_eq!(refusal["exit"], 9);
        assert!(refusal["hints"][0].as_str().unwrap().contains("approve"));
    }
    assert!(!client.heard.contains(&DIGEST[..12]));
}

#[tokio::test]
async fn a_malformed_call_reaches_nobody() {
    let desk = Arc::new(Fake::default());
    let mut client = Client::begin(Office::Orchestrator, &desk).await;
    for (name, arguments) in [
        ("approve", json!({ "run": RUN })),
        ("query", json!({ "sql": "select 1" })),
        ("migrate", json!({})),
        ("migrate", json!({ "district": 2 })),
        ("migrate", json!({ "district": "" })),
        ("migrate", json!({ "district": "a\u{0}b" })),
        ("migrate", json!({ "district": "x".repeat(2_000) })),
        ("migrate", json!({ "district": "2", "approved": true })),
        ("migrate", json!({ "district": "2", "dry_run": "false" })),
        ("resume", json!({ "run": "--wait" })),
        ("resume", json!({ "run": "../../etc/passwd" })),
        ("status", json!({ "wait_seconds": -1 })),
        ("rollback", json!({ "run": RUN, "digest": DIGEST })),
        ("doctor", json!({ "config": "other.toml" })),
    ] {
        let answer = client.tool(name, arguments.clone()).await;
        assert_eq!(
            answer["error"]["code"], -32_602,
            "{name} {arguments}: {answer}"
        );
    }
    for uri in ["file:///etc/passwd", "redistrict://runs/../key/log"] {
        let answer = client.call("resources/read", json!({ "uri": uri })).await;
        assert!(answer["error"].is_object(), "{answer}");
    }
    assert_eq!(*desk.asked.lock().unwrap(), []);
    let unknown = client.call("sampling/anything", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32_601, "{unknown}");
    assert_eq!(client.tools().await.len(), 16, "it still answers");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_the_progress_and_is_told_when_a_person_is_needed() {
    use Standing::{Running, Succeeded, WaitingForApproval};
    let desk = Arc::new(Fake::with(&[Running, Running, WaitingForApproval]));
    let mut client = Client::begin(Office::Orchestrator, &desk).await;
    let call = json!({
        "name": "status", "arguments": { "wait_seconds": 60 }, "_meta": { "progressToken": "p" },
    });
    let (answer, heard) = client.call_heard("tools/call", call.clone()).await;
    let run = &answer["result"]["structuredContent"];
    assert_eq!(run["standing"], "waiting_for_approval", "{answer}");
    assert_eq!(run["needs"]["what"], "approval");
    let told: Vec<&Value> = heard.iter().map(|one| &one["params"]["progress"]).collect();
    assert_eq!(told, [&json!(150.0), &json!(300.0)]);
    assert!(
        heard
            .iter()
            .all(|one| one["params"]["progressToken"] == "p")
    );

    // It needs somebody already: that is told at once.
    let (answer, _) = client.call_heard("tools/call", call.clone()).await;
    let standing = &answer["result"]["structuredContent"]["standing"];
    assert_eq!(standing, "waiting_for_approval");

    // That is known: the wait is for what comes after.
    let mut call = call;
    call["arguments"]["wait_for"] = "change".into();
    let standings = [WaitingForApproval, WaitingForApproval, Running, Succeeded];
    *desk.standings.lock().unwrap() = standings.into_iter().collect();
    let (answer, _) = client.call_heard("tools/call", call.clone()).await;
    assert_eq!(
        answer["result"]["structuredContent"]["standing"],
        "succeeded"
    );

    // Nothing happens: the wait has an end.
    *desk.standings.lock().unwrap() = [WaitingForApproval].into_iter().collect();
    let (answer, _) = client.call_heard("tools/call", call).await;
    let standing = &answer["result"]["structuredContent"]["standing"];
    assert_eq!(standing, "waiting_for_approval");
}

#[tokio::test]
async fn documents_are_listed_and_read_at_their_addresses() {
    let desk = Arc::new(Fake::default());
    let mut client = Client::begin(Office::Orchestrator, &desk).await;
    let listed = client.call("resources/list", json!({})).await;
    let resources = listed["result"]["resources"].as_array().unwrap().clone();
    assert_eq!(resources.len(), 6);
    for resource in resources {
        let read = client
            .call("resources/read", json!({ "uri": resource["uri"] }))
            .await;
        let contents = &read["result"]["contents"][0];
        assert_eq!(contents["mimeType"], resource["mimeType"]);
        assert!(contents["text"].as_str().unwrap().starts_with("# Report\n"));
    }
    assert!(!client.heard.contains(&DIGEST[..12]));
    let asked = desk.asked.lock().unwrap();
    let documents = asked
        .iter()
        .filter(|one| matches!(one, Question::Document(..)));
    assert_eq!(documents.count(), 6);
}

#[tokio::test]
async fn a_server_of_one_side_has_no_tool_of_another() {
    for office in [Office::Prod, Office::Cert] {
        let desk = Arc::new(Fake::default());
        let mut client = Client::begin(office, &desk).await;
        for tool in client.tools().await {
            assert_eq!(tool["annotations"]["destructiveHint"], false, "{tool}");
        }
        let answer = client.tool("migrate", json!({ "district": "2" })).await;
        assert_eq!(answer["error"]["code"], -32_602);
        assert_eq!(*desk.asked.lock().unwrap(), []);
    }
}
