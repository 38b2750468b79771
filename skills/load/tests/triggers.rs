//! Triggers that the plan switches off: they change nothing, neither when rows come nor when they go.

use redistrict_load::Mode;
use redistrict_model::ErrorKind;

use crate::faulty::Faults;
use crate::runner::{Job, drive, drive_as};
use crate::world::{Estate, name};

fn silent() -> Estate {
    let stamped = Estate::new().with_trigger("ids.schools", "name", "stamped".into());
    stamped.with_triggers_off("ids.schools")
}

#[tokio::test]
async fn triggers_that_are_off_change_no_row_and_leave_the_undo_exact() {
    let estate = silent();
    let before = estate.data();
    let loaded = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    let loaded = loaded.unwrap();
    let mut findings = loaded.values().flat_map(|one| &one.findings);
    assert!(findings.all(|one| one.code != "changed-by-target"));
    assert_ne!(
        estate.data()[&name("ids.schools")],
        before[&name("ids.schools")]
    );
    let undone = drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none()).await;
    undone.unwrap();
    assert_eq!(estate.data(), before);
}

/// The right was taken away since, or somebody made a trigger that fires always.
#[tokio::test]
async fn triggers_that_can_no_longer_be_switched_off_stop_a_load_and_an_undo_before_they_write() {
    let fires = |estate: &Estate| {
        estate
            .ids
            .with(|database| database.fires_anyway = Some("nobody may".into()));
    };
    for (is_loaded, job) in [(false, Job::Load), (true, Job::Undo("mig-1"))] {
        let estate = silent();
        if is_loaded {
            let loaded = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
            loaded.unwrap();
        }
        let before = estate.data();
        fires(&estate);
        for mode in [Mode::DryRun, Mode::Apply] {
            let refused = drive_as(&estate, &job, "run", &Faults::none(), mode).await;
            let error = refused.expect_err("the plan cannot be kept");
            assert_eq!(error.kind, ErrorKind::Config);
            assert!(error.message.contains("nobody may"), "{error:?}");
            assert_eq!(error.hints, ["grant it"]);
            assert_eq!(estate.data(), before);
        }
    }
}
