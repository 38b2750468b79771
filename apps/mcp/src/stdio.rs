//! Over the standard streams: one conversation, which ends when the client closes its end.

use rmcp::service::{QuitReason, ServerInitializeError, serve_server};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;

use crate::server::Server;

/// The longest line that is taken, in bytes; a longer one is left out.
const LONGEST_LINE: usize = 1024 * 1024;

/// The client did not begin as the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("begin a conversation: the client did not speak the protocol")]
pub struct NoConversation;

/// Talks until the client is gone. Nothing but the protocol is written to stdout.
///
/// # Errors
/// The client did not begin as the protocol says. One that left without a word is no error.
pub async fn serve_stdio(server: Server) -> Result<(), NoConversation> {
    let (reader, writer) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(reader, writer).with_max_line_length(LONGEST_LINE);
    let running = match serve_server(server, transport).await {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            return Ok(());
        }
        Err(_) => return Err(NoConversation),
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(_)) | Err(_) => Err(NoConversation),
        Ok(_) => Ok(()),
    }
}
