//! `redistrict select`: being wired.

use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::session::Session;
use crate::wire::not_available;

/// Not there yet.
#[expect(clippy::unused_async, reason = "the command connects once it is wired")]
pub(crate) async fn run(_session: &Session) -> CommandResult<Exit> {
    Err(not_available("select"))
}
