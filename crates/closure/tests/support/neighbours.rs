//! Same district, fewer neighbours (docs/design/closure.md §9.11): the rows of a district are the same set,
//! whether its store holds others or not.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::Members;
use redistrict_model::{BoundaryPolicy, Key, Ownership, TableRef};

use super::brute::{Brute, Expected, Mistake, Where};
use super::compare::{Counts, EVALUATORS, check_references};
use super::random::Case;
use super::{Row, World};

/// Rows of a table by what stands in them: locators of rows without a key move.
type Contents<'a> = BTreeMap<TableRef, (Vec<&'a Row>, Vec<&'a Row>)>;

/// Takes away every row that is elsewhere, seen from the district, and evaluates again: with the same owners,
/// and with owners inferred and measured anew where these are the same.
pub(crate) fn check(
    case: &Case,
    ownership: &Ownership,
    brute: &Brute<'_>,
    district: &Key,
    counts: &mut Counts,
) -> Result<(), String> {
    if opens_rings(brute) {
        counts.alone_rings += 1;
        return Ok(());
    }
    let alone = without_others(&case.world, brute);
    let ownership = without_exclude(ownership);
    for (name, evaluate) in EVALUATORS {
        let among = evaluate(&case.world, &ownership, district, 0)?.members;
        let by_itself = evaluate(&alone, &ownership, district, 0)?.members;
        if let Some(what) = difference(&full(&case.world, &among), &full(&alone, &by_itself)) {
            return Err(format!("{name}: other rows without the neighbours: {what}"));
        }
    }
    counts.alone += 1;
    check_inferred(case, district, counts)
}

fn check_inferred(case: &Case, district: &Key, counts: &mut Counts) -> Result<(), String> {
    let owners = |ownership: &Ownership| -> Vec<_> {
        let tables = ownership.tables.iter();
        tables
            .map(|table| (table.role, table.owners.clone(), table.tier))
            .collect()
    };
    let ownership = without_exclude(&case.world.infer(&case.decisions).ownership);
    let brute = Brute::new(&case.world, &ownership, district);
    if opens_rings(&brute) {
        return Ok(());
    }
    let alone = without_others(&case.world, &brute);
    let anew = without_exclude(&alone.infer(&case.decisions).ownership);
    if owners(&anew) != owners(&ownership) {
        counts.alone_measured_otherwise += 1;
        return Ok(());
    }
    for (name, evaluate) in EVALUATORS {
        let among = evaluate(&case.world, &ownership, district, 0)?.members;
        let by_itself = evaluate(&alone, &anew, district, 0)?.members;
        if let Some(what) = difference(&full(&case.world, &among), &full(&alone, &by_itself)) {
            return Err(format!(
                "{name}: other rows without the neighbours, measured anew: {what}"
            ));
        }
    }
    counts.alone_inferred += 1;
    Ok(())
}

/// Somebody who does not ask where a person is known brings strangers. Whether in this world their foreign keys
/// hold, all labels are right, and only the fewer neighbours tell.
pub(crate) fn tells_what_labels_do_not(
    world: &World,
    ownership: &Ownership,
    brute: &Brute<'_>,
    district: &Key,
) -> bool {
    let ownership = without_exclude(ownership);
    let wrong =
        |world| Brute::with_mistake(world, &ownership, district, Some(Mistake::UsersIgnored));
    let reading = wrong(world);
    let found = reading.expected();
    let is_label_right = reading.all().into_iter().all(|at| {
        let name = reading.name(at);
        let is_full = found.own.contains(&name) || found.shared.contains(&name);
        !is_full || reading.label(at).is_none_or(|label| label == district)
    });
    let alone = without_others(world, brute);
    let found_alone = wrong(&alone).expected();
    is_label_right
        && check_references(world, &ownership, &found).is_ok()
        && of_expected(world, &found) != of_expected(&alone, &found_alone)
}

/// `exclude` takes out rows because of rows that are not there any more: stubs instead.
fn without_exclude(ownership: &Ownership) -> Ownership {
    let mut ownership = ownership.clone();
    for edge in &mut ownership.edges {
        if edge.policy == Some(BoundaryPolicy::Exclude) {
            edge.policy = Some(BoundaryPolicy::Stub);
        }
    }
    ownership
}

/// A row of a ring of owners is elsewhere. A ring is a finding, and its rows have no label; without one of them
/// it is none any more, and the others have the labels of their next owners.
fn opens_rings(brute: &Brute<'_>) -> bool {
    let mut rings = brute.rings.iter();
    rings.any(|at| brute.stands(*at) == Where::Other)
}

/// Rows of tables that are copied whole stay: by decision they come, whatever they hang on.
fn without_others(world: &World, brute: &Brute<'_>) -> World {
    let others: BTreeSet<*const Row> = brute
        .all()
        .into_iter()
        .filter(|at| !brute.is_whole(at.0) && brute.stands(*at) == Where::Other)
        .map(|at| std::ptr::from_ref(brute.row(at)))
        .collect();
    let mut alone = world.clone();
    for (table, rows) in &mut alone.rows {
        let kept = world.rows[table].iter();
        *rows = kept
            .filter(|row| !others.contains(&std::ptr::from_ref(*row)))
            .cloned()
            .collect();
    }
    alone
}

fn full<'a>(world: &'a World, members: &Members) -> Contents<'a> {
    let pick = |keys: &dyn Fn(&TableRef, &Key) -> bool, table: &TableRef| {
        let rows = world.rows[table].iter();
        let mut rows: Vec<&Row> = rows
            .filter(|row| keys(table, &world.identity_of(table, row)))
            .collect();
        rows.sort();
        rows
    };
    let own = |table: &TableRef, key: &Key| {
        let rows = members.table(table);
        rows.is_some_and(|rows| rows.own.contains(key))
    };
    let shared = |table: &TableRef, key: &Key| {
        let rows = members.table(table);
        rows.is_some_and(|rows| rows.shared.contains(key))
    };
    let tables = world.rows.keys();
    tables
        .map(|table| (table.clone(), (pick(&own, table), pick(&shared, table))))
        .collect()
}

/// The first table whose rows differ, with how many own and shared rows it has among neighbours and alone.
fn difference(among: &Contents<'_>, alone: &Contents<'_>) -> Option<String> {
    let count =
        |(own, shared): &(Vec<&Row>, Vec<&Row>)| format!("{} + {}", own.len(), shared.len());
    among.iter().find_map(|(table, rows)| {
        let others = &alone[table];
        let is_other = rows != others;
        is_other.then(|| format!("{table} {}, alone {}", count(rows), count(others)))
    })
}

fn of_expected<'a>(world: &'a World, found: &Expected) -> BTreeMap<TableRef, Vec<&'a Row>> {
    let tables = world.rows.iter();
    tables
        .map(|(table, rows)| {
            let mut rows: Vec<&Row> = rows
                .iter()
                .filter(|row| {
                    let name = (table.clone(), world.identity_of(table, row));
                    found.own.contains(&name) || found.shared.contains(&name)
                })
                .collect();
            rows.sort();
            (table.clone(), rows)
        })
        .collect()
}
