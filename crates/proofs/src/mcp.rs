//! `prove mcp`: the protocol's reference client of another language migrates a district over both
//! transports with a person at a terminal who approves; all bytes are kept and searched for values; then
//! the servers are attacked, and nothing may change.

mod bytes;
mod planted;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use redistrict_estate::EstateOptions;
use serde_json::Value;

use crate::world::{Setting, World};
use crate::{Options, Proof, say};

/// Fewer attacks are no proof.
const ATTACKS: usize = 60;
/// What the search must find in PROD before its silence counts.
const SENSITIVITY: usize = 50;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let estate = EstateOptions {
        seed: options.seed,
        students_per_district: if options.quick { 12 } else { 200 },
        ..EstateOptions::default()
    };
    let world = World::create(dir.path(), Setting::Sqlite, estate, &runtime)?;
    planted::instructions(&world)?;
    let records = dir.path().join("records");
    std::fs::create_dir(&records).context("make a directory for the records")?;
    let journey = script(&world, "journey", &records, options)?;
    let attacks = script(&world, "attacks", &records, options)?;
    judge(&world, &records, &journey, &attacks)
}

/// Runs a script of the reference client; gives what it found.
fn script(world: &World, name: &str, records: &Path, options: Options) -> Result<Value> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp");
    let extent = if options.quick { "quick" } else { "whole" };
    let status = Command::new(python()?)
        .arg(scripts.join(format!("{name}.py")))
        .arg(world.product()?.program())
        .arg(world.config())
        .arg(records)
        .arg(extent)
        .current_dir(&world.dir)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .context("start the reference client")?;
    if !status.success() {
        bail!("{name}.py ended with {status}");
    }
    let file = records.join(format!("{name}.json"));
    let text = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command that runs proofs sets it"
)]
fn python() -> Result<PathBuf> {
    let place = std::env::var_os("REDISTRICT_MCP_PYTHON");
    place
        .map(PathBuf::from)
        .context("REDISTRICT_MCP_PYTHON is not set: run it as `cargo xtask prove mcp`")
}

fn judge(world: &World, records: &Path, journey: &Value, attacks: &Value) -> Result<Proof> {
    let sensitive = bytes::sensitive(world);
    let sensitivity = bytes::in_prod(world, &sensitive)?;
    let recorded = bytes::recorded(records, &sensitive)?;
    for place in &recorded.places {
        say(&format!("values in {place}"));
    }
    let digests = journey["digests"].as_array().map_or(&[][..], Vec::as_slice);
    let shown = digests
        .iter()
        .filter_map(Value::as_str)
        .filter(|digest| recorded.holds(digest))
        .count();
    let tried = attacks.as_array().map_or(&[][..], Vec::as_slice);
    let problems: Vec<&Value> = tried.iter().filter(|one| one["problem"] != "").collect();
    for problem in &problems {
        say(&format!(
            "attack {}: {}",
            problem["attack"], problem["problem"]
        ));
    }
    let sum = |what: &str| {
        let of = |transport: &str| journey[transport][what].as_u64().unwrap_or_default();
        of("over_stdio") + of("over_http")
    };
    let steps = journey["example"].as_u64().unwrap_or_default();
    let has_looked = sum("tools") >= 44 && sum("checked") >= 60 && digests.len() >= 5 && steps >= 9;
    let passed = has_looked
        && problems.is_empty()
        && tried.len() >= ATTACKS
        && recorded.values == 0
        && shown == 0
        && sensitivity >= SENSITIVITY;
    let figures = format!(
        "{} tools called over stdio and HTTP, {} answers as their schemas say, {} documents, \
         the example of agents/ in {steps} steps, {} approvals given by a terminal and {shown} digests shown; {} values, {} found in {} bytes of both \
         transports, {sensitivity} found in PROD; {} attacks, {} problems",
        sum("tools"),
        sum("checked"),
        sum("documents"),
        digests.len(),
        sensitive.len(),
        recorded.values,
        recorded.bytes,
        tried.len(),
        problems.len(),
    );
    Ok(Proof { figures, passed })
}
