//! Evaluates the closure of the district and asks it about one row.

use redistrict_closure::{Answer, Closure, ClosureError, Fetch, Members, Step, WhyNot, identities};
use redistrict_extract::Cuts;
use redistrict_model::{ExtractSection, Key, KeyRow, Membership, TableRef};
use redistrict_store::{KeyRequest, Selector};

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
    let identity = identities(&section.catalogs);
    let mut closure = Closure::new(&section.ownership, &identity, district).map_err(failed)?;
    loop {
        let fetches = closure.step().map_err(failed)?;
        if fetches.is_empty() {
            break;
        }
        for fetch in &fetches {
            session.cancel.check()?;
            see(cuts, &mut closure, fetch).await?;
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
            see(cuts, &mut closure, &fetch).await?
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
        return Ok(Found::Comes { how, chain, common });
    }
    loop {
        match closure.why_not(&asked.table, &key).map_err(failed)? {
            Answer::Known(why) => return Ok(Found::DoesNot { why, common }),
            Answer::Needs(fetches) => {
                for fetch in &fetches {
                    session.cancel.check()?;
                    see(cuts, &mut closure, fetch).await?;
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

async fn see(cuts: &mut Cuts, closure: &mut Closure, fetch: &Fetch) -> CommandResult<Vec<KeyRow>> {
    let request = KeyRequest {
        table: fetch.table.clone(),
        columns: fetch.columns.clone(),
        selector: Selector::Matching {
            columns: fetch.by.clone(),
            keys: fetch.keys.clone(),
        },
    };
    let cut = cuts.get_mut(&fetch.table.store).ok_or_else(|| {
        let message = format!("read {}: its store has no open cut", fetch.table);
        Failure::new(Exit::Unexpected, message)
    })?;
    let rows = cut.keys(&request).await?;
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
        "values are compared as texts: numbers without leading zeros, dates as 2031-01-31, uuids in lower case",
    )
}
