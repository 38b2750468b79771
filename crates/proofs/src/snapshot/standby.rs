//! A hot standby whose primary vacuums away what an extraction still reads.

use std::path::Path;

use anyhow::{Context, Result};
use redistrict_testkit::postgres::{self, TestServer};

use super::place::{DISTRICT, Place, Through};

/// What was seen.
pub(super) struct Taken {
    pub(super) figures: String,
    pub(super) problems: Vec<String>,
}

/// Where the product stands still: the cut is open and rows are going to be read by it.
const POINT: &str = "before prod rows db";

/// How the log tells that nothing is tried after that.
const LAST_TRY: &str = "failed at attempt 4";

/// The settings that have to be named where it stops.
const SETTINGS: [&str; 2] = ["hot_standby_feedback", "max_standby_streaming_delay"];

pub(super) fn prove(place: &Place<'_>, dir: &Path) -> Result<Taken> {
    let standby = place.server().launch_standby().context("start a standby")?;
    place.runtime().block_on(standby.wait_for(place.server()));
    let through = place.through(dir, &standby)?;
    let mut problems = Vec::new();
    undisturbed(&through, &mut problems)?;
    let once = once(&through, &standby, &mut problems)?;
    let always = always(&through, &standby, &mut problems)?;
    Ok(Taken {
        figures: format!(
            "a vacuum on the primary ended the view {once} time, and the store was read again as it was then; \
             ended {always} times it stopped after four cuts and named {}",
            SETTINGS.join(" and ")
        ),
        problems,
    })
}

/// Without a vacuum the standby is read like any other server.
fn undisturbed(through: &Through<'_, '_>, problems: &mut Vec<String>) -> Result<()> {
    let ended = through
        .product("each:nowhere")?
        .run(&["extract", DISTRICT])?;
    if ended.status.success() {
        return compare(through, "undisturbed", problems);
    }
    problems.push(format!(
        "standby: ended with {}:\n{}",
        ended.status, ended.err
    ));
    Ok(())
}

/// The view is taken away once: a fresh cut is extracted whole.
fn once(
    through: &Through<'_, '_>,
    standby: &TestServer,
    problems: &mut Vec<String>,
) -> Result<usize> {
    let mut conflicts = 0;
    let product = through.product(&format!("at:{POINT}"))?;
    let ended = product.run_pausing(&["extract", DISTRICT], || {
        conflicts += 1;
        conflict(through, standby)
    })?;
    if !ended.status.success() || conflicts != 1 {
        let what = format!(
            "standby: {conflicts} conflicts, ended with {}",
            ended.status
        );
        problems.push(format!("{what}:\n{}", ended.err));
        return Ok(conflicts);
    }
    compare(through, "after a conflict", problems)?;
    Ok(conflicts)
}

/// The view is taken away again and again: it stops, without an artifact, and says what to change.
fn always(
    through: &Through<'_, '_>,
    standby: &TestServer,
    problems: &mut Vec<String>,
) -> Result<usize> {
    let before = through.extracted()?.version;
    let mut cuts = 0;
    let product = through.product(&format!("each:{POINT}"))?;
    let ended = product.run_pausing(&["extract", DISTRICT], || {
        cuts += 1;
        conflict(through, standby)
    })?;
    let is_last_try = ended.err.contains(LAST_TRY);
    if ended.status.code() != Some(8) || !is_last_try || cuts < 4 {
        problems.push(format!(
            "standby: ended with {} after {cuts} cuts:\n{}",
            ended.status, ended.err
        ));
    }
    for setting in SETTINGS {
        if !ended.err.contains(setting) {
            problems.push(format!("standby: {setting} is not named:\n{}", ended.err));
        }
    }
    if through.extracted()?.version != before {
        problems.push("standby: an artifact of a view that was lost was sealed".to_owned());
    }
    Ok(cuts)
}

/// Changes rows that the open view still sees, lets the primary take the old ones away, and waits until the
/// standby has done the same, which ends what stands in the way.
fn conflict(through: &Through<'_, '_>, standby: &TestServer) -> Result<()> {
    let place = through.place();
    let sql = "begin; update halves_a set v = v + 1; update halves_b set v = v + 1; \
               update versions set n = n + 1; \
               insert into kept.log select n, kept.state(1) from versions where district = 1; commit";
    place.runtime().block_on(async {
        postgres::execute(place.prod(), sql).await?;
        postgres::execute(
            place.prod(),
            "vacuum halves_a, halves_b, accounts, versions",
        )
        .await?;
        standby.wait_for(place.server()).await;
        anyhow::Ok(())
    })
}

fn compare(through: &Through<'_, '_>, when: &str, problems: &mut Vec<String>) -> Result<()> {
    let (found, place) = (through.extracted()?, through.place());
    let is_equal = place.digest_at(found.version)?.as_deref() == Some(found.digest.as_str());
    if !is_equal || found.version != place.version_now()? {
        problems.push(format!(
            "standby, {when}: what was extracted is not what PROD is"
        ));
    }
    Ok(())
}
