//! Two-phase commit: whatever happens to a load or an undo of several groups, all of them end alike; and nothing
//! that was committed is ever taken back because of a failure.

use std::fs;

use redistrict_load::{CommitMode, LoadReport, Mode};
use redistrict_model::{ErrorKind, Phase, RunId, UnitKey};
use redistrict_testkit::types::Random;
use tempfile::TempDir;

use crate::faulty::{Fault, Faults};
use crate::memory::{Data, MemoryTarget};
use crate::runner::{Job, Steps, drive, drive_as, drive_twice, resume, try_drive};
use crate::world::Estate;

/// Which of three groups can prepare.
const SHAPES: [[bool; 3]; 4] = [
    [true, true, true],
    [false, true, true],
    [true, false, true],
    [true, true, false],
];

struct Golden {
    estate: Estate,
    after: Data,
    calls: Vec<&'static str>,
    _dir: TempDir,
}

async fn golden(able: [bool; 3], loaded: bool, job: &Job, run: &str) -> Golden {
    let dir = tempfile::tempdir().unwrap();
    let estate = Estate::grouped(3, dir.path());
    for (target, able) in estate.targets().zip(able) {
        target.with(|database| database.places = able.then_some(1));
    }
    if loaded {
        let done = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
        done.unwrap();
    }
    let done = estate.copy();
    let faults = Faults::none();
    drive(&done, job, run, &faults).await.unwrap();
    let calls = faults.calls();
    assert_eq!(calls.iter().filter(|name| **name == "prepare").count(), 2);
    assert_eq!(calls.iter().filter(|name| **name == "finish").count(), 2);
    assert_eq!(calls.iter().filter(|name| **name == "commit").count(), 1);
    Golden {
        after: done.data(),
        calls,
        estate,
        _dir: dir,
    }
}

async fn matrix(loaded: bool, job: Job, run: &str) {
    for able in [SHAPES[0], SHAPES[1]] {
        let golden = golden(able, loaded, &job, run).await;
        for call in 0..golden.calls.len() {
            for fault in Fault::ALL {
                let estate = golden.estate.copy();
                let what = format!("{able:?}, call {call} ({}), {fault:?}", golden.calls[call]);
                drive(&estate, &job, run, &Faults::at(call, fault))
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
                assert_eq!(estate.data(), golden.after, "{what}");
                assert!(!estate.has_leftovers(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_load_that_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    matrix(false, Job::Load, "mig-1").await;
}

#[tokio::test]
async fn an_undo_that_is_disturbed_anywhere_ends_like_an_undisturbed_one() {
    matrix(true, Job::Undo("mig-1"), "rb-1").await;
}

#[tokio::test]
async fn a_second_fault_during_the_recovery_changes_nothing() {
    let mut random = Random(7);
    for able in SHAPES {
        let golden = golden(able, false, &Job::Load, "mig-1").await;
        let first = golden
            .calls
            .iter()
            .position(|name| *name == "check_constraints");
        let first = first.unwrap();
        for _ in 0..75 {
            let at = first + random.below(golden.calls.len() - first);
            let (fault, second) = (
                [Fault::DieBefore, Fault::DieAfter][random.below(2)],
                Fault::ALL[random.below(4)],
            );
            let later = random.below(golden.calls.len());
            let what = format!(
                "{able:?} {at} ({}) {fault:?}, {later} {second:?}",
                golden.calls[at]
            );
            let estate = golden.estate.copy();
            let (one, two) = (Faults::at(at, fault), Faults::at(later, second));
            drive_twice(&estate, &Job::Load, "mig-1", &one, &two)
                .await
                .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
            assert_eq!(estate.data(), golden.after, "{what}");
            assert!(!estate.has_leftovers(), "{what}");
        }
    }
}

/// A store that goes away after the decision, until the process has given up: what was decided is done later, and
/// nothing is taken back; of an undo nothing is put in again.
#[tokio::test]
async fn a_store_that_is_away_after_the_decision_takes_nothing_back() {
    for (loaded, job, run) in [
        (false, Job::Load, "mig-1"),
        (true, Job::Undo("mig-1"), "rb-1"),
    ] {
        for able in [SHAPES[0], SHAPES[1]] {
            let golden = golden(able, loaded, &job, run).await;
            let finish = golden.calls.iter().position(|name| *name == "finish");
            for store in ["g0", "g1", "g2"] {
                let what = format!("{run} {able:?} {store}");
                let estate = golden.estate.copy();
                let gone = Faults::gone(finish.unwrap(), store);
                let (done, taken_back) = try_drive(&estate, &job, run, &gone).await;
                taken_back.unwrap();
                assert!(done.is_err(), "{what}: the lease cannot be given back");
                let resumed = resume(&estate, &job, run).await;
                resumed.unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
                assert_eq!(estate.data(), golden.after, "{what}");
                assert!(!estate.has_leftovers(), "{what}");
            }
        }
    }
}

/// The process dies while the decider commits; whoever takes over asks it only once that has come to its end.
#[tokio::test]
async fn a_decision_that_the_server_takes_late_is_waited_for() {
    for able in SHAPES {
        let golden = golden(able, false, &Job::Load, "mig-1").await;
        let commit = golden.calls.iter().position(|name| *name == "commit");
        let estate = golden.estate.copy();
        let (late, resumed) = {
            let late = Faults::late(commit.unwrap());
            let resumed = Faults::none_after(&late);
            (late, resumed)
        };
        drive_twice(&estate, &Job::Load, "mig-1", &late, &resumed)
            .await
            .unwrap();
        assert_eq!(estate.data(), golden.after, "{able:?}");
        assert!(!estate.has_leftovers(), "{able:?}");
    }
}

/// Nothing was committed, so nothing is taken back: the ledgers are empty.
#[tokio::test]
async fn a_refusal_anywhere_before_the_decision_leaves_no_trace() {
    for (call, store) in [("prepare", "g0"), ("prepare", "g1"), ("commit", "g2")] {
        let golden = golden(SHAPES[0], false, &Job::Load, "mig-1").await;
        let before = golden.estate.data();
        let estate = golden.estate.copy();
        let refused = Faults::refuse(call, store);
        let error = drive(&estate, &Job::Load, "mig-1", &refused).await;
        assert!(error.is_err(), "{call} {store}");
        assert_eq!(estate.data(), before, "{call} {store}");
        assert!(!estate.has_leftovers(), "{call} {store}");
        let is_untouched = |target: &MemoryTarget| target.with(|database| database.runs.is_empty());
        assert!(estate.targets().all(is_untouched), "{call} {store}");
    }
}

async fn mode_after(prepare: impl Fn(&Estate)) -> CommitMode {
    let golden = golden(SHAPES[0], false, &Job::Load, "mig-1").await;
    let estate = golden.estate.copy();
    prepare(&estate);
    let done = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    done.unwrap();
    assert_eq!(estate.data(), golden.after);
    assert!(!estate.has_leftovers());
    let run = RunId::new("mig-1");
    let dir = estate.layout.load(&estate.plan.district, &estate.key, &run);
    let report = fs::read(dir.join("load-report.json")).unwrap();
    let report: LoadReport = serde_json::from_slice(&report).unwrap();
    report.commit.unwrap()
}

fn decider(mode: &CommitMode) -> &str {
    match mode {
        CommitMode::TwoPhase { decides, .. } => decides.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_group_that_turns_out_not_to_be_able_decides_and_a_second_one_ends_the_mode() {
    assert_eq!(decider(&mode_after(|_| {}).await), "g2");
    let notifies = |at: usize| {
        move |estate: &Estate| {
            let target = estate.targets().nth(at).unwrap();
            target.with(|database| database.notifies = true);
        }
    };
    assert_eq!(decider(&mode_after(notifies(0)).await), "g0");
    assert_eq!(decider(&mode_after(notifies(1)).await), "g1");
    let both = |estate: &Estate| {
        notifies(0)(estate);
        notifies(1)(estate);
    };
    let CommitMode::OneAfterAnother { because_of, .. } = mode_after(both).await else {
        panic!("two groups cannot prepare");
    };
    let told: Vec<&str> = because_of.iter().map(|one| one.why.as_str()).collect();
    assert_eq!(told.len(), 2);
    assert!(
        told[0].contains("g0 cannot prepare a commit: there is no place"),
        "{told:?}"
    );
}

/// CERT as the process of a load leaves it that dies right before the decider's commit, or right after it.
async fn undecided(golden: &Golden, run: &str, fault: Fault) -> Estate {
    let commit = golden.calls.iter().position(|name| *name == "commit");
    let estate = golden.estate.copy();
    let faults = Faults::at(commit.unwrap(), fault);
    let skill = Job::Load.skill(&estate, &faults, Mode::Apply);
    let died = Steps::new(&estate, skill.as_ref(), run).rest().await;
    assert!(died.is_err() && faults.is_dead());
    assert_eq!(prepared(&estate), 2);
    estate
}

fn prepared(estate: &Estate) -> usize {
    let targets = estate.targets();
    let is_left = |target: &&MemoryTarget| target.with(|database| database.prepared.is_some());
    targets.filter(is_left).count()
}

#[tokio::test]
async fn an_undo_ends_what_its_run_has_prepared_before_it_looks() {
    let golden = golden(SHAPES[0], false, &Job::Load, "mig-1").await;
    let undo = Job::Undo("mig-1");
    for (fault, state) in [
        (Fault::DieBefore, "never committed"),
        (Fault::DieAfter, "stands"),
    ] {
        let estate = undecided(&golden, "mig-1", fault).await;
        let dry = drive_as(&estate, &undo, "rb-0", &Faults::none(), Mode::DryRun).await;
        let error = dry.expect_err("what stands is not known");
        assert_eq!(error.kind, ErrorKind::Busy);
        assert!(error.message.contains("mig-1 has prepared"), "{error:?}");
        assert_eq!(prepared(&estate), 2, "a dry run ends nothing");

        let done = drive(&estate, &undo, "rb-1", &Faults::none()).await;
        let done = done.unwrap();
        let checked = &done[&UnitKey::new(Phase::Loading, "check")].facts["groups"];
        let states = checked.as_array().unwrap().iter();
        assert!(states.clone().all(|one| one["state"] == state), "{checked}");
        assert_eq!(estate.data(), golden.estate.data());
        assert!(!estate.has_leftovers());
    }
}

#[tokio::test]
async fn an_undo_refuses_while_a_later_run_stands_prepared() {
    let golden = golden(SHAPES[0], true, &Job::Load, "mig-2").await;
    let estate = undecided(&golden, "mig-2", Fault::DieAfter).await;
    let before = estate.data();
    for mode in [Mode::DryRun, Mode::Apply] {
        let undo = Job::Undo("mig-1");
        let refused = drive_as(&estate, &undo, "rb-1", &Faults::none(), mode).await;
        let error = refused.expect_err("nobody knows what mig-2 comes to");
        assert_eq!(error.kind, ErrorKind::Busy);
        assert!(error.message.contains("mig-2 has prepared"), "{error:?}");
        assert_eq!(estate.data(), before);
        assert_eq!(prepared(&estate), 2);
    }
    resume(&estate, &Job::Load, "mig-2").await.unwrap();
    assert!(!estate.has_leftovers());
}
