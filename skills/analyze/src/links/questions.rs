//! What stays a question: columns that are called like references and got no link, with the tables whose keys
//! hold their values. Values alone never make a link: numbers that begin at one are keys of every table.

use std::collections::BTreeMap;

use redistrict_model::{Catalog, Inside, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::agreement::{Agreement, Ways};
use super::candidates::{Rule, reference_like};
use super::holders::{self, Column, Held};
use super::mutual;
use super::telling;
use super::values::{Evidence, Reader};

/// So many different values make values worth comparing.
const LEAST_VALUES: usize = 3;
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
    /// In so many other tables a column of the same name leads to other districts than the references beside it.
    pub contradicted_in: usize,
}

/// A column that refers to something by its name, and nobody can tell to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReference {
    pub child: TableRef,
    pub columns: Vec<String>,
    /// Where in the values of the one column; none if the values are the references.
    pub inside: Option<Inside>,
    /// At most three, unless names suggest more.
    pub suggestions: Vec<Suggestion>,
    /// More tables have keys that hold the values than are named: that says nothing.
    pub is_of_many: bool,
    /// The other table has the same keys and could as well refer to this one.
    pub is_mutual: bool,
}

impl OpenReference {
    /// A question about that column, without suggestions.
    pub(super) fn of(column: &Column) -> Self {
        Self {
            child: column.child.clone(),
            columns: vec![column.column.clone()],
            inside: column.inside.clone(),
            suggestions: Vec::new(),
            is_of_many: false,
            is_mutual: false,
        }
    }

    /// What was taken for a link, as a question.
    pub(super) fn of_link(link: ProposedLink) -> Self {
        Self {
            child: link.child,
            columns: link.child_columns,
            inside: None,
            suggestions: vec![Suggestion {
                parent: link.parent,
                parent_columns: link.parent_columns,
                rule: None,
                evidence: link.evidence,
                agreement: None,
                contradicted_in: 0,
            }],
            is_of_many: false,
            is_mutual: false,
        }
    }
}

/// What becomes of columns that are called like references and have no link.
pub(super) struct Questions {
    pub(super) open: Vec<OpenReference>,
    /// Links after all: the districts of the rows tell.
    pub(super) told: Vec<ProposedLink>,
}

/// The questions: those that `asked` holds, and the columns that are called like references and have neither a
/// link nor no value. A column whose name says nothing is told by districts alone where that is no accident.
///
/// # Errors
/// A failing store.
pub(super) async fn open(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    root: &TableRef,
    links: &[ProposedLink],
    asked: BTreeMap<(TableRef, Vec<String>), Vec<Suggestion>>,
) -> Result<Questions, SkillError> {
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
            inside: None,
            suggestions,
            is_of_many: false,
            is_mutual: false,
        });
    }
    let ways = Ways::new(catalogs, root, links);
    let mut columns: Vec<Column> = Vec::new();
    for column in reference_like(catalogs) {
        let own = vec![column.column.clone()];
        let is_asked = |one: &OpenReference| one.child == column.table && one.columns == own;
        if is_linked(&column.table, &column.column) || found.iter().any(is_asked) {
            continue;
        }
        let values = reader.values(&column.table, &own).await?;
        if values.is_empty() {
            continue;
        }
        let tables = catalogs.iter();
        let table = tables.clone().find_map(|one| one.table(&column.table));
        let Some(own) = table.and_then(|table| table.column(&column.column)) else {
            continue;
        };
        columns.push(Column {
            column_type: own.column_type,
            child: column.table,
            column: column.column,
            inside: None,
            values,
        });
    }
    let named = columns.len();
    let is_free = |table: &TableRef, column: &String| {
        let own = std::slice::from_ref(column);
        let is_asked = |one: &OpenReference| one.child == *table && one.columns == own;
        !is_linked(table, column) && !found.iter().any(is_asked)
    };
    let others = telling::columns(reader, catalogs, ways.as_ref(), is_free).await?;
    let is_known = |one: &Column| {
        let mut columns = columns.iter();
        columns.any(|known| known.child == one.child && known.column == one.column)
    };
    let others: Vec<Column> = others.into_iter().filter(|one| !is_known(one)).collect();
    columns.extend(others);
    let held = holders::find(reader, catalogs, ways.as_ref(), &columns).await?;
    let mut told = Vec::new();
    for (at, (column, held)) in columns.iter().zip(held).enumerate() {
        let is_named = at < named;
        match decide(reader, ways.as_ref(), column, held, is_named).await? {
            Decided::Link(link) => told.push(link.link(column)),
            Decided::Open(open) => found.push(open),
            Decided::Nothing => {}
        }
    }
    mutual::settle(reader, catalogs, links, &mut told, &mut found).await?;
    Ok(Questions { open: found, told })
}

/// What becomes of one column, or of one place inside of its values.
pub(super) enum Decided {
    Link(Told),
    Open(OpenReference),
    Nothing,
}

/// Where a column leads that names, districts or values tell.
pub(super) struct Told {
    pub(super) to: Suggestion,
    pub(super) rule: Rule,
    pub(super) evidence: Evidence,
    pub(super) owns: bool,
}

impl Told {
    fn link(self, column: &Column) -> ProposedLink {
        ProposedLink {
            child: column.child.clone(),
            child_columns: vec![column.column.clone()],
            parent: self.to.parent,
            parent_columns: self.to.parent_columns,
            when: None,
            owns: self.owns,
            rule: self.rule,
            evidence: self.evidence,
        }
    }
}

/// A link where districts or the values themselves tell, else a question; nothing of a column that is not called
/// like a reference and whose values several tables hold, or none.
///
/// # Errors
/// A failing store.
pub(super) async fn decide(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    column: &Column,
    held: Held,
    is_named: bool,
) -> Result<Decided, SkillError> {
    let is_compared = column.values.len() >= LEAST_VALUES;
    let is_enough = is_compared && held.is_complete;
    let agreeing = without_details(ways, held.agreeing());
    let compared = held.compared;
    let all = without_details(ways, held.by);
    if let ([one], true) = (agreeing.as_slice(), is_enough)
        && let Some((rows, evidence)) = holders::told(reader, ways, column, one, compared).await?
    {
        return Ok(Decided::Link(Told {
            to: one.clone(),
            rule: Rule::Districts { rows },
            evidence,
            // It says nothing new of whose the rows are.
            owns: false,
        }));
    }
    let is_placed = ways.is_some_and(|ways| ways.leads_up(&column.child));
    if let ([one], true, false) = (all.as_slice(), is_enough, is_placed)
        && one.parent != column.child
        && telling::are_codes(column.column_type, &column.values)
    {
        let evidence = holders::whole(reader, column, one).await?;
        if evidence.is_whole() {
            return Ok(Decided::Link(Told {
                to: one.clone(),
                rule: Rule::Values,
                evidence,
                owns: true,
            }));
        }
    }
    let is_told = !agreeing.is_empty() && agreeing.len() <= MOST_NAMED;
    let holders = if is_told { agreeing } else { all };
    let is_of_own = holders.iter().any(|one| one.parent == column.child);
    if !is_named && (!is_compared || holders.len() != 1 || is_of_own) {
        return Ok(Decided::Nothing);
    }
    let suggestions = holders
        .iter()
        .filter(|_| is_compared)
        .take(MOST_NAMED)
        .cloned();
    Ok(Decided::Open(OpenReference {
        suggestions: suggestions.collect(),
        is_of_many: is_compared && holders.len() > MOST_NAMED,
        ..OpenReference::of(column)
    }))
}

/// Without keys that refer to another of the keys: the account of a person has the person's number.
fn without_details(ways: Option<&Ways>, mut found: Vec<Suggestion>) -> Vec<Suggestion> {
    let Some(ways) = ways else {
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
    found
}
