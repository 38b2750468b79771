//! The links of a file and the rows of an artifact, against the truth of the schema.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use redistrict_artifact::{Artifact, RootKey, keys_of};
use redistrict_model::{DistrictId, Membership};
use redistrict_testkit::loose::{Loose, Reference, Table};

use super::decided;

/// How the links of a file compare with the truth.
pub(super) struct Links {
    pub(super) references: usize,
    pub(super) undeclared: usize,
    pub(super) proposed: usize,
    pub(super) right: usize,
    /// Undeclared references that stand in the file as a comment.
    pub(super) asked: usize,
    /// Those that do not.
    pub(super) missed: usize,
    /// Where the wrong links come from.
    pub(super) wrong: Vec<String>,
}

impl Links {
    pub(super) fn text(&self) -> String {
        format!(
            "{} of {} references undeclared, {} links: {} right, wrong {:?}; {} asked, {} missed",
            self.undeclared,
            self.references,
            self.proposed,
            self.right,
            self.wrong,
            self.asked,
            self.missed
        )
    }
}

/// A link as the file says it: from, to, and the text of the condition.
type Said = (String, String, Option<String>);

fn side(table: &Table, columns: &[String]) -> String {
    format!("sis.main.{}({})", table.name, columns.join(", "))
}

fn said(loose: &Loose, child: &Table, reference: &Reference) -> Said {
    let parent = &loose.tables[reference.parent];
    let mut pairs: Vec<(&String, &String)> = reference
        .columns
        .iter()
        .zip(&reference.parent_columns)
        .collect();
    pairs.sort();
    let (from, to): (Vec<&String>, Vec<&String>) = pairs.into_iter().unzip();
    let owned = |columns: Vec<&String>| columns.into_iter().cloned().collect::<Vec<_>>();
    (
        side(child, &owned(from)),
        side(parent, &owned(to)),
        reference.when.as_ref().map(|(_, text)| text.clone()),
    )
}

/// The links that count in a file. Columns of a side are sorted, with their partners.
fn in_file(text: &str) -> BTreeSet<Said> {
    let mut found = BTreeSet::new();
    let value = |line: &str, name: &str| -> Option<String> {
        let rest = line.strip_prefix(name)?.strip_prefix(" = ")?;
        Some(decided::plain(rest))
    };
    for block in text.split("[[link]]\n").skip(1) {
        let lines = || {
            block
                .lines()
                .take_while(|line| !line.is_empty() && !line.starts_with('['))
        };
        let of = |name: &str| lines().find_map(|line| value(line, name));
        let when = lines().find(|line| line.starts_with("when = "));
        let when =
            when.and_then(|line| Some(line.split_once("[\"")?.1.split_once('"')?.0.to_owned()));
        if let (Some(from), Some(to)) = (of("from"), of("to")) {
            let (from, to) = sorted(&from, &to);
            found.insert((from, to, when));
        }
    }
    found
}

fn sorted(from: &str, to: &str) -> (String, String) {
    let split = |side: &str| -> (String, Vec<String>) {
        let (table, columns) = side.split_once('(').unwrap_or((side, ""));
        let columns = columns.trim_end_matches(')').split(", ");
        (table.to_owned(), columns.map(str::to_owned).collect())
    };
    let ((child, from), (parent, to)) = (split(from), split(to));
    let mut pairs: Vec<(String, String)> = from.into_iter().zip(to).collect();
    pairs.sort();
    let (from, to): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    (
        format!("{child}({})", from.join(", ")),
        format!("{parent}({})", to.join(", ")),
    )
}

/// What a file says about the references of a schema.
pub(super) fn links(loose: &Loose, text: &str) -> Links {
    let proposed = in_file(text);
    let mut truth: BTreeMap<Said, bool> = BTreeMap::new();
    for table in &loose.tables {
        for reference in &table.references {
            truth.insert(said(loose, table, reference), reference.is_declared);
        }
    }
    let undeclared = || {
        truth
            .iter()
            .filter(|(_, is_declared)| !**is_declared)
            .map(|(one, _)| one)
    };
    let comments: BTreeSet<String> = (text.lines())
        .filter_map(|line| line.strip_prefix("# from = ").map(decided::plain))
        .collect();
    let is_asked = |one: &&Said| comments.contains(&one.0);
    let open = || undeclared().filter(|one| !proposed.contains(*one));
    // A part of a key of two columns refers to a school, too.
    // A document says again which student a row is about.
    let is_implied = |one: &Said| {
        let is_school = one.0.ends_with("(school_id)") && one.1 == "sis.main.schools(id)";
        let is_student =
            one.0.ends_with("(payload$.student_id)") && one.1 == "sis.main.students(id)";
        is_school || is_student
    };
    let is_wrong = |one: &&Said| !truth.contains_key(*one) && !is_implied(one);
    let wrong: Vec<String> = proposed
        .iter()
        .filter(is_wrong)
        .map(|one| one.0.clone())
        .collect();
    Links {
        references: truth.len(),
        undeclared: undeclared().count(),
        proposed: proposed.iter().filter(|one| !is_implied(one)).count(),
        right: undeclared().filter(|one| proposed.contains(*one)).count(),
        asked: open().filter(is_asked).count(),
        missed: open().filter(|one| !is_asked(one)).count(),
        wrong,
    }
}

/// The rows of an artifact against the truth.
#[derive(Default)]
pub(super) struct Rows {
    /// Full rows of the district.
    pub(super) taken: usize,
    /// Full rows of another one: table and key.
    pub(super) strangers: Vec<String>,
    /// Rows of the district in tables that are not excluded, and those of them that did not come.
    pub(super) own: usize,
    pub(super) left: Vec<String>,
}

impl Rows {
    pub(super) fn text(&self) -> String {
        let tables = |rows: &[String]| {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for row in rows {
                *counts
                    .entry(row.split(' ').next().unwrap_or_default())
                    .or_default() += 1;
            }
            format!("{counts:?}")
        };
        format!(
            "{} rows taken, strangers {}, of {} own rows left behind {}",
            self.taken,
            tables(&self.strangers),
            self.own,
            tables(&self.left)
        )
    }
}

/// The newest raw artifact of the district, row by row.
pub(super) fn rows(loose: &Loose, dir: &Path, district: u32, text: &str) -> Result<Rows> {
    let key = RootKey::new(&std::fs::read(dir.join(".redistrict/key")).context("read the key")?)?;
    let parent = super::layout(dir).raw_of(&DistrictId::new(district.to_string()), &key);
    let newest = Artifact::newest(&parent).context("no raw artifact was sealed")?;
    let artifact = Artifact::open(&newest, &key)?;
    artifact.verify()?;
    let mut full: BTreeSet<(String, String)> = BTreeSet::new();
    for table in &artifact.manifest().tables {
        let spec = loose
            .tables
            .iter()
            .find(|one| one.name == table.table.table);
        let spec = spec.context("a table that the schema does not have")?;
        for part in artifact.rows(&table.table) {
            let (batch, membership) = part?;
            for (key, membership) in keys_of(&batch, &spec.key).into_iter().zip(membership) {
                let key = key.context("a row without a key")?;
                if membership != Membership::Stub {
                    full.insert((spec.name.clone(), key.parts().join(",")));
                }
            }
        }
    }
    let excluded = decided::excluded(text);
    let mut rows = Rows::default();
    for table in &loose.tables {
        let heading = format!("[table.sis.main.{}]", table.name);
        for row in &table.rows {
            let key = table.key_of(row);
            let is_taken = full.contains(&(table.name.clone(), key.clone()));
            let is_own = row.district == Some(district);
            let line = format!("{} {key}", table.name);
            if is_own && !excluded.contains(&heading) {
                rows.own += 1;
            }
            match (is_taken, row.district) {
                (true, Some(other)) if other != district => rows.strangers.push(line),
                (true, _) => rows.taken += 1,
                (false, _) if is_own && !excluded.contains(&heading) => rows.left.push(line),
                (false, _) => {}
            }
        }
    }
    Ok(rows)
}
