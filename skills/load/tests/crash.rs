//! The crash matrix: every call of the contract fails before or after doing, or the process dies there;
//! whatever happens, the end is that of an undisturbed run.

use crate::faulty::{Fault, Faults};
use crate::memory::Data;
use crate::runner::{Job, drive};
use crate::world::Estate;

/// Runs a job undisturbed on a fresh estate and gives the calls it made and what CERT holds then.
async fn golden(before: Option<&'static str>, job: &Job, run: &str) -> (usize, Data) {
    let estate = prepared(before).await;
    let faults = Faults::none();
    drive(&estate, job, run, &faults).await.unwrap();
    (faults.calls().len(), estate.data())
}

/// An estate into which a run was loaded, if one is named.
async fn prepared(loaded: Option<&'static str>) -> Estate {
    let estate = Estate::with_shared_artifact();
    if let Some(run) = loaded {
        drive(&estate, &Job::Load, run, &Faults::none())
            .await
            .unwrap();
    }
    estate
}

async fn matrix(loaded: Option<&'static str>, job: Job, run: &str) {
    let (calls, expected) = golden(loaded, &job, run).await;
    let prepared = prepared(loaded).await;
    assert!(calls > 30, "{calls} calls are too few to prove anything");
    for call in 0..calls {
        for fault in Fault::ALL {
            let estate = prepared.copy();
            let faults = Faults::at(call, fault);
            if let Err(error) = drive(&estate, &job, run, &faults).await {
                let name = faults.calls()[call];
                panic!("call {call} ({name}), {fault:?}: {}", error.chain());
            }
            assert!(faults.calls().len() > call, "{call} was not reached");
            assert_eq!(estate.data(), expected, "call {call}, {fault:?}");
            assert!(!estate.has_leftovers(), "call {call}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_load_that_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    matrix(None, Job::Load, "mig-1").await;
}

#[tokio::test]
async fn an_undo_that_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    matrix(Some("mig-1"), Job::Undo("mig-1"), "rb-1").await;
}

/// District 3 relies on rows of the load that is taken back.
async fn relied_on() -> Estate {
    let estate = prepared(Some("mig-1")).await;
    let neighbour = estate.neighbour("3", "mig-3", &crate::reliance::district_3());
    drive(&neighbour, &Job::Load, "mig-3", &Faults::none())
        .await
        .unwrap();
    estate
}

#[tokio::test]
async fn an_undo_that_retains_rows_and_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    let job = Job::Retain("mig-1");
    let golden = relied_on().await;
    let undisturbed = Faults::none();
    drive(&golden, &job, "rb-1", &undisturbed).await.unwrap();
    let prepared = relied_on().await;
    for call in 0..undisturbed.calls().len() {
        for fault in Fault::ALL {
            let estate = prepared.copy();
            let faults = Faults::at(call, fault);
            if let Err(error) = drive(&estate, &job, "rb-1", &faults).await {
                panic!("call {call}, {fault:?}: {}", error.chain());
            }
            assert_eq!(estate.data(), golden.data(), "call {call}, {fault:?}");
            assert_eq!(estate.ledgers(), golden.ledgers(), "call {call}, {fault:?}");
            assert!(!estate.has_leftovers(), "call {call}, {fault:?}");
        }
    }
}

/// The second group fails for good; the compensation is disturbed at every one of its calls.
#[tokio::test]
async fn a_compensation_that_is_disturbed_anywhere_ends_where_the_run_began() {
    let before = Estate::with_shared_artifact().data();
    let refused = Faults::refuse("commit", "hcp");
    drive(
        &Estate::with_shared_artifact(),
        &Job::Load,
        "mig-1",
        &refused,
    )
    .await
    .unwrap_err();
    let calls = refused.calls();
    let first = calls.iter().rposition(|name| *name == "commit");
    assert!(first.is_some());
    let failed = calls
        .iter()
        .enumerate()
        .filter(|(_, name)| **name == "commit")
        .nth(1)
        .unwrap()
        .0;
    for call in failed + 1..calls.len() {
        for fault in Fault::ALL {
            let estate = Estate::with_shared_artifact();
            let faults = Faults::refuse_and("commit", "hcp", call, fault);
            drive(&estate, &Job::Load, "mig-1", &faults)
                .await
                .unwrap_err();
            assert_eq!(estate.data(), before, "call {call}, {fault:?}");
            assert!(!estate.has_leftovers(), "call {call}, {fault:?}");
        }
    }
}
