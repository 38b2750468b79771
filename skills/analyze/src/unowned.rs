//! Rows that say of nobody whose they are: every reference that owns their table may be empty, and in these rows all
//! of them are. They stay behind without a word unless something that comes refers to them.

use std::collections::BTreeSet;

use redistrict_closure::{reference, table_heading};
use redistrict_model::{Edge, Finding, Ownership, Role, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::TallyRequest;

use crate::driver::{Cuts, cut_of, store_failed};

/// More references that own a table are not counted: each combination of them is one statement.
const MOST_OWNERS: usize = 4;

/// A warning with the number of rows for each owned table that has some, ordered by table. Tables whose owners count
/// under a condition are [`uncovered_kinds`](crate::uncovered_kinds)' matter.
///
/// # Errors
/// A failing store.
pub async fn unowned_rows(
    cuts: &mut Cuts,
    ownership: &Ownership,
) -> Result<Vec<Finding>, SkillError> {
    let mut findings = Vec::new();
    for role in ownership
        .tables
        .iter()
        .filter(|role| role.role == Role::Owned)
    {
        let edges = role.owners.iter().map(|owner| ownership.edge(owner.edge));
        let edges: Vec<&Edge> = edges.collect();
        let Some(owners) = empty_owners(&edges) else {
            continue;
        };
        let (rows, all) = rows_without(cuts, &role.table, &owners, &[]).await?;
        if rows == 0 {
            continue;
        }
        let mut above = Vec::new();
        // Rows of organisations have the district of the row with the same key.
        let trees = self_references(ownership, &role.table).filter(|_| role.org.is_none());
        for edge in trees {
            let (below, _) = rows_without(cuts, &role.table, &owners, &edge.child_columns).await?;
            if below > 0 {
                above.push((edge, below));
            }
        }
        let above = above.into_iter().max_by_key(|(_, below)| *below);
        findings.push(finding(&role.table, &owners, (rows, all), above, ownership));
    }
    findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(findings)
}

/// Of the rows in which these columns have values: how many have no owner, and all.
async fn rows_without(
    cuts: &mut Cuts,
    table: &TableRef,
    owners: &[&Vec<String>],
    present: &[String],
) -> Result<(u64, u64), SkillError> {
    let all = count(cuts, table, present.to_vec()).await?;
    let mut owned = 0;
    let mut not_owned = 0;
    // Rows with one of them or more: those with each, less those with both, and so on.
    for choice in 1_usize..1 << owners.len() {
        let chosen = owners
            .iter()
            .enumerate()
            .filter(|(at, _)| choice >> at & 1 == 1);
        let columns = chosen.flat_map(|(_, columns)| *columns).chain(present);
        let columns: BTreeSet<&String> = columns.collect();
        let rows = count(cuts, table, columns.into_iter().cloned().collect()).await?;
        if choice.count_ones() % 2 == 1 {
            owned += rows;
        } else {
            not_owned += rows;
        }
    }
    Ok(((all + not_owned).saturating_sub(owned), all))
}

/// References from the table to itself that may be its tree.
fn self_references<'a>(
    ownership: &'a Ownership,
    table: &'a TableRef,
) -> impl Iterator<Item = &'a Edge> {
    ownership.edges.iter().filter(move |edge| {
        edge.child == *table && edge.is_self() && edge.when.is_empty() && edge.inside.is_none()
    })
}

/// The columns of each owner, if every one of them may be empty and none counts under a condition.
fn empty_owners<'a>(edges: &[&'a Edge]) -> Option<Vec<&'a Vec<String>>> {
    let mut owners: Vec<&Vec<String>> = Vec::new();
    for edge in edges {
        if edge.mandatory || !edge.when.is_empty() {
            return None;
        }
        if !owners.contains(&&edge.child_columns) {
            owners.push(&edge.child_columns);
        }
    }
    (!owners.is_empty() && owners.len() <= MOST_OWNERS).then_some(owners)
}

/// Rows in which all of these columns have values.
async fn count(cuts: &mut Cuts, table: &TableRef, present: Vec<String>) -> Result<u64, SkillError> {
    let request = TallyRequest {
        table: table.clone(),
        columns: Vec::new(),
        present,
        limit: 1,
    };
    let tally = cut_of(cuts, table)?.tally(&request).await;
    Ok(tally.map_err(|error| store_failed(&error))?.rows)
}

/// `above`: by which reference to the table itself how many of these rows stand below another one.
fn finding(
    table: &TableRef,
    owners: &[&Vec<String>],
    (rows, all): (u64, u64),
    above: Option<(&Edge, u64)>,
    ownership: &Ownership,
) -> Finding {
    let owners: Vec<String> = owners
        .iter()
        .map(|columns| format!("({})", columns.join(", ")))
        .collect();
    let (says, none) = match owners.len() {
        1 => ("says", "it is empty"),
        _ => ("say", "all of them are empty"),
    };
    let mut message = format!(
        "{} {says} whose a row is, and in {rows} of {all} rows {none}: these come only if something that comes refers \
         to them",
        owners.join(", ")
    );
    let mut lines = Vec::new();
    if let Some((edge, below)) = above {
        let tree = reference(edge, &ownership.edges);
        message = format!(
            "{message}. {below} of them refer to another row of the table by ({}): as its tree they go with that one",
            edge.child_columns.join(", ")
        );
        lines = vec![table_heading(table), format!("tree = {tree}")];
    }
    Finding::warning("unowned-rows", table.to_string(), message, rows).with_lines(lines)
}
