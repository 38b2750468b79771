//! What a plan has to be told by PROD beside its keys: how long rows are, how many rows tables have, and what
//! would be asked. Values are measured and forgotten.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::Members;
use redistrict_extract::{Cuts, Hub, district_key, open_cuts, tell_rows};
use redistrict_model::{ColumnType, Finding, Plan, TableRef};
use redistrict_store::{KeyRequest, Selector};

use crate::failure::CommandResult;
use crate::output::thousands;
use crate::planning::Source;
use crate::session::Session;
use crate::wire::Listings;

/// Rows that are looked at to tell how long they are.
const LOOKED_AT: u32 = 50;

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

/// Hubs: tables that are not the district's own and of which an unusually large share comes. A warning for each.
pub(super) async fn hubs(
    source: &mut Source,
    plan: &Plan,
    members: &Members,
) -> CommandResult<Vec<Finding>> {
    let section = &plan.sections.extract;
    let coming = redistrict_extract::coming(members);
    let tables = redistrict_extract::tables_to_count(section, &coming);
    let counts = redistrict_extract::counted(tables, &mut source.cuts).await?;
    let hubs = redistrict_extract::hubs(section, &coming, &counts);
    Ok(hubs.iter().map(hub).collect())
}

fn hub(hub: &Hub) -> Finding {
    let message = format!(
        "{} of its {} rows come ({} %), of the district's own tables {} %: see with `redistrict why` what brings \
         them, before it moves",
        thousands(hub.rows),
        thousands(hub.of),
        hub.percent,
        hub.usual_percent,
    );
    Finding::warning("hub", hub.table.to_string(), message, hub.rows)
}
