//! A district of 30 rows in four stores: with references, a cycle, a self reference, counters, a generated column, a
//! unique e-mail and links between stores; beside another district, and in a CERT that has rows of its own, some of
//! them this district's. For proofs that migrate it some thousand times.

pub(crate) mod effects;
pub(crate) mod judge;
mod saved;
pub(crate) mod site;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_estate::{EstateKind, sqlite_url, write_url_file};
use redistrict_testkit::neo4j::Graph;
use redistrict_testkit::postgres;
use rusqlite::Connection;

use crate::child::Product;
use crate::digest::Place;

/// The stores in the order of the configuration.
pub(crate) const STORES: [&str; 4] = ["org", "people", "work", "notes"];

/// The district that is migrated.
pub(crate) const DISTRICT: &str = "2";

/// Stands in every name, address and text of PROD that tells of a person, and nowhere else.
pub(crate) const MARK: &str = "zyzzyvak";

/// Per store: rows that the migration brings, and rows of CERT that it updates.
pub(crate) fn expected(notes: EstateKind) -> [(usize, usize); 4] {
    let of_notes = match notes {
        EstateKind::Neo4j => 9,
        EstateKind::Postgres | EstateKind::Sqlite => 6,
    };
    [(2, 1), (8, 1), (10, 0), (of_notes, 0)]
}

/// Per counter: its store, and whether it is above the district's keys.
pub(crate) const COUNTERS: [(&str, &str); 3] = [
    ("people", "select last_value >= 205 from students_id_seq"),
    ("people", "select last_value >= 2004 from contacts_id_seq"),
    ("work", "select last_value >= 3 from meetings_id_seq"),
];

/// A side of the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Prod,
    Cert,
}

/// The URLs of one side, in the order of [`STORES`].
pub(crate) type Urls = [String; 4];

/// PROD, CERT and the product's directory. The last store is of any kind, the others are PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Micro {
    pub(crate) dir: PathBuf,
    pub(crate) notes: EstateKind,
    pub(crate) sources: Urls,
    pub(crate) targets: Urls,
}

impl Micro {
    /// The stores of CERT.
    pub(crate) fn targets(&self) -> [Place<'_>; 4] {
        places(self.notes, &self.targets)
    }

    /// Configures and enrols; every one has the same key, and so the same pseudonyms.
    pub(crate) fn configure(&self) -> Result<()> {
        for (at, store) in STORES.iter().enumerate() {
            for (side, urls) in [("prod", &self.sources), ("cert", &self.targets)] {
                write_url_file(&self.dir.join(format!("{store}-{side}.url")), &urls[at])?;
            }
        }
        redistrict_artifact::write_atomic(&self.config(), config(self.notes).as_bytes())?;
        let key = self.dir.join(".redistrict/key");
        redistrict_artifact::write_atomic(&key, "5a".repeat(32).as_bytes())?;
        self.product()?.must(&["enroll", "--name", "proof"])?;
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.dir.join("redistrict.toml")
    }

    pub(crate) fn product(&self) -> Result<Product> {
        Product::real(&self.config())
    }

    /// The `faulty` twin.
    pub(crate) fn faulty(&self, fault: &str) -> Result<Product> {
        Product::faulty(&self.config(), fault)
    }
}

/// One side's stores.
pub(crate) fn places(notes: EstateKind, urls: &Urls) -> [Place<'_>; 4] {
    [0, 1, 2, 3].map(|at| Place {
        name: STORES[at],
        kind: if at == 3 { notes } else { EstateKind::Postgres },
        url: &urls[at],
    })
}

/// A new file for the last store.
pub(crate) fn file(path: &Path) -> Result<String> {
    Connection::open(path).with_context(|| format!("make {}", path.display()))?;
    Ok(sqlite_url(path))
}

/// Makes the tables in empty databases, and the rows of that side.
pub(crate) async fn fill(side: Side, notes: EstateKind, urls: &Urls) -> Result<()> {
    for (at, place) in places(notes, urls).into_iter().enumerate() {
        let text = match place.kind {
            EstateKind::Neo4j => include_str!("micro/notes.cypher"),
            EstateKind::Postgres | EstateKind::Sqlite => [
                include_str!("micro/org.sql"),
                include_str!("micro/people.sql"),
                include_str!("micro/work.sql"),
                include_str!("micro/notes.sql"),
            ][at],
        };
        for statements in sections(text, side) {
            run(place, statements)
                .await
                .with_context(|| format!("fill {}", place.name))?;
        }
    }
    Ok(())
}

/// What makes the tables, and what makes the rows of a side.
fn sections(text: &str, side: Side) -> [&str; 2] {
    let mut parts = text.split("in PROD\n");
    let schema = parts.next().unwrap_or_default();
    let mut rows = parts.next().unwrap_or_default().split("in CERT\n");
    let prod = rows.next().unwrap_or_default();
    let cert = rows.next().unwrap_or_default();
    [schema, if side == Side::Prod { prod } else { cert }].map(without_comment)
}

/// The marks of the sections are comments; what is left of one ends the section before.
fn without_comment(text: &str) -> &str {
    text.trim_end().trim_end_matches(['-', '/']).trim_end()
}

async fn run(place: Place<'_>, statements: &str) -> Result<()> {
    match place.kind {
        EstateKind::Postgres => postgres::execute(place.url, statements).await?,
        EstateKind::Sqlite => Connection::open(place.path())?.execute_batch(statements)?,
        EstateKind::Neo4j => {
            let graph = Graph::connect(place.url);
            let all = statements.split(';').map(str::trim);
            for statement in all.filter(|one| !one.is_empty()) {
                graph.try_run(statement).await?;
            }
        }
    }
    Ok(())
}

/// What a person writes: the links, and what is about no person.
fn config(notes: EstateKind) -> String {
    let mut text =
        String::from("[tenant]\nroot = \"org.districts\"\nkey = \"id\"\nname = \"name\"\n");
    for place in places(notes, &Urls::default()) {
        let (store, kind) = (place.name, place.kind.as_str());
        let lines = [
            format!("\n[store.{store}]"),
            format!("kind = \"{kind}\""),
            format!("source = {{ file = \"{store}-prod.url\" }}"),
            format!("target = {{ file = \"{store}-cert.url\" }}\n"),
        ];
        text.push_str(&lines.join("\n"));
    }
    let is_graph = notes == EstateKind::Neo4j;
    let letter = if is_graph {
        "notes.node.Letter"
    } else {
        "notes.letters"
    };
    let mut links = vec![
        (
            "people.students(school_id)".to_owned(),
            "org.schools(id)".to_owned(),
        ),
        (
            "work.members(student_id)".to_owned(),
            "people.students(id)".to_owned(),
        ),
        (
            format!("{letter}(student_id)"),
            "people.students(id)".to_owned(),
        ),
    ];
    if is_graph {
        links.push((
            "notes.node.Reply(letter_id)".to_owned(),
            format!("{letter}(id)"),
        ));
    }
    for (from, to) in links {
        let lines = [
            "\n[[link]]".to_owned(),
            format!("from = \"{from}\""),
            format!("to = \"{to}\""),
            "owns = true\n".to_owned(),
        ];
        text.push_str(&lines.join("\n"));
    }
    for column in ["org.districts.name", "org.kinds.code", "org.kinds.title"] {
        let lines = [
            format!("\n[column.\"{column}\"]"),
            "mask = \"keep\"".to_owned(),
            "public = true".to_owned(),
            "reason = \"about no person\"\n".to_owned(),
        ];
        text.push_str(&lines.join("\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_a_schema_and_rows_for_each_side() {
        for text in [
            include_str!("micro/org.sql"),
            include_str!("micro/notes.cypher"),
        ] {
            let [schema, prod] = sections(text, Side::Prod);
            let [same, cert] = sections(text, Side::Cert);
            assert_eq!(schema, same);
            assert!(
                schema.starts_with("create ") && schema.ends_with(';'),
                "{schema}"
            );
            for rows in [prod, cert] {
                assert!(
                    rows.starts_with("insert ") || rows.starts_with("unwind "),
                    "{rows}"
                );
                assert!(rows.ends_with(';'), "{rows}");
            }
            assert_ne!(prod, cert);
        }
    }
}
