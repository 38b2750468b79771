//! Reports of runs as a journal tells them: expected words stand in full.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod page;
mod sample;
mod schema;
mod sheet;
mod story;

use std::sync::Arc;

use redistrict_artifact::{ArtifactKind, write_atomic};
use redistrict_journal::{Event, RunOptions};
use redistrict_model::{CheckOutcome, DistrictId, ErrorKind, Phase, RunId, StoreName, UnitKey};
use redistrict_report::{ReportData, ReportStatus, next_steps, render_markdown, summary};
use redistrict_skill::{
    Cancel, ManualClock, Progress, ProgressSink, Skill, SkillError, UnitContext, UnitOutcome,
};
use serde_json::{Value, json};

use story::{Files, RUN, Story, every_kind, plan, success, table, verdict};

#[test]
fn a_migration_that_succeeded_ends_in_the_words_of_the_mission() {
    let files = Files::new();
    let data = files.data(&success());
    let expected = "\
✅ Migration Complete: North District

Run ID: mig-20260101T000000Z-1
Duration: 4 minutes 0 seconds
Status: SUCCESS

Summary:
- Extracted: 123,456 records
- Anonymized: 1,234 PII fields
- Validated: PASSED
- Loaded to CERT: 123,400 records

Reports: data/reports/mig-20260101T000000Z-1.md

CERT is ready for testing!";
    assert_eq!(files.relative(&summary(&data)), expected);
    let steps: Vec<String> = next_steps(&data)
        .iter()
        .map(|step| files.relative(step))
        .collect();
    assert_eq!(
        steps,
        [
            "Review 1 warning in the report",
            "Read the report: data/reports/mig-20260101T000000Z-1.md",
            "Undo: redistrict rollback mig-20260101T000000Z-1",
        ]
    );
}

#[test]
fn the_report_begins_with_the_summary_and_tells_every_part() {
    let files = Files::new();
    files.seal(ArtifactKind::Masked);
    let data = files.data(&success());
    let report = files.relative(&render_markdown(&data));
    let head = "# Migration of district North District\n\n```text\n✅ Migration Complete";
    assert!(report.starts_with(head), "{report}");
    for line in [
        "| Phase 1 of 5 | Extraction | completed | 1 min 00 s |",
        "| Phase 5 of 5 | Reporting | completed | - |",
        "Verdict: PASSED. 1 check, 0 not passed, 1,000 rows and keys examined.",
        "Leak proof: 0 survivors of 5 values.",
        "| foreign-key | ids.public.enrollments(student_id) | each has its row | ERROR | passed | 1,000 |",
        "| ids | postgres | 2026-01-01T00:00:01Z | s-1 |",
        "| ids.public.\"stu\\|dents\" | unknown | 123,000 | 450 | 6 | 1,234 | 123,000 | 400 | 50 | 6 |",
        "| email | reserved | 1 | 1,200 |",
        "| unknown | 1 in-format, 1 synthetic | 2 | 34 |",
        "- WARNING shared-row-differs ids.public.\"stu\\|dents\": left as it is (6)",
        "redistrict why …",
        "| ids.public.transfers(to) | another district | stub | 3 |",
        "| masked | mig-20260101T000000Z-1 | data/anonymized/2-",
        "- Started: 2026-01-01T00:00:00Z",
        "- Undo: `redistrict rollback mig-20260101T000000Z-1`",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn the_same_journal_gives_the_same_bytes_and_the_json_reads_back() {
    let files = Files::new();
    let story = success();
    let skill = files.skill(&story);
    let run = RunId::new(RUN);
    let data = skill.write(&run).unwrap();
    let read = |extension: &str| std::fs::read(files.layout.report(&run, extension)).unwrap();
    let all = || ["json", "md", "html"].map(read);
    let first = all();
    assert_eq!(
        serde_json::from_slice::<ReportData>(&first[0]).unwrap(),
        data
    );
    skill.write(&run).unwrap();
    assert_eq!(all(), first);
    let others = std::fs::read_dir(files.layout.data_dir.join("reports"))
        .unwrap()
        .count();
    assert_eq!(others, 3);
}

#[test]
fn what_no_phase_recorded_is_not_made_up() {
    let files = Files::new();
    let nothing = |story: Story, phase| story.facts(phase, "work", Value::Null);
    let mut story = Story::new(RunOptions::default());
    for phase in [
        Phase::Extraction,
        Phase::Anonymization,
        Phase::Validation,
        Phase::Loading,
    ] {
        story = nothing(story, phase);
    }
    let text = summary(&files.data(&story.reporting()));
    for line in [
        "- Extracted: not recorded",
        "- Anonymized: not recorded",
        "- Validated: not recorded",
        "- Loaded to CERT: not recorded",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_failed_validation_names_the_checks_from_the_verdict_beside_the_artifact() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    files.seal(ArtifactKind::Masked);
    let masked = files
        .layout
        .masked_of(&DistrictId::new("2"), &files.key)
        .join(RUN);
    let report = verdict(CheckOutcome::Failed { rows: 2 });
    write_atomic(
        &masked.join("verdict.json"),
        &serde_json::to_vec(&report).unwrap(),
    )
    .unwrap();
    let story = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .fails(
            Phase::Validation,
            ErrorKind::Validation,
            "validate: 1 of 1 checks failed",
        )
        .skipped(&[Phase::Loading], "an earlier phase failed")
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.status, ReportStatus::Failed);
    assert_eq!(data.undo, None);
    let text = files.relative(&summary(&data));
    for line in [
        "❌ Migration Failed: North District",
        "Status: FAILED",
        "- Validated: FAILED",
        "- Loaded to CERT: 0 records (nothing was written)",
        "\nCERT was not written to.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("ready for testing"));
    let report = files.relative(&render_markdown(&data));
    for line in [
        "Phase 3 of 5, Validation: failed to validate: 1 of 1 checks failed (kind: validation).",
        "- turn it off and on",
        "- Then: redistrict migrate 2",
        "- Kept for that: data/staging/2-",
        "- ERROR foreign-key ids.public.enrollments(student_id): failed: 2",
        "  - first rows: ids.public.enrollments row 7",
        "| Phase 4 of 5 | Loading | skipped: an earlier phase failed | - |",
        "| Validation | work | 1 | validation: validate: 1 of 1 checks failed | after 500 ms |",
        "| Validation | work | 2 | validation: validate: 1 of 1 checks failed | no further attempt |",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn a_load_that_was_taken_back_says_so_and_offers_no_undo() {
    let files = Files::new();
    let merge = UnitKey::new(Phase::Loading, "merge").of_store(&StoreName::new("ids"));
    let facts = json!({"tables": [{"table": table(), "inserted": 5, "updated": 0}]});
    let error = serde_json::to_value(SkillError::new(ErrorKind::Conflict, "merge hcp1")).unwrap();
    let other = UnitKey::new(Phase::Loading, "merge").of_store(&StoreName::new("hcp1"));
    let outcome = serde_json::to_value(UnitOutcome {
        facts,
        ..UnitOutcome::default()
    })
    .unwrap();
    let phase = Phase::Loading;
    let story = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .tell(vec![
            Event::PhaseStarted { phase, units: 2 },
            Event::UnitStarted {
                unit: merge.clone(),
                attempt: 1,
            },
            Event::UnitDone {
                unit: merge,
                attempt: 1,
                millis: 5,
                outcome,
            },
            Event::UnitStarted {
                unit: other.clone(),
                attempt: 1,
            },
            Event::UnitFailed {
                unit: other,
                attempt: 1,
                kind: ErrorKind::Conflict,
                error,
                millis: 1,
                retry_after_millis: None,
                waits: false,
            },
            Event::CompensationStarted { phase, attempt: 1 },
        ]);
    let unfinished = files.data(&story);
    assert_eq!(
        unfinished.recommendation[0],
        "What was written to CERT is not taken back yet."
    );
    assert!(
        unfinished
            .recommendation
            .iter()
            .any(|step| step.contains("redistrict resume"))
    );
    let story = story
        .tell(vec![Event::CompensationDone {
            phase,
            outcome: json!({}),
        }])
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.totals.loaded, Some(0));
    assert_eq!(data.undo, None);
    assert_eq!(
        data.recommendation[0],
        "CERT is as it was before: what was written was taken back."
    );
    assert!(render_markdown(&data).contains("What had been loaded was taken back."));
}

#[test]
fn a_dry_run_prints_its_forecast_and_calls_nothing_ready() {
    let files = Files::new();
    let options = RunOptions {
        dry_run: true,
        ..RunOptions::default()
    };
    let forecast = json!({"forecast": [{"table": table(), "rows": 10, "insert": 7, "update": 2,
                                         "leave": 1, "conflict": 0}]});
    let story = Story::new(options)
        .extracted()
        .masked()
        .validated()
        .facts(Phase::Loading, "preflight", forecast)
        .reporting();
    let data = files.data(&story);
    let text = summary(&data);
    assert!(text.ends_with("CERT was not written to."), "{text}");
    assert_eq!(data.undo, None);
    let report = render_markdown(&data);
    assert!(
        report.contains("| ids.public.\"stu\\|dents\" | 10 | 7 | 2 | 1 | 0 |"),
        "{report}"
    );
}

#[test]
fn the_next_command_extracts_again_where_the_lines_to_paste_change_what_is_extracted() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    let next = |phase, kind, hint: &str| {
        let mut story = Story::new(RunOptions::default());
        if phase > Phase::Extraction {
            story = story.extracted();
        }
        if phase > Phase::Anonymization {
            story = story.masked();
        }
        if phase > Phase::Validation {
            story = story.validated();
        }
        let story = story.fails_with(phase, kind, "do it", &[hint]);
        let data = files.data(&story);
        data.recommendation
            .iter()
            .find(|line| line.starts_with("Then: "))
            .cloned()
    };
    let (whole, rest) = (
        "Then: redistrict migrate 2",
        "Then: redistrict migrate --skip-extraction 2",
    );
    for (phase, kind, hint, expected) in [
        (Phase::Loading, ErrorKind::Conflict, "look there", rest),
        (
            Phase::Anonymization,
            ErrorKind::Leak,
            "[column.\"ids.a.b\"]",
            rest,
        ),
        (
            Phase::Loading,
            ErrorKind::Config,
            "[table.\"ids.a\"]",
            whole,
        ),
        (
            Phase::Loading,
            ErrorKind::Config,
            "# why\n  [[link]]",
            whole,
        ),
        (
            Phase::Validation,
            ErrorKind::Validation,
            "look there",
            whole,
        ),
        (
            Phase::Anonymization,
            ErrorKind::Corrupt,
            "look there",
            whole,
        ),
        (Phase::Extraction, ErrorKind::Config, "look there", whole),
    ] {
        assert_eq!(
            next(phase, kind, hint).as_deref(),
            Some(expected),
            "{phase} {hint}"
        );
    }
}

#[test]
fn a_value_in_a_file_of_the_run_is_no_matter_of_cert() {
    let files = Files::new();
    let story = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .loaded();
    let message = "prove that nothing leaked: 1 values of PROD stand in x.log";
    let story = story.fails_with(
        Phase::Reporting,
        ErrorKind::Leak,
        message,
        &["give it to nobody"],
    );
    let data = files.data(&story);
    assert_eq!(
        data.recommendation,
        [
            "The rows of this run are in CERT.",
            "give it to nobody",
            "CERT and the masks need no change: see which values stand in the file that is named, and delete it.",
            "Then: redistrict report mig-20260101T000000Z-1",
        ]
    );
}

#[test]
fn an_extraction_that_was_skipped_takes_its_numbers_from_the_artifact() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    let options = RunOptions {
        reuse: Some(RunId::new(RUN)),
        ..RunOptions::default()
    };
    let story = Story::new(options)
        .skipped(&[Phase::Extraction], "--skip-extraction")
        .masked()
        .validated()
        .loaded()
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.totals.extracted, Some(123_456));
    assert_eq!(data.stores[0].snapshot, "s-9");
}

#[test]
fn a_run_that_was_undone_has_nothing_left_to_undo() {
    let files = Files::new();
    let unit = UnitKey::new(Phase::Reporting, "report");
    let story = success().tell(vec![
        Event::UnitDone {
            unit,
            attempt: 1,
            millis: 1,
            outcome: json!({}),
        },
        Event::PhaseDone {
            phase: Phase::Reporting,
            millis: 1,
        },
        Event::RunSucceeded { millis: 5_400_000 },
        Event::Undone {
            by: RunId::new("rb-1"),
        },
    ]);
    let data = files.data(&story);
    assert_eq!(
        (data.status, data.undo.as_ref()),
        (ReportStatus::Success, None)
    );
    assert!(summary(&data).contains("Duration: 1.5 hours"));
    assert!(render_markdown(&data).contains("- Undo: taken back by rb-1"));
}

#[test]
fn an_interrupted_run_is_told_how_to_go_on() {
    let files = Files::new();
    let story = Story::new(RunOptions::default())
        .extracted()
        .tell(vec![Event::RunInterrupted {
            signal: "SIGINT".into(),
        }]);
    let data = files.data(&story);
    assert_eq!(data.status, ReportStatus::Interrupted);
    assert_eq!(
        data.recommendation,
        ["Go on with the run: redistrict resume mig-20260101T000000Z-1"]
    );
}

#[test]
fn a_run_that_waits_or_was_given_up_is_no_success() {
    let files = Files::new();
    for (kind, status, words) in [
        (
            "waiting",
            ReportStatus::Waiting,
            "Extraction waits for an approval: redistrict approve mig-",
        ),
        (
            "cancelled",
            ReportStatus::Cancelled,
            "CERT was not written to.",
        ),
    ] {
        let mut all = every_kind().into_iter();
        let (_, story) = all.find(|(name, _)| *name == kind).unwrap();
        let data = files.data(&story);
        assert_eq!(data.status, status, "{kind}");
        let text = summary(&data);
        assert!(text.contains(words) && !text.contains('✅'), "{text}");
    }
}

#[test]
fn a_run_the_journal_has_not_is_an_error() {
    let files = Files::new();
    let error = files
        .skill(&success())
        .data(&RunId::new("mig-9"))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _progress: Progress) {}
}

#[tokio::test]
async fn the_unit_writes_all_files_and_says_where() {
    let files = Files::new();
    let story = success();
    let skill = files.skill(&story);
    let context = UnitContext {
        run: RunId::new(RUN),
        plan: Arc::new(plan()),
        attempt: 1,
        is_resume: false,
        outcomes: Arc::default(),
        clock: Arc::new(ManualClock::default()),
        cancel: Cancel::default(),
        progress: Arc::new(Silent),
    };
    let unit = skill.units(&plan()).remove(0);
    let outcome = skill.run(&unit, &context).await.unwrap();
    assert_eq!(outcome.facts["status"], "SUCCESS");
    for extension in ["md", "html", "json"] {
        assert!(files.layout.report(&RunId::new(RUN), extension).exists());
    }
}
