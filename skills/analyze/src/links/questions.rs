//! What stays a question: columns that are called like references and got no link, with the tables whose keys
//! hold their values. Values alone never make a link: numbers that begin at one are keys of every table.

use std::collections::BTreeMap;

use redistrict_model::{Catalog, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::agreement::{Agreement, Ways};
use super::candidates::{Rule, reference_like};
use super::holders::{self, Column, Held};
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
    /// At most three.
    pub suggestions: Vec<Suggestion>,
    /// More tables have keys that hold the values than are named: that says nothing.
    pub is_of_many: bool,
}

/// What becomes of columns that are called like references and have no link.
pub(super) struct Questions {
    /// Ordered by table and columns.
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
            suggestions,
            is_of_many: false,
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
        columns.push(Column {
            child: column.table,
            column: column.column,
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
    for (at, (column, held)) in columns.into_iter().zip(held).enumerate() {
        let is_named = at < named;
        match decide(reader, ways.as_ref(), &column, held, is_named).await? {
            Decided::Link(link) => told.push(link),
            Decided::Open(open) => found.push(open),
            Decided::Nothing => {}
        }
    }
    found.sort_by(|a, b| (&a.child, &a.columns).cmp(&(&b.child, &b.columns)));
    Ok(Questions { open: found, told })
}

/// What becomes of one column.
enum Decided {
    Link(ProposedLink),
    Open(OpenReference),
    Nothing,
}

/// A link where districts or the values themselves tell, else a question; nothing of a column that is not called
/// like a reference and whose values several tables hold, or none.
async fn decide(
    reader: &mut Reader<'_>,
    ways: Option<&Ways>,
    column: &Column,
    held: Held,
    is_named: bool,
) -> Result<Decided, SkillError> {
    let is_enough = column.values.len() >= LEAST_VALUES && held.is_complete;
    let agreeing = without_details(ways, held.agreeing());
    let compared = held.compared;
    let all = without_details(ways, held.by);
    let link = |one: &Suggestion, rule, evidence, owns| ProposedLink {
        child: column.child.clone(),
        child_columns: vec![column.column.clone()],
        parent: one.parent.clone(),
        parent_columns: one.parent_columns.clone(),
        when: None,
        owns,
        rule,
        evidence,
    };
    if let ([one], true) = (agreeing.as_slice(), is_enough)
        && let Some((rows, evidence)) = holders::told(reader, ways, column, one, compared).await?
    {
        // It says nothing new of whose the rows are.
        let rule = Rule::Districts { rows };
        return Ok(Decided::Link(link(one, rule, evidence, false)));
    }
    let is_placed = ways.is_some_and(|ways| ways.leads_up(&column.child));
    if let ([one], true, false) = (all.as_slice(), is_enough, is_placed)
        && one.parent != column.child
        && telling::are_codes(&column.values)
    {
        let evidence = holders::whole(reader, column, one).await?;
        if evidence.is_whole() {
            return Ok(Decided::Link(link(one, Rule::Values, evidence, true)));
        }
    }
    let is_told = !agreeing.is_empty() && agreeing.len() <= MOST_NAMED;
    let holders = if is_told { agreeing } else { all };
    if !is_named && (holders.len() != 1 || holders.iter().any(|one| one.parent == column.child)) {
        return Ok(Decided::Nothing);
    }
    let is_compared = column.values.len() >= LEAST_VALUES;
    let suggestions = holders
        .iter()
        .filter(|_| is_compared)
        .take(MOST_NAMED)
        .cloned();
    Ok(Decided::Open(OpenReference {
        child: column.child.clone(),
        columns: vec![column.column.clone()],
        suggestions: suggestions.collect(),
        is_of_many: is_compared && holders.len() > MOST_NAMED,
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
