//! The extraction of a large district out of four databases, beside the plain reading of the same rows that
//! nobody keeps: in turn, round by round.

use std::time::Instant;

use anyhow::{Context, Result};
use redistrict_estate::{Databases, EstateOptions, StoreKinds};
use redistrict_testkit::postgres::{TestServer, execute};

use super::children::Cost;
use super::figures::{median, same_rows};
use super::fleet::{self, SETTINGS, Workplace};
use super::machine;
use super::page::{table, thousands};
use super::raw_copy::{self, Copied};
use crate::say;
use crate::world::{Urls, readers};

/// Another district of that size comes first; their rows stand among each other.
const DISTRICT: u32 = 2;

struct Round {
    extracted: Cost,
    read: Copied,
    busy: f64,
}

pub(crate) fn measure(students: u32, rounds: u32) -> Result<String> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let options = EstateOptions {
        districts: 2,
        students_per_district: students,
        ..EstateOptions::default()
    };
    let dir = tempfile::tempdir().context("make a directory")?;
    let mut server = TestServer::launch_private().context("start PostgreSQL")?;
    fleet::configure(&mut server, &runtime)?;
    let begun = Instant::now();
    let (sources, targets) = runtime.block_on(fill(&server, options))?;
    say(&format!(
        "PROD is filled: {:.0} s",
        begun.elapsed().as_secs_f64()
    ));
    let reading = runtime.block_on(readers(&server, &sources));
    let config = fleet::config(options, dir.path(), &reading, &targets)?;
    let place = Workplace::create(dir.path(), &fleet::without_graph(&config))?;
    place.product()?.must(&["enroll", "--name", "bench"])?;
    let mut measured = Vec::new();
    for number in 0..rounds.max(1) {
        let round = round(&place, &sources, number, &runtime)?;
        let (cost, read) = (&round.extracted, &round.read);
        say(&format!(
            "round {}: extract {:.1} s, {} MB; read {:.1} s",
            number + 1,
            cost.seconds,
            thousands(cost.peak / 1024),
            read.seconds
        ));
        measured.push(round);
    }
    section(students, &server, &measured)
}

/// PROD's databases with their rows, and empty ones.
async fn fill(server: &TestServer, options: EstateOptions) -> Result<(Urls, Urls)> {
    let kinds = StoreKinds::postgres();
    let mut sides: [Urls; 2] = Default::default();
    for urls in &mut sides {
        for url in urls.iter_mut() {
            *url = server.create_database().await;
        }
        Databases::new(kinds, urls.clone()).write_schema().await?;
    }
    let [sources, targets] = sides;
    Databases::new(kinds, sources.clone())
        .write_rows(options)
        .await?;
    for url in &sources {
        execute(url, "vacuum analyze")
            .await
            .context("vacuum PROD")?;
    }
    Ok((sources, targets))
}

fn round(
    place: &Workplace,
    sources: &Urls,
    number: u32,
    runtime: &tokio::runtime::Runtime,
) -> Result<Round> {
    let busy = machine::busy_cores()?;
    let (mut extracted, mut read) = (None, None);
    for turn in 0..2 {
        if (number + turn).is_multiple_of(2) {
            let district = DISTRICT.to_string();
            extracted = Some(place.measure(&["extract", &district, "--output", "json"])?);
        } else {
            read = Some(runtime.block_on(raw_copy::read(sources, DISTRICT))?);
        }
    }
    let every = "take each turn";
    let round = Round {
        extracted: extracted.context(every)?,
        read: read.context(every)?,
        busy,
    };
    same_rows(
        &round.read.rows,
        &super::figures::rows_of(&round.extracted)?,
    )?;
    Ok(round)
}

fn section(students: u32, server: &TestServer, rounds: &[Round]) -> Result<String> {
    let rows: u64 = rounds
        .first()
        .map_or(0, |round| round.read.rows.values().sum());
    let seconds = |of: fn(&Round) -> f64| median(rounds.iter().map(of));
    let (extract, read): (f64, f64) = (
        seconds(|round| round.extracted.seconds),
        seconds(|round| round.read.seconds),
    );
    let ratio = median(
        rounds
            .iter()
            .map(|round| round.extracted.seconds / round.read.seconds),
    );
    let peak = rounds.iter().map(|round| round.extracted.peak).max();
    let busy = seconds(|round| round.busy);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = |seconds: f64| format!("{:.0}", rows as f64 / seconds / 1000.0);
    let cells = |name: &str, seconds: f64, ratio: f64, peak: String| {
        vec![
            name.to_owned(),
            format!("{seconds:.1}"),
            rate(seconds),
            format!("{ratio:.2}"),
            peak,
        ]
    };
    let rows_of_table = [
        cells(
            "`extract`: closure, isolation proof, encrypted artifact",
            extract,
            ratio,
            thousands(peak.unwrap_or(0) / 1024),
        ),
        cells(
            "unmasked binary COPY, read and dropped",
            read,
            1.0,
            "-".to_owned(),
        ),
    ];
    let head = [
        "way",
        "s, median",
        "thousand rows/s",
        "÷ COPY",
        "peak RSS, MB (most)",
    ];
    Ok(format!(
        "{today}, {machine}; PostgreSQL {version} with {settings}; rounds in turn: {count}. {students} students \
         in the district, {rows} rows in four databases; another district of that size beside it. Other programs \
         kept {busy:.1} cores busy before the rounds (median).\n\n{table}",
        today = machine::today()?,
        machine = machine::words(),
        version = server.version(),
        settings = SETTINGS.map(|setting| format!("`{setting}`")).join(", "),
        count = rounds.len(),
        students = thousands(u64::from(students)),
        rows = thousands(rows),
        table = table(&head, &rows_of_table),
    ))
}
