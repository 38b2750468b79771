//! `prove edfi`: the whole schema of Ed-Fi (741 tables, 1,214 foreign keys) with the rows of organisations alone:
//! `init`, `analyze`, `plan --exact` and `migrate --dry-run` come to their end; how long each takes and every
//! line of configuration that a person had to write are printed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use redistrict_testkit::postgres::{RoleKind, TestServer};

use crate::child::Product;
use crate::{Options, Proof, say};

const DISTRICT: &str = "255901";
const ROOT: &str = "ods.edfi.localeducationagency";

/// What a person decides: the first words of a line that `init` wrote as a comment, and what it becomes.
const DECISIONS: [(&str, &str); 3] = [
    ("[table.", "[table."),
    (
        "excluded = \"…the reason…\"",
        "excluded = \"CERT's triggers keep it\"",
    ),
    (
        "confirmed = ",
        "confirmed = \"names of years and of contexts, not of people\"",
    ),
];

/// Codes of organisations that equal their keys: no person's.
const CODES: &str =
    "[column.\"ods.edfi.educationorganizationidentificationcode.identificationcode\"]
mask = \"keep\"
public = true
reason = \"codes of organisations, not of people\"
";

/// Takes out every row but those of organisations, of their details, and of what these refer to.
const ORGANISATIONS_ONLY: &str = include_str!("edfi/organisations_only.sql");
/// Takes out every row.
const NO_ROWS: &str =
    "do $$ begin execute (select 'truncate ' || string_agg(c.oid::regclass::text, ', ')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')); end $$";

pub(crate) fn prove(_options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let server = TestServer::start();
    let (prod, cert) = runtime.block_on(async {
        (
            server.create_database().await,
            server.create_database().await,
        )
    });
    let dump = sample("edfi_ds52.sql.gz")?;
    for (url, sql) in [(&prod, ORGANISATIONS_ONLY), (&cert, NO_ROWS)] {
        restore(&dump, url)?;
        runtime.block_on(server.psql(url, sql));
    }
    let reader = runtime.block_on(server.create_role(&prod, RoleKind::Reader));
    let config = dir.path().join("redistrict.toml");
    let run = Run {
        product: Product::real(&config)?
            .with("ODS_PROD_URL", &reader)
            .with("ODS_CERT_URL", &cert),
        config,
    };
    let init = run.timed(&["init", "--root", ROOT])?;
    let lines = run.decide()?;
    run.timed(&["config", "check"])?;
    run.timed(&["enroll", "--name", "proof"])?;
    let analyze = run.timed(&["analyze"])?;
    let plan = run.timed(&["plan", DISTRICT, "--exact"])?;
    let migrate = run.timed(&["migrate", DISTRICT, "--dry-run"])?;
    say("lines of configuration that a person wrote:");
    lines.iter().for_each(|line| say(&format!("    {line}")));
    Ok(Proof {
        figures: format!(
            "741 tables, organisation {DISTRICT}, {} lines of configuration; init {}, analyze {}, plan --exact {}, \
             migrate --dry-run {}",
            lines.len(),
            seconds(init),
            seconds(analyze),
            seconds(plan),
            seconds(migrate),
        ),
        passed: true,
    })
}

struct Run {
    product: Product,
    config: PathBuf,
}

impl Run {
    /// Runs it; anything but exit 0 is an error.
    fn timed(&self, arguments: &[&str]) -> Result<Duration> {
        let begun = Instant::now();
        let ended = self.product.must(arguments)?;
        let took = begun.elapsed();
        say(&format!(
            "redistrict {}: {}",
            arguments.join(" "),
            seconds(took)
        ));
        if arguments.contains(&"--dry-run") {
            ensure!(
                ended.out.contains("Status: SUCCESS") || ended.err.contains("Status: SUCCESS"),
                "the dry run did not end with SUCCESS"
            );
        }
        Ok(took)
    }

    /// Takes every decision that `init` left open; gives the lines.
    fn decide(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.config).context("read redistrict.toml")?;
        let mut lines = Vec::new();
        let mut is_open = false;
        let mut decided = String::new();
        for line in text.lines() {
            if line.starts_with("# ---- ") {
                is_open = line.starts_with("# ---- To decide");
            }
            let rest = line
                .strip_prefix("# ")
                .filter(|_| is_open)
                .unwrap_or_default();
            let mut known = DECISIONS.iter().filter(|(from, _)| rest.starts_with(from));
            let line = match known.next() {
                Some((from, to)) if from == to => rest,
                Some((_, to)) => to,
                None => line,
            };
            if is_open && !line.starts_with('#') && !line.is_empty() {
                lines.push(line.to_owned());
            }
            decided.push_str(line);
            decided.push('\n');
        }
        lines.extend(CODES.lines().map(str::to_owned));
        decided.push_str(CODES);
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(&self.config, decided).context("write redistrict.toml")?;
        Ok(lines)
    }
}

fn seconds(duration: Duration) -> String {
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
fn sample(name: &str) -> Result<PathBuf> {
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
