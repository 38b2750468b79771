//! Loading: what is written, what is left, what is refused, and that others' rows never change.

use redistrict_load::{LoadReport, Mode};
use redistrict_model::{ErrorKind, Key, RunId, StoreName, TableRef};
use redistrict_store::{Fingerprint, LeaseOutcome, TargetStore};

use crate::faulty::{Fault, Faults};
use crate::memory::{Cell, Data};
use crate::runner::{Job, Outcomes, drive, drive_as};
use crate::world::{ArtifactRows, Estate, Own, Shared, Stub, cells, district_2, name};

async fn load(estate: &Estate, run: &str) -> Outcomes {
    drive(estate, &Job::Load, run, &Faults::none())
        .await
        .unwrap()
}

fn rows_written(outcomes: &Outcomes) -> u64 {
    let merges = outcomes.iter().filter(|(unit, _)| unit.step == "merge");
    merges.map(|(_, outcome)| outcome.rows).sum()
}

fn cell(data: &Data, of: &str, key: &[&str], column: &str) -> Cell {
    data[&name(of)][&Key::new(key.iter().copied())][column].clone()
}

fn is_keyless(table: &TableRef) -> bool {
    [name("ids.events"), name("hcp.clicks")].contains(table)
}

/// The rows that are not of district 2, of tables with a key.
fn neighbours(data: &Data) -> Vec<String> {
    let is_neighbour = |key: &Key| {
        let first = key.parts()[0].parse::<i64>().unwrap();
        matches!(first, 1 | 10 | 101 | 102 | 110 | 1000)
    };
    data.iter()
        .flat_map(|(table, rows)| rows.iter().map(move |(key, row)| (table, key, row)))
        .filter(|(table, key, _)| !is_keyless(table) && is_neighbour(key))
        .map(|row| format!("{row:?}"))
        .collect()
}

#[tokio::test]
async fn own_rows_are_upserted_shared_ones_inserted_and_neighbours_never_change() {
    let estate = Estate::new();
    let before = estate.data();
    let outcomes = load(&estate, "mig-1").await;
    let data = estate.data();
    assert_eq!(neighbours(&before), neighbours(&data));
    assert_eq!(
        cell(&data, "ids.schools", &["20"], "name"),
        "Renamed".into()
    );
    assert_eq!(
        cell(&data, "ids.districts", &["2"], "name"),
        "Second".into()
    );
    assert_eq!(cell(&data, "ids.guardians", &["101"], "name"), "Bob".into());
    assert_eq!(
        cell(&data, "ids.students", &["200"], "cert_note"),
        "default".into()
    );
    assert_eq!(
        cell(&data, "hcp.visits", &["2000", "3"], "note"),
        Cell::Null
    );
    assert_eq!(rows_written(&outcomes), 19);
    assert!(!estate.has_leftovers());
    let dir = estate
        .layout
        .load(&estate.plan.district, &estate.key, &RunId::new("mig-1"));
    let report = std::fs::read(dir.join("load-report.json")).unwrap();
    let report: LoadReport = serde_json::from_slice(&report).unwrap();
    let guardians = report.groups[0]
        .tables
        .iter()
        .find(|one| one.table == name("ids.guardians"))
        .unwrap();
    let counts = &guardians.counts;
    assert_eq!(
        (
            counts.staged,
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.left
        ),
        (4, 2, 0, 1, 1)
    );
    assert_eq!(counts.differing, 1);
    let warned = outcomes.values().flat_map(|outcome| &outcome.findings);
    assert!(
        warned
            .into_iter()
            .any(|one| one.code == "shared-row-differs" && one.count == 1)
    );
}

#[tokio::test]
async fn a_second_load_changes_no_row() {
    let estate = Estate::new();
    load(&estate, "mig-1").await;
    let (data, digests) = (estate.data(), estate.digests().await);
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    let outcomes = load(&estate, "mig-2").await;
    assert_eq!(rows_written(&outcomes), 0);
    assert_eq!(estate.data(), data);
    assert_eq!(estate.digests().await, digests);
}

#[tokio::test]
async fn a_dry_run_forecasts_and_leaves_every_byte() {
    let estate = Estate::new();
    let before = estate.data();
    let outcomes = drive_as(&estate, &Job::Load, "mig-1", &Faults::none(), Mode::DryRun)
        .await
        .unwrap();
    assert_eq!(outcomes.len(), 1);
    let forecast = outcomes.values().next().unwrap().facts["forecast"].clone();
    let schools = forecast.as_array().unwrap().iter();
    let schools = schools.filter(|one| one["table"] == "ids.main.schools");
    assert_eq!(
        schools.cloned().collect::<Vec<_>>(),
        [serde_json::json!({
            "table": "ids.main.schools", "rows": 2, "insert": 1, "update": 1, "leave": 0, "conflict": 0
        })]
    );
    assert_eq!(estate.data(), before);
    for target in [&estate.ids, &estate.hcp] {
        assert_eq!(target.with(|database| database.writes), 0);
    }
}

async fn refused(estate: &Estate) -> redistrict_skill::SkillError {
    let before = estate.data();
    let error = drive(estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap_err();
    assert_eq!(estate.data(), before);
    assert!(!estate.has_leftovers());
    error
}

fn estate_with(rows: ArtifactRows) -> Estate {
    let estate = Estate::new();
    estate.write_artifact("mig-1", &estate.plan, &rows);
    estate
}

#[tokio::test]
async fn an_own_row_with_the_key_of_a_neighbours_row_is_a_conflict_even_if_it_is_equal() {
    for (key, name) in [(10, "Neighbour"), (10, "Other")] {
        let mut rows = district_2();
        rows.push(("ids.schools", cells![key, 1, name], Own));
        let error = refused(&estate_with(rows)).await;
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(error.causes[0].starts_with("write ids.main.schools: 1 rows have the key"));
        assert!(!error.chain().contains("Neighbour"));
    }
}

#[tokio::test]
async fn labels_lead_through_other_stores() {
    let mut rows = district_2();
    rows.push(("hcp.visits", cells![1000, 1, "theirs"], Own));
    let error = refused(&estate_with(rows)).await;
    assert!(error.causes[0].starts_with("write hcp.main.visits: 1 rows"));
    let estate = Estate::new();
    estate.put("ids.students", cells![200, 20, 102, 200, "older"]);
    estate.put("hcp.learners", cells![2000, 200, "older"]);
    load(&estate, "mig-1").await;
    let note = cell(&estate.data(), "hcp.learners", &["2000"], "note");
    assert_eq!(note, "note".into());
}

#[tokio::test]
async fn a_unique_key_that_another_row_holds_is_named_before_anything_is_written() {
    for membership in [Shared, Stub] {
        let mut rows = district_2();
        let email = "cy@example.org";
        rows.retain(|(_, values, _)| !values.contains(&email.into()));
        rows.push(("ids.guardians", cells![105, "Twin", email], membership));
        let error = refused(&estate_with(rows)).await;
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(
            error.causes[0].contains("guardians_email_key"),
            "{}",
            error.chain()
        );
        assert!(error.causes[0].contains('#'));
        assert!(!error.chain().contains(email));
    }
}

#[tokio::test]
async fn a_unique_key_of_an_earlier_load_leads_to_its_rollback() {
    let with = |id: i64| {
        let mut rows = district_2();
        rows.push(("ids.guardians", cells![id, "Di", "di@example.org"], Shared));
        rows
    };
    let estate = estate_with(with(105));
    load(&estate, "mig-1").await;
    let rows = with(106);
    estate.write_artifact("mig-2", &estate.plan, &rows);
    let before = estate.data();
    let stopped = drive(&estate, &Job::Load, "mig-2", &Faults::none()).await;
    let error = stopped.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(estate.data(), before);
    assert!(
        error.causes[0].contains("another row of an earlier load"),
        "{}",
        error.chain()
    );
    assert!(error.hints[0].contains("redistrict rollback"));
}

#[tokio::test]
async fn a_full_row_replaces_a_stub_that_our_ledger_wrote_and_no_other() {
    let estate = Estate::new();
    load(&estate, "mig-1").await;
    let mut rows = district_2();
    rows.retain(|(of, values, _)| *of != "ids.guardians" || values[0] != 103.into());
    rows.push((
        "ids.guardians",
        cells![103, "Full", "full@example.org"],
        Shared,
    ));
    estate.write_artifact("mig-2", &estate.plan, &rows);
    let outcomes = load(&estate, "mig-2").await;
    assert_eq!(rows_written(&outcomes), 1);
    let full = cell(&estate.data(), "ids.guardians", &["103"], "name");
    assert_eq!(full, "Full".into());
    estate.write_artifact("mig-3", &estate.plan, &district_2());
    let outcomes = load(&estate, "mig-3").await;
    assert_eq!(rows_written(&outcomes), 0, "never back to a stub");
    rows.pop();
    rows.push((
        "ids.guardians",
        cells![103, "Fuller", "full@example.org"],
        Shared,
    ));
    estate.write_artifact("mig-4", &estate.plan, &rows);
    assert_eq!(
        rows_written(&load(&estate, "mig-4").await),
        0,
        "shared rows are not updated"
    );
}

#[tokio::test]
async fn only_an_enrolled_database_that_is_not_prod_is_written() {
    let config = |error: redistrict_skill::SkillError, what: &str| {
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains(what), "{}", error.message);
        error
    };
    let estate = Estate::new();
    estate.ids.with(|database| database.enrolments.clear());
    let error = config(refused(&estate).await, "not enrolled");
    assert_eq!(error.hints, ["redistrict enroll ids --name …"]);

    let estate = Estate::new();
    estate.hcp.with(|database| {
        let mark = database.enrolments.get_mut(&StoreName::new("hcp")).unwrap();
        mark.fingerprint = Fingerprint("another".into());
    });
    config(refused(&estate).await, "restored from a copy");

    let estate = Estate::new();
    for (source, denied, what) in [
        ("cert-ids", "x", "PROD and CERT are the same database"),
        ("x", "cert-hcp", "deny"),
    ] {
        let mut setup = estate.setup(&Faults::none(), Mode::Apply);
        setup.source_fingerprints = vec![Fingerprint(source.into())];
        setup.denied_fingerprints = vec![Fingerprint(denied.into())];
        let skill = redistrict_load::LoadSkill::new(setup);
        let error = crate::runner::first_unit(&estate, &skill, "mig-1")
            .await
            .unwrap_err();
        config(error, what);
    }
}

#[tokio::test]
async fn drift_a_changed_byte_and_another_plan_stop_the_load() {
    let estate = Estate::new();
    estate.ids.with(|database| {
        let table = database.tables.get_mut(&name("ids.schools")).unwrap();
        table.columns[2].nullable = true;
    });
    let error = refused(&estate).await;
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("ids.main.schools"));

    let estate = Estate::new();
    let dir = estate
        .layout
        .masked_of(&estate.plan.district, &estate.key)
        .join("mig-1");
    let part = crate::runner::some_file(&dir, "part-00000.parquet");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[20] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "damages a file on purpose")]
    std::fs::write(&part, bytes).unwrap();
    assert_eq!(refused(&estate).await.kind, ErrorKind::Corrupt);

    let estate = Estate::new();
    let mut other = (*estate.plan).clone();
    other.digest.0 = "another".into();
    estate.write_artifact("mig-1", &other, &district_2());
    let error = refused(&estate).await;
    assert!(error.message.contains("another plan"));
}

#[tokio::test]
async fn a_lease_of_another_run_is_named_with_what_to_do() {
    let estate = Estate::new();
    estate
        .hcp
        .with(|database| database.holder = Some(RunId::new("mig-0")));
    let before = estate.data();
    let error = drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(error.hints[0].starts_with("`redistrict watch mig-0` tells"));
    assert!(error.hints[1].contains("`redistrict resume mig-0`, or `redistrict cancel mig-0`"));
    assert_eq!(estate.data(), before);
    assert_eq!(estate.ids.with(|database| database.holder.clone()), None);
    let holder = estate.hcp.with(|database| database.holder.clone());
    assert_eq!(
        holder,
        Some(RunId::new("mig-0")),
        "another's lease is not ours to clear"
    );
}

#[tokio::test]
async fn a_writer_whose_lease_was_taken_over_writes_nothing_more() {
    let estate = Estate::new();
    let skill = redistrict_load::LoadSkill::new(estate.setup(&Faults::none(), Mode::Apply));
    let mut zombie = crate::runner::Steps::new(&estate, &skill, "mig-1");
    for step in ["preflight", "lease", "lease", "stage"] {
        zombie.next(step).await.unwrap();
    }
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), true);
    let outcome = estate.ids.acquire_lease(&claim).await.unwrap();
    assert!(matches!(outcome, LeaseOutcome::Held(_)));
    let writes = estate.ids.with(|database| database.writes);
    let error = zombie.next("stage").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(
        error.keeps,
        "what becomes of the run is the other one's business"
    );
    assert_eq!(estate.ids.with(|database| database.writes), writes);
}

#[tokio::test]
async fn what_was_approved_is_done_or_nothing_is() {
    for is_changed in [false, true] {
        let estate = Estate::new();
        load(&estate, "mig-0").await;
        let mut setup = estate.setup(&Faults::none(), Mode::Apply);
        setup.is_approved = true;
        let skill = redistrict_load::LoadSkill::new(setup);
        let mut run = crate::runner::Steps::new(&estate, &skill, "mig-1");
        for step in ["preflight", "lease", "lease"] {
            run.next(step).await.unwrap();
        }
        for _ in 0..10 {
            run.next("stage").await.unwrap();
        }
        if is_changed {
            estate.set("ids.schools", "20", "name", "typed by a tester");
        }
        let before = estate.data();
        let merged = run.next("merge").await;
        assert_eq!(merged.is_err(), is_changed);
        if let Err(error) = merged {
            assert_eq!(error.kind, ErrorKind::Conflict);
            assert!(
                error.message.contains("ids.main.schools as approved"),
                "{}",
                error.message
            );
            assert_eq!(estate.data(), before);
        }
    }
}

/// Otherwise of many runs at once none would go on: each would find a lease held by one that gives up.
#[tokio::test]
async fn a_run_that_is_refused_a_lease_never_asks_for_those_behind_it() {
    let estate = Estate::new();
    let skill = redistrict_load::LoadSkill::new(estate.setup(&Faults::none(), Mode::Apply));
    let mut winner = crate::runner::Steps::new(&estate, &skill, "mig-1");
    for step in ["preflight", "lease"] {
        winner.next(step).await.unwrap();
    }
    let behind = || estate.hcp.with(|database| database.epoch);
    let free = behind();
    let undo = Job::Undo("mig-0");
    for (job, run) in [(Job::Load, "mig-2"), (undo, "rb-mig-0")] {
        let error = drive(&estate, &job, run, &Faults::none()).await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::Busy, "{run}");
        assert_eq!(behind(), free, "{run}");
    }
    winner.next("lease").await.unwrap();
}

#[tokio::test]
async fn a_trigger_that_changes_rows_is_told() {
    let estate = Estate::new().with_trigger("ids.schools", "name", "stamped".into());
    let outcomes = load(&estate, "mig-1").await;
    let mut findings = outcomes.values().flat_map(|one| &one.findings);
    let told = findings.find(|one| one.code == "changed-by-target");
    let told = told.expect("the rows are told");
    assert_eq!((told.subject.as_str(), told.count), ("ids.main.schools", 2));
    assert!(
        told.message
            .contains("in columns name (triggers: stamp of ids.main.schools)")
    );
}

/// It could be a trigger of another table that is written, too.
#[tokio::test]
async fn rows_that_no_trigger_can_have_changed_roll_the_load_back() {
    let estate = Estate::new();
    let before = estate.data();
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.schools"), "name".into(), "stamped".into()));
    });
    let error = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data, "{}", error.chain());
    assert!(
        error.message.contains("load ids.main.schools: 2 rows"),
        "{}",
        error.message
    );
    assert!(
        error.message.contains("in columns name, and no trigger"),
        "{}",
        error.message
    );
    assert_eq!(estate.data(), before);

    let estate = Estate::new().with_trigger("ids.students", "name", "stamped".into());
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.schools"), "name".into(), "stamped".into()));
    });
    let outcomes = load(&estate, "mig-1").await;
    let mut findings = outcomes.values().flat_map(|one| &one.findings);
    assert!(findings.any(|one| one.subject == "ids.main.schools"
        && one.message.contains("stamp of ids.main.students")));
}

#[tokio::test]
async fn when_the_second_group_fails_for_good_the_first_one_is_taken_back() {
    for call in [
        "apply",
        "check_constraints",
        "commit",
        "write_ledger",
        "mark",
    ] {
        let estate = Estate::new();
        let before = estate.data();
        // A row of hcp is updated, so that it is marked.
        estate.put("ids.students", cells![200, 20, 102, 200, "older"]);
        estate.put("hcp.learners", cells![2000, 200, "older"]);
        let older = estate.data();
        let faults = Faults::refuse(call, "hcp");
        let error = drive(&estate, &Job::Load, "mig-1", &faults)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{call}");
        // Only a commit that fails leaves something to take back: everything else happens before the first.
        assert_eq!(faults.calls().contains(&"commit"), call == "commit");
        assert_eq!(faults.calls().contains(&"delete"), call == "commit");
        assert_eq!(estate.data(), older, "{call}");
        assert_ne!(before, older);
        assert!(!estate.has_leftovers());
    }
}

#[tokio::test]
async fn the_reply_of_a_commit_may_be_lost_and_the_outcome_is_the_same() {
    let undisturbed = Estate::new();
    let expected = load(&undisturbed, "mig-1").await;
    let faults = Faults::none();
    drive(&Estate::new(), &Job::Load, "mig-1", &faults)
        .await
        .unwrap();
    let commits = faults.calls().into_iter().enumerate();
    let commits: Vec<usize> = commits
        .filter(|(_, name)| *name == "commit")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(commits.len(), 2);
    for at in commits {
        for fault in Fault::ALL {
            let estate = Estate::new();
            let outcomes = drive(&estate, &Job::Load, "mig-1", &Faults::at(at, fault))
                .await
                .unwrap();
            assert_eq!(estate.data(), undisturbed.data());
            for (unit, outcome) in &expected {
                if unit.step == "merge" {
                    let mut facts = outcomes[unit].facts.clone();
                    // A process that died told nobody where the sequences had been.
                    if matches!(fault, Fault::DieBefore | Fault::DieAfter) {
                        facts["sequences"] = outcome.facts["sequences"].clone();
                    }
                    // It is told where all groups end at once.
                    facts["commit"] = outcome.facts["commit"].clone();
                    assert_eq!(outcome.facts, facts, "{fault:?}");
                    assert_eq!(outcome.rows, outcomes[unit].rows);
                }
            }
        }
    }
}
