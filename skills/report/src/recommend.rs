//! What to do next. Pure.

use redistrict_model::{ErrorKind, Phase, shell_argument};

use crate::data::{FailureReport, ReportData, ReportStatus};

/// One step a line; never empty for a run that did not succeed.
pub(crate) fn recommendation(data: &ReportData) -> Vec<String> {
    match (data.status, &data.failure) {
        (ReportStatus::Success, _) => Vec::new(),
        (ReportStatus::Interrupted | ReportStatus::Unfinished, _) => {
            vec![format!(
                "Go on with the run: redistrict resume {}",
                data.run
            )]
        }
        (ReportStatus::Waiting, _) => waiting(data),
        (ReportStatus::Cancelled, _) => vec![
            data.undone_by.as_ref().map_or_else(
                || "CERT was not written to.".to_owned(),
                |run| format!("What was written to CERT was taken back by {run}."),
            ),
            again(data),
        ],
        (ReportStatus::Failed, None) => vec![again(data)],
        (ReportStatus::Failed, Some(failure)) => {
            let mut steps = vec![state_of_cert(data)];
            steps.extend(failure.hints.iter().cloned());
            steps.push(remedy(failure).to_owned());
            if failure.is_taken_back == Some(false) {
                steps.push(format!(
                    "Finish taking back: redistrict resume {}",
                    data.run
                ));
            } else {
                steps.push(again(data));
            }
            if !data.artifacts.is_empty() {
                let paths: Vec<&str> = data
                    .artifacts
                    .iter()
                    .map(|artifact| artifact.path.as_str())
                    .collect();
                steps.push(format!("Kept for that: {}", paths.join(", ")));
            }
            steps
        }
    }
}

/// What the run waits for.
fn waiting(data: &ReportData) -> Vec<String> {
    let run = &data.run;
    let go_on = format!("Go on with the run: redistrict resume {run}");
    let open = data.approvals.iter().find(|one| !one.is_used);
    match open {
        Some(one) if one.approved_by.is_none() => vec![
            format!(
                "{} waits for an approval: redistrict approve {run}",
                one.phase
            ),
            format!("Or give the run up: redistrict cancel {run}"),
        ],
        Some(_) => vec![go_on],
        None if is_in_the_way(data) => vec![
            "Another run loads into the same target: the last failed attempt says which; \
             `redistrict watch` tells when it has ended."
                .to_owned(),
            go_on,
        ],
        None => vec![
            "The run waits for credentials: the last failed attempt says which.".to_owned(),
            go_on,
        ],
    }
}

fn is_in_the_way(data: &ReportData) -> bool {
    let last = data.retries.last();
    last.is_some_and(|attempt| attempt.kind == ErrorKind::Busy)
}

fn state_of_cert(data: &ReportData) -> String {
    let failure = data.failure.as_ref();
    let has_loaded = failure.is_some_and(|failure| failure.phase >= Phase::Loading);
    match failure.and_then(|failure| failure.is_taken_back) {
        Some(false) => "What was written to CERT is not taken back yet.".to_owned(),
        Some(true) => "CERT is as it was before: what was written was taken back.".to_owned(),
        None if has_loaded && data.totals.loaded.is_some() => {
            "The rows of this run are in CERT.".to_owned()
        }
        None => "CERT was not written to.".to_owned(),
    }
}

/// What the operating system says of a full disk, in the words of its error.
const FULL: &str = "No space left on device";

fn remedy(failure: &FailureReport) -> &'static str {
    if failure.causes.iter().any(|cause| cause.contains(FULL)) {
        return "Make room on the disk that is named (redistrict artifacts ls tells what could be \
                shredded), then run again.";
    }
    match failure.kind {
        ErrorKind::Transient | ErrorKind::Unreachable => {
            "See to it that the server answers (redistrict doctor tells), then run again."
        }
        ErrorKind::Busy => "Wait until the other run has ended (redistrict runs), then run again.",
        ErrorKind::Auth => {
            "Correct the credentials or the URL variable that is named, then run again."
        }
        ErrorKind::Config | ErrorKind::Usage => {
            "Change the configuration as said above, then run again."
        }
        ErrorKind::Data => {
            "Correct the value's column or its mask in the configuration, then run again."
        }
        ErrorKind::Conflict => {
            "Look at what stands in the way in CERT, as named above (rows, constraints, triggers); put \
             it right there and run again, or exclude the table and extract again."
        }
        ErrorKind::Corrupt => "A file was changed after it was sealed: extract again.",
        ErrorKind::Validation => {
            "Look at the failed checks below; correct the source, the plan or the masks, then run \
             again. A failed verdict cannot be approved."
        }
        // What was loaded was proved before; the closing sweep looks at what the run wrote about itself.
        ErrorKind::Leak if failure.phase == Phase::Reporting => {
            "CERT and the masks need no change: see which values stand in the file that is named, and delete it."
        }
        ErrorKind::Leak => {
            "Change the mask of the column that is named; nothing masked with it may leave this \
             machine."
        }
        ErrorKind::Interrupted => "Go on with redistrict resume.",
        ErrorKind::Bug => "This is a defect of redistrict: please report it with this file.",
    }
}

/// The command that tries again, without extracting where a raw artifact is there for it and what has to be
/// changed first leaves that as it is: masks do, and what is put right in CERT.
fn again(data: &ReportData) -> String {
    let district = shell_argument(data.district.as_str());
    let failed = data.failure.as_ref().map(|failure| failure.phase);
    if failed == Some(Phase::Reporting) {
        return format!("Then: redistrict report {}", data.run);
    }
    if data.is_undo {
        let run = data.parent.as_ref().unwrap_or(&data.run);
        return format!("Then: redistrict rollback {run}");
    }
    let has_raw = data.artifacts.iter().any(|artifact| artifact.kind == "raw");
    if has_raw && data.failure.as_ref().is_some_and(keeps_extraction) {
        format!("Then: redistrict migrate --skip-extraction {district}")
    } else {
        format!("Then: redistrict migrate {district}")
    }
}

/// Whether the rows that were extracted can be used again after what the failure asks for. Of a failed check
/// the rows, the owners or the boundaries may be at fault; lines to paste may change them too.
fn keeps_extraction(failure: &FailureReport) -> bool {
    let sections = ["[table.", "[[link]]", "[tenant]", "[store."];
    let changes = |line: &str| {
        let line = line.trim_start();
        sections.iter().any(|section| line.starts_with(section))
    };
    let is_changed = failure
        .hints
        .iter()
        .flat_map(|hint| hint.lines())
        .any(changes);
    let is_at_fault = matches!(failure.kind, ErrorKind::Validation | ErrorKind::Corrupt);
    failure.phase > Phase::Extraction && !is_at_fault && !is_changed
}
