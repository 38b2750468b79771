//! Three and five commit groups that commit one after the other: nothing commits before everything is checked;
//! whatever is lost then, all of them end alike.

use redistrict_load::{CommitMode, LoadReport};
use redistrict_model::{RunId, StoreName};
use redistrict_store::RunState;
use tempfile::TempDir;

use crate::faulty::{Fault, Faults};
use crate::memory::Data;
use crate::runner::{Job, compensate, drive, drive_twice, try_drive};
use crate::world::Estate;

/// What undisturbed runs come to, and the estates that they begin with.
struct Golden {
    _dir: TempDir,
    estate: Estate,
    before: Data,
    after: Data,
    calls: Vec<&'static str>,
}

async fn golden(groups: usize) -> Golden {
    let dir = tempfile::tempdir().unwrap();
    let estate = Estate::grouped(groups, dir.path());
    let before = estate.data();
    let done = estate.copy();
    let faults = Faults::none();
    drive(&done, &Job::Load, "mig-1", &faults).await.unwrap();
    Golden {
        before,
        after: done.data(),
        calls: faults.calls(),
        estate,
        _dir: dir,
    }
}

impl Golden {
    /// The places of the commits among the calls.
    fn commits(&self) -> Vec<usize> {
        let calls = self.calls.iter().enumerate();
        let commits = calls.filter(|(_, name)| **name == "commit");
        commits.map(|(at, _)| at).collect()
    }
}

#[tokio::test]
async fn everything_is_written_and_checked_before_the_first_commit_and_the_commits_are_next_to_each_other()
 {
    for groups in [3, 5] {
        let golden = golden(groups).await;
        let commits = golden.commits();
        assert_eq!(commits.len(), groups);
        assert_eq!(
            commits[groups - 1],
            commits[0] + groups - 1,
            "{:?}",
            golden.calls
        );
        let checked = golden
            .calls
            .iter()
            .filter(|name| **name == "check_constraints");
        assert_eq!(checked.count(), groups);
        let last = golden
            .calls
            .iter()
            .rposition(|name| *name == "check_constraints");
        assert_eq!(last, Some(commits[0] - 1));
        assert_ne!(golden.before, golden.after);
    }
}

#[tokio::test]
async fn the_report_says_how_the_groups_committed_and_why() {
    let golden = golden(3).await;
    let estate = golden.estate.copy();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let run = RunId::new("mig-1");
    let dir = estate.layout.load(&estate.plan.district, &estate.key, &run);
    let report = std::fs::read(dir.join("load-report.json")).unwrap();
    let report: LoadReport = serde_json::from_slice(&report).unwrap();
    let Some(CommitMode::OneAfterAnother { groups, because_of }) = report.commit else {
        panic!("{:?}", report.commit);
    };
    assert_eq!(groups.len(), 3);
    let because_of: Vec<StoreName> = because_of.into_iter().map(|one| one.group).collect();
    assert_eq!(groups, because_of);
}

#[tokio::test]
async fn a_load_of_three_groups_that_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    let golden = golden(3).await;
    for call in 0..golden.calls.len() {
        for fault in Fault::ALL {
            let estate = golden.estate.copy();
            let what = format!("call {call} ({}), {fault:?}", golden.calls[call]);
            drive(&estate, &Job::Load, "mig-1", &Faults::at(call, fault))
                .await
                .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
            assert_eq!(estate.data(), golden.after, "{what}");
            assert!(!estate.has_leftovers(), "{what}");
        }
    }
}

#[tokio::test]
async fn five_groups_survive_a_second_fault_while_the_first_one_between_their_commits_is_mended() {
    let golden = golden(5).await;
    let mut number = 0;
    for call in golden.commits() {
        for first in Fault::ALL {
            // In the process that resumes, where there is one, else in the same one.
            for second in (0..90).step_by(4) {
                number += 1;
                let estate = golden.estate.copy();
                let fault = Fault::ALL[number % 4];
                let what = format!("call {call} {first:?}, then {second} {fault:?}");
                let faults = Faults::both((call, first), (call + 1 + second, fault));
                let next = Faults::at(second, fault);
                drive_twice(&estate, &Job::Load, "mig-1", &faults, &next)
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
                assert_eq!(estate.data(), golden.after, "{what}");
                assert!(!estate.has_leftovers(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_commit_that_fails_for_certain_takes_back_those_before_it_however_that_is_disturbed() {
    for (groups, refused, step) in [(3, "g2", 1), (5, "g3", 7)] {
        let golden = golden(groups).await;
        let undisturbed = Faults::refuse("commit", refused);
        let estate = golden.estate.copy();
        drive(&estate, &Job::Load, "mig-1", &undisturbed)
            .await
            .unwrap_err();
        assert_eq!(estate.data(), golden.before);
        assert!(!estate.has_leftovers());
        let calls = undisturbed.calls();
        let first = golden.commits()[0];
        for (number, call) in (first..calls.len()).step_by(step).enumerate() {
            for fault in [Fault::ALL[number % 4], Fault::ALL[(number + 1) % 4]] {
                let estate = golden.estate.copy();
                let what = format!("call {call} ({}), {fault:?}", calls[call]);
                let faults = Faults::refuse_and("commit", refused, call, fault);
                let next = Faults::refuse("commit", refused);
                let done = drive_twice(&estate, &Job::Load, "mig-1", &faults, &next).await;
                assert!(done.is_err(), "{what}");
                assert_eq!(estate.data(), golden.before, "{what}");
                assert!(!estate.has_leftovers(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_goes_away_between_two_commits_leaves_the_others_as_they_were_and_follows_later()
 {
    let golden = golden(5).await;
    let commits = golden.commits();
    for (gone, at) in [("g2", commits[2]), ("g4", commits[4])] {
        let estate = golden.estate.copy();
        let faults = Faults::gone(at, gone);
        let (done, taken_back) = try_drive(&estate, &Job::Load, "mig-1", &faults).await;
        done.unwrap_err();
        assert!(taken_back.unwrap_err().kind.is_transient());
        for (target, store) in estate.targets().zip(["g0", "g1", "g2", "g3", "g4"]) {
            let state = |run: &str| {
                target.with(|database| {
                    let mut runs = database.runs.iter();
                    runs.find(|one| one.run.as_str() == run)
                        .map(|one| one.state)
                })
            };
            if store != gone {
                assert_ne!(state("mig-1"), Some(RunState::Committed), "{store}");
                target.with(|database| {
                    for (table, rows) in database.canonical() {
                        assert_eq!(golden.before[&table], rows, "{table}");
                    }
                });
            }
        }
        compensate(&estate, &Job::Load, "mig-1").await.unwrap();
        assert_eq!(estate.data(), golden.before, "{gone} {at}");
        assert!(!estate.has_leftovers());
    }
}

/// One call later, when its commit was done and the others are still to come: all of them commit, and what is left
/// to do in it waits.
#[tokio::test]
async fn a_store_that_goes_away_after_its_commit_keeps_nothing_from_standing() {
    let golden = golden(5).await;
    let estate = golden.estate.copy();
    let faults = Faults::gone(golden.commits()[3], "g2");
    let (done, taken_back) = try_drive(&estate, &Job::Load, "mig-1", &faults).await;
    assert!(done.unwrap_err().kind.is_transient());
    taken_back.unwrap();
    assert!(!faults.calls().contains(&"delete"));
    assert_eq!(estate.data(), golden.after);
    assert!(
        estate.has_leftovers(),
        "its lease is still to be given back"
    );
}

/// As when its server dies with the answer: nobody tells for a while what became of the commit, and the
/// lease is asked for again by a unit that never failed.
#[tokio::test]
async fn a_store_that_is_away_after_its_commit_and_comes_back_is_found_committed_and_closed() {
    let golden = golden(5).await;
    for commit in golden.commits() {
        for fault in [Fault::FailBefore, Fault::FailAfter] {
            let estate = golden.estate.copy();
            let what = format!("call {commit}, {fault:?}");
            let faults = Faults::at_and_then_away(commit, fault, 3);
            drive(&estate, &Job::Load, "mig-1", &faults)
                .await
                .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
            assert_eq!(estate.data(), golden.after, "{what}");
            assert!(!estate.has_leftovers(), "{what}");
        }
    }
}

/// The client died with its commit on the way; its successor asks before the server has done it.
#[tokio::test]
async fn a_commit_that_the_server_does_late_is_not_done_twice() {
    let golden = golden(3).await;
    for commit in golden.commits() {
        let estate = golden.estate.copy();
        let faults = Faults::late(commit);
        let next = Faults::none_after(&faults);
        drive_twice(&estate, &Job::Load, "mig-1", &faults, &next)
            .await
            .unwrap_or_else(|error| panic!("call {commit}: {}", error.chain()));
        assert_eq!(estate.data(), golden.after, "call {commit}");
        assert!(!estate.has_leftovers(), "call {commit}");
    }
}

#[tokio::test]
async fn an_undo_of_five_groups_is_checked_everywhere_before_the_first_one_commits() {
    let golden = golden(5).await;
    let loaded = golden.estate.copy();
    drive(&loaded, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let faults = Faults::none();
    let estate = loaded.copy();
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &faults)
        .await
        .unwrap();
    assert_eq!(estate.data(), golden.before);
    let calls = faults.calls();
    let commits = calls.iter().filter(|name| **name == "commit").count();
    let first = calls.iter().position(|name| *name == "commit").unwrap();
    assert_eq!(commits, 5);
    assert!(calls[first..first + 5].iter().all(|name| *name == "commit"));
    for call in (0..calls.len()).step_by(3) {
        let fault = Fault::ALL[call % 4];
        let estate = loaded.copy();
        let what = format!("call {call} ({}), {fault:?}", calls[call]);
        let faults = Faults::at(call, fault);
        let next = Faults::at(call / 2, Fault::ALL[(call / 3) % 4]);
        drive_twice(&estate, &Job::Undo("mig-1"), "rb-1", &faults, &next)
            .await
            .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
        assert_eq!(estate.data(), golden.before, "{what}");
        assert!(!estate.has_leftovers(), "{what}");
    }
    // What no check finds out in one group keeps all of them as they are.
    let faults = Faults::refuse("check_constraints", "g1");
    let estate = loaded.copy();
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &faults)
        .await
        .unwrap_err();
    assert_eq!(estate.data(), golden.after);
    assert!(!faults.calls().contains(&"commit"));
}
