//! `redistrict mcp`: a server for assistants. It prints nothing but the protocol on stdout.

use std::path::Path;
use std::sync::Arc;

use redistrict_artifact::create_private_dir;
use redistrict_mcp::{NoConversation, Office, Server, Token, TokenError, serve_http, serve_stdio};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{self, McpOffice};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::mcp::OwnDesk;
use crate::output;
use crate::session::Session;
use crate::wire::Workspace;

/// Serves until the client leaves, or, over HTTP, until this process is asked to stop.
pub(crate) async fn run(session: &Session, arguments: &args::Mcp) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let office = match arguments.office {
        None => Office::Orchestrator,
        Some(McpOffice::Prod) => Office::Prod,
        Some(McpOffice::Cert) => Office::Cert,
    };
    create_private_dir(&workspace.layout.state_dir)?;
    let desk = OwnDesk::new(session, &workspace)?;
    let server = Server::new(office, Arc::new(desk));
    match arguments.http {
        None => stdio(server).await,
        Some(port) => http(server, &workspace, arguments, port).await,
    }
}

async fn stdio(server: Server) -> CommandResult<Exit> {
    tokio::select! {
        ended = serve_stdio(server) => match ended {
            Ok(()) => Ok(Exit::Done),
            Err(error @ NoConversation) => Err(Failure::usage(error.to_string())
                .with_hint("an assistant starts this command; see docs/design/mcp.md")),
        },
        () = asked_to_stop() => Ok(Exit::Done),
    }
}

async fn http(
    server: Server,
    workspace: &Workspace,
    arguments: &args::Mcp,
    port: u16,
) -> CommandResult<Exit> {
    let path = match &arguments.token_file {
        Some(path) => path.clone(),
        None => workspace.layout.state_dir.join("mcp-token"),
    };
    let token = Token::read_or_make(&path).map_err(|error| unusable(&error, &path))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|error| unbound(port, error.kind()))?;
    let address = listener
        .local_addr()
        .map_err(|error| unbound(port, error.kind()))?;
    output::note(format!("listening on http://{address}/mcp"));
    output::note(format!("the bearer token stands in {}", path.display()));
    let served = serve_http(server, listener, token, asked_to_stop()).await;
    served.map_err(|error| unbound(port, error.kind()))?;
    Ok(Exit::Done)
}

fn unusable(error: &TokenError, path: &Path) -> Failure {
    let failure = Failure::prerequisite(error.to_string());
    match error {
        TokenError::IsOpen { .. } => failure.with_hint(format!(
            "chmod 600 {}",
            redistrict_model::shell_word(&path.to_string_lossy())
        )),
        TokenError::IsNoToken { .. } | TokenError::IsNoFile { .. } => {
            failure.with_hint("remove it: a new one is made")
        }
        TokenError::Io { source, .. } => {
            let mut failure = failure;
            failure.causes.push(source.kind().to_string());
            failure
        }
        TokenError::NoEntropy => failure,
    }
}

fn unbound(port: u16, kind: std::io::ErrorKind) -> Failure {
    Failure::prerequisite(format!("listen on port {port} of 127.0.0.1: {kind}"))
        .with_hint("choose another port; 0 takes a free one")
}

/// Ctrl-C or SIGTERM: the runs that were started go on.
async fn asked_to_stop() {
    let mut interrupts = signal(SignalKind::interrupt()).ok();
    let mut terminations = signal(SignalKind::terminate()).ok();
    let next = async |signals: &mut Option<tokio::signal::unix::Signal>| match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    };
    tokio::select! {
        () = next(&mut interrupts) => {}
        () = next(&mut terminations) => {}
    }
}
