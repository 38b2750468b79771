//! What a plan has to be told by PROD beside its keys: how long rows are, how many rows tables have, and what
//! would be asked. Values are measured and forgotten.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::Members;
use redistrict_extract::{Cuts, district_key, open_cuts, tell_rows};
use redistrict_model::{ColumnType, Finding, Plan, Role, TableRef};
use redistrict_store::{KeyRequest, Selector};

use crate::failure::CommandResult;
use crate::output::thousands;
use crate::planning::Source;
use crate::session::Session;
use crate::wire::Listings;

/// Rows that are looked at to tell how long they are.
const LOOKED_AT: u32 = 50;
/// A hub brings at least so many rows.
const HUB_ROWS: u64 = 1_000;
/// A hub brings at least such a share of its table, in percent.
const HUB_PERCENT: u64 = 50;

/// What was measured.
#[derive(Default)]
pub(super) struct Measured {
    /// The mean length of a row's values as text.
    pub(super) bytes_per_row: BTreeMap<TableRef, u64>,
    /// What PROD would be sent for the rows of a table.
    pub(super) statements: BTreeMap<TableRef, String>,
    /// Tables that hold rows.
    pub(super) with_rows: BTreeSet<TableRef>,
}

/// Measures the rows of the tables of which some come.
pub(super) async fn lengths(
    source: &mut Source,
    plan: &Plan,
    members: &Members,
    measured: &mut Measured,
) -> CommandResult {
    let section = &plan.sections.extract;
    for table in &section.tables {
        let has_members = members
            .table(&table.table)
            .is_some_and(|one| one.count() > 0);
        let Some(catalog) = section.catalog_table(&table.table).filter(|_| has_members) else {
            continue;
        };
        let is_read = |name: &&String| {
            let column = catalog.column(name);
            column.is_some_and(|column| column.column_type != ColumnType::Bytes)
        };
        let request = KeyRequest {
            table: table.table.clone(),
            columns: table.columns.iter().filter(is_read).cloned().collect(),
            selector: Selector::Sample { limit: LOOKED_AT },
        };
        let Some(cut) = source.cuts.get_mut(&table.table.store) else {
            continue;
        };
        let rows = cut.keys(&request).await?;
        let values = rows.iter().flat_map(|row| row.values.iter().flatten());
        let length: u64 = values.map(|value| value.len() as u64).sum();
        let mean = length.div_ceil((rows.len() as u64).max(1));
        measured.bytes_per_row.insert(table.table.clone(), mean);
    }
    Ok(())
}

/// What PROD would be sent for the rows of each table, found out by asking sources that only tell it.
pub(super) async fn statements(
    session: &Session,
    plan: &Plan,
    measured: &mut Measured,
) -> CommandResult {
    let section = &plan.sections.extract;
    let (workspace, listings) = session.workspace()?.telling();
    let mut cuts: Cuts = open_cuts(&workspace.sources()?, section).await?;
    let district = district_key(plan.district.as_str(), &section.ownership.root_key);
    for (_, listing) in &listings {
        listing.take();
    }
    let told = |table: &TableRef| {
        if let Some(statement) = take(&listings, table).pop() {
            measured.statements.insert(table.clone(), statement);
        }
    };
    tell_rows(section, &district, &mut cuts, told).await?;
    Ok(())
}

fn take(listings: &Listings, table: &TableRef) -> Vec<String> {
    let of_store = listings.iter().filter(|(store, _)| *store == table.store);
    let told = of_store.flat_map(|(_, listing)| listing.take());
    told.map(|one| one.statement).collect()
}

/// Tables that are not the district's own and of which an unusually large share comes: somebody or something
/// in them ties the district to others.
///
/// A *hub* is a shared table, a reference table or one that hangs on these, of which 1,000 rows or more come, at
/// least half of all that PROD has, and at least twice the share that comes of the district's own tables. Where
/// the district is most of PROD, nothing is unusual.
pub(super) async fn hubs(
    source: &mut Source,
    plan: &Plan,
    members: &Members,
) -> CommandResult<Vec<Finding>> {
    let ownership = &plan.sections.extract.ownership;
    let role = |table: &TableRef| ownership.table(table).map(|role| role.role);
    let (mut own, mut own_of) = (0, 0);
    let mut shares: Vec<(TableRef, u64, u64)> = Vec::new();
    for (table, rows) in &members.rows {
        let [mine, others] = [rows.own_count(), rows.shared_count()];
        if mine == 0 && others < HUB_ROWS {
            continue;
        }
        let Some(cut) = source.cuts.get_mut(&table.store) else {
            continue;
        };
        if mine > 0 && role(table) == Some(Role::Owned) {
            own += mine;
            own_of += cut.count(table).await?;
        } else if others >= HUB_ROWS {
            shares.push((table.clone(), others, cut.count(table).await?));
        }
    }
    Ok(unusual(&shares, (own, own_of)))
}

fn unusual(shares: &[(TableRef, u64, u64)], (own, own_of): (u64, u64)) -> Vec<Finding> {
    let percent = |part: u64, whole: u64| {
        let share = u128::from(part) * 100 / u128::from(whole.max(1));
        u64::try_from(share).unwrap_or(100)
    };
    let usual = percent(own, own_of);
    let is_hub = |(_, rows, of): &&(TableRef, u64, u64)| {
        let share = percent(*rows, *of);
        share >= HUB_PERCENT && share >= 2 * usual
    };
    let hub = |(table, rows, of): &(TableRef, u64, u64)| {
        let message = format!(
            "{} of its {} rows come ({} %), of the district's own tables {usual} %: see with `redistrict why` what \
             brings them, before it moves",
            thousands(*rows),
            thousands(*of),
            percent(*rows, *of)
        );
        Finding::warning("hub", table.to_string(), message, *rows)
    };
    shares.iter().filter(is_hub).map(hub).collect()
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::*;

    #[test]
    fn a_hub_brings_half_of_its_table_and_twice_what_is_usual() {
        let table = |name: &str| TableRef::new(&StoreName::new("s"), "main", name);
        let shares = [
            (table("half"), 5_000, 10_000),
            (table("less"), 4_900, 10_000),
            (table("all"), 2_000, 2_000),
        ];
        let found = |own| -> Vec<String> {
            let hubs = unusual(&shares, own);
            hubs.into_iter().map(|one| one.subject).collect()
        };
        assert_eq!(found((25, 100)), ["s.main.half", "s.main.all"]);
        assert_eq!(found((26, 100)), ["s.main.all"]);
        assert_eq!(found((60, 100)), Vec::<String>::new());
        assert_eq!(found((0, 0)), ["s.main.half", "s.main.all"]);
    }
}
