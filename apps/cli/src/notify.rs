//! `[notify]`: tells a webhook when a run starts, waits for a person, fails, completes. What is told
//! is value-free. Nothing here can stop a run or slow it down: messages wait in a bounded queue, a
//! thread of its own sends them, and what cannot be sent is a warning.
//!
//! The URL is a secret: it stands in no message, error or log, and no answer of the server is shown.

mod message;
mod outbox;
mod webhook;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use redistrict_journal::RunState;
use redistrict_model::config::Moment;
use redistrict_orchestrator::{FeedEvent, FeedSink};
use redistrict_skill::Clock;

use crate::failure::{CommandResult, Failure};
use crate::feed::Console;
use crate::notify::message::Teller;
use crate::notify::outbox::{Outbox, Waits};
use crate::output;
use crate::wire::Workspace;

pub(crate) use message::trial;
pub(crate) use webhook::{Answer, Webhook};

/// After its last line a process waits so long for messages that are not sent yet.
const GRACE: Duration = Duration::from_secs(5);

/// The notifications of this process; none until a workspace with `[notify]` was opened.
#[derive(Default)]
pub(crate) struct Notifications {
    outbox: OnceLock<Arc<Outbox>>,
    /// Of the latest run: its log takes the warnings that come after it.
    console: Mutex<Option<Arc<Console>>>,
}

impl Notifications {
    /// Notifies as the workspace says; a later call changes nothing. A webhook whose URL cannot be
    /// found is a warning: nobody would start a migration for its notifications.
    pub(crate) fn open(&self, workspace: &Workspace) {
        let Some(settings) = &workspace.config.notify else {
            return;
        };
        self.outbox.get_or_init(|| {
            let moments = settings.on.clone().unwrap_or_else(|| ALL.to_vec());
            Arc::new(match webhook(workspace) {
                Ok(webhook) => Outbox::open(webhook, moments, Waits::default()),
                Err(failure) => {
                    let warning = format!("nobody is notified: failed to {}", failure.message);
                    Outbox::closed(warning)
                }
            })
        });
    }

    /// The console, and what tells the webhook of the same events.
    pub(crate) fn sink(&self, console: Console, clock: Arc<dyn Clock>) -> Arc<dyn FeedSink> {
        let console = Arc::new(console);
        let Some(outbox) = self.outbox.get() else {
            return console;
        };
        *self.console.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&console));
        Arc::new(Notifying {
            console,
            outbox: Arc::clone(outbox),
            teller: Mutex::default(),
            clock,
        })
    }

    /// Tells of a run that this process has given up without working on it.
    pub(crate) fn given_up(&self, state: &RunState, words: &str, now: Duration) {
        if let (Some(outbox), Some(message)) =
            (self.outbox.get(), Teller::given_up(state, words, now))
        {
            outbox.push(message);
        }
    }

    /// Waits a little for what is not sent yet, and says what could not be. For the end of the
    /// process: after it nothing is sent.
    pub(crate) fn finish(&self) {
        let Some(outbox) = self.outbox.get() else {
            return;
        };
        outbox.finish(GRACE);
        let console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in outbox.warnings() {
            match console.as_ref() {
                Some(console) => console.warn(&warning),
                None => output::note(warning),
            }
        }
    }
}

const ALL: [Moment; 4] = [
    Moment::Start,
    Moment::Gate,
    Moment::Failure,
    Moment::Completion,
];

/// The webhook of `[notify]`.
///
/// # Errors
/// There is no `[notify]` (exit 3), its URL cannot be found (exit 4) or is none (exit 3).
pub(crate) fn webhook(workspace: &Workspace) -> CommandResult<Webhook> {
    let settings = workspace.config.notify.as_ref().ok_or_else(|| {
        Failure::prerequisite("find a webhook: redistrict.toml has no [notify]").with_hints(
            [
                "[notify]",
                "url = { env = \"WEBHOOK\" }",
                "on = [\"start\", \"gate\", \"failure\", \"completion\"]",
            ]
            .map(str::to_owned),
        )
    })?;
    let url = workspace.secret(&settings.url, "the webhook's URL")?;
    Webhook::new(url).ok_or_else(|| {
        Failure::prerequisite("use the webhook's URL: it is no http or https URL")
            .with_hint("only the URL belongs into the variable, file or command of [notify] url")
    })
}

/// The console's feed, with a webhook that hears it too.
struct Notifying {
    console: Arc<Console>,
    outbox: Arc<Outbox>,
    teller: Mutex<Teller>,
    clock: Arc<dyn Clock>,
}

impl FeedSink for Notifying {
    fn event(&self, event: FeedEvent) {
        let message = self
            .teller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .told(&event, self.clock.wall());
        self.console.event(event);
        if let Some(message) = message {
            self.outbox.push(message);
        }
        for warning in self.outbox.warnings() {
            self.console.warn(&warning);
        }
    }
}
