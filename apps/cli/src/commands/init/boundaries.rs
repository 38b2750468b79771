//! Which references lead from one district to another as PROD is now: what happens to them is a decision that
//! a plan would stop for. Looks at references straight to the tenant root; the others take a whole plan.

use std::collections::BTreeMap;

use redistrict_closure::{reference, table_heading};
use redistrict_model::{Edge, Finding, Ownership, TableRef};
use redistrict_store::{KeyRequest, Selector};

use crate::failure::CommandResult;
use crate::planning::Source;

/// Rows of a table that are looked at; of the root all are.
const SAMPLE: u32 = 10_000;

/// A finding for each table whose rows refer to two rows of the root, with the line that decides what becomes
/// of the reference to the second. Reads keys; they are compared and forgotten.
///
/// # Errors
/// A failing store.
pub(super) async fn open(source: &mut Source) -> CommandResult<Vec<Finding>> {
    let ownership = source.analysis.ownership.clone();
    let mut findings = Vec::new();
    for (child, edges) in direct(&ownership) {
        let is_root = *child == ownership.root;
        let (own, others) = if is_root {
            (ownership.root_key.clone(), edges.as_slice())
        } else {
            let Some((first, others)) = edges.split_first() else {
                continue;
            };
            (first.child_columns.clone(), others)
        };
        for other in others {
            let crossing = crossing(source, child, &own, &other.child_columns, is_root).await?;
            if crossing > 0 {
                let owner = owner_line(child, &edges, &ownership);
                findings.push(finding(other, &ownership.edges, owner, crossing));
            }
        }
    }
    Ok(findings)
}

/// The references to the root's key, by child; of an owned table the one that owns comes first.
fn direct(ownership: &Ownership) -> BTreeMap<&TableRef, Vec<&Edge>> {
    let mut direct: BTreeMap<&TableRef, Vec<&Edge>> = BTreeMap::new();
    for edge in &ownership.edges {
        let is_direct = edge.parent == ownership.root
            && edge.parent_columns == ownership.root_key
            && edge.when.is_empty()
            && edge.inside.is_none()
            && edge.policy.is_none();
        if is_direct {
            direct.entry(&edge.child).or_default().push(edge);
        }
    }
    for (child, edges) in &mut direct {
        let owners = ownership.table(child).map(|role| role.owners.as_slice());
        let place = |edge: &Edge| {
            let mut owners = owners.unwrap_or_default().iter();
            owners
                .position(|owner| owner.edge == edge.id)
                .unwrap_or(usize::MAX)
        };
        edges.sort_by_key(|edge| place(edge));
    }
    direct
}

/// Rows in which both are set and differ.
async fn crossing(
    source: &mut Source,
    table: &TableRef,
    own: &[String],
    other: &[String],
    is_root: bool,
) -> CommandResult<u64> {
    let Some(cut) = source.cuts.get_mut(&table.store) else {
        return Ok(0);
    };
    let request = KeyRequest {
        table: table.clone(),
        columns: [own, other].concat(),
        selector: if is_root {
            Selector::All
        } else {
            Selector::Sample { limit: SAMPLE }
        },
    };
    let rows = cut.keys(&request).await?;
    let crosses = |values: &[Option<Box<str>>]| {
        let (own, other) = values.split_at(own.len());
        values.iter().all(Option::is_some) && own != other
    };
    let crossing = rows.iter().filter(|row| crosses(&row.values)).count();
    Ok(crossing as u64)
}

/// Which of the references to the root owns a row, where they say different things and several of them may: a plan
/// asks for that, too.
fn owner_line(child: &TableRef, direct: &[&Edge], ownership: &Ownership) -> Option<String> {
    let owners = &ownership.table(child)?.owners;
    let owns = |edge: &&&Edge| owners.iter().any(|owner| owner.edge == edge.id);
    if direct.iter().filter(owns).count() < 2 {
        return None;
    }
    let mut all: Vec<String> = Vec::new();
    for owner in owners {
        let named = reference(ownership.edge(owner.edge), &ownership.edges);
        if !all.contains(&named) {
            all.push(named);
        }
    }
    Some(redistrict_closure::owner_line(&all))
}

fn finding(edge: &Edge, edges: &[Edge], owner: Option<String>, count: u64) -> Finding {
    let columns = edge.child_columns.join(", ");
    let of_many = if count == 1 { "a row" } else { "rows" };
    let message = format!(
        "({columns}) leads from {of_many} of one district to another district's: \
         what becomes of the reference?"
    );
    let policies = if edge.nullable_columns.is_empty() {
        "stub: its key and mandatory columns come; or exclude: the row stays behind"
    } else {
        "stub: its key and mandatory columns come, masked; or null: the reference is emptied"
    };
    let boundary = format!(
        "boundary = {{ {} = \"stub\" }}     # {policies}",
        reference(edge, edges)
    );
    let lines = std::iter::once(table_heading(&edge.child)).chain(owner);
    Finding::error("boundary", edge.child.to_string(), message, count)
        .with_lines(lines.chain([boundary]))
}
