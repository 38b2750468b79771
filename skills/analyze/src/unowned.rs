//! Rows that say of nobody whose they are: every reference that owns their table may be empty, and in these rows all
//! of them are. They stay behind without a word unless something that comes refers to them.

use std::collections::BTreeSet;

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
        let all = count(cuts, &role.table, Vec::new()).await?;
        let mut owned = 0;
        let mut not_owned = 0;
        // Rows with one of them or more: those with each, less those with both, and so on.
        for choice in 1_usize..1 << owners.len() {
            let chosen = owners
                .iter()
                .enumerate()
                .filter(|(at, _)| choice >> at & 1 == 1);
            let columns: BTreeSet<&String> = chosen.flat_map(|(_, columns)| *columns).collect();
            let rows = count(cuts, &role.table, columns.into_iter().cloned().collect()).await?;
            if choice.count_ones() % 2 == 1 {
                owned += rows;
            } else {
                not_owned += rows;
            }
        }
        let rows = (all + not_owned).saturating_sub(owned);
        if rows > 0 {
            findings.push(finding(&role.table, &owners, rows, all));
        }
    }
    findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(findings)
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

fn finding(table: &TableRef, owners: &[&Vec<String>], rows: u64, all: u64) -> Finding {
    let owners: Vec<String> = owners
        .iter()
        .map(|columns| format!("({})", columns.join(", ")))
        .collect();
    let (says, none) = match owners.len() {
        1 => ("says", "it is empty"),
        _ => ("say", "all of them are empty"),
    };
    let message = format!(
        "{} {says} whose a row is, and in {rows} of {all} rows {none}: these come only if something that comes refers \
         to them",
        owners.join(", ")
    );
    Finding::warning("unowned-rows", table.to_string(), message, rows)
}
