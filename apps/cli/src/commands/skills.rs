//! The skills one by one: each works on the last sealed artifact of the step before.

use std::path::Path;

use redistrict_artifact::Artifact;
use redistrict_journal::RunOptions;
use redistrict_model::{DistrictId, Phase, RunId, Verdict, shell_argument};
use redistrict_validate::read_verdict;

use crate::args;
use crate::commands::migrate::{Prepared, newest_raw, only, prepare};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::runner;
use crate::session::Session;

pub(crate) async fn extract(session: &Session, district: &args::District) -> CommandResult<Exit> {
    run(session, district, |_| Ok(only(Phase::Extraction))).await
}

pub(crate) async fn anonymize(session: &Session, district: &args::District) -> CommandResult<Exit> {
    run(session, district, |prepared| {
        Ok(RunOptions {
            reuse: Some(newest_raw(prepared, "extract")?),
            ..only(Phase::Anonymization)
        })
    })
    .await
}

pub(crate) async fn validate(session: &Session, district: &args::District) -> CommandResult<Exit> {
    run(session, district, |prepared| {
        masked(prepared, Phase::Validation)
    })
    .await
}

pub(crate) async fn load(session: &Session, arguments: &args::Load) -> CommandResult<Exit> {
    let loads = |prepared: &Prepared| masked(prepared, Phase::Loading);
    run_asking(session, &arguments.district, &arguments.ask, loads).await
}

async fn run(
    session: &Session,
    district: &args::District,
    options: impl FnOnce(&Prepared) -> CommandResult<RunOptions>,
) -> CommandResult<Exit> {
    let ask = args::AskBefore::default();
    run_asking(session, &district.district, &ask, options).await
}

async fn run_asking(
    session: &Session,
    district: &str,
    ask: &args::AskBefore,
    options: impl FnOnce(&Prepared) -> CommandResult<RunOptions>,
) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let prepared = prepare(session, &workspace, district, ask).await?;
    let options = options(&prepared)?;
    let (parts, summary) = prepared.start(session, options).await?;
    runner::conclude(session, &parts, &summary)
}

/// The newest masked artifact has to be there and to be of this plan.
fn masked(prepared: &Prepared, phase: Phase) -> CommandResult<RunOptions> {
    let Prepared { plan, parts, .. } = prepared;
    let dir = parts.layout.masked_of(&plan.district, &parts.key);
    let newest = Artifact::newest(&dir).ok_or_else(|| {
        Failure::prerequisite(format!(
            "use the last masked artifact of district {}: there is no sealed one",
            plan.district
        ))
        .with_hint(format!(
            "redistrict anonymize {}",
            shell_argument(plan.district.as_str())
        ))
    })?;
    let artifact = Artifact::open(&newest, &parts.key)?;
    if artifact.manifest().plan_digest != plan.digest {
        return Err(Failure::prerequisite(
            "use the last masked artifact: the plan has changed since it was made",
        )
        .with_hint(format!(
            "redistrict anonymize {}",
            shell_argument(plan.district.as_str())
        )));
    }
    if phase == Phase::Loading {
        validated(artifact.dir(), &plan.district)?;
    }
    let run: RunId = artifact.run().clone();
    Ok(RunOptions {
        reuse: Some(run),
        ..only(phase)
    })
}

/// The step before loading is validation: nothing is loaded that has no verdict, or a FAILED one.
fn validated(artifact: &Path, district: &DistrictId) -> CommandResult {
    let hint = format!("redistrict validate {}", shell_argument(district.as_str()));
    match read_verdict(artifact).map(|report| report.verdict) {
        Some(Verdict::Failed) => Err(Failure::new(
            Exit::ValidationFailed,
            "load the last masked artifact: its verdict is FAILED",
        )
        .with_hint(format!("{hint} shows the failed checks again"))),
        None => Err(
            Failure::prerequisite("load the last masked artifact: it was not validated")
                .with_hint(hint),
        ),
        Some(_) => Ok(()),
    }
}
