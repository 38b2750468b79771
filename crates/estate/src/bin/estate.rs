//! Makes the reference estate of any size, or only counts it, and says how long that took and how much
//! memory it needed:
//!
//! ```text
//! estate count|sqlite DIR|script DIR|servers URL URL URL URL URL
//!     [--districts N] [--students N] [--seed N] [--transfers]
//! ```
//!
//! `--students` is per district. `script` writes files for psql; `servers` takes the URLs of IDS, HCP1,
//! HCP2, ADB and SP, each `sqlite:…`, `postgresql://…` or, for SP, `bolt://…`.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use redistrict_estate::{
    Databases, EstateKind, EstateOptions, EstateSummary, StoreId, StoreKinds, TABLES,
    write_copy_script, write_rows_sqlite, write_schema_sqlite,
};

/// What went wrong, for people.
type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(said) => {
            // Nobody may be reading any more.
            drop(std::io::stdout().write_all(said.as_bytes()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(writeln!(std::io::stderr(), "failed to {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Failed> {
    let (options, words) = options(arguments)?;
    let begun = Instant::now();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut said = match words.as_slice() {
        ["count"] => counts(&options)?,
        ["sqlite", directory] => {
            let files = write_schema_sqlite(Path::new(directory))?;
            write_rows_sqlite(&files, options)?;
            String::new()
        }
        ["script", directory] => {
            std::fs::create_dir_all(directory)?;
            for store in StoreId::ALL {
                let path = Path::new(directory).join(format!("{}.sql", store.as_str()));
                write_copy_script(options, store, BufWriter::new(std::fs::File::create(path)?))?;
            }
            String::new()
        }
        ["servers", urls @ ..] => {
            servers(options, urls)?;
            String::new()
        }
        _ => {
            return Err(
                "understand the arguments: count, sqlite DIR, script DIR or servers and five URLs"
                    .into(),
            );
        }
    };
    let students = u64::from(options.districts) * u64::from(options.students_per_district);
    writeln!(
        said,
        "{students} students in {} districts, {:.1} s, peak RSS {} KB",
        options.districts,
        begun.elapsed().as_secs_f64(),
        peak()?,
    )?;
    Ok(said)
}

fn options(arguments: &[String]) -> Result<(EstateOptions, Vec<String>), Failed> {
    let mut options = EstateOptions::default();
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut number = || -> Result<u64, Failed> {
            let value = rest
                .next()
                .ok_or_else(|| format!("find a number after {word}"))?;
            Ok(value
                .parse()
                .map_err(|_| format!("read the number after {word}"))?)
        };
        match word.as_str() {
            "--districts" => options.districts = number()?.try_into()?,
            "--students" => options.students_per_district = number()?.try_into()?,
            "--seed" => options.seed = number()?,
            "--transfers" => options.with_transfers = true,
            other if other.starts_with("--") => return Err(format!("know {other}").into()),
            _ => words.push(word.clone()),
        }
    }
    Ok((options, words))
}

fn counts(options: &EstateOptions) -> Result<String, Failed> {
    let summary = EstateSummary::generate(options);
    let mut said = String::new();
    for (table, rows) in TABLES.iter().zip(&summary.rows) {
        let (name, count, digest) = (table.full_name(), rows.count, rows.digest);
        writeln!(said, "{count:>12} {digest:016x} {name}")?;
    }
    let sensitive: u64 = summary.sensitive.values().sum();
    let joins: u64 = summary.joins.iter().sum();
    writeln!(
        said,
        "{} rows, {sensitive} sensitive values, {joins} key joins",
        summary.row_count()
    )?;
    Ok(said)
}

fn servers(options: EstateOptions, urls: &[&str]) -> Result<(), Failed> {
    let urls: [String; 5] = urls
        .iter()
        .map(|url| (*url).to_owned())
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "take other than five URLs")?;
    let mut kinds = StoreKinds::postgres();
    for (store, url) in StoreId::ALL.into_iter().zip(&urls) {
        let kind = match url.split(':').next() {
            Some("sqlite") => EstateKind::Sqlite,
            Some("postgres" | "postgresql") => EstateKind::Postgres,
            Some("bolt" | "neo4j") if store == StoreId::Sp => EstateKind::Neo4j,
            _ => return Err(format!("know the kind of the URL of {}", store.as_str()).into()),
        };
        kinds = kinds.with(store, kind);
    }
    let databases = Databases::new(kinds, urls);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        databases.write_schema().await?;
        databases.write_rows(options).await
    })?;
    Ok(())
}

/// The most memory that this process has held, in KB; 0 where the system does not say.
fn peak() -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.map_or(Ok(0), str::parse)?)
}
