//! `prove links`: `init` on schemas with loose keys, against the truth. What it finds, what it asks, what it gets
//! wrong; and that no row of another district is extracted, whatever it wrote: what is wrong stops and asks.

mod decided;
mod judged;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use redistrict_testkit::loose::{Loose, ROOT};
use rusqlite::Connection;

use crate::{Options, Product, Proof, say};
use judged::{Links, Rows};

/// The district that is extracted.
const DISTRICT: u32 = 2;
/// So often a wrong link is taken out because a run stopped.
const MOST_TRIES: usize = 12;
/// Of the tables with rows, so many in a hundred may stay unknown, over all schemas.
const MOST_UNKNOWN: f64 = 5.0;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let count = if options.quick { 2 } else { 10 };
    let mut all = Vec::new();
    for seed in options.seed..options.seed + count {
        let schema = Schema::new(seed)?;
        let judged = schema.walk()?;
        say(&format!("seed {seed}: {}", judged.text()));
        all.push(judged);
    }
    let sum = |of: &dyn Fn(&Judged) -> usize| all.iter().map(of).sum::<usize>();
    let (tables, unknown) = (sum(&|one| one.tables), sum(&|one| one.unknown));
    let share = 100.0 * unknown as f64 / tables.max(1) as f64;
    let strangers = sum(&|one| one.rows.strangers.len());
    let (proposed, wrong) = (
        sum(&|one| one.links.proposed),
        sum(&|one| one.links.wrong.len()),
    );
    let stopped = sum(&|one| one.stopped.len());
    let figures = format!(
        "{} schemas, {tables} tables, {} references, {} of them undeclared: {proposed} links, {} right, {wrong} wrong (called after \
         a table that they do not mean: {stopped} taken out because a run stopped for them, {} in runs that went through), \
         {} asked, {} missed; {share:.1} % of the tables unknown; {} of {count} runs \
         stopped and asked, {} rows of the district extracted, {} of {} own rows left behind, {strangers} strangers' \
         rows",
        all.len(),
        sum(&|one| one.links.references),
        sum(&|one| one.links.undeclared),
        sum(&|one| one.links.right),
        wrong - stopped,
        sum(&|one| one.links.asked),
        sum(&|one| one.links.missed),
        sum(&|one| usize::from(one.stops > 0)),
        sum(&|one| one.rows.taken),
        sum(&|one| one.rows.left.len()),
        sum(&|one| one.rows.own),
    );
    Ok(Proof {
        figures,
        passed: strangers == 0 && wrong * 50 <= proposed && share <= MOST_UNKNOWN,
    })
}

/// What was found out about one schema.
struct Judged {
    links: Links,
    tables: usize,
    unknown: usize,
    /// How often a run stopped because of a wrong link.
    stops: usize,
    /// The wrong links that were taken out because a run had stopped.
    stopped: BTreeSet<String>,
    rows: Rows,
}

impl Judged {
    fn text(&self) -> String {
        let lines = [
            format!("{} tables, {} unknown", self.tables, self.unknown),
            self.links.text(),
            format!("{} stops", self.stops),
            self.rows.text(),
        ];
        lines.join("; ")
    }
}

/// A schema in files, with a configuration beside them.
struct Schema {
    loose: Loose,
    dir: tempfile::TempDir,
}

impl Schema {
    fn new(seed: u64) -> Result<Self> {
        let loose = Loose::generate(seed);
        let dir = tempfile::tempdir().context("make a directory")?;
        for side in ["prod", "cert"] {
            let path = dir.path().join(format!("{side}.db"));
            let connection = Connection::open(&path).context("make a database")?;
            let rows = if side == "prod" {
                loose.inserts()
            } else {
                String::new()
            };
            connection
                .execute_batch(&format!("begin; {} {rows} commit;", loose.schema()))
                .context("fill a database")?;
        }
        Ok(Self { loose, dir })
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("redistrict.toml")
    }

    fn product(&self) -> Result<Product> {
        let url = |side: &str| {
            let path = self.dir.path().join(format!("{side}.db"));
            format!("sqlite:{}", path.display())
        };
        Ok(Product::real(&self.config())?
            .with("SIS_PROD_URL", &url("prod"))
            .with("SIS_CERT_URL", &url("cert")))
    }

    fn read(&self) -> Result<String> {
        std::fs::read_to_string(self.config()).context("read redistrict.toml")
    }

    fn write(&self, text: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(self.config(), text).context("write redistrict.toml")
    }

    /// `init`, then a run with what it wrote unchanged, then with every question answered as it proposes. Where
    /// that stops, a wrong link is taken out, and nothing else.
    fn walk(&self) -> Result<Judged> {
        let product = self.product()?;
        let root = format!("sis.{ROOT}");
        product.must(&["init", "--root", &root])?;
        let text = self.read()?;
        let links = judged::links(&self.loose, &text);
        let unknown = decided::excluded(&text).len();
        product.must(&["enroll", "sis", "--name", "loose keys"])?;
        let district = DISTRICT.to_string();
        let unchanged = product.run(&["extract", &district])?;
        if unchanged.status.success() {
            let rows = judged::rows(&self.loose, self.dir.path(), DISTRICT, &text)?;
            return Ok(self.judged(links, unknown, Stops::default(), rows));
        }
        let mut text = decided::uncommented(&text);
        let mut stops = Stops::default();
        loop {
            self.write(&text)?;
            let ended = product.run(&["extract", &district])?;
            if ended.status.success() {
                let rows = judged::rows(&self.loose, self.dir.path(), DISTRICT, &text)?;
                return Ok(self.judged(links, unknown, stops, rows));
            }
            stops.count += 1;
            let known: Vec<&String> = (links.wrong.iter())
                .filter(|from| !stops.links.contains(*from))
                .collect();
            let wrong = corrected(&text, &known, &ended.err);
            if wrong.is_empty() || stops.count >= MOST_TRIES {
                bail!("the run stops for no wrong link:\n{}", ended.err);
            }
            for from in wrong {
                say(&format!("a run stopped, and {from} was taken out:"));
                for line in told(&ended.err, &from) {
                    say(&format!("    {line}"));
                }
                text = decided::without_link(&text, &from);
                stops.links.insert(from);
            }
        }
    }

    fn judged(&self, links: Links, unknown: usize, stops: Stops, rows: Rows) -> Judged {
        Judged {
            links,
            tables: self.loose.tables.len(),
            unknown,
            stops: stops.count,
            stopped: stops.links,
            rows,
        }
    }
}

/// Runs that stopped for wrong links, and these.
#[derive(Default)]
struct Stops {
    count: usize,
    links: BTreeSet<String>,
}

/// The wrong links of the tables that a run named when it stopped; all of them where it named tables that only belong
/// to those. Those that the text has no more are none.
fn corrected(text: &str, wrong: &[&String], said: &str) -> Vec<String> {
    let said = decided::plain(said);
    let is_there = |from: &&String| decided::without_link(text, from) != text;
    let there: Vec<&String> = wrong.iter().copied().filter(is_there).collect();
    let table = |from: &str| from.split('(').next().unwrap_or_default().to_owned();
    let named = there.iter().filter(|from| said.contains(&table(from)));
    let named: Vec<String> = named.map(|from| (*from).clone()).collect();
    if named.is_empty() {
        return there.into_iter().cloned().collect();
    }
    named
}

/// What a stop said of the table of a link; its first lines where it named only what belongs to it.
fn told(said: &str, from: &str) -> Vec<String> {
    const MOST: usize = 4;
    let table = from.split('(').next().unwrap_or_default();
    let is_about = |line: &&str| decided::plain(line).contains(table);
    let about: Vec<&str> = said.lines().filter(is_about).take(MOST).collect();
    let lines = if about.is_empty() {
        said.lines().take(MOST).collect()
    } else {
        about
    };
    lines
        .into_iter()
        .map(|line| line.trim().to_owned())
        .collect()
}

/// The directory of a product.
fn layout(dir: &Path) -> redistrict_artifact::Layout {
    redistrict_artifact::Layout {
        data_dir: dir.join("data"),
        log_dir: dir.join("logs"),
        state_dir: dir.join(".redistrict"),
    }
}
