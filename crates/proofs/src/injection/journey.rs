//! One world: the product makes its journeys in it, and plain clients judge what it did.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::before::Before;
use super::names::Role;
use super::place::{Kind, Place, Servers, walk};
use super::relational::of_district;
use super::shape::{Batch, Built, Row, State, minus};
use super::{printed, said};
use crate::child::{Ended, Product};
use crate::say;

/// What a world showed.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) placed: BTreeSet<(Role, String)>,
    pub(super) refused: BTreeSet<(Role, String)>,
    /// Rows that were moved and compared.
    pub(super) rows: usize,
    /// Commands that a shell has read or run as they were printed.
    pub(super) pasted: usize,
    /// Statements that PROD was sent.
    pub(super) statements: usize,
    /// Objects, rows or files that nobody asked for.
    pub(super) injected: usize,
    pub(super) problems: Vec<String>,
}

/// How often names are taken out of a world and it is made anew.
const MAX_ROUNDS: usize = 12;

/// Makes the world of a batch in `dir` until nothing in it is refused, and judges it. `own` are the
/// objects that the product may leave in CERT.
pub(super) fn travel(
    kind: Kind,
    mut batch: Batch,
    dir: &Path,
    servers: &Servers<'_>,
    own: &BTreeSet<String>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for round in 0..MAX_ROUNDS {
        let mut names = batch.clone();
        let dir = dir.join(round.to_string());
        let place = Place::make(kind, &mut names, &dir, servers)?;
        let placed = names.placed.iter().map(|(_, text)| text.clone());
        let hostile = placed.chain(names.keys.clone()).collect();
        let mut journey = Journey::new(&place, hostile, Some(own))?;
        let refused = journey.run(&names.keys)?;
        let ended = journey.outcome;
        let (statements, outside) = place.sent_to_prod();
        outcome.statements += statements;
        let outside = outside.into_iter().take(5);
        outcome
            .problems
            .extend(outside.map(|one| format!("sent to PROD: {one}")));
        outcome.problems.extend(ended.problems);
        outcome.injected += ended.injected;
        outcome.pasted += ended.pasted;
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
        let said: String = message.chars().take(400).collect();
        say(&format!("{}: {}", kind.as_str(), said.trim_end()));
        batch = batch.without(&culprits);
        outcome.refused.extend(culprits);
    }
    bail!("{MAX_ROUNDS} rounds of refusals")
}

/// Names such that each line of a message that tells names tells one of these: a line about one name may tell
/// others on the way. Those that look like ours come first, then those of the most lines.
fn culprits(names: &Batch, message: &str) -> BTreeSet<(Role, String)> {
    let told = |line: &str| -> Vec<&(Role, String)> {
        // The name of a constraint is told as one; that another thing is called so says nothing of it.
        let may_be = |role: Role| role != Role::Constraint || line.contains("constraint");
        let all = names.placed.iter();
        all.filter(|(role, name)| may_be(*role) && is_told(name, line))
            .collect()
    };
    let mut lines: Vec<Vec<&(Role, String)>> = message.lines().map(told).collect();
    let mut culprits = BTreeSet::new();
    loop {
        lines.retain(|told| !told.is_empty());
        let weight = |one: &(Role, String)| {
            let count = lines.iter().filter(|told| told.contains(&one)).count();
            (one.1.is_empty(), is_ours(&one.1), count)
        };
        let Some(worst) = lines.iter().flatten().max_by_key(|one| weight(one)) else {
            return culprits;
        };
        let worst = (*worst).clone();
        lines.retain(|told| !told.contains(&&worst));
        culprits.insert(worst);
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(':') || name.starts_with("__") || name.to_lowercase().starts_with("redistrict")
}

/// An empty name is two quotes that no other follows.
fn is_empty_told(message: &str) -> bool {
    message.match_indices("\"\"").any(|(at, quotes)| {
        let before = message[..at].chars().next_back();
        let rest = &message[at + quotes.len()..];
        before.is_some_and(|c| ". (".contains(c)) && !rest.starts_with('"')
    })
}

/// By its number, however its other characters are written; a name without a number as a whole word.
fn is_told(name: &str, message: &str) -> bool {
    if name.is_empty() {
        return is_empty_told(message);
    }
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
        let is_word = |c: char| c.is_ascii_alphanumeric() || number.is_none() && c == '_';
        !rest.starts_with(is_word)
            && (number.is_some() || before.is_some_and(|c| "\".`' ".contains(c)))
    })
}

pub(super) struct Journey<'a> {
    place: &'a Place<'a>,
    product: Product,
    hostile: Vec<String>,
    /// The objects that the product may leave in CERT, where they are known.
    own: Option<&'a BTreeSet<String>>,
    pub(super) outcome: Outcome,
}

impl<'a> Journey<'a> {
    pub(super) fn new(
        place: &'a Place<'a>,
        mut hostile: Vec<String>,
        own: Option<&'a BTreeSet<String>>,
    ) -> Result<Self> {
        hostile.push(place.project.to_string_lossy().into_owned());
        Ok(Self {
            place,
            product: Product::real(&place.config)?,
            hostile,
            own,
            outcome: Outcome::default(),
        })
    }

    /// Gives the message of a refusal that is about names.
    pub(super) fn run(&mut self, keys: &[String]) -> Result<Option<String>> {
        let before = Before::look(self.place)?;
        if let Some(message) = self.step(&["enroll", "--name", "proof \u{1b}[31m"])? {
            self.unchanged(&before, "a refused enrolment")?;
            return Ok(Some(message));
        }
        for (number, key) in keys.iter().enumerate() {
            if number == 0 || self.place.kind == Kind::Sqlite {
                self.printed_command(key)?;
            }
            // Every second plan is read as JSON.
            let plan: &[&str] = match number % 2 {
                0 => &["plan", "--", key],
                _ => &["--output", "json", "plan", "--", key],
            };
            for (command, arguments) in [("plan", plan), ("migrate", &["migrate", "--", key])] {
                let ended = self.start(arguments)?;
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
                if arguments[0] == "--output" && ended.status.success() {
                    let found = printed::json("plan as JSON", &ended.out, key);
                    self.outcome.problems.extend(found);
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
        self.said(arguments[0], &ended);
        Ok(ended)
    }

    fn said(&mut self, what: &str, ended: &Ended) {
        for (stream, text) in [("stdout", &ended.out), ("stderr", &ended.err)] {
            let found = said::lines(&format!("{what}, {stream}"), text, &self.hostile);
            self.outcome.problems.extend(found);
        }
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

    /// What a command that comes too early says is to be run before it; a shell reads the key of it.
    fn printed_command(&mut self, key: &str) -> Result<()> {
        let ended = self.start(&["load", "--", key])?;
        if ended.status.success() {
            self.problem(key, "was loaded before it was extracted".to_owned());
        }
        let Some(line) = printed::after(&ended.err, "  → ") else {
            return Ok(());
        };
        if line.contains(" anonymize ") {
            let config = self.place.config.to_string_lossy();
            let wanted = ["anonymize", "--config", &config, key];
            let found = printed::command(line, &wanted, &self.place.outside)?;
            self.outcome.problems.extend(found);
            self.outcome.pasted += 1;
        }
        Ok(())
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
        let now = Before::look(self.place)?;
        let made = before.changes(&now, &|name| self.place.is_ours(name));
        let made = made.into_iter().filter(|one| !one.starts_with("CERT has "));
        self.injected("a migration", made.collect());
        Ok(())
    }

    /// Takes a run back by the line that its end printed for that, in a shell.
    fn take_out(&mut self, migrated: &Ended, before: &Before) -> Result<()> {
        let said = format!("{}{}", migrated.out, migrated.err);
        let line = printed::after(&said, "Undo: ").context("find the printed undo")?;
        let ended = printed::paste(line, &self.place.outside)?;
        self.outcome.pasted += 1;
        self.said("rollback", &ended);
        if !ended.status.success() {
            self.outcome.problems.push(format!(
                "the printed undo {line:?} ended with {}: {}",
                ended.status, ended.err
            ));
        }
        self.unchanged(before, "the undo")
    }

    /// Rows, objects and files are those of the beginning, but for what is ours.
    fn unchanged(&mut self, before: &Before, after: &str) -> Result<()> {
        let now = Before::look(self.place)?;
        let changes = before.changes(&now, &|name| match self.own {
            Some(own) => own.contains(name),
            None => self.place.is_ours(name),
        });
        self.injected(after, changes);
        Ok(())
    }

    fn injected(&mut self, after: &str, changes: Vec<String>) {
        self.outcome.injected += changes.len();
        let told = changes.into_iter();
        self.outcome
            .problems
            .extend(told.map(|one| format!("after {after} changed: {one}")));
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
        for text in said::files(&self.place.project, "html")? {
            found.extend(said::markup(&text, &self.hostile));
        }
        for text in said::files(&self.place.project, "dot")? {
            found.extend(said::dot(&text, &self.hostile));
        }
        let logs = said::files(&self.place.project, "log")?;
        for text in &logs {
            found.extend(said::lines("log", text, &self.hostile));
        }
        for text in said::files(&self.place.project, "json")? {
            let read = serde_json::from_str::<serde_json::Value>(&text);
            found.extend(
                read.err()
                    .map(|error| format!("no JSON in a file: {error}")),
            );
        }
        let mut paths = BTreeSet::new();
        walk(&self.place.project, &mut paths)?;
        found.extend(printed::paths(&self.place.project, paths.iter()));
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
    fn the_fewest_names_that_explain_a_refusal_are_taken_out() {
        let all = ["tn1", "cn2", "cn3", ":start", "cn4"]
            .map(str::to_owned)
            .to_vec();
        let mut names = Batch::new([(Role::Table, all)].into(), Vec::new());
        names.take_all(Role::Table);
        let found = |message: &str| -> Vec<String> {
            let found = culprits(&names, message).into_iter();
            found.map(|(_, name)| name).collect()
        };
        assert_eq!(found("no \"tn1\"\nno tn1.cn2\nno tn1.cn3\n"), ["tn1"]);
        assert_eq!(
            found("cn4 has no \":start\"\ncn3 is bad"),
            [":start", "cn3"]
        );
        assert!(found("nothing").is_empty());
    }

    #[test]
    fn a_name_is_told_by_its_number_or_as_a_word() {
        assert!(is_told("a\u{1b}n12\"", "refuse s.\"a�n12\"\"\" here"));
        assert!(!is_told("an1", "refuse n12"));
        assert!(is_told(":labels", "the property \":labels\" is"));
        assert!(!is_told("table", "tables"));
        assert!(!is_told(":start", "no \":start_label\"") && is_told("n1", "no %n1_"));
        assert!(is_told("", "refuse s.main.\"\" here") && is_told("", "the name \"\""));
        assert!(!is_told("", "s.main.\"\"\"n1\"\"\"\"\"") && !is_told("", "s.\"a\"\"b\""));
    }
}
