//! `redistrict notify test`: sends one message to the webhook and says what came back.

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::notify::{self, Answer};
use crate::output::{self, Format};
use crate::session::Session;

/// Sends it once, without another attempt.
pub(crate) fn test(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let webhook = notify::webhook(&workspace)?;
    let answer = webhook.send(&notify::trial(session.clock.wall()));
    if !answer.is_delivered() {
        return Err(failure(answer));
    }
    if session.format() == Format::Text {
        output::data(format!("the webhook took the message: {answer}"));
    } else {
        let Answer::Status(status, _) = answer else {
            return Ok(Exit::Done);
        };
        output::json(&serde_json::json!({ "delivered": true, "status": status }));
    }
    Ok(Exit::Done)
}

fn failure(answer: Answer) -> Failure {
    let exit = answer.exit();
    let hint = match (exit, answer) {
        (Exit::Credentials, _) => {
            "ask whoever made the webhook for its URL, and put it where [notify] url points"
        }
        (_, Answer::NotTrusted) => {
            "trust its certificate on this machine (SSL_CERT_FILE), and see that the URL is the right one"
        }
        (Exit::Prerequisite, _) => "the URL is not one of a webhook that takes JSON with `text`",
        _ => "see that the host is up and that HTTPS_PROXY and NO_PROXY are right, then try again",
    };
    Failure::new(exit, format!("notify the webhook: {answer}")).with_hint(hint)
}
