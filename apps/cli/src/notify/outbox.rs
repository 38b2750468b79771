//! The queue before the webhook, and the thread that empties it.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redistrict_model::config::Moment;
use serde_json::Value;

use super::message::Message;
use super::webhook::{Answer, Webhook};

/// More messages than a run ever has.
const CAPACITY: usize = 16;
/// A server that asks for a longer pause is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The pauses before the second, third and fourth attempt.
#[derive(Clone, Copy)]
pub(crate) struct Waits(pub(crate) [Duration; 3]);

impl Default for Waits {
    fn default() -> Self {
        Self([500, 1_000, 2_000].map(Duration::from_millis))
    }
}

/// Messages on their way.
pub(crate) struct Outbox {
    moments: Vec<Moment>,
    queue: Mutex<Option<SyncSender<Value>>>,
    /// Ends when the thread does.
    ended: Mutex<Receiver<()>>,
    warnings: Arc<Mutex<VecDeque<String>>>,
}

impl Outbox {
    /// Starts the thread that sends.
    pub(crate) fn open(webhook: Webhook, moments: Vec<Moment>, waits: Waits) -> Self {
        let (queue, messages) = sync_channel(CAPACITY);
        let (end, ended) = sync_channel(0);
        let warnings = Arc::new(Mutex::new(VecDeque::new()));
        let postman = Postman {
            webhook,
            waits,
            warnings: Arc::clone(&warnings),
            is_dead: false,
        };
        let started = std::thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || {
                postman.work(&messages);
                drop(end);
            });
        if started.is_err() {
            return Self::closed("nobody is notified: no thread could be started".to_owned());
        }
        Self {
            moments,
            queue: Mutex::new(Some(queue)),
            ended: Mutex::new(ended),
            warnings,
        }
    }

    /// One that sends nothing and says why.
    pub(crate) fn closed(warning: String) -> Self {
        let (_, ended) = sync_channel(0);
        Self {
            moments: Vec::new(),
            queue: Mutex::new(None),
            ended: Mutex::new(ended),
            warnings: Arc::new(Mutex::new(VecDeque::from([warning_of(&warning)]))),
        }
    }

    /// Puts a message into the queue, if it is one that is wanted. Never waits: what a full queue
    /// cannot take is a warning.
    pub(crate) fn push(&self, message: Message) {
        if !self.moments.contains(&message.moment) {
            return;
        }
        let queue = lock(&self.queue);
        let Some(queue) = queue.as_ref() else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(message.body) {
            let warning = "a notification was not sent: too many are waiting";
            lock(&self.warnings).push_back(warning_of(warning));
        }
    }

    /// The warnings that nobody has been shown yet.
    pub(crate) fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).drain(..).collect()
    }

    /// Takes no more messages, and waits at most so long for those that are there.
    pub(crate) fn finish(&self, grace: Duration) {
        drop(lock(&self.queue).take());
        let ended = lock(&self.ended).recv_timeout(grace);
        if ended == Err(RecvTimeoutError::Timeout) {
            let warning = format!(
                "a notification was not sent in {} s: the webhook is too slow or away",
                grace.as_secs()
            );
            lock(&self.warnings).push_back(warning_of(&warning));
        }
    }
}

fn warning_of(text: &str) -> String {
    format!("warning: {text} (`redistrict notify test` tries it)")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread does.
struct Postman {
    webhook: Webhook,
    waits: Waits,
    warnings: Arc<Mutex<VecDeque<String>>>,
    /// The message before was given up: the next one is tried once.
    is_dead: bool,
}

impl Postman {
    fn work(mut self, messages: &Receiver<Value>) {
        while let Ok(body) = messages.recv() {
            let answer = self.deliver(&body);
            self.is_dead = !answer.is_delivered() && answer.is_worth_another();
            if !answer.is_delivered() {
                let event = body["redistrict"]["event"].as_str().unwrap_or_default();
                let warning = format!("the notification of {event} was not delivered: {answer}");
                lock(&self.warnings).push_back(warning_of(&warning));
            }
        }
    }

    /// The last answer.
    fn deliver(&self, body: &Value) -> Answer {
        let mut answer = self.webhook.send(body);
        let waits = if self.is_dead { &[][..] } else { &self.waits.0 };
        for wait in waits {
            match pause(answer, *wait) {
                Some(pause) => std::thread::sleep(pause),
                None => break,
            }
            answer = self.webhook.send(body);
        }
        answer
    }
}

/// How long to wait before another attempt; none if there is to be no other.
fn pause(answer: Answer, wait: Duration) -> Option<Duration> {
    let asked = match answer {
        Answer::Status(_, asked) => asked.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    (answer.is_worth_another() && asked <= LONGEST_PAUSE).then_some(asked.max(wait))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    /// Takes connections and never answers.
    fn silent() -> (TcpListener, Webhook) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let webhook = Webhook::with(Zeroizing::new(url), None, Duration::from_secs(600));
        (listener, webhook.unwrap())
    }

    fn message(moment: Moment) -> Message {
        Message {
            moment,
            body: json!({ "text": "x", "redistrict": { "event": "start" } }),
        }
    }

    #[test]
    fn what_never_answers_delays_no_event_and_the_end_only_a_little() {
        let (_listener, webhook) = silent();
        let outbox = Outbox::open(webhook, vec![Moment::Start], Waits::default());
        for _ in 0..CAPACITY + 8 {
            outbox.push(message(Moment::Start));
        }
        let warnings = outbox.warnings();
        assert!(warnings[0].contains("too many are waiting"), "{warnings:?}");
        outbox.finish(Duration::from_millis(20));
        let warnings = outbox.warnings();
        assert!(warnings[0].contains("was not sent"), "{warnings:?}");
        assert!(!warnings[0].contains("127.0.0.1"), "{warnings:?}");
    }

    #[test]
    fn who_is_away_is_a_warning_per_message_that_is_wanted() {
        let (listener, webhook) = silent();
        drop(listener);
        let waits = Waits([Duration::from_millis(1); 3]);
        let outbox = Outbox::open(webhook, vec![Moment::Start], waits);
        outbox.push(message(Moment::Start));
        outbox.push(message(Moment::Completion));
        outbox.push(message(Moment::Start));
        outbox.finish(Duration::from_secs(60));
        let warnings = outbox.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let said = "the notification of start was not delivered: the host cannot be reached";
        assert!(
            warnings.iter().all(|one| one.contains(said)),
            "{warnings:?}"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_no_long_pause_is_waited_for() {
        let wait = Duration::from_secs(1);
        let asked = |seconds| Some(Duration::from_secs(seconds));
        for (answer, expected) in [
            (Answer::Status(500, None), Some(wait)),
            (Answer::Status(429, asked(3)), asked(3)),
            (Answer::Status(429, asked(3_600)), None),
            (Answer::Status(200, None), None),
            (Answer::Status(302, None), None),
            (Answer::Status(404, None), None),
            (Answer::Timeout, Some(wait)),
            (Answer::Unreachable, Some(wait)),
            (Answer::NotTrusted, None),
        ] {
            assert_eq!(pause(answer, wait), expected, "{answer:?}");
        }
    }
}
