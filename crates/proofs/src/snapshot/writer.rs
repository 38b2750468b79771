//! Somebody who writes PROD all the time: pairs of rows in two tables are changed, added, deleted, and moved
//! between districts, each time in one transaction with the version of both districts.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use redistrict_testkit::postgres;
use redistrict_testkit::types::Random;

use super::place::REMEMBER;

/// A writer at work.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Default)]
struct State {
    committed: u64,
    /// Nobody asks for more.
    is_over: bool,
    /// The writer ended, for whatever reason.
    is_gone: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    pub(super) fn start(prod: &str, accounts: usize, seed: u64) -> Self {
        let shared = Arc::<Shared>::default();
        let (theirs, prod) = (Arc::clone(&shared), prod.to_owned());
        let thread = std::thread::spawn(move || {
            let written = write(&prod, accounts, seed, &theirs);
            theirs.lock().is_gone = true;
            theirs.grown.notify_all();
            written
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    pub(super) fn committed(&self) -> u64 {
        self.shared.lock().committed
    }

    /// Waits until so many more transactions are committed.
    pub(super) fn wait_for(&self, more: u64) -> Result<()> {
        let mut state = self.shared.lock();
        let wanted = state.committed + more;
        while state.committed < wanted {
            if state.is_gone {
                return Err(anyhow!("the writer is gone"));
            }
            let waited = self.shared.grown.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Stops it; gives the number of its transactions.
    pub(super) fn end(mut self) -> Result<u64> {
        self.shared.lock().is_over = true;
        if let Some(thread) = self.thread.take() {
            thread
                .join()
                .map_err(|_| anyhow!("the writer panicked"))??;
        }
        Ok(self.committed())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn write(prod: &str, accounts: usize, seed: u64, shared: &Shared) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the writer")?;
    let all = postgres::with_client(prod, async |client| {
        let mut random = Random(seed);
        while !shared.lock().is_over {
            let account = 1 + random.below(accounts);
            let kind = random.below(KINDS);
            client.batch_execute(&transaction(kind, account)).await?;
            shared.lock().committed += 1;
            shared.grown.notify_all();
        }
        Ok(())
    });
    runtime.block_on(all).context("write PROD")
}

/// So many kinds of transactions there are.
const KINDS: usize = 4;

/// One transaction about one account.
fn transaction(kind: usize, account: usize) -> String {
    let change = match kind {
        0 => format!(
            "update halves_a set v = v + 1 where account = {account};
             update halves_b set v = v + 1 where a in (select id from halves_a where account = {account});"
        ),
        1 => format!(
            "with new as (insert into halves_a (account, v) values ({account}, {account}) returning id, v)
             insert into halves_b (a, v) select id, v from new;"
        ),
        2 => format!(
            "with old as (select min(id) as id from halves_a where account = {account}),
             half as (delete from halves_b where a in (select id from old))
             delete from halves_a where id in (select id from old);"
        ),
        _ => format!("update accounts set district = 3 - district where id = {account};"),
    };
    format!("begin; {change} update versions set n = n + 1; {REMEMBER} commit")
}
