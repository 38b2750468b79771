//! References whose values lead to no row. Nobody enforces a link, and a foreign key that was never validated
//! may dangle: a row that such a reference owns is nobody's and stays behind without a word, and where CERT
//! declares the key, a row that comes cannot be loaded. Counted over the whole tables.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::table_heading;
use redistrict_model::{
    Catalog, Column, ColumnType, Edge, EdgeOrigin, Finding, Key, Ownership, Role, StoreKind,
    TableRef, canonical_uuid,
};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector, TallyRequest, UnmatchedRequest};

use crate::driver::{Cuts, cut_of, store_failed};

/// So many different values of a reference are looked up where a store cannot count by itself.
const MOST_VALUES: u32 = 100_000;
/// So many rows of a graph are looked at: it does not count values by itself.
const MOST_NODES: u32 = 50_000;
/// Keys asked for at once.
const KEYS_PER_REQUEST: usize = 10_000;

/// What was looked at to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedAt {
    /// Every row.
    All,
    /// The rows with so many of the most frequent values, of so many different ones.
    Values { looked_at: u64, of: u64 },
    /// So many rows.
    Rows(u64),
}

/// A reference with values that lead to no row.
#[derive(Clone, Debug, PartialEq)]
pub struct Dangling {
    pub edge: Edge,
    /// It says whose the rows of its table are.
    pub owns: bool,
    /// Rows whose value leads to no row; at least so many, where not everything was looked at.
    pub rows: u64,
    /// Rows of these whose value would be a key of the other table in capitals, in small letters or without
    /// blanks around it. At least so many.
    pub alike: u64,
    /// Rows of these whose value is a UUID: however it is written, it is that key.
    pub same: u64,
    pub looked_at: LookedAt,
}

impl Dangling {
    /// The findings: rows that stay behind as a warning, UUIDs that are written otherwise as an error, because
    /// their rows are there and would not be found. Nothing of references that own nothing: what dangles then
    /// is counted among the rows that come.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let missing = self.rows.saturating_sub(self.same);
        if self.owns && missing > 0 {
            findings.push(self.nowhere(missing));
        }
        if self.same > 0 {
            findings.push(self.written_otherwise());
        }
        findings
    }

    fn nowhere(&self, rows: u64) -> Finding {
        let alike = match self.alike - self.same {
            0 => String::new(),
            alike => format!(
                "; {alike} of them would match but for capitals or blanks, which make other keys"
            ),
        };
        let message = format!(
            "({}) says whose a row is, and in {}{rows} rows it leads to no row of {}({}){alike}: by it they belong \
             to no district, and they stay behind unless something else brings them. If they should come, put \
             the missing rows or the right values into PROD, or see whether the reference means another table \
             ([[link]], owner){}",
            self.edge.child_columns.join(", "),
            self.at_least(),
            self.edge.parent,
            self.edge.parent_columns.join(", "),
            self.said_of_looking(),
        );
        Finding::warning("dangling-owner", self.edge.child.to_string(), message, rows)
    }

    fn written_otherwise(&self) -> Finding {
        let edge = &self.edge;
        let message = format!(
            "({}) refers to {}({}), and in {}{} rows its value is a key of that table written in another way \
             (a UUID in capitals, with blanks or braces, without hyphens): keys are compared as text, so that these \
             rows would not find what they refer to. Write them in PROD as the other table has them, or leave the \
             table or the link out{}",
            edge.child_columns.join(", "),
            edge.parent,
            edge.parent_columns.join(", "),
            self.at_least(),
            self.same,
            self.said_of_looking(),
        );
        let subject = edge.child.to_string();
        Finding::error("written-otherwise", subject, message, self.same).with_lines([
            table_heading(&edge.child),
            "excluded = \"…the reason…\"     # or take the [[link]] out, or mend the values in PROD"
                .to_owned(),
        ])
    }

    fn at_least(&self) -> &'static str {
        match self.looked_at {
            LookedAt::All => "",
            LookedAt::Values { .. } | LookedAt::Rows(_) => "at least ",
        }
    }

    fn said_of_looking(&self) -> String {
        match self.looked_at {
            LookedAt::All => String::new(),
            LookedAt::Values { looked_at, of } => {
                format!(" (the {looked_at} most frequent of {of} values were looked at)")
            }
            LookedAt::Rows(rows) => format!(" (a sample of {rows} rows was looked at)"),
        }
    }
}

/// References with values that lead nowhere, ordered as the edges are: of links that own their table, of foreign
/// keys that were never validated, and of links between texts and UUIDs. Tables that are left out are not looked at.
/// One aggregate per reference where its store can count; otherwise the different values are looked up, the
/// most frequent 100,000 of them, and of a graph those of a sample.
///
/// # Errors
/// A failing store.
pub async fn dangling_references(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    ownership: &Ownership,
) -> Result<Vec<Dangling>, SkillError> {
    let mut found = Vec::new();
    for edge in &ownership.edges {
        let Some(question) = Question::of(edge, catalogs, ownership) else {
            continue;
        };
        found.extend(question.answer(cuts).await?);
    }
    Ok(found)
}

/// A reference that may dangle.
struct Question<'a> {
    edge: &'a Edge,
    owns: bool,
    /// Types of the parent's columns, in the order of the reference.
    parent_types: Vec<ColumnType>,
    child_kind: StoreKind,
}

/// What the values of a reference are worth.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    rows: u64,
    alike: u64,
    same: u64,
    looked_at: LookedAt,
}

impl Counted {
    fn all_missing(rows: u64) -> Self {
        Self {
            rows,
            alike: 0,
            same: 0,
            looked_at: LookedAt::All,
        }
    }
}

impl<'a> Question<'a> {
    fn of(edge: &'a Edge, catalogs: &[Catalog], ownership: &Ownership) -> Option<Self> {
        let role = ownership.table(&edge.child)?;
        let is_left_out = |table: &TableRef| {
            ownership
                .table(table)
                .is_none_or(|one| one.role == Role::Excluded)
        };
        // What stands inside of values owns nothing, and is counted among the rows that come.
        if edge.origin == EdgeOrigin::ForeignKey
            || edge.inside.is_some()
            || is_left_out(&edge.child)
            || is_left_out(&edge.parent)
        {
            return None;
        }
        let catalog = |table: &TableRef| catalogs.iter().find(|one| one.store == table.store);
        let columns = |table: &TableRef, names: &[String]| -> Option<Vec<&Column>> {
            let entry = catalog(table)?.table(table)?;
            names.iter().map(|name| entry.column(name)).collect()
        };
        let from = columns(&edge.child, &edge.child_columns)?;
        let to = columns(&edge.parent, &edge.parent_columns)?;
        let is_loose = |(from, to): (&&Column, &&Column)| {
            from.column_type != to.column_type
                && [from, to]
                    .iter()
                    .any(|one| one.column_type == ColumnType::Uuid)
        };
        let owns = role.owners.iter().any(|owner| owner.edge == edge.id);
        let is_asked =
            owns || edge.origin == EdgeOrigin::NotValid || from.iter().zip(&to).any(is_loose);
        is_asked.then(|| Self {
            edge,
            owns,
            parent_types: to.iter().map(|column| column.column_type).collect(),
            child_kind: catalog(&edge.child).map_or(StoreKind::Sqlite, |one| one.kind),
        })
    }

    async fn answer(&self, cuts: &mut Cuts) -> Result<Option<Dangling>, SkillError> {
        let edge = self.edge;
        let mut exact = None;
        if edge.child.store == edge.parent.store {
            let request = UnmatchedRequest {
                child: edge.child.clone(),
                child_columns: edge.child_columns.clone(),
                parent: edge.parent.clone(),
                parent_columns: edge.parent_columns.clone(),
                when: edge.when.clone(),
            };
            let rows = cut_of(cuts, &edge.child)?.unmatched(&request).await;
            exact = rows.map_err(|error| store_failed(&error))?;
        }
        if exact == Some(0) || exact.is_some() && !self.may_be_alike() {
            let counted = exact.map(Counted::all_missing);
            return Ok(counted.and_then(|counted| self.dangling(&counted)));
        }
        let mut counted = self.by_values(cuts).await?;
        if let Some(rows) = exact {
            (counted.rows, counted.looked_at) = (rows, LookedAt::All);
        }
        Ok(self.dangling(&counted))
    }

    fn dangling(&self, counted: &Counted) -> Option<Dangling> {
        (counted.rows > 0).then(|| Dangling {
            edge: self.edge.clone(),
            owns: self.owns,
            rows: counted.rows,
            alike: counted.alike,
            same: counted.same,
            looked_at: counted.looked_at,
        })
    }

    /// Equal values may be written in several ways in texts only.
    fn may_be_alike(&self) -> bool {
        self.parent_types.iter().any(is_written)
    }

    async fn by_values(&self, cuts: &mut Cuts) -> Result<Counted, SkillError> {
        let (mut values, looked_at) = self.values(cuts).await?;
        self.take_out_found(cuts, &mut values, |key| vec![key.clone()])
            .await?;
        let missing = values.clone();
        if self.may_be_alike() && !values.is_empty() {
            self.take_out_found(cuts, &mut values, |key| self.otherwise(key))
                .await?;
        }
        let is_uuid = |key: &Key| {
            key.parts()
                .iter()
                .any(|part| canonical_uuid(part).is_some())
        };
        let mut counted = Counted::all_missing(missing.values().sum());
        counted.looked_at = looked_at;
        for (value, rows) in missing
            .iter()
            .filter(|(value, _)| !values.contains_key(value))
        {
            counted.alike += rows;
            counted.same += if is_uuid(value) { *rows } else { 0 };
        }
        Ok(counted)
    }

    /// The values of the reference with their rows.
    async fn values(&self, cuts: &mut Cuts) -> Result<(BTreeMap<Key, u64>, LookedAt), SkillError> {
        let edge = self.edge;
        let says: Vec<String> = edge.when.iter().map(|(column, _)| column.clone()).collect();
        let columns = [&edge.child_columns[..], &says].concat();
        let cut = cut_of(cuts, &edge.child)?;
        let (tallied, looked_at) = if self.child_kind == StoreKind::Neo4j {
            let request = KeyRequest {
                table: edge.child.clone(),
                columns,
                selector: Selector::Sample { limit: MOST_NODES },
            };
            let rows = cut.keys(&request).await.map_err(|e| store_failed(&e))?;
            let looked_at = match rows.len() as u64 {
                all if all < u64::from(MOST_NODES) => LookedAt::All,
                some => LookedAt::Rows(some),
            };
            let each = rows.into_iter().map(|row| (row.values, 1));
            (each.collect::<Vec<_>>(), looked_at)
        } else {
            let request = TallyRequest {
                table: edge.child.clone(),
                present: edge.child_columns.clone(),
                columns,
                limit: MOST_VALUES,
            };
            let tally = cut.tally(&request).await.map_err(|e| store_failed(&e))?;
            let looked_at = match tally.values.len() as u64 {
                all if all >= tally.different => LookedAt::All,
                looked_at => LookedAt::Values {
                    looked_at,
                    of: tally.different,
                },
            };
            (tally.values, looked_at)
        };
        let mut values: BTreeMap<Key, u64> = BTreeMap::new();
        for (mut texts, rows) in tallied {
            let said = texts.split_off(edge.child_columns.len().min(texts.len()));
            let is_meant = edge.when.iter().zip(&said).all(|((_, wanted), said)| {
                let said = said.as_deref();
                said.is_some_and(|said| wanted.iter().any(|one| one == said))
            });
            let key: Option<Vec<Box<str>>> = texts.into_iter().collect();
            if let (true, Some(key)) = (is_meant, key) {
                *values.entry(Key::new(key)).or_default() += rows;
            }
        }
        Ok((values, looked_at))
    }

    /// Takes out the values of which the other table has one of the forms.
    async fn take_out_found(
        &self,
        cuts: &mut Cuts,
        values: &mut BTreeMap<Key, u64>,
        forms: impl Fn(&Key) -> Vec<Key>,
    ) -> Result<(), SkillError> {
        let mut by_form: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        for value in values.keys() {
            for form in forms(value) {
                by_form.entry(form).or_default().push(value.clone());
            }
        }
        let asked: Vec<Key> = by_form.keys().cloned().collect();
        let edge = self.edge;
        for keys in asked.chunks(KEYS_PER_REQUEST) {
            let request = KeyRequest {
                table: edge.parent.clone(),
                columns: edge.parent_columns.clone(),
                selector: Selector::Matching {
                    columns: edge.parent_columns.clone(),
                    keys: keys.to_vec(),
                },
            };
            let rows = cut_of(cuts, &edge.parent)?.keys(&request).await;
            for row in rows.map_err(|error| store_failed(&error))? {
                let key: Option<Vec<Box<str>>> = row.values.into_iter().collect();
                let found = key.and_then(|key| by_form.get(&Key::new(key)));
                for value in found.into_iter().flatten() {
                    values.remove(value);
                }
            }
        }
        Ok(())
    }

    /// Other ways to write a key, as the parent may have it.
    fn otherwise(&self, key: &Key) -> Vec<Key> {
        let mut forms: Vec<Vec<String>> = vec![Vec::new()];
        for (part, column_type) in key.parts().iter().zip(&self.parent_types) {
            let ways = ways_to_write(part, *column_type);
            let longer = forms.iter().flat_map(|form| {
                ways.iter()
                    .map(move |way| [&form[..], std::slice::from_ref(way)].concat())
            });
            forms = longer.collect();
        }
        let forms: BTreeSet<Key> = forms.into_iter().map(Key::new).collect();
        forms.into_iter().filter(|form| form != key).collect()
    }
}

fn is_written(column_type: &ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Uuid | ColumnType::Text | ColumnType::Char
    )
}

/// A text as a column of that type may have it: itself, without blanks around it, in small and in capital
/// letters; of a UUID its canonical form.
fn ways_to_write(text: &str, column_type: ColumnType) -> Vec<String> {
    let bare = text.trim();
    match column_type {
        ColumnType::Uuid => vec![canonical_uuid(bare).unwrap_or_else(|| text.to_owned())],
        _ if is_written(&column_type) => {
            let ways = [
                text.to_owned(),
                bare.to_owned(),
                bare.to_lowercase(),
                bare.to_uppercase(),
            ];
            let mut ways = ways.to_vec();
            ways.sort_unstable();
            ways.dedup();
            ways
        }
        _ => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_form_however_they_are_written() {
        let canonical = "6f1c1a7e-0000-4000-8000-00000000000f";
        for written in [
            "6F1C1A7E-0000-4000-8000-00000000000F",
            " {6f1c1a7e-0000-4000-8000-00000000000f} ",
            "6f1c1a7e00004000800000000000000F",
            canonical,
        ] {
            assert_eq!(ways_to_write(written, ColumnType::Uuid), [canonical]);
        }
        for other in ["", "6f1c1a7e", "6f1c1a7e-0000-4000-8000-00000000000g"] {
            assert_eq!(ways_to_write(other, ColumnType::Uuid), [other]);
        }
    }

    #[test]
    fn texts_are_tried_without_blanks_and_in_either_case_numbers_as_they_are() {
        assert_eq!(
            ways_to_write(" aB ", ColumnType::Text),
            [" aB ", "AB", "aB", "ab"]
        );
        assert_eq!(ways_to_write(" 1", ColumnType::Int32), [" 1"]);
    }
}
