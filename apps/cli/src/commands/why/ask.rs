//! Evaluates the closure of the district and asks it about one row.

use redistrict_closure::{
    Answer, Closure, ClosureError, Evaluable, Fetch, Items, Members, Step, WhyNot, evaluable,
    identities,
};
use redistrict_extract::{Cuts, item_requests, item_rows};
use redistrict_model::{ExtractSection, Key, KeyRow, Membership, TableRef};
use redistrict_store::{KeyRequest, Selector, SourceCut};

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::session::Session;

/// The row that was typed: some columns of a table, and their values.
pub(super) struct Asked {
    pub(super) table: TableRef,
    pub(super) by: Vec<String>,
    pub(super) values: Key,
    /// Its rows are not looked at: nobody may have the right to.
    pub(super) is_excluded: bool,
}

/// What there is to say.
pub(super) enum Found {
    Comes {
        how: Membership,
        /// From the row to the district's.
        chain: Vec<Step>,
        common: Common,
    },
    DoesNot {
        why: WhyNot,
        common: Common,
    },
}

/// What holds for either.
pub(super) struct Common {
    /// Rows that have the values.
    pub(super) matching: usize,
    /// Decisions that a migration would ask for.
    pub(super) open: usize,
}

/// Evaluates, finds the row, and asks.
pub(super) async fn ask(
    session: &Session,
    cuts: &mut Cuts,
    section: &ExtractSection,
    district: &Key,
    asked: &Asked,
) -> CommandResult<Found> {
    let made = evaluable(&section.ownership, &identities(&section.catalogs));
    let closure = Closure::new(&made.ownership, &made.identities, district);
    let mut closure = (closure.map_err(failed)?).describing(&section.ownership.edges);
    loop {
        let fetches = closure.step().map_err(failed)?;
        if fetches.is_empty() {
            break;
        }
        for fetch in &fetches {
            session.cancel.check()?;
            see(cuts, &mut closure, &made, fetch).await?;
        }
    }
    let members = closure.finish().map_err(failed)?;
    let open = members.stops.len() + members.undecided.len() + members.unknown.len();
    let rows = match asked.is_excluded {
        true => Vec::new(),
        false => {
            let fetch = closure
                .look_for(&asked.table, &asked.by, &asked.values)
                .map_err(failed)?;
            see(cuts, &mut closure, &made, &fetch).await?
        }
    };
    let common = Common {
        matching: rows.len(),
        open,
    };
    let Some(key) = first(&rows).or_else(|| asked.is_excluded.then(|| asked.values.clone())) else {
        return Err(no_such_row(asked));
    };
    if let Some(how) = membership(&members, &asked.table, &key) {
        let mut chain = closure.why(&asked.table, &key).ok_or_else(|| {
            let message = format!(
                "find the chain of references that brings a row of {}",
                asked.table
            );
            Failure::new(Exit::Unexpected, message)
        })?;
        chain.reverse();
        let chain = without_items(chain, &made);
        return Ok(Found::Comes { how, chain, common });
    }
    loop {
        match closure.why_not(&asked.table, &key).map_err(failed)? {
            Answer::Known(why) => return Ok(Found::DoesNot { why, common }),
            Answer::Needs(fetches) => {
                for fetch in &fetches {
                    session.cancel.check()?;
                    see(cuts, &mut closure, &made, fetch).await?;
                }
            }
        }
    }
}

fn first(rows: &[KeyRow]) -> Option<Key> {
    rows.iter().map(|row| &row.id).min().cloned()
}

fn membership(members: &Members, table: &TableRef, key: &Key) -> Option<Membership> {
    let rows = members.table(table)?;
    [
        (&rows.own, Membership::Own),
        (&rows.shared, Membership::Shared),
        (&rows.stubs, Membership::Stub),
    ]
    .into_iter()
    .find(|(keys, _)| keys.contains(key))
    .map(|(_, how)| how)
}

/// A chain of rows of tables: what stands inside of a value is told by the row that holds it.
fn without_items(mut chain: Vec<Step>, made: &Evaluable) -> Vec<Step> {
    let is_item = |step: &Step| made.items.iter().any(|items| items.table == step.table);
    for place in 1..chain.len() {
        if is_item(&chain[place]) {
            chain[place - 1].over.clear();
        }
    }
    chain.retain(|step| !is_item(step));
    chain
}

/// What stands in the values of rows.
async fn see_items(
    cuts: &mut Cuts,
    closure: &mut Closure,
    items: &Items,
    fetch: &Fetch,
) -> CommandResult<Vec<KeyRow>> {
    let mut found = Vec::new();
    for request in item_requests(items, fetch) {
        let rows = cut_of(cuts, &items.host)?.keys(&request).await?;
        found.extend(item_rows(items, fetch, &rows));
    }
    closure.absorb(fetch, &found).map_err(failed)?;
    Ok(found)
}

fn cut_of<'a>(cuts: &'a mut Cuts, table: &TableRef) -> CommandResult<&'a mut Box<dyn SourceCut>> {
    cuts.get_mut(&table.store).ok_or_else(|| {
        let message = format!("read {table}: its store has no open cut");
        Failure::new(Exit::Unexpected, message)
    })
}

async fn see(
    cuts: &mut Cuts,
    closure: &mut Closure,
    made: &Evaluable,
    fetch: &Fetch,
) -> CommandResult<Vec<KeyRow>> {
    if let Some(items) = made.items.iter().find(|one| one.table == fetch.table) {
        return see_items(cuts, closure, items, fetch).await;
    }
    let request = KeyRequest {
        table: fetch.table.clone(),
        columns: fetch.columns.clone(),
        selector: match fetch.by.is_empty() {
            true => Selector::All,
            false => Selector::Matching {
                columns: fetch.by.clone(),
                keys: fetch.keys.clone(),
            },
        },
    };
    let rows = cut_of(cuts, &fetch.table)?.keys(&request).await?;
    closure.absorb(fetch, &rows).map_err(failed)?;
    Ok(rows)
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn failed(error: ClosureError) -> Failure {
    let failure = Failure::new(Exit::of(error.kind(), None), error.to_string());
    match error {
        ClosureError::UnknownDistrict { .. } => {
            failure.with_hint("`redistrict select` lists the districts")
        }
        ClosureError::WrongKey { .. } => failure.with_hint("join its values by commas"),
        _ => failure,
    }
}

fn no_such_row(asked: &Asked) -> Failure {
    Failure::usage(format!(
        "find the row of {}: none has these values of ({})",
        asked.table,
        asked.by.join(", ")
    ))
    .with_hint(
        "texts are compared sign by sign, capitals and blanks too; dates are written as 2031-01-31",
    )
}
