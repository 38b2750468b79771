//! `prove leak`: the answer key's sensitive values are searched for in everything that a migration
//! leaves, by readers that share nothing with the product's scanner.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use redistrict_estate::EstateOptions;

use crate::digest;
use crate::estate::newest_raw;
use crate::search::Search;
use crate::world::{Setting, World};
use crate::{Options, Proof, say};

const DISTRICT: u32 = 2;
/// What the search must find in the raw artifact before its silence counts.
const SENSITIVITY: usize = 50;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let mut figures = Vec::new();
    let mut passed = true;
    for setting in Setting::ALL {
        let (line, mut good) = prove_setting(setting, options, &runtime)?;
        if let Some(problem) = broken_mask(setting, options, &runtime)? {
            say(&problem);
            good = false;
        }
        figures.push(format!("{}: {line}, broken mask stopped", setting.as_str()));
        passed &= good;
    }
    Ok(Proof {
        figures: figures.join("; "),
        passed,
    })
}

fn prove_setting(
    setting: Setting,
    options: Options,
    runtime: &tokio::runtime::Runtime,
) -> Result<(String, bool)> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let estate = EstateOptions {
        seed: options.seed,
        students_per_district: if options.quick { 40 } else { 1_000 },
        ..EstateOptions::default()
    };
    let world = World::create(dir.path(), setting, estate, runtime)?;
    let search = Search::new(
        world
            .estate
            .answer_key
            .sensitive_of(DISTRICT)
            .filter(|value| value.is_high_entropy())
            .map(|value| value.text.clone()),
    );
    let before = digest::rows(&world, runtime)?;
    world.product()?.must(&["migrate", &DISTRICT.to_string()])?;
    let after = digest::rows(&world, runtime)?;

    let raw = raw_text(&world)?;
    let sensitivity = search.count(raw.as_bytes());
    let mut leaks = 0;
    let mut bytes = 0;
    let mut look = |what: &str, haystack: &[u8]| {
        let found = search.count(haystack);
        bytes += haystack.len();
        leaks += found;
        if found > 0 {
            say(&format!("{found} sensitive values in {what}"));
        }
    };
    for file in files(&world.dir.join("data/anonymized"))? {
        if file
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            look("a decoded Parquet file", parquet_text(&file)?.as_bytes());
        }
        look("the bytes of a masked file", &read(&file)?);
        look("a file name", file.to_string_lossy().as_bytes());
    }
    for place in [
        "data/reports",
        "data/loads",
        "data/analysis",
        "logs",
        ".redistrict",
    ] {
        for file in files(&world.dir.join(place))? {
            look(place, &read(&file)?);
        }
    }
    for (table, rows) in &after {
        let known = before.get(table).map_or(&[][..], Vec::as_slice);
        for row in rows.iter().filter(|row| !known.contains(row)) {
            look(&format!("CERT, {table}"), row.as_bytes());
        }
    }
    let lost = digest::lost(&before, &after);
    let passed = lost == 0 && leaks == 0 && sensitivity >= SENSITIVITY;
    let line = format!(
        "{} values, {leaks} found in {bytes} bytes of output, {sensitivity} found in the raw artifact, {lost} rows of others changed",
        search.len()
    );
    Ok((line, passed))
}

/// A mask that gives back what it is given must end the run with exit 6, name table and column, not
/// the value, and leave CERT as it was. Gives what is wrong.
fn broken_mask(
    setting: Setting,
    options: Options,
    runtime: &tokio::runtime::Runtime,
) -> Result<Option<String>> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let estate = EstateOptions {
        seed: options.seed,
        ..EstateOptions::default()
    };
    let world = World::create(dir.path(), setting, estate, runtime)?;
    let before = digest::digest(&digest::rows(&world, runtime)?);
    let ended = world
        .faulty("pass:email")?
        .run(&["migrate", &DISTRICT.to_string()])?;
    let said = format!("{}{}", ended.out, ended.err);
    let after = digest::digest(&digest::rows(&world, runtime)?);
    let emails = Search::new(
        world
            .estate
            .answer_key
            .sensitive_of(DISTRICT)
            .map(|value| value.text.clone())
            .filter(|text| text.contains('@')),
    );
    Ok(if ended.status.code() != Some(6) {
        Some(format!(
            "a broken mask ended with {} instead of 6:\n{said}",
            ended.status
        ))
    } else if !["students.email", "guardians.email", "staff.email"]
        .iter()
        .any(|column| said.contains(column))
    {
        Some(format!(
            "a broken mask was found, but table and column were not named:\n{said}"
        ))
    } else if emails.count(said.as_bytes()) > 0 {
        Some("the message about the broken mask holds a value".to_owned())
    } else if !files(&world.dir.join("data/anonymized"))?.is_empty() {
        Some("what a broken mask wrote was left on the disk".to_owned())
    } else if before != after {
        Some("a broken mask changed CERT".to_owned())
    } else {
        None
    })
}

/// The decrypted raw artifact as text: what the search must be able to find.
fn raw_text(world: &World) -> Result<String> {
    let artifact = newest_raw(world, DISTRICT)?;
    let mut text = String::new();
    for table in &artifact.manifest().tables {
        for part in artifact.rows(&table.table) {
            let (batch, _) = part?;
            for column in batch.columns() {
                if let Some(cells) = arrow::array::AsArray::as_string_opt::<i32>(column.as_ref()) {
                    for cell in cells.iter().flatten() {
                        writeln!(text, "{cell}")?;
                    }
                }
            }
        }
    }
    Ok(text)
}

/// Every row of a Parquet file as text, by the row reader of the format's own library: not the
/// columnar reader that the product uses.
fn parquet_text(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let reader = SerializedFileReader::new(file)?;
    let mut text = String::new();
    for row in reader.get_row_iter(None)? {
        for (_, field) in row?.get_column_iter() {
            match field {
                parquet::record::Field::Str(cell) => writeln!(text, "{cell}")?,
                other => writeln!(text, "{other}")?,
            }
        }
    }
    writeln!(
        text,
        "{:?}",
        reader.metadata().file_metadata().key_value_metadata()
    )?;
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {}", path.display()))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !dir.exists() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
