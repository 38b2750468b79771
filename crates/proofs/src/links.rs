//! `prove links`: `init` on schemas with loose keys, against the truth. What it finds, what it asks, what it gets
//! wrong; and that no row of another district is extracted, whatever it wrote: what is wrong stops and asks.

mod decided;
mod judged;

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
    let figures = format!(
        "{} schemas, {tables} tables, {} references, {} of them undeclared: {proposed} links, {} right, {wrong} wrong (called after \
         a table that they do not mean), {} asked, {} missed; {share:.1} % of the tables unknown; {} of {count} runs \
         stopped and asked, {} rows of the district extracted, {} of {} own rows left behind, {strangers} strangers' \
         rows",
        all.len(),
        sum(&|one| one.links.references),
        sum(&|one| one.links.undeclared),
        sum(&|one| one.links.right),
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
            return Ok(self.judged(links, unknown, 0, rows));
        }
        let mut text = decided::uncommented(&text);
        let mut stops = 0;
        loop {
            self.write(&text)?;
            let ended = product.run(&["extract", &district])?;
            if ended.status.success() {
                let rows = judged::rows(&self.loose, self.dir.path(), DISTRICT, &text)?;
                return Ok(self.judged(links, unknown, stops, rows));
            }
            stops += 1;
            let Some(next) = self
                .corrected(&text, &links, &ended.err)
                .filter(|_| stops < MOST_TRIES)
            else {
                bail!("the run stops for no wrong link:\n{}", ended.err);
            };
            text = next;
        }
    }

    fn judged(&self, links: Links, unknown: usize, stops: usize, rows: Rows) -> Judged {
        Judged {
            links,
            tables: self.loose.tables.len(),
            unknown,
            stops,
            rows,
        }
    }

    /// Without the wrong links of the tables that a run named when it stopped; without all of them where it named
    /// tables that only belong to those.
    fn corrected(&self, text: &str, links: &Links, said: &str) -> Option<String> {
        let said = decided::plain(said);
        let named = links.wrong.iter().filter(|from| {
            let table = from.split('(').next().unwrap_or_default();
            said.contains(table)
        });
        let without = |links: Vec<&String>| {
            links.into_iter().fold(text.to_owned(), |text, from| {
                decided::without_link(&text, from)
            })
        };
        let corrected = without(named.collect());
        let corrected = if corrected == text {
            without(links.wrong.iter().collect())
        } else {
            corrected
        };
        (corrected != text).then_some(corrected)
    }
}

/// The directory of a product.
fn layout(dir: &Path) -> redistrict_artifact::Layout {
    redistrict_artifact::Layout {
        data_dir: dir.join("data"),
        log_dir: dir.join("logs"),
        state_dir: dir.join(".redistrict"),
    }
}
