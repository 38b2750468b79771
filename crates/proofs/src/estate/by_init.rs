//! The same districts with the file that `init` writes: no link, owner or role is written by hand. What a person
//! decides, because it is asked, is printed.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use redistrict_estate::{EstateKind, EstateOptions, LINKS, Link, Side, StoreId, StoreKinds};
use redistrict_testkit::postgres::TestServer;

use crate::world::{Urls, World, readers};
use crate::{Product, say};

/// What the districts came to.
pub(super) struct ByInit {
    /// Rows of all districts.
    pub(super) rows: u64,
    /// Links of the file, and those of them that the estate has.
    pub(super) links: usize,
    pub(super) right: usize,
    /// Lines that a person wrote or uncommented.
    pub(super) decided: Vec<String>,
    /// Links of the estate that `init` did not write.
    pub(super) missed: Vec<String>,
    pub(super) problems: Vec<String>,
}

impl ByInit {
    pub(super) fn text(&self) -> String {
        format!(
            "{} rows of 3 districts by the file that init wrote: {} links, {} of the estate's {}, {} lines decided by a person",
            self.rows,
            self.links,
            self.right,
            LINKS.len(),
            self.decided.len(),
        )
    }
}

/// Five PostgreSQL databases, read by the least role: `init`, the questions answered as the file proposes, and every
/// district extracted and compared with the answer key.
pub(super) fn prove(
    dir: &Path,
    options: EstateOptions,
    runtime: &tokio::runtime::Runtime,
) -> Result<ByInit> {
    let (world, urls) = world(dir, options, runtime)?;
    let product = urls
        .iter()
        .try_fold(Product::real(&world.config())?, |product, (name, url)| {
            anyhow::Ok(product.with(name, url))
        })?;
    product.must(&["init", "--root", "ids.districts"])?;
    let written = std::fs::read_to_string(world.config()).context("read redistrict.toml")?;
    let (text, decided) = decide(&written);
    for line in &decided {
        say(&format!("decided by a person: {line}"));
    }
    #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
    std::fs::write(world.config(), &text).context("write redistrict.toml")?;
    product.must(&["enroll", "--name", "estate"])?;
    let mut found = ByInit {
        rows: 0,
        links: 0,
        right: 0,
        decided,
        missed: Vec::new(),
        problems: Vec::new(),
    };
    found.compare_links(&text)?;
    for district in world.estate.answer_key.districts.keys() {
        let ended = product.run(&["extract", &district.to_string()])?;
        ensure!(
            ended.status.success(),
            "the file that init wrote does not run for district {district}:\n{}",
            ended.err
        );
        let differences = super::differences(&world, *district, &mut found.rows)?;
        let named = |difference| format!("by init's file, district {district}: {difference}");
        found.problems.extend(differences.into_iter().map(named));
    }
    Ok(found)
}

/// The databases, with the variables that hold their URLs.
fn world(
    dir: &Path,
    options: EstateOptions,
    runtime: &tokio::runtime::Runtime,
) -> Result<(World, Vec<(String, String)>)> {
    let server = TestServer::start();
    let kinds = StoreKinds::postgres();
    let databases = || -> Urls { StoreId::ALL.map(|_| runtime.block_on(server.create_database())) };
    let urls = (databases(), databases());
    let mut world = World::filled(dir, kinds, options, urls, runtime)?;
    world.sources = runtime.block_on(readers(server, &world.sources));
    let sides = [("PROD", &world.sources), ("CERT", &world.targets)];
    let urls = sides.into_iter().flat_map(|(side, urls)| {
        StoreId::ALL.into_iter().zip(urls).map(move |(store, url)| {
            let name = format!("{}_{side}_URL", store.as_str()).to_uppercase();
            (name, url.clone())
        })
    });
    let urls = urls.collect();
    Ok((world, urls))
}

/// The file with every question answered by the line that stands there, and these lines. What is asked of columns
/// that nobody can tell stays as it is: nothing is written about links.
fn decide(written: &str) -> (String, Vec<String>) {
    let answers = [
        "excluded = ",
        "confirmed = ",
        "boundary = ",
        "owner = ",
        "shared = ",
        "mask = ",
        "public = ",
        "reason = ",
    ];
    let mut decided = Vec::new();
    let lines = written.lines().map(|line| match line.strip_prefix("# ") {
        Some(heading)
            if ["[table.", "[column."]
                .iter()
                .any(|one| heading.starts_with(one)) =>
        {
            heading
        }
        Some(answer) if answers.iter().any(|one| answer.starts_with(one)) => {
            decided.push(answer.to_owned());
            answer
        }
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    (text, decided)
}

impl ByInit {
    /// The links of the file against the estate's. One that the estate does not have is a problem: the answer key
    /// knows every reference.
    fn compare_links(&mut self, text: &str) -> Result<()> {
        let file: toml::Table = text.parse().context("read the file that init wrote")?;
        let links = file.get("link").and_then(toml::Value::as_array);
        let mut found: BTreeSet<(String, String, Option<String>)> = BTreeSet::new();
        for link in links.into_iter().flatten() {
            let side = |name: &str| link.get(name).and_then(toml::Value::as_str);
            let when = link.get("when").and_then(toml::Value::as_table);
            let when = when.and_then(|when| {
                let (_, texts) = when.iter().next()?;
                texts.as_array()?.first()?.as_str().map(str::to_owned)
            });
            let (from, to) = side("from").zip(side("to")).context("read a link")?;
            found.insert((from.to_owned(), to.to_owned(), when));
        }
        let truth: BTreeSet<(String, String, Option<String>)> = LINKS.iter().map(of).collect();
        self.links = found.len();
        self.right = found.intersection(&truth).count();
        let wrong = found.difference(&truth);
        self.problems.extend(wrong.map(|(from, to, _)| {
            format!("init wrote a link that the estate does not have: {from} to {to}")
        }));
        let missed = truth.difference(&found);
        self.missed = missed
            .map(|(from, to, _)| format!("init did not find the link {from} to {to}"))
            .collect();
        Ok(())
    }
}

/// A link of the estate as the file writes it.
fn of(link: &Link) -> (String, String, Option<String>) {
    let name = |side: &Side| {
        let store = side.table.store.as_str();
        let rest = side.name_in(EstateKind::Postgres);
        rest.replacen(&format!("{store}."), &format!("{store}.public."), 1)
    };
    let when = link.when.map(|(_, text)| text.to_owned());
    (name(&link.from), name(&link.to), when)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_answered_as_they_are_proposed_and_links_are_not_touched() {
        let written = "[tenant]\n# why\n# [table.\"a\"]\n# boundary = { \"(b)\" = \"stub\" }\n\n# [[link]]\n# from = \"c\"\n";
        let (text, decided) = decide(written);
        assert_eq!(decided, ["boundary = { \"(b)\" = \"stub\" }"]);
        assert!(text.contains("\n[table.\"a\"]\nboundary = ") && text.contains("# [[link]]"));
    }
}
