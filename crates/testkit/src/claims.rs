//! Claims of leases, each of a process of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use redistrict_model::RunId;
use redistrict_store::{LeaseClaim, Owner};

/// A process that nobody else is.
#[must_use]
pub fn owner() -> Owner {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    Owner::from_random(number.to_be_bytes())
}

/// The claim of a new process, which never held anything.
#[must_use]
pub fn claim(run: &RunId, is_resume: bool) -> LeaseClaim {
    LeaseClaim {
        run: run.clone(),
        owner: owner(),
        after: None,
        is_resume,
    }
}
