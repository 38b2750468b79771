//! `prove snapshot`: what is extracted is one state of PROD, whatever is written meanwhile; and where a standby
//! takes the view away, the store is read again from the start, three times at most, and the settings to
//! change are named.

mod place;
mod standby;
mod writer;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use self::place::{DISTRICT, Place};
use self::writer::Writer;
use crate::{Options, Proof, say};

/// So many transactions are committed while the product stands still in the middle of an extraction.
const MEANWHILE: u64 = 40;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let (rounds, accounts) = match options.quick {
        true => (4, 100),
        false => (20, 1_000),
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let place = Place::make(dir.path(), accounts, &runtime)?;
    let changing = while_it_changes(&place, rounds, options.seed)?;
    let taken = standby::prove(&place, &dir.path().join("standby"))?;
    let mut problems = changing.problems;
    problems.extend(taken.problems);
    for problem in &problems {
        say(problem);
    }
    Ok(Proof {
        figures: format!(
            "PostgreSQL {}: {rounds} extractions of {} rows while {} transactions changed, added, deleted and \
             moved rows: {} equal the cut, {} different cuts, {} of them behind by {MEANWHILE} transactions or \
             more when they ended; on a hot standby without feedback: {}; {} problems",
            place.version(),
            changing.rows,
            changing.transactions,
            changing.equal,
            changing.cuts.len(),
            changing.behind,
            taken.figures,
            problems.len(),
        ),
        passed: problems.is_empty() && changing.equal == rounds && changing.behind == rounds,
    })
}

/// What the first part showed.
#[derive(Default)]
struct Changing {
    rows: u64,
    transactions: u64,
    equal: usize,
    behind: usize,
    /// Versions of the district that were extracted.
    cuts: BTreeSet<u64>,
    problems: Vec<String>,
}

/// Extracts again and again while somebody writes. Each time the product stands still at another point between
/// the begin of the cut and the end of reading until enough has been committed.
fn while_it_changes(place: &Place<'_>, rounds: usize, seed: u64) -> Result<Changing> {
    let points = points(place)?;
    if points.is_empty() {
        bail!("no point was passed at which PROD is read");
    }
    let writer = Writer::start(place.prod(), place.accounts(), seed);
    let mut shown = Changing::default();
    for round in 0..rounds {
        let point = points[round * points.len() / rounds];
        let before = writer.committed();
        let product = place.product(&format!("pause:{point}"))?;
        let meanwhile = || writer.wait_for(MEANWHILE);
        let (ended, was_paused) =
            product.run_paused(&["extract", DISTRICT], meanwhile, || Ok(()))?;
        if !ended.status.success() || !was_paused {
            let say = format!("round {round}: ended with {}:\n{}", ended.status, ended.err);
            shown.problems.push(say);
            continue;
        }
        let found = place.extracted()?;
        let wanted = place.digest_at(found.version)?;
        shown.rows += found.rows;
        shown.cuts.insert(found.version);
        if wanted.as_deref() == Some(found.digest.as_str()) {
            shown.equal += 1;
        } else {
            let what = "what was extracted is no state that PROD was in";
            shown
                .problems
                .push(format!("round {round}: {what}, version {}", found.version));
        }
        shown.behind += usize::from(place.version_now()? >= found.version + MEANWHILE);
        if writer.committed() == before {
            shown
                .problems
                .push(format!("round {round}: nothing was written"));
        }
    }
    shown.transactions = writer.end()?;
    Ok(shown)
}

/// The numbers of the effect points at which PROD is read, behind the begin of the cut.
fn points(place: &Place<'_>) -> Result<Vec<u64>> {
    let trace = place.dir().join("trace");
    let product = place.product(&format!("trace:{}", trace.display()))?;
    product.must(&["extract", DISTRICT])?;
    let text = std::fs::read_to_string(&trace).context("read the trace")?;
    let mut points = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let (number, point) = line.split_once(' ').context("read the trace")?;
        if point == "before prod open db" {
            is_open = true;
        } else if is_open && point.starts_with("before prod ") {
            points.push(number.parse().context("read the trace")?);
        }
    }
    Ok(points)
}
