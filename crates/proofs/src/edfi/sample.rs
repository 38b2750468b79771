//! The Ed-Fi sample as PROD, its schema without rows as CERT, and the product run over both.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use redistrict_testkit::postgres::{RoleKind, TestServer, execute, query};
use serde_json::Value;

use crate::child::Product;
use crate::say;

pub(crate) const DISTRICT: &str = "255901";
const ROOT: &str = "ods.edfi.localeducationagency";

/// Decisions of a person about a mask: keys that equal a code, and names that the standard's lists hold too.
const KEPT: &str = r#"
[column."ods.edfi.educationorganizationidentificationcode.identificationcode"]
mask = "keep"
public = true
reason = "codes of organisations, not of people"
[column."ods.edfi.program.programname"]
mask = "keep"
public = true
reason = "names of programs, not of people"
"#;
/// Takes out every row.
const NO_ROWS: &str =
    "do $$ begin execute (select 'truncate ' || string_agg(c.oid::regclass::text, ', ')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')); end $$";

/// PROD, CERT, and a configuration.
pub(crate) struct Sample {
    pub(crate) prod: String,
    pub(crate) cert: String,
    pub(crate) config: PathBuf,
    runtime: tokio::runtime::Runtime,
    product: Product,
    /// Removed with the sample.
    _dir: tempfile::TempDir,
}

impl Sample {
    pub(crate) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
        let dir = tempfile::tempdir().context("make a directory")?;
        let server = TestServer::start();
        let (prod, cert) = runtime.block_on(async {
            (
                server.create_database().await,
                server.create_database().await,
            )
        });
        let dump = dump("edfi_ds52.sql.gz")?;
        for url in [&prod, &cert] {
            restore(&dump, url)?;
        }
        runtime.block_on(execute(&cert, NO_ROWS))?;
        let reader = runtime.block_on(server.create_role(&prod, RoleKind::Reader));
        let config = dir.path().join("redistrict.toml");
        let product = Product::real(&config)?
            .with("ODS_PROD_URL", &reader)
            .with("ODS_CERT_URL", &cert);
        Ok(Self {
            prod,
            cert,
            config,
            runtime,
            product,
            _dir: dir,
        })
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn execute(&self, url: &str, sql: &str) -> Result<()> {
        self.wait(execute(url, sql))
            .context("prepare the databases")
    }

    /// One number.
    pub(crate) fn count(&self, url: &str, sql: &str) -> Result<u64> {
        let rows = self.wait(query(url, sql))?;
        let value = rows.first().and_then(|row| row.first().cloned().flatten());
        value.context("count rows")?.parse().context("count rows")
    }

    /// Runs it; anything but exit 0 is an error.
    pub(crate) fn timed(&self, arguments: &[&str]) -> Result<Duration> {
        let begun = Instant::now();
        self.product.must(arguments)?;
        Ok(told(arguments, begun))
    }

    /// Runs it with `--output json`; gives the object, whether it ended with exit 0, and how long it took.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<(Value, bool, Duration)> {
        let begun = Instant::now();
        let ended = self
            .product
            .run(&[arguments, &["--output", "json"]].concat())?;
        let took = told(arguments, begun);
        let last = ended.out.lines().last().unwrap_or_default();
        let value = serde_json::from_str(last)
            .with_context(|| format!("read what {} said: {}", arguments.join(" "), ended.err))?;
        Ok((value, ended.status.success(), took))
    }

    /// A migration that has to succeed; gives its report.
    pub(crate) fn migrate(&self, district: &str) -> Result<(Value, Duration)> {
        let (report, is_done, took) = self.json(&["migrate", district])?;
        ensure!(
            is_done && report["status"] == "SUCCESS" && report["leaks"] == 0,
            "the migration of {district} did not succeed: {report:#}"
        );
        Ok((report, took))
    }

    /// Of a migration's report: how many rows the check of what stayed in PROD looked at, and the tables of those that it
    /// found.
    pub(crate) fn left_behind(&self, report: &Value) -> Result<(u64, Vec<String>)> {
        let files = report["reports"].as_array().context("the report's files")?;
        let mut files = files.iter().filter_map(Value::as_str);
        let file = files.find(|file| file.ends_with(".json"));
        let folder = self.config.parent().context("the configuration's folder")?;
        let text = std::fs::read_to_string(folder.join(file.context("the report as JSON")?))
            .context("read the report")?;
        let whole: Value = serde_json::from_str(&text).context("parse the report")?;
        let left = &whole["left_behind"];
        let rows = left["rows"].as_object().context("rows left behind")?;
        let tables = rows.iter().map(|(table, rows)| format!("{table} {rows}"));
        let examined = left["examined"].as_u64().context("rows looked at")?;
        Ok((examined, tables.collect()))
    }

    /// `init`, and every decision that it leaves open.
    pub(crate) fn configure(&self) -> Result<Configured> {
        let init = self.timed(&["init", "--root", ROOT])?;
        let text = std::fs::read_to_string(&self.config).context("read redistrict.toml")?;
        let decided = decide(&text) + KEPT;
        self.write(&decided)?;
        self.timed(&["config", "check"])?;
        self.timed(&["enroll", "--name", "proof"])?;
        Ok(Configured::read(&decided, init))
    }

    pub(crate) fn write(&self, text: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(&self.config, text).context("write redistrict.toml")
    }
}

fn told(arguments: &[&str], begun: Instant) -> Duration {
    let took = begun.elapsed();
    say(&format!(
        "redistrict {}: {}",
        arguments.join(" "),
        seconds(took)
    ));
    took
}

/// The configuration after every decision.
pub(crate) struct Configured {
    pub(crate) init: Duration,
    /// All lines in force, each section with the comment above it or the reason in it.
    pub(crate) lines: Vec<String>,
    /// Tables of which a person said to whom their rows belong, or that they may move.
    pub(crate) decisions: usize,
}

impl Configured {
    fn read(text: &str, init: Duration) -> Self {
        let mut lines = Vec::new();
        let mut comment = None;
        for line in text.lines() {
            if let Some(words) = line.strip_prefix('#') {
                comment = Some(words.trim().to_owned());
            } else if line.is_empty() {
                comment = None;
            } else {
                let why = comment.take().map(|words| format!("     # {words}"));
                lines.push(format!("{line}{}", why.unwrap_or_default()));
            }
        }
        let decides = |line: &&String| {
            let keys = [
                "owner = ",
                "shared = ",
                "boundary = ",
                "excluded = ",
                "tree = ",
                "copy = ",
                "confirmed = ",
            ];
            keys.iter().any(|key| line.starts_with(key))
        };
        Self {
            init,
            decisions: lines.iter().filter(decides).count(),
            lines,
        }
    }
}

/// Uncomments what `init` left to decide, as it proposes it.
fn decide(text: &str) -> String {
    let mut is_open = false;
    let mut decided = String::new();
    for line in text.lines() {
        if line.starts_with("# ---- ") {
            is_open = line.starts_with("# ---- To decide");
        }
        let is_line = |rest: &&str| {
            let known = ["[table.", "excluded = ", "confirmed = "];
            is_open && known.iter().any(|word| rest.starts_with(word))
        };
        let line = match line.strip_prefix("# ").filter(is_line) {
            Some(rest) => rest,
            None => line,
        };
        decided.push_str(line);
        decided.push('\n');
    }
    decided
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Restores a plain-SQL dump with psql.
fn restore(dump: &Path, url: &str) -> Result<()> {
    let script = "gunzip -c \"$0\" | psql -X -q -v ON_ERROR_STOP=1 \"$1\" >/dev/null";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(dump)
        .arg(url)
        .output()
        .context("start psql")?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the sample data are is said by the environment"
)]
fn dump(name: &str) -> Result<PathBuf> {
    let shared = std::env::var_os("REDISTRICT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let file = shared.join("data").join(name);
    ensure!(
        file.exists(),
        "the sample database {name} is not there: set REDISTRICT_SHARED to the folder that holds data/{name}"
    );
    Ok(file)
}
