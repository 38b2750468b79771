//! A journal whose process dies at a given append.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redistrict_journal::{Event, Journal, JournalError, Record};
use redistrict_model::RunId;

/// How the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The event is not written, the append fails.
    Before,
    /// The event is written, the answer is lost.
    After,
    /// As `Before`, by a panic.
    PanicBefore,
    /// As `After`, by a panic.
    PanicAfter,
}

impl Death {
    pub(crate) const ALL: [Self; 4] = [
        Self::Before,
        Self::After,
        Self::PanicBefore,
        Self::PanicAfter,
    ];

    fn is_after(self) -> bool {
        matches!(self, Self::After | Self::PanicAfter)
    }
}

pub(crate) struct DyingJournal {
    inner: Arc<dyn Journal>,
    appends: AtomicUsize,
    /// 1 and up; 0 never dies.
    dies_at: usize,
    death: Death,
}

impl DyingJournal {
    pub(crate) fn new(inner: Arc<dyn Journal>, dies_at: usize, death: Death) -> Self {
        Self {
            inner,
            appends: AtomicUsize::new(0),
            dies_at,
            death,
        }
    }

    pub(crate) fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }
}

impl Journal for DyingJournal {
    fn append(&self, run: &RunId, wall_millis: u64, events: &[Event]) -> Result<(), JournalError> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(
            self.dies_at == 0 || number <= self.dies_at,
            "an append after death"
        );
        if number != self.dies_at {
            return self.inner.append(run, wall_millis, events);
        }
        if self.death.is_after() {
            self.inner.append(run, wall_millis, events)?;
        }
        if matches!(self.death, Death::PanicBefore | Death::PanicAfter) {
            panic!("the process dies");
        }
        Err(JournalError::Directory {
            path: "the process dies".to_owned(),
            source: std::io::ErrorKind::Other.into(),
        })
    }

    fn read(&self, run: &RunId) -> Result<Vec<Record>, JournalError> {
        self.inner.read(run)
    }

    fn runs(&self) -> Result<Vec<RunId>, JournalError> {
        self.inner.runs()
    }
}
