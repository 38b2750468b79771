//! Clients at the other end of a socket, byte by byte.

use std::sync::Arc;

use redistrict_mcp::{Office, Server, Token, serve_http};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::fake::Fake;

struct World {
    port: u16,
    token: String,
    desk: Arc<Fake>,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    _dir: tempfile::TempDir,
}

impl World {
    async fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = Token::read_or_make(&path).unwrap_or_else(|error| panic!("{error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Fake::default());
        let server = Server::new(Office::Orchestrator, Arc::<Fake>::clone(&desk));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve_http(server, listener, token, async {
            let _stopped = stopped.await;
        }));
        Self {
            port,
            token: std::fs::read_to_string(path).unwrap().trim().to_owned(),
            desk,
            stop: Some(stop),
            served,
            _dir: dir,
        }
    }

    /// Sends it on a connection of its own and gives the whole reply.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // The server may refuse before it has read all of it.
        let _refused = stream.write_all(request).await;
        let mut reply = Vec::new();
        let _reset = stream.read_to_end(&mut reply).await;
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// A POST of a body with further headers; the connection is closed after it.
    async fn post(&self, headers: &[(&str, &str)], body: &str) -> String {
        let length = body.len().to_string();
        let all = [
            ("Connection", "close"),
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
            ("Content-Length", length.as_str()),
        ];
        let lines = all.iter().chain(headers);
        let lines: String = lines
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!("POST /mcp HTTP/1.1\r\n{lines}\r\n");
        self.raw(format!("{head}{body}").as_bytes()).await
    }

    async fn ask(&self, session: Option<&str>, body: &Value) -> String {
        let host = format!("127.0.0.1:{}", self.port);
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Host", host.as_str()), ("Authorization", bearer.as_str())];
        headers.extend(session.map(|session| ("Mcp-Session-Id", session)));
        self.post(&headers, &body.to_string()).await
    }

    /// A conversation: its id.
    async fn converse(&self) -> String {
        let reply = self.ask(None, &hello()).await;
        let mut lines = reply.lines();
        let session = lines.find_map(|line| line.strip_prefix("mcp-session-id: "));
        let session = session.unwrap_or_else(|| panic!("{reply}")).to_owned();
        let said = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(status(&self.ask(Some(&session), &said).await), 202);
        session
    }
}

fn hello() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        },
    })
}

fn runs() -> Value {
    let params = json!({ "name": "runs", "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params })
}

fn status(reply: &str) -> u16 {
    let code = reply.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no reply: {reply:?}"))
}

#[tokio::test]
async fn several_conversations_go_on_at_once_and_none_without_the_token() {
    let mut world = World::begin().await;
    let (one, other) = tokio::join!(world.converse(), world.converse());
    assert_ne!(one, other);
    for session in [&one, &other] {
        let reply = world.ask(Some(session), &runs()).await;
        assert!(reply.contains("structuredContent"), "{reply}");
    }
    // A conversation is bound to the token: its id alone opens nothing.
    let host = format!("127.0.0.1:{}", world.port);
    let asked = world.desk.asked.lock().unwrap().len();
    for bearer in ["", "Bearer x", &format!("Bearer {one}")] {
        let headers = [
            ("Host", host.as_str()),
            ("Mcp-Session-Id", one.as_str()),
            ("Authorization", bearer),
        ];
        let reply = world.post(&headers, &runs().to_string()).await;
        assert_eq!(status(&reply), 401, "{reply}");
        assert!(!reply.contains(&world.token));
    }
    let made_up = "00000000-0000-4000-8000-000000000000";
    let unknown = world.ask(Some(made_up), &runs()).await;
    assert_eq!(status(&unknown), 404, "{unknown}");
    assert_eq!(world.desk.asked.lock().unwrap().len(), asked);

    world.stop.take().unwrap().send(()).unwrap();
    (&mut world.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", world.port)).await.is_err());
}

#[tokio::test]
async fn foreign_hosts_and_pages_are_refused_before_anything_is_read() {
    let world = World::begin().await;
    let own = format!("127.0.0.1:{}", world.port);
    let bearer = format!("Bearer {}", world.token);
    let foreign = format!("evil.example:{}", world.port);
    let page = format!("http://{foreign}");
    for (host, origin) in [
        (foreign.as_str(), None),
        (own.as_str(), Some(page.as_str())),
        (own.as_str(), Some("null")),
        ("127.0.0.1", None),
    ] {
        let mut headers = vec![("Host", host), ("Authorization", bearer.as_str())];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let reply = world.post(&headers, &hello().to_string()).await;
        assert_eq!(status(&reply), 403, "{host} {origin:?}: {reply}");
        assert!(!reply.to_lowercase().contains("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn too_much_and_what_is_none_of_the_protocol_is_refused_and_harms_nobody() {
    let world = World::begin().await;
    let session = world.converse().await;
    let own = format!("127.0.0.1:{}", world.port);
    let bearer = format!("Bearer {}", world.token);
    let headers = [
        ("Host", own.as_str()),
        ("Authorization", bearer.as_str()),
        ("Mcp-Session-Id", session.as_str()),
    ];
    let long = "x".repeat(2 * 1024 * 1024);
    let reply = world.post(&headers, &format!("\"{long}\"")).await;
    assert!(reply.is_empty() || status(&reply) == 413, "{reply}");
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "[{\"jsonrpc\":\"2.0\"}]",
        "\u{0}",
    ] {
        let reply = world.post(&headers, body).await;
        assert!((400..500).contains(&status(&reply)), "{body:?}: {reply}");
    }
    for request in [
        "GARBAGE\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}",
    ] {
        let reply = world.raw(request.as_bytes()).await;
        assert!(reply.is_empty() || status(&reply) >= 400, "{reply}");
    }
    assert_eq!(*world.desk.asked.lock().unwrap(), []);
    let reply = world.ask(Some(&session), &runs()).await;
    assert_eq!(status(&reply), 200, "{reply}");
}
