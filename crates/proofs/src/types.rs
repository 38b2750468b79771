//! `prove types`: random and edge values of every type go from PROD through Arrow, an artifact on disk
//! and staging into CERT; what both servers print is compared, value by value.

mod carry;
mod files;
mod graph;
mod postgres;

use anyhow::{Context, Result};

use crate::{Options, Proof, say};

/// What one kind of store showed.
struct Shown {
    kind: &'static str,
    /// What was done beyond moving each value in a column.
    ways: &'static str,
    types: usize,
    values: u64,
    /// Types with values that differ, and how many of them do.
    wrong: Vec<(String, u64)>,
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let rows = if options.quick { 200 } else { 10_000 };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let shown = [
        runtime.block_on(files::prove(rows, options.seed))?,
        runtime.block_on(graph::prove(rows, options.seed))?,
        runtime.block_on(postgres::prove(rows, options.seed))?,
    ];
    let mut figures = Vec::new();
    let mut passed = true;
    for one in &shown {
        for (name, count) in &one.wrong {
            say(&format!("{}: {name}: {count} values differ", one.kind));
        }
        let differ: u64 = one.wrong.iter().map(|(_, count)| count).sum();
        figures.push(format!(
            "{}: {} types, {rows} random values each, {} values with the edges{}, {differ} differ",
            one.kind, one.types, one.values, one.ways
        ));
        passed &= differ == 0 && one.types > 0 && one.values >= rows * one.types as u64;
    }
    Ok(Proof {
        figures: figures.join("; "),
        passed,
    })
}
