//! `cargo xtask bench migrate | extract | estate`: prints a section of docs/benchmarks.md; writes it there only when
//! told to.

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use redistrict_proofs::Bench;

const PAGE: &str = "docs/benchmarks.md";

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Put the figures into docs/benchmarks.md.
    #[arg(long, global = true)]
    write: bool,
}

#[derive(Subcommand)]
enum What {
    Migrate {
        #[arg(long, default_value_t = 20_000)]
        students: u32,
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    Extract {
        #[arg(long, default_value_t = 170_000)]
        students: u32,
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    Estate {
        #[arg(long, default_value_t = 1_000_000)]
        students: u32,
    },
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let bench = match arguments.what {
        What::Migrate { students, rounds } => Bench::Migrate { students, rounds },
        What::Extract { students, rounds } => Bench::Extract { students, rounds },
        What::Estate { students } => Bench::Estate { students },
    };
    let section = bench.measure()?;
    println!("{section}");
    if arguments.write {
        write(bench, &section)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a page of the repository is no file of a run"
)]
fn write(bench: Bench, section: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
    let page = bench.put_into(&page, section)?;
    std::fs::write(&path, page).with_context(|| format!("write {PAGE}"))
}
