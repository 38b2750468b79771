//! What stays a question: columns that are called like references and got no link, with the tables whose keys
//! hold their values. Values alone never make a link: numbers that begin at one are keys of every table.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, ColumnType, Key, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::agreement::{Agreement, Hop, Ways};
use super::candidates::{Rule, reference_like};
use super::tables::{is_key_type, is_number, is_same_type, keys_of_one_column};
use super::values::{Evidence, Reader};

/// So many different values make values worth comparing.
const LEAST_VALUES: usize = 3;
/// So many values are compared with the keys of every table, and so many of them first.
const MOST_VALUES: usize = 100;
const FIRST_VALUES: usize = 5;
/// So many keys are asked in all.
const MOST_LOOKUPS: usize = 3_000;
/// A comparison of districts asks about so many.
const LOOKUPS_OF_COMPARISON: usize = 6;
/// So many tables are named; values that more of them hold say nothing.
const MOST_NAMED: usize = 3;

/// A table that a column may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub parent: TableRef,
    pub parent_columns: Vec<String>,
    /// None where nothing but the values speaks for it.
    pub rule: Option<Rule>,
    pub evidence: Evidence,
    /// Whether its rows are of the same district as what another reference of the same rows leads to, where that
    /// was looked at.
    pub agreement: Option<Agreement>,
}

/// A column that refers to something by its name, and nobody can tell to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReference {
    pub child: TableRef,
    pub columns: Vec<String>,
    /// At most three.
    pub suggestions: Vec<Suggestion>,
    /// More tables have keys that hold the values than are named: that says nothing.
    pub is_of_many: bool,
}

/// The questions: those that `asked` holds, and the columns that are called like references and have neither a
/// link nor no value.
///
/// # Errors
/// A failing store.
pub(super) async fn open(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    root: &TableRef,
    links: &[ProposedLink],
    asked: BTreeMap<(TableRef, Vec<String>), Vec<Suggestion>>,
) -> Result<Vec<OpenReference>, SkillError> {
    let is_linked = |table: &TableRef, column: &String| {
        let mut links = links.iter();
        links.any(|link| link.child == *table && link.child_columns.contains(column))
    };
    let mut found: Vec<OpenReference> = Vec::new();
    for ((child, columns), suggestions) in asked {
        if columns.iter().all(|column| is_linked(&child, column)) {
            continue;
        }
        found.push(OpenReference {
            child,
            columns,
            suggestions,
            is_of_many: false,
        });
    }
    let mut compared = Compared {
        catalogs,
        ways: Ways::new(catalogs, root, links),
        lookups: 0,
    };
    for column in reference_like(catalogs) {
        let columns = vec![column.column.clone()];
        let is_asked = |one: &OpenReference| one.child == column.table && one.columns == columns;
        if is_linked(&column.table, &column.column) || found.iter().any(is_asked) {
            continue;
        }
        let values = reader.values(&column.table, &columns).await?;
        if values.is_empty() {
            continue;
        }
        let mut holders = Vec::new();
        if values.len() >= LEAST_VALUES {
            let place = (&column.table, column.column.as_str());
            holders = compared.held_by(reader, place, &values).await?;
        }
        let suggestions = holders.iter().take(MOST_NAMED).cloned();
        found.push(OpenReference {
            child: column.table,
            columns,
            suggestions: suggestions.collect(),
            is_of_many: holders.len() > MOST_NAMED,
        });
    }
    found.sort_by(|a, b| (&a.child, &a.columns).cmp(&(&b.child, &b.columns)));
    Ok(found)
}

/// What values are compared with.
struct Compared<'a> {
    catalogs: &'a [Catalog],
    ways: Option<Ways>,
    /// Keys that were asked so far.
    lookups: usize,
}

impl Compared<'_> {
    /// The tables whose keys hold the values, its own among them: those whose rows are of the same district as what
    /// another reference of the rows leads to, where there are some; else all, one more than are named and no more.
    async fn held_by(
        &mut self,
        reader: &mut Reader<'_>,
        (child, column): (&TableRef, &str),
        values: &BTreeSet<Key>,
    ) -> Result<Vec<Suggestion>, SkillError> {
        let some: BTreeSet<Key> = values.iter().take(MOST_VALUES).cloned().collect();
        let first: BTreeSet<Key> = spread(&some);
        let can_agree = (self.ways.as_ref()).is_some_and(|ways| !ways.upwards(child).is_empty());
        let mut found = Vec::new();
        let mut agreeing = Vec::new();
        for (table, key) in keys_like(self.catalogs, (child, column), &some) {
            let is_enough = found.len() > MOST_NAMED && !can_agree;
            if is_enough || self.lookups >= MOST_LOOKUPS {
                break;
            }
            self.lookups += 1;
            let key = [key];
            if !reader.look_up(table, &key, &first).await?.confirms() {
                continue;
            }
            let evidence = reader.look_up(table, &key, &some).await?;
            if !evidence.confirms() {
                continue;
            }
            let mut suggestion = Suggestion {
                parent: table.clone(),
                parent_columns: key.to_vec(),
                rule: None,
                evidence,
                agreement: None,
            };
            suggestion.agreement = self.agreement(reader, (child, column), &suggestion).await?;
            if suggestion.agreement.is_some_and(Agreement::agrees) {
                agreeing.push(suggestion.clone());
            }
            found.push(suggestion);
        }
        let (found, agreeing) = (self.without_details(found), self.without_details(agreeing));
        let is_told = !agreeing.is_empty() && agreeing.len() <= MOST_NAMED;
        Ok(if is_told { agreeing } else { found })
    }

    /// Without keys that refer to another of the keys: the account of a person has the person's number.
    fn without_details(&self, mut found: Vec<Suggestion>) -> Vec<Suggestion> {
        let Some(ways) = &self.ways else {
            return found;
        };
        let keys: Vec<(TableRef, Vec<String>)> = (found.iter())
            .map(|one| (one.parent.clone(), one.parent_columns.clone()))
            .collect();
        found.retain(|one| {
            let mut hops = ways.upwards(&one.parent).into_iter();
            !hops.any(|hop| {
                let mut others = keys.iter();
                hop.columns == one.parent_columns
                    && others.any(|(table, key)| *table == hop.parent && *key == hop.parent_columns)
            })
        });
        found.truncate(MOST_NAMED + 1);
        found
    }

    /// The first other reference that says anything.
    async fn agreement(
        &mut self,
        reader: &mut Reader<'_>,
        (child, column): (&TableRef, &str),
        suggestion: &Suggestion,
    ) -> Result<Option<Agreement>, SkillError> {
        let Some(ways) = self.ways.as_ref().filter(|_| suggestion.parent != *child) else {
            return Ok(None);
        };
        self.lookups += LOOKUPS_OF_COMPARISON;
        let hop = Hop {
            columns: vec![column.to_owned()],
            parent: suggestion.parent.clone(),
            parent_columns: suggestion.parent_columns.clone(),
            is_declared: false,
        };
        let said = ways.beside(reader, child, &hop).await?;
        Ok(said.into_iter().map(|(agreement, _)| agreement).next())
    }
}

/// The keys of one column that may hold such values.
fn keys_like<'a>(
    catalogs: &'a [Catalog],
    (child, column): (&TableRef, &str),
    values: &BTreeSet<Key>,
) -> Vec<(&'a TableRef, String)> {
    let of_column = catalogs.iter().find_map(|catalog| catalog.table(child));
    let of_column = of_column.and_then(|table| table.column(column));
    let Some(of_column) = of_column.map(|column| column.column_type) else {
        return Vec::new();
    };
    let is_number_text = |key: &Key| key.parts().iter().all(|part| is_digits(part));
    let are_numbers = values.iter().all(is_number_text);
    let is_like = |other: ColumnType| {
        is_same_type(of_column, other)
            || (are_numbers && is_number(other) && is_key_type(of_column))
    };
    let mut found = Vec::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        for key in keys_of_one_column(table) {
            let is_it = table.name == *child && key == column;
            if !is_it
                && table
                    .column(&key)
                    .is_some_and(|key| is_like(key.column_type))
            {
                found.push((&table.name, key));
            }
        }
    }
    found
}

/// A few, from the whole breadth.
fn spread(keys: &BTreeSet<Key>) -> BTreeSet<Key> {
    let step = keys.len().div_ceil(FIRST_VALUES).max(1);
    keys.iter().rev().step_by(step).cloned().collect()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
