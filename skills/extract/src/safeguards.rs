//! What a person has to approve before a district goes on: more rows of a table than its `max_rows`, and hubs, of
//! which an unusually large share comes. Deciding is pure; counting is done by a unit that only looks, or beside
//! the extraction.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_closure::Members;
use redistrict_model::{
    ErrorKind, ExtractSection, ExtractTable, Finding, Phase, Role, TableRef, UnitKey,
};
use redistrict_skill::{ASKS, Progress, SkillError, UnitContext, UnitOutcome};
use redistrict_store::SourceStore;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::closure::{cut_of, district_key, store_failed};
use crate::evaluation::forecast;
use crate::skill::open_cuts;

/// The unit that looks whether somebody has to be asked before rows are read.
pub(crate) const LOOK: &str = "look";

/// A hub brings at least so many rows.
const HUB_ROWS: u64 = 1_000;
/// A hub brings at least such a share of its table, in percent.
const HUB_PERCENT: u64 = 50;

/// A table that is not the district's own and of which an unusually large share comes: somebody or something in it
/// ties the district to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    pub table: TableRef,
    /// Rows that come, and all that PROD has.
    pub rows: u64,
    pub of: u64,
    /// The share that comes of it, and of the district's own tables, in percent.
    pub percent: u64,
    pub usual_percent: u64,
}

/// How many rows come of a table: those with the district's label, and the other full ones.
pub type Coming = BTreeMap<TableRef, (u64, u64)>;

/// The rows that come, by table.
#[must_use]
pub fn coming(members: &Members) -> Coming {
    let rows = members.rows.iter();
    rows.map(|(table, rows)| (table.clone(), (rows.own_count(), rows.shared_count())))
        .collect()
}

/// The tables of which it has to be known how many rows PROD has, to tell [`hubs`]. None where no table brings
/// enough rows to be one.
#[must_use]
pub fn tables_to_count(section: &ExtractSection, coming: &Coming) -> Vec<TableRef> {
    let is_candidate =
        |(table, rows): &(&TableRef, &(u64, u64))| may_be_hub(section, table, **rows);
    if !coming.iter().any(|one| is_candidate(&one)) {
        return Vec::new();
    }
    let is_counted = |(table, rows): &(&TableRef, &(u64, u64))| {
        is_own(section, table, **rows) || may_be_hub(section, table, **rows)
    };
    let counted = coming.iter().filter(is_counted);
    counted.map(|(table, _)| table.clone()).collect()
}

/// The hubs, in the order of their tables: shared tables, reference tables and those that hang on these, of which
/// 1,000 rows or more come, at least half of all that PROD has, and at least twice the share that comes of the
/// district's own tables. Where the district is most of PROD nothing is unusual. `counts` has PROD's rows of
/// [`tables_to_count`].
#[must_use]
pub fn hubs(
    section: &ExtractSection,
    coming: &Coming,
    counts: &BTreeMap<TableRef, u64>,
) -> Vec<Hub> {
    let (mut own, mut own_of) = (0, 0);
    let mut shares = Vec::new();
    for (table, rows) in coming {
        let Some(of) = counts.get(table) else {
            continue;
        };
        if is_own(section, table, *rows) {
            own += rows.0;
            own_of += of;
        } else {
            shares.push((table.clone(), rows.1, *of));
        }
    }
    unusual(shares, (own, own_of))
}

fn is_own(section: &ExtractSection, table: &TableRef, (own, _): (u64, u64)) -> bool {
    let role = section.ownership.table(table).map(|role| role.role);
    own > 0 && role == Some(Role::Owned)
}

fn may_be_hub(section: &ExtractSection, table: &TableRef, rows: (u64, u64)) -> bool {
    rows.1 >= HUB_ROWS && !is_own(section, table, rows)
}

fn unusual(shares: Vec<(TableRef, u64, u64)>, (own, own_of): (u64, u64)) -> Vec<Hub> {
    let percent = |part: u64, whole: u64| {
        let share = u128::from(part) * 100 / u128::from(whole.max(1));
        u64::try_from(share).unwrap_or(100)
    };
    let usual_percent = percent(own, own_of);
    let hub = |(table, rows, of): (TableRef, u64, u64)| {
        let percent = percent(rows, of);
        let is_hub = percent >= HUB_PERCENT && percent >= 2 * usual_percent;
        is_hub.then_some(Hub {
            table,
            rows,
            of,
            percent,
            usual_percent,
        })
    };
    shares.into_iter().filter_map(hub).collect()
}

/// Why somebody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    /// More rows than `max_rows` of the configuration.
    MaxRows,
    /// A hub brings more rows than `[approvals] hub_rows`.
    Hub,
}

/// One thing to approve, as it stands in the facts of a unit. What is approved is a bound and not a count, so that
/// a row that is written to PROD meanwhile does not make the question another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ask {
    why: Why,
    table: TableRef,
    limit: u64,
    up_to: u64,
}

impl Ask {
    fn new(why: Why, table: &TableRef, limit: u64, rows: u64) -> Self {
        Self {
            why,
            table: table.clone(),
            limit,
            up_to: bound(rows),
        }
    }

    fn finding(&self, rows: u64) -> Finding {
        let Self { limit, up_to, .. } = self;
        let what = match self.why {
            Why::MaxRows => {
                format!("{rows} rows belong to the district, more than max_rows = {limit} allows")
            }
            Why::Hub => format!(
                "{rows} rows come of a table that is not the district's own, far more of it than of its own tables \
                 (hub_rows = {limit})"
            ),
        };
        let message = format!("{what}: up to {up_to} come once somebody approves");
        let code = match self.why {
            Why::MaxRows => "max-rows",
            Why::Hub => "hub",
        };
        Finding::warning(code, self.table.to_string(), message, rows)
    }
}

/// What is approved where so many rows are found: a tenth more, rounded up to two digits.
fn bound(rows: u64) -> u64 {
    let wanted = rows.saturating_add(rows / 10).saturating_add(1);
    let mut step = 1_u64;
    while wanted / step >= 100 {
        step *= 10;
    }
    wanted.div_ceil(step).saturating_mul(step)
}

fn over_limit(tables: &[ExtractTable], members: &Members) -> Vec<(Ask, u64)> {
    let over = |table: &ExtractTable| {
        let limit = table.max_rows?;
        let rows = members.table(&table.table).map_or(0, |rows| rows.count());
        (rows > limit).then(|| (Ask::new(Why::MaxRows, &table.table, limit, rows), rows))
    };
    tables.iter().filter_map(over).collect()
}

fn too_large(hubs: &[Hub], hub_rows: u64) -> Vec<(Ask, u64)> {
    let large = hubs.iter().filter(|hub| hub.rows > hub_rows);
    large
        .map(|hub| (Ask::new(Why::Hub, &hub.table, hub_rows, hub.rows), hub.rows))
        .collect()
}

/// Whether some table has a limit, so that it has to be looked before rows are read.
pub(crate) fn has_limits(section: &ExtractSection) -> bool {
    section.tables.iter().any(|table| table.max_rows.is_some())
}

/// Counts what would come, in cuts of its own, and says what somebody has to approve before it does. Writes
/// nothing.
///
/// # Errors
/// As the extraction.
pub(crate) async fn look(
    sources: &[Arc<dyn SourceStore>],
    unit: &UnitKey,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    let section = &context.plan.sections.extract;
    let district = district_key(context.plan.district.as_str(), &section.ownership.root_key);
    let mut cuts = open_cuts(sources, section).await?;
    let told = (context.clone(), unit.clone());
    let on_rows = move |rows_done| {
        let (context, unit) = &told;
        context.progress.progress(Progress {
            unit: unit.clone(),
            subject: "what would come".to_owned(),
            rows_done,
            rows_expected: None,
        });
        context.cancel.check()
    };
    let (members, refused) = forecast(section, &district, &mut cuts, on_rows).await?;
    if let Some(refused) = refused {
        return Err(refused);
    }
    let asks = over_limit(&section.tables, &members);
    Ok(UnitOutcome {
        findings: asks.iter().map(|(ask, rows)| ask.finding(*rows)).collect(),
        facts: json!({ ASKS: asks.iter().map(|(ask, _)| ask).collect::<Vec<_>>() }),
        ..UnitOutcome::default()
    })
}

/// The hubs of what was extracted that somebody has to approve before it goes on: the list for the facts, and a
/// warning for each.
pub(crate) fn asked_hubs(hubs: &[Hub], hub_rows: u64) -> (serde_json::Value, Vec<Finding>) {
    let asks = too_large(hubs, hub_rows);
    let findings = asks.iter().map(|(ask, rows)| ask.finding(*rows)).collect();
    (
        json!(asks.iter().map(|(ask, _)| ask).collect::<Vec<_>>()),
        findings,
    )
}

/// PROD's rows of these tables, by the open cuts.
///
/// # Errors
/// A failing store.
pub async fn counted(
    tables: Vec<TableRef>,
    cuts: &mut crate::closure::Cuts,
) -> Result<BTreeMap<TableRef, u64>, SkillError> {
    let mut counts = BTreeMap::new();
    for table in tables {
        let rows = cut_of(cuts, &table)?.count(&table).await;
        counts.insert(table, rows.map_err(|error| store_failed(&error))?);
    }
    Ok(counts)
}

/// Ends the extraction where more rows of a table come than its limit allows, or than were approved.
///
/// # Errors
/// Of kind `Config`, with what to do.
pub(crate) fn check(
    context: &UnitContext,
    table: &ExtractTable,
    rows: u64,
) -> Result<(), SkillError> {
    let Some(limit) = table.max_rows.filter(|limit| rows > *limit) else {
        return Ok(());
    };
    let look = context.outcomes.get(&UnitKey::new(Phase::Extraction, LOOK));
    let asks = look.and_then(|outcome| outcome.facts.get(ASKS)).cloned();
    let asks: Vec<Ask> = asks
        .and_then(|asks| serde_json::from_value(asks).ok())
        .unwrap_or_default();
    let approved = asks.iter().find(|ask| ask.table == table.table);
    if approved.is_some_and(|ask| rows <= ask.up_to) {
        return Ok(());
    }
    let allowed = match approved {
        Some(ask) => format!("{} were approved", ask.up_to),
        None => format!("max_rows = {limit} allows"),
    };
    let what = format!(
        "extract {}: {rows} or more rows belong to the district, more than {allowed}",
        table.table
    );
    Err(SkillError::new(ErrorKind::Config, what)
        .with_hint("rows came to PROD since they were counted: a new run counts again and asks"))
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", name)
    }

    #[test]
    fn a_hub_brings_half_of_its_table_and_twice_what_is_usual() {
        let shares = [
            (table("half"), 5_000, 10_000),
            (table("less"), 4_900, 10_000),
            (table("all"), 2_000, 2_000),
        ];
        let found = |own| -> Vec<String> {
            let hubs = unusual(shares.to_vec(), own);
            hubs.into_iter().map(|one| one.table.to_string()).collect()
        };
        assert_eq!(found((25, 100)), ["s.main.half", "s.main.all"]);
        assert_eq!(found((26, 100)), ["s.main.all"]);
        assert_eq!(found((60, 100)), Vec::<String>::new());
        assert_eq!(found((0, 0)), ["s.main.half", "s.main.all"]);
    }

    #[test]
    fn only_hubs_beyond_their_limit_ask() {
        let hubs = unusual(vec![(table("half"), 5_000, 10_000)], (0, 0));
        assert_eq!(too_large(&hubs, 4_999).len(), 1);
        assert!(too_large(&hubs, 5_000).is_empty());
    }

    #[test]
    fn what_is_approved_is_a_bound_that_a_few_rows_do_not_move() {
        assert_eq!(
            [0, 6, 100, 1_000, 123_456].map(bound),
            [1, 7, 120, 1_200, 140_000]
        );
        for rows in 0..20_000 {
            assert!(bound(rows) > rows);
        }
        assert_eq!(bound(u64::MAX), u64::MAX);
    }
}
