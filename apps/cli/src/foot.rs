//! Draws the screen at the foot of the terminal. Everything else that is told goes above it.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use redistrict_orchestrator::FeedEvent;

use crate::output;
use crate::screen::Screen;

/// How often at most it is drawn.
const HERTZ: u8 = 10;

/// The foot of the terminal that stderr is.
pub(crate) struct Foot {
    drawn: Mutex<Drawn>,
    all: MultiProgress,
    style: ProgressStyle,
}

/// What is shown, and the lines that were ever needed for it.
#[derive(Default)]
struct Drawn {
    screen: Screen,
    lines: Vec<ProgressBar>,
}

impl Foot {
    /// None where stderr is no terminal, or one that cannot move its cursor.
    pub(crate) fn of_stderr() -> Option<Self> {
        let is_dumb = crate::secrets::environment("TERM").is_none_or(|term| term == "dumb");
        if !std::io::stderr().is_terminal() || is_dumb {
            return None;
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
        let style = ProgressStyle::with_template("{msg}").ok()?;
        output::put_above(Some(all.clone()));
        Some(Self {
            drawn: Mutex::default(),
            all,
            style,
        })
    }

    /// Takes an event in and draws.
    pub(crate) fn take(&self, event: &FeedEvent, now: Duration) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let Drawn { screen, lines } = &mut *drawn;
        screen.take(event, now);
        let (_, columns) = Term::stderr().size();
        // The last column stays free: some terminals break the line there.
        let width = usize::from(columns).saturating_sub(1);
        let mut shown = screen.lines(width, now);
        while lines.len() < shown.len() {
            let line = ProgressBar::new(0).with_style(self.style.clone());
            lines.push(self.all.add(line));
        }
        shown.resize(lines.len(), String::new());
        for (line, text) in lines.iter().zip(shown) {
            line.set_message(text);
        }
        if matches!(event, FeedEvent::RunEnded(_)) {
            self.clear();
        }
    }

    fn clear(&self) {
        output::put_above(None);
        let _closed_terminal = self.all.clear();
        self.all.set_draw_target(ProgressDrawTarget::hidden());
    }
}

impl Drop for Foot {
    fn drop(&mut self) {
        self.clear();
    }
}
