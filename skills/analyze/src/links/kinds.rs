//! References whose table a column beside names, row by row: which of its texts no link covers. Counted over
//! whole tables: a kind that was forgotten is rows that stay behind without a word.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Edge, EdgeOrigin, Finding, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{Tally, TallyRequest};

use super::ProposedLink;
use super::candidates::Candidate;
use super::names::is_reference_like;
use super::propose::MOST_KINDS;
use super::values::{Reader, tally};
use crate::driver::Cuts;

/// A text that fewer rows have may be about one of them.
const LEAST_ROWS: u64 = 11;
/// A name of a table is not longer.
const LONGEST_NAME: usize = 100;
/// So many texts are looked at.
const MOST_TEXTS: u32 = 10_000;
/// So many are named.
const MOST_NAMED: usize = 12;

/// Rows whose reference counts by what a column beside says, and that no link covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncoveredKinds {
    pub child: TableRef,
    /// The columns of the reference.
    pub columns: Vec<String>,
    /// The columns that say which table is meant.
    pub kind_columns: Vec<String>,
    /// Rows that refer to something, and how many of them no link covers.
    pub of: u64,
    pub rows: u64,
    /// Different texts of these rows.
    pub texts: u64,
    /// Those of them that look like names and that at least 11 rows share, with their rows; most frequent
    /// first. Others are counted only: they may be somebody's data.
    pub named: Vec<(Vec<String>, u64)>,
}

impl UncoveredKinds {
    /// What is said about it, without what is to be done.
    #[must_use]
    pub fn message(&self) -> String {
        let (rows, of) = (self.rows, self.of);
        let kinds = self.kind_columns.join(", ");
        let mut said: Vec<String> = (self.named.iter())
            .map(|(texts, rows)| format!("{} ({rows})", texts.join(", ")))
            .collect();
        let others = self.texts.saturating_sub(self.named.len() as u64);
        match (others, said.is_empty()) {
            (0, _) => {}
            (1, true) => said.push("one text".to_owned()),
            (1, false) => said.push("one other text".to_owned()),
            (many, true) => said.push(format!("{many} texts")),
            (many, false) => said.push(format!("{many} other texts")),
        }
        let said = said.join(", ");
        format!(
            "({}) refers to what {kinds} says, and of {of} such rows {rows} say what no link covers: {said}. \
             What they refer to is not followed, and they come only if something else brings them",
            self.columns.join(", ")
        )
    }

    /// As a warning, with its count.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let subject = self.child.to_string();
        Finding::warning("uncovered-kind", subject, self.message(), self.rows)
    }
}

/// A reference and what is covered of it.
struct Reference {
    child: TableRef,
    columns: Vec<String>,
    kind_columns: Vec<String>,
    /// Each: what columns have to say, all of them.
    covered: Vec<Vec<(String, Vec<String>)>>,
}

/// Of every table with links that count under a condition: the rows that refer to something and meet the
/// condition of none of them. One warning for each reference with such rows, ordered by table and columns.
/// Counts over the whole tables.
///
/// # Errors
/// A failing store.
pub async fn uncovered_kinds(
    cuts: &mut Cuts,
    edges: &[Edge],
) -> Result<Vec<UncoveredKinds>, SkillError> {
    let mut references: BTreeMap<(TableRef, Vec<String>), Reference> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.origin == EdgeOrigin::Link) {
        let place = (edge.child.clone(), edge.child_columns.clone());
        let reference = references.entry(place).or_insert_with(|| Reference {
            child: edge.child.clone(),
            columns: edge.child_columns.clone(),
            kind_columns: Vec::new(),
            covered: Vec::new(),
        });
        for (column, _) in &edge.when {
            if !reference.kind_columns.contains(column) {
                reference.kind_columns.push(column.clone());
            }
        }
        reference.covered.push(edge.when.clone());
    }
    let mut found = Vec::new();
    for reference in references.into_values() {
        // A plain link covers every row.
        let is_plain = reference.covered.iter().any(Vec::is_empty);
        if !is_plain {
            found.extend(count(cuts, &reference).await?);
        }
    }
    Ok(found)
}

/// As [`uncovered_kinds`], for links that stand in no configuration yet; also columns beside references that say
/// little and name no table at all.
///
/// # Errors
/// A failing store.
pub(super) async fn left_open(
    reader: &mut Reader<'_>,
    candidates: &[Candidate],
    links: &[ProposedLink],
) -> Result<Vec<UncoveredKinds>, SkillError> {
    let mut references: BTreeMap<(TableRef, Vec<String>, String), Reference> = BTreeMap::new();
    for candidate in candidates {
        let Some(kind) = &candidate.kind_column else {
            continue;
        };
        let place = (
            candidate.child.clone(),
            candidate.child_columns.clone(),
            kind.clone(),
        );
        references.entry(place).or_insert_with(|| Reference {
            child: candidate.child.clone(),
            columns: candidate.child_columns.clone(),
            kind_columns: vec![kind.clone()],
            covered: Vec::new(),
        });
    }
    for link in links {
        for reference in references.values_mut() {
            if reference.child == link.child && reference.columns == link.child_columns {
                let when = link.when.iter();
                let when = when.map(|(column, text)| (column.clone(), vec![text.clone()]));
                reference.covered.push(when.collect());
            }
        }
    }
    let mut found = Vec::new();
    for reference in references.values() {
        let links_by = |column: &String| {
            let mut conditions = reference.covered.iter().flatten();
            conditions.any(|(by, _)| by == column)
        };
        let is_decided =
            !reference.covered.is_empty() && !reference.kind_columns.iter().all(links_by);
        let is_called_so = reference
            .columns
            .iter()
            .all(|column| is_reference_like(column));
        let is_question = !reference.covered.is_empty() || is_called_so;
        if is_decided || !is_question {
            continue;
        }
        let uncovered = count(reader.cuts(), reference).await?;
        // A text that says anything says no kind.
        let says_kind =
            |one: &UncoveredKinds| !reference.covered.is_empty() || one.texts <= MOST_KINDS as u64;
        found.extend(uncovered.filter(says_kind));
    }
    Ok(found)
}

/// The texts that a column of kinds says beside references, over the whole table; none if it says more than a
/// column of kinds does.
pub(super) async fn said(
    reader: &mut Reader<'_>,
    table: &TableRef,
    columns: &[String],
    kind: &String,
) -> Result<BTreeSet<Box<str>>, SkillError> {
    let sampled = reader.beside(table, columns, Some(kind)).await?;
    let sampled: BTreeSet<&Box<str>> = sampled
        .iter()
        .filter_map(|(_, kind)| kind.as_ref())
        .collect();
    if sampled.is_empty() || sampled.len() > MOST_KINDS {
        return Ok(BTreeSet::new());
    }
    let request = TallyRequest {
        table: table.clone(),
        columns: vec![kind.clone()],
        present: columns.to_vec(),
        limit: MOST_TEXTS,
    };
    let tally = tally(reader.cuts(), &request).await?;
    let texts: BTreeSet<Box<str>> = (tally.values.into_iter())
        .filter_map(|(texts, _)| texts.into_iter().next().flatten())
        .collect();
    Ok(if texts.len() > MOST_KINDS {
        BTreeSet::new()
    } else {
        texts
    })
}

impl Reader<'_> {
    /// The different values of a reference in rows of one kind: of the sample, or, where the sample has no row of
    /// that kind, of the rows that a look at the kind itself gives.
    pub(super) async fn of_kind(
        &mut self,
        table: &TableRef,
        columns: &[String],
        column: &String,
        kind: &str,
    ) -> Result<BTreeSet<Key>, SkillError> {
        let sampled = self.beside(table, columns, Some(column)).await?;
        let of_kind = sampled
            .iter()
            .filter(|(_, said)| said.as_deref() == Some(kind));
        let keys: BTreeSet<Key> = of_kind.map(|(key, _)| key.clone()).collect();
        if !keys.is_empty() {
            return Ok(keys);
        }
        let request = TallyRequest {
            table: table.clone(),
            columns: [columns, std::slice::from_ref(column)].concat(),
            present: [columns, std::slice::from_ref(column)].concat(),
            limit: MOST_TEXTS,
        };
        let tally = tally(self.cuts(), &request).await?;
        let keys = tally.values.into_iter().filter_map(|(mut texts, _)| {
            let said = texts.pop().flatten();
            let key: Option<Vec<Box<str>>> = texts.into_iter().collect();
            key.filter(|_| said.as_deref() == Some(kind)).map(Key::new)
        });
        Ok(keys.take(1_000).collect())
    }
}

async fn count(
    cuts: &mut Cuts,
    reference: &Reference,
) -> Result<Option<UncoveredKinds>, SkillError> {
    let request = TallyRequest {
        table: reference.child.clone(),
        columns: reference.kind_columns.clone(),
        present: reference.columns.clone(),
        limit: MOST_TEXTS,
    };
    let tally = tally(cuts, &request).await?;
    Ok(uncovered(reference, &tally))
}

/// What is not covered. Texts beyond the limit of the tally count as not covered: links cover few.
fn uncovered(reference: &Reference, tally: &Tally) -> Option<UncoveredKinds> {
    let is_covered = |texts: &[Option<Box<str>>]| {
        reference.covered.iter().any(|conditions| {
            conditions.iter().all(|(column, wanted)| {
                let mut said = reference.kind_columns.iter().zip(texts);
                said.any(|(name, text)| {
                    let is_wanted = |text: &str| wanted.iter().any(|one| one == text);
                    name == column && text.as_deref().is_some_and(is_wanted)
                })
            })
        })
    };
    let (covered, open): (Vec<_>, Vec<_>) =
        (tally.values.iter()).partition(|(texts, _)| is_covered(texts));
    let covered_rows: u64 = covered.iter().map(|(_, rows)| rows).sum();
    let texts = tally.different.saturating_sub(covered.len() as u64);
    let can_name = texts <= MOST_KINDS as u64;
    let name = |texts: &[Option<Box<str>>]| -> Option<Vec<String>> {
        let names = texts.iter().map(|text| match text {
            Some(text) => is_name(text).then(|| text.to_string()),
            None => Some("nothing".to_owned()),
        });
        names.collect()
    };
    let named = open
        .iter()
        .filter(|(_, rows)| can_name && *rows >= LEAST_ROWS);
    let named = named.filter_map(|(texts, rows)| Some((name(texts)?, *rows)));
    let uncovered = UncoveredKinds {
        child: reference.child.clone(),
        columns: reference.columns.clone(),
        kind_columns: reference.kind_columns.clone(),
        of: tally.rows,
        rows: tally.rows.saturating_sub(covered_rows),
        texts,
        named: named.take(MOST_NAMED).collect(),
    };
    (uncovered.rows > 0).then_some(uncovered)
}

/// Whether a text may be the name of a table or of a class of a program, and is not a sentence or a number.
fn is_name(text: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "_-.:\\/".contains(c);
    text.len() <= LONGEST_NAME
        && text.chars().all(is_sign)
        && text.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::*;

    fn reference(covered: &[&[(&str, &[&str])]]) -> Reference {
        let texts = |texts: &[&str]| texts.iter().map(|one| (*one).to_owned()).collect();
        let conditions = covered.iter().map(|conditions| {
            let each = conditions.iter();
            each.map(|(column, wanted)| ((*column).to_owned(), texts(wanted)))
                .collect()
        });
        Reference {
            child: TableRef::new(&StoreName::new("s"), "main", "t"),
            columns: vec!["about".to_owned()],
            kind_columns: vec!["kind".to_owned()],
            covered: conditions.collect(),
        }
    }

    fn tally(values: &[(Option<&str>, u64)]) -> Tally {
        let values = values
            .iter()
            .map(|(text, rows)| (vec![text.map(Into::into)], *rows));
        Tally::of(values.collect(), 1_000)
    }

    #[test]
    fn what_no_link_covers_is_counted_and_named_only_if_many_share_a_name() {
        let by_kind: &[(&str, &[&str])] = &[("kind", &["student", "pupil"])];
        let counted = tally(&[
            (Some("student"), 50),
            (Some("pupil"), 1),
            (Some("ghost"), 20),
            (Some("Anna Lee"), 30),
            (Some("rare"), 10),
            (None, 11),
        ]);
        let found = uncovered(&reference(&[by_kind]), &counted).unwrap();
        assert_eq!((found.of, found.rows, found.texts), (122, 71, 4));
        let named: Vec<(String, u64)> = (found.named.iter())
            .map(|(texts, rows)| (texts.concat(), *rows))
            .collect();
        assert_eq!(
            named,
            [("ghost".to_owned(), 20), ("nothing".to_owned(), 11)]
        );
        let message = found.message();
        assert!(
            message.contains("ghost (20), nothing (11), 2 other texts"),
            "{message}"
        );
        assert!(
            !message.contains("Anna") && !message.contains("rare"),
            "{message}"
        );
    }

    #[test]
    fn what_is_covered_is_no_finding() {
        let by_kind: &[(&str, &[&str])] = &[("kind", &["student"])];
        let counted = tally(&[(Some("student"), 50)]);
        assert_eq!(uncovered(&reference(&[by_kind]), &counted), None);
        assert!(uncovered(&reference(&[]), &counted).is_some());
    }

    #[test]
    fn texts_that_say_anything_are_not_named() {
        let many: Vec<String> = (0..30).map(|n| format!("name{n}")).collect();
        let counted: Vec<(Option<&str>, u64)> =
            many.iter().map(|text| (Some(text.as_str()), 20)).collect();
        let found = uncovered(&reference(&[]), &tally(&counted)).unwrap();
        assert_eq!((found.texts, found.named.len()), (30, 0));
    }
}
