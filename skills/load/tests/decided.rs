//! Who may go on with a run, and from when on nothing of it is taken back.

use redistrict_load::{LoadReport, LoadSkill, Mode, UndoSkill};
use redistrict_model::{ErrorKind, Finding, RunId};
use redistrict_skill::Skill;
use redistrict_store::TargetStore;

use crate::faulty::{Fault, Faults, Meanwhile};
use crate::memory::Data;
use crate::runner::{Job, Outcomes, Steps, drive, drive_slowly, drive_twice, try_drive};
use crate::world::{Estate, name};

/// What an undisturbed load comes to.
async fn golden() -> (Data, Vec<&'static str>) {
    let estate = Estate::with_shared_artifact();
    let faults = Faults::none();
    drive(&estate, &Job::Load, "mig-1", &faults).await.unwrap();
    (estate.data(), faults.calls())
}

/// The place of the last call of that name.
fn last(calls: &[&'static str], name: &str) -> usize {
    calls.iter().rposition(|one| *one == name).unwrap()
}

/// A process is stopped wherever it is, another one takes its run over and finishes it or is still at it, and the
/// first one goes on: it neither writes nor takes back, and the other one is not disturbed.
#[tokio::test]
async fn a_process_that_was_taken_over_changes_nothing_and_takes_nothing_back() {
    let (after, _) = golden().await;
    for stopped_at in ["stage", "merge", "close"] {
        for is_finished in [false, true] {
            let what = format!("before {stopped_at}, the other one finished: {is_finished}");
            let estate = Estate::with_shared_artifact();
            let skill =
                |estate: &Estate| LoadSkill::new(estate.setup(&Faults::none(), Mode::Apply));
            let (first, second) = (skill(&estate), skill(&estate));
            let mut zombie = Steps::new(&estate, &first, "mig-1");
            let units = first.units(&estate.plan);
            for unit in units.iter().take_while(|unit| unit.step != stopped_at) {
                zombie.next(&unit.step).await.unwrap();
            }
            let mut other = Steps::new(&estate, &second, "mig-1");
            other.is_resume = true;
            for step in ["preflight", "lease", "lease"] {
                other.next(step).await.unwrap();
            }
            if is_finished {
                other.rest().await.unwrap();
            }
            let (data, epochs) = (estate.data(), epochs(&estate));
            match (stopped_at, zombie.rest().await) {
                // Nothing was left to do but to give the leases back, which the other one has done.
                ("close", Ok(())) if is_finished => {}
                (_, stopped) => {
                    let error = stopped.unwrap_err();
                    assert_eq!(error.kind, ErrorKind::Busy, "{what}: {}", error.chain());
                    assert!(error.keeps, "{what}: {}", error.chain());
                    let error = zombie.compensate().await.unwrap_err();
                    assert!(error.keeps, "{what}: {}", error.chain());
                }
            }
            assert_eq!(estate.data(), data, "{what}");
            assert_eq!(self::epochs(&estate), epochs, "{what}");
            if !is_finished {
                other.rest().await.unwrap();
            }
            assert_eq!(estate.data(), after, "{what}");
            assert!(!estate.has_leftovers(), "{what}");
        }
    }
}

fn epochs(estate: &Estate) -> Vec<i64> {
    let epochs = estate
        .targets()
        .map(|one| one.with(|database| database.epoch));
    epochs.collect()
}

/// As when the server was asked to commit and nobody heard what it did, and then somebody else came.
#[tokio::test]
async fn a_process_that_is_taken_over_while_its_merge_is_open_does_not_take_the_run_back() {
    let estate = Estate::with_shared_artifact();
    let before = estate.data();
    let ids = estate.ids.clone();
    let faults = Faults::meanwhile(Meanwhile {
        call: "apply",
        table: name("hcp.learners"),
        work: Box::pin(async move {
            let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), true);
            ids.acquire_lease(&claim).await.unwrap();
        }),
    });
    let (done, taken_back) = try_drive(&estate, &Job::Load, "mig-1", &faults).await;
    let error = done.unwrap_err();
    assert!(error.keeps, "{}", error.chain());
    taken_back.unwrap();
    assert_eq!(estate.data(), before);
    let holder = estate.ids.with(|database| database.holder.clone());
    assert_eq!(holder, Some(RunId::new("mig-1")), "it is the other one's");
}

/// After the last commit the load stands, whatever becomes of the rest; a later process closes it.
#[tokio::test]
async fn what_fails_after_the_last_commit_takes_nothing_back() {
    let (after, calls) = golden().await;
    let behind = last(&calls, "commit") + 1;
    assert!(!calls[behind..].contains(&"raise_sequences"));
    for (call, name) in calls.iter().enumerate().skip(behind) {
        for store in ["ids", "hcp"] {
            let what = format!("from call {call} ({name}) on, {store} is away");
            let estate = Estate::with_shared_artifact();
            let faults = Faults::gone(call, store);
            let done = drive(&estate, &Job::Load, "mig-1", &faults).await;
            if let Err(error) = done {
                assert!(error.kind.is_transient(), "{what}: {}", error.chain());
            }
            assert_eq!(estate.data(), after, "{what}");
            let skill = LoadSkill::new(estate.setup(&Faults::none(), Mode::Apply));
            let mut next = Steps::new(&estate, &skill, "mig-1");
            next.is_resume = true;
            next.rest().await.unwrap();
            assert_eq!(estate.data(), after, "{what}");
            assert!(!estate.has_leftovers(), "{what}");
        }
    }
}

/// The process died with its last commit done; the next one cannot even say what was loaded.
#[tokio::test]
async fn a_load_that_is_found_committed_is_not_taken_back_for_want_of_its_counts() {
    let (after, calls) = golden().await;
    let died = Faults::at(last(&calls, "commit"), Fault::DieAfter);
    let refused = Faults::refuse("ledger", "ids");
    let estate = Estate::with_shared_artifact();
    let done = drive_twice(&estate, &Job::Load, "mig-1", &died, &refused).await;
    let error = done.unwrap_err();
    assert!(error.keeps, "{}", error.chain());
    assert_eq!(estate.data(), after);
}

/// An undo likewise: it is not put in again because a lease cannot be given back.
#[tokio::test]
async fn what_fails_after_the_last_commit_of_an_undo_does_not_put_the_run_in_again() {
    let loaded = Estate::with_shared_artifact();
    let before = loaded.data();
    drive(&loaded, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let undo = Job::Undo("mig-1");
    let golden = Faults::none();
    drive(&loaded.copy(), &undo, "rb-1", &golden).await.unwrap();
    let calls = golden.calls();
    let behind = last(&calls, "commit") + 1;
    for call in behind..calls.len() {
        let estate = loaded.copy();
        let faults = Faults::gone(call, "ids");
        let _away = drive(&estate, &undo, "rb-1", &faults).await;
        assert_eq!(estate.data(), before, "call {call}");
        let setup = estate.setup(&Faults::none(), Mode::Apply);
        let skill = UndoSkill::new(setup, RunId::new("mig-1"));
        let mut next = Steps::new(&estate, &skill, "rb-1");
        next.is_resume = true;
        next.rest().await.unwrap();
        assert_eq!(estate.data(), before, "call {call}");
        assert!(!estate.has_leftovers(), "call {call}");
    }
}

/// Until it is raised the application would be given our keys: so it is before anybody sees them.
#[tokio::test]
async fn sequences_are_raised_before_the_first_commit_and_told_with_where_they_were() {
    let (_, calls) = golden().await;
    let first = calls.iter().position(|one| *one == "commit").unwrap();
    assert!(last(&calls, "raise_sequences") < first);
    let estate = Estate::with_shared_artifact();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let dir = estate
        .layout
        .load(&estate.plan.district, &estate.key, &RunId::new("mig-1"));
    let report = std::fs::read(dir.join("load-report.json")).unwrap();
    let report: LoadReport = serde_json::from_slice(&report).unwrap();
    assert_eq!(report.format_version, 2);
    for (target, store) in estate.targets().zip(["ids", "hcp"]) {
        let sequence = format!("{store}.sequence");
        let raised = report.sequences.iter().find(|one| one.sequence == sequence);
        let raised = raised.unwrap();
        let now = target.with(|database| database.sequence);
        assert_eq!((raised.from, raised.to), (Some(0), now));
    }
}

#[tokio::test]
async fn what_stands_against_writing_is_found_before_a_row_is_staged() {
    let estate = Estate::with_shared_artifact();
    let right = Finding::error("sequence-right", "hcp.main.learners", "the role may not", 1);
    let right = right.with_lines(["grant it".to_owned()]);
    estate.hcp.with(|database| database.obstacle = Some(right));
    let faults = Faults::none();
    let error = drive(&estate, &Job::Load, "mig-1", &faults)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.hints, ["grant it"]);
    assert!(!faults.calls().contains(&"stage"));
}

#[tokio::test]
async fn a_process_says_that_it_lives_while_a_unit_takes_long() {
    let estate = Estate::with_shared_artifact();
    let faults = Faults::meanwhile(Meanwhile {
        call: "apply",
        table: name("ids.students"),
        work: Box::pin(async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }),
    });
    let outcomes: Outcomes = drive_slowly(&estate, &Job::Load, "mig-1", &faults)
        .await
        .unwrap();
    assert!(!outcomes.is_empty());
    for target in estate.targets() {
        assert!(target.with(|database| database.beats) > 1);
    }
}
