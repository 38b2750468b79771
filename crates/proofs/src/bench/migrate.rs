//! A migration over real stores and its undo, the same without the graph, and a plain copy of the same
//! rows: in turn, round by round, so that a ratio compares what ran in one window.

use anyhow::{Context, Result};
use redistrict_estate::EstateOptions;
use redistrict_model::Phase;

use super::figures::{RunFigures, median, same_rows};
use super::fleet::{Fleet, SETTINGS, Workplace};
use super::machine;
use super::page::{table, thousands};
use super::raw_copy::{self, Copied};
use crate::say;

/// The district that CERT holds already, brought there by the product.
const NEIGHBOUR: &str = "1";
const DISTRICT: u32 = 2;

/// A migration and its undo.
#[derive(Clone, Debug)]
struct Trip {
    there: RunFigures,
    back: RunFigures,
}

/// Each way once.
#[derive(Clone, Debug)]
struct Round {
    five: Trip,
    four: Trip,
    copied: Copied,
    /// Cores that others used before it began.
    busy: f64,
}

/// What the figures depend on.
#[derive(Clone, Debug)]
struct Setting {
    students: u32,
    today: String,
    versions: String,
    transaction_memory: String,
    fill_seconds: f64,
    neighbour_seconds: f64,
}

pub(crate) fn measure(students: u32, rounds: u32) -> Result<String> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let options = EstateOptions {
        districts: 2,
        students_per_district: students,
        ..EstateOptions::default()
    };
    say("start the servers and fill PROD");
    let fleet = Fleet::create(options, &runtime)?;
    say(&format!("PROD is filled: {:.0} s", fleet.fill_seconds));
    let neighbour = fleet
        .five
        .measure(&["migrate", NEIGHBOUR, "--output", "json"])?;
    say(&format!(
        "CERT holds another district: {:.0} s",
        neighbour.seconds
    ));
    let setting = Setting {
        students,
        today: machine::today()?,
        versions: fleet.versions(&runtime),
        transaction_memory: fleet.transaction_memory(&runtime),
        fill_seconds: fleet.fill_seconds,
        neighbour_seconds: neighbour.seconds,
    };
    let mut measured = Vec::new();
    for number in 0..rounds.max(1) {
        let round = round(&fleet, number, &runtime)?;
        say(&format!("round {}: {}", number + 1, words(&round)));
        measured.push(round);
    }
    Ok(section(&setting, &measured))
}

/// Who is first changes from round to round.
fn round(fleet: &Fleet, number: u32, runtime: &tokio::runtime::Runtime) -> Result<Round> {
    fleet.settle(runtime)?;
    let busy = machine::busy_cores()?;
    let (mut five, mut four, mut copied) = (None, None, None);
    for turn in 0..3 {
        fleet.settle(runtime)?;
        match (number + turn) % 3 {
            0 => five = Some(trip(&fleet.five)?),
            1 => four = Some(trip(&fleet.four)?),
            _ => copied = Some(copy(fleet, runtime)?),
        }
    }
    let every = "take each turn";
    let round = Round {
        five: five.context(every)?,
        four: four.context(every)?,
        copied: copied.context(every)?,
        busy,
    };
    for trip in [&round.five, &round.four] {
        same_rows(&round.copied.rows, &trip.there.rows)?;
    }
    Ok(round)
}

fn trip(place: &Workplace) -> Result<Trip> {
    let district = DISTRICT.to_string();
    let there = RunFigures::of(&place.measure(&["migrate", &district, "--output", "json"])?)?;
    let back = RunFigures::of(&place.measure(&["rollback", &there.run, "--output", "json"])?)?;
    Ok(Trip { there, back })
}

fn copy(fleet: &Fleet, runtime: &tokio::runtime::Runtime) -> Result<Copied> {
    let server = &fleet.servers.cert_postgres;
    runtime.block_on(async {
        let targets = raw_copy::empty_databases(server).await?;
        let copied = raw_copy::copy(&fleet.sources, &targets, DISTRICT).await;
        raw_copy::drop_databases(server, &targets).await?;
        copied
    })
}

fn words(round: &Round) -> String {
    format!(
        "five stores {:.1} s (undo {:.1} s), four {:.1} s (undo {:.1} s), copy {:.1} s, others used {:.1} cores",
        round.five.there.seconds,
        round.five.back.seconds,
        round.four.there.seconds,
        round.four.back.seconds,
        round.copied.seconds,
        round.busy
    )
}

fn section(setting: &Setting, rounds: &[Round]) -> String {
    let copied: u64 = rounds
        .first()
        .map_or(0, |round| round.copied.rows.values().sum());
    let extracted = rounds.first().map_or(0, |round| round.five.there.extracted);
    let busy = |round: &Round| round.busy;
    let least = rounds.iter().map(busy).fold(f64::INFINITY, f64::min);
    let most = rounds.iter().map(busy).fold(0.0, f64::max);
    format!(
        "{today}, {machine}; {versions}; rounds in turn: {count}. {students} students in the district, \
         {extracted} rows in five stores, of which {graph} nodes and relationships; PROD holds two such \
         districts (filled by streaming in {fill:.0} s), CERT the other one (brought there by the product \
         in {neighbour:.0} s). PostgreSQL with {settings}; Neo4j with {memory} of transaction memory. \
         Other programs kept {least:.1} to {most:.1} cores busy before the rounds.\n\n{ways}\n{phases}\n{memory_table}",
        today = setting.today,
        machine = machine::words(),
        versions = setting.versions,
        count = rounds.len(),
        students = thousands(u64::from(setting.students)),
        extracted = thousands(extracted),
        graph = thousands(extracted.saturating_sub(copied)),
        fill = setting.fill_seconds,
        neighbour = setting.neighbour_seconds,
        settings = SETTINGS.map(|setting| format!("`{setting}`")).join(", "),
        memory = setting.transaction_memory,
        ways = ways(rounds),
        phases = phases(rounds),
        memory_table = tool(rounds),
    )
}

/// Seconds of each way, and what they are of the copy in the same round.
fn ways(rounds: &[Round]) -> String {
    type Seconds = fn(&Round) -> f64;
    let ways: [(&str, Seconds); 7] = [
        ("(a) `migrate`, five stores", |r| r.five.there.seconds),
        ("(a4) `migrate`, the four PostgreSQL stores", |r| {
            r.four.there.seconds
        }),
        ("the graph's share of (a): (a) − (a4)", |r| {
            r.five.there.seconds - r.four.there.seconds
        }),
        ("(b) unmasked COPY, the four PostgreSQL stores", |r| {
            r.copied.seconds
        }),
        ("phase Loading alone, the four PostgreSQL stores", |r| {
            r.four.there.phase(Phase::Loading)
        }),
        ("`rollback`, five stores", |r| r.five.back.seconds),
        ("`rollback`, the four PostgreSQL stores", |r| {
            r.four.back.seconds
        }),
    ];
    let rows = ways.map(|(name, seconds)| {
        let of_copy = rounds
            .iter()
            .map(|round| seconds(round) / round.copied.seconds);
        vec![
            name.to_owned(),
            spread(rounds.iter().map(seconds)),
            format!("{:.2}", median(of_copy)),
        ]
    });
    table(&["way", "s: median (least-most)", "÷ (b), median"], &rows)
}

fn phases(rounds: &[Round]) -> String {
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let five: fn(&Round) -> &RunFigures = |round| &round.five.there;
        let seconds = median(rounds.iter().map(|round| five(round).phase(phase)));
        let count = rounds.first().map_or(0, |round| match phase {
            Phase::Loading => five(round).loaded,
            Phase::Reporting => 0,
            _ => five(round).extracted,
        });
        let four = median(rounds.iter().map(|round| round.four.there.phase(phase)));
        rows.push(vec![
            phase.to_string(),
            format!("{seconds:.2}"),
            if count == 0 {
                "-".to_owned()
            } else {
                thousands(count)
            },
            rate(count, seconds),
            format!("{four:.2}"),
            format!("{:.2}", seconds - four),
        ]);
    }
    let outside =
        |trip: fn(&Round) -> &Trip| median(rounds.iter().map(|round| trip(round).there.outside()));
    let (five, four) = (outside(|round| &round.five), outside(|round| &round.four));
    rows.push(vec![
        "start, catalogs, plan".to_owned(),
        format!("{five:.2}"),
        "-".to_owned(),
        "-".to_owned(),
        format!("{four:.2}"),
        format!("{:.2}", five - four),
    ]);
    let back = |trip: fn(&Round) -> &Trip| {
        spread(rounds.iter().map(|round| {
            let Trip { there, back } = trip(round);
            back.phase(Phase::Loading) / there.phase(Phase::Loading).max(0.001)
        }))
    };
    let head = [
        "phase of (a)",
        "s, median",
        "rows",
        "rows/s",
        "(a4) s",
        "graph's share, s",
    ];
    format!(
        "{}\nUndoing ÷ loading (phase Loading of both): {} with five stores, {} with the four of PostgreSQL.\n",
        table(&head, &rows),
        back(|round| &round.five),
        back(|round| &round.four)
    )
}

/// What the tool itself needed.
fn tool(rounds: &[Round]) -> String {
    type Run = fn(&Round) -> &RunFigures;
    let runs: [(&str, Run); 4] = [
        ("`migrate`, five stores", |r| &r.five.there),
        ("`migrate`, four stores", |r| &r.four.there),
        ("`rollback`, five stores", |r| &r.five.back),
        ("`rollback`, four stores", |r| &r.four.back),
    ];
    let rows = runs.map(|(name, run)| {
        let peak = rounds
            .iter()
            .map(|round| run(round).peak)
            .max()
            .unwrap_or(0);
        let processor = rounds.iter().map(|round| run(round).processor_seconds);
        vec![
            name.to_owned(),
            thousands(peak / 1024),
            format!("{:.1}", median(processor)),
        ]
    });
    let head = [
        "the tool alone",
        "peak RSS, MB (most of all rounds)",
        "processor s, median",
    ];
    table(&head, &rows)
}

fn spread(values: impl Iterator<Item = f64> + Clone) -> String {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} ({least:.2}-{most:.2})", median(values))
}

fn rate(rows: u64, seconds: f64) -> String {
    if rows == 0 || seconds <= 0.0 {
        return "-".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rate for people"
    )]
    let rate = (rows as f64 / seconds).round() as u64;
    thousands(rate)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn run(seconds: f64, loading: f64) -> RunFigures {
        RunFigures {
            run: "r".to_owned(),
            seconds,
            processor_seconds: 0.5,
            peak: 2048,
            phases: BTreeMap::from([(Phase::Loading, loading)]),
            extracted: 1_200,
            loaded: 1_000,
            rows: BTreeMap::new(),
        }
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let trip = |seconds| Trip {
            there: run(seconds, 1.0),
            back: run(2.0, 0.5),
        };
        let round = |five, copied| Round {
            five: trip(five),
            four: trip(2.0),
            copied: Copied {
                seconds: copied,
                rows: BTreeMap::from([("ids.students".to_owned(), 900)]),
            },
            busy: 0.0,
        };
        // Twice as slow a machine in the second round: the seconds differ, the ratio does not.
        let text = ways(&[round(6.0, 2.0), round(12.0, 4.0)]);
        let wanted = "| (a) `migrate`, five stores | 9.00 (6.00-12.00) | 3.00 |";
        assert!(text.contains(wanted), "{text}");
        let text = phases(&[round(6.0, 2.0)]);
        assert!(
            text.contains("| Loading | 1.00 | 1,000 | 1,000 | 1.00 | 0.00 |"),
            "{text}"
        );
        assert!(text.contains("0.50 (0.50-0.50) with five stores"), "{text}");
    }
}
