//! One world: the product makes its journeys in it, and plain clients judge what it did.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::names::Role;
use super::place::{Kind, Place, Servers};
use super::relational::of_district;
use super::said;
use super::shape::{Batch, Built, Row, State, minus};
use crate::child::{Ended, Product};

/// What a world showed.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) placed: BTreeSet<(Role, String)>,
    pub(super) refused: BTreeSet<(Role, String)>,
    /// Rows that were moved and compared.
    pub(super) rows: usize,
    /// Objects, rows or files that nobody asked for.
    pub(super) injected: usize,
    pub(super) problems: Vec<String>,
}

/// How often names are taken out of a world and it is made anew.
const MAX_ROUNDS: usize = 12;

/// Makes the world of a batch in `dir` until nothing in it is refused, and judges it. `root` is the
/// directory below which nothing but the product's project may change.
pub(super) fn travel(
    kind: Kind,
    mut batch: Batch,
    dir: &Path,
    servers: &Servers<'_>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for round in 0..MAX_ROUNDS {
        let mut names = batch.clone();
        let dir = dir.join(round.to_string());
        let place = Place::make(kind, &mut names, &dir, servers)?;
        let mut journey = Journey {
            place: &place,
            product: Product::real(&place.config)?,
            hostile: names
                .placed
                .iter()
                .map(|(_, text)| text.clone())
                .chain(names.keys.clone())
                .collect(),
            outcome: Outcome::default(),
        };
        let refused = journey.run(&names.keys)?;
        let ended = journey.outcome;
        outcome.problems.extend(ended.problems);
        outcome.injected += ended.injected;
        let Some(message) = refused else {
            outcome.rows += ended.rows;
            outcome.placed.extend(names.placed);
            outcome
                .placed
                .extend(names.keys.into_iter().map(|key| (Role::DistrictKey, key)));
            outcome.refused.extend(ended.refused);
            let refused = &outcome.refused;
            outcome.placed.retain(|name| !refused.contains(name));
            return Ok(outcome);
        };
        let culprits = culprits(&names, &message);
        if culprits.is_empty() {
            outcome
                .problems
                .push(format!("refused without a name: {message}"));
            return Ok(outcome);
        }
        batch = batch.without(&culprits);
        outcome.refused.extend(culprits);
    }
    bail!("{MAX_ROUNDS} rounds of refusals")
}

/// The names that a message tells: those of ours if there are some, else all.
fn culprits(names: &Batch, message: &str) -> BTreeSet<(Role, String)> {
    let told = names
        .placed
        .iter()
        .filter(|(_, name)| is_told(name, message));
    let told: BTreeSet<(Role, String)> = told.cloned().collect();
    let ours: BTreeSet<_> = told
        .iter()
        .filter(|(_, name)| is_ours(name))
        .cloned()
        .collect();
    if ours.is_empty() { told } else { ours }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(':') || name.starts_with("__") || name.to_lowercase().starts_with("redistrict")
}

/// By its number, however its other characters are written; a name without a number as a whole word.
fn is_told(name: &str, message: &str) -> bool {
    let number = name.match_indices('n').find_map(|(at, _)| {
        let digits: String = name[at + 1..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        (!digits.is_empty()).then(|| format!("n{digits}"))
    });
    let wanted = number.as_deref().unwrap_or(name);
    message.match_indices(wanted).any(|(at, found)| {
        let rest = &message[at + found.len()..];
        let before = message[..at].chars().next_back();
        !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            && (number.is_some() || before.is_some_and(|c| "\".`' ".contains(c)))
    })
}

struct Journey<'a> {
    place: &'a Place<'a>,
    product: Product,
    hostile: Vec<String>,
    outcome: Outcome,
}

/// Everything before the product came.
struct Before {
    prod: State,
    cert: State,
    prod_objects: BTreeSet<String>,
    cert_objects: BTreeSet<String>,
    files: BTreeSet<PathBuf>,
}

impl Journey<'_> {
    /// Gives the message of a refusal that is about names.
    fn run(&mut self, keys: &[String]) -> Result<Option<String>> {
        let before = self.look()?;
        if let Some(message) = self.step(&["enroll", "--name", "proof \u{1b}[31m"])? {
            self.unchanged(&before, "a refused enrolment")?;
            return Ok(Some(message));
        }
        for key in keys {
            for command in ["plan", "migrate"] {
                let ended = self.start(&[command, "--", key])?;
                if let Some(message) = self.refusal(command, &ended) {
                    self.unchanged(&before, "a refusal")?;
                    if self.is_about_key(key, &message) {
                        self.outcome
                            .refused
                            .insert((Role::DistrictKey, key.clone()));
                        break;
                    }
                    return Ok(Some(message));
                }
                if command == "migrate" && ended.status.success() {
                    self.arrived(&before, key)?;
                    self.take_out(&ended, &before)?;
                }
            }
        }
        self.write_configuration()?;
        self.reports()?;
        self.unchanged(&before, "the end")?;
        Ok(None)
    }

    /// A key is refused alone only where no name of the world is told beside it.
    fn is_about_key(&self, key: &str, message: &str) -> bool {
        let is_other = |text: &&String| text.as_str() != key && is_told(text, message);
        is_told(key, message) && !self.hostile.iter().any(|text| is_other(&text))
    }

    fn start(&mut self, arguments: &[&str]) -> Result<Ended> {
        let ended = self.product.run_in(&self.place.outside, &[], arguments)?;
        let what = arguments[0];
        for (stream, text) in [("stdout", &ended.out), ("stderr", &ended.err)] {
            let found = said::lines(&format!("{what}, {stream}"), text, &self.hostile);
            self.outcome.problems.extend(found);
        }
        Ok(ended)
    }

    fn step(&mut self, arguments: &[&str]) -> Result<Option<String>> {
        let ended = self.start(arguments)?;
        Ok(self.refusal(arguments[0], &ended))
    }

    /// The message of exit 2 or 3; any other end but success is a problem.
    fn refusal(&mut self, command: &str, ended: &Ended) -> Option<String> {
        match ended.status.code() {
            Some(0) => None,
            Some(2 | 3) => Some(format!("{command}: {}", ended.err)),
            _ => {
                let text = format!("{command} ended with {}: {}", ended.status, ended.err);
                self.outcome.problems.push(text);
                None
            }
        }
    }

    fn look(&self) -> Result<Before> {
        Ok(Before {
            prod: self.place.state(false)?,
            cert: self.place.state(true)?,
            prod_objects: self.place.objects(false)?,
            cert_objects: self.place.objects(true)?,
            files: self.place.files()?,
        })
    }

    /// Every row of the district is in CERT, the columns that are kept exactly, and nothing else is.
    fn arrived(&mut self, before: &Before, key: &str) -> Result<()> {
        let built: &Built = self.place.built();
        let cert = self.place.state(true)?;
        let wanted = of_district(&before.prod, built, key);
        for table in &built.tables {
            let rows = |state: &State| state.get(&table.name).cloned().unwrap_or_default();
            let (old, new) = (rows(&before.cert), rows(&cert));
            let lost = minus(&old, &new).len();
            if lost > 0 {
                self.problem(
                    key,
                    format!("{lost} rows of others in {:?} changed", table.name),
                );
            }
            let came = minus(&new, &old);
            let wanted = &wanted[&table.name];
            let visible = |rows: &[Row]| -> Vec<Row> {
                let kept = |row: &Row| -> Row {
                    let pairs = row.iter().filter(|(name, _)| !table.masked.contains(*name));
                    pairs
                        .map(|(name, text)| (name.clone(), text.clone()))
                        .collect()
                };
                rows.iter().map(kept).collect()
            };
            let missing = minus(&visible(wanted), &visible(&came)).len();
            let strangers = minus(&visible(&came), &visible(wanted)).len();
            if missing + strangers > 0 || wanted.is_empty() {
                let text = format!(
                    "{:?}: {missing} of {} rows did not arrive, {strangers} others did",
                    table.name,
                    wanted.len()
                );
                self.problem(key, text);
            }
            let bare = came.iter().filter(|row| {
                let is_bare = |name: &String| {
                    row.get(name)
                        .is_none_or(|text| wanted.iter().any(|one| one.get(name) == Some(text)))
                };
                table.masked.iter().any(is_bare)
            });
            let bare = bare.count();
            if bare > 0 {
                self.problem(key, format!("{:?}: {bare} rows are not masked", table.name));
            }
            self.outcome.rows += came.len();
        }
        Ok(())
    }

    fn take_out(&mut self, migrated: &Ended, before: &Before) -> Result<()> {
        let lines = migrated.err.lines();
        let run = lines
            .filter_map(|line| line.strip_prefix("Run ID: "))
            .next_back();
        let run = run.context("find the run's name")?.to_owned();
        if let Some(message) = self.step(&["rollback", &run])? {
            self.outcome
                .problems
                .push(format!("the undo was refused: {message}"));
        }
        self.unchanged(before, "the undo")
    }

    /// Rows, objects and files are those of the beginning, but for what is ours.
    fn unchanged(&mut self, before: &Before, after: &str) -> Result<()> {
        let now = self.look()?;
        for (side, old, new) in [
            ("PROD", &before.prod, &now.prod),
            ("CERT", &before.cert, &now.cert),
        ] {
            let tables: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for table in tables {
                let rows = |state: &State| state.get(table).cloned().unwrap_or_default();
                let lost = minus(&rows(old), &rows(new)).len();
                let more = minus(&rows(new), &rows(old)).len();
                if lost + more > 0 {
                    let text = format!(
                        "after {after} {side} has {more} rows more and {lost} less in {table:?}"
                    );
                    self.outcome.injected += more;
                    self.outcome.problems.push(text);
                }
            }
        }
        let objects =
            |old: &BTreeSet<String>, new: &BTreeSet<String>, is_cert: bool| -> Vec<String> {
                let differ = old.symmetric_difference(new);
                let foreign = differ
                    .filter(|name| !(is_cert && new.contains(*name) && self.place.is_ours(name)));
                foreign.cloned().collect()
            };
        let mut changed = objects(&before.prod_objects, &now.prod_objects, false);
        changed.extend(objects(&before.cert_objects, &now.cert_objects, true));
        let files = now.files.symmetric_difference(&before.files);
        changed.extend(files.map(|path| format!("file {}", path.display())));
        for one in changed {
            self.outcome.injected += 1;
            self.outcome
                .problems
                .push(format!("after {after} changed: {one:?}"));
        }
        Ok(())
    }

    /// `init` writes what it found out as comments, whatever the names are, and can read it again.
    fn write_configuration(&mut self) -> Result<()> {
        let path = self.place.project.join("init").join("redistrict.toml");
        std::fs::create_dir_all(path.parent().context("a parent")?)?;
        let product = Product::real(&path)?;
        let environment = [
            ("S_PROD_URL", self.place.source.as_str()),
            ("S_CERT_URL", &self.place.target),
        ];
        let root = super::shape::dotted(&self.place.built().tables[0], &[]);
        let store = format!("s={}:S_PROD_URL:S_CERT_URL", self.place.kind.as_str());
        let arguments = ["init", "--root", &root, "--store", &store];
        let ended = product.run_in(&self.place.outside, &environment, &arguments)?;
        let mut found = said::lines(
            "init",
            &format!("{}{}", ended.out, ended.err),
            &self.hostile,
        );
        match ended.status.code() {
            Some(0) => {
                let text = std::fs::read_to_string(&path).context("read what init wrote")?;
                found.extend(said::configuration(&text));
                let ended =
                    product.run_in(&self.place.outside, &environment, &["config", "check"])?;
                let text = format!("{}{}", ended.out, ended.err);
                found.extend(said::lines("config check", &text, &self.hostile));
                if !matches!(ended.status.code(), Some(0 | 2 | 3)) {
                    found.push(format!(
                        "config check ended with {}: {}",
                        ended.status, ended.err
                    ));
                }
            }
            _ => found.push(format!("init ended with {}: {}", ended.status, ended.err)),
        }
        self.outcome.problems.extend(found);
        Ok(())
    }

    fn reports(&mut self) -> Result<()> {
        let mut found = Vec::new();
        for text in said::files(&self.place.project, "md")? {
            found.extend(said::markdown(&text, &self.hostile));
        }
        for text in said::files(&self.place.project, "dot")? {
            found.extend(said::dot(&text, &self.hostile));
        }
        let logs = said::files(&self.place.project, "log")?;
        for text in &logs {
            found.extend(said::lines("log", text, &self.hostile));
        }
        if logs.is_empty() && self.outcome.rows > 0 {
            found.push("no log was found".to_owned());
        }
        self.outcome.problems.extend(found);
        Ok(())
    }

    fn problem(&mut self, key: &str, text: String) {
        self.outcome
            .problems
            .push(format!("district {key:?}: {text}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_its_number_or_as_a_word() {
        assert!(is_told("a\u{1b}n12\"", "refuse s.\"a�n12\"\"\" here"));
        assert!(!is_told("an1", "refuse n12"));
        assert!(is_told(":labels", "the property \":labels\" is"));
        assert!(!is_told("table", "tables"));
    }
}
