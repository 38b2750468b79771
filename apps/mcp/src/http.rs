//! Over streamable HTTP, on this machine only: several conversations at once, each request with the token.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::gate::{admit, hosts, origins};
use crate::server::Server;
use crate::token::Token;

/// The largest request, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How long a client may take to send the head of a request, and then its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read, and for how long, of a request that is refused.
const BRIEF: usize = 64 * 1024;
const MOMENT: Duration = Duration::from_secs(1);
/// Open connections; further ones wait.
const CONNECTIONS: usize = 64;
/// A conversation in which nothing was said for so long is over. A person may take a while to approve.
const SILENCE: Duration = Duration::from_secs(8 * 3_600);

type Reply = Response<BoxBody<Bytes, Infallible>>;
type Conversations = StreamableHttpService<Server, LocalSessionManager>;

/// Serves until `stop` is done. The listener has to be bound to this machine's own address.
///
/// # Errors
/// The listener has no address. A connection that fails ends itself only.
pub async fn serve_http(
    server: Server,
    listener: TcpListener,
    token: Token,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let stopping = CancellationToken::new();
    let door = Arc::new(Door {
        port,
        token,
        conversations: conversations(server, port, stopping.clone()),
    });
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        let (Ok(place), Ok((stream, _))) = (place, accepted) else {
            // No descriptors left, or a client that was gone already.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let door = Arc::clone(&door);
        connections.spawn(async move {
            connection(stream, door).await;
            drop(place);
        });
    }
    stopping.cancel();
    connections.shutdown().await;
    Ok(())
}

fn conversations(server: Server, port: u16, stopping: CancellationToken) -> Conversations {
    let mut session = SessionConfig::default();
    session.keep_alive = Some(SILENCE);
    let mut sessions = LocalSessionManager::default();
    sessions.session_config = session;
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(hosts(port))
        .with_allowed_origins(origins(port))
        .enforce_origin_validation()
        .with_max_request_body_bytes(LARGEST)
        .with_cancellation_token(stopping);
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), config)
}

/// What stands before the conversations.
struct Door {
    port: u16,
    token: Token,
    conversations: Conversations,
}

async fn connection(stream: TcpStream, door: Arc<Door>) {
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(Box::pin(door.answer(request)).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off harms nobody else.
    let _broken_off = served.await;
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        if let Err(status) = admit(&head.uri, &head.headers, self.port, &self.token) {
            // A client that is still sending would miss why it is refused.
            let rest = Limited::new(body, BRIEF).collect();
            let _unread = tokio::time::timeout(MOMENT, rest).await;
            return refusal(status);
        }
        let read = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST).collect()).await;
        let body = match read {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return refusal(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT),
        };
        let request = Request::from_parts(head, Full::new(body));
        let mut reply = self.conversations.handle(request).await;
        let no_store = header::HeaderValue::from_static("no-store");
        reply.headers_mut().insert(header::CACHE_CONTROL, no_store);
        reply
    }
}

/// Says no more than its number; no page of another origin can read even that.
fn refusal(status: StatusCode) -> Reply {
    let text = status.canonical_reason().unwrap_or_default();
    let mut reply = Response::new(Full::new(Bytes::from(text)).boxed());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain"),
    );
    headers.insert(
        header::CONNECTION,
        header::HeaderValue::from_static("close"),
    );
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Bearer"),
        );
    }
    reply
}
